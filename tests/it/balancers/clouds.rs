//! What holds for every product: no trace between decisions that should leave none, nobody is sent where nobody serves, and
//! settings are refused with sentences. And what users paste is read.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{Balancer, BalancerSpec, Decide, Health, Peer, Request, Tries};
use stickysim::engine::{LazyStream, Seed, SimTime, Span};

use super::{assert_binomial, balancer, stream};

/// The product that this text describes, as a scenario would.
pub fn product(yaml: &str) -> BalancerSpec {
    read(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

fn read(yaml: &str) -> Result<BalancerSpec, String> {
    let value: serde_json::Value = serde_yaml::from_str(yaml).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Pods of these numbers.
pub fn pods(numbers: &[u32]) -> Vec<Peer> {
    numbers.iter().map(|&pod| Peer::new(PodId::new(pod), format!("10.244.0.{}:3000", pod + 2))).collect()
}

/// A second of the simulated clock.
pub fn second(s: u64) -> SimTime {
    SimTime::ZERO + Span::from_secs(s)
}

/// A product at work, and its random numbers.
pub struct Site {
    pub balancer: Balancer,
    pub stream: LazyStream,
    pub loads: Vec<u32>,
}

impl Site {
    /// With these pods.
    pub fn new(yaml: &str, numbers: &[u32]) -> Site {
        let balancer = balancer(&product(yaml), &pods(numbers));
        Site { balancer, stream: LazyStream::new(Seed(9), 1, 2, 3), loads: vec![0; 100] }
    }
    /// The pod that this request goes to at its first try, and what else became of it.
    pub fn send(&mut self, request: &Request<'_>) -> (u32, Tries) {
        let mut tries = Tries::default();
        (self.try_again(request, &mut tries).expect("somebody is usable"), tries)
    }
    /// The pod of the next try.
    pub fn try_again(&mut self, request: &Request<'_>, tries: &mut Tries) -> Option<u32> {
        let loads = &self.loads;
        let load = |peer: &Peer| loads[peer.pod.index()];
        let position = self.balancer.pick(request, tries, &mut self.stream, load)?;
        Some(self.balancer.peers()[position].pod.raw())
    }
    /// The pod of this number is believed so from now on.
    pub fn health(&mut self, pod: u32, health: Health) {
        let position = self.balancer.peers().position(PodId::new(pod)).expect("it is there");
        self.balancer.set_health(position, health);
    }
    /// From now on there are these pods.
    pub fn set(&mut self, numbers: &[u32]) {
        self.balancer.set_peers(&pods(numbers), &mut stream(1));
    }
}

/// The address of a client.
pub fn address(client: u32) -> std::net::IpAddr {
    // spread over all of IPv4
    std::net::Ipv4Addr::from_bits(client.wrapping_mul(2_654_435_769)).into()
}

/// A request of a client at a second.
pub fn of(client: u32, at_s: u64) -> Request<'static> {
    Request { now: second(at_s), ..Request::from_address(address(client)) }
}

/// The share of 40,000 clients that change the pod when the pods change, for requests that a function makes.
pub fn share_moved(site: &mut Site, before: &[u32], after: &[u32], request: impl Fn(u32) -> Request<'static>) -> u64 {
    let ask = |site: &mut Site| -> Vec<u32> { (0..40_000).map(|client| site.send(&request(client)).0).collect() };
    site.set(before);
    let old = ask(site);
    for &pod in before {
        let count = old.iter().filter(|&&other| other == pod).count() as u64;
        assert_binomial("share of a pod", count, 40_000, 1.0 / before.len() as f64);
    }
    site.set(after);
    old.iter().zip(ask(site)).filter(|&(&old, new)| old != new).count() as u64
}

/// Every kind of decision that these products have.
const ALL: [&str; 30] = [
    "service: {}",
    "service: {sessionAffinity: ClientIP, timeoutSeconds: 20}",
    "service: {sessionAffinity: ClientIP, timeoutSeconds: 20, mode: nftables}",
    "service: {sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 20}}}",
    "service: {sessionAffinity: ClientIP, timeoutSeconds: 20, mode: ipvs}",
    "service: {mode: ipvs, nodes: 3, externalTrafficPolicy: Local}",
    "aws-alb: {}",
    "aws-alb: {slow_start.duration_seconds: 30}",
    "aws-alb: {stickiness.enabled: true, stickiness.lb_cookie.duration_seconds: 20}",
    "aws-alb: {stickiness.enabled: true, stickiness.type: app_cookie, stickiness.app_cookie.cookie_name: session}",
    "aws-alb: {load_balancing.algorithm.type: least_outstanding_requests}",
    "aws-alb: {load_balancing.algorithm.type: weighted_random}",
    "aws-nlb: {}",
    "aws-nlb: {stickiness.enabled: true, stickiness.type: source_ip}",
    "cloudflare: {}",
    "cloudflare: {session_affinity: cookie, session_affinity_attributes: {drain_duration: 20}}",
    "cloudflare: {session_affinity: ip_cookie, session_affinity_attributes: {zero_downtime_failover: temporary}}",
    "cloudflare: {session_affinity: header, session_affinity_ttl: 30, session_affinity_attributes: {headers: [x-session-id]}}",
    "cloudflare: {session_affinity: cookie, session_affinity_attributes: {zero_downtime_failover: sticky}, origin_steering: {policy: least_connections}}",
    "cloudflare: {origin_steering: {policy: hash}}",
    "cloudflare: {origin_steering: {policy: least_outstanding_requests}}",
    "google-cloud: {}",
    "google-cloud: {sessionAffinity: GENERATED_COOKIE, affinityCookieTtlSec: 30}",
    "google-cloud: {sessionAffinity: HTTP_COOKIE, consistentHash: {httpCookie: {name: session, ttl: {seconds: 30}}}}",
    "google-cloud: {sessionAffinity: HEADER_FIELD, consistentHash: {httpHeaderName: x-room-id}}",
    "google-cloud: {sessionAffinity: CLIENT_IP_PORT_PROTO}",
    "azure-application-gateway: {CookieBasedAffinity: Enabled, ConnectionDraining: {Enabled: true, DrainTimeoutInSec: 60}}",
    "azure-load-balancer: {loadDistribution: SourceIP}",
    "azure-load-balancer: {}",
    "railway: {}",
];

/// Whether a product may send somebody to a pod that it believes to be so.
fn may_get(yaml: &str, balancer: &Balancer, health: Health) -> bool {
    let nobody_up = balancer.peers().up() == 0;
    let fails_open = yaml.starts_with("aws") || yaml.starts_with("cloudflare") || yaml.contains("PORT_PROTO");
    match health {
        Health::Up => true,
        Health::Draining if yaml.starts_with("service") => nobody_up,
        Health::Draining => yaml.contains("drain") || yaml.contains("Drain"),
        Health::Down => nobody_up && fails_open,
    }
}

/// Where a long random story of changes and requests leads, decision by decision.
fn story(yaml: &str, seed: u64) -> Vec<Option<u32>> {
    const KEYS: [&[u8]; 4] = [b"", b"a", b"b", b"somebody else"];
    let mut site = Site::new(yaml, &[0, 1, 2]);
    site.stream = LazyStream::new(Seed(seed), 4, 5, 6);
    let mut numbers = Seed(seed).stream(7, 8, 9);
    let mut cookie = None;
    let mut picks = Vec::new();
    for n in 0..3_000 {
        let now = second(n / 3);
        match numbers.below(12) {
            0 => {
                let list: Vec<u32> = (0..6).filter(|_| numbers.below(2) == 0).collect();
                site.set(&list);
            }
            1 | 2 if !site.balancer.peers().is_empty() => {
                let position = numbers.below(site.balancer.peers().len() as u64) as usize;
                let health = [Health::Up, Health::Up, Health::Draining, Health::Down][numbers.below(4) as usize];
                site.balancer.set_health(position, health);
            }
            3 => site.balancer.ended(PodId::new(numbers.below(6) as u32), address(numbers.below(9) as u32), now, now),
            _ => {
                let client = address(numbers.below(9) as u32);
                let key = KEYS[numbers.below(4) as usize];
                let request = Request { now, cookie, key, port: n as u16, ..Request::from_address(client) };
                let mut tries = Tries::default();
                let bound = cookie.and_then(|cookie| site.balancer.bound(cookie));
                for attempt in 0..site.balancer.max_tries() {
                    let pod = site.try_again(&request, &mut tries);
                    picks.push(pod);
                    let Some(position) = pod.and_then(|pod| site.balancer.peers().position(PodId::new(pod))) else {
                        break;
                    };
                    let health = site.balancer.peers()[position].health;
                    assert!(may_get(yaml, &site.balancer, health), "{yaml}, step {n}: {health:?}");
                    assert!(!tries.refused.contains(&position), "{yaml}, step {n}: the same again");
                    if let (0, Some(bound)) = (attempt, bound) {
                        assert_eq!((pod, tries.cookie), (Some(bound.raw()), None), "{yaml}, step {n}");
                    }
                    if numbers.below(4) > 0 {
                        break;
                    }
                    site.balancer.failed(position, now);
                    tries.refused.push(position);
                }
                cookie = tries.cookie.map_or(cookie, |cookie| Some(cookie.value)).filter(|_| numbers.below(5) > 0);
            }
        }
    }
    picks
}

#[test]
fn any_story_ends_well_and_repeats_itself() {
    for yaml in ALL {
        for seed in 0..4 {
            let picks = story(yaml, seed);
            assert_eq!(picks, story(yaml, seed), "{yaml}");
            assert!(picks.iter().flatten().count() > 1_000, "{yaml}: hardly anybody was served");
        }
    }
}

#[test]
fn what_users_write_is_read_and_written_back() {
    for yaml in ALL {
        let spec = product(yaml);
        assert!(spec.settings().problems().is_empty(), "{yaml}: {:?}", spec.settings().problems());
        let written = serde_json::to_string(&spec).expect("settings can be written");
        assert_eq!(serde_json::from_str::<BalancerSpec>(&written).expect("and read"), spec, "{written}");
        assert!(BalancerSpec::NAMES.contains(&spec.name()) && !spec.settings().describe().is_empty());
        assert!(!spec.settings().decisions().is_empty());
    }
}

#[test]
fn nobody_is_sent_anywhere_without_pods() {
    for yaml in ALL {
        let mut site = Site::new(yaml, &[]);
        assert_eq!(site.try_again(&of(1, 1), &mut Tries::default()), None, "{yaml}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_a_sentence() {
    for (yaml, part) in [
        ("railway: {sessionAffinity: true}", "Railway has no key `sessionAffinity`"),
        ("service: {sessionAffinity: Cookie}", "expected `None` or `ClientIP`"),
        (
            "service: {sessionAffinityConfig: {clientIPConfig: {timeoutSeconds: 3}}}",
            "unknown field `clientIPConfig`, expected `clientIP`",
        ),
        ("aws-alb: {stickiness: true}", "unknown field `stickiness`"),
        ("aws-nlb: {stickiness.type: lb_cookie}", "expected `source_ip`"),
        ("cloudflare: {session_affinity: sticky}", "unknown variant `sticky`"),
        ("google-cloud: {sessionAffinity: COOKIE}", "unknown variant `COOKIE`"),
        ("azure-load-balancer: {loadDistribution: Cookie}", "unknown variant `Cookie`"),
    ] {
        let error = read(yaml).expect_err(yaml);
        assert!(error.contains(part), "{yaml}: {error}");
    }
}

#[test]
fn what_cannot_be_together_is_refused_with_what_to_write() {
    for (yaml, setting) in [
        ("service: {timeoutSeconds: 0}", "timeoutSeconds"),
        ("service: {sessionAffinityConfig: {clientIP: {timeoutSeconds: 20}}}", "sessionAffinityConfig"),
        (
            "service: {sessionAffinity: ClientIP, timeoutSeconds: 5, sessionAffinityConfig: {clientIP: {timeoutSeconds: 20}}}",
            "sessionAffinityConfig",
        ),
        ("aws-alb: {stickiness.lb_cookie.duration_seconds: 0}", "stickiness.lb_cookie.duration_seconds"),
        ("aws-alb: {stickiness.enabled: true, stickiness.type: app_cookie}", "stickiness.app_cookie.cookie_name"),
        ("aws-alb: {stickiness.app_cookie.cookie_name: AWSALBAPP-1}", "stickiness.app_cookie.cookie_name"),
        ("aws-alb: {slow_start.duration_seconds: 29}", "slow_start.duration_seconds"),
        (
            "aws-alb: {slow_start.duration_seconds: 30, load_balancing.algorithm.type: weighted_random}",
            "slow_start.duration_seconds",
        ),
        ("aws-alb: {HealthCheckIntervalSeconds: 4}", "HealthCheckIntervalSeconds"),
        ("aws-nlb: {deregistration_delay.timeout_seconds: 3601}", "deregistration_delay.timeout_seconds"),
        ("cloudflare: {session_affinity_ttl: 1800}", "session_affinity_ttl"),
        ("cloudflare: {session_affinity: cookie, session_affinity_ttl: 1799}", "session_affinity_ttl"),
        ("cloudflare: {session_affinity: header}", "session_affinity_attributes.headers"),
        (
            "cloudflare: {session_affinity: header, session_affinity_attributes: {headers: ['cookie:sid']}}",
            "session_affinity_attributes.headers",
        ),
        (
            "cloudflare: {session_affinity: header, session_affinity_attributes: {headers: [x-a]}}",
            "session_affinity_attributes.headers",
        ),
        (
            "cloudflare: {session_affinity: header, session_affinity_attributes: {headers: [x-room, x-user]}}",
            "session_affinity_attributes.headers",
        ),
        (
            "cloudflare: {session_affinity: header, session_affinity_attributes: {headers: [x-user], zero_downtime_failover: sticky}}",
            "session_affinity_attributes.zero_downtime_failover",
        ),
        ("cloudflare: {monitor: {interval: 1}}", "monitor.interval"),
        ("google-cloud: {sessionAffinity: HTTP_COOKIE}", "consistentHash.httpCookie"),
        ("google-cloud: {sessionAffinity: HEADER_FIELD}", "consistentHash.httpHeaderName"),
        ("google-cloud: {consistentHash: {httpHeaderName: x-user}}", "consistentHash.httpHeaderName"),
        ("google-cloud: {affinityCookieTtlSec: 5}", "affinityCookieTtlSec"),
        ("azure-application-gateway: {interval: 0}", "interval"),
        ("azure-load-balancer: {intervalInSeconds: 4}", "intervalInSeconds"),
    ] {
        let problems = product(yaml).settings().problems();
        assert_eq!(problems.iter().map(|problem| problem.setting).collect::<Vec<_>>(), [setting], "{yaml}");
        assert!(!problems[0].message.is_empty() && !problems[0].help.is_empty(), "{yaml}");
    }
}

#[test]
fn railway_sends_each_request_to_a_random_replica() {
    let mut site = Site::new("railway: {}", &[0, 1, 2]);
    let mut counts = [0; 3];
    (0..9_000).for_each(|_| counts[site.send(&of(1, 0)).0 as usize] += 1);
    counts.iter().for_each(|&count| assert_binomial("one client", count, 9_000, 1.0 / 3.0));
    assert_eq!(site.balancer.max_tries(), 1);
}
