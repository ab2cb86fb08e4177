//! stickysim
pub mod cluster;
pub mod engine;
pub mod metrics;
pub mod report;
