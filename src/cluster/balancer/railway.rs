//! Railway: a random replica for each request.
//!
//! Source: its documentation on scaling and on the TCP proxy, which say that replicas are chosen at random and that there are
//! no sticky sessions. A seeded uniform draw has the same law. Regions are not modelled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cloud::{PROPAGATION_DELAY, Usable};
use super::{AffinityKey, Decide, Following, Health, List, Peer, Peers, Request, Settings, Tries};
use crate::engine::{LazyStream, Span, Stream};

/// Railway has no settings that choose a replica.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RailwaySpec {
    /// Always refused, with a sentence that says why.
    #[serde(rename = "sessionAffinity", deserialize_with = "no_such_key", skip_serializing)]
    #[schemars(skip)]
    session_affinity: (),
}

fn no_such_key<'de, D: serde::Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(serde::de::Error::custom(
        "Railway has no key `sessionAffinity` and no sticky sessions: each request goes to a random replica; write `railway: {}`",
    ))
}

impl Settings for RailwaySpec {
    fn describe(&self) -> String {
        "Railway".to_owned()
    }
    fn decisions(&self) -> &'static str {
        "seeded uniform draw"
    }
    fn affinity(&self) -> AffinityKey {
        AffinityKey::None
    }
    fn following(&self) -> Following {
        Following {
            list: List::Endpoints,
            delay: PROPAGATION_DELAY,
            at_most_every: Span::ZERO,
            tick: Span::ZERO,
            checks: None, // its health checks end when a deployment is active
        }
    }
}

/// Railway's edge.
#[derive(Clone, Debug)]
pub struct Railway {
    peers: Peers,
    usable: Usable,
}

impl Railway {
    /// A service without replicas.
    pub fn new(_spec: RailwaySpec) -> Railway {
        Railway { peers: Peers::default(), usable: Usable::default() }
    }
}

impl Decide for Railway {
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        self.peers = Peers::new(peers);
        self.usable = Usable::up(&self.peers);
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
        self.usable = Usable::up(&self.peers);
    }
    #[inline]
    fn peers(&self) -> &Peers {
        &self.peers
    }
    fn pick(
        &mut self,
        _request: &Request<'_>,
        _tries: &mut Tries,
        stream: &mut LazyStream,
        _load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        self.usable.draw(&[], stream)
    }
    /// Assumption: a refused connection is an error (502); its documentation names no retry.
    fn max_tries(&self) -> usize {
        1
    }
}
