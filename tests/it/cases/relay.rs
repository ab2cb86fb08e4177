//! Case C01 without a surge: what the pod carries that is restarted last, which no figure says.

use std::path::Path;

use stickysim::cluster::simulate;
use stickysim::engine::Seed;
use stickysim::scenario::load;

#[test]
fn the_pod_restarted_last_carries_most_before() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/cases/c01-ld-relay.yaml");
    let scenario = load(&path, &["sample_every=1s".to_owned()]).unwrap_or_else(|problems| panic!("{problems}"));
    let variant = scenario.variants.iter().find(|variant| variant.name == "in-turn").unwrap();
    let most = |replication| {
        let record = simulate(&variant.spec, Seed(scenario.seed).replication(replication)).unwrap();
        let last = record.marks.iter().rfind(|mark| mark.what.starts_with("remove pod-")).unwrap();
        let pod: usize = last.what["remove pod-".len()..].parse().unwrap();
        let before = record.series.times_s.iter().rposition(|&time| time * 1e3 < last.at_ms as f64).unwrap();
        record.series.pods[pod].connections[before].unwrap() / (1_800.0 / 11.0)
    };
    let all: Vec<f64> = (0..40).map(most).collect();
    let mean = all.iter().sum::<f64>() / 40.0;
    // asked for: 2.4 to 2.7 times the steady mean; theory: 1.1^10 = 2.594, from 40 runs ± 0.02
    assert!((2.53..2.66).contains(&mean), "{mean}: {all:?}");
}
