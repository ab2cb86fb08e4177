//! AWS Network Load Balancer, against its documentation.

use stickysim::cluster::balancer::{Decide, Forwards, Health, Layer};
use stickysim::engine::Span;

use super::assert_binomial;
use super::clouds::{Site, of, product, share_moved};

const STICKY: &str = "aws-nlb: {stickiness.enabled: true}";

#[test]
fn without_stickiness_each_connection_is_on_its_own() {
    let mut site = Site::new("aws-nlb: {}", &[0, 1, 2]);
    let pods: Vec<u32> = (0..9_000).map(|_| site.send(&of(1, 0)).0).collect();
    let same = pods.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    assert_binomial("the same target again", same, 8_999, 1.0 / 3.0);
}

#[test]
fn an_address_stays_until_anything_changes_and_then_all_are_dealt_anew() {
    let mut site = Site::new(STICKY, &[0, 1, 2]);
    let moved = share_moved(&mut site, &[0, 1, 2], &[0, 1, 2], |client| of(client, 0));
    assert_eq!(moved, 0, "the same list is no change");
    assert_eq!(share_moved(&mut site, &[0, 1, 2], &[2, 0, 1], |client| of(client, 0)), 0, "nor is another order");
    for (before, after, share) in [(3, 4, 0.75), (8, 9, 8.0 / 9.0), (3, 2, 2.0 / 3.0), (8, 7, 0.875)] {
        let list = |n| (0..n).collect::<Vec<u32>>();
        let moved = share_moved(&mut site, &list(before), &list(after), |client| of(client, 0));
        assert_binomial("moved", moved, 40_000, share);
    }
    // one target is unhealthy, and then healthy again: nobody finds the way back but by chance
    site.set(&[0, 1, 2]);
    let before: Vec<u32> = (0..9_000).map(|client| site.send(&of(client, 0)).0).collect();
    site.health(1, Health::Down);
    site.health(1, Health::Up);
    let back = (0..9_000).filter(|&client| site.send(&of(client, 0)).0 == before[client as usize]).count() as u64;
    assert_binomial("back", back, 9_000, 1.0 / 3.0);
}

#[test]
fn targets_that_drain_get_nothing_new_and_all_down_is_all_up() {
    let mut site = Site::new("aws-nlb: {}", &[0, 1, 2]);
    site.health(0, Health::Draining);
    site.health(1, Health::Down);
    assert!((0..50).all(|client| site.send(&of(client, 0)).0 == 2));
    site.health(2, Health::Down);
    let open: std::collections::BTreeSet<u32> = (0..50).map(|client| site.send(&of(client, 0)).0).collect();
    assert_eq!(open.into_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(site.balancer.max_tries(), 1);
}

#[test]
fn what_targets_see_and_when_connections_are_cut() {
    let spec = product("aws-nlb: {preserve_client_ip.enabled: false}");
    assert_eq!((spec.settings().forwards(), spec.settings().cuts_after()), (Forwards::NOTHING, None));
    let spec = product(
        "aws-nlb: {deregistration_delay.connection_termination.enabled: true, deregistration_delay.timeout_seconds: 20}",
    );
    let settings = spec.settings();
    assert_eq!((settings.layer(), settings.forwards()), (Layer::Connections, Forwards::SOURCE));
    assert_eq!(settings.cuts_after(), Some(Span::from_secs(20)));
}
