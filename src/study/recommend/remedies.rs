//! What can be tried on a cluster, as patches on its scenario; and why something cannot.

use serde_yaml::{Mapping, Value};

use super::ways::{Ways, ways};
use crate::cluster::adapter::{Adapter, Emit, Operation, To};
use crate::cluster::balancer::AffinityKey;
use crate::cluster::spec::{Action, ClusterSpec, OnSigterm, SessionStore, TrafficAction, TrafficSpec};
use crate::engine::Span;
use crate::scenario::one_line;

/// Something to try.
#[derive(Clone, Debug)]
pub struct Remedy {
    /// Short name, as in `--only`.
    pub name: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
    /// What to write over the scenario; or why it is not tried.
    pub patch: Result<Value, String>,
}

/// The names and meanings of all remedies, in the order in which they are tried.
pub const REMEDIES: [(&str, &str); 16] = [
    ("no-affinity", "each request and connection is balanced for itself"),
    ("cookie", "clients are kept on their pod by a cookie"),
    ("ip-hash", "clients are kept on a pod by their address"),
    ("room-affinity", "a room's clients are kept on one pod by a hash of the room"),
    ("shorter-affinity", "the balancer keeps clients for a quarter of the run only"),
    ("least-connections", "new clients go to the pod with the least to do"),
    ("max-connection-age", "pods close connections that are older than a quarter of the run"),
    ("rebalance", "pods with more connections than others close some"),
    ("drain", "pods that end close their connections in batches, one batch a second"),
    ("one-pod-more", "one pod more"),
    ("one-pod-less", "one pod less"),
    ("sharded-adapter", "pods subscribe to the rooms that they have members of"),
    ("room-affinity-sharded", "both: a room's clients on one pod, and pods subscribed to their rooms only"),
    ("session-store", "what is known of clients, and events for those who are away, are kept in Redis"),
    ("websocket-only", "clients connect by WebSocket at once, without long polling"),
    ("recovery", "lost connections are recovered with the events that they missed"),
];

/// All of them for a cluster, of which `document` is what the user wrote.
pub fn remedies(spec: &ClusterSpec, document: &Value) -> Vec<Remedy> {
    let case = Case::of(spec, document);
    REMEDIES.iter().map(|&(name, what)| Remedy { name, what, patch: case.patch(name) }).collect()
}

impl Remedy {
    /// The patch as users write it, in one line; or why there is none.
    ///
    /// # Errors
    /// With the reason.
    pub fn written(&self) -> Result<String, &str> {
        self.patch.as_ref().map(one_line).map_err(String::as_str)
    }
}

type Patch = Result<Value, String>;

/// A cluster, and where its balancer stands.
struct Case<'a> {
    spec: &'a ClusterSpec,
    document: &'a Value,
    product: &'static str,
    ways: Ways,
    affinity: AffinityKey,
    connects: bool,
}

fn no<T>(why: &str) -> Result<T, String> {
    Err(why.to_owned())
}

/// A mapping that is written in this program.
fn yaml(text: &str) -> Mapping {
    serde_yaml::from_str(&format!("{{{text}}}")).expect("what this program writes is YAML")
}

fn patch(text: &str) -> Patch {
    Ok(Value::Mapping(yaml(text)))
}

impl<'a> Case<'a> {
    fn of(spec: &'a ClusterSpec, document: &'a Value) -> Case<'a> {
        let product = spec.balancers.last().map_or("", |balancer| balancer.name());
        let connects = spec.audiences.iter().any(|audience| audience.transports.connect());
        Case { spec, document, product, ways: ways(product), affinity: spec.affinity(), connects }
    }

    fn patch(&self, name: &str) -> Patch {
        match name {
            "no-affinity" => self.no_affinity(),
            "cookie" => self.another(AffinityKey::Cookie, self.ways.cookie),
            "ip-hash" => self.another(AffinityKey::Address, self.ways.address),
            "room-affinity" => self.room_affinity(),
            "shorter-affinity" => self.shorter_affinity(),
            "least-connections" => self.balancer(&[self.unhash(), self.offered(self.ways.least)?]),
            "max-connection-age" => self.max_connection_age(),
            "rebalance" => self.rebalance(),
            "drain" => self.drain(),
            "one-pod-more" => self.pods(1),
            "one-pod-less" => self.pods(-1),
            "sharded-adapter" => self.sharded_adapter(),
            "room-affinity-sharded" => self.room_affinity_sharded(),
            "session-store" => self.session_store(),
            "websocket-only" => self.websocket_only(),
            _ => self.recovery(),
        }
    }

    // affinity

    fn offered(&self, way: Result<&'static str, &'static str>) -> Result<&'static str, String> {
        way.map_err(|why| format!("{}: {why}", self.product))
    }
    fn is_hash(&self) -> bool {
        self.affinity.is_address() || matches!(self.affinity, AffinityKey::User | AffinityKey::Room)
    }
    fn unhash(&self) -> &'static str {
        if self.is_hash() { self.ways.unhash } else { "" }
    }
    fn uncookie(&self) -> &'static str {
        if self.affinity == AffinityKey::Cookie { self.ways.uncookie } else { "" }
    }

    fn no_affinity(&self) -> Patch {
        if self.affinity == AffinityKey::None {
            return no("there is none");
        }
        self.balancer(&[self.unhash(), self.uncookie()])
    }
    fn another(&self, key: AffinityKey, way: Result<&'static str, &'static str>) -> Patch {
        if self.affinity == key || (self.affinity.is_address() && key.is_address()) {
            return no("it is so already");
        }
        self.balancer(&[self.unhash(), self.uncookie(), self.offered(way)?])
    }
    fn room_affinity(&self) -> Patch {
        let emits = |action: &TrafficAction| matches!(action, TrafficAction::Emit { to, .. } if to.is_room());
        let is_to_room = |operation: Operation| matches!(operation, Operation::Emit(Emit { to: To::Room { .. }, .. }));
        let ticks = self.spec.ticks.iter().any(|tick| is_to_room(tick.operation));
        if self.spec.rooms.is_none() || !(ticks || self.spec.traffic.iter().any(|traffic| emits(&traffic.action))) {
            return no("nothing goes to rooms");
        }
        self.another(AffinityKey::Room, self.ways.room)
    }
    fn shorter_affinity(&self) -> Patch {
        let Some(key) = self.ways.lifetime else { return no("the balancer has no setting for how long") };
        if self.affinity == AffinityKey::None {
            return no("there is no affinity");
        }
        let wanted = self.quarter().as_secs_f64() as u64;
        let now = self.settings().get(key).cloned().unwrap_or(Value::Null);
        let seconds = match &now {
            Value::String(text) => text.parse::<Span>().ok().map(Span::as_secs_f64),
            Value::Number(number) => number.as_f64().filter(|seconds| *seconds > 0.0),
            _ => None,
        };
        if seconds.is_none_or(|seconds| seconds > wanted as f64) {
            return self.balancer(&[&format!("{key}: {wanted}")]);
        }
        no("it is no longer than a quarter of the run already")
    }

    /// A patch of the balancer that chooses pods; of the same keys the later ones count, and `null` only where something stands.
    fn balancer(&self, parts: &[&str]) -> Patch {
        let mut settings = Mapping::new();
        for (key, value) in parts.iter().flat_map(|part| yaml(part)) {
            settings.insert(key, value);
        }
        let mut settings = Value::Mapping(settings);
        let list = self.document.get("balancers").and_then(Value::as_sequence);
        let at = self.spec.balancers.len() - 1;
        let written = list.and_then(|list| list.get(at)?.get(self.product)).cloned().unwrap_or(Value::Null);
        without_idle_nulls(&mut settings, &written);
        let of_product =
            |settings: Value| Value::Mapping([(Value::from(self.product), settings)].into_iter().collect());
        let balancer = match list {
            // nobody wrote a balancer: there is nothing to patch
            None => Value::Sequence(vec![of_product(settings)]),
            Some(list) if list.iter().filter(|entry| entry.get(self.product).is_some()).count() == 1 => {
                of_product(settings)
            }
            Some(_) => Value::Mapping([(Value::from(at.to_string()), of_product(settings))].into_iter().collect()),
        };
        Ok(Value::Mapping([(Value::from("balancers"), balancer)].into_iter().collect()))
    }
    /// Everything that the balancer is told, defaults included.
    fn settings(&self) -> Value {
        let last = self.spec.balancers.last();
        let whole = serde_yaml::with::singleton_map_recursive::serialize(&last, serde_yaml::value::Serializer);
        whole.ok().and_then(|whole| whole.get(self.product).cloned()).unwrap_or(Value::Null)
    }

    // connections

    /// A quarter of the run in whole seconds, an hour at most: longer than that nothing would be seen of it.
    fn quarter(&self) -> Span {
        let seconds = self.spec.duration.as_secs_f64() / 4.0;
        Span::from_secs((seconds as u64).clamp(1, 3_600))
    }
    fn connected(&self) -> Result<(), String> {
        if self.connects { Ok(()) } else { no("nobody stays connected") }
    }
    fn max_connection_age(&self) -> Patch {
        self.connected()?;
        if self.spec.pods.max_connection_age.is_some() {
            return no("there is one");
        }
        let age = self.quarter().as_secs_f64();
        let end = |share: f64| Span::from_secs(libm::ceil(age * share) as u64);
        patch(&format!("pods: {{max_connection_age: {{uniform: [{}, {}]}}}}", end(0.9), end(1.1)))
    }
    fn rebalance(&self) -> Patch {
        self.connected()?;
        if self.spec.pods.rebalance.is_some() { no("it is done") } else { patch("pods: {rebalance: {}}") }
    }
    fn drain(&self) -> Patch {
        self.connected()?;
        let ends = |action: &Action| {
            matches!(
                action,
                Action::RollingRestart(_)
                    | Action::Restart(_)
                    | Action::Scale { .. }
                    | Action::DrainNode { .. }
                    | Action::UpgradeNodes { .. }
            )
        };
        let shutdown = &self.spec.pods.shutdown;
        if self.spec.autoscaler.is_none() && !self.spec.timeline.iter().any(|timed| ends(&timed.action)) {
            return no("no pod ends in order");
        }
        if matches!(shutdown.on_sigterm, OnSigterm::Drain { .. }) {
            return no("they do");
        }
        // a tenth is left for the last batch, and half a minute if there is no time
        let left = shutdown.grace.saturating_sub(shutdown.pre_stop).as_secs_f64();
        if left >= 10.0 {
            let over = (left * 0.9) as u64;
            return patch(&format!("pods: {{shutdown: {{on_sigterm: {{drain: {{over: {over}s, every: 1s}}}}}}}}"));
        }
        let grace = shutdown.pre_stop + Span::from_secs(30);
        patch(&format!("pods: {{shutdown: {{grace: {grace}, on_sigterm: {{drain: {{over: 27s, every: 1s}}}}}}}}"))
    }
    fn websocket_only(&self) -> Patch {
        let polling: Vec<&str> =
            self.spec.audiences.iter().filter(|a| a.transports.poll()).map(|a| a.name.as_str()).collect();
        if polling.is_empty() {
            return no("nobody polls");
        }
        if self.spec.audiences.len() == 1 {
            return patch("clients: {transports: [websocket]}");
        }
        let transports = Value::Mapping(yaml("transports: [websocket]"));
        let each: Mapping = polling.into_iter().map(|name| (Value::from(name), transports.clone())).collect();
        Ok(Value::Mapping([(Value::from("clients"), Value::Mapping(each))].into_iter().collect()))
    }

    // pods

    /// So many pods more, from the beginning and after each change of their number.
    fn pods(&self, more: i64) -> Patch {
        if self.spec.autoscaler.is_some() {
            return no("the autoscaler says how many there are");
        }
        let replicas = i64::from(self.spec.pods.replicas) + more;
        let entries = self.document.get("timeline").and_then(Value::as_sequence).into_iter().flatten();
        let mut scales = Vec::new();
        for (at, entry) in entries.enumerate() {
            if let Some(to) = entry.get("scale").and_then(|scale| scale.get("to")).and_then(Value::as_i64) {
                scales.push((at, to + more));
            }
        }
        if replicas < 1 || scales.iter().any(|(_, to)| *to < 1) {
            return no("one is the least");
        }
        let mut text = format!("pods: {{replicas: {replicas}}}");
        if !scales.is_empty() {
            let each: Vec<String> = scales.iter().map(|(at, to)| format!("'{at}': {{scale: {{to: {to}}}}}")).collect();
            text.push_str(&format!(", timeline: {{{}}}", each.join(", ")));
        }
        patch(&text)
    }

    // Redis

    fn sharded_adapter(&self) -> Patch {
        let emits = |traffic: &TrafficSpec| matches!(traffic.action, TrafficAction::Emit { .. });
        if self.spec.ticks.is_empty() && !self.spec.traffic.iter().any(emits) {
            return no("nothing is published");
        }
        match self.spec.redis.law.adapter {
            Adapter::Classic { .. } => patch("redis: {adapter: sharded}"),
            Adapter::Sharded(_) => no("it is so already"),
            Adapter::PythonSocketIo => no("python-socketio has none"),
            Adapter::None => no("there is no adapter"),
            _ => no("this application does not use @socket.io/redis-adapter"),
        }
    }
    fn room_affinity_sharded(&self) -> Patch {
        let mut both = self.room_affinity()?;
        if let (Value::Mapping(both), Value::Mapping(redis)) = (&mut both, self.sharded_adapter()?) {
            both.extend(redis);
        }
        Ok(both)
    }
    fn session_store(&self) -> Patch {
        match self.spec.sessions {
            Some(sessions) if sessions.store == SessionStore::Memory => {
                let patched = patch("pods: {sessions: {redis: {ttl: 1h, pending: 1000}}}");
                if self.spec.redis.law.adapter == Adapter::None { no("there is no Redis") } else { patched }
            }
            Some(_) => no("there is one"),
            None => no("the scenario does not say that pods know anything of their clients (`pods.sessions`)"),
        }
    }
    fn recovery(&self) -> Patch {
        self.connected()?;
        match self.spec.redis.law.adapter {
            _ if self.spec.recovery.is_some() => no("they are"),
            Adapter::Streams { .. } | Adapter::None => patch("redis: {recovery: true}"),
            _ => no("only the streams adapter can recover, or a pod that is alone"),
        }
    }
}

/// Drops `null` where nothing stands that it could take away.
fn without_idle_nulls(patch: &mut Value, written: &Value) {
    let Value::Mapping(map) = patch else { return };
    map.retain(|key, value| !value.is_null() || written.get(key).is_some());
    for (key, value) in map.iter_mut() {
        without_idle_nulls(value, written.get(key).unwrap_or(&Value::Null));
    }
}
