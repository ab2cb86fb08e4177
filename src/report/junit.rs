//! What was expected as JUnit XML, which pipelines show.

use super::outcome_words;
use crate::metrics::{ExpectationOutcome, Study, VariantReport};

/// A suite per variant, a case per expectation; one that does not hold is a failure, in words.
///
/// ```xml
/// <testsuites name="auction" tests="1" failures="1">
///   <testsuite name="cookie" tests="1" failures="1">
///     <testcase classname="auction.cookie" name="p99 event.latency &lt; 100ms">
///       <failure message="fails: measured 166.6 ± 1.5 ms, 66.6 ms above the limit"/>
/// ```
pub fn junit(study: &Study) -> String {
    let fails = |variant: &VariantReport| variant.expectations.iter().filter(|outcome| !outcome.holds).count();
    let all: usize = study.variants.iter().map(|variant| variant.expectations.len()).sum();
    let failed: usize = study.variants.iter().map(fails).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escaped(&study.name);
    out.push_str(&format!("<testsuites name=\"{name}\" tests=\"{all}\" failures=\"{failed}\">\n"));
    for variant in &study.variants {
        let (suite, tests, failures) = (escaped(&variant.name), variant.expectations.len(), fails(variant));
        out.push_str(&format!("  <testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failures}\">\n"));
        for outcome in &variant.expectations {
            out.push_str(&case(&format!("{name}.{suite}"), outcome));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(class: &str, outcome: &ExpectationOutcome) -> String {
    let (name, words) = (escaped(&outcome.text), escaped(&outcome_words(outcome)));
    let head = format!("    <testcase classname=\"{class}\" name=\"{name}\">\n");
    let body = if outcome.holds {
        format!("      <system-out>{words}</system-out>\n")
    } else {
        format!("      <failure message=\"{words}\"/>\n")
    };
    format!("{head}{body}    </testcase>\n")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no other control characters
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
