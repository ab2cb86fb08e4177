//! M/M/1 at load 0.8 on simcore: `mm1 CUSTOMERS`.
//!
//! One component, the station, with two events per customer: it arrives, its service ends.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use peer_simcore::{Latencies, argument};
use rand_distr::Exp;
use serde::Serialize;
use simcore::{Event, EventHandler, Simulation, SimulationContext, cast};

#[derive(Clone, Serialize)]
struct Arrival {}

#[derive(Clone, Serialize)]
struct Departure {}

struct Station {
    ctx: SimulationContext,
    gap: Exp<f64>,
    service: Exp<f64>,
    to_come: u64,
    /// When each customer that is here came; the first one is being served.
    here: VecDeque<f64>,
    sojourn: Latencies,
}

impl Station {
    fn expect_customer(&mut self) {
        if self.to_come > 0 {
            self.to_come -= 1;
            self.ctx.emit_self(Arrival {}, self.ctx.sample_from_distribution(&self.gap));
        }
    }
    fn serve(&self) {
        self.ctx.emit_self(Departure {}, self.ctx.sample_from_distribution(&self.service));
    }
}

impl EventHandler for Station {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Arrival {} => {
                self.here.push_back(event.time);
                if self.here.len() == 1 {
                    self.serve();
                }
                self.expect_customer();
            }
            Departure {} => {
                let came = self.here.pop_front().expect("somebody was served");
                self.sojourn.record(event.time - came);
                if !self.here.is_empty() {
                    self.serve();
                }
            }
        })
    }
}

fn main() {
    let customers = argument("number of customers") as u64;
    let mut sim = Simulation::new(1);
    let station = Rc::new(RefCell::new(Station {
        ctx: sim.create_context("station"),
        gap: Exp::new(0.8).expect("a rate"),
        service: Exp::new(1.0).expect("a rate"),
        to_come: customers,
        here: VecDeque::new(),
        sojourn: Latencies::new(),
    }));
    sim.add_handler("station", station.clone());
    station.borrow_mut().expect_customer();

    let start = Instant::now();
    sim.step_until_no_events();
    let seconds = start.elapsed().as_secs_f64();

    let sojourn = &station.borrow().sojourn;
    println!(
        r#"{{"count": {}, "seconds": {seconds}, "mean": {}, "p99": {}}}"#,
        sojourn.count(),
        sojourn.mean_s(),
        sojourn.p99_s()
    );
}
