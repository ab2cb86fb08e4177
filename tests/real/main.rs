//! The same conformance bodies against the simulator's balancers and against the real programs on loopback.
//!
//! A body is a list of [`subject::Step`]s: requests, tunnels that stay open, servers that come and go. Simulation and program get
//! the same settings and the same steps, and must do the same, decision by decision; what a program draws at random is compared
//! as a distribution. Programs are those that are installed (`nginx`, `haproxy`); without them the tests say so and pass, unless
//! `REAL_PROGRAMS=required`, as `.ci/run` has it.
//!
//! Sweeps are run by Slurm and by GNU parallel, where these are installed, with the recipes of docs/recipes.
//!
//! Nothing here hangs on how long anything takes: whatever must have happened is waited for, and pauses of the programs are
//! compared by what comes of them.

mod ports;
mod programs;
mod random;
mod servers;
mod simulated;
mod subject;
mod sweeps;
mod wire;

mod haproxy;
mod nginx;
