//! What it brings that all variants run with the same random numbers.

use super::number::{fixed, places_for};
use crate::metrics::{FigureId, HEADLINE, Study, VariantReport};

/// With fewer runs nothing is said of correlations.
pub(super) const FEWEST: u32 = 10;

/// Correlation with the baseline, and how many runs with random numbers of their own one run is worth: of one figure of one variant.
#[derive(Clone, Copy)]
pub(super) struct Worth {
    pub(super) correlation: f64,
    pub(super) gain: f64,
}

impl Worth {
    /// `None` where the figure does not vary, or there is nothing to pair it with.
    pub(super) fn of(variant: &VariantReport, figure: &str) -> Option<Worth> {
        let pairing = variant.figure(figure)?.pairing?;
        Some(Worth { correlation: pairing.correlation?, gain: pairing.gain? })
    }
    /// `0.93, 12 ×`.
    pub(super) fn text(self) -> String {
        format!("{}, {} ×", fixed(self.correlation, 2), short(self.gain))
    }
}

/// In a sentence, over the headline figures of all variants; empty where nothing is paired.
pub(super) fn sentence(study: &Study) -> String {
    let all = || study.variants.iter().flat_map(|variant| HEADLINE.iter().filter_map(|id| Worth::of(variant, id)));
    let (correlations, gains) = (sorted(all().map(|worth| worth.correlation)), sorted(all().map(|worth| worth.gain)));
    // two pairs always lie on a line, and a few nearly do
    if study.replications < FEWEST {
        return String::new();
    }
    let ([least, .., most], [smallest, .., largest]) = (&correlations[..], &gains[..]) else { return String::new() };
    let against = gains.iter().filter(|gain| **gain < 1.0).count();
    let but = match against {
        0 => String::new(),
        _ => format!("; below 1, pairing costs runs: {against} of {} values", gains.len()),
    };
    format!(
        "Run by run, values correlate with those of {} by {} to {} (median {}); with random numbers of their own, differences would need \
         {} to {} times as many runs (median {}{but}).",
        study.variants.get(study.baseline).map_or("the baseline", |variant| variant.name.as_str()),
        fixed(*least, 2),
        fixed(*most, 2),
        fixed(correlations[correlations.len() / 2], 2),
        short(*smallest),
        short(*largest),
        short(gains[gains.len() / 2]),
    )
}

/// A row for each headline figure that is paired with the baseline's, and a cell for each variant.
pub(super) fn table(study: &Study) -> Vec<(FigureId, Vec<Option<Worth>>)> {
    let rows = HEADLINE.into_iter().filter_map(|id| {
        let cells: Vec<Option<Worth>> = study.variants.iter().map(|variant| Worth::of(variant, id)).collect();
        cells.iter().any(Option::is_some).then(|| (id.parse().expect("headline figures exist"), cells))
    });
    rows.collect()
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Two significant digits.
fn short(gain: f64) -> String {
    fixed(gain, places_for(gain, 2).max(0))
}
