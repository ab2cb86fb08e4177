//! Many runs of a scenario and its variants, and what they say together.
//!
//! Runs are independent and go to all threads; what they measured is taken in the order of the runs, so the result does not
//! depend on how many threads there are. All variants run with the same seeds: what is random in
//! their clients is the same, and differences are taken replication by replication.

mod bins;
mod contrast;
mod jobs;
mod judge;
mod kind;
mod pairing;
mod plan;
mod pool;
mod ranking;
mod recommend;
mod replicate;
mod running;
mod sensitivity;
mod steady;
mod stopping;
mod student;
mod sweep;
mod totals;

pub use contrast::{Contrast, Contrasted, Contrasts, Results, VariantResults, contrast};
pub use jobs::{Aborted, Options, Progress, StudyError, in_order, in_parallel};
pub use kind::Kind;
pub use pairing::holm;
pub use plan::{During, Find, MOST_RUNS, Plan, Point, Question, looks, plan, who_scales};
pub use ranking::{Ranked, Ranking, SMALL, ranking};
pub use recommend::{AS_IT_STANDS, Entry, Prepared, REMEDIES, Recommendation, Remedy, prepare, recommendation};
pub use replicate::{CONFIDENCE, estimate, run, run_changes, standard_error};
pub use sensitivity::{SENSITIVITY_RUNS, sensitivity};
pub use stopping::{replicate, uncertainty};
pub use student::{student_p, student_t};
pub use sweep::{Points, Range, Shard, run_points};
