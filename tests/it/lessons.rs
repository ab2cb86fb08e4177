//! What the shipped scenarios teach holds: their expectations, in three runs each.

use std::path::Path;

use crate::program::Place;

#[test]
fn every_shipped_scenario_holds_what_it_expects() {
    let place = Place::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let scenarios = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut failed = String::new();
    let mut lessons = 0;
    for scenario in scenarios {
        if !std::fs::read_to_string(&scenario).unwrap().contains("\nexpect:") {
            continue;
        }
        lessons += 1;
        let scenario = scenario.to_str().unwrap();
        let said = place.run_with("compare --quiet --set replications=3 --out out", &[scenario], b"");
        if said.code != Some(0) {
            failed.push_str(&format!("{scenario}: {}\n", said.out));
        }
    }
    assert!(failed.is_empty(), "{failed}");
    assert!(lessons >= 10, "{lessons}");
}
