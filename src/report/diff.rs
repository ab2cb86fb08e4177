//! What changed between two folders of results, as text and for programs.

use comfy_table::{ContentArrangement, Table};
use serde_json::{Value, json};

use super::finding::Finding;
use super::json::unit_name;
use super::number::{Scale, count};
use super::terminal::{LINES, align, wrapped};
use super::verdict::listed;
use crate::metrics::{ConfigChange, Estimate, FigureId};
use crate::study::{Contrast, Contrasted, Contrasts, Results};

/// Most changes of the configuration that a terminal shows.
const MOST_CHANGES: usize = 40;

/// Everything that is told of two folders.
#[derive(Clone, Copy, Debug)]
pub struct Diff<'d> {
    /// The first one: how it is called, and what it holds.
    pub before: (&'d str, &'d Results),
    /// The second one.
    pub after: (&'d str, &'d Results),
    /// What is configured otherwise.
    pub configuration: &'d [ConfigChange],
    /// What came out otherwise.
    pub contrasts: &'d Contrasts,
    /// Changes of less than this share of the first value do not count; 0 = all do.
    pub at_least: f64,
    /// Every figure is listed, not only those that changed.
    pub all: bool,
}

impl Diff<'_> {
    fn finding(&self, of: &Contrasted) -> Finding {
        Finding::tested(&of.difference, of.figure.family().better, of.p_value)
    }
    /// Whether it changed, and by enough.
    fn counts(&self, of: &Contrasted) -> bool {
        self.finding(of).is_change() && of.difference.mean.abs() >= self.at_least * of.before.mean.abs()
    }
    fn changed<'c>(&'c self, variant: &'c Contrast) -> impl Iterator<Item = &'c Contrasted> {
        variant.figures.iter().filter(|figure| self.counts(figure))
    }
    fn listed<'c>(&'c self, variant: &'c Contrast) -> impl Iterator<Item = &'c Contrasted> {
        variant.figures.iter().filter(|figure| self.all || self.counts(figure))
    }
}

/// The figures that changed for the worse, each with its variant.
pub fn got_worse(diff: &Diff<'_>) -> Vec<(String, FigureId)> {
    let each = diff.contrasts.variants.iter().flat_map(|variant| {
        let worse = diff.changed(variant).filter(|figure| diff.finding(figure).is_worse());
        worse.map(|figure| (variant.name.clone(), figure.figure))
    });
    each.collect()
}

/// Whether figures differ, and none of them can be told from chance: one of the two made one run.
pub fn nothing_tested(diff: &Diff<'_>) -> bool {
    let figures = || diff.contrasts.variants.iter().flat_map(|variant| &variant.figures);
    let differs = figures().any(|figure| diff.finding(figure) == Finding::Untested);
    differs && figures().all(|figure| figure.p_value.is_none())
}

/// In sentences and tables, `width` columns wide where that is enough.
pub fn diff_text(diff: &Diff<'_>, width: usize) -> String {
    let mut out = String::new();
    for (sign, (path, results)) in [("A", diff.before), ("B", diff.after)] {
        let Results { name, seed, replications, .. } = results;
        let runs = if *replications == 1 { "run" } else { "runs" };
        out.push_str(&format!(
            "{sign}: {path} ({name}, seed {seed}, {} {runs} per variant)\n",
            count(u64::from(*replications))
        ));
    }
    let versions = [&diff.before.1.version, &diff.after.1.version];
    if versions[0] != versions[1] {
        let text = format!(
            "A was made by version {} and B by version {}: the model may have changed as well.",
            versions[0], versions[1]
        );
        out.push_str(&wrapped(&text, width, ""));
    }
    if let Some(text) = common(diff) {
        out.push_str(&wrapped(&text, width, ""));
    }
    out.push('\n');
    out.push_str(&configuration(diff.configuration, width));
    for (names, only) in [(&diff.contrasts.only_before, "A"), (&diff.contrasts.only_after, "B")] {
        if !names.is_empty() {
            out.push_str(&wrapped(&format!("Variants that only {only} has: {}.", listed(names)), width, ""));
        }
    }
    for variant in &diff.contrasts.variants {
        out.push('\n');
        out.push_str(&of_variant(diff, variant, width));
    }
    if diff.contrasts.variants.iter().any(|variant| diff.listed(variant).next().is_some()) {
        out.push('\n');
        out.push_str(&wrapped(&legend(diff), width, ""));
    }
    out
}

/// Which runs are compared, where one of the two has more than the other.
fn common(diff: &Diff<'_>) -> Option<String> {
    let (a, b, common) = (diff.before.1.replications, diff.after.1.replications, diff.contrasts.common);
    let (sign, all) = if a > b { ("A", a) } else { ("B", b) };
    let mut figures = diff.contrasts.variants.iter().flat_map(|variant| &variant.figures);
    (common > 0 && a != b && figures.any(|figure| figure.paired)).then(|| {
        format!(
            "Compared run by run where both had the same random numbers: {common} of {all} runs of {sign}. Means of {sign} are of all its runs."
        )
    })
}

fn configuration(changes: &[ConfigChange], width: usize) -> String {
    let mut out = match changes.len() {
        0 => return "Configuration: the same\n".to_owned(),
        1 => "Configuration: 1 change\n".to_owned(),
        n => format!("Configuration: {n} changes\n"),
    };
    for ConfigChange { path, before, after } in changes.iter().take(MOST_CHANGES) {
        let line = match (before, after) {
            (Some(before), Some(after)) => format!("{path}: {before} → {after}"),
            (Some(before), None) => format!("{path}: {before} → not there"),
            (None, after) => format!("{path}: not there → {}", after.as_deref().unwrap_or_default()),
        };
        out.push_str(&indented(&line, width));
    }
    if changes.len() > MOST_CHANGES {
        out.push_str(&format!("  … and {} more (`--format json` has all)\n", changes.len() - MOST_CHANGES));
    }
    out
}

/// Two columns to the right, and what follows further.
fn indented(text: &str, width: usize) -> String {
    wrapped(text, width.saturating_sub(2), "    ").lines().map(|line| format!("  {line}\n")).collect()
}

fn of_variant(diff: &Diff<'_>, variant: &Contrast, width: usize) -> String {
    let compared = variant.figures.len();
    let changed = diff.changed(variant).count();
    let identical = variant.figures.iter().filter(|figure| diff.finding(figure) == Finding::Identical).count();
    let untested = variant.figures.iter().filter(|figure| diff.finding(figure) == Finding::Untested).count();
    let said = if variant.same_runs && identical == compared {
        if diff.before.1.replications == diff.after.1.replications {
            "the same runs, byte for byte".to_owned()
        } else {
            let common = diff.contrasts.common;
            format!("the same runs, byte for byte, as far as both have them ({common})")
        }
    } else if identical == compared {
        format!("all {compared} figures are identical")
    } else if untested > 0 {
        format!("{untested} of {compared} figures differ, and one run says nothing of chance: make more (`-r 20`)")
    } else if changed == 0 && diff.at_least > 0.0 {
        format!("no difference of {} % or more found at this precision in {compared} figures", per_cent(diff.at_least))
    } else if changed == 0 {
        format!("no difference found at this precision in {compared} figures")
    } else {
        format!("{changed} of {compared} figures changed")
    };
    let mut out = wrapped(&format!("{}: {said}", variant.name), width, "");
    for (figures, only) in [(&variant.only_before, "A"), (&variant.only_after, "B")] {
        if !figures.is_empty() {
            let names: Vec<String> = figures.iter().map(FigureId::to_string).collect();
            out.push_str(&indented(&format!("only in {only}: {}", names.join(", ")), width));
        }
    }
    let rows: Vec<&Contrasted> = diff.listed(variant).collect();
    if !rows.is_empty() {
        out.push_str(&table(diff, &rows));
    }
    out
}

fn table(diff: &Diff<'_>, rows: &[&Contrasted]) -> String {
    let mut table = Table::new();
    table.load_style(LINES).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["  figure", "A", "B", "B − A", ""]);
    for row in rows {
        let scale = Scale::fitting(row.figure.family().unit, [row.before.mean, row.after.mean].into_iter());
        let title = match scale.unit {
            "" => row.figure.title(),
            unit => format!("{} ({unit})", row.figure.title()),
        };
        table.add_row([
            format!("  {title}"),
            scale.parts(&row.before).to_string(),
            scale.parts(&row.after).to_string(),
            scale.show_difference(&row.difference),
            diff.finding(row).sign().to_string(),
        ]);
    }
    align(&mut table);
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn legend(diff: &Diff<'_>) -> String {
    let figures = || diff.contrasts.variants.iter().flat_map(|variant| &variant.figures);
    let how = if figures().all(|figure| figure.paired) {
        "run by run with the same random numbers (both have the same seed)"
    } else if diff.before.1.seed == diff.after.1.seed {
        "as means of independent runs (Welch; where random numbers are the same, that is cautious)"
    } else {
        "as means of independent runs (Welch)"
    };
    format!(
        "± 95 % interval. Compared {how}: ✓ better, ✗ worse, ≠ changed (the interval of the difference excludes 0, also for as many \
         figures as there are: Holm), ~ no difference found, = identical."
    )
}

fn per_cent(share: f64) -> f64 {
    libm::round(share * 1e6) / 1e4
}

/// A row for each variant and figure.
pub fn diff_csv(diff: &Diff<'_>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "variant",
        "figure",
        "unit",
        "a",
        "a_half_width_95",
        "b",
        "b_half_width_95",
        "difference",
        "difference_half_width_95",
        "p_value",
        "method",
        "finding",
    ];
    writer.write_record(header).expect("memory takes every write");
    for variant in &diff.contrasts.variants {
        for row in diff.listed(variant) {
            let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
            let of = |estimate: &Estimate| [number(Some(estimate.mean)), number(estimate.half_width)];
            let mut record = vec![variant.name.clone(), row.figure.to_string()];
            record.push(unit_name(row.figure.family().unit).to_owned());
            [&row.before, &row.after, &row.difference].into_iter().for_each(|estimate| record.extend(of(estimate)));
            record.extend([number(row.p_value), method(row).to_owned(), name(diff.finding(row)).to_owned()]);
            writer.write_record(&record).expect("all rows have the columns of the header");
        }
    }
    writer.into_inner().expect("memory takes every write")
}

const fn method(of: &Contrasted) -> &'static str {
    match (of.p_value, of.paired) {
        (None, _) => "none",
        (_, true) => "paired",
        (_, false) => "welch",
    }
}

/// A finding in files.
const fn name(finding: Finding) -> &'static str {
    match finding {
        Finding::Identical => "identical",
        Finding::NoDifference => "no_difference",
        Finding::Untested => "untested",
        _ if finding.is_worse() => "worse",
        _ if finding.is_better() => "better",
        _ => "changed",
    }
}

/// Everything as JSON.
pub fn diff_json(diff: &Diff<'_>) -> String {
    let side = |(path, results): (&str, &Results)| {
        let Results { name, version, seed, replications, .. } = results;
        json!({ "folder": path, "name": name, "version": version, "seed": seed, "replications": replications })
    };
    let estimate = |of: &Estimate| json!({ "mean": of.mean, "half_width": of.half_width });
    let figure = |row: &Contrasted| {
        json!({
            "figure": row.figure.to_string(),
            "unit": unit_name(row.figure.family().unit),
            "a": estimate(&row.before),
            "b": estimate(&row.after),
            "difference": estimate(&row.difference),
            "p_value": row.p_value,
            "method": method(row),
            "finding": name(diff.finding(row)),
        })
    };
    let ids = |figures: &[FigureId]| figures.iter().map(FigureId::to_string).collect::<Vec<_>>();
    let variant = |of: &Contrast| {
        json!({
            "name": of.name,
            "same_runs": of.same_runs,
            "compared": of.figures.len(),
            "figures": diff.listed(of).map(figure).collect::<Vec<_>>(),
            "only_in_a": ids(&of.only_before),
            "only_in_b": ids(&of.only_after),
        })
    };
    let change = |of: &ConfigChange| json!({ "path": of.path, "a": of.before, "b": of.after });
    let whole: Value = json!({
        "format": "stickysim-diff/1",
        "a": side(diff.before),
        "b": side(diff.after),
        "common_replications": diff.contrasts.common,
        "configuration": diff.configuration.iter().map(change).collect::<Vec<_>>(),
        "variants": diff.contrasts.variants.iter().map(variant).collect::<Vec<_>>(),
        "only_in_a": diff.contrasts.only_before,
        "only_in_b": diff.contrasts.only_after,
    });
    let mut text = serde_json::to_string_pretty(&whole).expect("plain data has no keys that JSON lacks");
    text.push('\n');
    text
}
