//! `stickysim diff`: two folders of results, and what changed.

use serde_json::Value as Json;

use crate::program::Place;

/// The tiny scenario compared in `a`, and with other settings in `b`.
fn compared(settings: &[&str]) -> Place {
    let place = Place::furnished();
    place.run("compare tiny.yaml --quiet -r 6 --out a").fine();
    let sets: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    place.run_with("compare tiny.yaml --quiet -r 6 --out b", &sets, b"").fine();
    place
}

fn json(place: &Place, words: &str) -> Json {
    serde_json::from_str(place.run(&format!("{words} --format json")).fine()).unwrap()
}

/// What is said of one figure of one variant.
fn figure(diff: &Json, variant: &str, figure: &str) -> Json {
    let variants = diff["variants"].as_array().unwrap();
    let variant = variants.iter().find(|of| of["name"] == variant).unwrap_or_else(|| panic!("{variant}"));
    let figures = variant["figures"].as_array().unwrap();
    figures.iter().find(|of| of["figure"] == figure).cloned().unwrap_or(Json::Null)
}

#[test]
fn a_folder_does_not_differ_from_itself() {
    let place = compared(&[]);
    for (a, b) in [("a", "a"), ("a", "b")] {
        let out = place.run(&format!("diff {a} {b} --deny worse")).fine().to_owned();
        assert_eq!(
            out,
            format!(
                "A: {a} (tiny, seed 7, 6 runs per variant)\nB: {b} (tiny, seed 7, 6 runs per variant)\n\nConfiguration: the same\n\n\
                 cookie: the same runs, byte for byte\n\nip-hash: the same runs, byte for byte\n\nnone: the same runs, byte for byte\n"
            )
        );
    }
    let all = place.run("diff a b --all").fine().to_owned();
    assert!(
        all.contains("event latency p99 (ms)")
            && !all.contains("✗\n")
            && all.contains("run by run with the same random numbers"),
        "{all}"
    );
    // another name of the folder of one variant is no other variant
    place.run("run tiny.yaml --quiet -r 6 --out one --set name=one").fine();
    place.run("run tiny.yaml --quiet -r 6 --out two --set name=two").fine();
    let out = place.run("diff one two").fine().to_owned();
    assert!(out.contains("  name: one → two\n") && out.contains("one → two: the same runs, byte for byte"), "{out}");
}

#[test]
fn what_was_changed_is_found_with_its_sign() {
    let place = compared(&["pods.replicas=6", "variants.cookie.balancers=[{nginx: {}}]"]);
    let out = place.run("diff a b").fine().to_owned();
    assert!(out.contains("\nConfiguration: "), "{out}");
    for line in ["  pods.replicas: 3 → 6\n", "  variants.cookie.balancers"] {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(!out.contains("assumed"), "{out}");
    let diff = json(&place, "diff a b");
    // twice as many pods get a copy each, and without its cookie a client is somewhere else nearly always
    let copies = figure(&diff, "none", "redis.copies");
    assert_eq!((copies["finding"].as_str(), copies["method"].as_str()), (Some("worse"), Some("paired")), "{copies}");
    assert!(copies["difference"]["mean"].as_f64().unwrap() > 0.0);
    let moved = figure(&diff, "cookie", "stickiness.failures");
    assert!(moved["finding"] == "worse" && moved["difference"]["mean"].as_f64().unwrap() > 0.3, "{moved}");
    assert_eq!(place.run("diff a b --deny worse --quiet").code, Some(1));
    let denied = place.run("diff a b --deny worse --quiet").err;
    assert!(denied.contains("cookie: stickiness.failures got worse\n"), "{denied}");
    // what is smaller than what is asked for does not count
    assert_eq!(figure(&json(&place, "diff a b --at-least 100%"), "none", "request.latency.p50"), Json::Null);
    let csv = place.run("diff a b --format csv").fine().to_owned();
    assert!(csv.starts_with("variant,figure,unit,a,a_half_width_95,b,b_half_width_95,difference,difference_half_width_95,p_value,method,finding\n"));
    assert!(csv.lines().all(|line| line.split(',').count() == 12), "{csv}");
}

#[test]
fn the_other_way_round_is_the_mirror() {
    let place = compared(&["pods.replicas=6"]);
    // with the runs, and without them as older versions wrote them
    for method in ["paired", "welch"] {
        let (there, back) = (json(&place, "diff a b --all"), json(&place, "diff b a --all"));
        let mut seen = 0;
        for variant in there["variants"].as_array().unwrap() {
            for one in variant["figures"].as_array().unwrap() {
                let other = figure(&back, variant["name"].as_str().unwrap(), one["figure"].as_str().unwrap());
                assert_eq!((&one["a"], &one["b"]), (&other["b"], &other["a"]));
                let mean = |of: &Json| of["difference"]["mean"].as_f64().unwrap();
                assert!((mean(one) + mean(&other)).abs() <= 1e-9 * mean(one).abs(), "{one} {other}");
                assert_eq!(one["method"], method);
                let mirrored = match one["finding"].as_str().unwrap() {
                    "better" => "worse",
                    "worse" => "better",
                    same => same,
                };
                assert_eq!(other["finding"], mirrored, "{one} {other}");
                seen += 1;
            }
        }
        assert!(seen > 200, "{seen} figures");
        let changes = |diff: &Json| diff["configuration"].as_array().unwrap().clone();
        let swapped: Vec<Json> =
            changes(&back).iter().map(|c| serde_json::json!({"path": c["path"], "a": c["b"], "b": c["a"]})).collect();
        assert_eq!(changes(&there), swapped);
        std::fs::remove_file(place.path("a/replications.csv")).ok();
    }
    // other random numbers are other runs
    place.run("compare tiny.yaml --quiet -r 6 --out c --seed 8").fine();
    let out = place.run("diff b c").fine().to_owned();
    assert!(out.contains("  seed: 7 → 8\n") && out.contains("Welch"), "{out}");
}

#[test]
fn other_variants_other_figures_and_one_run_are_said_to_be() {
    let place = compared(&["variants.more={pods.replicas: 5}"]);
    let out = place.run("diff a b").fine().to_owned();
    assert!(out.contains("Variants that only B has: more.\n"), "{out}");
    place.run("compare played.yaml --quiet --out played").fine();
    let out = place.run("diff a played").fine().to_owned();
    assert!(
        out.contains("Variants that only A has: cookie.\n") && out.contains("  only in A: event.latency.mean"),
        "{out}"
    );
    place.run("run tiny.yaml --quiet -r 1 --out one").fine();
    place.run("run tiny.yaml --quiet -r 1 --out two --seed 4").fine();
    let out = place.run("diff one two").fine().to_owned();
    assert!(out.contains("one run says nothing of chance") && out.contains("seed 4, 1 run per variant"), "{out}");
    place.run("diff a one").refused(&["no variant in common", "`cookie`, `ip-hash`, `none`", "`tiny`"]);
    place.write("b/summary.json", place.read("b/summary.json").replace("\"version\": \"", "\"version\": \"9."));
    assert!(place.run("diff a b").fine().contains("and B by version 9."));
}

#[test]
fn a_gate_that_can_tell_nothing_is_no_pass() {
    let place = Place::furnished();
    place.run("run tiny.yaml --quiet -r 1 --out one").fine();
    place.run("run tiny.yaml --quiet -r 3 --out three --set pods.replicas=6").fine();
    for words in ["one three", "three one --quiet"] {
        place.run(&format!("diff {words} --deny worse")).refused(&[
            "one run has no interval",
            "`one` has 1 run",
            "`three` has 3 runs",
            "-r 2",
        ]);
    }
    // what is the same needs no test
    place.run("diff one one --deny worse --quiet").fine();
}

#[test]
fn the_runs_that_both_have_are_compared_one_by_one() {
    let place = compared(&["pods.cpu=0.5"]);
    place.run("compare tiny.yaml --quiet -r 5 --out few --set pods.cpu=0.5").fine();
    place.run("compare tiny.yaml --quiet -r 5 --out five").fine();
    for (a, b, sign) in [("a", "few", "A"), ("few", "a", "B")] {
        let diff = json(&place, &format!("diff {a} {b} --all"));
        assert_eq!(diff["common_replications"], 5);
        let of_six = figure(&diff, "none", "request.latency.mean");
        let (first, second) = if a == "few" { ("few", "five") } else { ("five", "few") };
        let of_five = figure(&json(&place, &format!("diff {first} {second} --all")), "none", "request.latency.mean");
        assert_eq!((of_six["method"].as_str(), &of_six["difference"]), (Some("paired"), &of_five["difference"]));
        let out = place.run(&format!("diff {a} {b}")).fine().to_owned();
        assert!(out.contains(&format!("where both had the same random numbers: 5 of 6 runs of {sign}.")), "{out}");
    }
    let out = place.run("diff a five").fine().to_owned();
    assert!(out.contains("none: the same runs, byte for byte, as far as both have them (5)"), "{out}");
}

#[test]
fn what_is_no_folder_of_results_is_refused() {
    let place = compared(&[]);
    place
        .run("diff a nowhere")
        .refused(&["`nowhere` is no folder of results: there is nothing of that name", "stickysim run"]);
    place.run("diff tiny.yaml a").refused(&["`tiny.yaml` is no folder of results: it is a file"]);
    place.run("diff a logs").refused(&["`logs` is no folder of results: it has no summary.json"]);
    let summary = place.read("b/summary.json");
    let again = |content: &str| place.write("b/summary.json", content);
    for end in [0, 1, 100, summary.len() / 2, summary.len() - 3] {
        again(&summary[..end]);
        place.run("diff a b").refused(&["`b`: summary.json is no summary of stickysim, or not whole"]);
    }
    again("{\"format\": \"stickysim-summary/9\"}");
    place
        .run("diff a b")
        .refused(&["is of the format `stickysim-summary/9`, and this version reads `stickysim-summary/1`"]);
    again("{\"format\": \"stickysim-summary/1\", \"version\": 3}");
    place.run("diff a b").refused(&["summary.json is damaged"]);
    again(&summary);
    let runs = place.read("b/replications.csv");
    for (broken, says) in [
        (
            runs.replace("variant,", "x,"),
            "replications.csv does not begin with the columns variant, replication, digest",
        ),
        (runs.lines().take(4).collect::<Vec<_>>().join("\n"), "is of other runs"),
        (runs.replace("\ncookie,0,", "\ncookie,0,0"), "is of other runs"),
        (runs.replace("\nnone,", "\nnobody,"), "has other variants"),
        (format!("{runs}none,7"), "is damaged"),
    ] {
        place.write("b/replications.csv", broken);
        place.run("diff a b").refused(&[says]);
    }
    place.write("b/replications.csv", &runs);
    place.write("b/scenario.yaml", "pods: [");
    place.run("diff a b").refused(&["b/scenario.yaml` cannot be read"]);
    std::fs::remove_file(place.path("b/scenario.yaml")).unwrap();
    place.run("diff a b").refused(&["it has no scenario.yaml"]);
    place.run("diff a").refused(&["<B>"]);
    place.run("diff a a --at-least much").refused(&["not a share"]);
}
