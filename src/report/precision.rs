//! How well figures are known, and which are not told at all.

use std::collections::BTreeMap;

use super::number::{count_of, percent};
use crate::metrics::{Estimate, FigureId, HEADLINE, Precision, Study, TooFew};

/// What a table shows in the place of a percentile that is not told.
pub(super) const TOO_FEW: &str = "too few";

/// Why there are so many runs; empty where their number was given.
pub(super) fn sentence(study: &Study) -> String {
    let Some(precision) = &study.precision else { return String::new() };
    let runs = count_of(u64::from(study.replications), "run");
    let wanted = percent(precision.wanted);
    if precision.is_reached() {
        return format!(
            "After {runs} every headline figure, and what is expected, is known to ±{wanted}; shares at least to ±{} percentage points.",
            Precision::SMALLEST_SHARE * 100.0
        );
    }
    let events: u64 = study.variants.iter().map(|variant| variant.events).sum();
    let most =
        if events >= Precision::MOST_EVENTS { "more would take long (`-r` does)" } else { "the most there may be" };
    let known = least(precision, study.variants.len() > 1);
    format!("After {runs}, {most}, not every figure is known to ±{wanted}: {known}.")
}

/// Which figure is known least, and how well: `failed connects of cookie to ±6.05 %`.
pub(super) fn least(precision: &Precision, has_variants: bool) -> String {
    let whose = if has_variants { format!(" of {}", precision.variant) } else { String::new() };
    let reached =
        precision.reached.map_or_else(|| "not at all".to_owned(), |reached| format!("to ±{}", percent(reached)));
    format!("{}{whose} {reached}", title(&precision.figure))
}

/// Of how many runs a value is, where not all of them had any of it.
pub(super) fn fewer(study: &Study, value: &Estimate) -> Option<u32> {
    Some(value.replications).filter(|&runs| runs < study.replications)
}

/// Whether that is so of a headline figure.
pub(super) fn has_fewer(study: &Study) -> bool {
    let figures = study.variants.iter().flat_map(|variant| HEADLINE.iter().filter_map(|id| variant.figure(id)));
    figures.map(|figure| &figure.value).any(|value| fewer(study, value).is_some())
}

/// The percentiles of headlines that are not told, and why; empty where all are.
pub(super) fn missing(study: &Study) -> String {
    let mut of_figures: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for variant in &study.variants {
        for too_few in &variant.too_few {
            let Some(position) = HEADLINE.iter().position(|id| *id == too_few.id) else { continue };
            of_figures
                .entry(position)
                .or_default()
                .push(format!("{} {} of {}", variant.name, too_few.beyond, too_few.wanted));
        }
    }
    if of_figures.is_empty() {
        return String::new();
    }
    let figures = of_figures
        .iter()
        .map(|(position, variants)| format!("{} ({})", title(HEADLINE[*position]), variants.join(", ")));
    format!(
        "`{TOO_FEW}`: so few samples lie beyond the percentile that it is not told; longer runs would. Beyond {}.",
        figures.collect::<Vec<_>>().join(", ")
    )
}

/// Why nothing is said of a percentile.
pub(super) fn too_few(too_few: &TooFew) -> String {
    let TooFew { beyond, wanted, .. } = too_few;
    let help =
        if *wanted > TooFew::BEYOND { "longer runs would help" } else { "longer runs would help, or more of them" };
    format!("only {beyond} samples lie beyond it, and {wanted} would tell; {help}")
}

fn title(id: &str) -> String {
    id.parse::<FigureId>().map_or_else(|_| id.to_owned(), |figure| figure.title())
}
