//! Settings of the clouds are refused with sentences; and what their tests have in common.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{Balancer, Decide, Health, Peer, Request, Tries};
use stickysim::engine::{LazyStream, Seed, SimTime, Span};

use super::{assert_binomial, balancer, stream};
pub use crate::support::product;
use crate::support::read_product as read;

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
        ("service: {sessionAffinity: ClientIP, timeoutSeconds: 0}", "timeoutSeconds"),
        ("service: {sessionAffinityConfig: {clientIP: {timeoutSeconds: 20}}}", "sessionAffinityConfig"),
        (
            "service: {sessionAffinity: ClientIP, timeoutSeconds: 5, sessionAffinityConfig: {clientIP: {timeoutSeconds: 20}}}",
            "sessionAffinityConfig",
        ),
        (
            "aws-alb: {stickiness.enabled: true, stickiness.lb_cookie.duration_seconds: 0}",
            "stickiness.lb_cookie.duration_seconds",
        ),
        ("aws-alb: {stickiness.enabled: true, stickiness.type: app_cookie}", "stickiness.app_cookie.cookie_name"),
        (
            "aws-alb: {stickiness.enabled: true, stickiness.type: app_cookie, stickiness.app_cookie.cookie_name: AWSALBAPP-1}",
            "stickiness.app_cookie.cookie_name",
        ),
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
