//! Many runs of a scenario and its variants, and what they say together.
//!
//! Runs are independent and go to all threads; what they measured is taken in the order of the runs, so the result does not
//! depend on how many threads there are. All variants run with the same seeds: what is random in
//! their clients is the same, and differences are taken replication by replication.

mod jobs;
mod kind;
mod pairing;
mod plan;
mod replicate;
mod sensitivity;
mod student;
mod sweep;

pub use jobs::{Aborted, Options, Progress, StudyError, in_order, in_parallel};
pub use kind::Kind;
pub use pairing::holm;
pub use plan::{Check, During, Find, Judgement, MOST_RUNS, Plan, Point, Question, plan};
pub use replicate::{CONFIDENCE, estimate, run, standard_error};
pub use sensitivity::{SENSITIVITY_RUNS, sensitivity};
pub use student::{student_p, student_t};
pub use sweep::{Points, Range, Shard, run_points};
