//! How many replications are run, and what is told of too few samples.

use serde_json::Value;
use stickysim::metrics::{FigureId, TooFew};

use crate::program::Place;

/// Requests that come and go at random, and nothing else.
const QUEUE: &str = "\
name: queue
duration: 70s
warm_up: 10s
clients: {count: 20, transports: none, network: {preset: fixed, rtt: 1ms, jitter: 0}}
traffic: [{api: {every: {exp: 500ms}, work: {exp: 10ms}}}]
balancers: [{nginx: {}}]
pods: {replicas: 1}
";

fn summary(place: &Place) -> Value {
    serde_json::from_str(&place.read("out/summary.json")).expect("JSON")
}

/// The table and what stands under it.
fn run(place: &Place, words: &str) -> String {
    let said = place.run(&format!("run queue.yaml --out out {words}"));
    said.fine().split("Closest").next().expect("some text").to_owned()
}

#[test]
fn runs_are_added_until_figures_are_known() {
    let place = Place::new();
    place.write("queue.yaml", QUEUE);
    let mut last = 0;
    for (precision, wanted) in [("20%", 0.2), ("5%", 0.05), ("3%", 0.03)] {
        let said = run(&place, &format!("--precision {precision}"));
        let summary = summary(&place);
        let study = &summary["study"];
        let (runs, reached) =
            (study["replications"].as_u64().unwrap(), study["precision"]["reached"].as_f64().unwrap());
        assert!(runs >= last && runs >= 10 && (runs - 10).is_multiple_of(5), "{runs} for {precision}");
        assert!(reached <= wanted, "{reached} for {precision}");
        assert!(said.replace('\n', " ").contains("every headline figure, and what is expected, is known"), "{said}");
        last = runs;
    }
    assert!(last > 15, "some precision takes more than two looks");
    // and `auto` is 5 %, whoever says it
    run(&place, "");
    let silent = summary(&place)["study"]["variants"].clone();
    for words in ["-r auto", "--precision 5% --threads 1"] {
        run(&place, words);
        assert!(summary(&place)["study"]["variants"] == silent, "{words}");
    }
}

#[test]
fn what_could_not_be_reached_is_said() {
    let place = Place::new();
    place.write("queue.yaml", QUEUE);
    let said = run(&place, "--precision 0.2% --set replications.at_most=20").replace('\n', " ");
    assert!(said.contains("After 20 runs, the most there may be, not every figure is known to ±0.2"), "{said}");
    assert_eq!(summary(&place)["study"]["replications"], 20);
}

#[test]
fn what_is_expected_must_be_known_as_well() {
    let place = Place::new();
    place.write("queue.yaml", QUEUE);
    let runs = |place: &Place| summary(place)["study"]["replications"].as_u64().expect("a number");
    run(&place, "");
    let without = runs(&place);
    place.run_with("run queue.yaml --out out", &["--expect", "max request.latency < 1h"], b"").fine();
    assert!(runs(&place) > without, "the longest of a run varies more than any headline figure: {without} runs");
}

#[test]
fn percentiles_with_few_samples_beyond_are_not_told() {
    let place = Place::new();
    place.write("queue.yaml", QUEUE);
    // 2,400 requests in a run: 24 beyond p99, and 120 beyond p95
    let said = run(&place, "-r 1");
    let row = |said: &str, name: &str| said.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert_eq!(row(&said, "request latency p99 (ms)"), "", "{said}");
    assert!(row(&said, "request latency p95 (ms)").ends_with(|c: char| c.is_ascii_digit()), "{said}");
    let flat = said.replace('\n', " ");
    assert!(
        flat.contains("`too few`: so few samples lie beyond") && flat.contains("request latency p99 (queue 2"),
        "{said}"
    );
    let missing = summary(&place)["study"]["variants"][0]["too_few"].clone();
    assert!(missing.as_array().unwrap().iter().any(|few| few["id"] == "request.latency.p99"), "{missing}");
    // five runs have them together
    let said = run(&place, "-r 5");
    assert!(row(&said, "request latency p99 (ms)").contains('±'), "{said}");
    // what is expected of one that is not told does not hold
    let said = place.run_with("run queue.yaml --out out -r 1 --quiet", &["--expect", "p99 request.latency < 1h"], b"");
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("samples lie beyond it, and 100 would tell; longer runs would help, or more of them"),
        "{}",
        said.err
    );
}

#[test]
fn samples_beyond_are_counted_away_from_the_middle() {
    let figure = |name: &str| name.parse::<FigureId>().expect("a figure");
    let mut latencies = stickysim::metrics::Latencies::default();
    for n in 0..10_000 {
        latencies.request.record(stickysim::engine::Span::from_nanos(1_000 * n));
    }
    let beyond = |name: &str| figure(name).samples_beyond(&latencies);
    assert_eq!(beyond("request.latency.p99"), Some(100));
    assert_eq!(beyond("request.latency.p1"), Some(100));
    assert_eq!(beyond("request.latency.p50"), Some(5_000));
    assert_eq!(beyond("request.latency.p99.9"), Some(10));
    assert_eq!((beyond("request.latency.mean"), beyond("event.latency.p99")), (None, None));
    let told = |beyond: u64, runs: usize| TooFew::to_tell(figure("request.latency.p99"), beyond, runs).is_none();
    assert!(told(100, 1) && told(100, 20) && told(500, 100));
    assert!(!told(99, 1) && !told(104, 21) && !told(499, 100), "each run has some, else its percentile is biased");
}
