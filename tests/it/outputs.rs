//! The files of a real run: readable by programs, and all of them tell the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::program::Place;
use crate::report::xml::assert_well_formed;

/// `tiny.yaml` compared, in the folder `out`; and what the terminal said.
fn compared() -> (Place, String) {
    let place = Place::furnished();
    let out = place.run("compare tiny.yaml --out out").fine().to_owned();
    (place, out)
}

fn rows(place: &Place, name: &str) -> Vec<BTreeMap<String, String>> {
    let text = place.read(&format!("out/{name}"));
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .map(|row| row.unwrap_or_else(|e| panic!("{name}: {e}")))
        .collect()
}

fn number(text: &str) -> f64 {
    let value: f64 = text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"));
    assert!(value.is_finite(), "{text}");
    value
}

/// (variant, figure) to its report in `summary.json`.
fn figures(summary: &Json) -> BTreeMap<(String, String), Json> {
    let mut all = BTreeMap::new();
    for variant in summary["study"]["variants"].as_array().unwrap() {
        for figure in variant["figures"].as_array().unwrap() {
            let name = |value: &Json| value.as_str().unwrap().to_owned();
            all.insert((name(&variant["name"]), name(&figure["id"])), figure.clone());
        }
    }
    all
}

#[test]
fn the_summary_fits_its_schema() {
    let (place, _) = compared();
    for (command, out) in
        [("compare tiny.yaml", "a"), ("run tiny.yaml -r 1", "b"), ("compare played.yaml --sensitivity", "c")]
    {
        place.run(&format!("{command} --quiet --out {out}")).fine();
        assert_fits("summary", &place.summary(out));
    }
}

#[test]
fn plans_and_remedies_fit_their_schemas() {
    let place = Place::furnished();
    let read = |path: &str| serde_json::from_str(&place.read(path)).expect("JSON");
    // nobody is served without the only pod: a value without measurements
    let expect = ["--expect", "limits.pod_cpu < 99%", "--expect", "p99 event.latency < 1h"];
    place.run_with("plan tiny.yaml --variant cookie --to 3 --during pod-lost --quiet --out plan", &expect, b"");
    assert_fits("plan", &read("plan/plan.json"));
    place.run("recommend tiny.yaml -r 3 --only one-pod-more,sharded-adapter,drain --quiet --out remedies").fine();
    assert_fits("recommend", &read("remedies/recommend.json"));
}

/// What is written fits the schema that `stickysim schema` prints.
#[track_caller]
fn assert_fits(kind: &str, written: &Json) {
    let schema = Place::new().run(&format!("schema {kind}")).fine().to_owned();
    let schema = jsonschema::draft202012::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = schema.iter_errors(written).map(|e| format!("{}: {e}", e.instance_path)).collect();
    assert!(errors.is_empty(), "{kind}: {errors:#?}");
}

#[test]
fn time_series_have_one_row_per_moment_whose_and_metric() {
    let (place, _) = compared();
    let mut seen = BTreeSet::new();
    let rows = rows(&place, "timeseries.csv");
    for row in &rows {
        assert!(number(&row["time_s"]) <= 20.0);
        number(&row["value"]);
        let key = (row["variant"].clone(), row["time_s"].clone(), row["pod"].clone(), row["metric"].clone());
        assert!(seen.insert(key), "twice: {row:?}");
    }
    for variant in ["cookie", "ip-hash", "none"] {
        let moments: BTreeSet<_> = seen.iter().filter(|key| key.0 == variant).map(|key| &key.1).collect();
        assert_eq!(moments.len(), 20, "{variant}: {moments:?}");
        for moment in moments {
            let whose = seen.iter().filter(|key| key.0 == variant && key.1 == *moment && key.2 == "cluster");
            assert!(whose.count() > 0, "{variant} at {moment} has no row for the cluster");
        }
    }
}

#[test]
fn time_series_of_very_short_runs_keep_their_moments_apart() {
    let place = Place::furnished();
    place.run("run tiny.yaml --set duration=2ms --set timeline=[] --set expect=[] --quiet --out out").fine();
    let mut seen = BTreeSet::new();
    for row in rows(&place, "timeseries.csv") {
        assert!(seen.insert((row["time_s"].clone(), row["pod"].clone(), row["metric"].clone())), "twice: {row:?}");
    }
}

#[test]
fn tables_hold_the_figures_of_the_summary() {
    let (place, _) = compared();
    let figures = figures(&place.summary("out"));
    let mut found = BTreeSet::new();
    for name in ["latency.csv", "redis.csv", "load.csv"] {
        for row in rows(&place, name) {
            number(&row["value"]);
            if row["kind"] != "figure" {
                continue;
            }
            let dot = if row["statistic"].is_empty() { "" } else { "." };
            let id = format!("{}{dot}{}", row["family"], row["statistic"]);
            let figure = &figures[&(row["variant"].clone(), id.clone())];
            for (column, value) in [
                ("value", &figure["value"]["mean"]),
                ("half_width_95", &figure["value"]["half_width"]),
                ("min", &figure["value"]["min"]),
                ("max", &figure["value"]["max"]),
                ("difference", &figure["difference"]["mean"]),
                ("difference_half_width_95", &figure["difference"]["half_width"]),
            ] {
                match value.as_f64() {
                    None => assert_eq!(row[column], "", "{id} {column}"),
                    Some(value) => {
                        let near = (number(&row[column]) - value).abs() <= 5.1e-7 + value.abs() * 1e-12;
                        assert!(near, "{id} {column}: {} and {value}", row[column]);
                    }
                }
            }
            // durations of Redis stand in both files, and are the same there
            found.insert((row["variant"].clone(), id.clone()));
        }
    }
    for (variant, id) in figures.keys() {
        let somewhere =
            ["event.", "request.", "connect.", "offline.", "session.", "redis.", "load.", "n_eff.", "limits."];
        if somewhere.iter().any(|start| id.starts_with(start)) {
            assert!(found.contains(&(variant.clone(), id.clone())), "{variant} {id} stands in no table");
        }
    }
}

#[test]
fn the_terminal_shows_the_figures_of_the_summary() {
    let (place, out) = compared();
    let figures = figures(&place.summary("out"));
    let line = |title: &str| {
        out.lines().find(|line| line.trim_start().starts_with(title)).unwrap_or_else(|| panic!("{title}"))
    };
    for (title, id, scale) in [
        ("event latency p50 (ms)", "event.latency.p50", 1.0),
        ("Redis copies (/s)", "redis.copies", 1.0),
        ("max/mean connections", "load.connections.max_over_mean", 1.0),
        ("stickiness failures (%)", "stickiness.failures", 100.0),
        ("lost messages (%)", "lost.messages", 100.0),
    ] {
        let shown: Vec<f64> = line(title)[2 + title.len()..]
            .split("  ")
            .filter_map(|cell| cell.trim().split([' ', '±']).next()?.replace(',', "").parse().ok())
            .collect();
        assert_eq!(shown.len(), 3, "{}", line(title));
        for (shown, variant) in shown.iter().zip(["cookie", "ip-hash", "none"]) {
            let mean = figures[&(variant.to_owned(), id.to_owned())]["value"]["mean"].as_f64().unwrap() * scale;
            // two digits are shown at least
            assert!((shown - mean).abs() <= 0.051 * mean.abs(), "{title} of {variant}: {shown} and {mean}");
        }
    }
}

#[test]
fn the_page_is_one_quiet_file() {
    let (place, _) = compared();
    assert_quiet(&place.read("out/report.html"));
    assert!(place.read("out/report.html").contains("Tiny &amp; &lt;small&gt;"), "titles are text, not markup");
}

#[test]
fn the_page_of_the_auction_is_below_two_megabytes() {
    let place = Place::new();
    // as many samples, pods and variants as the real one; what is drawn does not grow with clients
    place.run("-r 1 --quiet --out out --set clients.homes.count=90 --set clients.offices.count=50").fine();
    let page = place.read("out/report.html");
    assert_quiet(&page);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

/// No script, and nothing that makes a browser ask anybody for anything.
fn assert_quiet(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"), "{}", &page[..100]);
    let lower = page.to_lowercase();
    for word in [
        "<script",
        "javascript:",
        "<link",
        "<iframe",
        "<img",
        "<object",
        "<embed",
        "<base",
        "@import",
        "url(",
        " src=",
        "srcset",
        " onload",
        " onclick",
        "http-equiv",
    ] {
        assert!(!lower.contains(word), "{word}");
    }
    for address in lower.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()) {
        assert!(address.starts_with('#'), "a link out of the page: {address}");
    }
    let addresses = lower.matches("http://").count() + lower.matches("https://").count();
    assert_eq!(addresses, lower.matches("xmlns=\"http://www.w3.org/2000/svg\"").count(), "only the names of SVG");
}

#[test]
fn plots_are_well_formed() {
    let (place, _) = compared();
    let plots: Vec<String> = place.files("out").into_keys().filter(|name| name.ends_with(".svg")).collect();
    assert_eq!(plots.len(), 8);
    for name in plots {
        let text = place.read(&format!("out/{name}"));
        assert_well_formed(&name, &text);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
    }
}

#[test]
fn expectations_are_told_in_parts() {
    let (place, _) = compared();
    let summary = place.summary("out");
    for variant in summary["study"]["variants"].as_array().unwrap() {
        let first = &variant["expectations"][0];
        assert_eq!(first["text"], "mean event.latency < 10h");
        assert_eq!((&first["figure"], &first["comparison"]), (&"event.latency.mean".into(), &"<".into()));
        assert_eq!(first["bound"].as_f64(), Some(36e6));
        assert_eq!(first["holds"], true);
        let figure = variant["figures"].as_array().unwrap().iter().find(|f| f["id"] == first["figure"]).unwrap();
        assert_eq!(first["measured"], figure["value"]);
    }
}
