//! AWS Application Load Balancer, against its documentation.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{AffinityKey, Decide, Forwards, Health, Layer, List, Request, SetCookie};
use stickysim::engine::Span;

use super::assert_binomial;
use super::clouds::{Site, of, product, second};

const STICKY: &str = "aws-alb: {stickiness.enabled: true, stickiness.lb_cookie.duration_seconds: 600}";
const APP: &str = "aws-alb: {stickiness.enabled: true, stickiness.type: app_cookie, \
                   stickiness.app_cookie.cookie_name: session, stickiness.app_cookie.duration_seconds: 600}";

fn with(cookie: u32, at_s: u64) -> Request<'static> {
    Request { cookie: Some(cookie), ..of(1, at_s) }
}

#[test]
fn the_cookie_is_set_with_every_answer_and_lives_from_the_last_one() {
    let mut site = Site::new(STICKY, &[0, 1, 2]);
    let (pod, tries) = site.send(&of(1, 0));
    assert_eq!(tries.cookie, Some(SetCookie { value: pod, until: second(600) }));
    let (again, tries) = site.send(&with(pod, 500));
    assert_eq!((again, tries.cookie), (pod, Some(SetCookie { value: pod, until: second(1_100) })));
    assert_eq!(site.balancer.bound(pod), None, "a request with a cookie sets one: it leaves a trace");
    // a cookie that names nothing
    let (_, tries) = site.send(&with(77, 500));
    assert!(tries.cookie.is_some_and(|cookie| cookie.value < 3));
}

#[test]
fn the_cookie_of_the_application_is_followed_and_not_renewed() {
    let mut site = Site::new(APP, &[0, 1, 2]);
    let (pod, tries) = site.send(&of(1, 0));
    assert_eq!(tries.cookie, Some(SetCookie { value: pod, until: second(600) }));
    let (again, tries) = site.send(&with(pod, 500));
    assert_eq!((again, tries.cookie), (pod, None));
    assert_eq!(site.balancer.bound(pod), Some(PodId::new(pod)));
    site.health(pod, Health::Down);
    assert_eq!(site.balancer.bound(pod), None);
}

#[test]
fn an_unhealthy_or_deregistered_target_loses_its_clients_for_good() {
    for yaml in [STICKY, APP] {
        for deregistered in [false, true] {
            let mut site = Site::new(yaml, &[0, 1, 2]);
            let (pod, _) = site.send(&of(1, 0));
            let others: Vec<u32> = (0..3).filter(|&other| other != pod).collect();
            if deregistered {
                site.set(&others);
            } else {
                site.health(pod, Health::Down);
            }
            let (new, tries) = site.send(&with(pod, 10));
            assert!(others.contains(&new) && tries.cookie.is_some_and(|cookie| cookie.value == new));
            site.set(&[0, 1, 2]);
            assert_eq!(site.send(&with(new, 20)).0, new, "no return");
        }
    }
}

#[test]
fn a_draining_target_gets_nothing_new_not_even_bound_clients() {
    let mut site = Site::new(STICKY, &[0, 1, 2]);
    site.health(1, Health::Draining);
    for n in 0..30 {
        assert_ne!(site.send(&with(1, n)).0, 1);
    }
}

#[test]
fn all_targets_down_is_the_same_as_all_up() {
    let mut site = Site::new(STICKY, &[0, 1, 2]);
    (0..3).for_each(|pod| site.health(pod, Health::Down));
    assert_eq!(site.send(&with(2, 0)).0, 2);
    let all: std::collections::BTreeSet<u32> = (0..9).map(|client| site.send(&of(client, 0)).0).collect();
    assert_eq!(all.len(), 3);
    site.health(0, Health::Up);
    assert_eq!(site.send(&with(2, 0)).0, 0);
}

#[test]
fn round_robin_takes_turns_and_least_outstanding_takes_the_least() {
    let mut site = Site::new("aws-alb: {}", &[0, 1, 2]);
    let turns: Vec<u32> = (0..6).map(|_| site.send(&of(1, 0)).0).collect();
    assert!(turns.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 3), "{turns:?}");
    let mut site = Site::new("aws-alb: {load_balancing.algorithm.type: least_outstanding_requests}", &[0, 1, 2]);
    site.loads = vec![4, 2, 2];
    let twos = (0..4_000).map(|_| site.send(&of(1, 0)).0).inspect(|&pod| assert_ne!(pod, 0)).filter(|&pod| pod == 2);
    assert_binomial("a tie", twos.count() as u64, 4_000, 0.5);
    site.health(1, Health::Down);
    assert_eq!(site.send(&of(1, 0)).0, 2);
    let mut site = Site::new("aws-alb: {load_balancing.algorithm.type: weighted_random}", &[0, 1, 2]);
    let twos = (0..9_000).filter(|_| site.send(&of(1, 0)).0 == 2).count() as u64;
    assert_binomial("random", twos, 9_000, 1.0 / 3.0);
}

#[test]
fn the_share_of_a_new_target_grows_linearly() {
    let mut site = Site::new("aws-alb: {slow_start.duration_seconds: 100}", &[0, 1, 2]);
    let share = |site: &mut Site, at_s: u64| (0..4_000).filter(|_| site.send(&of(1, at_s)).0 == 3).count() as u64;
    assert_eq!(share(&mut site, 0), 0);
    site.set(&[0, 1, 2, 3]);
    assert_eq!(share(&mut site, 1_000), 0, "it begins with the first request that could reach it");
    for (after_s, part) in [(25, 0.25), (50, 0.5), (75, 0.75)] {
        assert_binomial("slow start", share(&mut site, 1_000 + after_s), 4_000, part / (3.0 + part));
    }
    assert_eq!(share(&mut site, 1_100), 1_000, "a full turn like the others");
    // healthy again: once more
    site.health(3, Health::Down);
    site.health(3, Health::Up);
    assert_eq!(share(&mut site, 2_000), 0);
    // nobody else is left: no slow start
    (0..3).for_each(|pod| site.health(pod, Health::Down));
    assert_eq!(share(&mut site, 2_000), 4_000);
}

#[test]
fn what_the_target_group_follows() {
    let spec = product("aws-alb: {HealthCheckIntervalSeconds: 10, UnhealthyThresholdCount: 3}");
    let settings = spec.settings();
    let following = settings.following();
    let checks = following.checks.expect("an ALB checks its targets");
    assert_eq!((following.list, checks.every, checks.fall, checks.rise), (List::Endpoints, Span::from_secs(10), 3, 5));
    assert_eq!((settings.layer(), settings.forwards()), (Layer::Requests, Forwards::APPENDS_PEER));
    assert_eq!(settings.cuts_after(), Some(Span::from_secs(300)));
    assert_eq!(settings.affinity(), AffinityKey::None);
    assert_eq!(product(STICKY).settings().affinity(), AffinityKey::Cookie);
}
