//! `during` and `with`: figures of a window, and how sure an expectation must be.

use std::path::Path;

use rayon::prelude::*;
use stickysim::cluster::spec::{ClusterSpec, Population};
use stickysim::cluster::{simulate, simulate_during};
use stickysim::engine::{Seed, Span};
use stickysim::metrics::{CloseReason, FigureId, Record, Taken, Window};
use stickysim::scenario::{NoFiles, Scenario, Source, load, parse};

use crate::program::Place;

fn window(from: Span, to: Span) -> Window {
    Window { from, to }
}

/// Every variant of every shipped scenario, with a sixteenth of the clients.
fn shipped() -> Vec<(String, ClusterSpec)> {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")).unwrap();
    let paths =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    let mut all: Vec<(String, ClusterSpec)> = paths
        .flat_map(|path| {
            let scenario = load(&path, &[]).unwrap_or_else(|problems| panic!("{problems}"));
            scenario
                .variants
                .into_iter()
                .map(|variant| (format!("{} {}", scenario.name, variant.name), variant.spec))
                .collect::<Vec<_>>()
        })
        .collect();
    for (_, spec) in &mut all {
        for audience in &mut spec.audiences {
            match &mut audience.population {
                Population::Present { count } => *count = count.div_ceil(16),
                Population::Arriving { rate_per_s, .. } => *rate_per_s /= 16.0,
                Population::Trace { .. } => {}
            }
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Where the values of these figures are not the same, bit by bit.
fn differing(a: &Record, b: &Record, which: impl Fn(&FigureId) -> bool) -> Vec<String> {
    let bits = |figure: &FigureId, record: &Record| figure.value(record).map(f64::to_bits);
    let differ = FigureId::all().filter(which).filter(|figure| bits(figure, a) != bits(figure, b));
    differ.map(|figure| format!("{figure}: {:?} and {:?}", figure.value(a), figure.value(b))).collect()
}

/// Whoever looks changes nothing, all of it is all, and parts add up to the whole: for every scenario and every figure.
#[test]
fn windows_are_parts_of_the_whole() {
    let wrong: Vec<String> = shipped()
        .par_iter()
        .flat_map_iter(|(name, spec)| {
            let plain = simulate(spec, Seed(3)).unwrap_or_else(|error| panic!("{name}: {error}"));
            // at no moment at which anything else is due
            let middle = spec.warm_up + (spec.duration.saturating_sub(spec.warm_up)) / 3 + Span::from_nanos(7);
            let (from, to) = (spec.warm_up, spec.duration);
            let windows = [window(from, to), window(from, middle), window(middle, to)];
            let (whole, parts) = simulate_during(spec, &windows, Seed(3)).expect("as before");
            let mut wrong = Vec::new();
            if whole.digest != plain.digest || whole.counts != plain.counts {
                wrong.push("the run is another one".to_owned());
            }
            wrong.extend(differing(&plain, &whole, |_| true));
            wrong.extend(differing(&plain, &parts[0], |figure| figure.family().taken != Taken::Run));
            let mut sum = parts[1].clone();
            sum.counts.add(&parts[2].counts);
            sum.latencies.merge(&parts[2].latencies);
            if sum.counts != plain.counts {
                wrong.push(format!("{:?} and {:?}", sum.counts, plain.counts));
            }
            wrong.extend(differing(&plain, &sum, |figure| figure.family().is_distribution()));
            wrong.into_iter().map(move |what| format!("{name}: {what}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Forty people, one of two pods crashes at 40 s, and everybody of it is back within seconds.
const CRASH: &str = "\
name: crash
duration: 60s
warm_up: 10s
sample_every: 1s
replications: 4
clients: {count: 40, transports: [websocket], network: {preset: fixed, address_change: {every: never}}}
traffic: [{api: {every: {exp: 2s}}}]
balancers: [{nginx: {}}]
pods: {replicas: 2, startup: 1s}
timeline: [{at: 40s, crash: {pod: 0}}]
variants: {a: {}, b: {pods.replicas: 3}}
";

fn read(text: &str) -> Scenario {
    parse(Source { name: "crash.yaml", text, folder: &NoFiles }, &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn what_happens_is_seen_in_its_window_alone() {
    let spec = read(CRASH).base;
    let seconds = Span::from_secs;
    let windows = [(10, 40), (40, 50), (50, 60)].map(|(from, to)| window(seconds(from), seconds(to)));
    let (whole, parts) = simulate_during(&spec, &windows, Seed(1)).expect("the books balance");
    let lost = |record: &Record| record.counts.closed.of(CloseReason::PodCrash);
    // the crash happens at the very moment that ends the first window
    assert_eq!(parts.iter().map(lost).collect::<Vec<_>>(), [0, 20, 0]);
    assert_eq!(parts[1].counts.reconnects, whole.counts.reconnects);
    assert_eq!((parts[0].reconnects_peak_per_s, parts[2].reconnects_peak_per_s), (0.0, 0.0));
    assert_eq!(parts[1].reconnects_peak_per_s, whole.reconnects_peak_per_s);
    assert_eq!((parts[0].connected_mean, parts[2].connected_mean), (40.0, 40.0));
    assert!(parts[1].connected_mean < 40.0 && parts[1].ready_mean < 2.0);
    // 29, 10 and 11 samples: that at the beginning belongs to a window, but of all that is measured that at the end does
    let sum = 29.0 * 40.0 + 10.0 * parts[1].connected_mean + 11.0 * 40.0;
    assert!((sum / 50.0 - whole.connected_mean).abs() < 1e-9);
    assert_eq!(parts.iter().map(|part| part.measured_s).collect::<Vec<_>>(), [30.0, 10.0, 10.0]);
    assert_eq!(parts[0].limits.pod_cpu.max(parts[1].limits.pod_cpu).max(parts[2].limits.pod_cpu), whole.limits.pod_cpu);
}

#[test]
fn a_window_is_expected_in_one_line_or_in_parts() {
    let lines = "expect: [connections.active == 40 during 10s..39s, 'connections.reconnects > 1/s during 40s..50s with 95 %']\n";
    let parts = "expect:\n- {that: connections.active == 40, during: [10s, 39s]}\n- that: connections.reconnects > 1/s\n  \
                 during: [40s, 50s]\n  with: 95 %\n";
    let place = Place::new();
    for (name, expect) in [("lines", lines), ("parts", parts)] {
        place.write(&format!("{name}.yaml"), format!("{CRASH}{expect}"));
        let out = place.run(&format!("compare {name}.yaml --out {name} --junit {name}.xml")).fine().to_owned();
        let said = out.lines().filter(|line| line.starts_with('✓')).count();
        assert_eq!(said, 4, "{out}");
        assert!(out.contains("✓ a: connections.active == 40 during 10s..39s — holds: measured 40 ± 0"), "{out}");
        let xml = place.read(&format!("{name}.xml"));
        assert!(xml.contains("name=\"connections.reconnects &gt; 1/s during 40s..50s with 95"), "{xml}");
    }
    let expectations = |folder: &str| {
        let summary = place.summary(folder);
        let outcome = &summary["study"]["variants"][1]["expectations"][1];
        ["during_s", "confidence", "holds", "judgement", "measured"].map(|key| outcome[key].clone())
    };
    assert_eq!(expectations("lines"), expectations("parts"));
    assert_eq!(expectations("lines")[..2], [serde_json::json!([40.0, 50.0]), serde_json::json!(0.95)]);
    // what was resolved is the same again
    place.run("compare parts/scenario.yaml --quiet --out again").fine();
    assert_eq!(place.read("again/scenario.yaml"), place.read("parts/scenario.yaml"));
    assert_eq!(expectations("again"), expectations("parts"));
    // without its window it does not hold
    let whole = ["--expect", "connections.active == 40"];
    assert_eq!(place.run_with("run lines.yaml --quiet", &whole, b"").code, Some(1));
}

#[test]
fn what_must_be_sure_is_not_when_runs_differ() {
    let place = Place::new();
    place.write("crash.yaml", CRASH);
    let said = |expect: &str| place.run_with("run crash.yaml --quiet", &["--expect", expect], b"");
    // the mean of so few runs is on either side of its own value, without being sure
    let mean = {
        place.run("run crash.yaml --quiet --out out").fine();
        let summary = place.summary("out");
        let figures = summary["study"]["variants"][0]["figures"].as_array().unwrap().clone();
        let rate = figures.iter().find(|figure| figure["id"] == "requests.rate").unwrap();
        rate["value"]["mean"].as_f64().unwrap()
    };
    let near = format!("requests.rate < {}/s", mean + 1e-6);
    assert_eq!(said(&near).code, Some(0));
    let unsure = said(&format!("{near} with 95%"));
    assert_eq!(unsure.code, Some(1));
    assert!(
        unsure.err.contains("not sure: measured") && unsure.err.contains("4 runs do not tell with 95 %"),
        "{unsure:?}"
    );
    let fails = said("requests.rate < 1/s with 99%");
    assert!(fails.code == Some(1) && fails.err.contains("fails: ") && fails.err.contains("with 99 %"), "{fails:?}");
    assert_eq!(said("requests.rate < 100/s with 99%").code, Some(0));
}

#[test]
fn a_plan_looks_at_the_window() {
    let place = Place::new();
    place.write("crash.yaml", CRASH.replace("variants: {a: {}, b: {pods.replicas: 3}}\n", ""));
    let plan = |expect: &str| place.run_with("plan crash.yaml --quiet --to 4 --runs 5", &["--expect", expect], b"");
    // of n pods one crashes, and 40/n people come back: at most ten of them with four
    let out = plan("connections.reconnects < 1.5/s during 40s..50s").fine().to_owned();
    assert!(out.starts_with("pods.replicas at least 3.\n"), "{out}");
    let out = plan("connections.reconnects < 1.5/s during 10s..40s").fine().to_owned();
    assert!(out.starts_with("pods.replicas at least 1.\n"), "{out}");
}

#[test]
fn windows_and_confidences_that_cannot_be_are_refused() {
    let place = Place::new();
    place.write("crash.yaml", CRASH);
    for (expect, says) in [
        (
            "requests.failed < 1% during 40s..61s",
            "--expect `requests.failed < 1% during 40s..61s`: the window 40s..1m1s ends after the run, which lasts 1m",
        ),
        ("requests.failed < 1% during 5s..50s", "begins before the warm-up ends, which it does at 10s"),
        ("requests.failed < 1% during 50s..40s", "does not end after it begins"),
        ("n_eff.networks > 3 during 40s..50s", "is taken of the run as a whole"),
        ("limits.pod_cpu < 50% during 40s..50s", "write multiples of it, such as `during 36s..54s`"),
        ("connections.reconnects_peak < 5/s during 40s..50500ms", "is the peak of steps of 1s"),
        ("connections.active > 3 during 40100ms..40900ms", "is looked at every 1s, and never in the window"),
        ("requests.failed < 1% with 3", "is not a confidence"),
    ] {
        place.run_with("run crash.yaml", &["--expect", expect], b"").refused(&[says]);
    }
    place
        .run_with("run crash.yaml -r 1", &["--expect", "requests.failed < 1% with 95%"], b"")
        .refused(&["one run has no interval"]);
    let many: Vec<String> = (0..17).map(|n| format!("requests.failed < 1% during {}s..50s", 20 + n)).collect();
    let args: Vec<&str> = many.iter().flat_map(|expect| ["--expect", expect.as_str()]).collect();
    place.run_with("run crash.yaml", &args, b"").refused(&["more than 16 different windows"]);
    let few: Vec<&str> = args[..32].iter().chain(&args[..2]).copied().collect();
    place.run_with("run crash.yaml --quiet -r 1", &few, b"").fine();
}
