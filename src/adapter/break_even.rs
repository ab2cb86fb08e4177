//! Room sizes at which one adapter becomes cheaper than another.
//!
//! An event for a room is one message to Redis and a copy for each pod that listens: 1 + P with one channel for all, 1 + E\[m\]
//! with a channel per room, where E\[m\] = P·(1 − (1 − 1/P)ⁿ) pods are expected to have any of n members that are anywhere. So
//! a channel per room never moves more messages; but its messages are longer (JSON instead of msgpack), so that it moves
//! fewer bytes only while rooms are small.

use super::Question;
use crate::cluster::adapter::{Cost, Emit, Law, Named, Operation, To};

/// Which of two adapters moves less for events of rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cheaper {
    /// The same for every size.
    Equal,
    /// The first one for every size where they differ.
    First,
    /// The second one for every size where they differ.
    Second,
    /// The first one up to this size, the second one beyond it.
    FirstUpTo(u32),
    /// The second one up to this size, the first one beyond it.
    SecondUpTo(u32),
}

/// Two adapters.
pub struct BreakEven {
    /// The first.
    pub first: Named,
    /// The second.
    pub second: Named,
    /// By messages: commands and copies.
    pub messages: Cheaper,
    /// By bytes to and from Redis.
    pub bytes: Cheaper,
}

/// Every two of some adapters.
pub fn break_evens(question: &Question, adapters: &[Named]) -> Vec<BreakEven> {
    let mut found = Vec::new();
    for (at, &first) in adapters.iter().enumerate() {
        for &second in &adapters[at + 1..] {
            let cheaper = |of: fn(&Cost) -> f64| cheaper(question, [first, second], of);
            let messages = cheaper(|cost| cost.commands.total() + cost.delivered());
            let bytes = cheaper(|cost| cost.bytes_in + cost.bytes_out);
            found.push(BreakEven { first, second, messages, bytes });
        }
    }
    found
}

/// Costs only grow with the room, in at most one of the two faster: they cross at most once.
fn cheaper(question: &Question, adapters: [Named; 2], of: fn(&Cost) -> f64) -> Cheaper {
    let operation = Operation::Emit(Emit::to(To::Room { name: question.name }));
    let sign = |members: u32| -> i8 {
        let scene = question.room_of(members);
        let [first, second] = adapters.map(|named| {
            let law = Law { recovery: question.recovery, ..Law::of(named.adapter) };
            law.evaluate(operation, &scene).map_or(0.0, |cost| of(&cost))
        });
        // expectations of whole numbers: what differs by less does not differ
        if (first - second).abs() < 1e-9 * first.max(second) {
            0
        } else if first < second {
            -1
        } else {
            1
        }
    };
    let most = question.pods.saturating_mul(question.clients);
    let most = match question.placement {
        super::Placement::Here | super::Placement::Elsewhere => question.clients,
        _ => most,
    };
    match (sign(1), sign(most)) {
        (0, 0) => Cheaper::Equal,
        (-1, -1 | 0) | (0, -1) => Cheaper::First,
        (1, 1 | 0) | (0, 1) => Cheaper::Second,
        (small, _) => {
            let (mut same, mut other) = (1, most);
            while other - same > 1 {
                let middle = same + (other - same) / 2;
                if sign(middle) == small { same = middle } else { other = middle }
            }
            if small < 0 { Cheaper::FirstUpTo(same) } else { Cheaper::SecondUpTo(same) }
        }
    }
}
