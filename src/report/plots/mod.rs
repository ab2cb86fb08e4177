//! The charts, as SVG. Each stands as a file of its own and on the page.

mod across;
mod canvas;
mod curve;
mod heat;
mod latency;
mod marks;
mod names;
mod over_time;
mod panels;
mod plan;
pub(super) mod recommend;
mod scale;
mod skew;
mod sweep;
mod tornado;

use canvas::{Anchor, Canvas, INK, MUTED, series_color, text_width};

use std::borrow::Cow;

use crate::metrics::{Family, Study};

/// Size of ordinary text.
const FONT: f64 = 13.0;
/// Size of titles.
const LARGE: f64 = 15.0;

/// A finished chart.
pub(super) struct Chart {
    /// Name of the file, without `.svg`.
    pub(super) name: Cow<'static, str>,
    /// What it shows.
    pub(super) title: String,
    /// The same for those who cannot see it.
    pub(super) description: String,
    svg: String,
}

impl Chart {
    /// As a file of its own, with a margin.
    pub(super) fn file(&self) -> String {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        format!("{head}{}", self.framed("xmlns=\"http://www.w3.org/2000/svg\" style=\"background:#FFFFFF\" ", 40.0))
    }

    /// As a part of a page, which has margins of its own.
    pub(super) fn inline(&self) -> String {
        // the page is read at one size of type: a picture grows no further than it was drawn
        let width = self.svg.split_once(" width=\"").and_then(|(_, rest)| rest.split('"').next()?.parse::<f64>().ok());
        self.framed(&format!("style=\"--drawn:{}px\" ", width.unwrap_or(0.0) / 2.0), 0.0)
    }

    /// plotters' head gives the size in drawing units and knows no title: it is replaced.
    fn framed(&self, attributes: &str, margin: f64) -> String {
        let (head, body) = self.svg.split_once('>').unwrap_or(("", &self.svg));
        let size = |key: &str| -> f64 {
            let rest = head.split_once(&format!(" {key}=\"")).map_or("", |(_, rest)| rest);
            rest.split('"').next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
        };
        let (width, height) = (size("width") + 2.0 * margin, size("height") + 2.0 * margin);
        let name = &self.name;
        format!(
            "<svg {attributes}viewBox=\"{} {} {width} {height}\" width=\"{}\" height=\"{}\" role=\"img\" \
             aria-labelledby=\"{name}-title {name}-desc\">\n<title id=\"{name}-title\">{}</title>\n\
             <desc id=\"{name}-desc\">{}</desc>{body}",
            0.0 - margin,
            0.0 - margin,
            width / 2.0,
            height / 2.0,
            escaped(&self.title),
            escaped(&self.description),
        )
    }
}

/// The names of all charts that there are.
pub(super) const NAMES: [&str; 10] = [
    "over-time",
    "warm-up",
    "connections-per-pod",
    "reconnects",
    "load-skew",
    "redis",
    "latency-event",
    "latency-request",
    "offline-time",
    "sensitivity",
];

/// Every chart that this study has the figures for.
pub(super) fn all(study: &Study) -> Vec<Chart> {
    let latency = |family: &str, name| Family::named(family).and_then(|family| latency::chart(study, family, name));
    [
        over_time::bands(study),
        over_time::welch(study),
        panels::connections(study),
        panels::reconnects(study),
        skew::chart(study),
        panels::redis(study),
        latency("event.latency", "latency-event"),
        latency("request.latency", "latency-request"),
        latency("offline.time", "offline-time"),
        tornado::chart(study),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) use over_time::series_title;
pub(super) use plan::charts as plan_charts;
pub(super) use sweep::charts as sweep_charts;

/// A small sample of the line of the i-th variant, for tables.
pub(super) fn key(i: usize) -> String {
    let color = series_color(i);
    format!(
        "<svg class=\"key\" viewBox=\"0 0 24 8\" aria-hidden=\"true\"><line x1=\"0\" y1=\"4\" x2=\"24\" y2=\"4\" \
         stroke=\"#{:02X}{:02X}{:02X}\" stroke-dasharray=\"{}\"/></svg>",
        color.0,
        color.1,
        color.2,
        canvas::key_dashes(i)
    )
}

/// What a legend shows of a variant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sample {
    Line,
    Dot,
}

/// A legend of (position, name) in rows from `top` on.
fn legend(canvas: &mut Canvas<'_>, names: &[(usize, &str)], width: f64, top: f64, sample: Sample) {
    let (mut x, mut y) = (0.0, top);
    for &(i, name) in names {
        let step = 34.0 + text_width(name, FONT) + 18.0;
        if x > 0.0 && x + step > width {
            (x, y) = (0.0, y + 20.0);
        }
        match sample {
            Sample::Line => canvas.line((x, y), (x + 28.0, y), series_color(i), if i < 7 { 2.5 } else { 1.0 }),
            Sample::Dot => canvas.dot((x + 22.0, y), 4.0, series_color(i)),
        }
        canvas.text((x + 34.0, y), name, FONT, if i < 7 { INK } else { MUTED }, Anchor::Start);
        x += step;
    }
}

/// How many rows that legend takes.
fn legend_rows(names: &[(usize, &str)], width: f64) -> usize {
    let (mut x, mut rows) = (0.0, 1);
    for (_, name) in names {
        let step = 34.0 + text_width(name, FONT) + 18.0;
        if x > 0.0 && x + step > width {
            (x, rows) = (0.0, rows + 1);
        }
        x += step;
    }
    rows
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
