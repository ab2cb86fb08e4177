//! 100,000 clients, cookie affinity, 20 single-server pods on simcore: `load_balancer SECONDS`.
//!
//! Two components, clients and pods, and three events per request: it reaches its pod, its service ends, its response
//! reaches the client. Delays that follow each other without a decision are one delay, as in simcore's own example.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use peer_simcore::{Latencies, argument};
use rand_distr::{Exp, LogNormal};
use serde::Serialize;
use simcore::{Event, EventHandler, Id, Simulation, SimulationContext, cast};

const CLIENTS: usize = 100_000;
const PODS: usize = 20;
const MEAN_THINK_S: f64 = 18.0;
const MEAN_WORK_S: f64 = 2.52e-3;
/// Round trips: log-normal with this median and 95th percentile.
const RTT_MEDIAN_S: f64 = 25e-3;
const RTT_P95_S: f64 = 67e-3;
const Z95: f64 = 1.644_853_626_951_472_2;

#[derive(Clone, Serialize)]
struct Request {
    client: u32,
    sent: f64,
}

#[derive(Clone, Serialize)]
struct ServiceEnds {
    pod: u32,
}

#[derive(Clone, Serialize)]
struct Response {
    client: u32,
    sent: f64,
}

struct Client {
    one_way: f64,
    /// Number of the pod that the cookie names.
    cookie: Option<u32>,
}

/// State that both components see: the balancer's cookies and the distances.
type Clients = Rc<RefCell<Vec<Client>>>;

struct Population {
    ctx: SimulationContext,
    pods: Id,
    clients: Clients,
    think: Exp<f64>,
    latency: Latencies,
}

impl Population {
    fn think(&self, client: u32) {
        let think = self.ctx.sample_from_distribution(&self.think);
        let sent = self.ctx.time() + think;
        let up = self.clients.borrow()[client as usize].one_way;
        self.ctx.emit(Request { client, sent }, self.pods, think + up);
    }
}

impl EventHandler for Population {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Response { client, sent } => {
                self.latency.record(event.time - sent);
                self.think(client);
            }
        })
    }
}

struct Waiting {
    client: u32,
    sent: f64,
    arrived: f64,
}

struct Pods {
    ctx: SimulationContext,
    population: Id,
    clients: Clients,
    work: Exp<f64>,
    /// The requests of each pod; the first one is being served.
    queues: Vec<VecDeque<Waiting>>,
    sojourn: Latencies,
}

impl Pods {
    fn serve(&self, pod: u32) {
        self.ctx.emit_self(ServiceEnds { pod }, self.ctx.sample_from_distribution(&self.work));
    }
    /// A client without a cookie gets one for a pod drawn at random.
    fn route(&self, client: u32) -> u32 {
        let cookie = &mut self.clients.borrow_mut()[client as usize].cookie;
        *cookie.get_or_insert_with(|| self.ctx.gen_range(0..PODS as u32))
    }
}

impl EventHandler for Pods {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Request { client, sent } => {
                let pod = self.route(client);
                let queue = &mut self.queues[pod as usize];
                queue.push_back(Waiting { client, sent, arrived: event.time });
                if queue.len() == 1 {
                    self.serve(pod);
                }
            }
            ServiceEnds { pod } => {
                let queue = &mut self.queues[pod as usize];
                let Waiting { client, sent, arrived } = queue.pop_front().expect("somebody was served");
                let more = !queue.is_empty();
                self.sojourn.record(event.time - arrived);
                let down = self.clients.borrow()[client as usize].one_way;
                self.ctx.emit(Response { client, sent }, self.population, down);
                if more {
                    self.serve(pod);
                }
            }
        })
    }
}

fn main() {
    let duration = argument("simulated seconds");
    let mut sim = Simulation::new(1);
    let rtt = LogNormal::new(RTT_MEDIAN_S.ln(), (RTT_P95_S / RTT_MEDIAN_S).ln() / Z95).expect("a law");
    let client = |_| Client { one_way: sim.sample_from_distribution(&rtt) / 2.0, cookie: None };
    let clients: Clients = Rc::new(RefCell::new((0..CLIENTS).map(client).collect()));
    let (population_ctx, pods_ctx) = (sim.create_context("population"), sim.create_context("pods"));
    let population = Rc::new(RefCell::new(Population {
        pods: pods_ctx.id(),
        clients: clients.clone(),
        think: Exp::new(1.0 / MEAN_THINK_S).expect("a rate"),
        latency: Latencies::new(),
        ctx: population_ctx,
    }));
    let pods = Rc::new(RefCell::new(Pods {
        population: population.borrow().ctx.id(),
        clients,
        work: Exp::new(1.0 / MEAN_WORK_S).expect("a rate"),
        queues: (0..PODS).map(|_| VecDeque::new()).collect(),
        sojourn: Latencies::new(),
        ctx: pods_ctx,
    }));
    sim.add_handler("population", population.clone());
    sim.add_handler("pods", pods.clone());
    for client in 0..CLIENTS as u32 {
        population.borrow().think(client);
    }

    let start = Instant::now();
    sim.step_until_time(duration);
    let seconds = start.elapsed().as_secs_f64();

    let (latency, sojourn) = (&population.borrow().latency, &pods.borrow().sojourn);
    println!(
        r#"{{"count": {}, "seconds": {seconds}, "mean": {}, "p99": {}, "latency": {}}}"#,
        latency.count(),
        sojourn.mean_s(),
        sojourn.p99_s(),
        latency.mean_s()
    );
}
