//! What the shipped scenarios compute, to the last bit.
//!
//! `golden.txt` has a line per scenario and variant: the digest of every event of replication 0, and a checksum of
//! every figure of it, with an eighth of the clients so that the test is quick. When a change of the model is meant to
//! change results, `UPDATE_GOLDEN=1 cargo test --test it golden` writes the file anew; say in the commit why it moved.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use stickysim::cluster::simulate;
use stickysim::cluster::spec::{ClusterSpec, Population};
use stickysim::engine::Seed;
use stickysim::metrics::{FigureId, Record};
use stickysim::scenario::load;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The same cluster with an eighth of its clients; everything else, timeline included, as it is.
fn smaller(mut spec: ClusterSpec) -> ClusterSpec {
    for audience in &mut spec.audiences {
        match &mut audience.population {
            Population::Present { count } => *count = count.div_ceil(8),
            Population::Arriving { rate_per_s, .. } => *rate_per_s /= 8.0,
            Population::Trace { .. } => {}
        }
    }
    spec
}

/// A checksum of every figure, bit by bit.
fn checksum(record: &Record) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    for figure in FigureId::all() {
        sum.update(figure.to_string().as_bytes());
        if let Some(value) = figure.value(record) {
            sum.update(&value.to_bits().to_le_bytes());
        }
    }
    sum.finalize()
}

fn scenarios() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("scenarios")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    paths.sort();
    paths
}

#[test]
fn shipped_scenarios_compute_what_they_always_did() {
    let mut runs: Vec<(String, ClusterSpec, u64)> = Vec::new();
    for path in scenarios() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let scenario = load(&path, &[]).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(scenario.name, name, "a shipped scenario is called as its file");
        assert!(!scenario.variants.is_empty(), "{name}: a shipped scenario has variants");
        for variant in &scenario.variants {
            runs.push((format!("{name} {}", variant.name), smaller(variant.spec.clone()), scenario.seed));
        }
    }
    let one = |(name, spec, seed): &(String, ClusterSpec, u64)| {
        let record = simulate(spec, Seed(*seed).replication(0)).unwrap_or_else(|error| panic!("{name}: {error}"));
        format!("{name} {:016x} {:08x}", record.digest, checksum(&record))
    };
    let now: Vec<String> = runs.par_iter().map(one).collect();
    let file = root().join("tests/it/golden.txt");
    #[allow(clippy::disallowed_methods)] // how a developer asks for the file to be written anew
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(&file, now.join("\n") + "\n").unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let differ: Vec<String> = now
        .iter()
        .filter(|line| !committed.lines().any(|other| other == **line))
        .map(|line| {
            let name = line.rsplitn(3, ' ').last().unwrap_or_default();
            let was = committed.lines().find(|other| other.rsplitn(3, ' ').last() == Some(name));
            format!("  now {line}\n  was {}", was.unwrap_or("not there"))
        })
        .collect();
    let gone: Vec<&str> = committed
        .lines()
        .filter(|line| !now.iter().any(|other| other.rsplitn(3, ' ').last() == line.rsplitn(3, ' ').last()))
        .collect();
    assert!(
        differ.is_empty() && gone.is_empty(),
        "tests/it/golden.txt does not fit (scenario, variant, digest of the events, checksum of the figures):\n{}\n{}\n\
         If results are meant to change, write it anew and say in the commit why:\n  \
         UPDATE_GOLDEN=1 cargo test --test it golden",
        differ.join("\n"),
        gone.iter().map(|line| format!("  gone {line}")).collect::<Vec<_>>().join("\n"),
    );
}
