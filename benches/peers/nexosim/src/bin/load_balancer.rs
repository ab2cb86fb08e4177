//! 100,000 clients, cookie affinity, 20 single-server pods on NeXosim, one thread: `load_balancer SECONDS`.
//!
//! One model for the population and its balancer, one per pod. Two scheduled events and two messages per request: the
//! request reaches its pod, its service ends. Delays that follow each other without a decision are one delay: the way
//! back, thinking and the way to the pod.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::{Output, QuerySource};
use nexosim::simulation::{Mailbox, SimInit, SimulationError};
use nexosim::time::MonotonicTime;
use peer_nexosim::{Latencies, Random, argument, since};
use serde::{Deserialize, Serialize};

const CLIENTS: u32 = 100_000;
const PODS: usize = 20;
const MEAN_THINK_S: f64 = 18.0;
const MEAN_WORK_S: f64 = 2.52e-3;
/// Round trips: log-normal with this median and 95th percentile.
const RTT_MEDIAN_S: f64 = 25e-3;
const RTT_P95_S: f64 = 67e-3;
const Z95: f64 = 1.644_853_626_951_472_2;

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Request {
    client: u32,
    sent: MonotonicTime,
}

#[derive(Serialize, Deserialize)]
struct Client {
    one_way: Duration,
    /// Number of the pod that the cookie names.
    cookie: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Population {
    /// One port for each pod.
    pods: Vec<Output<Request>>,
    clients: Vec<Client>,
    random: Random,
    #[serde(skip)]
    latency: Latencies,
}

#[Model]
impl Population {
    fn new(mut random: Random) -> Population {
        let sigma = (RTT_P95_S / RTT_MEDIAN_S).ln() / Z95;
        let client = |_| Client { one_way: random.log_normal(RTT_MEDIAN_S, sigma) / 2, cookie: None };
        Population {
            clients: (0..CLIENTS).map(client).collect(),
            pods: (0..PODS).map(|_| Output::default()).collect(),
            random,
            latency: Latencies::default(),
        }
    }

    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        for client in 0..CLIENTS {
            self.think(client, Duration::ZERO, cx);
        }
    }

    /// The client has its response `down` from now, then thinks; its next request is at the balancer after that.
    fn think(&mut self, client: u32, down: Duration, cx: &Context<Self>) {
        let until_sent = down + self.random.exponential(MEAN_THINK_S);
        let request = Request { client, sent: cx.time() + until_sent };
        let until_there = until_sent + self.clients[client as usize].one_way;
        cx.schedule_event(until_there, schedulable!(Self::route), request).expect("in the future");
    }

    /// A request is at the balancer. A client without a cookie gets one for a pod drawn at random.
    #[nexosim(schedulable)]
    async fn route(&mut self, request: Request) {
        let cookie = &mut self.clients[request.client as usize].cookie;
        let pod = *cookie.get_or_insert_with(|| self.random.below(PODS as u32));
        self.pods[pod as usize].send(request).await;
    }

    /// A response leaves a pod [input port].
    fn response(&mut self, request: Request, cx: &Context<Self>) {
        let down = self.clients[request.client as usize].one_way;
        self.latency.record(since(cx.time(), request.sent) + down);
        self.think(request.client, down, cx);
    }

    /// Latencies so far [replier port].
    async fn latency(&mut self) -> Latencies {
        self.latency.clone()
    }
}

#[derive(Serialize, Deserialize)]
struct Pod {
    response: Output<Request>,
    /// Requests and when they came; the first one is being served.
    queue: VecDeque<(Request, MonotonicTime)>,
    random: Random,
    #[serde(skip)]
    sojourn: Latencies,
}

#[Model]
impl Pod {
    fn new(random: Random) -> Pod {
        Pod { response: Output::default(), queue: VecDeque::new(), random, sojourn: Latencies::default() }
    }

    /// A request arrives [input port].
    fn request(&mut self, request: Request, cx: &Context<Self>) {
        self.queue.push_back((request, cx.time()));
        if self.queue.len() == 1 {
            self.serve(cx);
        }
    }

    fn serve(&mut self, cx: &Context<Self>) {
        let work = self.random.exponential(MEAN_WORK_S);
        cx.schedule_event(work, schedulable!(Self::service_ends), ()).expect("in the future");
    }

    #[nexosim(schedulable)]
    async fn service_ends(&mut self, _: (), cx: &Context<Self>) {
        let (request, arrived) = self.queue.pop_front().expect("somebody was served");
        self.sojourn.record(since(cx.time(), arrived));
        if !self.queue.is_empty() {
            self.serve(cx);
        }
        self.response.send(request).await;
    }

    /// Sojourn times so far [replier port].
    async fn sojourn(&mut self) -> Latencies {
        self.sojourn.clone()
    }
}

fn main() -> Result<(), SimulationError> {
    let duration = Duration::from_secs_f64(argument("simulated seconds"));
    let mut bench = SimInit::with_num_threads(1);
    let mut population = Population::new(Random::new(0));
    let population_mailbox = Mailbox::new();
    let latency = QuerySource::new().connect(Population::latency, &population_mailbox).register(&mut bench);
    let mut sojourns = Vec::new();
    for number in 0..PODS {
        let mut pod = Pod::new(Random::new(1 + number as u64));
        let mailbox = Mailbox::new();
        population.pods[number].connect(Pod::request, &mailbox);
        pod.response.connect(Population::response, &population_mailbox);
        sojourns.push(QuerySource::new().connect(Pod::sojourn, &mailbox).register(&mut bench));
        bench = bench.add_model(pod, mailbox, &format!("pod {number}"));
    }
    let mut simulation = bench.add_model(population, population_mailbox, "population").init(MonotonicTime::EPOCH)?;

    let start = Instant::now();
    simulation.step_until(duration)?;
    let seconds = start.elapsed().as_secs_f64();

    let mut sojourn = Latencies::default();
    for query in &sojourns {
        sojourn.merge(&simulation.process_query(query, ())?);
    }
    let latency = simulation.process_query(&latency, ())?;
    println!(
        r#"{{"count": {}, "seconds": {seconds}, "mean": {}, "p99": {}, "latency": {}}}"#,
        latency.count(),
        sojourn.mean_s(),
        sojourn.p99_s(),
        latency.mean_s()
    );
    Ok(())
}
