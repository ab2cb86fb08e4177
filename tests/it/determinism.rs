//! The same scenario and seed give the same bytes, whatever else is different.

use serde_json::Value as Json;
use serde_yaml::Value;

use crate::program::{Place, TINY};

/// Turns every map around, at every depth.
fn turn(value: &mut Value) {
    match value {
        Value::Mapping(map) => {
            let mut entries: Vec<(Value, Value)> = std::mem::take(map).into_iter().collect();
            // not only reversed: the first half moves as well
            entries.reverse();
            let middle = entries.len() / 3;
            entries.rotate_left(middle);
            entries.iter_mut().for_each(|(_, value)| turn(value));
            map.extend(entries);
        }
        Value::Sequence(list) => list.iter_mut().for_each(turn),
        _ => {}
    }
}

#[test]
fn any_number_of_threads_writes_the_same_files() {
    let place = Place::furnished();
    for threads in [1, 2, 8] {
        place.run(&format!("compare tiny.yaml -r 3 --quiet --threads {threads} --out t{threads}")).fine();
    }
    place.assert_same("t1", "t2");
    place.assert_same("t1", "t8");
}

/// Where the system gives huge pages to those who ask, the program starts again to ask: with the same arguments and input.
#[test]
fn huge_pages_change_nothing() {
    let place = Place::furnished();
    let more = ["--set", "title=two  blanks & *"];
    place.run_with("run - --quiet --out asks", &more, TINY.as_bytes()).fine();
    place.write("stdin.yaml", TINY);
    let input = std::fs::File::open(place.path("stdin.yaml")).unwrap();
    let mut does_not_ask = place.command("run - --quiet --out does-not");
    assert!(does_not_ask.args(more).env("GLIBC_TUNABLES", "").stdin(input).status().unwrap().success());
    place.assert_same("asks", "does-not");
}

#[test]
fn the_order_of_keys_means_nothing() {
    let place = Place::furnished();
    for name in ["tiny", "played"] {
        let mut scenario: Value = serde_yaml::from_str(&place.read(&format!("{name}.yaml"))).unwrap();
        turn(&mut scenario);
        let turned = serde_yaml::to_string(&scenario).unwrap();
        assert!(!turned.starts_with("name:"), "{turned}");
        place.write(&format!("{name}-turned.yaml"), turned);
        place.run(&format!("compare {name}.yaml --quiet --out {name}/a")).fine();
        place.run(&format!("compare {name}-turned.yaml --quiet --out {name}/b")).fine();
        place.assert_same(&format!("{name}/a"), &format!("{name}/b"));
    }
}

#[test]
fn a_resolved_scenario_fed_back_gives_the_same_files() {
    let place = Place::furnished();
    for name in ["tiny", "played"] {
        for command in ["compare", "run"] {
            let (a, b) = (format!("{name}/{command}"), format!("{name}/{command}-again"));
            place.run(&format!("{command} {name}.yaml --seed 3 --quiet --out {a}")).fine();
            place.run(&format!("{command} {a}/scenario.yaml --quiet --out {b}")).fine();
            place.assert_same(&a, &b);
            // into its own folder
            place.run(&format!("{command} {a}/scenario.yaml --quiet --out {a}")).fine();
            place.assert_same(&a, &b);
        }
    }
}

#[test]
fn what_is_changed_in_a_resolved_scenario_is_no_longer_assumed() {
    let place = Place::furnished();
    let assumed = |folder: &str| -> Vec<String> {
        let summary = place.summary(folder);
        let made = summary["study"]["assumptions"].as_array().unwrap();
        made.iter().map(|made| made["path"].as_str().unwrap().to_owned()).collect()
    };
    place.run("run tiny.yaml --quiet --out a").fine();
    place.run("run a/scenario.yaml --quiet --out b --set pods.cpu=2 --set clients.homes.network.jitter=0.5").fine();
    let (before, after) = (assumed("a"), assumed("b"));
    let gone: Vec<&String> = before.iter().filter(|path| !after.contains(path)).collect();
    assert_eq!(gone, ["clients.homes.network.jitter", "pods.cpu"]);
    assert!(after.iter().all(|path| before.contains(path)), "{after:?}");
}

/// Every figure of a variant with its difference to the baseline.
fn figures(summary: &Json, variant: usize) -> &Vec<Json> {
    summary["study"]["variants"][variant]["figures"].as_array().unwrap()
}

#[test]
fn a_against_a_differs_by_exactly_nothing() {
    let place = Place::new();
    let head = TINY.split("variants:").next().unwrap();
    place.write("same.yaml", format!("{head}variants: {{first: {{}}, second: {{}}}}\n"));
    place.run("compare same.yaml -r 3 --quiet --out out").fine();
    let summary = place.summary("out");
    let (first, second) = (figures(&summary, 0), figures(&summary, 1));
    assert!(first.len() > 50, "{} figures", first.len());
    assert_eq!(first.len(), second.len());
    for (a, b) in first.iter().zip(second) {
        assert_eq!((&a["id"], &a["value"]), (&b["id"], &b["value"]));
        let difference = &b["difference"];
        for part in ["mean", "half_width", "min", "max"] {
            // a figure that only one replication has, has no interval
            let single = part == "half_width" && difference["replications"] == 1;
            assert!(single || difference[part].as_f64() == Some(0.0), "{b}");
        }
    }
    let variants = &summary["study"]["variants"];
    for part in ["distributions", "counts", "limits", "series", "marks", "expectations", "digests", "events"] {
        assert_eq!(variants[0][part], variants[1][part], "{part}");
    }
}

fn digests(summary: &Json) -> Vec<Vec<String>> {
    let variants = summary["study"]["variants"].as_array().unwrap().iter();
    let of = |variant: &Json| serde_json::from_value(variant["digests"].clone()).unwrap();
    variants.map(of).collect()
}

#[test]
fn the_seed_changes_everything_and_more_replications_change_nothing() {
    let place = Place::furnished();
    place.run("compare tiny.yaml -r 2 --quiet --out two").fine();
    place.run("compare tiny.yaml -r 3 --quiet --out three").fine();
    place.run("compare tiny.yaml -r 2 --seed 8 --quiet --out other").fine();
    let [two, three, other] = ["two", "three", "other"].map(|folder| digests(&place.summary(folder)));
    for variant in 0..3 {
        assert_eq!(two[variant], three[variant][..2], "the first replications stay");
        let mut all: Vec<&String> = three[variant].iter().chain(&other[variant]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5, "each replication of each seed is its own run");
    }
    assert_eq!(place.read("two/timeseries.csv"), place.read("three/timeseries.csv"), "series are of the first run");
    assert_ne!(place.read("two/timeseries.csv"), place.read("other/timeseries.csv"));
    assert_ne!(place.read("two/latency.csv"), place.read("other/latency.csv"));
}

#[test]
fn a_setting_is_the_same_as_the_file_with_it() {
    let place = Place::furnished();
    place.write("five.yaml", TINY.replace("replicas: 3", "replicas: 5").replace("count: 30", "count: 40"));
    place.run("compare five.yaml --quiet --out a").fine();
    place.run("compare tiny.yaml --set pods.replicas=5 --set clients.homes.count=40 --quiet --out b").fine();
    place.assert_same("a", "b");
}
