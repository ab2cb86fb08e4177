//! The committed schemas are the ones that the program prints.

use stickysim::report::summary_schema_json;
use stickysim::scenario::schema_json;

fn assert_fresh(path: &str, current: &str, command: &str) {
    let committed = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default();
    assert!(committed.trim_end() == current.trim_end(), "{path} is stale: cargo run -- {command} > {path}");
}

#[test]
fn the_schema_of_scenarios_is_fresh() {
    assert_fresh("scenarios/schema.json", &schema_json(), "schema");
}

#[test]
fn the_schema_of_summaries_is_fresh() {
    assert_fresh("docs/summary.schema.json", &summary_schema_json(), "schema summary");
}
