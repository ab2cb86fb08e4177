//! How many pods a metric asks for.

/// What the autoscaler makes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// It has a value, which counts.
    Ready,
    /// It is pending, or has just started: its value does not count yet.
    Unready,
    /// It has no value.
    Missing,
}

/// What is wanted of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// Per cent of what each pod requests, in the units of the values.
    Utilization { per_cent: u32, request: f64 },
    /// This value per pod.
    Average(f64),
}

impl Target {
    /// Usage over target of these values, in the controller's own arithmetic: values are whole thousandths, utilization is in whole
    /// per cent, and so are averages in thousandths.
    fn ratio(self, values: &[f64]) -> f64 {
        let total: u64 = values.iter().map(|&value| milli(value)).sum();
        let n = values.len() as u64;
        match self {
            Target::Utilization { per_cent, request } => {
                (total * 100 / (milli(request) * n).max(1)) as f64 / f64::from(per_cent)
            }
            Target::Average(target) => (total / n) as f64 / milli(target).max(1) as f64,
        }
    }
    /// What a pod without a value is taken to use when that would remove pods.
    const fn full(self) -> f64 {
        match self {
            Target::Utilization { request, .. } => request,
            Target::Average(target) => target,
        }
    }
}

fn is_close(ratio: f64, tolerance: f64) -> bool {
    (1.0 - ratio).abs() <= tolerance
}

fn ceil(replicas: f64) -> u32 {
    libm::ceil(replicas) as u32
}

/// Thousandths, rounded up as `MilliValue` does.
fn milli(value: f64) -> u64 {
    libm::ceil(value * 1e3 - 1e-6).max(0.0) as u64
}

/// How many pods a metric of the pods asks for, if `current` are wanted now; `None`: no pod has a value.
pub fn replicas(pods: &[(Group, f64)], target: Target, tolerance: f64, current: u32) -> Option<u32> {
    let of = |group: Group| pods.iter().filter(move |pod| pod.0 == group);
    let mut values: Vec<f64> = of(Group::Ready).map(|pod| pod.1).collect();
    let (unready, missing) = (of(Group::Unready).count(), of(Group::Missing).count());
    if values.is_empty() {
        return None;
    }
    let ratio = target.ratio(&values);
    let held_back = unready > 0 && ratio > 1.0;
    if !held_back && missing == 0 {
        return Some(if is_close(ratio, tolerance) { current } else { ceil(ratio * values.len() as f64) });
    }
    // those that nothing is known of are taken for whatever changes less
    if ratio < 1.0 {
        values.extend(std::iter::repeat_n(target.full(), missing));
    } else if ratio > 1.0 || matches!(target, Target::Average(_)) {
        values.extend(std::iter::repeat_n(0.0, missing));
    }
    if held_back {
        values.extend(std::iter::repeat_n(0.0, unready));
    }
    let again = target.ratio(&values);
    let turns = (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0);
    if is_close(again, tolerance) || turns {
        return Some(current);
    }
    let wanted = ceil(again * values.len() as f64);
    let against = (again < 1.0 && wanted > current) || (again > 1.0 && wanted < current);
    Some(if against { current } else { wanted })
}

/// How many pods a sum asks for, if each is to have so much of it and `current` are wanted now.
pub fn external(total: f64, target: f64, tolerance: f64, current: u32) -> u32 {
    let ratio = total / (target * f64::from(current.max(1)));
    if is_close(ratio, tolerance) { current } else { ceil(total / target) }
}

#[cfg(test)]
mod tests {
    use super::Group::{Missing, Ready, Unready};
    use super::*;

    fn pods(ready: &[f64], unready: usize, missing: usize) -> Vec<(Group, f64)> {
        let ready = ready.iter().map(|&value| (Ready, value));
        let others = [(Unready, unready), (Missing, missing)];
        ready.chain(others.into_iter().flat_map(|(group, n)| std::iter::repeat_n((group, 0.0), n))).collect()
    }

    /// Per cent of one core.
    fn cpu(per_cent: u32) -> Target {
        Target::Utilization { per_cent, request: 1.0 }
    }

    #[test]
    fn the_published_examples() {
        // kubernetes.io, algorithm details: 200m where 100m are wanted doubles, 50m halves
        assert_eq!(replicas(&pods(&[0.2; 3], 0, 0), Target::Average(0.1), 0.1, 3), Some(6));
        assert_eq!(replicas(&pods(&[0.05; 4], 0, 0), Target::Average(0.1), 0.1, 4), Some(2));
        // walkthrough: 305 % of the request where 50 % are wanted, with one pod
        assert_eq!(replicas(&pods(&[3.05], 0, 0), cpu(50), 0.1, 1), Some(7));
    }

    #[test]
    fn small_deviations_change_nothing() {
        // 77/70 is more than 1.1 in the controller's own arithmetic, by a rounding error
        for (value, wanted) in [(0.70, 10), (0.76, 10), (0.77, 11), (0.78, 12), (0.64, 10), (0.62, 9)] {
            assert_eq!(replicas(&pods(&[value; 10], 0, 0), cpu(70), 0.1, 10), Some(wanted), "{value}");
        }
        // 76.9 % are 76 %
        assert_eq!(replicas(&pods(&[0.769; 10], 0, 0), cpu(70), 0.1, 10), Some(10));
    }

    #[test]
    fn pods_that_are_not_ready_hold_growth_back() {
        // two at 140 % of the target would be 3 of 2; with three at nothing they are far below: nothing changes
        assert_eq!(replicas(&pods(&[0.98; 2], 3, 0), cpu(70), 0.1, 5), Some(5));
        // one that is not ready among ten: 10·140 % over 11 is 127 %
        assert_eq!(replicas(&pods(&[0.98; 10], 1, 0), cpu(70), 0.1, 11), Some(14));
        // they say nothing when it shrinks
        assert_eq!(replicas(&pods(&[0.35; 4], 2, 0), cpu(70), 0.1, 6), Some(2));
    }

    #[test]
    fn pods_without_a_value_are_taken_for_whatever_changes_less() {
        // shrinking, they use all that they request: (4·35 % + 2·100 %)/6 = 56 %
        assert_eq!(replicas(&pods(&[0.35; 4], 0, 2), cpu(70), 0.1, 6), Some(5));
        // growing, nothing: 4·140 % over 6 is 93 %, which turns
        assert_eq!(replicas(&pods(&[0.98; 4], 0, 2), cpu(70), 0.1, 6), Some(6));
        assert_eq!(replicas(&pods(&[10.0; 4], 0, 2), Target::Average(20.0), 0.1, 6), Some(4));
        assert_eq!(replicas(&pods(&[], 1, 2), cpu(70), 0.1, 3), None);
    }

    #[test]
    fn a_sum_is_shared_whoever_is_ready() {
        assert_eq!(external(780.0, 20.0, 0.1, 26), 39);
        assert_eq!(external(540.0, 20.0, 0.1, 26), 26, "within the tolerance");
        assert_eq!(external(0.0, 20.0, 0.1, 26), 0);
    }
}
