//! What happens: the verbs, across the nouns.

pub(super) mod ack;
mod answer;
pub(super) mod arrive;
pub(super) mod autoscale;
pub(super) mod connect;
pub(super) mod disconnect;
mod drain_node;
pub(super) mod emit;
pub(super) mod endpoints;
pub(super) mod ends;
pub(super) mod fan_out;
mod half_open;
pub(super) mod handler;
pub(super) mod handshake;
pub(super) mod health;
mod measure;
mod measure_data;
mod node_outage;
mod outage;
mod parts;
mod placement;
mod pod_start;
mod pod_stop;
mod poll;
mod probe;
pub(super) mod publish;
mod query;
mod rebalance;
pub(super) mod request;
pub(super) mod retry;
mod roam;
pub(super) mod rollout;
pub(super) mod route;
pub(super) mod session;
pub(super) mod session_store;
mod subscribe;
mod texts;
pub(super) mod timeline;

use std::rc::Rc;

use super::PodId;
use super::redis::{EventKind, Origin};
use super::rooms::Recipients;
use crate::engine::SimTime;

/// An event that a client holds back until it is connected.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub item: u8,
    pub n: u32,
    pub emitted: SimTime,
    /// Where it waits for its acknowledgement, if it is to have one.
    pub ack: Option<u32>,
}

/// An event between the pod that emits it and the others.
#[derive(Clone, Copy)]
pub(super) struct Message {
    pub emitted: SimTime,
    pub recipients: Recipients,
    /// What it is, and who emitted it.
    pub kind: EventKind,
    pub origin: Origin,
    /// Which message of its course: the first one, or an answer to that, which goes to this process.
    pub step: u8,
    pub caller: (PodId, u32),
    /// Bytes that it is longer than others of its kind.
    pub more: u64,
    /// Recipients that are not accounted for yet: everybody meant but those that the sender's pod has served.
    pub others: u32,
    pub sender: PodId,
    /// The sender's process, and when the event leaves it: nothing leaves a dead process.
    pub process: u32,
    pub leaves: SimTime,
    /// The library has given it up: it is not published any more.
    pub given_up: bool,
    /// Deliveries that are under way, and pods that have not read it yet.
    pub left: u32,
}

/// Processes that are subscribed: (pod, process).
pub(super) type Subscribers = Rc<[(PodId, u32)]>;

/// Values with small reusable numbers.
pub(super) struct Slab<T> {
    values: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub const fn new() -> Slab<T> {
        Slab { values: Vec::new(), free: Vec::new() }
    }
    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.values[slot as usize] = Some(value);
            return slot;
        }
        self.values.push(Some(value));
        self.values.len() as u32 - 1
    }
    pub fn get_mut(&mut self, slot: u32) -> &mut T {
        self.values[slot as usize].as_mut().expect("a slot is used until it is taken")
    }
    /// What is in a slot, if it is used.
    pub fn peek_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.values.get_mut(slot as usize)?.as_mut()
    }
    pub fn take(&mut self, slot: u32) -> T {
        self.free.push(slot);
        self.values[slot as usize].take().expect("a slot is taken once")
    }
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter().flatten()
    }
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.values.iter_mut().flatten()
    }
    /// The numbers of those that satisfy `is_meant`, in order.
    pub fn find(&self, is_meant: impl Fn(&T) -> bool) -> Vec<u32> {
        let meant = |(slot, value): (usize, &Option<T>)| value.as_ref().is_some_and(&is_meant).then_some(slot as u32);
        self.values.iter().enumerate().filter_map(meant).collect()
    }
}
