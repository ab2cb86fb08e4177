//! The table of docs/BALANCERS.md: how many clients change their server, strategy by strategy.

use std::fmt::Write;
use std::ops::ControlFlow;

use super::{Change, Clients, Fault, Router, Servers};
use crate::cluster::balancer::BalancerSpec;
use crate::engine::Seed;

/// So many clients come.
pub const CLIENTS: u64 = 40_000;
/// Their seed.
const SEED: Seed = Seed(1);

/// One strategy.
#[derive(Clone, Copy, Debug)]
pub struct Strategy {
    /// Its name in the table.
    pub name: &'static str,
    /// As scenarios write it.
    pub balancer: &'static str,
    /// The weight of each server.
    pub weight: u32,
}

const fn strategy(name: &'static str, balancer: &'static str) -> Strategy {
    Strategy { name, balancer, weight: 1 }
}

/// The strategies that bind a client to a server by computation. Cookies and tables that name a server bind those who come
/// again, however servers change.
pub const STRATEGIES: [Strategy; 11] = [
    strategy("nginx ip_hash", "nginx: {method: ip_hash}"),
    strategy("nginx hash", "nginx: {method: hash $cookie_user}"),
    strategy("nginx hash consistent", "nginx: {method: hash $cookie_user consistent}"),
    strategy("ingress-nginx cookie, balanced", "ingress-nginx: {affinity: cookie}"),
    strategy("haproxy source, map-based", "haproxy: {balance: source}"),
    strategy("haproxy source, consistent, weight 1", "haproxy: {balance: source, hash-type: consistent}"),
    Strategy {
        weight: 100,
        ..strategy("haproxy source, consistent, weight 100", "haproxy: {balance: source, hash-type: consistent}")
    },
    strategy(
        "envoy RING_HASH",
        "envoy: {lb_policy: RING_HASH, hash_policy: [{connection_properties: {source_ip: true}}]}",
    ),
    strategy("envoy MAGLEV", "envoy: {lb_policy: MAGLEV, hash_policy: [{connection_properties: {source_ip: true}}]}"),
    strategy("traefik hrw", "traefik: {strategy: hrw}"),
    strategy("app-redirect, md5 mod N", "app-redirect: {corrected: true}"),
];

/// What happens to the clients of so many servers, as shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// They move when a server is added at the end.
    pub add: f64,
    /// … when the line of the second one is removed.
    pub remove: f64,
    /// … when the second one is down, where the product learns of that.
    pub down: Option<f64>,
    /// The fullest server against the mean.
    pub max_over_mean: f64,
}

/// So many servers, `10.0.0.1:8080` and on.
fn servers(count: usize) -> Result<Servers, Fault> {
    let addresses: Vec<String> = (1..=count).map(|host| format!("10.0.0.{host}:8080")).collect();
    Servers::parse(&addresses.join(","))
}

/// What happens to [`CLIENTS`] random clients of so many servers.
///
/// # Errors
/// None for less than 250 servers.
pub fn shares(spec: &BalancerSpec, count: usize, weight: u32) -> Result<Shares, Fault> {
    let clients = Clients::random(CLIENTS, SEED)?;
    let mut router = Router::new(std::slice::from_ref(spec), servers(count)?, SEED)?;
    let weigh = |count| (weight > 1).then(|| Change::Weights(vec![weight; count]));
    weigh(count).iter().try_for_each(|change| router.change(change))?;
    let tell = &mut |_: &super::Landed<'_>| ControlFlow::Continue(());
    let max_over_mean = router.pass(&clients, tell).max_over_mean();
    let at_first = router.places().to_vec();
    let mut after = |changes: &[Change]| {
        changes.iter().try_for_each(|change| router.change(change))?;
        router.pass(&clients, tell);
        let moved = at_first.iter().zip(router.places()).filter(|(first, now)| first != now).count();
        Ok(moved as f64 / CLIENTS as f64)
    };
    let learns = spec.settings().lines().down.is_ok();
    let down = if learns { Some(after(&[Change::Down(vec![1])])?) } else { None };
    let more = [Change::Up(vec![1]), Change::Servers(count + 1)].into_iter().chain(weigh(count + 1));
    let add = after(&more.collect::<Vec<_>>())?;
    let remove = after(&[Change::Servers(count), Change::Remove(vec![1])])?;
    Ok(Shares { add, remove, down, max_over_mean })
}

/// The table in Markdown, of strategies that were read.
///
/// # Errors
/// As [`shares`].
pub fn table(strategies: &[(&Strategy, BalancerSpec)]) -> Result<String, Fault> {
    let mut out = String::from(
        "| Strategy | add one, 3→4 | 8→9 | remove a line, 3→2 | 8→7 | one down of 3 | of 8 | max/mean of 3 | of 8 | of 10 |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (strategy, spec) in strategies {
        let of = |count| shares(spec, count, strategy.weight);
        let down = |shares: &Shares| shares.down.map_or_else(|| "–".to_owned(), |down| format!("{down:.3}"));
        let (three, eight, ten) = (of(3)?, of(8)?, of(10)?);
        let _ = writeln!(
            out,
            "| {} | {:.3} | {:.3} | {:.3} | {:.3} | {} | {} | {:.2} | {:.2} | {:.2} |",
            strategy.name,
            three.add,
            eight.add,
            three.remove,
            eight.remove,
            down(&three),
            down(&eight),
            three.max_over_mean,
            eight.max_over_mean,
            ten.max_over_mean
        );
    }
    out.push_str("| least possible | 0.250 | 0.111 | 0.333 | 0.125 | 0.333 | 0.125 | 1.00 | 1.00 | 1.00 |\n");
    Ok(out)
}
