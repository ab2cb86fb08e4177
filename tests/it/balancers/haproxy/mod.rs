//! HAProxy 2.6.12.

use stickysim::cluster::balancer::{
    Balancer, BalancerSpec, Decide, HaproxySpec, Peer, Queue, Request, SetCookie, Tries,
};
use stickysim::engine::Span;

use super::{balancer, lazy, servers};

mod behaviour;
pub mod recorded;
mod settings;
mod shares;

/// A backend with these lines, as scenarios write them.
fn spec(yaml: &str) -> HaproxySpec {
    serde_yaml::from_str(yaml).expect("known settings")
}

/// A backend with these lines and servers of these weights.
fn haproxy(yaml: &str, weights: &[u32]) -> Balancer {
    with_down(yaml, weights, None)
}

/// The same with one server that is down.
fn with_down(yaml: &str, weights: &[u32], down: Option<usize>) -> Balancer {
    balancer(&BalancerSpec::Haproxy(spec(yaml)), &servers(19_101, weights, down))
}

/// What became of a request.
#[derive(Debug, PartialEq)]
struct Answer {
    /// Positions tried, in order.
    tried: Vec<usize>,
    /// The one that answered.
    from: Option<usize>,
    cookie: Option<SetCookie>,
    /// The pauses together.
    waited: Span,
    queue: Option<Queue>,
}

/// Sends a request, each try as much later as it waits, while these positions refuse and have these connections.
fn ask_at(haproxy: &mut Balancer, request: &Request<'_>, refusing: &[usize], loads: &[u32]) -> Answer {
    let mut tries = Tries::default();
    let mut answer = Answer { tried: Vec::new(), from: None, cookie: None, waited: Span::ZERO, queue: None };
    let mut request = *request;
    for _ in 0..haproxy.max_tries() {
        let load = |peer: &Peer| loads.get(peer.pod.index()).copied().unwrap_or(0);
        let stream = &mut lazy(answer.tried.len() as u64);
        let Some(position) = haproxy.pick(&request, &mut tries, stream, load) else { break };
        request.now += tries.wait;
        answer.waited += tries.wait;
        answer.tried.push(position);
        if !refusing.contains(&position) {
            (answer.from, answer.cookie) = (Some(position), tries.cookie);
            break;
        }
        haproxy.failed(position, request.now);
        tries.refused.push(position);
    }
    answer.queue = tries.queue;
    answer
}

/// The same while nobody has a connection.
fn ask(haproxy: &mut Balancer, request: &Request<'_>, refusing: &[usize]) -> Answer {
    ask_at(haproxy, request, refusing, &[])
}
