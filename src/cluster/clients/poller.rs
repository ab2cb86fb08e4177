//! Clients whose session goes by HTTP: each message of theirs is a POST, each batch from the server the answer to a GET.

use rustc_hash::FxHashMap;

use super::ClientId;
use crate::engine::SimTime;
use crate::metrics::FailReason;

/// An event on its way to a client.
#[derive(Clone, Copy)]
pub struct Packet {
    /// Whose.
    pub client: ClientId,
    /// Which of its connections.
    pub connection: u32,
    /// When its sender emitted it.
    pub emitted: SimTime,
    /// The pod itself emitted it; else it came through Redis.
    pub local: bool,
}

/// The Engine.IO session of a client that polls.
#[derive(Default)]
pub struct Poller {
    /// When the pod has done the Socket.IO CONNECT, once it has been posted.
    pub joins_at: Option<SimTime>,
    /// A GET waits at the pod, which may answer from this moment on.
    pub waiting: Option<SimTime>,
    /// The server has pinged: the next GET is answered at once, and the answer tells the client to post a pong.
    pub ping_due: bool,
    /// What the pod has for the client but no GET to answer.
    pub buffer: Vec<Packet>,
    /// The upgrade to a WebSocket that is under way.
    pub upgrade: Option<Upgrade>,
    /// A request failed, and the client is about to learn of it.
    pub failed: Option<FailReason>,
}

/// An upgrade whose probe has been answered.
#[derive(Clone, Copy)]
pub struct Upgrade {
    /// From then on the client sends no more requests and holds its messages back.
    pub pauses_at: SimTime,
    /// The server gives it up then.
    pub gives_up: SimTime,
    /// Instance of the last balancer through which the WebSocket goes.
    pub instance: u16,
}

/// All clients that poll.
#[derive(Default)]
pub struct Pollers(FxHashMap<ClientId, Poller>);

impl Pollers {
    /// The session of a client, if it polls.
    #[inline]
    pub fn get_mut(&mut self, client: ClientId) -> Option<&mut Poller> {
        if self.0.is_empty() { None } else { self.0.get_mut(&client) }
    }
    /// Whether a client polls.
    #[inline]
    pub fn has(&self, client: ClientId) -> bool {
        !self.0.is_empty() && self.0.contains_key(&client)
    }
    /// Whether a client holds its messages back until it is upgraded.
    pub fn pauses(&self, client: ClientId, now: SimTime) -> bool {
        let upgrade = if self.0.is_empty() { None } else { self.0.get(&client).and_then(|poller| poller.upgrade) };
        upgrade.is_some_and(|upgrade| upgrade.pauses_at <= now)
    }
    /// The session of a client begins.
    pub fn begin(&mut self, client: ClientId) -> &mut Poller {
        self.0.entry(client).insert_entry(Poller::default()).into_mut()
    }
    /// It ends, or goes on by a WebSocket.
    pub fn end(&mut self, client: ClientId) -> Option<Poller> {
        if self.0.is_empty() { None } else { self.0.remove(&client) }
    }
    /// How many events wait for a GET.
    pub fn buffered(&self) -> usize {
        self.0.values().map(|poller| poller.buffer.len()).sum()
    }
}
