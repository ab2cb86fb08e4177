//! What a paired difference allows to say, and what it does not.

use super::number::is_zero;
use crate::metrics::{Better, Estimate, FigureReport};

/// A difference that is as likely as this by chance is none.
const SIGNIFICANCE: f64 = 0.05;

/// What a paired difference to the baseline says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Equal in every single replication.
    Identical,
    /// The 95 % interval of the difference contains 0, or would if it were made for as many variants as there are.
    NoDifference,
    /// It lies above 0.
    Higher(Verdict),
    /// It lies below 0.
    Lower(Verdict),
    /// There is one replication, hence no interval: nothing can be said.
    Untested,
}

/// Whether a change is for the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// For the better.
    Better,
    /// For the worse.
    Worse,
    /// The figure is a fact, neither good nor bad.
    Fact,
}

impl Finding {
    /// Reads a paired difference.
    pub(super) fn of(difference: &Estimate, better: Better) -> Finding {
        if difference.min == 0.0 && difference.max == 0.0 {
            return Finding::Identical;
        }
        let Some(half) = difference.half_width else { return Finding::Untested };
        if difference.mean.abs() <= half {
            return Finding::NoDifference;
        }
        debug_assert!(half >= 0.0 && (half > 0.0 || is_zero(half, difference.mean)));
        if difference.mean > 0.0 {
            Finding::Higher(judge(better, Better::Higher))
        } else {
            Finding::Lower(judge(better, Better::Lower))
        }
    }

    /// Of a figure; `None` for the baseline itself.
    pub(super) fn of_figure(figure: &FigureReport) -> Option<Finding> {
        Finding::of_figure_as(figure, figure.figure().family().better)
    }

    /// The same where somebody wants more or less of it.
    pub(super) fn of_figure_as(figure: &FigureReport, better: Better) -> Option<Finding> {
        let p_value = figure.pairing.map(|pairing| pairing.p_value);
        Some(Finding::tested(figure.difference.as_ref()?, better, p_value))
    }

    /// Reads a difference with its p-value, if it has one.
    pub(super) fn tested(difference: &Estimate, better: Better, p_value: Option<f64>) -> Finding {
        let found = Finding::of(difference, better);
        let by_chance = p_value.is_some_and(|p_value| p_value >= SIGNIFICANCE);
        if found.is_change() && by_chance { Finding::NoDifference } else { found }
    }

    /// One sign for narrow tables; [`Finding::word`] says the same.
    pub(super) const fn sign(self) -> char {
        match self {
            Finding::Identical => '=',
            Finding::NoDifference => '~',
            Finding::Untested => '?',
            Finding::Higher(Verdict::Better) | Finding::Lower(Verdict::Better) => '✓',
            Finding::Higher(Verdict::Worse) | Finding::Lower(Verdict::Worse) => '✗',
            Finding::Higher(Verdict::Fact) | Finding::Lower(Verdict::Fact) => '≠',
        }
    }

    /// In words.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Finding::Identical => "identical",
            Finding::NoDifference => "no difference found at this precision",
            Finding::Untested => "one run: not tested",
            Finding::Higher(Verdict::Better) => "▲ higher, better",
            Finding::Higher(Verdict::Worse) => "▲ higher, worse",
            Finding::Higher(Verdict::Fact) => "▲ higher",
            Finding::Lower(Verdict::Better) => "▼ lower, better",
            Finding::Lower(Verdict::Worse) => "▼ lower, worse",
            Finding::Lower(Verdict::Fact) => "▼ lower",
        }
    }

    /// In fewer words, where the baseline is named nearby.
    pub(super) const fn short(self) -> &'static str {
        match self {
            Finding::NoDifference => "no difference found",
            Finding::Untested => "one run",
            other => other.word(),
        }
    }

    /// Class in the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Finding::Identical | Finding::NoDifference | Finding::Untested => "same",
            Finding::Higher(Verdict::Better) | Finding::Lower(Verdict::Better) => "better",
            Finding::Higher(Verdict::Worse) | Finding::Lower(Verdict::Worse) => "worse",
            Finding::Higher(Verdict::Fact) | Finding::Lower(Verdict::Fact) => "fact",
        }
    }

    /// True for a change for the worse.
    pub(super) const fn is_worse(self) -> bool {
        matches!(self, Finding::Higher(Verdict::Worse) | Finding::Lower(Verdict::Worse))
    }

    /// True for a change for the better.
    pub(super) const fn is_better(self) -> bool {
        matches!(self, Finding::Higher(Verdict::Better) | Finding::Lower(Verdict::Better))
    }

    /// True when there is a difference.
    pub(super) const fn is_change(self) -> bool {
        matches!(self, Finding::Higher(_) | Finding::Lower(_))
    }
}

fn judge(better: Better, direction: Better) -> Verdict {
    match better {
        Better::Neither => Verdict::Fact,
        better if better == direction => Verdict::Better,
        _ => Verdict::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(mean: f64, half_width: Option<f64>) -> Estimate {
        Estimate { mean, half_width, min: mean, max: mean, replications: 2 }
    }

    #[test]
    fn an_interval_that_contains_zero_is_no_difference() {
        assert_eq!(Finding::of(&difference(1.0, Some(1.0)), Better::Lower), Finding::NoDifference);
        assert_eq!(Finding::of(&difference(1.1, Some(1.0)), Better::Lower), Finding::Higher(Verdict::Worse));
        assert_eq!(Finding::of(&difference(-1.1, Some(1.0)), Better::Lower), Finding::Lower(Verdict::Better));
        assert_eq!(Finding::of(&difference(1.1, Some(0.0)), Better::Neither), Finding::Higher(Verdict::Fact));
    }

    #[test]
    fn one_run_proves_only_identity() {
        assert_eq!(Finding::of(&difference(1.0, None), Better::Lower), Finding::Untested);
        assert_eq!(Finding::of(&difference(0.0, None), Better::Lower), Finding::Identical);
    }
}
