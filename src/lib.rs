//! stickysim
pub mod cluster;
pub mod engine;
pub mod import;
pub mod metrics;
pub mod scenario;
