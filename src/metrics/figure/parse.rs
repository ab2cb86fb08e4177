//! Names of figures, read.

use std::str::FromStr;

use super::{Family, FigureId, Stat};

/// Why a text names no figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseFigureError {
    /// Nobody knows it.
    #[error("`{0}` is not a figure")]
    Unknown(String),
    /// A distribution without a statistic.
    #[error("`{0}` is a distribution; say which figure of it, for example `p99 {0}` or `mean {0}`")]
    NeedsStat(String),
    /// A statistic of something that is one number.
    #[error("`{0}` is one number; it has no percentiles")]
    NoStat(String),
}

impl FromStr for FigureId {
    type Err = ParseFigureError;

    /// Reads `event.latency.p99`, `p99 event.latency`, `mean event.latency`, `max event.latency` or `redis.copies`.
    fn from_str(text: &str) -> Result<FigureId, ParseFigureError> {
        let text = text.trim();
        let (name, stat) = match text.split_once(char::is_whitespace) {
            Some((stat, name)) => (name.trim(), Some(stat)),
            None => match (Family::named(text), text.split_once(".p"), word_at_end(text)) {
                (Some(_), _, _) => (text, None),
                (None, _, Some((name, word))) => (name, Some(word)),
                (None, Some(_), None) => {
                    let at = text.rfind(".p").filter(|&at| text[at + 2..].starts_with(|c: char| c.is_ascii_digit()));
                    match at.or_else(|| percentile_with_point(text)) {
                        Some(at) => (&text[..at], Some(&text[at + 1..])),
                        None => (text, None),
                    }
                }
                (None, None, None) => (text, None),
            },
        };
        let unknown = || ParseFigureError::Unknown(text.to_owned());
        let family = Family::named(name).ok_or_else(unknown)?;
        let stat = match stat {
            None => None,
            Some("mean") => Some(Stat::Mean),
            Some("max") => Some(Stat::Max),
            Some(stat) => {
                let p: f64 = stat.strip_prefix('p').and_then(|p| p.parse().ok()).ok_or_else(unknown)?;
                if !(p > 0.0 && p < 100.0) {
                    return Err(unknown());
                }
                Some(Stat::Percentile(p))
            }
        };
        match (family.is_distribution(), stat) {
            (true, None) => Err(ParseFigureError::NeedsStat(name.to_owned())),
            (false, Some(_)) => Err(ParseFigureError::NoStat(name.to_owned())),
            _ => Ok(FigureId { family, stat }),
        }
    }
}

/// Family and statistic of `….mean` and `….max`.
fn word_at_end(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once('.').filter(|(_, word)| ["mean", "max"].contains(word))
}

/// Position of the `.p` in `….p99.9`.
fn percentile_with_point(text: &str) -> Option<usize> {
    text.match_indices(".p").map(|(at, _)| at).find(|&at| text[at + 2..].parse::<f64>().is_ok())
}
