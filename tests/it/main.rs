//! All integration tests in one binary: one link, one file per behaviour.

mod support;

mod affinity;
mod balancers;
mod conservation;
mod import;
mod rollouts;
mod rooms;
mod sockets;
mod theory;
mod tidy;
mod twin;
