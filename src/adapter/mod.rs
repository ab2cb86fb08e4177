//! What operations cost in Redis, without a simulation: `stickysim adapter`.
//!
//! A [`Question`] is a cluster that stands still; [`catalogue`] says who an operation means; [`answer`] gives their costs by the law
//! of [`crate::cluster::adapter`], [`break_even`] the room sizes at which one adapter becomes cheaper than another; [`text`]
//! shows both.

pub mod break_even;
pub mod catalogue;
mod question;
pub mod text;

use crate::cluster::adapter::{Cost, Law, Named, NamedOperation};

pub use question::{Fault, MAX_CLIENTS, MAX_PODS, Placement, Question, adapters, operations};

/// What an operation costs with an adapter.
pub struct Answer {
    /// The operation.
    pub entry: &'static NamedOperation,
    /// The adapter.
    pub adapter: Named,
    /// None if the adapter has no such operation.
    pub cost: Option<Cost>,
}

/// The costs of operations, adapter by adapter.
pub fn answer(question: &Question, operations: &[&'static NamedOperation], adapters: &[Named]) -> Vec<Answer> {
    let of = |entry: &'static NamedOperation, adapter: Named| {
        let law = Law { recovery: question.recovery, ..Law::of(adapter.adapter) };
        let operation = (entry.operation)(question.name);
        Answer { entry, adapter, cost: law.evaluate(operation, &catalogue::scene(operation, question)) }
    };
    operations.iter().flat_map(|&entry| adapters.iter().map(move |&adapter| of(entry, adapter))).collect()
}
