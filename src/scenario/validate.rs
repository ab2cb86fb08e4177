//! Bounds that types cannot say, all of them at once, each with its path.

mod alerts;
mod autoscaler;
mod clients;
mod cluster;
mod data;
mod life;
mod load;
mod network;
mod nodes;
mod prices;
mod reconnect;
mod redis;
mod sessions;
mod sweep;
mod timeline;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::Problem;
use super::expect::{ExpectPart, Expectation, Frame};
use super::file::ScenarioFile;
use super::locate::Step;
use super::replications::Replications;
use super::typed::Found;
use crate::cluster::balancer;
use crate::cluster::spec::Trace;
use crate::engine::{Law, Span};
use crate::metrics::AlertRule;

pub use prices::check_currency;

/// Most clients at a time.
pub const MAX_CLIENTS: f64 = 20e6;
/// Most pods at a time.
pub const MAX_PODS: u32 = 1000;
/// Shortest mean distance of what one client does again and again.
const MIN_EVERY: Span = Span::from_micros(1);

/// Problems under construction.
#[derive(Default)]
struct Checks {
    list: Vec<Found>,
}

impl Checks {
    /// Reports `code` at `path` (dotted; entries of lists by number).
    fn fail(&mut self, code: &'static str, path: &str, message: impl Into<String>, help: impl Into<String>) {
        let steps = path
            .split('.')
            .filter(|word| !word.is_empty())
            .map(|word| word.parse().map_or_else(|_| Step::Key(word.to_owned()), |at| Step::Item(at, None)))
            .collect();
        self.list.push(Found { steps, problem: Problem::new(code, path, message, help) });
    }
    /// A problem of the balancer at a position; names of its settings may have dots.
    fn fail_balancer(&mut self, at: usize, product: &str, problem: balancer::Problem) {
        let balancer::Problem { setting, message, help } = problem;
        let keys = ["balancers", product, setting].map(|key| Step::Key(key.to_owned()));
        let [balancers, product_key, setting_key] = keys;
        let steps = vec![balancers, Step::Item(at, None), product_key, setting_key];
        let path = format!("balancers.{at}.{product}.{setting}");
        self.list.push(Found { steps, problem: Problem::new("bad-balancer", &path, message, help) });
    }

    /// A law of distances between events of one client.
    fn every(&mut self, path: &str, law: &Law) {
        if !law.mean().is_finite() {
            let help = "for `pareto`, `alpha` must be above 1";
            self.fail("no-mean", path, "these intervals have no finite mean, so no steady state", help);
        }
        if law.mean() < MIN_EVERY.as_nanos() as f64 {
            let mean = Span::from_nanos_f64(law.mean());
            self.fail(
                "too-often",
                path,
                format!("the mean is {mean}; it must be at least {MIN_EVERY}"),
                "write for example `{exp: 20s}`",
            );
        }
    }

    /// A law of whole numbers from 1, such as sizes of groups.
    fn sizes(&mut self, path: &str, law: &Law) {
        if law.mean() < 1.0 {
            self.fail(
                "too-small",
                path,
                format!("the mean size is {}; a group has at least one member", law.mean()),
                "write for example `10`",
            );
        } else if !law.mean().is_finite() {
            self.fail("no-mean", path, "these sizes have no finite mean", "for `pareto`, `alpha` must be above 1");
        }
    }
}

/// What the lines of `expect` and `alerts` say.
#[derive(Default)]
pub struct Said {
    /// Of `expect`.
    pub expectations: Vec<Expectation>,
    /// Of `alerts`.
    pub alerts: Vec<AlertRule>,
}

/// Checks a filled file; `said` gets what its lines say.
pub fn validate(file: &ScenarioFile, traces: &BTreeMap<String, Arc<Trace>>, said: &mut Said) -> Vec<Found> {
    let mut checks = Checks::default();
    check_frame(&mut checks, file);
    check_lengths(&mut checks, file);
    clients::check(&mut checks, file);
    clients::check_traffic(&mut checks, file);
    cluster::check(&mut checks, file);
    data::check(&mut checks, file);
    life::check(&mut checks, file);
    autoscaler::check(&mut checks, file);
    nodes::check(&mut checks, file);
    prices::check(&mut checks, file);
    timeline::check(&mut checks, file);
    redis::check(&mut checks, file);
    sessions::check(&mut checks, file);
    check_expectations(&mut checks, file, &mut said.expectations);
    sweep::check(&mut checks, file);
    alerts::check(&mut checks, file, &mut said.alerts);
    if checks.list.is_empty() {
        load::check(&mut checks, file, traces);
    }
    checks.list
}

fn check_expectations(checks: &mut Checks, file: &ScenarioFile, said: &mut Vec<Expectation>) {
    let warm_up = match file.warm_up {
        Some(super::words::WarmUp::After(span)) => span,
        _ => Span::ZERO,
    };
    let frame = Frame {
        duration: file.duration.unwrap_or_default(),
        warm_up,
        sample_every: file.sample_every.unwrap_or_default(),
        replications: file.replications.map_or(0, |replications| replications.least()),
        has_prices: file.prices.is_some(),
        has_database: file.database.is_some(),
    };
    // what does not fit a run that is wrong itself is only a consequence
    let is_run = warm_up < frame.duration && !frame.sample_every.is_zero() && frame.replications > 0;
    for (at, text) in file.expect.iter().flatten().enumerate() {
        let read = Expectation::read(text);
        let fitting = read.and_then(|read| if is_run { read.fit(&frame, said).map(|()| read) } else { Ok(read) });
        match fitting {
            Ok(expectation) => said.push(expectation),
            Err(error) => {
                let key = match error.part {
                    ExpectPart::During if text.during.is_some() => ".during",
                    ExpectPart::With if text.with.is_some() => ".with",
                    _ if text.during.is_some() || text.with.is_some() => ".that",
                    _ => "",
                };
                checks.fail("bad-expectation", &format!("expect.{at}{key}"), error.message, error.help);
            }
        }
    }
}

/// Lists longer than this are mistakes; the model numbers what stands in them in one byte, and moments in two.
const MOST_ENTRIES: usize = 250;
const MOST_MOMENTS: usize = 60_000;

fn check_lengths(checks: &mut Checks, file: &ScenarioFile) {
    let lengths = [
        ("clients", file.clients.len(), MOST_ENTRIES),
        ("traffic", file.traffic.as_ref().map_or(0, Vec::len), MOST_ENTRIES),
        ("server_traffic", file.server_traffic.as_ref().map_or(0, Vec::len), MOST_ENTRIES),
        ("timeline", file.timeline.as_ref().map_or(0, Vec::len), MOST_MOMENTS),
    ];
    for (list, length, most) in lengths {
        if length > most {
            let message = format!("{length} entries are more than the {most} that fit");
            checks.fail("too-many-entries", list, message, "put several of a kind into one entry");
        }
    }
}

fn replications(checks: &mut Checks, file: &ScenarioFile) {
    match file.replications {
        Some(Replications::Exactly(number)) if !(1..=10_000).contains(&number) => {
            let message = format!("{number} replications are not possible");
            checks.fail("out-of-range", "replications", message, "write 1 to 10000, or `auto`");
        }
        Some(Replications::Until(until)) => {
            if !(0.001..=0.5).contains(&until.precision()) {
                let message = format!("figures cannot be known to {} %", until.precision() * 100.0);
                let help =
                    "write 0.1% to 50%; the usual 5% says that an interval reaches 5 % of the mean to either side";
                checks.fail("out-of-range", "replications.precision", message, help);
            }
            if !(Replications::FIRST..=10_000).contains(&until.at_most()) {
                let message = format!("{} replications do not do to tell how well figures are known", until.at_most());
                checks.fail(
                    "out-of-range",
                    "replications.at_most",
                    message,
                    "write 10 to 10000, or a number in the place of `replications`",
                );
            }
        }
        _ => {}
    }
}

fn check_frame(checks: &mut Checks, file: &ScenarioFile) {
    let duration = file.duration.unwrap_or_default();
    let good_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if file.name.is_empty() || file.name.starts_with('-') || file.name.len() > 64 || !file.name.chars().all(good_name) {
        let message = format!("`{}` cannot be the name of a folder", file.name);
        checks.fail("bad-name", "name", message, "use 1 to 64 lower-case letters, digits and hyphens; `title` is free");
    }
    if file.title.as_ref().is_some_and(|title| title.chars().count() > 200 || title.contains('\n')) {
        checks.fail("bad-title", "title", "the title is not one line of at most 200 characters", "write a shorter one");
    }
    if duration.is_zero() {
        checks.fail("zero", "duration", "the run has no length", "write for example `20m`");
    }
    if duration > Span::from_secs(366 * 86_400) {
        checks.fail("too-long", "duration", format!("{duration} is longer than a year"), "write a shorter run");
    }
    if let Some(super::words::WarmUp::After(warm_up)) = file.warm_up
        && warm_up >= duration
        && !duration.is_zero()
    {
        let message = format!("the warm-up of {warm_up} leaves nothing of the run of {duration} to measure");
        checks.fail("warm-up-too-long", "warm_up", message, "make it shorter than `duration`, or write `auto`");
    }
    replications(checks, file);
    let sample_every = file.sample_every.unwrap_or_default();
    if sample_every.is_zero() {
        checks.fail("zero", "sample_every", "samples need a distance above zero", "write for example `5s`");
    } else if duration.as_nanos() / sample_every.as_nanos() > 100_000 {
        let message = format!("a sample every {sample_every} makes more than 100000 samples in {duration}");
        checks.fail("too-often", "sample_every", message, "leave it out, or write a longer distance");
    } else if sample_every > duration && !duration.is_zero() {
        checks.fail(
            "too-long",
            "sample_every",
            format!("{sample_every} is longer than the run"),
            "leave it out, or write a shorter distance",
        );
    }
    if file.max_events.is_some_and(|max| max.value() == 0) {
        checks.fail("zero", "max_events", "a run needs at least one event", "leave it out for the default of 2e9");
    }
}
