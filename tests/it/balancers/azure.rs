//! Azure Application Gateway and Azure Load Balancer, against their documentation.

use stickysim::cluster::PodId;
use stickysim::cluster::balancer::{Decide, Forwards, Health, Layer, List, Request, SetCookie};
use stickysim::engine::{SimTime, Span};

use super::assert_binomial;
use super::clouds::{Site, of, product, share_moved};

#[test]
fn the_cookie_of_the_gateway_names_a_backend_until_the_browser_closes() {
    let mut site = Site::new("azure-application-gateway: {CookieBasedAffinity: Enabled}", &[0, 1, 2]);
    let (pod, tries) = site.send(&of(1, 0));
    assert_eq!(tries.cookie, Some(SetCookie { value: pod, until: SimTime::NEVER }));
    let bound = Request { cookie: Some(pod), ..of(1, 9) };
    let (again, tries) = site.send(&bound);
    assert_eq!((again, tries.cookie, site.balancer.bound(pod)), (pod, None, Some(PodId::new(pod))));
    site.health(pod, Health::Draining);
    assert_eq!(site.send(&bound).0, pod, "a bound client stays while it drains");
    assert!((0..9).all(|client| site.send(&of(client, 9)).0 != pod));
    site.health(pod, Health::Down);
    let (new, tries) = site.send(&bound);
    assert!(new != pod && tries.cookie.is_some_and(|cookie| cookie.value == new));
    let mut site = Site::new("azure-application-gateway: {}", &[0, 1, 2]);
    let turns: Vec<u32> = (0..6).map(|_| site.send(&bound).0).collect();
    assert!(turns.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 3), "{turns:?}");
}

#[test]
fn the_gateway_keeps_backends_that_drain_only_when_it_is_told_to() {
    let off = product("azure-application-gateway: {ConnectionDraining: {Enabled: false, DrainTimeoutInSec: 60}}");
    assert_eq!((off.settings().following().list, off.settings().cuts_after()), (List::Endpoints, None));
    let on = product("azure-application-gateway: {ConnectionDraining: {Enabled: true, DrainTimeoutInSec: 60}}");
    assert_eq!(on.settings().following().list, List::ServingEndpoints);
    assert_eq!(on.settings().cuts_after(), Some(Span::from_secs(60)));
}

#[test]
fn the_load_balancer_hashes_what_it_is_told_and_deals_anew_when_the_pool_changes() {
    let mut site = Site::new("azure-load-balancer: {sessionPersistence: Client IP}", &[0]);
    for (before, after, share) in [(3, 4, 0.75), (8, 9, 8.0 / 9.0), (3, 2, 2.0 / 3.0), (8, 7, 0.875)] {
        let list = |n| (0..n).collect::<Vec<u32>>();
        let moved = share_moved(&mut site, &list(before), &list(after), |client| of(client, 0));
        assert_binomial("moved", moved, 40_000, share);
    }
    let mut site = Site::new("azure-load-balancer: {}", &[0, 1, 2]);
    let flow = |port| Request { port, ..of(1, 0) };
    let same = (1..9_000).filter(|&port| site.send(&flow(port)).0 == site.send(&flow(port - 1)).0).count() as u64;
    assert_binomial("the same backend for the next connection", same, 8_999, 1.0 / 3.0);
    let spec = product("azure-load-balancer: {loadDistribution: SourceIPProtocol}");
    assert_eq!((spec.settings().layer(), spec.settings().forwards()), (Layer::Connections, Forwards::SOURCE));
    assert!(spec.settings().reads().address);
}
