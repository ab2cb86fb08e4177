//! What users already have → what a scenario needs.
//!
//! An access log tells how many clients a site has, how they share public addresses, and so how uneven a balancer that
//! hashes addresses must become. [`read`] makes a [`Profile`] of it, and on request a
//! [`Trace`](crate::cluster::spec::Trace) that plays the log request by request. Both can be written as scenario text;
//! this room knows nothing of how scenarios are read. Manifests of a cluster become a scenario in [`kubernetes`].
//!
//! ```
//! use stickysim::import::{Options, read};
//! let log = br#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512 "-" "Firefox"
//! 192.0.2.7 - - [17/May/2015:10:05:04 +0000] "GET /a HTTP/1.1" 200 90 "-" "curl/8.5"
//! 192.0.2.9 - - [17/May/2015:12:05:09 +0200] "GET / HTTP/1.1" 200 512 "-" "Firefox"
//! "#;
//! let profile = read(&log[..], &Options::default()).unwrap().profile;
//! assert_eq!((profile.requests, profile.clients, profile.addresses, profile.networks), (3, 3, 2, 1));
//! ```

mod access_log;
pub mod kubernetes;
mod line;
mod profile;
mod scenario_text;
mod tally;
mod text;
mod time;

pub use access_log::{AccessLog, ImportError, Options, read};
pub use line::BrokenReason;
pub use profile::{
    AddressShare, Arrivals, BrokenLines, EffectiveNumbers, GroupSize, LineCounts, NetworkShare, Profile, Spread,
};
pub use scenario_text::{PRIVACY_NOTE, replay_scenario_yaml, scenario_name, trace_csv, write_trace};
pub use time::LogTime;
