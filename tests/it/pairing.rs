//! The same random numbers for all variants: what they are worth, and what they never claim.

use stickysim::metrics::Study;
use stickysim::scenario::{self, NoFiles, Source};
use stickysim::study::{self, Options};

/// `auction` with these variants instead of its own.
fn auction(variants: &str, replications: u32) -> Study {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/auction.yaml");
    let text = std::fs::read_to_string(path).expect("the shipped scenario");
    let (head, _) = text.split_once("\nvariants:").expect("it has variants");
    let text = format!("{head}\nvariants: {variants}\n");
    let source = Source { name: "auction.yaml", text: &text, folder: &NoFiles };
    let scenario = scenario::parse(source, &[format!("replications={replications}")])
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    study::run(&scenario, &Options { variants: true, threads: None, progress: &|_| Ok(()) }).unwrap()
}

#[test]
fn the_same_random_numbers_are_worth_five_times_as_many_runs() {
    let study = auction("{cookie: {}, ip-hash: {balancers: [{nginx: {method: ip_hash}}]}}", 30);
    let variant = &study.variants[1];
    let gain = |id: &str| {
        let figure = variant.figures.iter().find(|figure| figure.id == id).expect("a figure of auction");
        let pairing = figure.pairing.expect("thirty pairs");
        println!("{id}: correlation {:?}, gain {:?}, p {:.3}", pairing.correlation, pairing.gain, pairing.p_value);
        pairing.gain.expect("differences vary")
    };
    // what hangs on what clients do
    let gains = ["request.latency.p50", "request.latency.p95", "connections.active", "lost.messages"].map(gain);
    assert!(gains.iter().all(|gain| *gain >= 5.0), "{gains:?}");
    // what hangs on where the addresses of offices fall is random under ip-hash alone, and no pairing takes it away
    let gains = ["event.latency.p50", "redis.copies"].map(gain);
    assert!(gains.iter().all(|gain| (0.8..5.0).contains(gain)), "{gains:?}");
}

#[test]
fn who_is_compared_with_himself_is_identical() {
    let study = auction("{none: {}, twin: {}, triplet: {}}", 5);
    for variant in study.variants.iter().filter(|variant| variant.name != "none") {
        for figure in &variant.figures {
            let difference = figure.difference.as_ref().expect("not the baseline");
            assert_eq!((difference.min, difference.max), (0.0, 0.0), "{}", figure.id);
            assert_eq!(figure.pairing.map(|pairing| pairing.p_value), Some(1.0), "{}", figure.id);
        }
    }
}
