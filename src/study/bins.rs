//! Series of all replications taken together, bin by bin.

use super::replicate::CONFIDENCE;
use super::running::Running;
use super::student_t;
use crate::metrics::{Band, CLUSTER_SERIES, OverTime, TimeSeries, Unit};

/// Most bins; of runs with more samples, several make one.
const MOST: usize = 240;

/// Sums over the replications; how many there are changes nothing in the memory this takes.
#[derive(Clone, Debug, Default)]
pub(super) struct Bins {
    times_s: Vec<f64>,
    /// By series, then by bin.
    cells: Vec<Vec<Running>>,
}

impl Bins {
    /// Adds the next replication.
    pub(super) fn add(&mut self, series: &TimeSeries) {
        let stride = series.times_s.len().div_ceil(MOST).max(1);
        if self.cells.is_empty() {
            self.times_s = series.times_s.chunks(stride).map(|chunk| chunk[chunk.len() - 1]).collect();
            self.cells = vec![vec![Running::default(); self.times_s.len()]; CLUSTER_SERIES.len()];
        }
        for ((cells, values), (_, unit, _)) in self.cells.iter_mut().zip(&series.cluster.0).zip(CLUSTER_SERIES) {
            for (cell, chunk) in cells.iter_mut().zip(values.chunks(stride)) {
                // a duration of nothing stands for none
                let is_there = |value: &&f64| unit != Unit::Milliseconds || **value > 0.0;
                let n = chunk.iter().filter(is_there).count();
                if n > 0 {
                    cell.add(chunk.iter().filter(is_there).sum::<f64>() / n as f64);
                }
            }
        }
    }

    /// Means with their intervals.
    pub(super) fn report(&self) -> OverTime {
        let most = self.cells.iter().flatten().map(|cell| cell.n).max().unwrap_or(0);
        // by degrees of freedom
        let quantiles: Vec<f64> = (1..most).map(|df| student_t(CONFIDENCE, df)).collect();
        let half_width = |cell: &Running| {
            let quantile = quantiles.get((cell.n as usize).checked_sub(2)?)?;
            Some(quantile * libm::sqrt(cell.variance()? / f64::from(cell.n)))
        };
        let happens = |cells: &&Vec<Running>| cells.iter().any(Running::is_something);
        let bands = CLUSTER_SERIES.iter().zip(&self.cells).filter(|(_, cells)| happens(cells));
        let bands = bands.map(|((name, ..), cells)| Band {
            series: (*name).to_owned(),
            mean: cells.iter().map(Running::mean).collect(),
            half_width: cells.iter().map(half_width).collect(),
        });
        OverTime { times_s: self.times_s.clone(), bands: bands.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ClusterSeries;
    use crate::study::estimate;

    fn series(value: impl Fn(usize) -> f64, samples: usize) -> TimeSeries {
        let mut cluster = ClusterSeries::default();
        for values in &mut cluster.0 {
            *values = vec![0.0; samples];
        }
        cluster.0[0] = (0..samples).map(value).collect();
        TimeSeries { times_s: (1..=samples).map(|n| n as f64).collect(), pods: Vec::new(), cluster }
    }

    #[test]
    fn bins_have_the_intervals_of_their_replications() {
        let mut bins = Bins::default();
        let of_run = |run: usize| move |sample: usize| ((run * 7 + sample * 3) % 11) as f64;
        (0..5).for_each(|run| bins.add(&series(of_run(run), 10)));
        let over_time = bins.report();
        assert_eq!(over_time.times_s.len(), 10);
        let band = over_time.band("connected").expect("something happens");
        assert_eq!(over_time.bands.len(), 1, "what is always nothing is left out");
        for bin in 0..10 {
            let values: Vec<f64> = (0..5).map(|run| of_run(run)(bin)).collect();
            let expected = estimate(&values).expect("five runs");
            assert!((band.mean[bin].expect("a mean") - expected.mean).abs() < 1e-12);
            let half = band.half_width[bin].expect("an interval");
            assert!((half - expected.half_width.expect("an interval")).abs() < 1e-12);
        }
    }

    #[test]
    fn many_samples_make_fewer_bins() {
        let mut bins = Bins::default();
        bins.add(&series(|sample| sample as f64, 1_000));
        let over_time = bins.report();
        assert_eq!((over_time.times_s.len(), over_time.times_s[0]), (200, 5.0));
        assert_eq!(over_time.bands[0].mean[0], Some(2.0));
        assert_eq!(over_time.bands[0].half_width[0], None, "one run has no interval");
    }
}
