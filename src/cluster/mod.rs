//! The cluster model.
pub mod balancer;
pub mod spec;
