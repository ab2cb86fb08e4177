//! Every `tests/bad-scenarios/NAME.yaml` is refused with exactly the words of `NAME.txt`.
//!
//! `UPDATE_BAD_SCENARIOS=1 cargo test --test it bad_scenarios` writes the words anew; read them before committing.

use std::path::{Path, PathBuf};

use stickysim::scenario::{Folder, NoFiles, Source, load, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-scenarios")
}

#[test]
fn bad_scenarios_say_what_is_wrong() {
    #[allow(clippy::disallowed_methods)] // how a developer asks for the files to be written anew
    let update = std::env::var("UPDATE_BAD_SCENARIOS").is_ok();
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 35, "{} bad scenarios", names.len());
    let mut wrong = Vec::new();
    for name in names {
        let bytes = std::fs::read(folder().join(format!("{name}.yaml"))).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let shown = format!("{name}.yaml");
        let folder_files = Folder(folder());
        let said = match parse(Source { name: &shown, text: &text, folder: &folder_files }, &[]) {
            Ok(_) => "accepted\n".to_owned(),
            Err(problems) => problems.render(false),
        };
        let expected = folder().join(format!("{name}.txt"));
        if update {
            std::fs::write(&expected, &said).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
        if said != wanted || said == "accepted\n" {
            wrong.push(format!("== {name}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_is_said_to_be_missing() {
    let problems = load(&folder().join("there-is-no-such-file.yaml"), &[]).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["unreadable-file"]);
    assert!(problems.render(false).contains("cannot read the scenario"));
    let problems = load(&folder(), &[]).unwrap_err();
    assert!(problems.render(false).contains("not a regular file"));
}

/// What is said of a small scenario with these changes.
fn said(text: &str, sets: &[&str]) -> String {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    match parse(Source { name: "x.yaml", text, folder: &NoFiles }, &sets) {
        Ok(scenario) => scenario.resolved_yaml(),
        Err(problems) => problems.render(false),
    }
}

const SMALL: &str = "name: x\nclients: {count: 9}\nvariants:\n  none: {}\n  more: {pods.replicas: 5}\n";

#[test]
fn a_change_is_blamed_where_it_was_made() {
    for path in ["variants.none.pods.replicas", "variants.more.pods.replicas", "pods.replicas"] {
        let said = said(SMALL, &[&format!("{path}=0")]);
        assert!(said.contains(&format!("in `--set {path}=0`")) && !said.contains("x.yaml:"), "{said}");
    }
}

#[test]
fn a_change_has_a_value() {
    for empty in ["pods.replicas=", "pods.replicas=  "] {
        let said = said(SMALL, &[empty]);
        assert!(said.contains("has no value") && said.contains("`null`"), "{said}");
    }
    assert!(said(SMALL, &["pods.replicas=null"]).contains("replicas: 3"));
}

#[test]
fn a_jitter_may_be_a_percentage() {
    for (text, resolved) in [("0%", "jitter: 0\n"), ("0", "jitter: 0\n"), ("15%", "jitter: 0.15\n")] {
        let said = said(SMALL, &[&format!("clients.network.jitter={text}")]);
        assert!(said.contains(resolved), "{said}");
    }
}

#[test]
fn a_text_that_is_too_long_is_said_to_be() {
    for text in ["# \n".repeat(4 << 20), "#\u{e9}".repeat(4 << 20)] {
        assert!(said(&text, &[]).contains("more than 4 MiB"));
    }
}
