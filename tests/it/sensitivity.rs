//! `--sensitivity`: which assumptions a verdict hinges on.

use serde_json::Value as Json;

use crate::program::Place;

/// A place with `hinge.yaml`, in which all depends on `redis.hop`.
fn place() -> Place {
    let place = Place::furnished();
    place.write("hinge.yaml", include_str!("../scenarios/hinge.yaml"));
    place
}

fn texts(list: &Json) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// The entry of an assumption.
fn entry<'s>(summary: &'s Json, path: &str) -> Option<&'s Json> {
    let list = summary["sensitivity"]["assumptions"].as_array().unwrap();
    list.iter().find(|entry| entry["assumption"]["path"] == path)
}

#[test]
fn the_assumption_that_turns_the_verdict_is_named() {
    let place = place();
    let said = place.run("compare hinge.yaml --sensitivity --out out");
    insta::assert_snapshot!(said.fine());
    let summary = place.summary("out");
    let sensitivity = &summary["sensitivity"];
    assert_eq!(sensitivity["replications"], 4, "no more than the study has");
    assert_eq!(texts(&sensitivity["hinges"]), ["redis.hop"]);
    assert!(summary["verdict"].as_str().unwrap().ends_with("hinges on redis.hop."), "{}", summary["verdict"]);
    let hop = entry(&summary, "redis.hop").unwrap();
    assert_eq!((&hop["lower"]["value"], &hop["higher"]["value"]), (&Json::from("150us"), &Json::from("600us")));
    // 300 us is below the 450 us of the other, 600 us above: known without a simulation
    let claims = texts(&hop["higher"]["claims"]);
    assert!(claims.contains(&"event latency p99, written against assumed: higher → lower"), "{claims:?}");
    assert!(texts(&hop["lower"]["claims"]).is_empty());
    // the variant that writes its own value does not move
    let moved = |variant: &str| {
        let changes = hop["higher"]["changes"].as_array().unwrap().iter();
        changes.filter(|change| change["variant"] == variant).count()
    };
    assert!(moved("assumed") > 0);
    assert_eq!(moved("written"), 0);
    for file in ["sensitivity.csv", "plots/sensitivity.svg"] {
        assert!(place.read(&format!("out/{file}")).contains("redis.hop"), "{file}");
    }
    let page = place.read("out/report.html");
    assert!(page.contains("id=\"sensitivity\"") && page.contains("What the verdict hinges on"));
}

#[test]
fn what_the_scenario_says_is_no_assumption() {
    let place = place();
    place.run("compare hinge.yaml --sensitivity --quiet --out out --set redis.hop=300us").fine();
    let summary = place.summary("out");
    assert!(texts(&summary["sensitivity"]["hinges"]).is_empty());
    assert!(entry(&summary, "redis.hop").is_none());
    assert!(entry(&summary, "seed").is_none() && entry(&summary, "pods.costs.heartbeat_every").is_none());
    let words = "assumptions changes none of this.";
    assert!(summary["verdict"].as_str().unwrap().ends_with(words), "{}", summary["verdict"]);
}

#[test]
fn one_cluster_hinges_on_what_decides_an_expectation() {
    let place = place();
    place.run("run hinge.yaml --sensitivity --quiet --out out").fine();
    let summary = place.summary("out");
    assert_eq!(texts(&summary["sensitivity"]["hinges"]), ["redis.hop"]);
    let hop = entry(&summary, "redis.hop").unwrap();
    assert_eq!(texts(&hop["higher"]["claims"]), ["hinge: `event.latency.p50 < 3200us` holds → does not hold"]);
}

#[test]
fn any_number_of_threads_and_a_scenario_fed_back_give_the_same_bytes() {
    let place = place();
    for threads in [1, 2] {
        place.run(&format!("compare tiny.yaml --sensitivity --quiet --threads {threads} --out t{threads}")).fine();
    }
    place.assert_same("t1", "t2");
    place.run("compare t1/scenario.yaml --sensitivity --quiet --out again").fine();
    place.assert_same("t1", "again");
    // the study itself is the same with and without
    place.run("compare tiny.yaml --quiet --out t1").fine();
    let (with, without) = (place.summary("t2"), place.summary("t1"));
    assert_eq!(with["study"], without["study"]);
    assert!(without.get("sensitivity").is_none());
    let stale = |name: &String| name.contains("sensitivity");
    assert!(!place.files("t1").keys().any(stale), "what an earlier run left is gone");
}

#[test]
fn too_few_runs_are_refused() {
    let place = place();
    place.run("compare tiny.yaml --sensitivity -r 1").refused(&["two of each variant", "-r 5"]);
    place.run("run tiny.yaml --sensitivity=1").refused(&["two of each variant"]);
    place.run("compare tiny.yaml --sensitivity=9 -r 3").refused(&["more runs than the 3", "write `-r 9`"]);
    place.run("compare tiny.yaml --sensitivity=many").refused(&["not a number of runs", "--sensitivity=10"]);
    place.run("compare tiny.yaml --sensitivity=-3").refused(&["not a number of runs"]);
    place.run("compare tiny.yaml --sensitivity=99999999999").refused(&["not a number of runs"]);
}
