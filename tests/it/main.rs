//! All integration tests in one binary: one link, one file per behaviour.

mod support;

mod affinity;
mod bad_scenarios;
mod balancers;
mod conservation;
mod full_scenario;
mod import;
mod report;
mod rollouts;
mod rooms;
mod schemas;
mod sockets;
mod theory;
mod tidy;
mod twin;
