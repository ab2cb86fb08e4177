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
}

#[derive(Clone, Debug)]
struct Line {
    weight: i64,
    /// What it has gained.
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
        Turns { lines, in_step: equal.then_some(0), equal, total }
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
            _ => self.next_among(0..self.lines.len()),
        }
    }
    /// Whose turn it is among these lines; `None` when there is none.
    pub fn next_among(&mut self, lines: impl Iterator<Item = usize>) -> Option<usize> {
        self.fall_out_of_step();
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
        self.lines[line].current
    }
    /// Everybody of `lines` gains, and `line` pays for it, whether or not it is its turn.
    pub fn charge(&mut self, lines: impl Iterator<Item = usize>, line: usize) {
        self.fall_out_of_step();
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
        }
        gained
    }
    /// A line has failed: it gains less for a while.
    pub fn fail(&mut self, line: usize, max_fails: u32) {
        self.fall_out_of_step();
        let line = &mut self.lines[line];
        line.effective = (line.effective - line.weight / i64::from(max_fails)).max(0);
    }

    /// From now on what each line has gained is kept.
    fn fall_out_of_step(&mut self) {
        let Some(turn) = self.in_step.take() else { return };
        for (number, line) in self.lines.iter_mut().enumerate() {
            let paid = if number < turn { self.total } else { 0 };
            line.current = turn as i64 * line.weight - paid;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same that never takes the short cut.
    fn out_of_step(weights: &[i64]) -> Turns {
        Turns { in_step: None, ..Turns::new(weights.iter().copied()) }
    }

    #[test]
    fn the_short_cut_leads_where_the_long_way_does() {
        for lines in 1..7 {
            for common in [1, 3] {
                let weights = vec![common; lines];
                for disturbed_at in 0..2 * lines {
                    let (mut short, mut long) = (Turns::new(weights.iter().copied()), out_of_step(&weights));
                    for turn in 0..6 * lines {
                        if turn == disturbed_at {
                            short.fail(turn % lines, 2);
                            long.fail(turn % lines, 2);
                        }
                        if turn == disturbed_at + 2 {
                            let some = || (0..lines).filter(|line| line % 2 == 0);
                            assert_eq!(short.next_among(some()), long.next_among(some()));
                        }
                        assert_eq!(short.next(), long.next(), "{lines} lines of weight {common}, turn {turn}");
                    }
                }
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
