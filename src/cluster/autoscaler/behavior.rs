//! How fast an autoscaler follows what its metrics ask for.

use crate::cluster::spec::{AutoscalerSpec, ScaleBy, ScalingPolicy, ScalingRules, Select};
use crate::engine::{SimTime, Span};

/// Without `behavior` it goes down to the highest number that it has wanted within this time …
const DOWN_WINDOW: Span = Span::from_secs(300);
/// … and at most to twice the present number, or to this one if that is more.
const UP_AT_LEAST: u32 = 4;

/// What an autoscaler has wanted and done.
#[derive(Debug, Default)]
pub struct History {
    /// What its metrics asked for.
    wanted: Vec<(SimTime, u32)>,
    /// By how many pods it has gone up, and down.
    changes: [Vec<(SimTime, u32)>; 2],
}

impl History {
    /// One decision: `asked` is what the metrics ask for. Returns the new wanted number, which is done.
    pub fn decide(&mut self, now: SimTime, current: u32, asked: u32, spec: &AutoscalerSpec) -> u32 {
        let next = match &spec.behavior {
            None => {
                let recent = self.wanted.iter().filter(|wanted| now - wanted.0 <= DOWN_WINDOW).map(|wanted| wanted.1);
                let stable = recent.fold(asked, u32::max);
                let most = (current * 2).max(UP_AT_LEAST).min(spec.max);
                stable.clamp(spec.min.min(most), most)
            }
            Some(rules) => self.by_rules(now, current, asked, rules).clamp(spec.min, spec.max),
        };
        self.wanted.push((now, asked));
        self.forget(now, spec);
        next
    }
    /// It looks at the pods: the first time it notes how many there are.
    pub fn looks(&mut self, now: SimTime, current: u32) {
        if self.wanted.is_empty() {
            self.wanted.push((now, current));
        }
    }
    /// It has changed the wanted number, for whatever reason.
    pub fn changed(&mut self, now: SimTime, from: u32, to: u32) {
        self.changes[usize::from(to < from)].push((now, to.abs_diff(from)));
    }

    fn by_rules(&self, now: SimTime, current: u32, asked: u32, [up, down]: &[ScalingRules; 2]) -> u32 {
        let lowest = self.within(now, up.window).fold(asked, u32::min);
        let highest = self.within(now, down.window).fold(asked, u32::max);
        let stable = current.max(lowest).min(highest);
        let reached = |policy: &ScalingPolicy| {
            let since = |changes: &[(SimTime, u32)]| -> u32 {
                changes.iter().filter(|change| now - change.0 < policy.every).map(|change| change.1).sum()
            };
            // what there was when the time of the policy began
            let [ups, downs] = [since(&self.changes[0]), since(&self.changes[1])];
            (current + downs).saturating_sub(ups)
        };
        if stable > current {
            let limit = |policy: &ScalingPolicy| match policy.by {
                ScaleBy::Pods(pods) => reached(policy).saturating_add(pods),
                ScaleBy::Percent(per_cent) => {
                    let grown = f64::from(reached(policy)) * (1.0 + f64::from(per_cent) / 100.0);
                    libm::ceil(grown) as u32
                }
            };
            let limits = up.policies.iter().map(limit);
            let limit = match up.select {
                Select::Max => limits.max(),
                Select::Min => limits.min(),
                Select::Disabled => None,
            };
            stable.min(limit.unwrap_or(current).max(current))
        } else if stable < current {
            let limit = |policy: &ScalingPolicy| match policy.by {
                ScaleBy::Pods(pods) => reached(policy).saturating_sub(pods),
                ScaleBy::Percent(per_cent) => {
                    let shrunk = f64::from(reached(policy)) * (1.0 - f64::from(per_cent) / 100.0);
                    libm::floor(shrunk.max(0.0)) as u32
                }
            };
            // going down, the one that allows most is the lowest
            let limits = down.policies.iter().map(limit);
            let limit = match down.select {
                Select::Max => limits.min(),
                Select::Min => limits.max(),
                Select::Disabled => None,
            };
            stable.max(limit.unwrap_or(current).min(current))
        } else {
            current
        }
    }

    /// What was wanted within a time before now.
    fn within(&self, now: SimTime, window: Span) -> impl Iterator<Item = u32> {
        self.wanted.iter().filter(move |wanted| now - wanted.0 < window).map(|wanted| wanted.1)
    }

    fn forget(&mut self, now: SimTime, spec: &AutoscalerSpec) {
        let rules = spec.behavior.iter().flatten();
        let longest = rules.flat_map(|rules| rules.policies.iter().map(|policy| policy.every).chain([rules.window]));
        let longest = longest.fold(DOWN_WINDOW, Span::max);
        let recent = |of: &(SimTime, u32)| now - of.0 <= longest;
        self.wanted.retain(recent);
        self.changes.iter_mut().for_each(|changes| changes.retain(recent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(behavior: Option<[ScalingRules; 2]>) -> AutoscalerSpec {
        AutoscalerSpec { max: 100, behavior, ..AutoscalerSpec::default() }
    }

    fn rules(window_s: u64, select: Select, policies: &[(ScaleBy, u64)]) -> ScalingRules {
        let policy = |&(by, every_s): &(ScaleBy, u64)| ScalingPolicy { by, every: Span::from_secs(every_s) };
        ScalingRules { window: Span::from_secs(window_s), policies: policies.iter().map(policy).collect(), select }
    }

    /// What becomes of what the metrics ask for, every 15 s.
    fn steps(spec: &AutoscalerSpec, from: u32, asked: &[u32]) -> Vec<u32> {
        let (mut history, mut current) = (History::default(), from);
        let decide = |(n, &asked): (u64, &u32)| {
            let now = SimTime::ZERO + Span::from_secs(15 * n);
            history.looks(now, current);
            let next = history.decide(now, current, asked, spec);
            if next != current {
                history.changed(now, current, next);
            }
            current = next;
            current
        };
        (1..).zip(asked).map(decide).collect()
    }

    #[test]
    fn without_behavior_it_doubles_and_waits_five_minutes_before_it_shrinks() {
        assert_eq!(steps(&spec(None), 1, &[7, 7, 7]), [4, 7, 7]);
        assert_eq!(steps(&spec(None), 10, &[100; 4]), [20, 40, 80, 100]);
        let mut asked = vec![12];
        asked.extend([3; 22]);
        let done = steps(&spec(None), 12, &asked);
        // the twelve of the first decision is 300 s old at the 21st
        assert_eq!(done.iter().filter(|&&pods| pods == 12).count(), 21, "{done:?}");
        assert_eq!(done.last(), Some(&3));
    }

    #[test]
    fn defaults_of_behavior_add_four_pods_or_double_per_period() {
        let up = rules(0, Select::Max, &[(ScaleBy::Percent(100), 15), (ScaleBy::Pods(4), 15)]);
        let down = rules(300, Select::Max, &[(ScaleBy::Percent(100), 15)]);
        assert_eq!(steps(&spec(Some([up, down])), 2, &[50; 4]), [6, 12, 24, 48]);
    }

    #[test]
    fn a_window_for_going_up_waits_until_everything_in_it_is_higher() {
        let up = rules(120, Select::Max, &[(ScaleBy::Percent(100), 15)]);
        let down = rules(300, Select::Max, &[(ScaleBy::Percent(100), 15)]);
        let mut asked = vec![26, 26];
        asked.extend([39; 9]);
        let done = steps(&spec(Some([up, down])), 26, &asked);
        // 39 is asked for from 45 s on; the last 26 is of 30 s and leaves the window at 150 s
        assert_eq!(done, [26, 26, 26, 26, 26, 26, 26, 26, 26, 39, 39]);
    }

    #[test]
    fn policies_count_what_was_done_within_their_period() {
        let up = rules(0, Select::Max, &[(ScaleBy::Pods(2), 60)]);
        let down = rules(0, Select::Min, &[(ScaleBy::Pods(1), 60), (ScaleBy::Percent(50), 30)]);
        let both = spec(Some([up, down]));
        assert_eq!(steps(&both, 4, &[20; 9]), [6, 6, 6, 6, 8, 8, 8, 8, 10]);
        // the slower of two policies: one pod per minute
        assert_eq!(steps(&both, 10, &[1; 6]), [9, 9, 9, 9, 8, 8]);
        let never = rules(0, Select::Disabled, &[(ScaleBy::Percent(100), 15)]);
        assert_eq!(steps(&spec(Some([never.clone(), never])), 5, &[9, 1]), [5, 5]);
    }
}
