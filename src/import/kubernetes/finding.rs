//! What is wrong with manifests, or will hurt: stable codes with severity, place and remedy.

use std::fmt;
use std::rc::Rc;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is refused, does nothing at all, or cannot work as written.
    Error,
    /// It does something else than its author means, or fails when pods come and go.
    Warning,
    /// Worth knowing when the scenario is read.
    Note,
}

impl Severity {
    /// Its name in output and options.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Makes [`Code`] of the table: variant, name, severity, why it matters.
macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $why:literal;)*) => {
        /// What kind of finding it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $why] $variant,)*
        }

        impl Code {
            /// All codes in the order of the table.
            pub const ALL: &[Code] = &[$(Code::$variant),*];
            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }
            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }
            /// Why it matters.
            pub const fn why(self) -> &'static str {
                match self { $(Code::$variant => $why,)* }
            }
        }
    };
}

codes! {
    UnknownField "unknown-field" Error "the object has no such field: it is refused, or dropped where validation is off, and its default holds";
    RemovedApi "removed-api" Error "no supported Kubernetes serves this version of the kind: the object is refused";
    BadValue "bad-value" Error "the value is outside of what the field takes: the object is refused, or the setting is ignored";
    MissingField "missing-field" Error "the field is required: the object is refused without it";
    BackendNamespace "backend-namespace" Error "a route reaches only Services of its own namespace: requests fail with 503";
    PortMissing "port-missing" Error "the Service has no such port: the route leads nowhere";
    SelectorMismatch "selector-mismatch" Error "the selector of a workload must select its own template: the object is refused";
    RolloutCannotMove "rollout-cannot-move" Error "neither may a pod be missing nor may there be one more: no pod could ever be replaced, and the object is refused";
    HpaRange "hpa-range" Error "the lower bound is above the upper one: the object is refused";
    ClientIpWithoutAffinity "client-ip-without-affinity" Error "`sessionAffinityConfig` needs `sessionAffinity: ClientIP`: the object is refused";
    ExclusiveFields "exclusive-fields" Error "one of these fields excludes the other: the object is refused";
    RequestsAboveLimits "requests-above-limits" Error "a container may not request more than its limit: the object is refused";
    TargetPortMissing "target-port-missing" Error "no container gives a port this name: the Service has no endpoints behind it";
    ProbePortMissing "probe-port-missing" Error "the kubelet finds no port of this name and drops the probe's result, each time";
    NotExternal "not-external" Error "only Services that take connections from outside have `externalTrafficPolicy`: the object is refused";
    TargetNotScalable "target-not-scalable" Error "the API has no number of replicas to set for what the target names: the autoscaler does nothing";
    IdleReplicas "idle-replicas" Error "KEDA takes 0 only, and only below `minReplicaCount`: the object is refused, or the number is not kept";
    OldApiGroup "old-api-group" Warning "current versions of the product no longer read this API group: the object is there and does nothing";
    UnknownAnnotation "unknown-annotation" Warning "controllers ignore annotations that they do not know, without a word";
    ForeignAnnotation "foreign-annotation" Warning "the annotation belongs to another product and has no effect under this prefix";
    ConfigmapKey "configmap-key" Warning "this is a key of the controller's ConfigMap and has no effect as an annotation";
    RemovedAnnotation "removed-annotation" Warning "the annotation existed once and has no effect any more";
    OtherController "other-controller" Warning "the Ingress goes to one controller, and the annotations are for another: they have no effect";
    AnnotationPlace "annotation-place" Warning "the controller reads this annotation from another object: here it has no effect";
    NoEffect "no-effect" Warning "the setting needs another one that is not there, and does nothing without it";
    Contradiction "contradiction" Warning "two settings exclude each other, and one of them wins silently";
    BackendMissing "backend-missing" Warning "requests for it fail with 503 unless the Service stands in files that were not given";
    SelectorMatchesNothing "selector-matches-nothing" Warning "the selector selects no pod of these files: the Service has no endpoints";
    TargetMissing "target-missing" Warning "what it shall act upon is not in these files, under this name";
    NamespaceNotWritten "namespace-not-written" Warning "one object names a namespace and the other none: they find each other only if both are applied to the same one";
    DuplicateObject "duplicate-object" Warning "of two objects with one name the later one replaces the earlier";
    AffinityBypassed "affinity-bypassed" Warning "the proxy sends requests to pod addresses itself: kube-proxy and `sessionAffinity` are not on the way";
    ClientIpBehindProxy "client-ip-behind-proxy" Warning "kube-proxy sees the addresses of proxies instead of clients: each proxy is pinned to one pod";
    ClientIpExpires "client-ip-expires" Warning "only a new connection restarts the time-out: who holds a WebSocket for longer has lost the pod when it reconnects";
    StickyNodes "sticky-nodes" Warning "targets of the type `instance` are nodes: stickiness keeps a client on a node, and kube-proxy deals each connection on to any pod";
    NeedsNodePort "needs-node-port" Warning "with `target-type: instance` the balancer sends to node ports, and a Service of type ClusterIP has none: there are no targets";
    PollingWithoutAffinity "polling-without-affinity" Warning "each request of Socket.IO's long polling may meet another pod, which answers 400: clients that begin with polling cannot connect";
    CookieNeverSet "cookie-never-set" Warning "a hash cookie without `ttl` is only read, never issued: without it pods are drawn at random";
    CookieShort "cookie-short" Warning "the cookie's lifetime counts from when it was issued and is never renewed: sessions that last longer lose their pod";
    HeartbeatTimeout "heartbeat-timeout" Warning "Socket.IO is silent for up to 25 s between heartbeats: a shorter time-out cuts idle connections";
    PreStopEatsGrace "pre-stop-eats-grace" Warning "the hook counts inside the grace period: the process gets 2 s between SIGTERM and SIGKILL, and clients see no close frame";
    RecreateDropsAll "recreate-drops-all" Warning "all pods end before the first new one starts: every connection drops, and nobody can come back until then";
    NotReadyPublished "not-ready-published" Warning "pods that start, fail or shut down stay in the list: clients are sent to them";
    HpaWithoutRequests "hpa-without-requests" Warning "utilisation is a share of what pods request: without requests the autoscaler never gets a figure and does nothing";
    TwoAutoscalers "two-autoscalers" Warning "two autoscalers write the number of replicas of one workload in turn";
    ScalesToZero "scales-to-zero" Warning "without activity the last pod is removed, with whatever is still connected to it";
    DrainBlocked "drain-blocked" Warning "no pod may ever be evicted: `kubectl drain` and node upgrades wait for ever";
    BudgetOfAll "budget-of-all" Warning "an empty selector is all pods of the namespace: they are counted together, and none with a second budget can be evicted";
    NegativeGrace "negative-grace" Warning "a grace period below 0 counts as 1 s: processes are killed while they close their connections";
    PoolsExceedDatabase "pools-exceed-database" Warning "the database refuses connections above its limit; during a rollout surge and draining pods add to the demand";
    RedisWithoutVolume "redis-without-volume" Warning "what Redis holds goes with its pod: sessions, streams and queues are empty after a rescheduling";
    NoWebsocketUpgrade "no-websocket-upgrade" Warning "without it the proxy answers WebSocket handshakes as plain HTTP: clients stay on polling, or fail";
    HttpsCookie "https-cookie" Note "browsers keep a cookie with `Secure` only if it comes by HTTPS";
    NoWorkload "no-workload" Note "how many pods there are and how large is not in these files";
    NoWayIn "no-way-in" Note "how requests reach the pods is not in these files";
    NoIngressClass "no-ingress-class" Note "without a class the Ingress goes to the default class of the cluster, if there is one";
    GatewayMissing "gateway-missing" Note "which product serves the route stands in its Gateway, which is not in these files: it is taken for Envoy";
    BalancedMovesSessions "balanced-moves-sessions" Note "`affinity-mode: balanced`, the default, moves about 1 of n sessions to a new pod when it comes; `persistent` moves none, and gives new pods new clients only";
    StaysOnDeadPod "stays-on-dead-pod" Note "while a dead pod is still listed, all tries of a client with its cookie go to it, and the client gets 502";
    ReloadsCut "reloads-cut" Note "each reload of the configuration, by any Ingress, cuts the WebSockets of the old workers after `worker-shutdown-timeout`, 240 s by default";
    HashesAddresses "hashes-addresses" Note "clients behind one address share a pod, and behind a proxy or a node that hides addresses all of them do";
    NodeHidesAddress "node-hides-address" Note "with `externalTrafficPolicy: Cluster` pods see the addresses of nodes: nothing behind can go by the client's";
    ClientIpHundred "client-ip-hundred" Note "kube-proxy in iptables mode remembers 100 addresses per pod and node: with more, affinity fades; a proxy or NAT is one address";
    TargetsLeaveLate "targets-leave-late" Note "the cloud takes seconds to minutes to stop sending to a pod that ends: until then its requests fail";
    NlbMayReset "nlb-may-reset" Note "an NLB may deal all addresses anew when targets or their health change";
    CookieAnHour "cookie-an-hour" Note "the cookie's lifetime counts from when it was issued: sessions that last longer are dealt anew";
    IdleLosesCookie "idle-loses-cookie" Note "the lifetime restarts with each request; a WebSocket sends none, so one that is open for longer comes back without";
    OnePod "one-pod" Note "affinity has nothing to choose, and each restart disconnects everybody";
    NoPreStop "no-pre-stop" Note "a pod that ends at SIGTERM is gone before every proxy has dropped it: for some seconds new connections fail";
    NoReadiness "no-readiness" Note "without a readiness probe a pod gets clients as soon as its container runs";
    HpaOnConnections "hpa-on-connections" Note "connections stay where they are: the average falls with new, empty pods while the old ones stay hot";
    HpaScaleDown "hpa-scale-down" Note "by default all pods above the need may go at once after 300 s, with their connections";
    ReplicasAndHpa "replicas-and-hpa" Note "each `kubectl apply` sets the number of replicas back, until the autoscaler corrects it";
    RedisSingle "redis-single" Note "while the one Redis pod is away, rooms are heard on one pod only and sessions are not found";
    SeveralBackends "several-backends" Note "a scenario has one kind of pods: the others are left out";
    Chained "chained" Note "nothing says how these stand to each other";
    NeedsSwitch "needs-switch" Note "the product ignores the setting unless a switch that is not in these files is on";
    NotSimulated "not-simulated" Note "the scenario format cannot say it: figures do not reflect it";
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub file: Rc<str>,
    pub line: usize,
    /// Such as ``Ingress `web` ``.
    pub object: Rc<str>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// The file as it was given.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The object, such as ``Ingress `web` ``.
    pub object: String,
    /// What was found.
    pub what: String,
    /// What to do.
    pub fix: String,
}

/// Findings while they are collected.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

/// Most findings that are kept; more would not help anybody.
const MAX_FINDINGS: usize = 1_000;

impl Findings {
    /// True when no more are kept: whoever looks for more may stop.
    pub fn is_full(&self) -> bool {
        self.0.len() >= MAX_FINDINGS
    }
    pub fn add(&mut self, code: Code, place: &Place, what: impl Into<String>, fix: impl Into<String>) {
        if self.is_full() {
            return;
        }
        self.0.push(Finding {
            code,
            file: place.file.to_string(),
            line: place.line,
            object: place.object.to_string(),
            what: what.into(),
            fix: fix.into(),
        });
    }
    /// Worst first, then by place; repeated ones once.
    pub fn finish(mut self) -> Vec<Finding> {
        self.0.sort_by(|a, b| {
            let key = |f: &Finding| (f.code.severity(), f.file.clone(), f.line, f.code, f.what.clone());
            key(a).cmp(&key(b))
        });
        self.0.dedup();
        self.0
    }
}
