//! All integration tests in one binary: one link, one file per behaviour.

mod program;
mod support;

mod bad_scenarios;
mod balancers;
mod commands;
mod determinism;
mod folders;
mod full_scenario;
mod golden;
mod import;
mod log_to_report;
mod outputs;
mod report;
mod schemas;
mod theory;
mod tidy;
