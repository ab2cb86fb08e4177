//! The comma-separated files. Every number has a fixed count of digits, so that two of them can be compared line by line.

use super::json::unit_name;
use super::ranking;
use super::sensitivity::Reading;
use crate::metrics::{
    CLUSTER_SERIES, Counts, Estimate, FigureId, FigureReport, POD_SERIES, PodSeries, Reason, RedisCommand, Spread,
    Study, TimeSeries, Unit, VariantReport,
};

/// Columns that every table of figures has.
pub(super) const FIGURE_COLUMNS: [&str; 12] = [
    "variant",
    "kind",
    "family",
    "statistic",
    "value",
    "half_width_95",
    "min",
    "max",
    "replications",
    "difference",
    "difference_half_width_95",
    "unit",
];

/// The first columns of `replications.csv`; each of the others is a figure.
pub(super) const RUN_COLUMNS: [&str; 3] = ["variant", "replication", "digest"];

type Row = Vec<String>;

/// `latency.csv`: every statistic of every duration, then the distributions.
pub(super) fn latency(study: &Study) -> Vec<u8> {
    let mut rows = Vec::new();
    for variant in &study.variants {
        rows.extend(variant.figures.iter().filter(|f| is_duration(f)).map(|figure| figure_row(variant, figure)));
    }
    for variant in &study.variants {
        for distribution in &variant.distributions {
            rows.extend(distribution.points.iter().filter(|(_, share)| distribution.is_told(*share)).map(
                |&(ms, share)| {
                    let mut row = vec![String::new(); FIGURE_COLUMNS.len()];
                    row[0] = variant.name.clone();
                    row[1] = "distribution".to_owned();
                    row[2] = distribution.family.clone();
                    row[3] = format!("p{:.6}", share * 100.0);
                    row[4] = number(ms);
                    row[11] = "ms".to_owned();
                    row
                },
            ));
        }
    }
    write(&FIGURE_COLUMNS, rows)
}

/// `redis.csv`: figures of Redis, then what was counted over all replications.
pub(super) fn redis(study: &Study) -> Vec<u8> {
    let mut rows = Vec::new();
    for variant in &study.variants {
        let figures = variant.figures.iter().filter(|f| f.id.starts_with("redis."));
        rows.extend(figures.map(|figure| figure_row(variant, figure)));
        rows.extend(redis_counts(&variant.counts).map(|(name, n)| {
            let mut row = vec![String::new(); FIGURE_COLUMNS.len()];
            row[0] = variant.name.clone();
            row[1] = "count".to_owned();
            row[2] = name.to_owned();
            row[4] = n.to_string();
            row[8] = study.replications.to_string();
            row[11] = "total".to_owned();
            row
        }));
    }
    write(&FIGURE_COLUMNS, rows)
}

/// `load.csv`: skew figures and N_eff, then the mean of each pod over the measured part of the first replication.
pub(super) fn load(study: &Study) -> Vec<u8> {
    let is_load = |id: &str| ["load.", "n_eff.", "limits."].iter().any(|start| id.starts_with(start));
    let mut rows = Vec::new();
    for variant in &study.variants {
        let figures = variant.figures.iter().filter(|f| is_load(&f.id));
        rows.extend(figures.map(|figure| figure_row(variant, figure)));
    }
    for variant in &study.variants {
        for pod in &variant.series.pods {
            for (position, (name, ..)) in POD_SERIES.iter().enumerate() {
                let Some(mean) = measured_mean(study, &variant.series, pod, position) else { continue };
                let mut row = vec![String::new(); FIGURE_COLUMNS.len()];
                row[0] = variant.name.clone();
                row[1] = "pod".to_owned();
                row[2] = (*name).to_owned();
                row[3] = pod.name.clone();
                row[4] = number(mean);
                row[8] = "1".to_owned();
                rows.push(row);
            }
        }
    }
    write(&FIGURE_COLUMNS, rows)
}

/// `timeseries.csv`: one row per moment, variant, pod (or `cluster`) and metric, of the first replication.
pub(super) fn timeseries(study: &Study) -> Vec<u8> {
    // Written row by row: with many pods this is by far the largest file.
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["time_s", "variant", "pod", "metric", "value"]).expect("memory takes every write");
    for variant in &study.variants {
        let series = &variant.series;
        // milliseconds tell samples apart, except in very short runs
        let digits = if series.times_s.windows(2).any(|pair| pair[1] - pair[0] < 0.001) { 9 } else { 3 };
        for (at, time) in series.times_s.iter().enumerate() {
            let time = format!("{time:.digits$}");
            let mut push = |whose: &str, metric: &str, value: Option<f64>| {
                if let Some(value) = value {
                    let row = [&time, variant.name.as_str(), whose, metric, &format!("{value:.4}")];
                    writer.write_record(row).expect("memory takes every write");
                }
            };
            for ((name, ..), values) in CLUSTER_SERIES.iter().zip(&series.cluster.0) {
                push("cluster", name, values.get(at).copied());
            }
            for pod in &series.pods {
                for (position, (name, ..)) in POD_SERIES.iter().enumerate() {
                    push(&pod.name, name, pod.at(pod.get(position), at));
                }
            }
        }
    }
    writer.into_inner().expect("memory takes every write")
}

/// `over-time.csv`: every series over all replications, bin by bin.
pub(super) fn over_time(study: &Study) -> Vec<u8> {
    let rows = study.variants.iter().flat_map(|variant| {
        let over_time = &variant.over_time;
        over_time.bands.iter().flat_map(move |band| {
            let cells = over_time.times_s.iter().zip(&band.mean).zip(&band.half_width);
            cells.filter_map(|((time, mean), half)| {
                let half = half.map(number).unwrap_or_default();
                Some(vec![format!("{time:.3}"), variant.name.clone(), band.series.clone(), number((*mean)?), half])
            })
        })
    });
    write(&["time_s", "variant", "metric", "mean", "half_width_95"], rows.collect())
}

/// `replications.csv`: a row per variant and replication with every figure that any of them has, to the last digit.
pub(super) fn replications(study: &Study) -> Vec<u8> {
    let runs = || study.variants.iter().flat_map(|variant| &variant.samples);
    let all: Vec<String> = FigureId::all().map(|figure| figure.to_string()).collect();
    let is_there = |&at: &usize| runs().any(|run| run.get(at).copied().flatten().is_some());
    let columns: Vec<usize> = (0..all.len()).filter(is_there).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = RUN_COLUMNS.into_iter().chain(columns.iter().map(|&at| all[at].as_str()));
    writer.write_record(header).expect("memory takes every write");
    for variant in &study.variants {
        for (replication, (run, digest)) in variant.samples.iter().zip(&variant.digests).enumerate() {
            let mut row = vec![variant.name.clone(), replication.to_string(), digest.clone()];
            let value = |&at: &usize| run[at].map_or_else(String::new, |value| value.to_string());
            row.extend(columns.iter().map(value));
            writer.write_record(&row).expect("all rows have the columns of the header");
        }
    }
    writer.into_inner().expect("memory takes every write")
}

/// `alerts.csv`: a row per firing of each variant and rule, with seconds from the start of the first replication.
pub(super) fn alerts(study: &Study) -> Vec<u8> {
    const COLUMNS: [&str; 8] =
        ["variant", "alert", "pod", "pending_s", "firing_s", "resolved_s", "duration_s", "worst"];
    let rows = study.variants.iter().flat_map(|variant| {
        let firings = variant.alerts.iter().flat_map(|alert| alert.firings.iter().map(|firing| (&alert.name, firing)));
        firings.map(|(alert, firing)| {
            vec![
                variant.name.clone(),
                alert.clone(),
                firing.pod.clone().unwrap_or_default(),
                number(firing.pending_s),
                number(firing.firing_s),
                firing.resolved_s.map(number).unwrap_or_default(),
                number(firing.duration_s),
                number(firing.worst),
            ]
        })
    });
    write(&COLUMNS, rows.collect())
}

/// `ranking.csv`: for each variant, the best one first, a row of the figure ranked by and one of each that it is paid with.
pub(super) fn ranking(reading: &ranking::Reading<'_>) -> Vec<u8> {
    const COLUMNS: [&str; 9] = [
        "rank",
        "variant",
        "expectations_failed",
        "figure",
        "value",
        "half_width_95",
        "unit",
        "behind",
        "behind_half_width_95",
    ];
    let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
    let mut rows = Vec::new();
    for place in &reading.ranking.places {
        let variant = reading.variant(place);
        let paid = ranking::PAID.iter().map(|(id, _)| (*id).to_owned());
        let by = reading.ranking.by.to_string();
        let others: Vec<String> = paid.filter(|id| *id != by).collect();
        for (id, is_rank) in [(by, true)].into_iter().chain(others.into_iter().map(|id| (id, false))) {
            let Some(figure) = variant.figure(&id) else { continue };
            let behind = place.behind.filter(|_| is_rank);
            rows.push(vec![
                place.rank.to_string(),
                variant.name.clone(),
                place.failed.to_string(),
                id,
                number(figure.value.mean),
                optional(figure.value.half_width),
                unit_name(figure.figure().family().unit).to_owned(),
                optional(behind.map(|behind| behind.mean)),
                optional(behind.and_then(|behind| behind.half_width)),
            ]);
        }
    }
    write(&COLUMNS, rows)
}

/// `sensitivity.csv`: a row per assumption, value tried, variant and headline figure that it moves; one per value that moves
/// none.
pub(super) fn sensitivity(reading: &Reading<'_>) -> Vec<u8> {
    const COLUMNS: [&str; 14] = [
        "assumption",
        "places",
        "grade",
        "assumed",
        "seen_low",
        "seen_high",
        "tried",
        "claims_changed",
        "variant",
        "figure",
        "value",
        "change",
        "change_half_width_95",
        "unit",
    ];
    let mut rows = Vec::new();
    for effect in reading.all() {
        let made = &effect.varied.assumption;
        for (is_higher, outcome) in effect.varied.outcomes() {
            let Ok(outcome) = outcome else { continue };
            let seen =
                |end: fn(&Spread) -> &String| made.spread.as_ref().map(|seen| end(seen).clone()).unwrap_or_default();
            let claims = effect.hinges.iter().filter(|hinge| hinge.is_higher == is_higher).count();
            let head = vec![
                made.path.clone(),
                effect.varied.places.to_string(),
                made.grade.name().to_owned(),
                made.value.clone(),
                seen(|seen| &seen.low),
                seen(|seen| &seen.high),
                outcome.value.clone(),
                claims.to_string(),
            ];
            let changes = effect.moves.iter().filter_map(|moved| Some((moved, moved.change(is_higher)?)));
            let before = rows.len();
            rows.extend(changes.map(|(moved, change)| {
                let mut row = head.clone();
                row.extend([
                    reading.study.variants[moved.variant].name.clone(),
                    moved.figure.to_string(),
                    number(moved.assumed),
                    number(change.mean),
                    change.half_width.map(number).unwrap_or_default(),
                    unit_name(moved.figure.family().unit).to_owned(),
                ]);
                row
            }));
            if rows.len() == before {
                rows.push(head.into_iter().chain(vec![String::new(); 6]).collect());
            }
        }
    }
    write(&COLUMNS, rows)
}

/// Mean of a series of a pod, by its position in [`POD_SERIES`], over the samples after the warm-up at which it ran.
pub(super) fn measured_mean(study: &Study, series: &TimeSeries, pod: &PodSeries, position: usize) -> Option<f64> {
    let measured =
        series.times_s.iter().skip(pod.first).zip(pod.get(position)).filter(|(time, _)| **time > study.warm_up_s);
    let values: Vec<f64> = measured.filter_map(|(_, value)| *value).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// What Redis did, by name.
pub(super) fn redis_counts(counts: &Counts) -> impl Iterator<Item = (&'static str, u64)> {
    // PUBLISH always, the others where there are any
    let commands = counts.redis_commands.iter().filter(|&(command, n)| n > 0 || command == RedisCommand::Publish);
    let copies = [
        ("copies", counts.redis_copies),
        ("copies_useful", counts.redis_copies_useful),
        ("copies_requests", counts.redis_copies_requests),
        ("copies_own", counts.redis_copies_own),
        ("copies_dropped", counts.redis_copies_dropped),
        ("copies_undelivered", counts.redis_copies_undelivered),
        ("bytes_in", counts.redis_bytes_in),
        ("bytes_out", counts.redis_bytes_out),
    ];
    commands.map(|(command, n)| (command.name(), n)).chain(copies)
}

fn is_duration(figure: &FigureReport) -> bool {
    let family = figure.figure().family();
    family.unit == Unit::Milliseconds && family.is_distribution()
}

fn figure_row(variant: &VariantReport, figure: &FigureReport) -> Row {
    [vec![variant.name.clone(), "figure".to_owned()], figure_cells(figure)].concat()
}

/// The columns of a figure from its family on.
pub(super) fn figure_cells(figure: &FigureReport) -> Row {
    let id = figure.figure();
    let Estimate { mean, half_width, min, max, replications } = figure.value;
    let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
    vec![
        id.family().name.to_owned(),
        id.stat().map(|stat| stat.to_string()).unwrap_or_default(),
        number(mean),
        optional(half_width),
        number(min),
        number(max),
        replications.to_string(),
        optional(figure.difference.map(|difference| difference.mean)),
        optional(figure.difference.and_then(|difference| difference.half_width)),
        unit_name(id.family().unit).to_owned(),
    ]
}

pub(super) fn number(value: f64) -> String {
    format!("{value:.6}")
}

fn write(header: &[&str], rows: Vec<Row>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect("memory takes every write");
    for row in rows {
        writer.write_record(&row).expect("all rows have the columns of the header");
    }
    writer.into_inner().expect("memory takes every write")
}
