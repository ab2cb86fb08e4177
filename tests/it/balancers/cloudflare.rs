//! Cloudflare Load Balancing, against its documentation.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{AffinityKey, Decide, Forgotten, Health, Peer, Request, SetCookie, Tries};

use super::clouds::{Site, of, pods, product, second, share_moved};
use super::{assert_binomial, stream};

fn with(cookie: u32, at_s: u64) -> Request<'static> {
    Request { cookie: Some(cookie), ..of(1, at_s) }
}

fn affine(kind: &str, attributes: &str) -> Site {
    let yaml = format!("cloudflare: {{session_affinity: {kind}, session_affinity_attributes: {{{attributes}}}}}");
    Site::new(&yaml, &[0, 1, 2])
}

#[test]
fn a_cookie_lives_from_when_it_was_set() {
    let mut site = affine("cookie", "");
    let (pod, tries) = site.send(&of(1, 0));
    assert_eq!(tries.cookie, Some(SetCookie { value: pod, until: second(82_800) }));
    let (again, tries) = site.send(&with(pod, 80_000));
    assert_eq!((again, tries.cookie), (pod, None), "nothing renews it");
    assert_eq!(site.balancer.bound(pod), Some(PodId::new(pod)));
    site.health(pod, Health::Down);
    assert_eq!(site.balancer.bound(pod), None);
    let (new, tries) = site.send(&with(pod, 80_001));
    assert!(new != pod && tries.cookie == Some(SetCookie { value: new, until: second(162_801) }));
}

#[test]
fn the_first_endpoint_of_ip_cookie_follows_from_the_address() {
    let mut site = affine("ip_cookie", "");
    let first: Vec<u32> = (0..3_000).map(|client| site.send(&of(client, 0)).0).collect();
    assert!((0..3_000).all(|client| site.send(&of(client, 99)).0 == first[client as usize]));
    (0..3).for_each(|pod| {
        let count = first.iter().filter(|&&other| other == pod).count() as u64;
        assert_binomial("share", count, 3_000, 1.0 / 3.0);
    });
    // the cookie is stronger
    let other = (first[1] + 1) % 3;
    assert_eq!(site.send(&with(other, 0)).0, other);
    let spec = product("cloudflare: {session_affinity: ip_cookie}");
    assert!(spec.settings().affinity() == AffinityKey::Cookie && spec.settings().reads().address);
}

#[test]
fn headers_are_remembered_while_they_are_used() {
    let mut site = affine("header", "headers: [x-session-id]");
    let user = |key: &'static [u8], at_s| Request { user: key, room: key, ..of(1, at_s) };
    let kept = |site: &mut Site, gap_s: u64| {
        let keys: Vec<Vec<u8>> = (0..300).map(|n| format!("{gap_s}-{n}").into_bytes()).collect();
        let ask = |site: &mut Site, at_s| -> Vec<(u32, Option<Forgotten>)> {
            let one = |key: &Vec<u8>| {
                let (pod, tries) = site.send(&Request { now: second(at_s), user: key, room: key, ..of(1, 0) });
                (pod, tries.forgotten)
            };
            keys.iter().map(one).collect()
        };
        let first = ask(site, 0);
        let mut same = 0;
        for n in 1..=3 {
            same = first
                .iter()
                .zip(ask(site, n * gap_s))
                .filter(|(first, again)| first.0 == again.0 && again.1.is_none())
                .count();
        }
        same
    };
    assert_eq!(kept(&mut site, 1_799), 300, "three times nearly 30 minutes");
    assert_eq!(kept(&mut site, 1_800), 0, "forgotten each time");
    let (pod, _) = site.send(&user(b"ada", 0));
    site.health(pod, Health::Down);
    let (new, _) = site.send(&user(b"ada", 1));
    site.health(pod, Health::Up);
    assert_eq!(site.send(&user(b"ada", 2)).0, new, "no return");
    // a request without the header is on its own
    let twos = (0..3_000).filter(|_| site.send(&user(b"", 2)).0 == 2).count() as u64;
    assert_binomial("no header", twos, 3_000, 1.0 / 3.0);
    let spec = |header: &str| {
        product(&format!(
            "cloudflare: {{session_affinity: header, session_affinity_attributes: {{headers: [{header}]}}}}"
        ))
    };
    assert_eq!(spec("X-Room").settings().affinity(), AffinityKey::Room);
    assert_eq!(spec("authorization-token").settings().affinity(), AffinityKey::User);
}

#[test]
fn an_endpoint_that_drains_keeps_its_clients_for_so_long() {
    let mut site = affine("cookie", "drain_duration: 60");
    site.health(1, Health::Draining);
    assert_eq!(site.send(&with(1, 100)).0, 1, "from here it counts");
    assert!((0..50).all(|client| site.send(&of(client, 100)).0 != 1), "nobody new");
    // a change of the list in between does not start it anew
    let mut list = pods(&[3, 1, 2]);
    list[1].health = Health::Draining;
    site.balancer.set_peers(&list, &mut stream(1));
    let (pod, tries) = site.send(&with(1, 159));
    assert_eq!((pod, tries.cookie), (1, None));
    let (pod, tries) = site.send(&with(1, 160));
    assert!(pod != 1 && tries.cookie.is_some());
    // without a duration at once
    let mut site = affine("cookie", "");
    site.health(1, Health::Draining);
    assert_ne!(site.send(&with(1, 100)).0, 1);
}

/// (pod of the first try, of the second one if there is one, cookie set) of a client bound to pod 1, which refuses.
fn refused(site: &mut Site, cookie: Option<u32>) -> (u32, Option<u32>, Option<u32>) {
    let request = Request { cookie, ..of(1, 0) };
    let mut tries = Tries::default();
    let first = site.try_again(&request, &mut tries).expect("somebody is usable");
    if site.balancer.max_tries() == 1 {
        return (first, None, None);
    }
    tries.refused.push(site.balancer.peers().position(PodId::new(first)).expect("it is there"));
    let second = site.try_again(&request, &mut tries);
    (first, second, tries.cookie.map(|cookie| cookie.value))
}

#[test]
fn a_refusal_is_an_error_or_goes_to_another_endpoint_for_now_or_for_good() {
    assert_eq!(refused(&mut affine("cookie", ""), Some(1)), (1, None, None));
    for n in 0..20 {
        let mut site = affine("cookie", "zero_downtime_failover: temporary");
        (0..n).for_each(|_| drop(site.send(&of(1, 0))));
        let (first, second, cookie) = refused(&mut site, Some(1));
        assert!(first == 1 && second.is_some_and(|second| second != 1) && cookie.is_none());
        let mut site = affine("cookie", "zero_downtime_failover: sticky");
        (0..n).for_each(|_| drop(site.send(&of(1, 0))));
        let (first, second, cookie) = refused(&mut site, Some(1));
        assert!(first == 1 && second.is_some_and(|second| second != 1) && cookie == second);
        // somebody new is bound to the endpoint that refused, and returns to it
        let (first, second, cookie) = refused(&mut affine("cookie", "zero_downtime_failover: temporary"), None);
        assert!(second.is_some_and(|second| second != first) && cookie == Some(first));
    }
    let mut site = affine("cookie", "zero_downtime_failover: sticky");
    site.set(&[1]);
    assert_eq!(refused(&mut site, Some(1)), (1, None, None), "no other endpoint, no retry");
    // a session of a header stays where it was
    let mut site = affine("header", "headers: [x-user], zero_downtime_failover: temporary");
    let request = Request { user: b"ada", room: b"ada", ..of(1, 0) };
    let (pod, mut tries) = site.send(&request);
    tries.refused.push(pod as usize);
    assert_ne!(site.try_again(&request, &mut tries), Some(pod));
    assert_eq!(site.send(&request).0, pod);
}

#[test]
fn steering_chooses_for_those_who_are_new() {
    let mut site = Site::new("cloudflare: {origin_steering: {policy: hash}}", &[0, 1, 2]);
    for (before, after, share) in [(3, 4, 0.25), (8, 9, 1.0 / 9.0), (3, 2, 1.0 / 3.0), (8, 7, 0.125)] {
        let list = |n| (0..n).collect::<Vec<u32>>();
        let moved = share_moved(&mut site, &list(before), &list(after), |client| of(client, 0));
        assert_binomial("moved", moved, 40_000, share);
    }
    for policy in ["least_connections", "least_outstanding_requests"] {
        let mut site = Site::new(&format!("cloudflare: {{origin_steering: {{policy: {policy}}}}}"), &[0, 1, 2]);
        site.loads = vec![0, 1, 3];
        let mut counts = [0; 3];
        (0..7_000).for_each(|client| counts[site.send(&of(client, 0)).0 as usize] += 1);
        for (count, share) in counts.into_iter().zip([4.0, 2.0, 1.0]) {
            assert_binomial(policy, count, 7_000, share / 7.0);
        }
    }
    // weights
    let mut site = Site::new("cloudflare: {}", &[0, 1, 2]);
    let list: Vec<Peer> = pods(&[0, 1, 2]).into_iter().map(|peer| Peer { weight: peer.pod.raw(), ..peer }).collect();
    site.balancer.set_peers(&list, &mut stream(1));
    let mut counts = [0; 3];
    (0..9_000).for_each(|client| counts[site.send(&of(client, 0)).0 as usize] += 1);
    assert_eq!(counts[0], 0, "weight zero");
    assert_binomial("weight 1 of 3", counts[1], 9_000, 1.0 / 3.0);
}
