//! Where clients are: distances, addresses, who shares them.

use super::super::file::{Audience, Network};
use super::super::law::{LawText, NumberLaw};
use super::super::words::LawOrNever;
use super::Checks;
use super::clients::clients_at_a_time;
use crate::engine::Law;

pub(super) fn check_network(checks: &mut Checks, path: &str, audience: &Audience, network: &Network) {
    let path = format!("{path}.network");
    if network.jitter.is_some_and(|jitter| jitter.value() > 5.0) {
        checks.fail(
            "out-of-range",
            &format!("{path}.jitter"),
            "a sigma above 5 makes trips of hours",
            "write 0 to 5, such as `0.15`",
        );
    }
    if let Some(rtt) = &network.rtt
        && rtt.law().mean() > 3600e9
    {
        checks.fail(
            "too-long",
            &format!("{path}.rtt"),
            "the mean round trip is longer than an hour",
            "write for example `25ms`",
        );
    }
    if let Some(change) = &network.address_change
        && let Some(LawOrNever::Every(every)) = &change.every
        && every.law().mean() < 1e6
    {
        checks.fail(
            "too-often",
            &format!("{path}.address_change.every"),
            "addresses change more than once per millisecond",
            "write for example `{exp: 1h}`",
        );
    }
    check_sharing(checks, &path, audience, network);
}

fn check_sharing(checks: &mut Checks, path: &str, audience: &Audience, network: &Network) {
    let Some(shared) = &network.shared_address else { return };
    let path = format!("{path}.shared_address");
    let people = clients_at_a_time(audience);
    if let Some(list) = &shared.list {
        let place = format!("{path}.list");
        let members: f64 = list.iter().map(|&size| f64::from(size)).sum();
        if list.is_empty() {
            checks.fail("empty-list", &place, "the list has no sizes", "write for example `[1000, 500]`, or `own`");
        } else if let Some(at) = list.iter().position(|&size| size == 0) {
            checks.fail("zero", &format!("{place}.{at}"), "a group of nobody", "write at least 1");
        } else if people > 0.0 && audience.count.is_some() && members > people {
            let message = format!("these groups have {members} members, but the audience has {people} clients");
            checks.fail("group-too-large", &place, message, "raise `count` or make the groups smaller");
        }
        if shared.groups.is_some() || shared.sizes.is_some() {
            checks.fail(
                "conflict",
                &place,
                "`list` says all sizes; `groups` and `sizes` say others",
                "keep either of them",
            );
        }
        return;
    }
    if shared.groups.is_none() && shared.sizes.is_none() {
        checks.fail(
            "missing-key",
            &path,
            "nothing says how addresses are shared",
            "write `own`, or one of `groups`, `sizes` and `list`",
        );
    }
    if let Some(groups) = shared.groups {
        let place = format!("{path}.groups");
        if groups == 0 || groups > 1_000_000 {
            checks.fail("out-of-range", &place, format!("{groups} groups are not possible"), "write 1 to 1000000");
        } else if people > 0.0 && audience.count.is_some() && f64::from(groups) > people {
            let message = format!("{groups} groups need more clients than the {people} of the audience");
            checks.fail("group-too-large", &place, message, "lower `groups`, or write `own`");
        }
    }
    let Some(sizes) = &shared.sizes else { return };
    let place = format!("{path}.sizes");
    match (shared.groups, sizes) {
        (Some(groups), LawText::Zipf(zipf)) if zipf.n.is_some_and(|n| n != groups) => {
            checks.fail("conflict", &format!("{place}.zipf.n"), "`groups` says how many sizes there are", "remove `n`");
        }
        (Some(_), LawText::Zipf(_)) => {}
        (Some(_), _) => checks.fail(
            "conflict",
            &place,
            "with `groups`, the sizes are equal or a `zipf`",
            "write `{zipf: {s: 1.0}}`, or remove `groups`",
        ),
        (None, sizes) => check_sizes(checks, &place, sizes, audience.count),
    }
}

/// Sizes of groups that are drawn.
fn check_sizes(checks: &mut Checks, path: &str, sizes: &NumberLaw, count: Option<u32>) {
    if let LawText::Zipf(zipf) = sizes
        && zipf.n.is_none()
    {
        checks.fail(
            "missing-key",
            &format!("{path}.zipf"),
            "`zipf` needs the number of ranks",
            "write for example `{zipf: {s: 1.0, n: 1000}}`",
        );
        return;
    }
    let law = sizes.law();
    checks.sizes(path, &law);
    let smallest = match law {
        Law::Fixed(size) => size,
        Law::Uniform { low, .. } => low,
        _ => 1.0,
    };
    if count.is_some_and(|count| count > 0 && smallest > f64::from(count)) {
        let message = format!("a group of {smallest} is larger than its {} clients", count.unwrap_or(0));
        checks.fail("group-too-large", path, message, "make groups smaller");
    }
}
