//! What can be asked of a balancer, simulated or real, and what comes of it.

use std::net::IpAddr;

use stickysim::cluster::balancer::Health;
use stickysim::engine::Span;

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// From where, as the balancer is told.
    pub address: IpAddr,
    /// The user's name; empty: it has none.
    pub key: String,
    /// The client whose cookies go with it, and who keeps those that come back; `None` = nobody's.
    pub client: Option<u32>,
    /// A cookie that names no server goes with it.
    pub forged: bool,
}

impl Ask {
    /// A request from this address, with nothing else.
    pub fn from(address: impl ToString) -> Ask {
        let address = address.to_string().parse().expect("an address");
        Ask { address, key: String::new(), client: None, forged: false }
    }
    /// The same of this user.
    pub fn of_user(self, name: impl ToString) -> Ask {
        Ask { key: name.to_string(), ..self }
    }
    /// The same with the cookies of this client.
    pub fn of_client(self, client: u32) -> Ask {
        Ask { client: Some(client), ..self }
    }
    /// The same with a cookie that the balancer never set.
    pub fn forged(self) -> Ask {
        Ask { forged: true, ..self }
    }
}

/// One thing that happens. Servers are counted from 0.
#[derive(Clone, Debug)]
pub enum Step {
    /// A request that is answered at once.
    Ask(Ask),
    /// A request for a tunnel, which stays.
    Open(Ask),
    /// The end of the tunnel of the n-th `Open`.
    Close(usize),
    /// From now on nobody listens there.
    Stop(usize),
    /// Somebody listens again.
    Start(usize),
    /// The operator tells the balancer this of a server.
    Tell(usize, Health),
    /// Nothing happens for so long.
    Pass(Span),
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The server that answered; `None`: the balancer itself did, with an error.
    pub from: Option<usize>,
    /// The status of the answer.
    pub status: u16,
    /// The tries.
    pub tried: Tried,
    /// The server that the cookie names which was set with the answer.
    pub cookie: Option<usize>,
}

/// Which servers were tried, as far as a program tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// All, in order.
    Chain(Vec<usize>),
    /// Only the last one is known.
    Retries {
        /// It; `None`: there was none.
        last: Option<usize>,
        /// Tries after the first.
        count: usize,
        /// The last one was not the first one.
        moved: bool,
    },
}

/// A balancer with its servers and their clients.
pub trait Subject {
    /// Sends a request; if it `holds`, it is for a tunnel.
    fn ask(&mut self, ask: &Ask, holds: bool) -> Outcome;
    /// Ends the tunnel of the n-th request that held.
    fn close(&mut self, tunnel: usize);
    /// From now on nobody listens there.
    fn stop(&mut self, server: usize);
    /// Somebody listens again.
    fn start(&mut self, server: usize);
    /// The operator tells the balancer this of a server.
    fn tell(&mut self, server: usize, health: Health);
    /// Nothing happens for so long.
    fn pass(&mut self, span: Span);

    /// Takes a step; what became of the request, if it was one.
    fn take(&mut self, step: &Step) -> Option<Outcome> {
        match step {
            Step::Ask(ask) => return Some(self.ask(ask, false)),
            Step::Open(ask) => return Some(self.ask(ask, true)),
            Step::Close(tunnel) => self.close(*tunnel),
            Step::Stop(server) => self.stop(*server),
            Step::Start(server) => self.start(*server),
            Step::Tell(server, health) => self.tell(*server, *health),
            Step::Pass(span) => self.pass(*span),
        }
        None
    }
}

/// Takes the same steps with both. Returns what became of the requests.
///
/// # Panics
/// As soon as they differ.
pub fn agree(simulated: &mut dyn Subject, real: &mut dyn Subject, steps: &[Step]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (n, step) in steps.iter().enumerate() {
        let [expected, happened] = [simulated.take(step), real.take(step)];
        assert_eq!(
            expected, happened,
            "simulated (left) and real (right) differ at step {n}, {step:?}, after {outcomes:?}"
        );
        outcomes.extend(happened);
    }
    outcomes
}
