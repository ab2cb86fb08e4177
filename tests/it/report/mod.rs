//! The report: what it says, that it says it the same way every time, and that it is well-formed.

mod sample;
pub mod xml;

use stickysim::metrics::{Counts, Estimate, Limiting, Study, TimeSeries, VariantReport};
use stickysim::report::{OutputFile, TerminalStyle, files, optional_paths, summary_schema_json, terminal, verdict};

const SCENARIO: &str = "name: rolling-restart\npods: 5\n# <not> html & \"quoted\"\n";
const PLAIN: TerminalStyle = TerminalStyle { color: false, width: 100 };

fn text(files: &[OutputFile], path: &str) -> String {
    let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(file.bytes.clone()).unwrap()
}

fn head(text: &str, lines: usize) -> String {
    text.lines().take(lines).collect::<Vec<_>>().join("\n")
}

/// Studies of every shape that a report has to survive.
fn shapes() -> Vec<(&'static str, Study)> {
    let mut nothing = sample::study(20);
    nothing.variants.clear();
    nothing.assumptions.clear();
    let mut bare = sample::study(20);
    for variant in &mut bare.variants {
        *variant = VariantReport {
            figures: Vec::new(),
            distributions: Vec::new(),
            counts: Counts::default(),
            limits: Limiting::default(),
            series: TimeSeries::default(),
            marks: Vec::new(),
            expectations: Vec::new(),
            alerts: Vec::new(),
            digests: Vec::new(),
            ..variant.clone()
        };
    }
    vec![
        ("three", sample::study(20)),
        ("one", sample::scaled(20, 1, 5)),
        ("two", sample::scaled(20, 2, 1)),
        ("many", sample::scaled(20, 9, 14)),
        ("single-run", sample::study(1)),
        ("many-pods", sample::scaled(5, 2, 45)),
        ("bare", bare),
        ("nothing", nothing),
    ]
}

#[test]
fn verdicts_read_well() {
    let verdicts: Vec<String> = shapes().iter().map(|(name, study)| format!("{name}\n  {}", verdict(study))).collect();
    insta::assert_snapshot!(verdicts.join("\n\n"));
}

#[test]
fn a_value_within_its_own_interval_is_not_stated() {
    for variants in [1, 3, 9] {
        let mut study = sample::scaled(2, variants, 5);
        for variant in &mut study.variants {
            for figure in &mut variant.figures {
                figure.value.half_width = Some(1.5 * figure.value.mean.abs() + 1.0);
                figure.difference = None;
            }
        }
        let said = verdict(&study);
        assert!(said.contains("too few runs to say"), "{said}");
        assert!(!said.replace("(± is", "").contains('±'), "{said}");
    }
}

#[test]
fn the_terminal_shows_three_variants_in_a_hundred_columns() {
    let shown = terminal(&sample::study(20), &PLAIN);
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_narrow_terminal_gets_one_variant_after_the_other() {
    let shown = terminal(&sample::study(20), &TerminalStyle { color: false, width: 60 });
    assert!(shown.lines().all(|line| line.chars().count() <= 60), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let study = sample::study(20);
    let coloured = terminal(&study, &TerminalStyle { color: true, width: 100 });
    assert!(coloured.contains('\x1b'));
    let mut bare = String::new();
    let mut pieces = coloured.split('\x1b');
    bare.push_str(pieces.next().unwrap());
    pieces.for_each(|piece| bare.push_str(piece.split_once('m').unwrap().1));
    assert_eq!(bare, terminal(&study, &PLAIN));
}

#[test]
fn a_difference_within_its_interval_is_never_claimed() {
    let mut study = sample::scaled(20, 2, 5);
    for variant in &mut study.variants {
        for figure in &mut variant.figures {
            if let Some(difference) = &mut figure.difference {
                *difference = Estimate { mean: 5e6, half_width: Some(5e6), min: -9e6, max: 2e7, replications: 20 };
            }
        }
    }
    let said = verdict(&study);
    assert!(said.contains("no difference found in Redis copies"), "{said}");
    for word in ["higher", "lower", "identical", "below 2 %"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
    let shown = terminal(&study, &PLAIN);
    let table = shown.split("±").next().unwrap().len();
    assert!(!shown[table..].lines().take_while(|line| !line.starts_with('±')).any(|line| line.contains(['✓', '✗'])));
}

#[test]
fn text_files_start_as_ever() {
    let files = files(&sample::study(20), SCENARIO);
    insta::assert_snapshot!("summary", head(&text(&files, "summary.json"), 70));
    insta::assert_snapshot!("latency_csv", head(&text(&files, "latency.csv"), 30));
    insta::assert_snapshot!("redis_csv", head(&text(&files, "redis.csv"), 20));
    insta::assert_snapshot!("load_csv", head(&text(&files, "load.csv"), 60));
    insta::assert_snapshot!("timeseries_csv", head(&text(&files, "timeseries.csv"), 40));
}

#[test]
fn the_same_study_gives_the_same_bytes() {
    for (name, study) in shapes() {
        let (one, two) = (files(&study, SCENARIO), files(&study.clone(), SCENARIO));
        assert!(one == two, "{name}");
    }
}

#[test]
fn the_page_needs_nothing_but_itself() {
    for (name, study) in shapes() {
        let files = files(&study, SCENARIO);
        let page = text(&files, "report.html");
        for forbidden in ["<script", "<link", "<iframe", "<img", " src=", "@import", "url(", "javascript:", " onload="]
        {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
        for target in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let id = target.strip_prefix('#').unwrap_or_else(|| panic!("{name}: a link out: {target}"));
            assert!(page.contains(&format!("id=\"{id}\"")), "{name}: a link to nowhere: {target}");
        }
        let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: an id stands twice");
        assert!(page.contains("<html lang=\"en\">") && page.contains("# &lt;not&gt; html &amp;"), "{name}");
        assert!(page.len() < 2_000_000, "{name}: {} bytes", page.len());
    }
}

#[test]
fn plots_are_well_formed_and_say_what_they_show() {
    for (name, study) in shapes() {
        for file in files(&study, SCENARIO).iter().filter(|file| file.path.ends_with(".svg")) {
            let svg = std::str::from_utf8(&file.bytes).unwrap();
            assert!(optional_paths().contains(&file.path), "{}", file.path);
            xml::assert_well_formed(&format!("{name}/{}", file.path), svg);
            assert!(svg.contains("role=\"img\"") && svg.contains("<title ") && svg.contains("<desc "), "{name}");
            assert!(!svg.contains("NaN"), "{name}/{}", file.path);
        }
    }
}

#[test]
fn summaries_follow_their_schema() {
    let schema = serde_json::from_str(&summary_schema_json()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, study) in shapes() {
        let summary = serde_json::from_str(&text(&files(&study, SCENARIO), "summary.json")).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&summary).map(|error| format!("{}: {error}", error.instance_path)).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    let wrong = serde_json::json!({ "format": "stickysim-summary/2" });
    assert!(!validator.is_valid(&wrong));
}
