//! Draws: clients of the bodies, and whether two distributions are the same.

use statrs::distribution::{ChiSquared, ContinuousCDF};
use stickysim::engine::{Seed, Stream};

use super::subject::{Ask, Step, Subject};

/// Numbers for a body, the same in every run.
pub fn stream(body: u64) -> Stream {
    Seed(7).stream(2, 1, body)
}

/// So many addresses, every fourth one of IPv6.
pub fn addresses(count: usize, stream: &mut Stream) -> Vec<String> {
    (0..count)
        .map(|n| {
            if n % 4 == 3 {
                let [a, b, c] = [0; 3].map(|_: u64| stream.below(1 << 16));
                return format!("2001:db8:{a:x}::{b:x}:{c:x}");
            }
            let octets = [stream.below(223) + 1, stream.below(256), stream.below(256), stream.below(256)];
            octets.map(|octet| octet.to_string()).join(".")
        })
        .collect()
}

/// So many requests of nobody in particular.
pub fn asks(count: usize) -> Vec<Step> {
    vec![Step::Ask(Ask::from("192.0.2.1")); count]
}

/// Tunnels that come and go in an order of their own, and requests in between; `opens` is the request of the n-th tunnel.
pub fn tunnels(count: usize, body: u64, opens: impl Fn(usize) -> Ask) -> Vec<Step> {
    let mut stream = stream(body);
    let (mut steps, mut open, mut opened) = (Vec::new(), Vec::new(), 0);
    for _ in 0..count {
        match stream.below(5) {
            0 | 1 if !open.is_empty() => {
                steps.push(Step::Close(open.swap_remove(stream.below(open.len() as u64) as usize)));
            }
            2 => steps.extend(asks(1)),
            _ => {
                steps.push(Step::Open(opens(opened)));
                open.push(opened);
                opened += 1;
            }
        }
    }
    steps
}

/// Whether two counts are of the same distribution: a χ² test of homogeneity at 99.99 %.
pub fn alike(one: &[u64], other: &[u64]) -> bool {
    let totals = [one, other].map(|counts| counts.iter().sum::<u64>() as f64);
    let (mut statistic, mut classes) = (0.0, 0_u32);
    for (&a, &b) in one.iter().zip(other) {
        let both = (a + b) as f64;
        if both == 0.0 {
            continue;
        }
        classes += 1;
        for (count, total) in [(a, totals[0]), (b, totals[1])] {
            let expected = both * total / (totals[0] + totals[1]);
            statistic += (count as f64 - expected) * (count as f64 - expected) / expected;
        }
    }
    if classes < 2 {
        return true;
    }
    let law = ChiSquared::new(f64::from(classes - 1)).expect("at least one degree of freedom");
    statistic <= law.inverse_cdf(0.9999)
}

/// How often each server answers, of so many requests.
fn counts(subject: &mut dyn Subject, servers: usize, requests: usize) -> Vec<u64> {
    let mut counts = vec![0; servers];
    for _ in 0..requests {
        let outcome = subject.ask(&Ask::from("192.0.2.1"), false);
        counts[outcome.from.expect("some server is up")] += 1;
    }
    counts
}

/// Opens tunnels until each server has so many; those that lead elsewhere are closed again.
fn load(subject: &mut dyn Subject, wanted: &[u32]) {
    let mut loads = vec![0; wanted.len()];
    for tunnel in 0..10_000 {
        if loads == wanted {
            return;
        }
        let server = subject.ask(&Ask::from("192.0.2.1"), true).from.expect("some server is up");
        if loads[server] < wanted[server] {
            loads[server] += 1;
        } else {
            subject.close(tunnel);
        }
    }
    panic!("the draws never gave {wanted:?}");
}

/// Both draw alike while the servers have so many tunnels. Of a thousand requests chance alone breaks the bound once in 10,000
/// times; twice in a row it does not.
///
/// # Panics
/// When they do not.
pub fn draw_alike(simulated: &mut dyn Subject, real: &mut dyn Subject, tunnels: &[u32]) {
    load(simulated, tunnels);
    load(real, tunnels);
    let expected = counts(simulated, tunnels.len(), 100_000);
    let mut last = Vec::new();
    let is_alike = (0..2).any(|_| {
        last = counts(real, tunnels.len(), 1_000);
        alike(&last, &expected)
    });
    assert!(is_alike, "{last:?}, expected as {expected:?}");
}

#[test]
fn what_is_not_alike_is_seen() {
    assert!(alike(&[500, 500], &[5_020, 4_980]));
    assert!(alike(&[500, 0, 500], &[5_020, 0, 4_980]));
    assert!(!alike(&[600, 400], &[5_000, 5_000]));
    assert!(!alike(&[500, 500, 20], &[5_000, 5_000, 0]));
}
