//! What happens to a folder besides its sweep: others at work in it, damaged points, no right to write.

use std::fs::File;
use std::os::unix::fs::symlink;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{assert_same_results, copy, quick};
use crate::program::Place;

/// Changes a point as another build would have written it, with the checksum that it would have.
fn rewrite(place: &Place, point: &str, change: impl FnOnce(&mut Json)) {
    let mut file: Json = serde_json::from_str(&place.read(point)).expect("a point");
    change(&mut file["report"]);
    let sweep = file["sweep"].as_str().expect("a hash").to_owned();
    let hash = Sha256::new().chain_update(sweep).chain_update(file["report"].to_string()).finalize();
    file["sha256"] = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    place.write(point, format!("{file}\n"));
}

#[test]
fn builds_that_disagree_are_not_merged() {
    let place = quick();
    place.run("sweep quick.yaml --out out --quiet").fine();
    copy(&place.path("out"), &place.path("copy"));
    place.run("sweep merge out copy --quiet").fine();
    rewrite(&place, "copy/points/000003.json", |report| report["variants"][0]["events"] = 7.into());
    place.run("sweep merge out copy").refused(&["point 3 is not the same in `out` and `copy`"]);
}

#[test]
fn a_point_with_other_content_is_noticed() {
    let place = quick();
    place.run("sweep quick.yaml --out out --quiet").fine();
    let name = "out/points/000003.json";
    let whole = place.read(name);
    let changed = |change: &dyn Fn(&mut Json)| {
        let mut file: Json = serde_json::from_str(&whole).expect("a point");
        change(&mut file);
        place.write(name, file.to_string());
        let said = place.run("sweep merge out");
        let words =
            "point 3 in `out` was changed after it was written\nerror: 1 of 6 points is missing (counted from 0: 3)";
        assert!(said.code == Some(2) && said.err.starts_with(words), "{said:?}");
    };
    changed(&|file| file["report"]["variants"][1]["figures"][0]["id"] = "foo.bar".into());
    changed(&|file| drop(file["report"]["variants"].as_array_mut().map(Vec::pop)));
    changed(&|file| file["report"]["variants"][0]["figures"] = Json::Array(Vec::new()));
    changed(&|file| file["report"]["variants"][0]["figures"][2]["value"]["mean"] = 12.5.into());
    changed(&|file| file["report"]["point"] = 2.into());
    let said = place.run("sweep run out");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "1 point run, 5 were finished before: out\n"), "{said:?}");
    assert!(said.err.contains("point 3 was changed after it was written and runs again"), "{said:?}");
    assert_eq!(place.read(name), whole);
}

#[test]
fn a_figure_of_another_build_is_refused_with_its_name() {
    let place = quick();
    place.run("sweep quick.yaml --out out --quiet").fine();
    rewrite(&place, "out/points/000003.json", |report| report["variants"][1]["figures"][0]["id"] = "foo.bar".into());
    for command in ["merge", "run"] {
        place
            .run(&format!("sweep {command} out"))
            .refused(&["000003.json` has the figure `foo.bar`, which this build does not know", "left as it is"]);
    }
}

#[test]
fn only_who_is_alone_tidies_up() {
    let place = quick();
    place.run("sweep quick.yaml --out out --quiet").fine();
    place.run("sweep quick.yaml --out calm --quiet").fine();
    let left = ["out/.stickysim-a", "out/points/.stickysim-b", "out/plots/.stickysim-c", "out/files/.stickysim-d"];
    left.iter().for_each(|name| place.write(name, "half"));
    let there = || left.iter().filter(|name| place.path(name).exists()).count();
    let somebody = File::open(place.path("out/.lock")).expect("every folder of a sweep has it");
    somebody.lock_shared().expect("locks");
    place.run("sweep merge out --quiet").fine();
    assert_eq!(there(), left.len(), "they may be of somebody who lives");
    drop(somebody);
    place.run("sweep run out --quiet").fine();
    assert_eq!(there(), left.len(), "who runs leaves them to who merges");
    place.run("sweep merge out --quiet").fine();
    assert_eq!(there(), 0);
    assert_same_results(&place, "calm", "out");
}

#[test]
fn several_merge_at_once() {
    let place = quick();
    place.run("sweep quick.yaml --out calm --quiet").fine();
    place.run("sweep plan quick.yaml --out out --quiet").fine();
    place.run("sweep run out --quiet").fine();
    for _ in 0..5 {
        let merge = || place.command("sweep merge out --quiet").spawn().expect("it starts");
        let mut all: Vec<_> = (0..4).map(|_| merge()).collect();
        assert!(all.iter_mut().all(|one| one.wait().expect("it ends").success()));
    }
    assert_same_results(&place, "calm", "out");
}

#[test]
fn a_folder_that_cannot_be_written_says_what_helps() {
    let place = quick();
    place.run("sweep plan quick.yaml --out out --quiet").fine();
    // nobody may write there, whoever runs this
    symlink("/sys", place.path("out/points")).expect("a link");
    let said = place.run("sweep run out");
    said.refused(&["cannot write to the folder `out/points`", "make the folder writable"]);
    assert!(!said.err.contains("--out") && !said.err.contains("make room"), "{said:?}");
    std::fs::remove_file(place.path("out/points")).expect("ours");
    place.run("sweep run out --quiet").fine();
    symlink("/sys", place.path("out/plots")).expect("a link");
    place.run("sweep merge out").refused(&["cannot write `out/plots/"]);
}
