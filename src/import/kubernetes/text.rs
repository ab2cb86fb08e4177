//! Findings for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::documents::Inputs;
use super::finding::Severity;
use super::{Finding, Imported};
use crate::words::readable;

/// Most findings that are printed; the file has all.
const MAX_SHOWN: usize = 100;

/// Kinds of objects that were found, with their numbers.
pub(super) fn found(inputs: &Inputs) -> Vec<String> {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in inputs.objects.iter().chain(&inputs.templates).chain(&inputs.cloudflare) {
        *kinds.entry(&object.kind).or_default() += 1;
    }
    if !inputs.nginx.is_empty() {
        kinds.insert("nginx configuration", inputs.nginx.len());
    }
    kinds.into_iter().map(|(kind, n)| if n == 1 { kind.to_owned() } else { format!("{n} × {kind}") }).collect()
}

impl Imported {
    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.code.severity() == severity).count()
    }

    /// Findings for people: plain text.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "Read: {}", self.found.join(", "))?;
        for skipped in &self.skipped {
            writeln!(out, "Not read: {skipped}")?;
        }
        let count = |severity| self.count(severity);
        let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
        let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let (errors, warnings, notes) = (plural(errors, "error"), plural(warnings, "warning"), plural(notes, "note"));
        writeln!(out, "Findings: {errors}, {warnings}, {notes}\n")?;
        for finding in self.findings.iter().take(MAX_SHOWN) {
            finding.write_text(out)?;
        }
        if self.findings.len() > MAX_SHOWN {
            writeln!(out, "… and {} more in findings.csv", self.findings.len() - MAX_SHOWN)?;
        }
        Ok(())
    }

    /// Findings as CSV: severity, code, file, line, object, what, why, fix.
    pub fn to_csv(&self) -> String {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let header = ["severity", "code", "file", "line", "object", "what", "why", "fix"];
        csv.write_record(header).expect("a Vec takes everything");
        for finding in &self.findings {
            let line = finding.line.to_string();
            let row = [
                finding.code.severity().name(),
                finding.code.name(),
                &finding.file,
                &line,
                &finding.object,
                &finding.what,
                finding.code.why(),
                &finding.fix,
            ];
            csv.write_record(row).expect("a Vec takes everything");
        }
        let bytes = csv.into_inner().expect("a Vec takes everything");
        String::from_utf8(bytes).expect("all of it was text")
    }
}

impl Finding {
    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let (severity, code) = (self.code.severity(), self.code.name());
        writeln!(out, "{severity}[{code}] {}:{}  {}", readable(&self.file), self.line, readable(&self.object))?;
        writeln!(out, "  {}", readable(&self.what))?;
        writeln!(out, "  why: {}", self.code.why())?;
        writeln!(out, "  fix: {}\n", readable(&self.fix))
    }
}
