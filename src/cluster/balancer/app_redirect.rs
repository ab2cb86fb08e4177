//! Routing in the application: an instance answers only its own sessions and redirects the others to theirs.
//!
//! Source: an application whose middleware takes md5(session id) modulo the number of instances, and redirects to the host of
//! that instance (`307`). Recorded with the application's own code: with 2, 3, 5 and 10 instances a request needs 1.0, 2.0, 4.0
//! and 8.8 redirects on average.
//!
//! As written it has defects: the redirect carries no cookie, so at each hop the client gets a new session id, and where it
//! lands is a matter of luck; the cookie belongs to the host of one instance and is not sent to the shared name, so the next
//! request begins anew; an instance that is down is an error for its sessions; WebSockets are not looked at at all. Corrected
//! (the cookie is set with the redirect, for the parent domain) a new client needs at most one redirect and stays.
//!
//! Where the request arrives at first is a seeded draw: the platform in front spreads requests at random.

use md5::{Digest, Md5};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AffinityKey, Decide, Following, Health, List, Peer, Peers, Request, SetCookie, Settings, Tries};
use crate::cluster::PodId;
use crate::engine::{LazyStream, Span, Stream};

/// Routing in the application by md5(session id) modulo the number of instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AppRedirectSpec {
    /// False: as it was written, with its defects. True: the cookie goes with the redirect and is valid for all instances.
    pub corrected: bool,
}

/// From a change of the number of instances until all of them know it (assumption: a new deployment of the settings).
const REDEPLOY: Span = Span::from_secs(10);

impl Settings for AppRedirectSpec {
    fn describe(&self) -> String {
        format!("application redirect, {}", if self.corrected { "corrected" } else { "as written" })
    }
    fn decisions(&self) -> &'static str {
        "exact hash of a drawn session id, first instance a seeded draw"
    }
    fn affinity(&self) -> AffinityKey {
        if self.corrected { AffinityKey::Cookie } else { AffinityKey::None }
    }
    fn following(&self) -> Following {
        Following::after(List::Servers, REDEPLOY)
    }
}

/// The instances, each with the same settings.
#[derive(Clone, Debug)]
pub struct AppRedirect {
    spec: AppRedirectSpec,
    peers: Peers,
}

impl AppRedirect {
    /// An application without instances.
    pub fn new(spec: AppRedirectSpec) -> AppRedirect {
        AppRedirect { spec, peers: Peers::default() }
    }
    /// Any instance.
    fn any(&self, stream: &mut LazyStream) -> usize {
        stream.get().below(self.peers.len() as u64) as usize
    }
    /// The instance that a session belongs to.
    fn home(&self, session: u32) -> usize {
        home_of(&session_id(session), self.peers.len())
    }
}

/// The text of a session id with this number: it stands for a random UUID.
fn session_id(session: u32) -> [u8; 36] {
    let mut text = *b"00000000-0000-4000-8000-000000000000";
    for (place, digit) in text[..8].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(session >> (28 - 4 * place) & 15) as usize];
    }
    text.copy_within(..8, 28);
    text
}

/// md5 of a session id as a number, modulo the number of instances.
pub fn home_of(session_id: &[u8], instances: usize) -> usize {
    let digest: [u8; 16] = Md5::digest(session_id).into();
    (u128::from_be_bytes(digest) % instances.max(1) as u128) as usize
}

impl Decide for AppRedirect {
    fn set_peers(&mut self, peers: &[Peer], _stream: &mut Stream) {
        self.peers = Peers::new(peers);
    }
    fn set_health(&mut self, position: usize, health: Health) {
        self.peers.set_health(position, health);
    }
    fn peers(&self) -> &Peers {
        &self.peers
    }
    fn pick(
        &mut self,
        request: &Request<'_>,
        tries: &mut Tries,
        stream: &mut LazyStream,
        _load: impl FnMut(&Peer) -> u32,
    ) -> Option<usize> {
        if self.peers.is_empty() {
            return None;
        }
        if request.websocket {
            // the middleware sees HTTP only
            return Some(self.any(stream));
        }
        if let (true, Some(session)) = (self.spec.corrected, request.cookie) {
            // the browser is at the host of its instance
            return Some(self.home(session));
        }
        // at the shared name, or at the host to which the last redirect led
        let here = tries.redirected_to.take().unwrap_or_else(|| self.any(stream)).min(self.peers.len() - 1);
        let session = tries.cookie.map_or_else(|| stream.get().bits() as u32, |cookie| cookie.value);
        let home = self.home(session);
        if self.spec.corrected {
            tries.cookie = Some(SetCookie::new(session, request.now, None));
        }
        if home != here {
            tries.redirected = true;
            tries.redirected_to = Some(home);
        }
        Some(here)
    }
    /// An instance that is down is an error: nothing looks for another one.
    fn max_tries(&self) -> usize {
        1
    }
    fn bound(&self, cookie: u32) -> Option<PodId> {
        (self.spec.corrected && !self.peers.is_empty()).then(|| self.peers[self.home(cookie)].pod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_belongs_to_its_md5_modulo_the_instances() {
        // md5("a") is 0cc175b9c0f1b6a831c399e269772661
        let whole = 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661_u128;
        assert_eq!(session_id(0x0cc1_75b9), *b"0cc175b9-0000-4000-8000-00000cc175b9");
        for instances in [1, 2, 3, 5, 10] {
            assert_eq!(home_of(b"a", instances), (whole % instances as u128) as usize);
        }
    }
}
