//! What can be said of the servers of a product, one by one.

use super::{Following, List};

/// Weights, and being down or draining, as far as a product knows them. Where it does not, the end of a sentence that begins
/// with the product's name: why, and what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Which weights there are.
    pub weights: Result<Weights, &'static str>,
    /// What it means that a server is down.
    pub down: Result<Down, &'static str>,
    /// Whether a server can serve only those who are bound to it.
    pub drain: Result<(), &'static str>,
}

/// Weights from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Of a server.
    pub most: u32,
    /// Of all together.
    pub together: u64,
}

/// What it means that a server is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// The balancer keeps it in its list and believes it down.
    Believed,
    /// The balancer's list holds what is ready, and so not this one.
    Unlisted,
}

impl Weights {
    /// Tables and rings of the products that make some points or slots for each unit of weight stay small enough (assumption:
    /// nobody has more).
    const MOST_SLOTS: u64 = 100_000;
    /// Weights for which a table is made that grows with them.
    pub const fn in_slots(most: u32) -> Weights {
        Weights { most, together: Weights::MOST_SLOTS }
    }
}

impl Lines {
    /// Those of a product without weights that follows its servers like this.
    pub const fn of(following: &Following) -> Lines {
        Lines {
            weights: Err("gives every server the same weight; leave the weights out"),
            down: match (&following.checks, following.list) {
                (Some(_), _) => Ok(Down::Believed),
                (None, List::Endpoints | List::ServingEndpoints) => Ok(Down::Unlisted),
                (None, List::Servers) => Err(
                    "never learns that a server is down; write `refuse` for one that does not answer, or `remove` for one \
                     that is taken away",
                ),
            },
            drain: match following.list {
                List::ServingEndpoints => Ok(()),
                List::Endpoints | List::Servers => {
                    Err("knows no server that serves only those who are bound to it; write `remove` for one that goes")
                }
            },
        }
    }
    /// The same with weights.
    pub const fn weighted(self, weights: Weights) -> Lines {
        Lines { weights: Ok(weights), ..self }
    }
    /// The same without weights, for this reason.
    pub const fn unweighted(self, why: &'static str) -> Lines {
        Lines { weights: Err(why), ..self }
    }
}
