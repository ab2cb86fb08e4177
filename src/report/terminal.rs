//! The report on a terminal: table, expectations, and last, where eyes rest, the verdict.

use comfy_table::{CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use super::alerts;
use super::expect;
use super::finding::Finding;
use super::pairing;
use super::precision;
use super::ranking;
use super::rows::{Row, group};
use super::sensitivity::{Cells, Reading};
use crate::metrics::{HEADLINE, Study};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Whether escape sequences for colour are wanted. Nothing is said by colour alone.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

/// Rows between the heading and the body, none between rows, none around.
pub(super) const LINES: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none().junction(' '));

/// Table of the variants, expectations and verdict, as text that ends with a new line.
pub fn terminal(study: &Study, style: &TerminalStyle) -> String {
    let width = style.width.max(40);
    let mut out = blocks(study, width).join("\n");
    if study.variants.len() > 1 {
        out.push('\n');
        out.push_str(&wrapped(&legend(study), width, ""));
    }
    for sentence in [pairing::sentence(study), precision::sentence(study), precision::missing(study)] {
        if !sentence.is_empty() {
            out.push('\n');
            out.push_str(&wrapped(&sentence, width, ""));
        }
    }
    out.push_str(&expectations(study, width));
    out.push_str(&fired(study, width));
    if let Some(reading) = ranking::Reading::of(study) {
        out.push_str(&ranks(&reading, width));
    }
    if let Some(reading) = Reading::of(study) {
        out.push('\n');
        out.push_str(&sensitivity(&reading, width));
    }
    out.push('\n');
    out.push_str(&wrapped(&super::verdict(study), width, ""));
    if style.color { painted(&out) } else { out }
}

/// Tables of as many variants as fit side by side, one at least.
fn blocks(study: &Study, width: usize) -> Vec<String> {
    let fits = |table: &str| table.lines().all(|line| line.chars().count() <= width);
    let mut blocks = Vec::new();
    let mut from = 0;
    while from < study.variants.len() {
        let block = |to: usize| table(study, &(from..to).collect::<Vec<_>>());
        let mut to = study.variants.len();
        let mut text = block(to);
        while to > from + 1 && !fits(&text) {
            to -= 1;
            text = block(to);
        }
        blocks.push(text);
        from = to;
    }
    blocks
}

fn legend(study: &Study) -> String {
    let baseline = study.variants.get(study.baseline).map_or("the baseline", |variant| variant.name.as_str());
    if study.replications < 2 {
        return format!(
            "One run per variant: no interval, so nothing is called better or worse than {baseline} (?); = identical."
        );
    }
    format!(
        "± 95 % interval over {} runs. Against {baseline}, run by run with the same random numbers: ✓ better, ✗ worse, ≠ neither \
         (the interval of the difference excludes 0, also for as many variants as there are: Holm), ~ no difference found, = identical.",
        study.replications
    ) + if precision::has_fewer(study) { " [n]: only n runs had any of it." } else { "" }
}

/// The table of these variants.
fn table(study: &Study, variants: &[usize]) -> String {
    let mut header = vec![String::new()];
    header.extend(variants.iter().map(|&i| heading(study, i)));
    let mut rows = Vec::new();
    let mut current = "";
    for id in HEADLINE {
        let Some(row) = Row::find(study, id) else { continue }; // nothing of it in this study
        if group(id) != current {
            current = group(id);
            rows.push(vec![current.to_owned()]);
        }
        let mut cells = vec![format!("  {}", row.title())];
        cells.extend(variants.iter().map(|&i| cell(study, &row, i)));
        rows.push(cells);
    }
    table_of(header, rows)
}

/// A table of texts.
pub(super) fn table_of(header: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(LINES).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header).add_rows(rows);
    align(&mut table);
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn heading(study: &Study, i: usize) -> String {
    let name = &study.variants[i].name;
    if i == study.baseline && study.variants.len() > 1 { format!("{name} (baseline)") } else { name.clone() }
}

/// Numbers stand right, so that their intervals stand below each other; the sign has its own last column.
pub(super) fn align(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
}

fn cell(study: &Study, row: &Row<'_>, variant: usize) -> String {
    let has_signs = study.variants.len() > 1;
    let Some(figure) = row.cells[variant] else {
        let blank = row.blanks[variant];
        return if has_signs { format!("{blank}  ") } else { blank.to_owned() };
    };
    let runs = precision::fewer(study, &figure.value).map_or_else(String::new, |runs| format!(" [{runs}]"));
    let value = format!("{}{runs}", row.scale.parts(&figure.value));
    if !has_signs {
        return value;
    }
    format!("{value} {}", Finding::of_figure(figure).map_or(' ', Finding::sign))
}

fn expectations(study: &Study, width: usize) -> String {
    let mut out = String::new();
    for variant in &study.variants {
        for outcome in &variant.expectations {
            if out.is_empty() {
                out.push_str("\nExpectations\n");
            }
            let sign = if outcome.holds { '✓' } else { '✗' };
            let line = format!("{sign} {}: {} — {}", variant.name, outcome.text, expect::words(outcome));
            out.push_str(&wrapped(&line, width, "  "));
        }
    }
    out
}

/// Each alert, variant by variant.
fn fired(study: &Study, width: usize) -> String {
    if !alerts::is_there(study) {
        return String::new();
    }
    let mut out = format!("\nAlerts\n{}", wrapped(&format!("{}:", alerts::METHOD), width, ""));
    for variant in &study.variants {
        for alert in &variant.alerts {
            let (condition, words) = (alerts::condition(alert), alerts::words(alert));
            let sign = if alert.firings.is_empty() { '·' } else { '!' };
            let line = format!("{sign} {}: {} ({condition}) {words}", variant.name, alert.name);
            out.push_str(&wrapped(&line, width, "    "));
        }
    }
    out
}

/// The variants in their order, in a table, or one below the other where that is too wide.
fn ranks(reading: &ranking::Reading<'_>, width: usize) -> String {
    let expects = ranking::expects(reading.study);
    let mut header = vec!["Ranking".to_owned(), String::new()];
    header.extend(expects.then(|| "expected".to_owned()));
    header.extend(reading.columns.iter().map(|(heading, _)| heading.clone()));
    let rows = reading.ranking.places.iter().map(|place| {
        let mut cells = vec![place.rank.to_string(), reading.variant(place).name.clone()];
        cells.extend(expects.then(|| ranking::failed(place.failed)));
        cells.extend(reading.columns.iter().map(|(_, row)| ranking::brief(&row.scale, row.cells[place.variant])));
        cells
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut table = Table::new();
    table.load_style(LINES).set_content_arrangement(ContentArrangement::Disabled);
    // the last word of a heading stands below the others
    table.set_header(
        header.iter().map(|heading| heading.rsplit_once(' ').map_or(heading.clone(), |(a, b)| format!("{a}\n{b}"))),
    );
    table.add_rows(rows.clone());
    align(&mut table);
    if let Some(names) = table.column_mut(1) {
        names.set_cell_alignment(CellAlignment::Left);
    }
    let text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let text = if text.lines().all(|line| line.chars().count() <= width) {
        text
    } else {
        let line = |cells: &Vec<String>| {
            let rest = header.iter().zip(cells).skip(2).map(|(heading, cell)| format!("{heading} {cell}"));
            wrapped(&format!("{}. {}: {}", cells[0], cells[1], rest.collect::<Vec<_>>().join("; ")), width, "   ")
        };
        format!("Ranking\n{}", rows.iter().map(line).collect::<String>())
    };
    format!("\n{text}{}", wrapped(&format!("Ranked {}", reading.method()), width, ""))
}

/// What changed assumptions do: those with an effect, what changes of the verdict, and the rest in a few lines.
fn sensitivity(reading: &Reading<'_>, width: usize) -> String {
    let mut out = wrapped(&reading.method(), width, "");
    let rows: Vec<Cells> = reading.effects.iter().map(|effect| reading.cells(effect)).collect();
    let widest = |cell: fn(&Cells) -> &String| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0);
    let (figure, lower) = (widest(|row| &row.figure), widest(|row| &row.lower));
    if !rows.is_empty() {
        let heading = "Each assumption, and the figure of the verdict that it moves most: with less, and with more (~ no \
                       change found; ! the verdict hinges on it)";
        out.push('\n');
        out.push_str(&wrapped(heading, width, ""));
    }
    for (row, effect) in rows.iter().zip(&reading.effects) {
        out.push_str(&wrapped(&format!("{} = {}", row.assumption, row.assumed), width, "  "));
        let ends = format!("  {:figure$}  {:lower$}  {}", row.figure, row.lower, row.higher);
        // side by side where there is room
        let ends = if ends.chars().count() <= width { format!("{ends}\n") } else { wrapped(ends.trim(), width, "") };
        out.push_str(&ends);
        for hinge in &effect.hinges {
            let tried = effect.varied.tried(hinge.is_higher).unwrap_or_default();
            let line = format!("! at {tried}: {}", hinge.words);
            out.extend(wrapped(&line, width - 2, "  ").lines().map(|line| format!("  {line}\n")));
        }
    }
    if !rows.is_empty() {
        out.push('\n');
    }
    reading.notes().iter().for_each(|note| out.push_str(&wrapped(note, width, "  ")));
    out
}

/// `text` in lines of at most `width` columns, the following ones indented.
pub(super) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let len = word.chars().count();
        if used > 0 && used + 1 + len > width {
            out.push('\n');
            out.push_str(indent);
            used = indent.chars().count();
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += len;
    }
    out.push('\n');
    out
}

/// Adds colour to what the signs say already: blue and orange, which every eye tells apart.
pub(super) fn painted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        let is_heading = !bare.is_empty()
            && (["Expectations", "Alerts", "Ranking"].contains(&bare) || HEADLINE.iter().any(|id| group(id) == bare));
        if is_heading {
            out.push_str(&format!("\x1b[1m{bare}\x1b[0m\n"));
            continue;
        }
        for c in line.chars() {
            match c {
                '✓' => out.push_str("\x1b[34m✓\x1b[0m"),
                '✗' => out.push_str("\x1b[1;33m✗\x1b[0m"),
                '─' | '~' | '=' => out.push_str(&format!("\x1b[2m{c}\x1b[0m")),
                c => out.push(c),
            }
        }
    }
    out
}
