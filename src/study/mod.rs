//! Many runs of a scenario and its variants, and what they say together.
//!
//! Runs are independent and go to all threads; what they measured is merged by integer addition or kept by position, so
//! the result does not depend on how many threads there are. All variants run with the same seeds: what is random in
//! their clients is the same, and differences are taken replication by replication.

mod pairing;
mod plan;
mod replicate;
mod sensitivity;
mod student;

pub use pairing::holm;
pub use plan::{Check, During, Find, Judgement, MOST_RUNS, Plan, Point, Question, plan};
pub use replicate::{Aborted, CONFIDENCE, Options, Progress, StudyError, estimate, in_parallel, run, standard_error};
pub use sensitivity::{SENSITIVITY_RUNS, sensitivity};
pub use student::{student_p, student_t};
