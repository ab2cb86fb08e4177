//! The HorizontalPodAutoscaler: how many pods its metrics ask for, and how fast it may follow
//! (`replica_calculator.go` and `horizontal.go` of `pkg/controller/podautoscaler`).

mod behavior;
mod calculator;

pub use behavior::History;
pub use calculator::{Group, Target, external, replicas};
