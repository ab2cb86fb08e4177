//! What every product has in common: its settings, what it knows of pods, what it sees of a request, what it decides.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Lines;
use super::forwarded::{Forwards, Trusts};
use crate::cluster::PodId;
use crate::engine::{LazyStream, SimTime, Span, Stream};

/// The settings of a product, in the words of its users.
pub trait Settings {
    /// The product in a few words, such as `nginx ip_hash`.
    fn describe(&self) -> String;
    /// Whether its decisions equal the real program's, or which of them are seeded draws.
    fn decisions(&self) -> &'static str;
    /// What it looks at to send a client to the same pod again.
    fn affinity(&self) -> AffinityKey;
    /// How it learns which pods there are and how they are.
    fn following(&self) -> Following;
    /// So long after a pod left the list the balancer cuts what is still open there; `None`: it does not.
    fn cuts_after(&self) -> Option<Span> {
        None
    }
    /// What it decides about.
    fn layer(&self) -> Layer {
        Layer::Requests
    }
    /// What the next tier, or the pod, is told of the client's address.
    fn forwards(&self) -> Forwards {
        Forwards::APPENDS_PEER
    }
    /// True when a reload starts with new counts of connections, and does not know those that are there.
    fn forgets_connections(&self) -> bool {
        false
    }
    /// So long after a reload it cuts the tunnels that it had before; `None`: it lets them end by themselves.
    fn shutdown_timeout(&self) -> Option<Span> {
        None
    }
    /// How long it waits for a pod that does not even refuse a connection, since its node is gone; `None`: connections of clients
    /// are passed on, and it is they who wait.
    fn connect_timeout(&self) -> Option<Span> {
        match self.layer() {
            Layer::Connections => None,
            Layer::Requests => Some(CONNECT_TIMEOUT),
        }
    }
    /// Whether a try counts as a connection of its pod while there is no answer yet.
    fn counts_tries(&self) -> bool {
        true
    }
    /// After this time a request gets no further try; `None` = there is no such limit.
    fn tries_within(&self) -> Option<Span> {
        None
    }
    /// Where it looks for the client's address when it stands behind another tier.
    fn trusts(&self) -> Trusts {
        Trusts::Nobody
    }
    /// What a decision looks at.
    fn reads(&self) -> Reads {
        Reads::of(self.affinity())
    }
    /// How many instances there are, each with a state of its own: controller replicas, worker processes, nodes.
    fn instances(&self) -> u32 {
        1
    }
    /// True when decisions look at how many connections and requests there are at each pod: several instances then count
    /// only their own.
    fn counts_connections(&self) -> bool {
        false
    }
    /// Which ends of requests and tunnels matter.
    fn ends(&self) -> Ends {
        Ends::Ignored
    }
    /// Whether an instance sends anybody to the peer of this number. What it does not reach is [`Health::Down`] for it from the beginning.
    fn reaches(&self, _instance: usize, _peer: usize) -> bool {
        true
    }
    /// These peers as an instance has them, going by what it reaches.
    fn reached<'p>(&self, instance: usize, peers: &'p [Peer]) -> Cow<'p, [Peer]> {
        let mut own = Cow::Borrowed(peers);
        for (position, peer) in peers.iter().enumerate() {
            if !self.reaches(instance, peer.pod.index()) {
                own.to_mut()[position].health = Health::Down;
            }
        }
        own
    }
    /// Weight and state of the server line at a position, where users can write them.
    fn line(&self, _position: usize) -> Line {
        Line::default()
    }
    /// What can be said of servers one by one, in a list or while it runs.
    fn lines(&self) -> Lines {
        Lines::of(&self.following())
    }
    /// What is wrong with these settings, taken together: (setting, what is wrong, what to write instead).
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// Where a product does not publish its limit for connecting to a pod, it is assumed to be that of an Application Load Balancer.
const CONNECT_TIMEOUT: Span = Span::from_secs(10);

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting's name.
    pub setting: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// A product at work: one instance with its own state.
///
/// A decision is a pure function of the request, the peers as known, and this state; random numbers come from the stream.
pub trait Decide {
    /// From now on it has these peers. For some products that is a reload, which forgets all state; others go on.
    fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream);
    /// From now on it believes this of a peer.
    fn set_health(&mut self, position: usize, health: Health);
    /// Its peers in order.
    fn peers(&self) -> &Peers;
    /// The position of the peer to try next; `None` when there is none. Never one that it believes is gone.
    /// `load` says how many connections and requests this instance has at a peer.
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize>;
    /// Tries per request, the first included.
    fn max_tries(&self) -> usize;
    /// The pod that this cookie takes a request to, if that is all it takes: the first try has no other outcome, sets no
    /// cookie and leaves no trace in the state.
    #[inline]
    fn bound(&self, _cookie: u32) -> Option<PodId> {
        None
    }
    /// The try at this position was refused.
    fn failed(&mut self, _position: usize, _now: SimTime) {}
    /// True when it leaves a pod alone at the moment although nobody told it that the pod is down.
    fn mistrusts(&self, _pod: PodId) -> bool {
        false
    }
    /// True when the end of a request at this pod must be told with [`Decide::finished`].
    fn watches(&self, _pod: PodId) -> bool {
        false
    }
    /// A request or tunnel there ended well.
    fn finished(&mut self, _position: usize, _now: SimTime) {}
    /// A request or tunnel from this address, which was sent to this pod when it `began`, is over. The pod may have left the
    /// peers since. See [`Ends::All`].
    fn ended(&mut self, _pod: PodId, _address: IpAddr, _began: SimTime, _now: SimTime) {}
}

/// What a balancer looks at to send a client to the same pod again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AffinityKey {
    /// Nothing.
    None,
    /// The /24 of an IPv4 address, the whole of an IPv6 address.
    Network,
    /// The whole address.
    Address,
    /// A cookie.
    Cookie,
    /// A text that each client has for itself: user, session, token.
    User,
    /// The room that a client is in: its first one.
    Room,
}

impl AffinityKey {
    /// True when the address that a request comes from matters.
    pub const fn is_address(self) -> bool {
        matches!(self, AffinityKey::Network | AffinityKey::Address)
    }
}

/// What decisions look at in a request, its cookie apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The address that it comes from.
    pub address: bool,
    /// The text of its user ([`Request::user`]).
    pub user: bool,
    /// The text of its room ([`Request::room`]).
    pub room: bool,
}

impl Reads {
    /// What must be looked at to know this.
    pub const fn of(key: AffinityKey) -> Reads {
        Reads {
            address: key.is_address(),
            user: matches!(key, AffinityKey::User),
            room: matches!(key, AffinityKey::Room),
        }
    }
    /// All that one or the other looks at.
    pub const fn and(self, other: Reads) -> Reads {
        Reads { address: self.address || other.address, user: self.user || other.user, room: self.room || other.room }
    }
    /// True when it looks at a text.
    pub const fn text(self) -> bool {
        self.user || self.room
    }
}

/// Which ends of requests and tunnels a product must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// None.
    Ignored,
    /// Those at pods of which [`Decide::watches`] says so, with [`Decide::finished`].
    Watched,
    /// Also all, with [`Decide::ended`].
    All,
}

/// What a product decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Each HTTP request on its own.
    Requests,
    /// Each TCP connection: requests on it follow it.
    Connections,
}

/// How a balancer learns which pods there are and how they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Following {
    /// What its list is.
    pub list: List,
    /// From a change of the list until the control plane has read it.
    pub delay: Span,
    /// Readings are at least so far apart.
    pub at_most_every: Span,
    /// What was read is taken up at the next tick of this length; zero = at once.
    pub tick: Span,
    /// Active health checks.
    pub checks: Option<Checks>,
}

/// From a change in the API server to a controller that watches it (assumption: no published figure; 10–200 ms).
pub const WATCH_DELAY: Span = Span::from_millis(100);
/// From a change of a list of servers to the reload of whatever reads it from a file (assumption: a template watcher).
pub const RELOAD_DELAY: Span = Span::from_secs(1);

impl Following {
    /// A list that is read so long after a change, as often as it changes, and taken up at once; without checks.
    pub const fn after(list: List, delay: Span) -> Following {
        Following { list, delay, at_most_every: Span::ZERO, tick: Span::ZERO, checks: None }
    }
    /// The same with active checks.
    pub const fn checked(self, checks: Option<Checks>) -> Following {
        Following { checks, ..self }
    }
}

/// What the list of a balancer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Servers by name: a pod keeps its line while it restarts in place.
    Servers,
    /// Ready endpoints of the Kubernetes API.
    Endpoints,
    /// Ready endpoints, and those that are shut down but still serve: these are [`Health::Draining`].
    ServingEndpoints,
}

/// Active health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checks {
    /// Distance of two checks of a peer.
    pub every: Span,
    /// So many failures in a row make it [`Health::Down`].
    pub fall: u32,
    /// So many successes in a row bring it back.
    pub rise: u32,
    /// A new peer is believed up before its first check.
    pub begins_up: bool,
}

/// What a balancer believes of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It serves.
    #[default]
    Up,
    /// It serves those who are bound to it, and nobody new.
    Draining,
    /// It does not.
    Down,
}

/// What a user can say of one server line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its weight.
    pub weight: u32,
    /// `down`, `drain`, or neither.
    pub health: Health,
}

impl Default for Line {
    fn default() -> Line {
        Line { weight: 1, health: Health::Up }
    }
}

/// A pod as a balancer knows it; for a tier that stands before another one, an instance of that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Which.
    pub pod: PodId,
    /// `ip:port`.
    pub address: String,
    /// Its weight.
    pub weight: u32,
    /// What is believed of it.
    pub health: Health,
}

impl Peer {
    /// A peer of weight 1 that is up.
    pub const fn new(pod: PodId, address: String) -> Peer {
        Peer { pod, address, weight: 1, health: Health::Up }
    }
}

/// Peers in order, and where each pod stands among them.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    list: Vec<Peer>,
    /// Position of each pod by its number; `u32::MAX` = none.
    positions: Vec<u32>,
    /// How many are up.
    up: usize,
}

impl Peers {
    /// These peers.
    pub fn new(list: &[Peer]) -> Peers {
        let mut positions = Vec::new();
        for (position, peer) in list.iter().enumerate() {
            let number = peer.pod.index();
            positions.resize(positions.len().max(number + 1), u32::MAX);
            positions[number] = position as u32;
        }
        let up = list.iter().filter(|peer| peer.health == Health::Up).count();
        Peers { list: list.to_vec(), positions, up }
    }
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.list.len()
    }
    /// True when there is none.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
    /// How many are up.
    pub const fn up(&self) -> usize {
        self.up
    }
    /// True when all are up.
    pub const fn all_up(&self) -> bool {
        self.up == self.list.len()
    }
    /// In order.
    pub fn iter(&self) -> std::slice::Iter<'_, Peer> {
        self.list.iter()
    }
    /// Position of a pod.
    #[inline]
    pub fn position(&self, pod: PodId) -> Option<usize> {
        self.positions.get(pod.index()).filter(|&&position| position != u32::MAX).map(|&position| position as usize)
    }
    /// From now on this is believed of a peer.
    pub fn set_health(&mut self, position: usize, health: Health) {
        let old = std::mem::replace(&mut self.list[position].health, health);
        self.up = self.up + usize::from(health == Health::Up) - usize::from(old == Health::Up);
    }
}

impl std::ops::Index<usize> for Peers {
    type Output = Peer;
    #[inline]
    fn index(&self, position: usize) -> &Peer {
        &self.list[position]
    }
}

/// What a balancer sees of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'k> {
    /// When it arrives.
    pub now: SimTime,
    /// From where, as this tier sees it.
    pub address: IpAddr,
    /// The source port of its connection.
    pub port: u16,
    /// It opens a WebSocket.
    pub websocket: bool,
    /// The text that is its client's own (user, session, token); empty: it says none.
    pub user: &'k [u8],
    /// The text of its client's room; empty: it says none.
    pub room: &'k [u8],
    /// This product's cookie, if the request carries one that the client did not let expire.
    pub cookie: Option<u32>,
}

impl<'k> Request<'k> {
    /// A request at time zero from an address, with nothing else.
    pub const fn from_address(address: IpAddr) -> Request<'static> {
        Request { now: SimTime::ZERO, address, port: 0, websocket: false, user: &[], room: &[], cookie: None }
    }
    /// What it says in a text of this kind.
    pub const fn text(&self, kind: AffinityKey) -> &'k [u8] {
        match kind {
            AffinityKey::User => self.user,
            AffinityKey::Room => self.room,
            _ => &[],
        }
    }
}

/// What a balancer remembers between the tries of one request, and what it does beside choosing.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    /// Peers, by position, that refused, in order.
    pub refused: Vec<usize>,
    /// Cookie to be set with the answer.
    pub cookie: Option<SetCookie>,
    /// Set by [`Decide::pick`]: the product waits so long before this try.
    pub wait: Span,
    /// Set by [`Decide::pick`]: the pod picked answers with a redirect, and the client asks again.
    pub redirected: bool,
    /// Where the redirect leads, by position.
    pub(super) redirected_to: Option<usize>,
    /// Set by [`Decide::pick`] when the client had to be bound anew although it should have been known.
    pub forgotten: Option<Forgotten>,
    /// Set by [`Decide::pick`] together with `None` when the request must wait for a free connection.
    pub queue: Option<Queue>,
    /// The last server was given by a cookie or a table (HAProxy).
    pub(super) bound: bool,
    /// Misses of a hash or draw so far (nginx).
    pub(super) misses: u32,
    /// Where the chain of hashes stands (nginx).
    pub(super) hash: Option<u32>,
}

/// Where a request waits because its servers have as many connections as they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The server whose connection it waits for; `None` = of any server.
    pub position: Option<usize>,
    /// So long, then it is answered with 503.
    pub timeout: Span,
}

/// A cookie that a balancer sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetCookie {
    /// What the product will find in it: a pod's number, or a key.
    pub value: u32,
    /// When it ends; [`SimTime::NEVER`] = with the browser session.
    pub until: SimTime,
}

impl SetCookie {
    /// A cookie issued now that lives so long; `None` = as long as the browser session.
    pub fn new(value: u32, now: SimTime, lifetime: Option<Span>) -> SetCookie {
        SetCookie { value, until: lifetime.map_or(SimTime::NEVER, |lifetime| now + lifetime) }
    }
}

/// Why a table of a balancer does not know a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// Its entry is older than the timeout, or it never had one.
    Expired,
    /// The table is full: its entry may have made room for another.
    TableFull,
}
