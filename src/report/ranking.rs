//! The variants in their order, and what each is paid with.

use super::number::Scale;
use super::rows::Row;
use crate::metrics::{Better, FigureReport, Study, VariantReport};
use crate::study::{Ranked, Ranking, ranking};

/// What stands beside each rank: name of the figure, and its heading in narrow tables.
pub(super) const PAID: [(&str, &str); 6] = [
    ("price.month", "a month"),
    ("pods.mean", "pods"),
    ("redis.commands", "Redis cmds"),
    ("redis.copies", "Redis copies"),
    ("load.connections.max_over_mean", "max/mean"),
    ("lost.messages", "lost"),
];

/// A ranking with what is shown of it.
pub(super) struct Reading<'a> {
    pub(super) study: &'a Study,
    pub(super) ranking: Ranking,
    /// The figure ranked by, and then what it is paid with: heading and row.
    pub(super) columns: Vec<(String, Row<'a>)>,
}

impl<'a> Reading<'a> {
    /// `None` where there is nothing to rank.
    pub(super) fn of(study: &'a Study) -> Option<Reading<'a>> {
        let ranking = ranking(study)?;
        let by = Row::find(study, &ranking.by.to_string())?;
        let mut columns = vec![(by.figure.title(), by)];
        for (id, heading) in PAID {
            let Some(row) = Row::find(study, id) else { continue };
            let is_priced = columns.iter().any(|(_, row)| row.id == "price.month");
            let is_nothing = row.values().all(|(_, value)| value.mean == 0.0);
            if columns[0].1.id == id || is_nothing || (is_priced && id == "pods.mean") {
                continue;
            }
            columns.push((titled(study, id, heading), row));
        }
        Some(Reading { study, ranking, columns })
    }

    /// The variant of a place.
    pub(super) fn variant(&self, place: &Ranked) -> &'a VariantReport {
        &self.study.variants[place.variant]
    }

    /// How it was made, in a sentence or two.
    pub(super) fn method(&self) -> String {
        let direction = if self.ranking.by.family().better == Better::Higher { "higher" } else { "lower" };
        let title = self.ranking.by.title();
        if self.study.replications < 2 {
            return format!(
                "by expectations that fail, and then {title} ({direction} is better), of which one run says nothing."
            );
        }
        let n = self.study.variants.len();
        format!(
            "by expectations that fail, then {title} ({direction} is better), then price. A rank is shared where no difference of 2 % or more is \
             found at this precision (run by run; {}).",
            if n == 2 { "one pair".to_owned() } else { format!("Holm over all {} pairs", n * (n - 1) / 2) }
        )
    }
}

/// A heading; that of prices says the currency.
pub(super) fn titled(study: &Study, id: &str, heading: &str) -> String {
    match (&study.currency, id) {
        (Some(currency), "price.month") => format!("{currency} {heading}"),
        (None, "price.month") => format!("price {heading}"),
        _ => heading.to_owned(),
    }
}

/// A value in few digits, with its unit.
pub(super) fn brief(scale: &Scale, figure: Option<&FigureReport>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| scale.show_brief(&figure.value))
}

/// `1 fails`.
pub(super) fn failed(n: usize) -> String {
    match n {
        0 => "all hold".to_owned(),
        1 => "1 fails".to_owned(),
        n => format!("{n} fail"),
    }
}

/// Whether anything is expected of any variant.
pub(super) fn expects(study: &Study) -> bool {
    study.variants.iter().any(|variant| !variant.expectations.is_empty())
}
