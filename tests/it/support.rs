//! Clusters small enough to compare with theory.

use stickysim::cluster::adapter::{Emit, Operation, To};
use stickysim::cluster::balancer::BalancerSpec;
use stickysim::cluster::simulate;
use stickysim::cluster::spec::{ClusterSpec, Target, TrafficAction, TrafficSpec, Via};
use stickysim::engine::{Law, Seed, Span};
use stickysim::metrics::Record;
pub use stickysim::selftest::bare::{CLASSIC, api, audience, cluster, no_costs, seconds};

/// `io.emit`.
pub const TO_ALL: Operation = Operation::Emit(Emit::to(To::All));

/// The product that this text describes, as a scenario would.
pub fn product(yaml: &str) -> BalancerSpec {
    read_product(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

/// The same, or what is wrong with it.
pub fn read_product(yaml: &str) -> Result<BalancerSpec, String> {
    let value: serde_json::Value = serde_yaml::from_str(yaml).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Runs one replication.
pub fn run(spec: &ClusterSpec, replication: u32) -> Record {
    simulate(spec, Seed(2026).replication(replication)).unwrap_or_else(|error| panic!("{error}"))
}

/// 30 replications, each of about this many requests at `rate` per second after a tenth of them as warm-up.
pub fn replications(mut spec: ClusterSpec, requests: f64, rate: f64) -> Vec<Record> {
    spec.duration = Span::from_nanos_f64(seconds(requests / rate * 1.1));
    spec.warm_up = Span::from_nanos_f64(seconds(requests / rate * 0.1));
    spec.sample_every = spec.duration / 20;
    (0..30).map(|replication| run(&spec, replication)).collect()
}

/// Every client emits such an event of 100 bytes at these distances, and its handler does nothing else.
pub fn emit(every: Law, to: Target, via: Via) -> TrafficSpec {
    let action = TrafficAction::Emit { to, via, bytes: 100, work: Law::Fixed(0.0) };
    TrafficSpec { name: "emit".to_owned(), every, audiences: vec![true], action, ack: None }
}

/// Checks that the mean over independent replications is `theory`, within a 99.9 % Student interval computed from
/// them; prints what it excludes, so that a green test says how sharp it is.
pub fn assert_agrees(what: &str, values: &[f64], theory: f64) {
    assert_agrees_to(what, values, theory, 0.1);
}

/// The same where more than 10 % of width has to do; `bluntest` is the share of `theory` it may have.
pub fn assert_agrees_to(what: &str, values: &[f64], theory: f64, bluntest: f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let half_width = t_999(values.len()) * (variance / n).sqrt();
    println!("{what}: {mean:.6} ± {half_width:.6} (99.9 %), theory {theory:.6}");
    assert!((mean - theory).abs() <= half_width + 1e-12, "{what}: {mean} ± {half_width}, theory {theory}");
    assert!(half_width <= bluntest * theory.abs() + 1e-9, "{what}: ± {half_width} is too blunt to test {theory}");
}

/// Two-sided 99.9 % point of Student's t.
fn t_999(n: usize) -> f64 {
    use statrs::distribution::{ContinuousCDF, StudentsT};
    StudentsT::new(0.0, 1.0, n as f64 - 1.0).unwrap().inverse_cdf(0.9995)
}

/// Something handed to the developers, which is not part of the repository: beside the checkout or further up.
pub fn shared(path: &str) -> Option<std::path::PathBuf> {
    let found = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|dir| dir.join("shared").join(path))
        .find(|f| f.exists());
    if found.is_none() {
        println!("skipped: shared/{path} does not stand beside this checkout");
    }
    found
}
