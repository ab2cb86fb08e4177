//! Ranks of variants, and what they are paid with.

use crate::program::Place;

/// Pods that start at once, and nobody who needs them: from two to four after half of the measured time.
const SCALED: &str = "\
name: scaled
duration: 100s
warm_up: 20s
replications: 2
clients: {count: 1, transports: none}
traffic: [{api: {every: {exp: 1s}, work: 1ms}}]
balancers: [{nginx: {}}]
pods: {replicas: 2, startup: 0s, scheduling: 0s, shutdown: {pre_stop: 10s}}
timeline: [{at: 60s, scale: {to: 4}}]
prices: {pod_hour: 0.1, currency: EUR}
variants:
  up: {}
  down: {pods.replicas: 4, timeline: [{at: 60s, scale: {to: 2}}]}
";

/// Mean of a figure of a variant.
fn mean(summary: &serde_json::Value, variant: &str, id: &str) -> f64 {
    let variants = summary["study"]["variants"].as_array().expect("variants");
    let variant = variants.iter().find(|found| found["name"] == variant).expect("the variant");
    let figures = variant["figures"].as_array().expect("figures");
    figures.iter().find(|figure| figure["id"] == id).expect("the figure")["value"]["mean"].as_f64().expect("a mean")
}

#[test]
fn pods_are_paid_from_creation_until_they_are_gone() {
    let place = Place::new();
    place.write("scaled.yaml", SCALED);
    place.run("compare scaled.yaml --quiet").fine();
    let summary = place.summary("output/scaled");
    // 80 s are measured: two pods, and two more for 40 s; or for 40 s and the 10 s of their preStop
    for (variant, pods) in [("up", 3.0), ("down", 2.0 + 2.0 * 50.0 / 80.0)] {
        assert!((mean(&summary, variant, "pods.mean") - pods).abs() < 1e-9, "{variant}");
        assert!((mean(&summary, variant, "price.month") - pods * 0.1 * 730.0).abs() < 1e-6, "{variant}");
    }
    assert_eq!(summary["study"]["currency"], "EUR");
    // a price can be expected, and be another one of a variant
    let expect = ["--expect", "price.month < 300"];
    let said = place.run_with("run scaled.yaml --quiet --set prices.pod_hour=0.2", &expect, b"");
    assert_eq!(said.code, Some(1), "{said:?}");
    place.write("priced.yaml", SCALED.replace("  up: {}", "  up: {prices: {pod_hour: 0.2}}"));
    place.run("compare priced.yaml --quiet --out priced").fine();
    assert!((mean(&place.summary("priced"), "up", "price.month") - 3.0 * 0.2 * 730.0).abs() < 1e-6);
}

#[test]
fn who_cannot_be_told_apart_shares_a_rank_and_the_cheapest_stands_first() {
    let place = Place::new();
    let variants = "variants:\n  dear: {prices: {pod_hour: 9}}\n  cheap: {prices: {pod_hour: 0.01}}\n  slow: {traffic: {api: {work: 20ms}}}\n  \
                    failing: {expect: [requests.failed > 50%]}\n";
    let (head, _) = SCALED.split_once("variants:").expect("it has variants");
    place.write("ranked.yaml", format!("{head}{variants}"));
    let said = place.run("compare ranked.yaml -r 5");
    assert_eq!(said.code, Some(1), "one expectation fails: {said:?}");
    let summary = place.summary("output/scaled");
    let ranking = &summary["ranking"];
    assert_eq!(ranking["by"], "request.latency.mean", "too few calls for a percentile");
    let places: Vec<(i64, &str, i64)> = ranking["places"]
        .as_array()
        .expect("places")
        .iter()
        .map(|place| {
            (
                place["rank"].as_i64().unwrap(),
                place["variant"].as_str().unwrap(),
                place["expectations_failed"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(places, [(1, "cheap", 0), (1, "dear", 0), (3, "slow", 0), (4, "failing", 1)]);
    assert!(said.out.contains("Ranked by expectations that fail, then request latency mean"), "{}", said.out);
    assert!(said.out.lines().all(|line| line.chars().count() <= 100), "{}", said.out);
    let csv = place.read("output/scaled/ranking.csv");
    assert!(csv.contains("\n1,cheap,0,price.month,21.9"), "{csv}");
    assert!(place.read("output/scaled/report.html").contains("id=\"ranking\""));
    // one variant has no rank, and no old table stays
    place.run("run ranked.yaml --quiet --out output/scaled").fine();
    assert!(!place.path("output/scaled/ranking.csv").exists());
}

#[test]
fn variants_are_ranked_by_what_is_asked_for() {
    let place = Place::furnished();
    place.run("compare tiny.yaml --quiet --rank redis.copies").fine();
    assert_eq!(place.summary("output/tiny")["ranking"]["by"], "redis.copies");
    let refused = |more: &[&str], says: &[&str]| place.run_with("compare tiny.yaml", more, b"").refused(says);
    refused(&["--rank", "p99 evnt.latency"], &["--rank", "did you mean `p99 event.latency`?"]);
    refused(&["--rank", "event.latency"], &["say which figure"]);
    refused(&["--rank", "p99.9 event.latency"], &["mean, p50, p95 or p99"]);
    refused(&["--rank", "connections.active"], &["neither good nor bad"]);
    refused(&["--rank", "p99 database.query"], &["no variant has anything of it"]);
    refused(&["--rank", ""], &["--rank"]);
    // before it runs, and so nothing is written
    refused(&["--rank", "price.month", "--out", "free"], &["no prices", "--set prices.pod_hour=0.048"]);
    assert!(!place.path("free").exists());
    refused(
        &["--rank", "p99 request.latency", "-r", "1"],
        &["beyond it, too few to say where it is (100 would do)", "-r 20", "`mean request.latency`"],
    );
}

#[test]
fn prices_that_cannot_be_are_refused() {
    let place = Place::furnished();
    let refused = |set: &str, says: &[&str]| place.run_with("check tiny.yaml --set", &[set], b"").refused(says);
    refused("prices.pod_hour=-1", &["-1", "zero or more"]);
    refused("prices.pod_hour=1e300", &["more than 1e9"]);
    refused("prices.pod_hour=free", &["free"]);
    refused("prices={}", &["`pod_hour` is missing"]);
    refused("prices.currency=EUR", &["`pod_hour` is missing", "in `--set prices.currency=EUR`", "pod_hour: 0.048"]);
    let of_variant = "variants.none.prices.currency=EUR";
    refused(of_variant, &["`pod_hour` is missing", &format!("in `--set {of_variant}`")]);
    refused("prices={pod_hour: 1, currency: euro}", &["`euro` is no code of a currency", "EUR"]);
    refused("prices={pod_hour: 1, gigabyte: 2}", &["gigabyte"]);
    let other = "variants: {a: {prices: {pod_hour: 1, currency: USD}}}";
    place.write(
        "two.yaml",
        format!("name: two\nclients: {{count: 1}}\nprices: {{pod_hour: 1, currency: EUR}}\n{other}\n"),
    );
    place.run("check two.yaml").refused(&["another currency"]);
}
