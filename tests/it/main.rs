//! All integration tests in one binary: one link, one file per behaviour.

mod support;

mod affinity;
mod balancers;
mod conservation;
mod import;
mod theory;
mod tidy;
mod twin;
