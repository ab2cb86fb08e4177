//! A small discrete-event kernel: integer time, a total order of events, addressed random numbers.
//!
//! The kernel knows nothing of clients, pods or balancers and imports nothing else of this crate;
//! it can simulate any system that fits [`Model`]. Three properties hold by construction:
//!
//! * **Time is integer** ([`SimTime`], [`Span`]: nanoseconds), so no rounding depends on the order of additions.
//! * **The order is total**: events run by `(time, event)`; equal times are ordered by the event itself,
//!   never by who was inserted first ([`EventQueue`]).
//! * **Random numbers are addressed, not consumed** ([`Seed::stream`]): the n-th think time of client 7 is the same
//!   number under every strategy, and one more draw somewhere moves nobody else's numbers.
//!
//! # Example: M/M/1
//!
//! ```
//! use stickysim::engine::{Ctx, Event, Law, Limits, Model, Seed, SimTime, Simulation, Span};
//!
//! #[derive(Clone, Copy)]
//! struct Arrive;                                            // the only kind of event
//! impl Event for Arrive {
//!     fn word(self) -> u64 { 0 }
//!     fn from_word(_: u64) -> Arrive { Arrive }
//! }
//!
//! struct Mm1 { seed: Seed, gap: Law, service: Law, free: SimTime, n: u64, total_wait: Span }
//!
//! impl Model for Mm1 {
//!     type Event = Arrive;
//!     fn handle(&mut self, _: Arrive, ctx: &mut Ctx<Arrive>) {
//!         let start = self.free.max(ctx.now());             // first come, first served (Lindley)
//!         self.total_wait += start - ctx.now();
//!         self.free = start + self.service.span(&mut self.seed.stream(1, 0, self.n));
//!         ctx.schedule_in(self.gap.span(&mut self.seed.stream(2, 0, self.n)), Arrive);
//!         self.n += 1;
//!     }
//! }
//!
//! let seconds = |s: f64| Law::exponential(s * 1e9);
//! let model = Mm1 { seed: Seed(7), gap: seconds(2.0), service: seconds(1.0),
//!                   free: SimTime::ZERO, n: 0, total_wait: Span::ZERO };
//! let mut simulation = Simulation::new(model);
//! simulation.schedule(SimTime::ZERO, Arrive);
//! simulation.run(Limits { until: SimTime::ZERO + Span::from_secs(400_000), max_events: 1_000_000 });
//! let m = simulation.into_model();
//! let mean_wait = m.total_wait.as_secs_f64() / m.n as f64;  // theory at load 0.5: 1 s
//! assert!((mean_wait - 1.0).abs() < 0.1, "{mean_wait}");
//! ```

mod digest;
mod dist;
mod exp;
mod ids;
mod prefetch;
mod queue;
mod rng;
mod run;
mod time;
mod ziggurat;

pub use digest::Digest;
pub use dist::{Law, TableError};
pub use exp::{exp, exp_both};
pub use ids::{Column, Id};
pub use prefetch::prefetch;
pub use queue::EventQueue;
pub use rng::{LazyStream, Seed, Stream, Streams};
pub use run::{Ctx, End, EndReason, Event, Limits, Model, Simulation};
pub use time::{ParseSpanError, SimTime, Span};
pub use ziggurat::{normal, normals};
