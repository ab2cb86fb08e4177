//! A scenario with every key, read from the disk with the files beside it.

use std::path::Path;

use stickysim::scenario::load;

#[test]
fn a_scenario_is_read_with_the_files_beside_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/full.yaml");
    let scenario = load(&path, &["pods.replicas=6".to_owned()]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(scenario.base.pods.replicas, 6);
    assert_eq!(scenario.trace_files().len(), 1);

    // what a report stores beside its figures can be read again and means the same
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in scenario.trace_files() {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let stored = folder.path().join("resolved.yaml");
    std::fs::write(&stored, scenario.resolved_yaml()).unwrap();
    let again = load(&stored, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(format!("{:?}", again.base), format!("{:?}", scenario.base));
    assert_eq!(again.resolved_yaml(), scenario.resolved_yaml());
}

#[test]
fn a_file_too_large_is_refused_whatever_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yaml");
    std::fs::write(&path, vec![0xfe; 5 << 20]).unwrap();
    let problems = load(&path, &[]).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["too-large"]);
    std::fs::write(&path, b"name: a\n\xff\n").unwrap();
    assert!(load(&path, &[]).unwrap_err().render(false).contains("line 2 is not UTF-8"));
}
