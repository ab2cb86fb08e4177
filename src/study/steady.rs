//! From when on series are steady: a check of the warm-up, by MSER-5 (White 1997; Hoad, Robinson and Davies 2010).

use crate::metrics::{OverTime, Steady};

/// The series that are looked at: how much there is, how much work, how long it takes.
const SERIES: [&str; 5] = ["connected", "requests_per_s", "redis_copies_per_s", "request_mean_ms", "event_mean_ms"];
/// Values in a batch.
const BATCH: usize = 5;
/// Fewer batches than this tell nothing.
const FEWEST: usize = 10;
/// What is left over after the warm-up counts where the mean there is so many standard errors from the rest …
const FAR: f64 = 4.0;
/// … and moves the mean of all that is measured by so much of it: of a series that hardly varies everything is far from something.
const LEAST_BIAS: f64 = 0.01;

/// What MSER-5 says of each series, and whether the warm-up left something over.
pub(super) fn check(over_time: &OverTime, warm_up_s: f64) -> Vec<Steady> {
    let of_series = |series: &&str| -> Option<Steady> {
        let band = over_time.band(series)?;
        let known = over_time.times_s.iter().zip(&band.mean).filter_map(|(time, mean)| Some((*time, (*mean)?)));
        let (times, values): (Vec<f64>, Vec<f64>) = known.unzip();
        let batches: Vec<f64> =
            values.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
        if batches.len() < FEWEST {
            return None;
        }
        let after_warm_up = times.chunks_exact(BATCH).filter(|batch| batch[BATCH - 1] <= warm_up_s).count();
        let left_out = mser(&batches);
        // a value stands for the time before it
        let from_s = left_out.map(|left_out| if left_out == 0 { 0.0 } else { times[left_out * BATCH - 1] });
        let too_short = is_left_over(&batches, left_out, after_warm_up);
        Some(Steady { series: (*series).to_owned(), from_s, too_short })
    };
    SERIES.iter().filter_map(of_series).collect()
}

/// How many values at the start to leave out, so that the mean of the rest has the smallest standard error as if they were independent;
/// `None` where that is more than half of them: there is no telling whether they are steady then.
pub fn mser(values: &[f64]) -> Option<usize> {
    // from the end, so that each step adds one value
    let (mut sum, mut squares) = (0.0, 0.0);
    let origin = values.last().copied()?;
    let mut best = (f64::INFINITY, values.len());
    for (left_out, value) in values.iter().enumerate().rev() {
        let distance = value - origin;
        sum += distance;
        squares += distance * distance;
        let n = (values.len() - left_out) as f64;
        // the last few agree by chance
        if n >= BATCH as f64 {
            let statistic = (squares - sum * sum / n).max(0.0) / (n * n);
            if statistic <= best.0 {
                best = (statistic, left_out);
            }
        }
    }
    (best.1 * 2 <= values.len()).then_some(best.1)
}

/// Whether what comes before the steady part, or before the second half where there is no such part, goes beyond the warm-up and lies
/// elsewhere. MSER-5 alone would call one of thirty series too short that are steady from the start.
fn is_left_over(batches: &[f64], left_out: Option<usize>, after_warm_up: usize) -> bool {
    let to = left_out.unwrap_or(batches.len() / 2);
    to > after_warm_up && is_far(batches, after_warm_up, to) && is_biased(&batches[after_warm_up..], to - after_warm_up)
}

/// Whether the first `left_over` of the values move their mean by more than can be neglected.
fn is_biased(values: &[f64], left_over: usize) -> bool {
    let (all, rest) = (mean(values), mean(&values[left_over..]));
    (all - rest).abs() > LEAST_BIAS * rest.abs()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Whether the values of `from..to` lie elsewhere than those afterwards.
fn is_far(values: &[f64], from: usize, to: usize) -> bool {
    let (left_over, rest) = (&values[from..to], &values[to..]);
    let centre = mean(rest);
    let variance = rest.iter().map(|x| (x - centre) * (x - centre)).sum::<f64>() / (rest.len() as f64 - 1.0);
    let error = libm::sqrt(variance / left_over.len() as f64 + variance / rest.len() as f64);
    (mean(left_over) - centre).abs() > FAR * error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Law, Seed};

    /// Means over 20 runs of x' = 0.9 x + ε from `start`, in batches of five.
    fn series(seed: u64, start: f64) -> Vec<f64> {
        let mut mean = vec![0.0; 1_000];
        for run in 0..20 {
            let mut x = start;
            for (n, mean) in mean.iter_mut().enumerate() {
                *mean += x / 20.0;
                let draw = Law::LogNormal { mu: 0.0, sigma: 1.0 }.draw(&mut Seed(seed).stream(1, run, n as u64));
                x = 0.9 * x + libm::log(draw);
            }
        }
        mean.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect()
    }

    #[test]
    fn a_start_that_is_far_off_is_left_out() {
        // from 10 the distance is below the noise of 0.5 after 28 values
        for seed in 0..20 {
            let batches = series(seed, 10.0);
            let left_out = mser(&batches).expect("steady");
            assert!((3..=20).contains(&left_out), "{left_out} batches");
            assert!(is_far(&batches, 0, left_out), "seed {seed}");
        }
    }

    #[test]
    fn what_is_steady_from_the_start_is_hardly_ever_called_too_short() {
        let warned = (0..200).filter(|&seed| {
            let batches = series(1_000 + seed, 0.0);
            is_left_over(&batches, mser(&batches), 20)
        });
        let warned = warned.count();
        assert!(warned <= 4, "{warned} of 200");
    }

    #[test]
    fn what_moves_no_mean_is_not_left_over() {
        // 300 clients of whom one is away for a moment in the third batch
        let mut batches = vec![300.0; 60];
        batches[2] = 299.8;
        assert_eq!(mser(&batches), Some(3));
        assert!(is_far(&batches, 0, 3) && !is_left_over(&batches, Some(3), 0));
    }

    #[test]
    fn a_ramp_is_never_steady_and_a_constant_always() {
        let ramp: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(mser(&ramp), None);
        assert!(is_left_over(&ramp, None, 10));
        assert_eq!(mser(&[3.0; 100]), Some(0));
        assert_eq!(mser(&[]), None);
    }
}
