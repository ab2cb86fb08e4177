//! Smooth weighted round robin, as nginx has it: every line gains its weight at each turn, the line that has gained most
//! is picked and pays what all have gained.
//!
//! Equal lines of which none has failed simply take turns; that is known without looking at any.

/// Lines with weights, and where each stands.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    lines: Vec<Line>,
    /// All lines are equal, have failed never and were always all asked for: so many of them, the first ones, have had
    /// their turn in this round. What each line has gained follows from that, and is not kept.
    in_step: Option<usize>,
    equal: bool,
    total: i64,
    /// How often everybody has gained his weight since that was last added to what each has gained.
    rounds: i64,
    /// Lines that gain less than their weight.
    slowed: usize,
}

#[derive(Clone, Debug)]
struct Line {
    weight: i64,
    /// What it has gained, but for the last rounds.
    current: i64,
    /// What it gains at its next turn: less than its weight for a while after it failed.
    effective: i64,
}

impl Turns {
    /// Lines with these weights, of which none has had a turn.
    pub fn new(weights: impl Iterator<Item = i64>) -> Turns {
        let lines: Vec<Line> = weights.map(|weight| Line { weight, current: 0, effective: weight }).collect();
        let equal = lines.windows(2).all(|pair| pair[0].weight == pair[1].weight);
        let total = lines.iter().map(|line| line.weight).sum();
        Turns { lines, in_step: equal.then_some(0), equal, total, rounds: 0, slowed: 0 }
    }
    /// True when all weights are equal.
    pub const fn are_equal(&self) -> bool {
        self.equal
    }
    /// The weight of a line.
    pub fn weight(&self, line: usize) -> i64 {
        self.lines[line].weight
    }
    /// Sum of the weights.
    pub const fn total(&self) -> i64 {
        self.total
    }
    /// The line whose share of the weights 0..total holds `w`.
    pub fn line_at(&self, mut w: i64) -> usize {
        if self.equal && self.lines[0].weight == 1 {
            return w as usize;
        }
        for (line, Line { weight, .. }) in self.lines.iter().enumerate() {
            if w < *weight {
                return line;
            }
            w -= weight;
        }
        self.lines.len() - 1
    }
    /// Whose turn it is among all lines; `None` when there is none.
    pub fn next(&mut self) -> Option<usize> {
        match self.in_step {
            Some(turn) if turn < self.lines.len() => {
                self.in_step = Some((turn + 1) % self.lines.len());
                Some(turn)
            }
            _ if self.slowed > 0 => self.next_among(0..self.lines.len()),
            _ => {
                self.rounds += 1;
                let mut best: Option<(usize, i64)> = None;
                for (number, line) in self.lines.iter().enumerate() {
                    let current = line.current + self.rounds * line.weight;
                    if best.is_none_or(|(_, most)| current > most) {
                        best = Some((number, current));
                    }
                }
                let (best, _) = best?;
                self.lines[best].current -= self.total;
                Some(best)
            }
        }
    }
    /// Whose turn it is among these lines; `None` when there is none.
    pub fn next_among(&mut self, lines: impl Iterator<Item = usize>) -> Option<usize> {
        self.keep_what_each_gained();
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for number in lines {
            total += self.gain(number);
            let current = self.lines[number].current;
            if best.is_none_or(|(_, most)| current > most) {
                best = Some((number, current));
            }
        }
        let (best, _) = best?;
        self.lines[best].current -= total;
        Some(best)
    }
    /// What a line has gained.
    pub fn current(&mut self, line: usize) -> i64 {
        self.fall_out_of_step();
        self.lines[line].current + self.rounds * self.lines[line].weight
    }
    /// Everybody gains, and `line` pays for it, whether or not it is its turn.
    pub fn charge(&mut self, line: usize) {
        if self.slowed > 0 {
            return self.charge_among(0..self.lines.len(), line);
        }
        self.fall_out_of_step();
        self.rounds += 1;
        self.lines[line].current -= self.total;
    }
    /// The same where only these lines gain.
    pub fn charge_among(&mut self, lines: impl Iterator<Item = usize>, line: usize) {
        self.keep_what_each_gained();
        let mut total = 0;
        for number in lines {
            total += self.gain(number);
        }
        self.lines[line].current -= total;
    }
    /// A line gains, which is returned.
    fn gain(&mut self, number: usize) -> i64 {
        let line = &mut self.lines[number];
        let gained = line.effective;
        line.current += gained;
        if line.effective < line.weight {
            line.effective += 1;
            self.slowed -= usize::from(line.effective == line.weight);
        }
        gained
    }
    /// A line has failed: it gains less for a while.
    pub fn fail(&mut self, line: usize, max_fails: u32) {
        self.keep_what_each_gained();
        let line = &mut self.lines[line];
        let before = line.effective;
        line.effective = (before - line.weight / i64::from(max_fails)).max(0);
        self.slowed += usize::from(before == line.weight && line.effective < before);
    }

    /// What each line has gained is kept with it.
    fn keep_what_each_gained(&mut self) {
        self.fall_out_of_step();
        let rounds = std::mem::take(&mut self.rounds);
        if rounds > 0 {
            for line in &mut self.lines {
                line.current += rounds * line.weight;
            }
        }
    }
    /// From now on what each line has gained does not follow from whose turn it is.
    fn fall_out_of_step(&mut self) {
        let Some(turn) = self.in_step.take() else { return };
        for (number, line) in self.lines.iter_mut().enumerate() {
            let paid = if number < turn { self.total } else { 0 };
            line.current = turn as i64 * line.weight - paid;
        }
        self.rounds = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    /// The same without short cuts, as nginx has it: (weight, gained, gains next) of each line.
    struct Plain(Vec<(i64, i64, i64)>);

    impl Plain {
        fn gain(&mut self, lines: &[usize]) -> i64 {
            let mut total = 0;
            for &line in lines {
                let (weight, current, effective) = &mut self.0[line];
                *current += *effective;
                total += *effective;
                *effective = (*effective + 1).min(*weight);
            }
            total
        }
        fn charge(&mut self, lines: &[usize], line: usize) {
            self.0[line].1 -= self.gain(lines);
        }
        fn next(&mut self, lines: &[usize]) -> usize {
            let total = self.gain(lines);
            let best = lines.iter().copied().rev().max_by_key(|&line| self.0[line].1).expect("some lines");
            self.0[best].1 -= total;
            best
        }
        fn fail(&mut self, line: usize, max_fails: i64) {
            let (weight, _, effective) = &mut self.0[line];
            *effective = (*effective - *weight / max_fails).max(0);
        }
    }

    #[test]
    fn short_cuts_lead_where_the_long_way_does() {
        for seed in 0..200 {
            let mut draws = Seed(seed).stream(0, 0, 0);
            let mut below = |n: usize| draws.below(n as u64) as usize;
            let lines = 1 + below(6);
            let most = [1, 1, 3, 9][below(4)];
            let weights: Vec<i64> = (0..lines).map(|_| 1 + below(most) as i64).collect();
            let (mut turns, mut plain) = (
                Turns::new(weights.iter().copied()),
                Plain(weights.iter().map(|&weight| (weight, 0, weight)).collect()),
            );
            let all: Vec<usize> = (0..lines).collect();
            let from = below(lines);
            let some = &all[from..];
            for step in 0..300 {
                let line = below(lines);
                match below(40) {
                    0 => {
                        turns.fail(line, 2);
                        plain.fail(line, 2);
                    }
                    1..4 => {
                        turns.charge_among(some.iter().copied(), line);
                        plain.charge(some, line);
                    }
                    4..10 => {
                        turns.charge(line);
                        plain.charge(&all, line);
                    }
                    10..14 => assert_eq!(turns.next_among(some.iter().copied()), Some(plain.next(some))),
                    _ => assert_eq!(turns.next(), Some(plain.next(&all)), "seed {seed}, step {step}"),
                }
                assert!(step % 7 > 0 || turns.current(line) == plain.0[line].1, "seed {seed}, step {step}");
            }
        }
    }

    #[test]
    fn shares_of_weights_follow_each_other() {
        for weights in [vec![2, 2, 2], vec![1, 3, 2]] {
            let turns = Turns::new(weights.iter().copied());
            let lines: Vec<usize> = (0..turns.total()).map(|w| turns.line_at(w)).collect();
            let expected = weights.iter().enumerate().flat_map(|(line, &weight)| vec![line; weight as usize]);
            assert_eq!(lines, expected.collect::<Vec<_>>());
        }
    }
}
