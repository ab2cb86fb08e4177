//! AWS Application Load Balancer: one target group with its attributes.
//!
//! Source: the user guide of Elastic Load Balancing (sticky sessions, target groups, health checks). What a cookie does, when
//! it is set and when it ends is exact; which target a new client gets is not public beyond the name of the algorithm:
//! round robin takes turns from a seeded start, everything else is a seeded draw. Whether nodes know of each other's turns and
//! requests is not public either; here each knows its own (assumption).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud::{PROPAGATION_DELAY, Usable, check_bounds, checks};
use super::texts::check_cookie_name;
use super::{AffinityKey, Decide, Following, Health, List, Peer, Peers, Problem, Request, SetCookie, Settings, Tries};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Span, Stream};

/// The attributes of an ALB target group, by their own names. AWS holds their values as texts, so `"true"` is `true` here too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AwsAlbSpec {
    /// How a target is chosen for a request that no cookie binds.
    #[serde(rename = "load_balancing.algorithm.type")]
    pub algorithm: TargetAlgorithm,
    /// Whether clients are kept on a target by a cookie.
    #[serde(rename = "stickiness.enabled", deserialize_with = "super::texts::flag")]
    #[schemars(schema_with = "super::texts::flag_schema")]
    pub stickiness_enabled: bool,
    /// By which cookie.
    #[serde(rename = "stickiness.type")]
    pub stickiness_type: TargetStickiness,
    /// Lifetime of `AWSALB`, counted anew at every answer.
    #[serde(rename = "stickiness.lb_cookie.duration_seconds", deserialize_with = "super::texts::number")]
    #[schemars(schema_with = "super::texts::number_schema")]
    pub lb_cookie_duration_seconds: u32,
    /// Lifetime of `AWSALBAPP`, counted from when the application set its own cookie.
    #[serde(rename = "stickiness.app_cookie.duration_seconds", deserialize_with = "super::texts::number")]
    #[schemars(schema_with = "super::texts::number_schema")]
    pub app_cookie_duration_seconds: u32,
    /// The application's cookie that `app_cookie` follows. The application sets it with its first answer to a client
    /// that comes without a valid one, and not again.
    #[serde(rename = "stickiness.app_cookie.cookie_name")]
    pub app_cookie_name: String,
    /// A new target's share grows to the full one over this time; 0 = at once.
    #[serde(rename = "slow_start.duration_seconds", deserialize_with = "super::texts::number")]
    #[schemars(schema_with = "super::texts::number_schema")]
    pub slow_start_duration_seconds: u32,
    /// Connections to a deregistered target are cut after this time.
    #[serde(rename = "deregistration_delay.timeout_seconds", deserialize_with = "super::texts::number")]
    #[schemars(schema_with = "super::texts::number_schema")]
    pub deregistration_delay_seconds: u32,
    /// Distance of the health checks of a target.
    #[serde(rename = "HealthCheckIntervalSeconds")]
    #[schemars(range(min = 5, max = 300))]
    pub health_check_interval_seconds: u32,
    /// So many checks in a row must succeed before a target is healthy again.
    #[serde(rename = "HealthyThresholdCount")]
    #[schemars(range(min = 2, max = 10))]
    pub healthy_threshold_count: u32,
    /// After so many failed checks in a row a target is unhealthy.
    #[serde(rename = "UnhealthyThresholdCount")]
    #[schemars(range(min = 2, max = 10))]
    pub unhealthy_threshold_count: u32,
    /// Nodes of the load balancer, up to 100: one per zone at least, and an ALB has two zones or more. Each sends to the targets
    /// of all zones and takes turns, counts requests and starts slowly on its own; cookies are valid at all of them.
    #[schemars(range(min = 1, max = 100))]
    pub nodes: u32,
}

/// How an ALB chooses a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetAlgorithm {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests and tunnels under way.
    LeastOutstandingRequests,
    /// A random one.
    WeightedRandom,
}

/// By what an ALB keeps clients on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetStickiness {
    /// Its own cookie `AWSALB`.
    LbCookie,
    /// A cookie that follows one of the application.
    AppCookie,
}

impl Default for AwsAlbSpec {
    fn default() -> Self {
        AwsAlbSpec {
            algorithm: TargetAlgorithm::RoundRobin,
            stickiness_enabled: false,
            stickiness_type: TargetStickiness::LbCookie,
            lb_cookie_duration_seconds: 86_400,
            app_cookie_duration_seconds: 86_400,
            app_cookie_name: String::new(),
            slow_start_duration_seconds: 0,
            deregistration_delay_seconds: 300,
            health_check_interval_seconds: 30,
            healthy_threshold_count: 5,
            unhealthy_threshold_count: 2,
            nodes: 2, // the fewest zones of an ALB
        }
    }
}

impl AwsAlbSpec {
    /// Whether the names of the application's cookie are possible.
    fn check_cookie_name(&self, problems: &mut Vec<Problem>) {
        let setting = "stickiness.app_cookie.cookie_name";
        let wanted = self.stickiness_enabled && self.stickiness_type == TargetStickiness::AppCookie;
        let name = self.app_cookie_name.as_str();
        if wanted && name.is_empty() {
            let message =
                "`stickiness.type: app_cookie` follows a cookie of the application, and none is named".to_owned();
            problems.push(Problem { setting, message, help: "write the cookie's name, such as `session`".to_owned() });
        } else if ["AWSALB", "AWSALBAPP", "AWSALBTG"].iter().any(|taken| name.starts_with(taken)) {
            let message = format!("`{name}` is a name that the load balancer keeps for itself");
            problems.push(Problem { setting, message, help: "write the application's own cookie".to_owned() });
        } else if !name.is_empty() {
            check_cookie_name(problems, setting, name, "session");
        }
    }
    /// Attributes of stickiness that is off. AWS keeps them for later; here they would say something that is not so.
    fn check_disabled(&self, problems: &mut Vec<Problem>) {
        let default = AwsAlbSpec::default();
        if self.stickiness_enabled {
            return;
        }
        for (setting, is_set) in [
            ("stickiness.type", self.stickiness_type != default.stickiness_type),
            (
                "stickiness.lb_cookie.duration_seconds",
                self.lb_cookie_duration_seconds != default.lb_cookie_duration_seconds,
            ),
            (
                "stickiness.app_cookie.duration_seconds",
                self.app_cookie_duration_seconds != default.app_cookie_duration_seconds,
            ),
            ("stickiness.app_cookie.cookie_name", self.app_cookie_name != default.app_cookie_name),
        ] {
            if is_set {
                let message = "it has no effect: `stickiness.enabled` is false".to_owned();
                let help = "write `stickiness.enabled: true`, or leave it out; a variant that is sticky can have it"
                    .to_owned();
                problems.push(Problem { setting, message, help });
            }
        }
    }
    /// Whether a slow start of this length is possible.
    fn check_slow_start(&self, problems: &mut Vec<Problem>) {
        let setting = "slow_start.duration_seconds";
        let seconds = self.slow_start_duration_seconds;
        if !(seconds == 0 || (30..=900).contains(&seconds)) {
            let message = format!("`{seconds}` is neither 0 nor from 30 to 900");
            problems.push(Problem { setting, message, help: "write 0 for none, or 30 to 900".to_owned() });
        }
        if seconds > 0 && self.algorithm != TargetAlgorithm::RoundRobin {
            let message = "slow start exists only with `load_balancing.algorithm.type: round_robin`".to_owned();
            problems.push(Problem { setting, message, help: "write 0, or choose `round_robin`".to_owned() });
        }
    }
}

impl Settings for AwsAlbSpec {
    fn describe(&self) -> String {
        let algorithm = match self.algorithm {
            TargetAlgorithm::RoundRobin => "round robin",
            TargetAlgorithm::LeastOutstandingRequests => "least outstanding requests",
            TargetAlgorithm::WeightedRandom => "weighted random",
        };
        match (self.stickiness_enabled, self.stickiness_type) {
            (false, _) => format!("AWS ALB {algorithm}"),
            (true, TargetStickiness::LbCookie) => "AWS ALB lb_cookie".to_owned(),
            (true, TargetStickiness::AppCookie) => "AWS ALB app_cookie".to_owned(),
        }
    }
    fn decisions(&self) -> &'static str {
        match (self.stickiness_enabled, self.algorithm) {
            (true, _) => "exact cookies, first pod a seeded draw (AWS publishes no more)",
            (false, TargetAlgorithm::RoundRobin) => "turns from a seeded start (AWS publishes no more)",
            (false, TargetAlgorithm::LeastOutstandingRequests) => "least load, a seeded draw among equals",
            (false, TargetAlgorithm::WeightedRandom) => "seeded uniform draw",
        }
    }
    fn affinity(&self) -> AffinityKey {
        if self.stickiness_enabled { AffinityKey::Cookie } else { AffinityKey::None }
    }
    fn following(&self) -> Following {
        Following::after(List::Endpoints, PROPAGATION_DELAY).checked(checks(
            self.health_check_interval_seconds,
            self.unhealthy_threshold_count,
            self.healthy_threshold_count,
        ))
    }
    fn instances(&self) -> u32 {
        self.nodes
    }
    fn counts_connections(&self) -> bool {
        self.algorithm == TargetAlgorithm::LeastOutstandingRequests
    }
    fn cuts_after(&self) -> Option<Span> {
        Some(Span::from_secs(u64::from(self.deregistration_delay_seconds)))
    }
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let lifetime = 1..=604_800;
        let (lb, app) = (self.lb_cookie_duration_seconds, self.app_cookie_duration_seconds);
        check_bounds(&mut problems, "stickiness.lb_cookie.duration_seconds", lb, lifetime.clone());
        check_bounds(&mut problems, "stickiness.app_cookie.duration_seconds", app, lifetime);
        let delay = self.deregistration_delay_seconds;
        check_bounds(&mut problems, "deregistration_delay.timeout_seconds", delay, 0..=3_600);
        check_bounds(&mut problems, "HealthCheckIntervalSeconds", self.health_check_interval_seconds, 5..=300);
        check_bounds(&mut problems, "HealthyThresholdCount", self.healthy_threshold_count, 2..=10);
        check_bounds(&mut problems, "UnhealthyThresholdCount", self.unhealthy_threshold_count, 2..=10);
        check_bounds(&mut problems, "nodes", self.nodes, 1..=MOST_NODES);
        self.check_cookie_name(&mut problems);
        self.check_disabled(&mut problems);
        self.check_slow_start(&mut problems);
        problems
    }
}

/// Bound of what may be written.
const MOST_NODES: u32 = 100;
/// Browsers drop `AWSALB` after this time whatever its duration says (the cookie's `Expires`).
const COOKIE_EXPIRES: Span = Span::from_secs(7 * 86_400);

/// An ALB with one target group.
#[derive(Clone, Debug)]
pub struct AwsAlb {
    spec: AwsAlbSpec,
    lifetime: Span,
    slow_start: Span,
    peers: Peers,
    /// Healthy targets; when there is none, the unhealthy ones: the ALB fails open.
    usable: Usable,
    /// The number, among the usable ones, whose turn it is; `None` before the first targets.
    turn: Option<usize>,
    /// By position: in slow start since then; [`SimTime::NEVER`] = since the next request.
    slow: Vec<Option<SimTime>>,
    /// Targets in slow start.
    slow_count: usize,
}

impl AwsAlb {
    /// A target group without targets.
    pub fn new(spec: AwsAlbSpec) -> AwsAlb {
        let seconds = match spec.stickiness_type {
            TargetStickiness::LbCookie => spec.lb_cookie_duration_seconds,
            TargetStickiness::AppCookie => spec.app_cookie_duration_seconds,
        };
        AwsAlb {
            lifetime: Span::from_secs(u64::from(seconds)).min(COOKIE_EXPIRES),
            slow_start: Span::from_secs(u64::from(spec.slow_start_duration_seconds)),
            spec,
            peers: Peers::default(),
            usable: Usable::default(),
            turn: None,
            slow: Vec::new(),
            slow_count: 0,
        }
    }

    fn changed(&mut self) {
        self.usable = Usable::up_or_failed_open(&self.peers);
        self.slow_count = self.slow.iter().flatten().count();
    }
    /// True when some target is healthy and not in slow start: only then does a new one enter it.
    fn has_warm_target(&self) -> bool {
        self.peers.iter().zip(&self.slow).any(|(peer, slow)| peer.health == Health::Up && slow.is_none())
    }

    /// The target whose turn it is. One in slow start takes its turn with a probability that grows linearly, as its share does
    /// (assumption: the share is documented, how it is kept is not).
    fn round_robin(&mut self, now: SimTime, stream: &mut LazyStream) -> Option<usize> {
        let n = self.usable.len();
        if n == 0 {
            return None;
        }
        let mut turn = self.turn.unwrap_or(0) % n;
        if self.slow_count > 0 {
            self.end_slow_starts(now);
            let cold = |slow: &[Option<SimTime>], turn| slow[self.usable.position(turn)];
            let all_cold = (0..n).all(|turn| cold(&self.slow, turn).is_some());
            while let (Some(since), false) = (cold(&self.slow, turn), all_cold) {
                if stream.get().below(self.slow_start.as_nanos()) < now.since(since).as_nanos() {
                    break;
                }
                turn = (turn + 1) % n;
            }
        }
        self.turn = Some(turn + 1);
        Some(self.usable.position(turn))
    }
    /// Slow starts that nobody has seen begin do so now; those that took their time are over.
    fn end_slow_starts(&mut self, now: SimTime) {
        for slow in &mut self.slow {
            *slow = match *slow {
                Some(SimTime::NEVER) => Some(now),
                Some(since) if now.since(since) >= self.slow_start => None,
                other => other,
            };
        }
        self.slow_count = self.slow.iter().flatten().count();
    }
}

impl Decide for AwsAlb {
    fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream) {
        let slow_start = !self.slow_start.is_zero() && self.has_warm_target();
        let entered = |peer: &Peer| match self.peers.position(peer.pod) {
            Some(position) => self.slow[position],
            None => slow_start.then_some(SimTime::NEVER),
        };
        self.slow = peers.iter().map(entered).collect();
        self.peers = Peers::new(peers);
        if self.turn.is_none() && !peers.is_empty() {
            self.turn = Some(stream.below(peers.len() as u64) as usize);
        }
        self.changed();
    }
    fn set_health(&mut self, position: usize, health: Health) {
        let recovered = self.peers[position].health == Health::Down && health == Health::Up;
        let slow_start = recovered && !self.slow_start.is_zero() && self.has_warm_target();
        self.slow[position] = match health {
            Health::Up if slow_start => Some(SimTime::NEVER),
            Health::Up => self.slow[position],
            Health::Draining | Health::Down => None,
        };
        self.peers.set_health(position, health);
        self.changed();
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    /// With `app_cookie` the cookie of a healthy target is left as it is; `lb_cookie` renews it with every answer.
    #[inline]
    fn bound(&self, cookie: u32) -> Option<PodId> {
        let pod = PodId::new(cookie);
        let leaves_it = self.spec.stickiness_enabled && self.spec.stickiness_type == TargetStickiness::AppCookie;
        let position = self.peers.position(pod).filter(|_| leaves_it)?;
        self.usable.serves(&self.peers[position]).then_some(pod)
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        mut load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        let sticky = self.spec.stickiness_enabled;
        let bound = request.cookie.filter(|_| sticky).and_then(|cookie| self.peers.position(PodId::new(cookie)));
        let bound = bound.filter(|&position| self.usable.serves(&self.peers[position]));
        let position = match (bound, self.spec.algorithm) {
            (Some(position), _) => position,
            (None, TargetAlgorithm::RoundRobin) => self.round_robin(request.now, stream)?,
            (None, TargetAlgorithm::WeightedRandom) => self.usable.draw(&[], stream)?,
            (None, TargetAlgorithm::LeastOutstandingRequests) => {
                let peers = &self.peers;
                self.usable.least(stream, |position| load(&peers[position]))?
            }
        };
        if sticky && (bound.is_none() || self.spec.stickiness_type == TargetStickiness::LbCookie) {
            let value = self.peers[position].pod.raw();
            tries.cookie = Some(SetCookie::new(value, request.now, Some(self.lifetime)));
        }
        Some(position)
    }
    /// A refused connection is answered with 502.
    fn max_tries(&self) -> usize {
        1
    }
}
