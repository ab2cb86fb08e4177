//! Writes the scenario: every value with the place it comes from, or why it is assumed.

use super::autoscaling::Autoscaler;
use super::object::{Known, Origin};
use super::tier::{Setting, SettingValue, Tier, flow, plain};
use super::units::{MOST_PODS, size, span};
use super::{Picture, stores};
use crate::engine::Span;

/// The presets of costs need up to 80 MB for a server without connections; a limit below is refused.
const LEAST_MEMORY: u64 = 100_000_000;

/// `progressDeadlineSeconds` where nothing is said.
const PROGRESS_DEADLINE: Span = Span::from_secs(600);

/// Column of the comments.
const COLUMN: usize = 44;

/// Scenario text in the making.
struct Text {
    out: String,
}

impl Text {
    /// A line with what stands behind `#`.
    fn line(&mut self, text: &str, comment: &str) {
        let width = text.chars().count();
        let gap = if comment.is_empty() { 0 } else { COLUMN.saturating_sub(width).max(2) };
        self.out.push_str(text);
        if !comment.is_empty() {
            self.out.push_str(&" ".repeat(gap));
            self.out.push_str("# ");
            self.out.push_str(&comment.replace(['\n', '\r'], " "));
        }
        self.out.push('\n');
    }

    /// `key: value` of a path.
    fn value(&mut self, path: &str, value: &str, from: &Origin) {
        let depth = path.matches('.').count();
        let key = path.rsplit('.').next().unwrap_or(path);
        let text = format!("{}{key}:{}{value}", "  ".repeat(depth), if value.is_empty() { "" } else { " " });
        self.line(&text, &from.to_string());
    }
}

/// The scenario of what was found.
pub(super) fn write(picture: &Picture) -> String {
    let mut text = Text { out: String::new() };
    head(&mut text, picture);
    clients(&mut text);
    balancers(&mut text, picture);
    pods(&mut text, picture);
    rollout(&mut text, picture);
    others(&mut text, picture);
    timeline(&mut text, picture);
    variants(&mut text, picture);
    text.out
}

fn head(text: &mut Text, picture: &Picture) {
    for line in [
        format!("# Imported from {}.", picture.sources.join(", ")),
        "# Behind each value stands the file, line and field it comes from, or `assumed`: correct what is assumed, above".to_owned(),
        "# all clients and traffic, which no manifest knows. findings.csv says what is wrong with the manifests.".to_owned(),
    ] {
        text.line(&line, "");
    }
    text.line(&format!("name: {}", plain(&picture.name)), "");
    text.line(&format!("title: {}", plain(&picture.title)), "");
    text.line("duration: 20m", "assumed: long enough for the restart below");
    text.line("", "");
}

fn clients(text: &mut Text) {
    text.line("clients:", "");
    text.line("  - name: people", "");
    text.line("    count: 600", "assumed: write how many are connected in a busy hour");
    text.line("    network: {preset: home}", "assumed: `home`, `office`, `cellular` or `far`");
    text.line(
        "    transports: [websocket]",
        "assumed: `[polling, websocket]` is Socket.IO's own order, `none` is HTTP only",
    );
    text.line("traffic:", "");
    text.line("  - api: {every: {exp: 30s}}", "assumed: an HTTP request per client and 30 s");
    text.line("  - emit: {every: {exp: 60s}, to: room}", "assumed: an event for a room per client and minute");
    text.line("rooms: {sizes: 10, per_client: 1}", "assumed: ten members in each room");
    text.line("", "");
}

fn balancers(text: &mut Text, picture: &Picture) {
    if picture.tiers.is_empty() {
        text.line("balancers: [{service: {}}]", "assumed: nothing says how requests reach the pods");
        return;
    }
    text.line("balancers:", "");
    for tier in &picture.tiers {
        let empty = tier.settings.is_empty() && tier.left_out.is_empty();
        let settings = if tier.settings.is_empty() { " {}" } else { "" };
        text.line(&format!("  - {}:{settings}", tier.product), &tier.from.to_string());
        if empty {
            continue;
        }
        nested(text, &tier.settings, 6);
        for setting in &tier.left_out {
            let line = format!("      # left out: {}: {}", plain(&setting.key), flow(&value_of(setting)));
            text.line(&line, &setting.from.to_string());
        }
    }
}

fn value_of(setting: &Setting) -> serde_json::Value {
    match &setting.value {
        SettingValue::Plain(value) => value.clone(),
        SettingValue::Nest(_) => serde_json::Value::String("…".to_owned()),
    }
}

fn nested(text: &mut Text, settings: &[Setting], indent: usize) {
    for setting in settings {
        let blank = " ".repeat(indent);
        match &setting.value {
            SettingValue::Plain(value) => {
                let line = format!("{blank}{}: {}", plain(&setting.key), flow(value));
                text.line(&line, &setting.from.to_string());
            }
            SettingValue::Nest(below) if below.is_empty() => {
                text.line(&format!("{blank}{}: {{}}", plain(&setting.key)), &setting.from.to_string());
            }
            SettingValue::Nest(below) => {
                text.line(&format!("{blank}{}:", plain(&setting.key)), &setting.from.to_string());
                nested(text, below, indent + 2);
            }
        }
    }
}

fn pods(text: &mut Text, picture: &Picture) {
    text.line("", "");
    text.line("pods:", &picture.pods.as_ref().map_or_else(String::new, |pods| pods.object.label().to_string()));
    let pods = picture.pods.as_ref();
    text.value("pods.replicas", &picture.replicas.value.to_string(), &picture.replicas.from);
    let assumed = |reason: &str| Origin::assumed(reason);
    match pods {
        Some(pods) => {
            text.value("pods.cpu", &pods.cpu.value.to_string(), &pods.cpu.from);
            match &pods.memory {
                Some(memory) if memory.value >= LEAST_MEMORY => {
                    text.value("pods.memory", &size(memory.value), &memory.from);
                }
                Some(memory) => {
                    let comment = format!("{}; an idle server of the presets needs more", memory.from);
                    text.line(&format!("  # left out: memory: {}", size(memory.value)), &comment);
                }
                None => {}
            }
        }
        None => text.value("pods.cpu", "1", &assumed("the pods are not in these files")),
    }
    let costs = if pods.is_some_and(stores::is_python) { "python-socketio-uvicorn" } else { "socket.io-node20" };
    text.value(
        "pods.costs",
        &format!("{{preset: {costs}}}"),
        &assumed("`stickysim defaults` lists the servers that were measured"),
    );
    text.value(
        "pods.startup",
        "{lognormal: {median: 8s, p95: 20s}}",
        &assumed("no manifest says how long a pod starts"),
    );
    let Some(pods) = pods else { return };
    text.line("  shutdown:", "");
    match &pods.pre_stop {
        Some(hook) => text.value("pods.shutdown.pre_stop", &span(hook.value), &hook.from),
        None => text.value("pods.shutdown.pre_stop", "0s", &assumed("no `preStop` that sleeps")),
    }
    text.value("pods.shutdown.grace", &span(pods.grace.value), &pods.grace.from);
    if !pods.probes.iter().any(|(word, _)| *word == "readiness") {
        text.value("pods.readiness", "none", &assumed("no `readinessProbe`"));
    }
    for (word, probe) in &pods.probes {
        text.value(&format!("pods.{word}"), &probe.value, &probe.from);
    }
}

fn rollout(text: &mut Text, picture: &Picture) {
    let Some(pods) = &picture.pods else { return };
    text.line("rollout:", "");
    let seconds = |word: &str| {
        let known = pods.rollout.iter().find(|(other, _)| *other == word)?;
        known.1.value.parse::<Span>().ok()
    };
    let deadline = seconds("progress_deadline");
    let min_ready = seconds("min_ready").unwrap_or_default();
    let too_short = deadline.unwrap_or(PROGRESS_DEADLINE) <= min_ready;
    for (word, known) in &pods.rollout {
        if *word != "progress_deadline" || !too_short {
            text.value(&format!("rollout.{word}"), &known.value, &known.from);
        }
    }
    if too_short {
        let longer = span(((min_ready + PROGRESS_DEADLINE).as_nanos() / 1_000_000_000).max(600));
        let reason = Origin::assumed("more than `minReadySeconds`, as Kubernetes demands");
        text.value("rollout.progress_deadline", &longer, &reason);
    }
}

/// What only a budget or a toleration make worth saying.
fn nodes(text: &mut Text, picture: &Picture) {
    let toleration = picture.pods.as_ref().and_then(|pods| pods.toleration.as_ref());
    if picture.budget.is_none() && toleration.is_none() {
        return;
    }
    let pods = picture.pods.as_ref().map_or(1, |pods| pods.replicas.value).min(MOST_PODS);
    text.line("nodes:", "");
    let reason = Origin::assumed("how many nodes there are is not in these files");
    text.value("nodes.count", &pods.div_ceil(50).max(3).to_string(), &reason);
    if let Some(Known { value, from }) = toleration {
        text.value("nodes.toleration", &format!("{value}s"), from);
    }
}

fn others(text: &mut Text, picture: &Picture) {
    nodes(text, picture);
    if let Some(budget) = &picture.budget {
        text.line("disruption_budget:", "only drained nodes ask for it: see the variant `node-drained`");
        text.value(&format!("disruption_budget.{}", budget.key), &budget.value.value, &budget.value.from);
        if let Some(from) = &budget.evicts_unready {
            text.value("disruption_budget.evict_unready", "always", from);
        }
    }
    if let Some(made) = &picture.autoscaler {
        autoscaler(text, picture, made);
    }
    if let Some(redis) = &picture.redis {
        text.line("redis:", "");
        text.value("redis.adapter", &redis.adapter.value, &redis.adapter.from);
        text.value("redis.topology", &redis.topology.value, &redis.topology.from);
        if let Some(cpu) = redis.cpu.as_ref().filter(|cpu| cpu.value <= 1.0) {
            text.value("redis.cpu", &cpu.value.to_string(), &cpu.from);
        }
        if let Some(persistence) = &redis.persistence {
            text.value("redis.persistence", &persistence.value, &persistence.from);
        }
    }
    if let Some(database) = &picture.database {
        text.line("database:", "");
        for (key, Known { value, from }) in
            [("pool_per_pod", &database.pool), ("max_connections", &database.max_connections)]
        {
            text.value(&format!("database.{key}"), &value.to_string(), from);
        }
    }
}

fn autoscaler(text: &mut Text, picture: &Picture, made: &Autoscaler) {
    text.line("autoscaler:", "");
    let within = |bound: &Known<u64>| match bound.value {
        said @ (0 | 1_001..) => Known::assumed(said.clamp(1, MOST_PODS), format!("the file says {said}")),
        value => Known { value, from: bound.from.clone() },
    };
    let [min, max] = [&made.min, &made.max].map(within);
    text.value("autoscaler.min", &min.value.to_string(), &min.from);
    text.value("autoscaler.max", &max.value.max(min.value).to_string(), &max.from);
    let pods = picture.pods.as_ref();
    let memory_request = pods.and_then(|pods| pods.memory_request.as_ref()).filter(|request| request.value >= 1 << 10);
    let has_memory = memory_request.is_some()
        || pods.is_some_and(|pods| pods.memory.as_ref().is_some_and(|memory| memory.value >= LEAST_MEMORY));
    let (seen, unseen): (Vec<_>, Vec<_>) = made.metrics.iter().partition(|(key, _)| *key != "memory" || has_memory);
    text.line("  metric:", "");
    for (key, known) in &seen {
        text.value(&format!("autoscaler.metric.{key}"), &known.value, &known.from);
    }
    if seen.is_empty() {
        let reason = Origin::assumed("what it looks at is nothing that the simulation has");
        text.value("autoscaler.metric.connections", "1000", &reason);
    }
    for (key, known) in unseen {
        text.line(&format!("    # left out: {key}: {}", known.value), &known.from.to_string());
    }
    for (what, from) in &made.left_out {
        text.line(&format!("    # left out: {what}"), &from.to_string());
    }
    let looks_at = |metric: &str| seen.iter().any(|(key, _)| *key == metric);
    let cpu_request = pods.and_then(|pods| pods.cpu_request.as_ref());
    if let Some(Known { value, from }) = cpu_request.filter(|_| looks_at("cpu")) {
        text.value("autoscaler.cpu_request", &value.to_string(), from);
    }
    if let Some(Known { value, from }) = memory_request.filter(|_| looks_at("memory")) {
        text.value("autoscaler.memory_request", &size(*value), from);
    }
    if let Some(from) = &made.by_keda {
        text.value("autoscaler.by", "keda", from);
    }
    let mut open: Vec<&str> = Vec::new();
    for (key, known) in &made.behavior {
        let path: Vec<&str> = key.split('.').collect();
        // a list stands below its own key, which is written once
        let list = key.ends_with(".policies");
        let above = if list { &path[..] } else { &path[..path.len() - 1] };
        for depth in 0..above.len() {
            if open.get(..=depth) != above.get(..=depth) {
                text.line(&format!("{}{}:", "  ".repeat(depth + 1), above[depth]), "");
            }
        }
        open = above.to_vec();
        if list {
            let line = format!("{}- {}", "  ".repeat(path.len() + 1), known.value);
            text.line(&line, &known.from.to_string());
        } else {
            text.value(&format!("autoscaler.{key}"), &known.value, &known.from);
        }
    }
}

fn timeline(text: &mut Text, picture: &Picture) {
    text.line("", "");
    text.line("timeline:", "");
    text.line("  - {at: 10m, rolling_restart: {}}", "assumed: a deploy, to see what it does to connections");
    if picture.redis.is_some() {
        text.line("  # - {at: 15m, redis_crash: {}}", "try: Redis dies and is started again");
    }
}

fn variants(text: &mut Text, picture: &Picture) {
    let plain: Vec<Tier> = picture.tiers.iter().map(Tier::without_affinity).collect();
    text.line("", "");
    text.line("variants:", "`stickysim compare` runs them with the same random numbers");
    text.line("  imported: {}", "");
    if picture.tiers.iter().any(Tier::keeps_clients) {
        let list: Vec<String> = plain.iter().map(Tier::flow).collect();
        text.line(&format!("  no-affinity: {{balancers: [{}]}}", list.join(", ")), "");
    } else {
        let line = "  cookie: {balancers: [{ingress-nginx: {affinity: cookie, affinity-mode: persistent}}]}";
        text.line(line, "assumed: what a cookie would change");
    }
    if picture.budget.is_some() {
        text.line(
            "  node-drained: {timeline: [{at: 10m, drain_node: {node: 0}}]}",
            "`kubectl drain`, asking for the budget",
        );
    }
}
