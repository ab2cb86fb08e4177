//! Google Cloud load balancers, against the reference of their interface.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{AffinityKey, Decide, ForwardedFor, Forwards, Health, Layer, Request, SetCookie};
use stickysim::engine::SimTime;

use super::assert_binomial;
use super::clouds::{Site, of, product, second, share_moved};

const HASHED_COOKIE: &str =
    "google-cloud: {sessionAffinity: HTTP_COOKIE, consistentHash: {httpCookie: {name: session, ttl: {seconds: 60}}}}";
const HEADER: &str = "google-cloud: {sessionAffinity: HEADER_FIELD, consistentHash: {httpHeaderName: x-user-id}}";

#[test]
fn a_generated_cookie_holds_while_its_backend_is_healthy() {
    for (ttl, until) in [(0, SimTime::NEVER), (30, second(35))] {
        let yaml = format!("google-cloud: {{sessionAffinity: GENERATED_COOKIE, affinityCookieTtlSec: {ttl}}}");
        let mut site = Site::new(&yaml, &[0, 1, 2]);
        let (pod, tries) = site.send(&of(1, 5));
        assert_eq!(tries.cookie, Some(SetCookie { value: pod, until }));
        let bound = Request { cookie: Some(pod), ..of(1, 6) };
        let (again, tries) = site.send(&bound);
        assert_eq!((again, tries.cookie), (pod, None));
        assert_eq!(site.balancer.bound(pod), Some(PodId::new(pod)));
        site.set(&[0, 1, 2, 3]);
        assert_eq!(site.send(&bound).0, pod, "a new backend moves nobody");
        site.health(pod, Health::Down);
        let (new, tries) = site.send(&bound);
        assert!(new != pod && tries.cookie.is_some_and(|cookie| cookie.value == new));
    }
}

#[test]
fn hashes_move_only_those_that_they_must() {
    let port = |client: u32| Request { port: client as u16, ..of(7, 0) };
    let by_ip = |client: u32| of(client, 0);
    for kind in ["CLIENT_IP", "CLIENT_IP_PROTO", "CLIENT_IP_NO_DESTINATION"] {
        let mut site = Site::new(&format!("google-cloud: {{sessionAffinity: {kind}}}"), &[0]);
        for (before, after, share) in [(3, 4, 0.25), (8, 9, 1.0 / 9.0), (3, 2, 1.0 / 3.0), (8, 7, 0.125)] {
            let list = |n| (0..n).collect::<Vec<u32>>();
            assert_binomial(kind, share_moved(&mut site, &list(before), &list(after), by_ip), 40_000, share);
        }
    }
    let mut site = Site::new("google-cloud: {sessionAffinity: CLIENT_IP_PORT_PROTO}", &[0]);
    assert_binomial("ports", share_moved(&mut site, &[0, 1, 2], &[0, 1, 2, 3], port), 40_000, 0.25);
    let mut site = Site::new(HASHED_COOKIE, &[0]);
    let keyed = |client: u32| Request { cookie: Some(client), ..of(7, 0) };
    assert_binomial("keys", share_moved(&mut site, &[0, 1, 2], &[0, 2], keyed), 40_000, 1.0 / 3.0);
}

#[test]
fn a_hashed_cookie_is_a_key_that_stays() {
    let mut site = Site::new(HASHED_COOKIE, &[0, 1, 2]);
    let (pod, tries) = site.send(&of(1, 0));
    let cookie = tries.cookie.expect("a new client gets a key");
    assert_eq!(cookie.until, second(60));
    let bound = Request { cookie: Some(cookie.value), ..of(1, 1) };
    assert_eq!(site.balancer.bound(cookie.value), Some(PodId::new(pod)));
    site.health(pod, Health::Down);
    let (new, tries) = site.send(&bound);
    assert!(new != pod && tries.cookie.is_none());
    site.health(pod, Health::Up);
    assert_eq!(site.send(&bound).0, pod, "it returns");
}

#[test]
fn a_header_leads_to_one_backend_and_its_absence_to_any() {
    let mut site = Site::new(HEADER, &[0, 1, 2]);
    let user = |key| Request { user: key, room: key, ..of(1, 0) };
    let pod = site.send(&user(b"ada")).0;
    assert!((0..20).all(|_| site.send(&user(b"ada")).0 == pod));
    let twos = (0..3_000).filter(|_| site.send(&user(b"")).0 == 2).count() as u64;
    assert_binomial("no header", twos, 3_000, 1.0 / 3.0);
    assert_eq!(product(HEADER).settings().affinity(), AffinityKey::User);
}

#[test]
fn passthrough_balancers_decide_per_connection_and_fail_open() {
    let passthrough = "google-cloud: {sessionAffinity: CLIENT_IP_PROTO}";
    let spec = product(passthrough);
    assert_eq!((spec.settings().layer(), spec.settings().forwards()), (Layer::Connections, Forwards::SOURCE));
    let spec = product("google-cloud: {sessionAffinity: CLIENT_IP}");
    let forwards = Forwards { forwarded_for: ForwardedFor::AppendsPeerAndItself, ..Forwards::NOTHING };
    assert_eq!((spec.settings().layer(), spec.settings().forwards()), (Layer::Requests, forwards));
    for (yaml, open) in [(passthrough, true), ("google-cloud: {sessionAffinity: CLIENT_IP}", false)] {
        let mut site = Site::new(yaml, &[0, 1]);
        site.health(0, Health::Down);
        site.health(1, Health::Down);
        assert_eq!(site.try_again(&of(1, 0), &mut Default::default()).is_some(), open, "{yaml}");
    }
}
