//! The one integration-test binary: a module per behaviour.

mod bad_scenarios;
mod full_scenario;
