//! Folders of results: whole files or none, and nothing of the user's is touched.

use std::process::Command;
use std::time::Duration;

use crate::program::Place;

#[test]
fn only_files_of_the_report_are_replaced() {
    let place = Place::furnished();
    for (name, content) in [("out/notes.txt", "mine"), ("out/plots/mine.svg", "<svg/>"), ("out/summary.json", "old")] {
        place.write(name, content);
    }
    place.run("compare tiny.yaml --quiet --out out").fine();
    assert_eq!((place.read("out/notes.txt").as_str(), place.read("out/plots/mine.svg").as_str()), ("mine", "<svg/>"));
    place.summary("out");
    let mut names: Vec<String> = place.files("out").into_keys().collect();
    names.retain(|name| name != "notes.txt" && name != "plots/mine.svg");
    place.run("compare tiny.yaml --quiet --out fresh").fine();
    assert_eq!(names, place.files("fresh").into_keys().collect::<Vec<_>>(), "no temporary file is left");
}

#[test]
fn charts_of_an_earlier_run_do_not_stay() {
    let place = Place::furnished();
    place.run("compare tiny.yaml --quiet --out out").fine();
    place.write("out/plots/mine.svg", "<svg/>");
    assert!(place.path("out/plots/latency-request.svg").exists() && place.path("out/plots/offline-time.svg").exists());
    place.run("compare played.yaml --quiet --out out").fine();
    place.run("compare played.yaml --quiet --out fresh").fine();
    let mut names: Vec<String> = place.files("out").into_keys().collect();
    names.retain(|name| name != "plots/mine.svg");
    assert_eq!(names, place.files("fresh").into_keys().collect::<Vec<_>>());
    assert!(!place.path("out/plots/offline-time.svg").exists(), "a replay holds no WebSockets");
    assert_eq!(place.read("out/plots/mine.svg"), "<svg/>");
}

#[test]
fn recorded_requests_are_not_replaced_by_their_copy() {
    let place = Place::furnished();
    place.write("here/played.yaml", place.read("played.yaml").replace("logs/", ""));
    place.write("here/day.csv", place.read("logs/day.csv"));
    place.run("compare here/played.yaml --quiet --out here").fine();
    assert_eq!(place.read("here/day.csv"), place.read("logs/day.csv"));
    assert!(place.read("here/scenario.yaml").contains("file: traces/day.csv"));
    assert!(place.path("here/traces/day.csv").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_work() {
    let place = Place::furnished();
    place.write("file", "mine");
    for out in ["file", "file/below", "/proc/stickysim", "/dev/null/x"] {
        place.run(&format!("compare tiny.yaml --out {out}")).refused(&[out, "--out FOLDER"]);
    }
    place.run("import access-log tiny.yaml --out file").refused(&["not an access log"]);
    assert_eq!(place.read("file"), "mine");
}

#[test]
fn a_folder_in_the_way_of_a_file_leaves_all_as_it_was() {
    let place = Place::furnished();
    place.write("out/timeseries.csv/mine", "mine");
    place.write("out/latency.csv", "old");
    place.run("compare tiny.yaml --out out").refused(&["out/timeseries.csv", "as they were"]);
    let names: Vec<String> = place.files("out").into_keys().collect();
    assert_eq!(names, ["latency.csv", "timeseries.csv/mine"]);
    assert_eq!(place.read("out/latency.csv"), "old");
}

#[test]
fn results_are_readable_by_others() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::furnished();
    place.run("run tiny.yaml --quiet --out out").fine();
    for name in place.files("out").into_keys() {
        let mode = std::fs::metadata(place.path("out").join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{name}");
    }
}

#[test]
fn an_interrupt_ends_a_run_without_a_trace() {
    for signal in ["-INT", "-TERM"] {
        let place = Place::furnished();
        // long enough to be interrupted on any machine
        let mut child =
            place.command("run tiny.yaml -r 10000 --set clients.homes.count=3000 --out out").spawn().unwrap();
        while !place.path("out").exists() {
            assert_eq!(child.try_wait().unwrap(), None, "it runs until it is interrupted");
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(50));
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        assert!(place.files("out").is_empty(), "{signal}: {:?}", place.files("out").keys());
    }
}

#[test]
fn results_of_another_command_are_not_written_over() {
    let place = Place::furnished();
    let commands = [
        ("study", "compare tiny.yaml", "`stickysim run` or `compare`"),
        ("sweep", "sweep tiny.yaml --axis pods.replicas=2", "`stickysim sweep`"),
        ("planned", "sweep plan tiny.yaml --axis pods.replicas=2", "`stickysim sweep`"),
        ("plan", "plan tiny.yaml --variant none --to 4 --runs 5", "`stickysim plan`"),
        ("recommend", "recommend tiny.yaml --only one-pod-more", "`stickysim recommend`"),
    ];
    for (folder, command, _) in commands {
        let said = place.run(&format!("{command} --quiet --out {folder}"));
        assert!(said.code == Some(0), "{said:?}");
    }
    for (folder, _, whose) in commands {
        for (_, command, own) in commands {
            let before = place.files(folder);
            let said = place.run(&format!("{command} --quiet --out {folder}"));
            if own == whose {
                assert_eq!(said.code, Some(0), "{command} in {folder}: {said:?}");
            } else {
                said.refused(&[&format!("`{folder}` holds results of {whose}"), "--out"]);
                assert!(place.files(folder) == before, "{command} in {folder}");
            }
        }
    }
    for command in ["run", "merge"] {
        place.run(&format!("sweep {command} plan")).refused(&["`plan`", "an answer of `stickysim plan`, and no sweep"]);
        place.run(&format!("sweep {command} study")).refused(&["there is no sweep"]);
    }
}
