//! How things went over time: one panel per variant, all with the same axes, marked with what happened.

use plotters::style::RGBColor;

use super::canvas::{Anchor, CROWD, Canvas, GRID, INK, MUTED, SHADE, draw, series_color, text_width};
use super::marks::{Group, groups};
use super::scale::{Axis, from_zero, tick_step, tick_text, time_ticks};
use super::{Chart, FONT, LARGE};
use crate::metrics::{PodSeries, Study, TimeSeries, VariantReport};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 52.0;
const HEADER: f64 = 42.0;
const TOP: f64 = 40.0;
/// Most samples drawn of one series: more cannot be told apart.
const MAX_SAMPLES: usize = 240;
/// Most pods that get a colour each.
const MAX_COLORED: usize = 6;
/// Most pods that get a line each; of more, quantiles are drawn.
const MAX_DRAWN: usize = 40;

/// A line in a panel.
struct Line {
    label: String,
    values: Vec<Option<f64>>,
    color: RGBColor,
    /// Width of the line; 0 fills the area below it instead.
    width: f64,
}

/// What is drawn, for each variant.
struct Plan<'a> {
    study: &'a Study,
    title: &'a str,
    /// What stands at the upright axis.
    unit: &'a str,
    panels: Vec<Vec<Line>>,
}

/// Connections of each pod.
pub(super) fn connections(study: &Study) -> Option<Chart> {
    let panels: Vec<Vec<Line>> = study.variants.iter().map(pod_lines).collect();
    let title = "Connections per pod over time";
    let plan = Plan { study, title, unit: "connections", panels };
    plan.chart(
        "connections-per-pod",
        "One panel per variant, from the first replication. A line per pod; with more than six pods they are grey (with \
         more than 40, quantiles), and the fullest and the emptiest at the end and the mean stand out. Numbers mark what happened. A gap is a pod that does not run.",
    )
}

/// Reconnects per second.
pub(super) fn reconnects(study: &Study) -> Option<Chart> {
    let line = |(i, variant): (usize, &VariantReport)| {
        let values = thinned(variant.series.cluster.get("reconnects_per_s"), f64::max);
        vec![Line { label: String::new(), values, color: series_color(i.min(6)), width: 0.0 }]
    };
    let panels = study.variants.iter().enumerate().map(line).collect();
    let plan = Plan { study, title: "Reconnects over time", unit: "reconnects per second", panels };
    plan.chart(
        "reconnects",
        "One panel per variant, from the first replication: clients per second that open a WebSocket again after they \
         lost one. Numbers mark what happened.",
    )
}

/// What Redis gets and hands out.
pub(super) fn redis(study: &Study) -> Option<Chart> {
    let lines = |variant: &VariantReport| {
        let line = |label: &str, name: &str, i: usize| {
            let values = thinned(variant.series.cluster.get(name), |a, b| a + b);
            Line { label: label.to_owned(), values, color: series_color(i), width: 1.75 }
        };
        vec![line("copies", "redis_copies_per_s", 0), line("PUBLISH", "redis_publish_per_s", 1)]
    };
    let panels = study.variants.iter().map(lines).collect();
    let plan = Plan { study, title: "Redis over time", unit: "messages per second", panels };
    plan.chart(
        "redis",
        "One panel per variant, from the first replication: PUBLISH commands that pods send to Redis, and copies that \
         Redis hands to pods.",
    )
}

/// A line per pod; beyond a few, grey ones and the two ends.
fn pod_lines(variant: &VariantReport) -> Vec<Line> {
    let series = &variant.series;
    let pods = &series.pods;
    let samples = series.times_s.len();
    let values =
        |pod: &PodSeries| sampled(&(0..samples).map(|sample| pod.at(&pod.connections, sample)).collect::<Vec<_>>());
    if pods.len() <= MAX_COLORED {
        let line = |(i, pod): (usize, &PodSeries)| Line {
            label: pod.name.clone(),
            values: values(pod),
            color: series_color(i),
            width: 1.75,
        };
        return pods.iter().enumerate().map(line).collect();
    }
    // at the end of the run: pods that are gone by then, or came late, would stand out for nothing
    let ranked = || pods.iter().enumerate().filter_map(|(i, pod)| Some((i, series.connections_at_end(pod)?)));
    let fullest = ranked().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i);
    let emptiest = ranked().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i);
    let thin = |values| Line { label: String::new(), values, color: CROWD, width: 0.75 };
    let mut lines: Vec<Line> = if pods.len() <= MAX_DRAWN {
        pods.iter().map(|pod| thin(values(pod))).collect()
    } else {
        [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]
            .iter()
            .map(|q| thin(across_pods(series, |sorted| quantile(sorted, *q))))
            .collect()
    };
    let mut stand_out = |pod: Option<usize>, color: RGBColor| {
        if let Some(pod) = pod {
            lines.push(Line { label: pods[pod].name.clone(), values: values(&pods[pod]), color, width: 2.0 });
        }
    };
    stand_out(emptiest, series_color(0));
    stand_out(fullest, series_color(1));
    let mean = across_pods(series, |running| running.iter().sum::<f64>() / running.len() as f64);
    lines.push(Line { label: "mean".to_owned(), values: mean, color: series_color(6), width: 1.5 });
    lines
}

/// One number out of the pods that run, in ascending order, per sample.
fn across_pods(series: &TimeSeries, get: impl Fn(&[f64]) -> f64) -> Vec<Option<f64>> {
    let at = |at: usize| {
        let mut running: Vec<f64> = series.pods.iter().filter_map(|pod| pod.at(&pod.connections, at)).collect();
        running.sort_by(f64::total_cmp);
        (!running.is_empty()).then(|| get(&running))
    };
    sampled(&(0..series.times_s.len()).map(at).collect::<Vec<_>>())
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[libm::round(q * (sorted.len() - 1) as f64) as usize]
}

/// How many samples become one.
fn stride(samples: usize) -> usize {
    samples.div_ceil(MAX_SAMPLES).max(1)
}

/// The last sample of every few.
fn sampled(values: &[Option<f64>]) -> Vec<Option<f64>> {
    values.chunks(stride(values.len())).map(|chunk| chunk[chunk.len() - 1]).collect()
}

/// Every few samples taken together: their maximum, or their mean where `join` adds.
fn thinned(values: &[f64], join: fn(f64, f64) -> f64) -> Vec<Option<f64>> {
    let is_sum = join(1.0, 1.0) > 1.0;
    let joined = |chunk: &[f64]| {
        let all = chunk.iter().copied().reduce(join)?;
        Some(if is_sum { all / chunk.len() as f64 } else { all })
    };
    values.chunks(stride(values.len())).map(joined).collect()
}

/// Where a panel stands, and its axes.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    across: Axis,
    up: Axis,
    /// Of the upright axis.
    ticks: Vec<f64>,
}

impl Plan<'_> {
    fn chart(&self, name: &'static str, description: &str) -> Option<Chart> {
        let values = || self.panels.iter().flatten().flat_map(|line| line.values.iter().flatten());
        let highest = values().copied().fold(0.0, f64::max);
        if highest <= 0.0 {
            return None;
        }
        let groups = groups(self.study);
        let columns = if self.panels.len() > 3 { 2 } else { 1 };
        let rows = self.panels.len().div_ceil(columns);
        let height = if columns == 1 { 156.0 } else { 120.0 };
        let notes = notes(&groups, self.study.duration_s);
        let bottom = TOP + rows as f64 * (HEADER + height);
        let ticks = if columns == 1 { 5 } else { 4 };
        let svg = draw(WIDTH, bottom + 48.0 + 19.0 * notes.len() as f64, |canvas| {
            canvas.bold((0.0, 12.0), self.title, LARGE, INK, Anchor::Start);
            canvas.text((0.0, 34.0), self.unit, FONT, MUTED, Anchor::Start);
            for (i, lines) in self.panels.iter().enumerate() {
                let (row, column) = (i / columns, i % columns);
                let is_last = i + columns >= self.panels.len();
                let frame = self.frame(lines, row, (column, columns), (height, highest), ticks);
                self.header(canvas, &frame, i);
                self.axes(canvas, &frame, is_last);
                draw_marks(canvas, &frame, &groups, &self.study.variants[i]);
                self.lines(canvas, &frame, lines, i);
            }
            for (i, note) in notes.iter().enumerate() {
                canvas.text((0.0, bottom + 48.0 + 19.0 * i as f64), note, 12.0, MUTED, Anchor::Start);
            }
        });
        Some(Chart { name: name.into(), title: self.title.to_owned(), description: description.to_owned(), svg })
    }

    fn frame(
        &self,
        lines: &[Line],
        row: usize,
        (column, columns): (usize, usize),
        (height, highest): (f64, f64),
        ticks: usize,
    ) -> Frame {
        let width = WIDTH / columns as f64;
        let labels = lines.iter().map(|line| text_width(&line.label, FONT)).fold(0.0, f64::max);
        let left = column as f64 * width + LEFT;
        let right = (column + 1) as f64 * width - 12.0 - if labels > 0.0 { labels.min(110.0) + 8.0 } else { 0.0 };
        let top = TOP + row as f64 * (HEADER + height) + HEADER;
        let bottom = top + height;
        let across = Axis::linear(0.0, self.study.duration_s, left, right);
        let (up, ticks) = from_zero(highest, ticks, bottom, top);
        Frame { left, right, top, bottom, across, up, ticks }
    }

    fn header(&self, canvas: &mut Canvas<'_>, frame: &Frame, i: usize) {
        let variant = &self.study.variants[i];
        let y = frame.top - 21.0;
        canvas.bold((frame.left, y), &variant.name, FONT, INK, Anchor::Start);
        let x = frame.left + text_width(&variant.name, FONT) * 1.1 + 10.0;
        if x + text_width(&variant.balancer, FONT) < frame.right + 60.0 && variant.balancer != variant.name {
            canvas.text((x, y), &variant.balancer, FONT, MUTED, Anchor::Start);
        }
    }

    fn axes(&self, canvas: &mut Canvas<'_>, frame: &Frame, is_last: bool) {
        let warm = frame.across.at(self.study.warm_up_s);
        if warm > frame.left {
            canvas.rect((frame.left, frame.top), (warm, frame.bottom), SHADE);
        }
        for tick in &frame.ticks {
            let y = frame.up.at(*tick);
            canvas.line((frame.left, y), (frame.right, y), if *tick == 0.0 { MUTED } else { GRID }, 1.0);
            canvas.text((frame.left - 7.0, y), &tick_text(*tick, tick_step(&frame.ticks)), 12.0, MUTED, Anchor::End);
        }
        if warm > frame.left + 58.0 {
            canvas.text((frame.left + 6.0, frame.top + 11.0), "warm-up", 12.0, MUTED, Anchor::Start);
        }
        if !is_last {
            return;
        }
        let (ticks, unit) = time_ticks(self.study.duration_s, if frame.right - frame.left > 600.0 { 10 } else { 6 });
        for (time, text) in &ticks {
            let x = frame.across.at(*time);
            canvas.line((x, frame.bottom), (x, frame.bottom + 4.0), MUTED, 1.0);
            let text = if *time == 0.0 { format!("0 {unit}") } else { text.clone() };
            let anchor = if *time == 0.0 { Anchor::Start } else { Anchor::Middle };
            canvas.text((if *time == 0.0 { frame.left } else { x }, frame.bottom + 15.0), &text, 12.0, MUTED, anchor);
        }
    }

    fn lines(&self, canvas: &mut Canvas<'_>, frame: &Frame, lines: &[Line], i: usize) {
        let times = &self.study.variants[i].series.times_s;
        let times: Vec<f64> = times.chunks(stride(times.len())).map(|chunk| chunk[chunk.len() - 1]).collect();
        let mut labels: Vec<(f64, &Line)> = Vec::new();
        for line in lines {
            let mut end = None;
            for piece in pieces(&times, &line.values) {
                let points: Vec<(f64, f64)> =
                    piece.iter().map(|&(time, value)| (frame.across.at(time), frame.up.at(value))).collect();
                if line.width > 0.0 {
                    canvas.path(&points, line.color, line.width);
                } else {
                    canvas.polygon(&closed(&points, frame.bottom), line.color);
                }
                end = points.last().map(|(_, y)| *y);
            }
            if let Some(y) = end.filter(|_| !line.label.is_empty()) {
                labels.push((y, line));
            }
        }
        label_ends(canvas, frame, labels);
    }
}

/// The area between a line and the ground.
fn closed(points: &[(f64, f64)], ground: f64) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    [&[(first.0, ground)], points, &[(last.0, ground)]].concat()
}

/// Names at the ends of lines, moved apart where they would overlap.
fn label_ends(canvas: &mut Canvas<'_>, frame: &Frame, mut labels: Vec<(f64, &Line)>) {
    const APART: f64 = 15.0;
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut places: Vec<f64> = labels.iter().map(|(y, _)| *y).collect();
    // Neighbours push each other away by halves; a fixed number of rounds is enough and always the same.
    for _ in 0..200 {
        for i in 1..places.len() {
            let overlap = APART - (places[i] - places[i - 1]);
            if overlap > 0.0 {
                places[i - 1] -= overlap / 2.0;
                places[i] += overlap / 2.0;
            }
        }
        let last = places.len().saturating_sub(1);
        for (i, place) in places.iter_mut().enumerate() {
            let (above, below) = (i as f64 * APART, (last - i) as f64 * APART);
            *place = place.clamp(frame.top + above, (frame.bottom - below).max(frame.top + above));
        }
    }
    for ((y, line), place) in labels.iter().zip(places) {
        canvas.line((frame.right + 1.0, *y), (frame.right + 7.0, place), line.color, 1.0);
        canvas.text((frame.right + 10.0, place), &line.label, 12.0, INK, Anchor::Start);
    }
}

/// The stretches in which a series has values.
fn pieces(times: &[f64], values: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for (time, value) in times.iter().zip(values) {
        match (value, pieces.last_mut()) {
            (Some(value), Some(piece)) => piece.push((*time, *value)),
            (None, Some(piece)) if !piece.is_empty() => pieces.push(Vec::new()),
            _ => {}
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn draw_marks(canvas: &mut Canvas<'_>, frame: &Frame, groups: &[Group], variant: &VariantReport) {
    let mut found: Vec<Label> = Vec::new();
    for group in groups {
        let places: Vec<f64> = group.times_s(&variant.marks).map(|time| frame.across.at(time)).collect();
        if let (Some(first), Some(last)) = (places.first(), places.last()) {
            // Lines closer than this would fill the panel with grey.
            if last - first < 7.0 * (places.len() - 1) as f64 {
                canvas.rect((*first, frame.top), (*last, frame.bottom), GRID);
            } else {
                places.iter().for_each(|&x| canvas.line((x, frame.top), (x, frame.bottom), CROWD, 1.0));
            }
            if last > first {
                canvas.line((*first, frame.top), (*last, frame.top), CROWD, 2.0);
            }
            found.push(Label { from: *first, to: *first, numbers: vec![group.number] });
        }
    }
    let panel = (frame.left, frame.right);
    let labels = taken_together(found, panel);
    for (label, middle) in labels.iter().zip(apart(&labels, panel)) {
        canvas.text((middle, frame.top - 7.0), &label.text(), 12.0, INK, Anchor::Middle);
    }
}

/// The same, with the closest taken together until none has to stand far from its line.
fn taken_together(mut labels: Vec<Label>, panel: (f64, f64)) -> Vec<Label> {
    const FAR: f64 = 24.0;
    labels.sort_by(|a, b| a.from.total_cmp(&b.from));
    loop {
        let distance = |at: &usize| labels[at + 1].middle(panel) - labels[*at].middle(panel);
        let closest = (0..labels.len().saturating_sub(1)).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let is_far = labels.iter().zip(apart(&labels, panel)).any(|(label, at)| (label.middle(panel) - at).abs() > FAR);
        match closest {
            Some(at) if is_far || distance(&at) < 9.0 => {
                let next = labels.remove(at + 1);
                labels[at].take(next);
            }
            _ => return labels,
        }
    }
}

/// Where labels stand so that they touch neither each other nor what is beside the panel.
fn apart(labels: &[Label], (left, right): (f64, f64)) -> Vec<f64> {
    let room = |a: &Label, b: &Label| (a.width() + b.width()) / 2.0 + 10.0;
    let mut places: Vec<f64> = labels.iter().map(|label| label.middle((left, right))).collect();
    for i in 1..places.len() {
        places[i] = places[i].max(places[i - 1] + room(&labels[i - 1], &labels[i]));
    }
    // back from the right end, where they may have been moved out of the panel
    if let Some((place, label)) = places.last_mut().zip(labels.last()) {
        *place = place.min(right - label.width() / 2.0);
    }
    for i in (1..places.len()).rev() {
        places[i - 1] = places[i - 1].min(places[i] - room(&labels[i - 1], &labels[i]));
    }
    places
}

/// The numbers of lines that are too close for a number each.
struct Label {
    from: f64,
    to: f64,
    numbers: Vec<usize>,
}

impl Label {
    /// Takes in the next one.
    fn take(&mut self, next: Label) {
        self.numbers.extend(next.numbers);
        self.numbers.sort_unstable();
        self.to = self.to.max(next.to);
    }

    fn width(&self) -> f64 {
        text_width(&self.text(), 12.0)
    }

    /// The middle of its lines, or as close to it as it can be in the panel.
    fn middle(&self, (left, right): (f64, f64)) -> f64 {
        let half = self.width() / 2.0;
        f64::midpoint(self.from, self.to).min(right - half).max(left + half)
    }

    /// Such as `1`, `1, 2` or `1–4, 7`.
    fn text(&self) -> String {
        let runs = self.numbers.chunk_by(|a, b| a + 1 == *b);
        let text = |run: &[usize]| match *run {
            [first, _, .., last] => format!("{first}–{last}"),
            _ => run.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        };
        runs.map(text).collect::<Vec<_>>().join(", ")
    }
}

/// What the numbers mean, in lines that fit.
fn notes(groups: &[Group], duration_s: f64) -> Vec<String> {
    const MAX_LINES: usize = 4;
    let mut lines: Vec<String> = Vec::new();
    for (i, group) in groups.iter().enumerate() {
        let text = format!("{}: {}", group.number, group.text(duration_s));
        let is_full = lines.len() == MAX_LINES;
        match lines.last_mut() {
            Some(line) if text_width(line, 12.0) + text_width(&text, 12.0) + 24.0 < WIDTH => {
                line.push_str("  ·  ");
                line.push_str(&text);
            }
            _ if is_full => {
                lines.push(format!("… and {} more", groups.len() - i));
                break;
            }
            _ => lines.push(text),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_marks_touch_neither_each_other_nor_the_axis() {
        let panel = (52.0, 400.0);
        let at = |(number, x): (usize, f64)| Label { from: x, to: x, numbers: vec![number] };
        let marks = [(1, 53.0), (2, 54.0), (4, 57.0), (3, 60.0), (7, 90.0), (5, 110.0), (9, 300.0), (8, 399.0)];
        let labels = taken_together(marks.into_iter().map(at).collect(), panel);
        let texts: Vec<String> = labels.iter().map(Label::text).collect();
        assert_eq!(texts, ["1–4", "7", "5", "9", "8"]);
        let ends: Vec<(f64, f64)> = apart(&labels, panel)
            .iter()
            .zip(&labels)
            .map(|(at, label)| (at - label.width() / 2.0, at + label.width() / 2.0))
            .collect();
        assert!(ends.iter().all(|end| end.0 >= panel.0 - 1e-9 && end.1 <= panel.1 + 1e-9), "{ends:?}");
        assert!(ends.windows(2).all(|pair| pair[0].1 + 6.0 < pair[1].0), "{ends:?}");
    }
}
