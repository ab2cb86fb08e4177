//! One figure of all variants: the row that terminal, page and tables share.

use super::number::Scale;
use super::precision::TOO_FEW;
use crate::metrics::{Estimate, FigureId, FigureReport, Study, VariantReport};

/// One figure of all variants, in one unit.
pub(super) struct Row<'a> {
    /// Which figure.
    pub(super) figure: FigureId,
    /// Its name, such as `event.latency.p99`.
    pub(super) id: String,
    /// How its values are shown.
    pub(super) scale: Scale,
    /// One per variant; `None` where the variant has nothing of it, or too little.
    pub(super) cells: Vec<Option<&'a FigureReport>>,
    /// What stands in the place of each that is `None`.
    pub(super) blanks: Vec<&'static str>,
}

impl<'a> Row<'a> {
    /// The row of the figure called `id`; `None` when no variant has it.
    pub(super) fn find(study: &'a Study, id: &str) -> Option<Row<'a>> {
        let figure: FigureId = id.parse().ok()?;
        let cells: Vec<_> = study.variants.iter().map(|variant| variant.figure(id)).collect();
        cells.iter().any(Option::is_some).then(|| {
            let means = cells.iter().flatten().map(|cell| cell.value.mean);
            let scale = Scale::fitting(figure.family().unit, means);
            let is_too_few = |variant: &VariantReport| variant.too_few.iter().any(|too_few| too_few.id == id);
            let blanks = study.variants.iter().map(|variant| if is_too_few(variant) { TOO_FEW } else { "–" });
            Row { figure, id: id.to_owned(), scale, cells, blanks: blanks.collect() }
        })
    }

    /// Title with unit, such as `event latency p99 (ms)`.
    pub(super) fn title(&self) -> String {
        match self.scale.unit {
            "" => self.figure.title(),
            unit => format!("{} ({unit})", self.figure.title()),
        }
    }

    /// (position of the variant, value) of those that have it.
    pub(super) fn values(&self) -> impl Iterator<Item = (usize, &'a Estimate)> + '_ {
        self.cells.iter().enumerate().filter_map(|(i, cell)| cell.map(|cell| (i, &cell.value)))
    }

    /// The variants with the smallest and the largest mean.
    pub(super) fn extremes(&self) -> Option<(usize, usize)> {
        let by_mean = |a: &(usize, &Estimate), b: &(usize, &Estimate)| a.1.mean.total_cmp(&b.1.mean);
        Some((self.values().min_by(by_mean)?.0, self.values().max_by(by_mean)?.0))
    }
}

/// Heading under which a figure stands.
pub(super) fn group(id: &str) -> &'static str {
    match id.split('.').next().unwrap_or_default() {
        "event" => "Events",
        "request" | "requests" => "API requests",
        "cache" | "database" => "Caches and database",
        "redis" => "Redis",
        "load" | "n_eff" => "Load on the pods",
        "stickiness" | "sessions" | "cookies" => "Stickiness",
        "connections" | "connect" | "offline" | "session" => "Connections",
        "messages" | "lost" | "acks" | "recovery" => "Messages",
        "price" => "Price",
        _ => "Limits",
    }
}
