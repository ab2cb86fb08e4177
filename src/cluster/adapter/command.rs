//! Commands that Redis gets.

macro_rules! commands {
    ($($name:ident $words:literal,)*) => {
        /// A command as MONITOR shows it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Command { $(#[doc = $words] $name,)* }
        impl Command {
            /// All of them, in the order of tables.
            pub const ALL: [Command; [$(stringify!($name)),*].len()] = [$(Command::$name),*];
            /// Its words.
            pub const fn words(self) -> &'static str {
                match self { $(Command::$name => $words,)* }
            }
        }
    };
}

commands! {
    Publish "PUBLISH",
    Spublish "SPUBLISH",
    Xadd "XADD",
    Xread "XREAD",
    NumSub "PUBSUB NUMSUB",
    ShardNumSub "PUBSUB SHARDNUMSUB",
    Subscribe "SUBSCRIBE",
    Psubscribe "PSUBSCRIBE",
    Ssubscribe "SSUBSCRIBE",
    Unsubscribe "UNSUBSCRIBE",
    Punsubscribe "PUNSUBSCRIBE",
    Sunsubscribe "SUNSUBSCRIBE",
    Set "SET",
    Multi "MULTI",
    Get "GET",
    Del "DEL",
    Exec "EXEC",
    Xrange "XRANGE",
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Commands([f64; Command::ALL.len()]);

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
        Command::ALL.into_iter().map(|command| (command, self.of(command))).filter(|&(_, times)| times != 0.0)
    }
    /// All together.
    pub fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}
