//! From an access log to a report, with the commands that the program itself proposes.

use std::io::Write;

use crate::program::{Place, Said};

/// 600 requests over a minute, from 60 clients in 3 networks, with two broken lines.
fn log() -> String {
    let request = |i: u32| {
        let (network, host, agent) = (i * 7 % 3, i * 31 % 20, if i.is_multiple_of(2) { "Firefox" } else { "Chrome" });
        let second = i / 10;
        format!(
            "198.51.{network}.{host} - - [01/Mar/2024:10:00:{second:02} +0000] \"GET /{i} HTTP/1.1\" 200 512 \"-\" \"{agent}\"\n"
        )
    };
    let good: String = (0..600).map(request).collect();
    format!("{good}broken\n\u{1b}[31m also broken\n")
}

/// The commands that it says to try next.
fn proposed(said: &Said) -> Vec<String> {
    let next = said.out.split("Next:\n").nth(1).unwrap_or_default();
    next.lines().filter_map(|line| line.trim().strip_prefix("stickysim ")).map(str::to_owned).collect()
}

#[test]
fn a_log_becomes_scenarios_that_run() {
    let place = Place::new();
    place.write("Site access.log", log());
    let said = place.run_with("import access-log --replay --out site", &["Site access.log"], b"");
    said.fine();
    assert!(!said.out.contains('\u{1b}'));
    let names: Vec<String> = place.files("site").into_keys().collect();
    let replay = names.iter().find(|name| name.ends_with("-replay.yaml")).unwrap();
    assert_eq!(names.len(), 4, "{names:?}");
    let next = proposed(&said);
    assert_eq!(next.len(), 2, "{}", said.out);
    assert!(next[0].ends_with("-replay.yaml"), "what really happened comes first: {}", said.out);
    for (at, command) in next.iter().enumerate() {
        let out = format!("out{at}");
        place.run(&format!("check {}", command.strip_prefix("compare ").unwrap())).fine();
        place.run(&format!("{command} -r 2 --quiet --out {out}")).fine();
        let summary = place.summary(&out);
        assert_eq!(summary["study"]["variants"].as_array().unwrap().len(), 3);
        place.run(&format!("compare {out}/scenario.yaml --quiet --out {out}-again")).fine();
        place.assert_same(&out, &format!("{out}-again"));
    }
    // the replay plays every request of the log, whatever the balancer
    place.run(&format!("compare site/{replay} -r 1 --quiet --out played")).fine();
    for variant in place.summary("played")["study"]["variants"].as_array().unwrap() {
        assert_eq!(variant["counts"]["requests"], 600, "{}", variant["name"]);
    }
}

#[test]
fn plain_compressed_and_piped_logs_are_the_same() {
    let place = Place::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(log().as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    place.write("a.log", log());
    place.write("a.log.gz", &gzip);
    let plain = place.run("import access-log a.log --replay --name site --out plain");
    assert!(plain.fine().contains("600"));
    place.run("import access-log a.log.gz --replay --name site --out gz").fine();
    place.run_with("import access-log - --replay --name site --out piped --quiet", &[], log().as_bytes()).fine();
    place.run_with("import access-log - --replay --name site --out piped-gz", &[], &gzip).fine();
    for other in ["gz", "piped", "piped-gz"] {
        place.assert_same("plain", other);
    }
}

#[test]
fn what_is_no_log_is_refused() {
    let place = Place::furnished();
    place.write("empty.log", "");
    for (words, said) in [
        ("missing.log", "missing.log"),
        (".", "is a folder"),
        ("empty.log", "empty"),
        ("tiny.yaml", "not an access log"),
        ("/dev/null", "empty"),
    ] {
        place.run(&format!("import access-log {words}")).refused(&[words, said]);
    }
    place.run_with("import access-log -", &[], b"\x1f\x8b\x08broken").refused(&["standard input", "gzip"]);
    assert!(place.files("output").is_empty(), "nothing is written for what is refused");
}
