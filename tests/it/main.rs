//! All integration tests in one binary: one link, one file per behaviour.

mod support;

mod bad_scenarios;
mod balancers;
mod full_scenario;
mod import;
mod report;
mod schemas;
mod theory;
mod tidy;
