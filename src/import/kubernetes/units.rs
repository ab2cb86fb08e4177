//! Quantities as Kubernetes and its controllers write them.

use crate::engine::Span;

/// The most pods of a scenario.
pub(super) const MOST_PODS: u64 = 1_000;

/// Cores: `250m`, `0.5`, `2`; not more than machines have.
pub(super) fn cores(text: &str) -> Option<f64> {
    let cores = match text.strip_suffix('m') {
        Some(milli) => milli.parse::<f64>().ok()? / 1000.0,
        None => text.parse::<f64>().ok()?,
    };
    (0.001..=1024.0).contains(&cores).then_some(cores)
}

/// Bytes: `256Mi`, `1G`, `128974848`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 9] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("m", 1e-3),
    ];
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, *factor)))
        .unwrap_or((text, 1.0));
    let bytes = number.parse::<f64>().ok()? * factor;
    (bytes.is_finite() && (1.0..1e15).contains(&bytes)).then_some(bytes as u64)
}

/// Bytes as scenarios write them: with a unit, in whole `Ki` where no unit fits.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("Gi", 1 << 30), ("Mi", 1 << 20), ("G", 1_000_000_000), ("M", 1_000_000), ("Ki", 1 << 10)];
    let (unit, of) = UNITS.into_iter().find(|(_, of)| bytes.is_multiple_of(*of)).unwrap_or(("Ki", 1 << 10));
    format!("{}{unit}", bytes / of)
}

/// A duration with a unit, or a number of seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) => (number.is_finite() && number >= 0.0).then_some(number),
        Err(_) => Some(text.parse::<Span>().ok()?.as_secs_f64()),
    }
}

/// A whole number of seconds, or of something else, as a span of seconds.
pub(super) fn span(seconds: u64) -> String {
    Span::from_secs(seconds.min(1_000_000_000)).to_string()
}

/// A number of pods, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CountOrShare {
    Count(u64),
    /// In per cent.
    Share(u64),
}

impl CountOrShare {
    /// Reads `1` or `25%`; the API has numbers of 32 bits.
    pub fn parse(text: &str) -> Option<CountOrShare> {
        let number = |text: &str| text.parse().ok().filter(|n| *n <= i32::MAX as u64);
        match text.trim().strip_suffix('%') {
            Some(share) => number(share).map(CountOrShare::Share),
            None => number(text.trim()).map(CountOrShare::Count),
        }
    }
    pub fn is_zero(self) -> bool {
        matches!(self, CountOrShare::Count(0) | CountOrShare::Share(0))
    }
    /// The same, at most so many pods and at most all of them.
    pub fn within(self, pods: u64) -> CountOrShare {
        match self {
            CountOrShare::Count(n) => CountOrShare::Count(n.min(pods)),
            CountOrShare::Share(percent) => CountOrShare::Share(percent.min(100)),
        }
    }
    /// Of so many pods, rounded up.
    pub fn of(self, pods: u64) -> u64 {
        match self {
            CountOrShare::Count(n) => n,
            CountOrShare::Share(percent) => pods.saturating_mul(percent).div_ceil(100),
        }
    }
}

impl std::fmt::Display for CountOrShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CountOrShare::Count(n) => write!(f, "{n}"),
            CountOrShare::Share(percent) => write!(f, "{percent}%"),
        }
    }
}

/// A number of a metric as Kubernetes writes it: `20`, `1500m`, `2k`.
pub(super) fn amount(text: &str) -> Option<f64> {
    let (number, factor) = [("m", 1e-3), ("k", 1e3), ("M", 1e6)]
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, *factor)))
        .unwrap_or((text, 1.0));
    Some(number.parse::<f64>().ok()? * factor)
}

/// How long the `sleep` commands of a hook take together: `["sh", "-c", "sleep 10"]`, `["sleep", "15s"]`.
pub(super) fn sleeps(words: &str) -> Option<u64> {
    let mut tokens = words.split(|c: char| c.is_whitespace() || ";&|\"'()".contains(c)).filter(|t| !t.is_empty());
    let mut total = None;
    while let Some(token) = tokens.next() {
        if token != "sleep" && !token.ends_with("/sleep") {
            continue;
        }
        let Some(time) = tokens.next() else { break };
        let (number, factor) = match time.chars().last() {
            Some('s') => (&time[..time.len() - 1], 1.0),
            Some('m') => (&time[..time.len() - 1], 60.0),
            Some('h') => (&time[..time.len() - 1], 3600.0),
            _ => (time, 1.0),
        };
        if let Ok(n) = number.parse::<f64>()
            && (0.0..1e9).contains(&n)
        {
            total = Some(total.unwrap_or(0) + libm::ceil(n * factor) as u64);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_kubernetes() {
        assert_eq!(["250m", "2", "0.5", "x", "0"].map(cores), [Some(0.25), Some(2.0), Some(0.5), None, None]);
        assert_eq!(bytes("256Mi").map(size).as_deref(), Some("256Mi"));
        assert_eq!(bytes("1G"), Some(1_000_000_000));
        assert_eq!([1_000_000_000, 500_000_000, 1 << 16, 123_456_789].map(size), ["1G", "500M", "64Ki", "120563Ki"]);
        assert_eq!(["3600s", "1h", "60", "x"].map(seconds), [Some(3600.0), Some(3600.0), Some(60.0), None]);
        assert_eq!(sleeps("/bin/sh -c sleep 10"), Some(10));
        assert_eq!(sleeps("sh -c 'nginx -s quit; sleep 1.5m && sleep 2'"), Some(92));
        assert_eq!(sleeps("echo sleepy"), None);
    }
}
