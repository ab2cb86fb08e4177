//! Alerts of scenarios, and metrics for Prometheus. Its own tool, promtool, judges both where it is installed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use crate::program::Place;

/// Clients that reconnect all the time in one variant, and in the other sit for an hour before a deploy moves all of them.
const SCENARIO: &str = "\
name: watched
duration: 70m
warm_up: none
start: empty
sample_every: 10s
replications: 1
clients: {count: 250, network: {preset: fixed, address_change: never}}
pods: {replicas: 2, startup: 5s}
timeline: [{at: 65m, rolling_restart: {}}]
alerts: [reconnect-surge, long-sessions, silent-instance, {name: hot-pod, when: pod.connections >= 126, for: 1m}]
variants:
  calm: {}
  restless: {pods: {max_connection_age: {uniform: [12s, 18s]}}}
";

/// The rules of the messaging cluster, as it would write them for Prometheus. A difference is exact where `rate` extrapolates.
const RULES: &str = "\
groups:
  - name: social
    rules:
      - alert: reconnect-surge
        expr: (websocket_reconnects_total - websocket_reconnects_total offset 10s) / 10 > 10
        for: 1m
      - alert: long-sessions
        expr: websocket_session_duration_seconds{quantile=\"0.99\"} > 3600
";

fn watched() -> Place {
    let place = Place::new();
    place.write("watched.yaml", SCENARIO);
    place.run("compare watched.yaml --quiet --openmetrics metrics.om --out out").fine();
    place
}

/// promtool with these words in the folder of the test, or `None` with the reason printed where there is none.
fn promtool(place: &Place, words: &[&str], stdin: &str) -> Option<String> {
    let mut command = assert_cmd::Command::new("promtool");
    let output = match command.args(words).current_dir(place.path("")).write_stdin(stdin).output() {
        Ok(output) => output,
        Err(error) => {
            #[allow(clippy::disallowed_methods)] // how .ci/run asks for the real programs
            let is_required = std::env::var("REAL_PROGRAMS").is_ok_and(|word| word == "required");
            assert!(!is_required, "promtool is not there: {error}");
            println!("skipped: promtool is not there ({error}); Debian has it in the package `prometheus`");
            return None;
        }
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {words:?}: {said}");
    Some(said)
}

#[test]
fn alerts_are_told_everywhere() {
    let place = watched();
    let summary = place.summary("out");
    let variants = summary["study"]["variants"].as_array().unwrap();
    let mut rows = place.read("out/alerts.csv").lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    for variant in variants {
        for alert in variant["alerts"].as_array().unwrap() {
            for firing in alert["firings"].as_array().unwrap() {
                let name = format!("{},{},", variant["name"].as_str().unwrap(), alert["name"].as_str().unwrap());
                let at =
                    format!("{:.6},{:.6}", firing["pending_s"].as_f64().unwrap(), firing["firing_s"].as_f64().unwrap());
                let row = rows.iter().position(|row| row.starts_with(&name) && row.contains(&at));
                rows.remove(row.unwrap_or_else(|| panic!("{name} {firing} is not in alerts.csv")));
            }
        }
    }
    assert!(rows.is_empty(), "{rows:?}");
    let fired = |variant: usize, alert: usize| variants[variant]["alerts"][alert]["firings"].as_array().unwrap().len();
    // calm: the deploy is over within a minute, and the sessions that it ends were long; restless: the other way round
    assert_eq!([fired(0, 0), fired(0, 1), fired(1, 0).min(1), fired(1, 1)], [0, 1, 1, 0]);
    let told = place.run("run watched.yaml --set duration=20m --set timeline=[] --out out").fine().to_owned();
    assert!(
        told.contains("\nAlerts\n") && told.contains("reconnect-surge (reconnects_per_s > 10/s for 1m) did not fire")
    );
    assert!(place.read("out/report.html").contains("<h2>Alerts</h2>"));
    place.run("run watched.yaml --set alerts=[] --quiet --out out").fine();
    assert!(!place.path("out/alerts.csv").exists() && !place.read("out/report.html").contains("<h2>Alerts</h2>"));
}

#[test]
fn metrics_begin_when_they_are_told_to() {
    let place = Place::new();
    place.write("watched.yaml", SCENARIO);
    let run = |more: &str| {
        place
            .run(&format!(
                "run watched.yaml --set duration=2s --set sample_every=500ms --set timeline=[] --set alerts=[] \
                            --quiet --out out --openmetrics new/m.om {more}"
            ))
            .fine();
        place.read("new/m.om")
    };
    let usual = run("");
    assert!(usual.starts_with("# TYPE websocket_connections_active gauge\n") && usual.ends_with("\n# EOF\n"));
    assert!(
        usual.contains("websocket_connections_active{variant=\"watched\",pod=\"pod-1\"} 125 1704067200.5\n"),
        "{usual}"
    );
    assert!(usual.contains("websocket_reconnects_total{variant=\"watched\"} 0 1704067200\n"));
    assert_eq!(usual, run(""));
    assert_eq!(usual.replace(" 17040672", " 10000000"), run("--openmetrics-epoch 1000000000"));
    place.run("run watched.yaml --openmetrics-epoch 1").refused(&["--openmetrics"]);
    place.run("run watched.yaml --openmetrics .").refused(&["that is a folder"]);
}

#[test]
fn prometheus_reads_the_metrics_and_fires_the_same_alerts() {
    let place = watched();
    let metrics = place.read("metrics.om");
    // this check reads the older format, where the metadata of a counter have the name of its samples
    let counters: Vec<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut older = metrics.clone();
    for name in &counters {
        for word in ["TYPE", "HELP"] {
            older = older.replace(&format!("# {word} {name} "), &format!("# {word} {name}_total "));
        }
    }
    if promtool(&place, &["check", "metrics"], &older).is_none() {
        return;
    }
    promtool(&place, &["tsdb", "create-blocks-from", "openmetrics", "metrics.om", "data"], "");
    // Prometheus has a log beside its blocks, without which this tool reads none
    std::fs::create_dir(place.path("data/wal")).unwrap();
    // series as Prometheus stored them: the values from the start of the run on, every ten seconds
    let mut stored: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for name in ["websocket_reconnects_total", "websocket_session_duration_seconds"] {
        let matched = format!("--match={{__name__=\"{name}\"}}");
        let dump = promtool(&place, &["tsdb", "dump", &matched, "data"], "").unwrap_or_default();
        for line in dump.lines().filter(|line| line.starts_with('{')) {
            let (labels, sample) = line.split_once("} ").unwrap();
            let (value, at_ms) = sample.split_once(' ').unwrap();
            let step = (at_ms.parse::<usize>().unwrap() - 1_704_067_200_000) / 10_000;
            let values = stored.entry(format!("{labels}}}")).or_default();
            values.resize(values.len().max(step + 1), None);
            values[step] = Some(value.to_owned());
        }
    }
    assert_eq!(stored.len(), 4, "{:?}", stored.keys());
    let mut test =
        "rule_files: [rules.yaml]\nevaluation_interval: 10s\ntests:\n  - interval: 10s\n    input_series:\n".to_owned();
    for (labels, values) in &stored {
        let values: Vec<&str> = values.iter().map(|value| value.as_deref().unwrap_or("_")).collect();
        writeln!(test, "      - series: '{labels}'\n        values: '{}'", values.join(" ")).unwrap();
    }
    test.push_str("    alert_rule_test:\n");
    let summary = place.summary("out");
    for (position, alert) in ["reconnect-surge", "long-sessions"].iter().enumerate() {
        for step in 0..=420 {
            let now_s = f64::from(step) * 10.0;
            writeln!(test, "      - {{eval_time: {now_s}s, alertname: {alert}, exp_alerts: [").unwrap();
            for variant in summary["study"]["variants"].as_array().unwrap() {
                let fires = |firing: &serde_json::Value| {
                    let until = firing["resolved_s"].as_f64().unwrap_or(f64::INFINITY);
                    (firing["firing_s"].as_f64().unwrap()..until).contains(&now_s)
                };
                if variant["alerts"][position]["firings"].as_array().unwrap().iter().any(fires) {
                    let quantile = if position == 1 { ", quantile: '0.99'" } else { "" };
                    writeln!(test, "          {{exp_labels: {{variant: {}{quantile}}}}},", variant["name"]).unwrap();
                }
            }
            test.push_str("        ]}\n");
        }
    }
    place.write("rules.yaml", RULES);
    place.write("test.yaml", &test);
    promtool(&place, &["test", "rules", "test.yaml"], "");
    // a judge that finds everything good judges nothing
    place.write("rules.yaml", RULES.replace("> 10", "> 100"));
    let refused = Command::new("promtool").args(["test", "rules", "test.yaml"]).current_dir(place.path("")).output();
    assert!(!refused.unwrap().status.success());
}
