//! `stickysim sweep`: one machine and many give the same bytes, whatever is killed meanwhile, and nothing runs twice.

mod harm;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_yaml::Value;
use stickysim::engine::Seed;

use crate::program::{Place, Said};

/// A scenario that runs in a few milliseconds.
const QUICK: &str = "\
name: quick
duration: 20s
warm_up: 2s
replications: 2
clients: [{name: people, count: 20, network: {preset: home}}]
traffic: [{emit: {every: {exp: 2s}, to: room}}]
rooms: {sizes: 5}
pods: {replicas: 2}
expect: [load.connections.max_over_mean < 1.2]
variants:
  none: {balancers: [{nginx: {}}]}
  ip-hash: {balancers: [{nginx: {method: ip_hash}}]}
sweep: {pods.replicas: [2, 3, 5], clients.people.count: [10, 20]}
";

fn quick() -> Place {
    let place = Place::furnished();
    place.write("quick.yaml", QUICK);
    place
}

/// The results of a folder: what it holds but for the points and the plan.
fn results(place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = place.files(folder);
    files.retain(|name, _| {
        let is_asked = name.starts_with("files/") || ["plan.json", "scenario.yaml", ".lock"].contains(&name.as_str());
        !name.starts_with("points/") && !is_asked
    });
    files
}

#[track_caller]
fn assert_same_results(place: &Place, a: &str, b: &str) {
    let (left, right) = (results(place, a), results(place, b));
    assert!(left.contains_key("sweep.csv") && left.contains_key("sweep.html") && left.contains_key("points.csv"));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (name, bytes) in &left {
        assert!(*bytes == right[name], "{name} differs between {a} and {b}");
    }
}

/// Each finished point: its place on the disk, and when it was written there, in nanoseconds.
fn written(place: &Place, folder: &str) -> BTreeMap<String, (u64, i64)> {
    let names = place.files(&format!("{folder}/points")).into_keys().filter(|name| name.ends_with(".json"));
    let when = |name: String| {
        let about = std::fs::metadata(place.path(&format!("{folder}/points/{name}"))).expect("it is there");
        (name, (about.ino(), about.mtime() * 1_000_000_000 + about.mtime_nsec()))
    };
    names.map(when).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder of our own");
    for entry in std::fs::read_dir(from).expect("a folder of our own") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a kind").is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("it can be copied");
        }
    }
}

#[test]
fn many_workers_give_the_bytes_of_one() {
    let place = quick();
    let out = place.run("sweep quick.yaml --out one --threads 1").fine().to_owned();
    assert!(out.ends_with("Report: one/sweep.html\n") && out.contains("holds at"), "{out}");
    // more threads, parts in any order on copies of the folder, and one part by two workers at once
    place.run("sweep quick.yaml --out two --threads 2 --quiet").fine();
    assert_same_results(&place, "one", "two");
    let planned = place.run("sweep plan quick.yaml --out plan").fine().to_owned();
    assert!(planned.starts_with("6 points planned in plan (hash "), "{planned}");
    std::fs::remove_file(place.path("quick.yaml")).expect("the folder has it");
    copy(&place.path("plan"), &place.path("copy"));
    place.run("sweep run plan --shard 2/4 --quiet").fine();
    place.run("sweep run copy --shard 1/4 --quiet").fine();
    place.run("sweep run copy --shard 3/4 --quiet --threads 1").fine();
    place.run("sweep merge plan copy").refused(&["2 of 6 points are missing (counted from 0: 0, 4)", "sweep run plan"]);
    let mut twins: Vec<_> =
        (0..2).map(|_| place.command("sweep run plan --shard 0/4 --quiet").spawn().expect("it starts")).collect();
    assert!(twins.iter_mut().all(|twin| twin.wait().expect("it ends").success()));
    place.run("sweep merge plan copy --quiet").fine();
    assert_same_results(&place, "one", "plan");
}

#[test]
fn a_point_is_what_compare_gives() {
    let place = quick();
    place.run("sweep quick.yaml --out sweep --quiet -r 3 --set pods.cpu=0.5").fine();
    place.run("compare quick.yaml --out study --quiet -r 3 --set pods.cpu=0.5 --set pods.replicas=3 --set clients.people.count=20 --set expect=[]").fine();
    // of the axes the first path comes first
    let header =
        "point,clients.people.count,pods.replicas,variant,family,statistic,value,half_width_95,min,max,replications,";
    let table = place.read("sweep/sweep.csv");
    assert!(table.starts_with(header), "{table}");
    let ours: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("4,20,3,"))
        .filter(|l| l.contains(",event.latency,"))
        .collect();
    let theirs = place.read("study/latency.csv").replace(",figure,", ",");
    let theirs: Vec<&str> =
        theirs.lines().filter(|line| line.contains(",event.latency,") && !line.contains("distribution")).collect();
    assert_eq!(ours, theirs);
    assert!(ours.len() >= 4, "mean and median of two variants: {ours:?}");
    let digest = |line: &str| line.rsplit(',').next().map(str::to_owned);
    let wide = place.read("sweep/points.csv");
    let summary = place.summary("study");
    let known = summary["study"]["variants"][0]["digests"][0].as_str().map(str::to_owned);
    assert_eq!(wide.lines().find(|line| line.starts_with("4,20,3,ip-hash,")).and_then(digest), known);
}

#[test]
fn what_is_finished_is_not_run_again() {
    let place = quick();
    place.run("sweep plan quick.yaml --out out --quiet").fine();
    place.run("sweep run out --shard 0/2 --quiet").fine();
    let before = written(&place, "out");
    assert_eq!(before.keys().collect::<Vec<_>>(), ["000000.json", "000002.json", "000004.json"]);
    let said = place.run("sweep quick.yaml --out out");
    assert_eq!((said.code, said.err.as_str()), (Some(0), "3 points run, 3 were finished before: out\n"));
    let after = written(&place, "out");
    assert!(before.iter().all(|(name, when)| after[name] == *when) && after.len() == 6);
    assert_eq!(place.run("sweep run out").fine(), "0 points run, 6 were finished before: out\n");
    // what is torn is run again, and gives the same bytes
    let whole = place.read("out/points/000001.json");
    place.write("out/points/000001.json", &whole[..whole.len() / 2]);
    place.write("out/points/000003.json", "");
    let said = place.run("sweep merge out");
    assert!(said.err.contains("point 1 in `out` is not whole") && said.code == Some(2), "{said:?}");
    assert!(said.err.contains("2 of 6 points are missing (counted from 0: 1, 3)"), "{said:?}");
    let said = place.run("sweep run out");
    assert!(said.err.contains("point 1 is not whole and runs again") && said.code == Some(0), "{said:?}");
    assert_eq!(place.read("out/points/000001.json"), whole);
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_bytes() {
    let place = quick();
    let axes = "--axis pods.replicas=2,3,4,5,6,7 --axis clients.people.count=10,20,30,40";
    place.run(&format!("sweep quick.yaml {axes} --out calm --quiet")).fine();
    let times: Vec<i64> = written(&place, "calm").into_values().map(|(_, at)| at).collect();
    let calm = times.iter().max().zip(times.iter().min()).map_or(0, |(last, first)| last - first) as f64 * 1e-9;
    place.run(&format!("sweep plan quick.yaml {axes} --out out --quiet")).fine();
    let mut random = Seed(20).stream(1, 0, 0);
    let mut kills = 0;
    while kills < 20 {
        let before = written(&place, "out");
        let mut worker = place.command("sweep run out --quiet").spawn().expect("it starts");
        // finished every few kills: then from the beginning
        std::thread::sleep(Duration::from_secs_f64(0.02 + calm * 0.5 * random.unit()));
        worker.kill().expect("it is ours");
        let status = worker.wait().expect("it ends");
        let after = written(&place, "out");
        assert!(before.iter().all(|(name, when)| after.get(name) == Some(when)), "finished points stay as they are");
        if status.success() {
            std::fs::remove_dir_all(place.path("out/points")).expect("they are ours");
        } else {
            kills += 1;
        }
    }
    place.run("sweep run out --quiet").fine();
    place.run("sweep merge out --quiet").fine();
    assert_same_results(&place, "calm", "out");
    assert_eq!(place.files("calm/points"), place.files("out/points"), "nothing half-written is left");
}

#[test]
fn a_full_disk_keeps_what_is_finished() {
    let place = quick();
    place.run("sweep quick.yaml --out calm --quiet").fine();
    place.run("sweep plan quick.yaml --out out --quiet").fine();
    place.run("sweep run out --shard 0/3 --quiet").fine();
    let before = written(&place, "out");
    // no file may be longer than 4 KiB: as on a disk without room, writing ends with an error
    let narrow = "trap '' XFSZ; ulimit -f 4;";
    place.shell(&format!("{narrow} stickysim sweep run out --quiet")).refused(&[
        "cannot write `out/points/",
        "finished points are kept",
        "make room",
    ]);
    assert_eq!(written(&place, "out"), before, "nothing new, nothing lost, nothing torn");
    place.run("sweep run out --quiet").fine();
    place.shell(&format!("{narrow} stickysim sweep merge out")).refused(&["cannot write", "out"]);
    assert!(results(&place, "out").is_empty(), "{:?}", results(&place, "out").keys());
    place.run("sweep merge out --quiet").fine();
    assert_same_results(&place, "calm", "out");
}

#[test]
fn another_question_is_not_put_into_the_same_folder() {
    let place = quick();
    place.run("sweep quick.yaml --out out --quiet").fine();
    for (words, says) in [
        ("--axis pods.replicas=2,3", "it sweeps clients.people.count, pods.replicas, not pods.replicas"),
        ("--axis clients.people.count=10,20 --axis pods.replicas=2,3", "it has 6 points, not 4"),
        (
            "--axis clients.people.count=10,20 --axis pods.replicas=2,3,4",
            "its point 2 is clients.people.count=10, pods.replicas=5, not clients.people.count=10, pods.replicas=4",
        ),
        ("--seed 8", "it has no --set, the other has --set 'seed=8'"),
        ("--expect lost.messages<1%", "it has no --expect, the other has --expect 'lost.messages<1%'"),
    ] {
        place.run(&format!("sweep quick.yaml --out out {words}")).refused(&[
            "`out` holds another sweep",
            says,
            "--out",
        ]);
    }
    place.write("quick.yaml", QUICK.replace("20s", "30s"));
    place.run("sweep quick.yaml --out out").refused(&["its scenario differs from line 2 on"]);
    place.run("sweep quick.yaml --out other --quiet").fine();
    place
        .run("sweep merge out other")
        .refused(&["`out` and `other` are not of the same sweep", "differs from line 2 on"]);
    // a point of the other sweep, a point under a wrong number, a plan that was changed or made by another version
    let (ours, first) = (place.read("out/points/000001.json"), place.read("out/points/000000.json"));
    place.write("out/points/000001.json", place.read("other/points/000001.json"));
    for command in ["run", "merge"] {
        place
            .run(&format!("sweep {command} out"))
            .refused(&["000001.json` is a point of another sweep", "left as it is"]);
    }
    place.write("out/points/000001.json", first);
    place.run("sweep run out").refused(&["000001.json` holds point 0"]);
    place.write("out/points/000001.json", ours);
    let plan = place.read("out/plan.json");
    place.write("out/plan.json", plan.replace("\"5\"", "\"6\""));
    place.run("sweep run out").refused(&["was changed after the sweep was planned"]);
    place.write(
        "out/plan.json",
        plan.replace(concat!("\"version\": \"", env!("CARGO_PKG_VERSION")), "\"version\": \"0.0.7"),
    );
    place.run("sweep merge out").refused(&["version 0.0.7 of stickysim planned it", "plan it anew"]);
    place.write("out/plan.json", "{");
    place.run("sweep run out").refused(&["plan.json cannot be read"]);
    place.write("out/plan.json", plan);
    place.run("sweep merge out --quiet").fine();
}

#[test]
fn points_come_from_a_list_a_range_or_the_scenario() {
    let place = quick();
    let rows = |folder: &str| -> Vec<String> {
        let table = place.read(&format!("{folder}/points.csv"));
        table
            .lines()
            .skip(1)
            .filter(|line| line.contains(",none,"))
            .map(|line| line.split(",none,").next().unwrap_or_default().to_owned())
            .collect()
    };
    place.write("list.csv", "pods.replicas,traffic.0.emit.every\n2,{exp: 2s}\n3,\"{uniform: [1s, 3s]}\"\n");
    place.run("sweep quick.yaml --points list.csv --out list --quiet").fine();
    assert_eq!(rows("list"), ["0,2,{exp: 2s}", "1,3,\"{uniform: [1s, 3s]}\""]);
    let lhs = "--lhs 5 --range pods.replicas=2..11 --range pods.costs.request=1ms..100ms:log --quiet";
    place.run(&format!("sweep quick.yaml {lhs} --out a")).fine();
    place.run(&format!("sweep quick.yaml {lhs} --out b --threads 1")).fine();
    place.run(&format!("sweep quick.yaml {lhs} --out c --seed 9")).fine();
    assert_same_results(&place, "a", "b");
    assert_ne!(rows("a"), rows("c"), "another seed draws other points");
    let mut replicas: Vec<u32> = rows("a").iter().filter_map(|row| row.split(',').nth(1)?.parse().ok()).collect();
    replicas.sort_unstable();
    assert!(replicas.iter().zip([2, 4, 6, 8, 10]).all(|(drawn, low)| (low..low + 2).contains(drawn)), "{replicas:?}");
    place.run("sweep quick.yaml --axis pods.replicas=4 --out axis --quiet").fine();
    assert_eq!(rows("axis"), ["0,4"], "an axis replaces those of the scenario");
}

#[test]
fn a_folder_holds_what_the_scenario_reads() {
    let place = quick();
    place.write("here/played.yaml", place.read("played.yaml").replace("logs/", "../logs/"));
    place.write("logs/night.csv", place.read("logs/day.csv"));
    let axis = "--axis clients.0.trace=../logs/day.csv,../logs/night.csv";
    place.run(&format!("sweep plan here/played.yaml {axis} --out plan --quiet")).fine();
    std::fs::remove_dir_all(place.path("here")).expect("ours");
    std::fs::remove_dir_all(place.path("logs")).expect("ours");
    place.run("sweep run plan --quiet").fine();
    place.run("sweep merge plan --quiet").fine();
    assert_eq!(place.files("plan/files").keys().collect::<Vec<_>>(), ["0-day.csv", "1-night.csv"]);
    place.write("plan/files/1-night.csv", "at_ms,client,address\n");
    place.run("sweep run plan").refused(&["files/1-night.csv was changed"]);
}

#[test]
fn a_point_too_large_is_a_result() {
    let place = quick();
    // pods crash all the time, which nobody can foresee the events of
    let crashing = QUICK.split("expect:").next().unwrap_or_default().replace("exp: 2s", "exp: 20s");
    place.write("crashing.yaml", crashing + "timeline: [{every: {exp: 100ms}, crash: {pod: random}}]\n");
    let out = place.run("sweep crashing.yaml --axis max_events=150,100000 --out out").fine().to_owned();
    let said = "1 of 2 points stopped, such as max_events=150: variant `quick`, replication 0: the run stopped";
    assert!(out.replace("\n  ", " ").contains(said), "{out}");
    let stopped = place.read("out/points.csv");
    assert!(stopped.lines().any(|line| line.starts_with("0,150,,,,,\"variant `quick`")), "{stopped}");
    let table = place.read("out/sweep.csv");
    assert!(table.contains("\n1,100000,quick,") && !table.contains("\n0,"), "{table}");
}

#[test]
fn array_jobs_say_which_part() {
    let place = quick();
    place.run("sweep plan quick.yaml --out out --quiet").fine();
    let with = |set: &[(&str, &str)], words: &str| -> Said {
        let set: String = set.iter().map(|(key, value)| format!("{key}={value} ")).collect();
        place.shell(&format!("export {set}; stickysim sweep run out {words}"))
    };
    let slurm = [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "3"), ("SLURM_ARRAY_TASK_MIN", "1")];
    with(&slurm, "--quiet").fine();
    assert_eq!(written(&place, "out").keys().collect::<Vec<_>>(), ["000002.json", "000005.json"]);
    with(&[("JOB_COMPLETION_INDEX", "0")], "--of 3 --quiet").fine();
    assert_eq!(written(&place, "out").len(), 4);
    with(&[("JOB_COMPLETION_INDEX", "0")], "").refused(&["add --of N"]);
    with(&[("JOB_COMPLETION_INDEX", "3"), ("JOB_COMPLETIONS", "3")], "").refused(&["3 is not one of 3 parts"]);
    // the option counts more
    with(&slurm, "--shard 1/3 --quiet").fine();
    assert_eq!(written(&place, "out").len(), 6);
}

#[test]
fn pictures_show_how_the_points_lie() {
    let place = quick();
    // named twice, it is there once
    let figure = "--figure load.connections.max_over_mean --figure load.connections.max_over_mean --quiet";
    let picture = |folder: &str| place.read(&format!("{folder}/plots/load.connections.max_over_mean.svg"));
    place.run(&format!("sweep quick.yaml --out grid {figure}")).fine();
    let grid = picture("grid");
    for words in [
        "by clients.people.count (across) and pods.replicas (up)",
        ">\nip-hash\n<",
        ">\nnone\n<",
        "max/mean connections",
    ] {
        assert!(grid.contains(words), "{words}: {grid}");
    }
    assert_eq!(results(&place, "grid").keys().filter(|name| name.starts_with("plots/")).count(), 1);
    assert_eq!(place.read("grid/sweep.html").matches("<svg").count(), 1);
    place.run(&format!("sweep quick.yaml --axis pods.replicas=2,3 --out line {figure}")).fine();
    assert!(picture("line").contains("<polyline") && picture("line").contains("by pods.replicas"));
    place
        .run(&format!(
            "sweep quick.yaml --lhs 6 --range pods.replicas=2..9 --range pods.cpu=0.5..2 --out dots {figure}"
        ))
        .fine();
    let (in_panels, in_legend) = (6 * 2 * 2, 2);
    let dots = picture("dots").matches("<circle").count();
    assert_eq!(dots, in_panels + in_legend, "a dot per point, variant and path, and one for the name of each variant");
    let page = place.read("dots/sweep.html");
    assert!(page.contains("pods.cpu") && page.contains("holds at") && !page.contains("<script"), "{page}");
    // pictures of an earlier merge do not stay, and files of the user do
    place.write("grid/plots/mine.svg", "<svg/>");
    place.run("sweep merge grid --figure event.latency.p50 --quiet").fine();
    let names: Vec<String> = results(&place, "grid").into_keys().filter(|name| name.starts_with("plots/")).collect();
    assert_eq!(names, ["plots/event.latency.p50.svg", "plots/mine.svg"]);
    let said = place.run("sweep merge grid --figure cache.hits --quiet");
    assert_eq!(
        (said.code, said.err.as_str()),
        (Some(0), "no point has the figure `cache.hits`; nothing is drawn of it\n")
    );
}

#[test]
fn what_cannot_be_told_is_said() {
    let place = quick();
    let (before, _) = QUICK.split_once("sweep:").expect("it has one");
    place.write(
        "words.yaml",
        format!("{before}sweep: {{balancers: [[{{nginx: {{}}}}], [{{nginx: {{method: least_conn}}}}]]}}\n"),
    );
    let figures = "--figure load.connections.max_over_mean --figure event.latency.p99 --figure cache.hits";
    let said = place.run(&format!("sweep words.yaml --out words {figures}"));
    for words in [
        "too few samples",
        "event latency p99 can be told at no point: too few samples.",
        "nothing was measured at any point.",
        "ip-hash, none run the same at every point",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    // between words lies nothing: no lines
    let picture = place.read("words/plots/load.connections.max_over_mean.svg");
    assert!(!picture.contains("<polyline") && picture.contains("<circle"), "{picture}");
    for words in ["method: least_conn", "balancers=[{nginx: {…}}]"] {
        assert!(picture.contains(words), "{words}: {picture}");
    }
    assert!(!place.path("words/plots/event.latency.p99.svg").exists(), "there is nothing to draw");
}

#[test]
fn questions_that_cannot_be_asked_say_why() {
    let place = quick();
    place.write("plain.yaml", QUICK.split("sweep:").next().unwrap_or_default());
    for (words, says) in [
        ("plain.yaml", &["nothing is swept", "--axis pods.replicas=3,5,8"][..]),
        ("nowhere.yaml --axis pods.replicas=3", &["cannot read the scenario"]),
        ("quick.yaml --axis pods.replicaz=3", &["`replicaz`", "did you mean `replicas`?", "at point 0 of 1"]),
        (
            "quick.yaml --axis pods.replicas=3,many",
            &[
                "found the text `many`",
                "in `pods.replicas=many`, a value of this point",
                "at point 1 of 2 (counted from 0): pods.replicas=many",
            ],
        ),
        ("quick.yaml --axis pods.replicas=3,2000", &["2000 pods are more than 1000"]),
        ("quick.yaml --points nowhere.csv", &["cannot read the points in `nowhere.csv`"]),
        ("quick.yaml --lhs 200000 --range pods.cpu=1..9", &["at most 100000 are possible"]),
        ("quick.yaml --axis pods.replicas=2 --axis pods.replicas=3", &["`pods.replicas` is swept twice"]),
        ("quick.yaml --set pods.replicas=0", &["pods.replicas=0"]),
    ] {
        place.run(&format!("sweep {words} --out out")).refused(says);
    }
    assert!(!place.path("out").exists(), "nothing is written of a question that cannot be asked");
    place.run("sweep run out").refused(&["there is no sweep", "sweep plan"]);
    place.run("sweep merge quick.yaml").refused(&["there is no sweep"]);
    // what clap refuses
    for (words, says) in [
        ("", "SCENARIO"),
        ("quick.yaml --axis pods.replicas", "it has no `=`"),
        ("quick.yaml --lhs 5", "--range"),
        ("quick.yaml --range pods.cpu=9..1 --lhs 5", "nothing to draw"),
        ("quick.yaml --axis pods.cpu=1 --lhs 5 --range pods.cpu=1..9", "cannot be used with"),
        ("quick.yaml --figure event.latncy.p99", "did you mean"),
        ("quick.yaml --figure event.latency.p99.9", "points keep mean, p50, p95 and p99"),
        ("run out --shard 3/3", "3 is not one of 3 parts; they are counted from 0 to 2"),
        ("run out --shard 1/3 --of 3", "cannot be used with"),
        ("run out --threads 0", "1..=1024"),
    ] {
        let said = place.run(&format!("sweep {words}"));
        assert!(said.code == Some(2) && said.err.contains(says), "{words}: {said:?}");
    }
    let shown: Vec<String> = place.files(".").into_keys().filter(|name| name.starts_with("output")).collect();
    assert_eq!(shown, Vec::<String>::new());
}

#[test]
fn the_manifest_runs_every_part() {
    let place = quick();
    place.run("sweep quick.yaml --out calm --quiet").fine();
    place.run("sweep plan quick.yaml --out sweep --quiet").fine();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes/sweep-kubernetes.yaml");
    let text = std::fs::read_to_string(path).expect("it is part of the repository");
    let documents =
        serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).expect("YAML"));
    let job = documents.into_iter().find(|document| document["kind"] == "Job").expect("a Job");
    assert_eq!(job["spec"]["completionMode"], "Indexed");
    let worker = &job["spec"]["template"]["spec"]["containers"][0];
    let words = |key: &str| -> Vec<&str> {
        worker[key].as_sequence().expect("a list").iter().map(|word| word.as_str().expect("a text")).collect()
    };
    assert_eq!(words("command"), ["stickysim"]);
    let command = words("args").join(" ").replace("/data/sweep", "sweep");
    let completions = job["spec"]["completions"].as_u64().expect("a number");
    assert!(command.contains(&format!("--of {completions} ")), "{command}");
    // what no other try would mend is not tried again; Kubernetes takes such a rule only where containers are not started anew
    let rule = &job["spec"]["podFailurePolicy"]["rules"][0];
    assert_eq!((&rule["action"], &rule["onExitCodes"]["containerName"]), (&"FailJob".into(), &worker["name"]));
    assert_eq!(job["spec"]["template"]["spec"]["restartPolicy"], "Never");
    let refused = place.run("sweep run nowhere --of 8").code.map(Value::from);
    assert_eq!(refused.as_ref(), Some(&rule["onExitCodes"]["values"][0]));
    for index in 0..completions {
        place.shell(&format!("JOB_COMPLETION_INDEX={index} stickysim {command} --quiet")).fine();
    }
    place.run("sweep merge sweep --quiet").fine();
    assert_same_results(&place, "calm", "sweep");
}
