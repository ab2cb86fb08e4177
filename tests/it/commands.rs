//! Every command as it is typed: what it says, where it says it, and how it ends.

use crate::program::{Place, TINY};

const HELPS: [&str; 18] = [
    "--help",
    "run --help",
    "compare --help",
    "plan --help",
    "diff --help",
    "recommend --help",
    "sweep --help",
    "sweep plan --help",
    "sweep run --help",
    "sweep merge --help",
    "check --help",
    "route --help",
    "selftest --help",
    "schema --help",
    "defaults --help",
    "import --help",
    "import access-log --help",
    "import kubernetes --help",
];
/// What a comparison with events, rooms, Redis, a rollout and a crash writes.
const REPORT: [&str; 18] = [
    "latency.csv",
    "load.csv",
    "over-time.csv",
    "plots/connections-per-pod.svg",
    "plots/latency-event.svg",
    "plots/latency-request.svg",
    "plots/load-skew.svg",
    "plots/offline-time.svg",
    "plots/over-time.svg",
    "plots/reconnects.svg",
    "plots/redis.svg",
    "ranking.csv",
    "redis.csv",
    "replications.csv",
    "report.html",
    "scenario.yaml",
    "summary.json",
    "timeseries.csv",
];

#[test]
fn help_says_what_there_is() {
    let place = Place::new();
    let helps: Vec<String> =
        HELPS.iter().map(|words| format!("$ stickysim {words}\n{}", place.run(words).fine())).collect();
    insta::assert_snapshot!(helps.join("\n"));
    assert_eq!(place.run("--version").fine(), format!("stickysim {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn run_and_compare_write_a_report_and_say_where() {
    let place = Place::furnished();
    let out = place.run("compare tiny.yaml").fine().to_owned();
    assert!(out.ends_with("\nReport: output/tiny/report.html\n"), "{out}");
    for words in
        ["cookie", "ip-hash", "none (baseline)", "event latency p50", "Redis copies", "max/mean", "lost messages"]
    {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert_eq!(place.files("output/tiny").keys().collect::<Vec<_>>(), REPORT.each_ref());
    let out = place.run("run tiny.yaml --out results/deep").fine().to_owned();
    assert!(out.ends_with("\nReport: results/deep/report.html\n"), "{out}");
    assert!(!out.contains("baseline"), "{out}");
    assert_eq!(place.summary("results/deep")["study"]["variants"].as_array().unwrap().len(), 1);
}

#[test]
fn stickysim_alone_compares_the_auction() {
    let place = Place::new();
    let out = place
        .run("-r 1 --set clients.homes.count=60 --set clients.offices.count=40 --set clients.phones.arrivals.rate=2/m");
    let out = out.fine();
    assert!(out.ends_with("\nReport: output/auction/report.html\n"), "{out}");
    let summary = place.summary("output/auction");
    let names: Vec<_> = summary["study"]["variants"].as_array().unwrap().iter().map(|v| v["name"].as_str()).collect();
    assert_eq!(names, [Some("cookie"), Some("ip-hash"), Some("none")]);
}

#[test]
fn standard_input_is_a_scenario_too() {
    let place = Place::new();
    let said = place.run_with("compare - --out out", &[], TINY.as_bytes());
    assert!(said.fine().ends_with("Report: out/report.html\n"));
    assert_eq!(place.run_with("check -", &[], TINY.as_bytes()).fine(), "-: fine (20s, 3 variants)\n");
    place.run_with("run -", &[], b"pods: [").refused(&["standard input:1:"]);
    place.run_with("run -", &[], b"name: \xff").refused(&["standard input", "UTF-8"]);
    place.run_with("run -", &[], "# \u{e9}".repeat(2_000_000).as_bytes()).refused(&["too-large"]);
    place.run("run -").refused(&["empty", "standard input"]);
}

#[test]
fn windows_files_are_scenarios_too() {
    let place = Place::furnished();
    place.write("dos.yaml", format!("\u{feff}{}", TINY.replace('\n', "\r\n")));
    place.run("compare tiny.yaml --quiet --out a").fine();
    place.run("compare dos.yaml --quiet --out b").fine();
    place.assert_same("a", "b");
}

#[test]
fn check_reports_every_file() {
    let place = Place::furnished();
    assert_eq!(
        place.run("check tiny.yaml played.yaml").fine(),
        "tiny.yaml: fine (20s, 3 variants)\nplayed.yaml: fine (10s, 2 variants)\n"
    );
    assert_eq!(place.run("check --quiet tiny.yaml").fine(), "");
    place.write("bad.yaml", "name: bad\nclients: {count: -1}\n");
    let said = place.run("check bad.yaml tiny.yaml missing.yaml");
    assert_eq!((said.code, said.out.as_str()), (Some(2), "tiny.yaml: fine (20s, 3 variants)\n"));
    assert!(said.err.contains("bad.yaml:2:") && said.err.contains("missing.yaml"), "{}", said.err);
    place.run("check tiny.yaml --quiet --set pods.replicas=0").refused(&["pod", "--set pods.replicas=0"]);
    assert!(place.files("output").is_empty(), "checking writes nothing");
}

#[test]
fn schema_and_defaults_are_printed() {
    let place = Place::new();
    let file = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert_eq!(place.run("schema").fine(), file("scenarios/schema.json"));
    assert_eq!(place.run("schema scenario").fine(), file("scenarios/schema.json"));
    assert_eq!(place.run("schema summary").fine(), file("docs/summary.schema.json"));
    let defaults = place.run("defaults");
    for words in ["pods.costs(ws-node)", "measured", "400ns to", "Grades:", "duration"] {
        assert!(defaults.fine().contains(words), "{words}");
    }
}

#[test]
fn an_expectation_that_fails_is_exit_code_1() {
    let place = Place::furnished();
    let broken = ["--set", "expect=[mean event.latency < 1ns, lost.messages < 100%]"];
    let said = place.run_with("compare tiny.yaml", &broken, b"");
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
    assert!(said.out.contains("fails: measured"), "{}", said.out);
    assert!(place.path("output/tiny/report.html").exists(), "the report is written all the same");
    let said = place.run_with("run tiny.yaml --quiet", &broken, b"");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.starts_with("tiny: `mean event.latency < 1ns` fails: measured "), "{}", said.err);
    // what was not measured is not met
    let said = place.run_with("run played.yaml --quiet", &["--set", "expect=[mean event.latency < 1h]"], b"");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("nothing of it was measured"), "{}", said.err);
}

#[test]
fn quiet_is_silent() {
    let place = Place::furnished();
    for words in ["run tiny.yaml -q", "compare tiny.yaml --quiet", "compare played.yaml -q"] {
        assert_eq!(place.run(words).fine(), "", "{words}");
    }
}

#[test]
fn what_is_no_terminal_gets_no_escape_codes() {
    let place = Place::furnished();
    place.write("bad.yaml", "name: bad\nclients: {count: \"\\e[31mred\"}\n");
    for words in ["compare tiny.yaml", "defaults", "--help", "check bad.yaml", "run tiny.yaml --bogus"] {
        for environment in [[("NO_COLOR", "")], [("NO_COLOR", "1")], [("TERM", "xterm-256color")]] {
            let output = place.command(words).envs(environment).output().unwrap();
            let codes = output.stdout.iter().chain(&output.stderr).filter(|&&byte| byte == 0x1b).count();
            assert_eq!(codes, 0, "{words} with {environment:?}");
        }
    }
}

#[test]
fn who_stops_reading_is_not_told_off() {
    let place = Place::furnished();
    for line in [
        "stickysim schema | head -n 1 >/dev/null",
        "stickysim defaults | true",
        "stickysim --help | true",
        "stickysim compare tiny.yaml | head -c 1 >/dev/null",
        "stickysim check tiny.yaml | true",
    ] {
        let said = place.shell(line);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{line}");
    }
    let said = place.shell("stickysim check missing.yaml 2> >(true)");
    assert_eq!(said.code, Some(2), "{said:?}");
    let said = place.shell("stickysim run tiny.yaml --quiet --set 'expect=[mean event.latency < 1ns]' 2>&-");
    assert_eq!(said.code, Some(1), "{said:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    let place = Place::furnished();
    for words in ["schema", "defaults", "compare tiny.yaml", "check tiny.yaml"] {
        place.shell(&format!("stickysim {words} > /dev/full")).refused(&["standard output", "No space left"]);
    }
}

#[test]
fn what_is_typed_wrong_is_refused() {
    let place = Place::furnished();
    for (words, said) in [
        ("run", "<SCENARIO>"),
        ("compare", "<SCENARIO>"),
        ("check", "<SCENARIOS>"),
        ("bogus", "bogus"),
        ("run tiny.yaml --bogus", "--bogus"),
        ("run tiny.yaml --threads 0", "1..=1024"),
        ("run tiny.yaml --threads many", "many"),
        ("run tiny.yaml --replications 1.5", "1.5"),
        ("run tiny.yaml --replications 0", "write 1 to 10000"),
        ("run tiny.yaml --replications 99999999999", "99999999999"),
        ("run tiny.yaml --seed=-1", "-1"),
        ("run tiny.yaml --set", "--set"),
        ("run tiny.yaml --set nonsense", "has no `=`"),
        ("run tiny.yaml --set pods.replica=3", "did you mean `replicas`?"),
        ("run tiny.yaml --set clients.nobody.count=3", "homes"),
        ("schema bogus", "scenario, summary"),
        ("import", ""),
        ("import access-log", "<LOG>"),
        ("run missing.yaml", "missing.yaml"),
        ("compare missing.yaml", "missing.yaml"),
        ("run .", "not a regular file"),
        ("run /dev/null", "not a regular file"),
    ] {
        let said_now = place.run(words);
        assert_eq!((said_now.code, said_now.out.as_str()), (Some(2), ""), "{words}: {said_now:?}");
        assert!(said_now.err.contains(said) && !said_now.err.contains("panicked"), "{words}: {}", said_now.err);
    }
    place.write("plain.yaml", TINY.split("variants:").next().unwrap());
    place.run("compare plain.yaml").refused(&["plain.yaml", "no variants", "ip-hash", "stickysim run"]);
    assert!(place.files("output").is_empty(), "nothing is written for what is refused");
}

#[test]
fn more_can_be_expected_and_pipelines_are_told() {
    let place = Place::furnished();
    let expect = ["--expect", "mean event.latency < 1us", "--expect", "requests.failed < 100%"];
    let said = place.run_with("compare tiny.yaml --quiet --junit results/junit.xml", &expect, b"");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(said.err.lines().count(), 3, "one of each variant: {said:?}");
    let xml = place.read("results/junit.xml");
    assert!(xml.starts_with(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tiny\" tests=\"12\" failures=\"3\">"
    ));
    for part in [
        "  <testsuite name=\"cookie\" tests=\"4\" failures=\"1\">\n",
        "<testcase classname=\"tiny.cookie\" name=\"mean event.latency &lt; 1us\">\n      <failure message=\"fails: measured ",
        "<system-out>holds: measured ",
    ] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    place.run_with("run tiny.yaml", &["--expect", "latency < 1s"], b"").refused(&["--expect `latency < 1s`"]);
    place.run("run tiny.yaml --quiet --junit tiny.yaml/x.xml").refused(&["cannot write to the folder `tiny.yaml`"]);
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_a_link_stays_a_link() {
    use std::os::unix::fs::FileTypeExt;
    let place = Place::furnished();
    place.run("run tiny.yaml --quiet -r 2 --junit /dev/full").refused(&["--junit: cannot write `/dev/full`"]);
    assert!(std::fs::metadata("/dev/full").is_ok_and(|there| there.file_type().is_char_device()));
    place.write("there.xml", "older");
    std::os::unix::fs::symlink(place.path("there.xml"), place.path("link.xml")).expect("a link");
    place.run("run tiny.yaml --quiet -r 2 --junit link.xml").fine();
    assert!(place.path("link.xml").is_symlink());
    assert!(place.read("there.xml").starts_with("<?xml"));
}
