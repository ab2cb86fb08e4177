//! What holds for every strategy of every product, whatever happens around it.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{
    Balancer, BalancerSpec, Decide, Down, Health, Peer, Queue, Request, SetCookie, Tries,
};
use stickysim::engine::{LazyStream, Seed};

use super::clouds::{address, of, pods, product, second};
use super::strategies::STRATEGIES;
use super::{balancer, stream};

/// What a product may do with pods that it believes are not up.
#[derive(Clone, Copy, PartialEq)]
enum May {
    /// Send nobody there.
    Nobody,
    /// Send those who are bound to them.
    Bound,
    /// … and anybody to a server that is alone: nginx then looks at `down` and `max_conns` only.
    BoundOrAlone,
    /// Send anybody when none is up.
    AllWhenNoneIsUp,
    /// Send anybody when fewer than half are up (Envoy's panic).
    AllInPanic,
    /// … and, beside that, those who are bound to them.
    BoundOrAllInPanic,
}

/// … that are down, and that drain.
fn may(yaml: &str) -> [May; 2] {
    let is = |part: &str| yaml.contains(part);
    match yaml.split(':').next().expect("split gives something") {
        "nginx" => [May::Nobody, May::BoundOrAlone],
        "haproxy" if is("persist") => [May::Bound, May::Bound],
        "haproxy" if is("cookie") || is("stick") => [May::Nobody, May::Bound],
        "haproxy" => [May::Nobody, May::Nobody],
        "envoy" if is("healthy_panic_threshold: {value: 0}") => [May::Nobody, May::Nobody],
        "istio" if is("persistent-session") => [May::AllInPanic, May::BoundOrAllInPanic],
        "envoy" | "istio" => [May::AllInPanic, May::AllInPanic],
        "traefik" if is("sticky") => [May::Nobody, May::Bound],
        "traefik" => [May::Nobody, May::Nobody],
        "service" => [May::Nobody, May::AllWhenNoneIsUp],
        "aws-alb" | "aws-nlb" => [May::AllWhenNoneIsUp, May::Nobody],
        "cloudflare" if is("drain") => [May::AllWhenNoneIsUp, May::Bound],
        "cloudflare" => [May::AllWhenNoneIsUp, May::Nobody],
        "google-cloud" if is("PORT_PROTO") => [May::AllWhenNoneIsUp, May::Nobody],
        "azure-application-gateway" => [May::Nobody, May::Bound],
        _ => [May::Nobody, May::Nobody],
    }
}

impl May {
    fn allows(self, balancer: &Balancer, is_bound: bool, is_sticky: bool) -> bool {
        let peers = balancer.peers();
        match self {
            May::Nobody => false,
            May::Bound => is_bound,
            May::BoundOrAlone => (is_bound && is_sticky) || peers.len() == 1,
            May::AllWhenNoneIsUp => peers.up() == 0,
            May::AllInPanic => 2 * peers.up() < peers.len(),
            May::BoundOrAllInPanic => is_bound || 2 * peers.up() < peers.len(),
        }
    }
}

/// Whether a retry may go to a server that has refused already.
fn repeats(yaml: &str) -> bool {
    // Envoy excludes nobody unless `retry_host_predicate` says so, Traefik never does, HAProxy waits for its server at first
    ["ingress-nginx", "haproxy", "envoy", "istio", "traefik"].iter().any(|product| yaml.starts_with(product))
}

/// All that a decision says.
type Decision = (Option<usize>, Option<SetCookie>, stickysim::engine::Span, Option<Queue>);

fn decide(balancer: &mut Balancer, request: &Request<'_>, tries: &mut Tries, n: u64, loads: &[u32]) -> Decision {
    let draws = &mut LazyStream::new(Seed(3), 4, 5, n);
    let position = balancer.pick(request, tries, draws, |peer| loads[peer.pod.index()]);
    (position, tries.cookie, tries.wait, tries.queue)
}

/// Long random changes and requests: what was decided, one after the other.
struct Story {
    yaml: &'static str,
    balancer: Balancer,
    loads: [u32; 8],
    /// Cookies of nine clients.
    cookies: [Option<SetCookie>; 9],
    decisions: Vec<Decision>,
    said: u64,
}

impl Story {
    fn request(&mut self, numbers: &mut stickysim::engine::Stream, step: u64) {
        const KEYS: [&[u8]; 4] = [b"", b"a", b"b", b"somebody else"];
        let now = second(step / 3);
        let client = numbers.below(9) as usize;
        let cookie = self.cookies[client].filter(|cookie| cookie.until > now).map(|cookie| cookie.value);
        let key = KEYS[numbers.below(4) as usize];
        let request = Request {
            now,
            cookie,
            user: key,
            room: key,
            port: step as u16,
            ..Request::from_address(address(numbers.below(9) as u32))
        };
        let bound = cookie.and_then(|cookie| self.balancer.bound(cookie));
        let mut tries = Tries::default();
        for attempt in 0..self.balancer.max_tries() {
            let mut twin = step.is_multiple_of(5).then(|| (self.balancer.clone(), tries.clone()));
            self.said += 1;
            let decision = decide(&mut self.balancer, &request, &mut tries, self.said, &self.loads);
            if let Some((twin, tries)) = &mut twin {
                let again = decide(twin, &request, tries, self.said, &self.loads);
                assert_eq!(again, decision, "{}, step {step}: the same asked of the same", self.yaml);
            }
            self.decisions.push(decision);
            let Some(position) = decision.0 else { break };
            self.check(position, &tries, cookie.is_some() || attempt > 0, step);
            let pod = self.balancer.peers()[position].pod;
            if let (0, Some(bound)) = (attempt, bound) {
                assert_eq!((pod, tries.cookie), (bound, None), "{}, step {step}", self.yaml);
            }
            if numbers.below(4) > 0 {
                self.loads[pod.index()] += 1;
                self.cookies[client] = tries.cookie.or(self.cookies[client]);
                if self.balancer.watches(pod) && numbers.below(2) == 0 {
                    self.balancer.finished(position, now);
                }
                break;
            }
            self.balancer.failed(position, now);
            tries.refused.push(position);
        }
        if numbers.below(6) == 0 {
            self.cookies[client] = None;
        }
    }

    fn check(&self, position: usize, tries: &Tries, has_binding: bool, step: u64) {
        let Story { yaml, balancer, .. } = self;
        assert!(position < balancer.peers().len(), "{yaml}, step {step}: no such position");
        // tables bind those who have no cookie
        let is_bound = has_binding || yaml.contains("stick-table") || yaml.contains("learn");
        let is_sticky = yaml.contains("sticky");
        let [down, draining] = may(yaml);
        let allowed = match balancer.peers()[position].health {
            Health::Up => true,
            Health::Draining => draining.allows(balancer, is_bound, is_sticky),
            Health::Down => down.allows(balancer, is_bound, is_sticky),
        };
        assert!(allowed, "{yaml}, step {step}: to {:?}", balancer.peers()[position]);
        assert!(repeats(yaml) || !tries.refused.contains(&position), "{yaml}, step {step}: the same again");
    }
}

fn story(yaml: &'static str, seed: u64) -> Vec<Decision> {
    let spec = product(yaml);
    let lines = spec.settings().lines();
    // what a product says that it never learns, it is not told
    let learns = |health: Health| match health {
        Health::Up => true,
        Health::Draining => lines.drain.is_ok(),
        Health::Down => lines.down == Ok(Down::Believed),
    };
    let balancer = balancer(&spec, &pods(&[0, 1, 2]));
    let mut story = Story { yaml, balancer, loads: [0; 8], cookies: [None; 9], decisions: Vec::new(), said: 0 };
    let mut numbers = Seed(seed).stream(7, 8, 9);
    for step in 0..900 {
        let now = second(step / 3);
        match numbers.below(13) {
            0 => {
                let list: Vec<u32> = (0..6).filter(|_| numbers.below(2) == 0).collect();
                story.balancer.set_peers(&pods(&list), &mut stream(step));
            }
            1 | 2 if !story.balancer.peers().is_empty() => {
                let position = numbers.below(story.balancer.peers().len() as u64) as usize;
                let health = [Health::Up, Health::Up, Health::Draining, Health::Down][numbers.below(4) as usize];
                if learns(health) {
                    story.balancer.set_health(position, health);
                }
            }
            3 => {
                let pod = PodId::new(numbers.below(6) as u32);
                let load = &mut story.loads[pod.index()];
                *load = load.saturating_sub(1);
                story.balancer.ended(pod, address(numbers.below(9) as u32), now, now);
            }
            _ => story.request(&mut numbers, step),
        }
    }
    story.decisions
}

#[test]
fn any_story_ends_well_and_repeats_itself() {
    for yaml in STRATEGIES {
        for seed in 0..2 {
            let decisions = story(yaml, seed);
            assert_eq!(decisions, story(yaml, seed), "{yaml}");
            let served = decisions.iter().filter(|decision| decision.0.is_some()).count();
            assert!(served > 300, "{yaml}: hardly anybody was served");
        }
    }
}

#[test]
fn every_product_is_here_and_is_written_as_it_is_read() {
    for yaml in STRATEGIES {
        let spec = product(yaml);
        assert!(spec.settings().problems().is_empty(), "{yaml}: {:?}", spec.settings().problems());
        let written = serde_json::to_string(&spec).expect("settings can be written");
        assert_eq!(serde_json::from_str::<BalancerSpec>(&written).expect("and read"), spec, "{written}");
        assert!(!spec.settings().describe().is_empty() && !spec.settings().decisions().is_empty());
    }
    let has = |name: &&&str| STRATEGIES.iter().any(|yaml| yaml.split(':').next() == Some(**name));
    assert_eq!(BalancerSpec::NAMES.iter().filter(has).count(), BalancerSpec::NAMES.len());
}

#[test]
fn nobody_is_sent_anywhere_without_pods() {
    for yaml in STRATEGIES {
        let mut balancer = balancer(&product(yaml), &[]);
        for request in [of(1, 1), Request { cookie: Some(1), user: b"k", room: b"k", ..of(2, 2) }] {
            assert_eq!(decide(&mut balancer, &request, &mut Tries::default(), 1, &[]).0, None, "{yaml}");
        }
        balancer.set_peers(&pods(&[3, 1]), &mut stream(1));
        assert!(decide(&mut balancer, &of(1, 1), &mut Tries::default(), 1, &[0; 8]).0.is_some(), "{yaml}");
        balancer.set_peers(&[], &mut stream(2));
        assert_eq!(decide(&mut balancer, &of(1, 1), &mut Tries::default(), 1, &[0; 8]).0, None, "{yaml}");
    }
}

/// How far shares may be from the weights, relatively; `None`: the strategy knows no weights, or they are not all.
fn tolerance(yaml: &str) -> Option<f64> {
    let is = |part: &str| yaml.contains(part);
    if product(yaml).settings().lines().weights.is_err() {
        return None;
    }
    match yaml.split(':').next().expect("split gives something") {
        // a draw between two takes the one with fewer connections against its weight
        "nginx" if is("random two") => Some(0.05),
        // 160 or fewer points per unit of weight, wherever they fall
        "nginx" if is("consistent") => Some(0.35),
        "haproxy" if is("consistent") || yaml == "haproxy: {}" => Some(0.75),
        "envoy" if is("RING_HASH") => Some(0.35),
        // by requests, too
        "envoy" if is("LEAST_REQUEST") => None,
        // its hash (FNV-1a) mixes the last bytes badly: docs/BALANCERS.md
        "traefik" if is("hrw") => Some(0.15),
        _ => Some(0.05),
    }
}

#[test]
fn weights_are_respected() {
    const CLIENTS: u64 = 20_000;
    for yaml in STRATEGIES {
        let Some(tolerance) = tolerance(yaml) else { continue };
        let weights = [1, 2, 3, 4];
        let mut peers = pods(&[0, 1, 2, 3]);
        peers.iter_mut().zip(weights).for_each(|(peer, weight)| peer.weight = weight);
        let mut balancer = balancer(&product(yaml), &peers);
        let mut loads = [0; 8];
        for n in 0..CLIENTS {
            let mut draws = Seed(5).stream(1, n, 0);
            let (from, key) = (address(draws.bits() as u32), format!("{:016x}", draws.bits()));
            let request =
                Request { now: second(1), user: key.as_bytes(), room: key.as_bytes(), ..Request::from_address(from) };
            let position = decide(&mut balancer, &request, &mut Tries::default(), n, &loads).0.expect("all are up");
            loads[position] += 1;
        }
        for (weight, count) in weights.iter().zip(loads) {
            let due = f64::from(*weight) / 10.0 * CLIENTS as f64;
            // what chance alone does to draws: 99.99 % of them
            let chance = 3.9 * (due * (1.0 - due / CLIENTS as f64)).sqrt();
            let off = (f64::from(count) - due).abs();
            assert!(off <= chance.max(tolerance * due), "{yaml}: weight {weight} got {count}, due {due} of {loads:?}");
        }
    }
}

/// A peer of a weight is there with it: what a balancer is told it keeps.
#[test]
fn peers_are_kept_as_they_are_told() {
    for yaml in STRATEGIES {
        let peers: Vec<Peer> = pods(&[5, 2, 7]);
        let mut balancer = balancer(&product(yaml), &peers);
        assert_eq!(
            balancer.peers().iter().map(|peer| peer.pod).collect::<Vec<_>>(),
            [5, 2, 7].map(PodId::new),
            "{yaml}"
        );
        balancer.set_health(1, Health::Down);
        assert_eq!(balancer.peers()[1].health, Health::Down, "{yaml}");
        assert_eq!((balancer.peers().up(), balancer.peers().position(PodId::new(7))), (2, Some(2)), "{yaml}");
    }
}
