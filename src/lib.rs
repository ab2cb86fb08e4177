//! stickysim
pub mod cli;
pub mod cluster;
pub mod engine;
pub mod import;
pub mod metrics;
pub mod report;
pub mod scenario;
pub mod study;
