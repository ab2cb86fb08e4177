//! A study as a rolling restart of five pods gives it, made of formulas: the report is tested without a simulation.

use stickysim::metrics::*;

/// Samples are this many seconds apart.
const STEP_S: f64 = 5.0;
const DURATION_S: f64 = 1800.0;
const CLIENTS: f64 = 5000.0;

/// A small generator of numbers in 0..1; the sample needs noise, not quality.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    fn around_zero(&mut self) -> f64 {
        self.next() + self.next() - 1.0
    }
}

/// (name, balancer, decisions, weights of the pods) of the variants.
const VARIANTS: [(&str, &str, &str, [f64; 5]); 3] = [
    ("round-robin", "nginx round robin", "exact", [1.0, 1.01, 0.99, 1.0, 1.0]),
    ("cookie", "HAProxy cookie insert", "exact", [1.1, 1.05, 1.0, 0.95, 0.9]),
    ("ip-hash", "nginx ip_hash", "exact", [2.1, 0.9, 0.8, 0.7, 0.5]),
];

/// Three variants, five pods, `replications` runs each.
pub fn study(replications: u32) -> Study {
    scaled(replications, 3, 5)
}

/// `variants` variants (the three, again and again) over `pods` pods.
pub fn scaled(replications: u32, variants: usize, pods: usize) -> Study {
    let values: Vec<Vec<(FigureId, Vec<f64>)>> = (0..variants).map(|v| replicated(v, replications)).collect();
    let variants = (0..variants)
        .map(|v| {
            let (name, balancer, decisions, _) = VARIANTS[v % 3];
            let name = if v < 3 { name.to_owned() } else { format!("{name}-{}", v / 3 + 1) };
            VariantReport {
                name,
                balancer: balancer.to_owned(),
                decisions: decisions.to_owned(),
                figures: figures(&values, v),
                too_few: Vec::new(),
                samples: samples(&values[v], replications),
                distributions: distributions(v),
                counts: counts(v),
                limits: Limiting {
                    pod_cpu: [0.41, 0.44, 0.87][v % 3],
                    pod_memory: Some(0.35),
                    redis_cpu: 0.12,
                    ..Limiting::default()
                },
                series: series(v, pods),
                marks: marks(pods),
                over_time: over_time(v, pods),
                steady: vec![Steady { series: "connected".to_owned(), from_s: Some(420.0), too_short: true }],
                expectations: expectations(&values[v]),
                alerts: alerts(v),
                digests: (0..replications).map(|r| format!("{:016x}", 0x9e37_79b9u64 * u64::from(r + 1))).collect(),
                events: 48_211_034,
            }
        })
        .collect();
    Study {
        name: "rolling-restart".to_owned(),
        title: "Rolling restart of five pods under <load> & NAT".to_owned(),
        seed: 42,
        replications,
        precision: None,
        duration_s: DURATION_S,
        warm_up_s: 300.0,
        variants,
        baseline: 0,
        currency: Some("EUR".to_owned()),
        rank_by: None,
        assumptions: assumptions(),
        sensitivity: None,
    }
}

/// Value of a figure in round-robin, cookie and ip-hash, with its relative noise between runs.
fn centre(id: &str) -> ([f64; 3], f64) {
    match id {
        "event.latency.mean" => ([18.2, 18.3, 24.9], 0.02),
        "event.latency.p50" => ([14.1, 14.1, 15.0], 0.02),
        "event.latency.p95" => ([42.0, 42.3, 71.0], 0.03),
        "event.latency.p99" => ([81.0, 81.5, 166.0], 0.05),
        "request.latency.p50" => ([21.3, 19.4, 22.8], 0.02),
        "request.latency.p95" => ([63.0, 61.8, 98.0], 0.03),
        "request.latency.p99" => ([121.0, 119.0, 310.0], 0.06),
        "requests.failed" => ([0.0021, 0.0021, 0.0024], 0.1),
        "redis.useful" => ([0.98, 0.98, 0.97], 0.001),
        "load.connections.max_over_mean" => ([1.03, 1.11, 2.08], 0.05),
        "load.connections.worst" => ([1.31, 1.52, 2.84], 0.08),
        "load.connections.max" => ([1030.0, 1110.0, 2080.0], 0.05),
        "load.connections.cv" => ([0.02, 0.08, 0.61], 0.1),
        "load.connections.gini" => ([0.01, 0.05, 0.31], 0.1),
        "load.requests.cv" => ([0.02, 0.09, 0.66], 0.1),
        "limits.redis_cpu" => ([0.12; 3], 0.02),
        "redis.cpu" => ([0.11; 3], 0.02),
        "load.connections.jain" => ([0.999, 0.994, 0.73], 0.002),
        "stickiness.failures" => ([0.79, 0.011, 0.083], 0.02),
        "stickiness.never_sticky" => ([0.79, 0.0, 0.0], 0.02),
        "stickiness.address_changed" => ([0.0, 0.0, 0.061], 0.05),
        "stickiness.pod_gone" => ([0.0, 0.011, 0.022], 0.05),
        "connections.reconnects_peak" => ([231.0, 229.0, 410.0], 0.09),
        "connections.reconnects" => ([4.1, 4.1, 4.1], 0.02),
        "offline.time.p50" => ([1912.0, 1930.0, 1921.0], 0.02),
        "offline.time.p95" => ([5100.0, 5130.0, 5120.0], 0.03),
        "offline.time.p99" => ([8904.0, 8950.0, 9111.0], 0.06),
        "lost.messages" => ([0.0034, 0.0034, 0.0036], 0.08),
        "load.requests.max_over_mean" => ([1.02, 1.12, 2.21], 0.05),
        "load.cpu.max_over_mean" => ([1.02, 1.10, 2.01], 0.05),
        "n_eff.addresses" => ([912.0, 912.0, 912.0], 0.03),
        "n_eff.networks" => ([4.1, 4.1, 4.1], 0.05),
        "n_eff.balancer" => ([5000.0, 5000.0, 4.1], 0.05),
        "limits.pod_cpu" => ([0.41, 0.44, 0.87], 0.02),
        "limits.pod_memory" => ([0.35, 0.35, 0.55], 0.02),
        "pods.oom_kills" => ([0.0; 3], 0.0),
        _ if id.starts_with("redis.") => ([1234.0; 3], 0.01),
        _ if id.contains(".failed") || id.starts_with("lost.") => ([0.0005; 3], 0.2),
        _ => ([10.0; 3], 0.05),
    }
}

/// Every figure in every replication. Noise is common to the variants, as random numbers are; a little is not.
/// What only clusters with caches and a database have.
const NOT_THERE: [&str; 6] = [
    "cache.",
    "database.",
    "limits.pool",
    "limits.database",
    "requests.failed.pool_timeout",
    "requests.failed.too_many_clients",
];

/// By replication, as a run gives them: every figure there is.
fn samples(values: &[(FigureId, Vec<f64>)], replications: u32) -> Vec<Vec<Option<f64>>> {
    let of =
        |figure: FigureId, run: usize| values.iter().find(|(known, _)| *known == figure).map(|(_, runs)| runs[run]);
    (0..replications as usize).map(|run| FigureId::all().map(|figure| of(figure, run)).collect()).collect()
}

fn replicated(v: usize, replications: u32) -> Vec<(FigureId, Vec<f64>)> {
    let shown = FigureId::all().filter(|figure| {
        let id = figure.to_string();
        id != "requests.failed.no_pod" && NOT_THERE.iter().all(|start| !id.starts_with(start))
    });
    shown
        .enumerate()
        .map(|(k, figure)| {
            let id = figure.to_string();
            let (centres, spread) = centre(&id);
            let values = (0..u64::from(replications)).map(|r| {
                let common = Noise(r * 1_000 + k as u64 + 7).around_zero();
                let is_same = centres[0] == centres[v % 3] && id.starts_with("redis.");
                let own = if v == 0 || is_same { 0.0 } else { Noise(r * 77 + k as u64 * 13 + v as u64).around_zero() };
                centres[v % 3] * (1.0 + spread * (common + 0.5 * own))
            });
            (figure, values.collect())
        })
        .collect()
}

fn estimate(values: &[f64]) -> Estimate {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    Estimate {
        mean,
        half_width: (values.len() > 1).then(|| 2.093 * (variance / n).sqrt()),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        replications: values.len() as u32,
    }
}

fn figures(values: &[Vec<(FigureId, Vec<f64>)>], v: usize) -> Vec<FigureReport> {
    values[v]
        .iter()
        .zip(&values[0])
        .map(|((figure, own), (_, base))| {
            let differences: Vec<f64> = own.iter().zip(base).map(|(a, b)| a - b).collect();
            FigureReport {
                id: figure.to_string(),
                value: estimate(own),
                difference: (v > 0).then(|| estimate(&differences)),
                pairing: None,
            }
        })
        .collect()
}

fn distributions(v: usize) -> Vec<DistributionReport> {
    let shape = |family: &str, median: f64, tail: f64| DistributionReport {
        family: family.to_owned(),
        count: 2_400_000,
        points: (0..=120)
            .map(|i| {
                let nines = f64::from(i) / 20.0;
                let share = 1.0 - libm::pow(10.0, -nines);
                (median * (0.2 + libm::exp(nines * tail) - 1.0), if i == 120 { 1.0 } else { share })
            })
            .collect(),
    };
    let tail = [0.85, 0.86, 1.15][v % 3];
    vec![
        shape("event.latency", 14.0, tail),
        shape("request.latency", 20.0, tail + 0.05),
        shape("offline.time", 1900.0, 0.7),
        shape("connect.time", 120.0, 0.6),
    ]
}

fn counts(v: usize) -> Counts {
    let mut counts = Counts { requests: 9_000_000, connects: 110_000, reconnects: 82_000, ..Counts::default() };
    counts.requests_failed.add_many(FailReason::ClientOffline, 15_000);
    counts.requests_failed.add_many(FailReason::PodDied, 4_000);
    counts.requests_answered = counts.requests - 19_000;
    counts.connect_attempts = 111_000;
    counts.connects_failed.add_many(FailReason::PodUnreachable, 1_000);
    counts.closed.add_many(CloseReason::SessionEnd, 21_000);
    counts.closed.add_many(CloseReason::AddressChange, 57_000);
    counts.closed.add_many(CloseReason::PodShutdown, 25_000);
    counts.routed_again = 8_900_000;
    counts.moved.add_many(
        [MoveReason::NeverSticky, MoveReason::PodGone, MoveReason::AddressChanged][v % 3],
        [7_031_000, 97_900, 738_700][v % 3],
    );
    counts.recipients = 2_408_000;
    counts.delivered_local = 500_000;
    counts.delivered_cross = 1_900_000;
    counts.lost.add_many(LossReason::RecipientOffline, 7_500);
    counts.lost.add_many(LossReason::PodDied, 500);
    counts.redis_publish = 740_000;
    counts.redis_commands.add_many(RedisCommand::Publish, 740_000);
    counts.redis_copies = 3_700_000;
    counts.redis_copies_useful = 2_900_000;
    counts.redis_copies_own = 740_000;
    counts.redis_copies_dropped = 59_000;
    counts.redis_copies_undelivered = 1_000;
    counts
}

/// The pods restart one by one from 900 s on, a minute apart.
fn restart_s(pod: usize, pods: usize) -> f64 {
    900.0 + 300.0 * pod as f64 / pods as f64
}

fn marks(pods: usize) -> Vec<Mark> {
    let mut marks: Vec<Mark> = (0..pods)
        .map(|pod| Mark { at_ms: (restart_s(pod, pods) * 1000.0) as u64, what: format!("restart pod-{pod}") })
        .collect();
    marks.push(Mark { at_ms: 1_500_000, what: "crash pod-2".to_owned() });
    marks
}

/// The series of one run, as if they were means over several.
fn over_time(v: usize, pods: usize) -> OverTime {
    let series = series(v, pods);
    let connected = series.cluster.get("connected");
    let band = Band {
        series: "connected".to_owned(),
        mean: connected.iter().map(|value| Some(*value)).collect(),
        half_width: connected.iter().map(|value| Some(0.02 * value)).collect(),
    };
    OverTime { times_s: series.times_s, bands: vec![band] }
}

fn series(v: usize, pods: usize) -> TimeSeries {
    let times_s: Vec<f64> = (0..(DURATION_S / STEP_S) as usize).map(|i| STEP_S * (i + 1) as f64).collect();
    let mut noise = Noise(99 + v as u64);
    let weight = |pod: usize| VARIANTS[v % 3].3[pod % 5];
    let level = |pod: usize, t: f64| {
        let restart = restart_s(pod, pods);
        let total: f64 = (0..pods).map(weight).sum();
        let full = CLIENTS * weight(pod) / total * (1.0 - libm::exp(-t / 40.0));
        match t {
            _ if t >= restart && t < restart + 25.0 => None,
            _ if t >= restart => Some(full * (1.0 - 0.7 * libm::exp(-(t - restart - 25.0) / 400.0))),
            _ => Some(full),
        }
    };
    let mut pod_series: Vec<PodSeries> =
        (0..pods).map(|pod| PodSeries { name: format!("pod-{pod}"), ..PodSeries::default() }).collect();
    let mut cluster = ClusterSeries::default();
    for &t in &times_s {
        let levels: Vec<Option<f64>> = (0..pods).map(|pod| level(pod, t)).collect();
        let missing = CLIENTS - levels.iter().flatten().sum::<f64>();
        let up = levels.iter().flatten().count() as f64;
        for (pod, level) in levels.iter().enumerate() {
            let shown = level.map(|x| (x + missing.max(0.0) / up + 6.0 * noise.around_zero()).round());
            pod_series[pod].connections.push(shown);
            pod_series[pod].requests_per_s.push(shown.map(|x| x * 0.05));
            pod_series[pod].messages_per_s.push(shown.map(|x| x * 0.4));
            pod_series[pod].cpu.push(shown.map(|x| x / 2600.0));
            pod_series[pod].memory_bytes.push(shown.map(|x| 9e7 + 4e4 * x));
        }
        let storm: f64 = (0..pods)
            .map(|pod| t - restart_s(pod, pods))
            .filter(|d| *d >= 0.0)
            .map(|d| 220.0 * libm::exp(-d / 12.0))
            .sum();
        let row = [
            CLIENTS - storm,
            storm / 3.0,
            1.1,
            6.0 + storm,
            3.0 + storm,
            250.0,
            storm / 20.0,
            20.0,
            storm / 9.0,
            246.0 + 8.0 * noise.around_zero(),
            1234.0 + 40.0 * noise.around_zero() - 240.0 * (5.0 - up.min(5.0)),
            0.11,
            6.0 + storm,
            0.05 + storm / 1000.0,
            540_000.0,
        ];
        cluster.0.iter_mut().zip(row).for_each(|(series, value)| series.push(value));
    }
    TimeSeries { times_s, pods: pod_series, cluster }
}

/// An alert about the cluster that fired twice for the last variant, and one about pods that was pending only.
fn alerts(v: usize) -> Vec<AlertReport> {
    let firing = |firing_s: f64, resolved_s: Option<f64>| Firing {
        pod: None,
        pending_s: firing_s - 60.0,
        firing_s,
        resolved_s,
        duration_s: resolved_s.unwrap_or(DURATION_S) - firing_s,
        worst: 41.5,
    };
    let firings = if v % 3 == 2 { vec![firing(660.0, Some(725.0)), firing(1500.0, None)] } else { Vec::new() };
    let rule = |name: &str, when: &str, for_s: f64, firings: Vec<Firing>, pending_only: u32| AlertReport {
        name: name.to_owned(),
        when: when.to_owned(),
        for_s,
        firings,
        pending_only,
    };
    vec![
        rule("reconnect-surge", "reconnects_per_s > 10/s", 60.0, firings, 0),
        rule("hot-pod", "pod.cpu > 80%", 120.0, Vec::new(), v as u32),
    ]
}

fn expectations(values: &[(FigureId, Vec<f64>)]) -> Vec<ExpectationOutcome> {
    let measured = |id: &str| values.iter().find(|(figure, _)| figure.to_string() == id).map(|(_, v)| estimate(v));
    let p99 = measured("event.latency.p99");
    vec![
        ExpectationOutcome {
            text: "p99 event.latency < 100ms".to_owned(),
            figure: "event.latency.p99".to_owned(),
            comparison: "<".to_owned(),
            bound: 100.0,
            during_s: None,
            confidence: None,
            holds: p99.is_some_and(|p99| p99.mean < 100.0),
            judgement: if p99.is_some_and(|p99| p99.mean < 100.0) { Judgement::Holds } else { Judgement::Fails },
            measured: p99,
            too_few: None,
        },
        ExpectationOutcome {
            text: "requests.failed.no_pod == 0".to_owned(),
            figure: "requests.failed.no_pod".to_owned(),
            comparison: "==".to_owned(),
            bound: 0.0,
            during_s: None,
            confidence: None,
            holds: false,
            judgement: Judgement::Fails,
            measured: measured("requests.failed.no_pod"),
            too_few: None,
        },
    ]
}

fn assumptions() -> Vec<Assumption> {
    let row = |path: &str, value: &str, grade, source: &str| Assumption {
        spread: None,
        path: path.to_owned(),
        value: value.to_owned(),
        grade,
        source: source.to_owned(),
    };
    vec![
        row("pods.costs.send", "18µs", Grade::Measured, "measured by this project: Node 22, socket.io 4.8, 512 B"),
        row(
            "redis.cost.copy",
            "1.9µs",
            Grade::A,
            "https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/benchmarks/",
        ),
        row("network.mobile.address_change", "1/20min", Grade::B, "one operator's report <script>alert(1)</script>"),
        row("clients.think_time", "exponential 20s", Grade::C, "our assumption: a chat user acts three times a minute"),
    ]
}
