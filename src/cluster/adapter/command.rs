//! Commands that Redis gets.

use crate::metrics::Reason;
pub use crate::metrics::RedisCommand as Command;

impl Command {
    /// Those that adapters send, in the order of tables; session stores send others.
    pub const OF_ADAPTERS: &'static [Command] = <Command as Reason>::ALL.split_at(Command::Expire as usize).0;
    /// Its words.
    pub fn words(self) -> &'static str {
        self.meaning()
    }
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Commands([f64; Command::OF_ADAPTERS.len()]);

impl Commands {
    /// How many of one.
    pub const fn of(&self, command: Command) -> f64 {
        self.0[command as usize]
    }
    /// So many more of one.
    pub fn add(&mut self, command: Command, times: f64) {
        self.0[command as usize] += times;
    }
    /// Those that are there at all.
    pub fn iter(&self) -> impl Iterator<Item = (Command, f64)> {
        Command::OF_ADAPTERS.iter().map(|&command| (command, self.of(command))).filter(|&(_, times)| times != 0.0)
    }
    /// All together.
    pub fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}
