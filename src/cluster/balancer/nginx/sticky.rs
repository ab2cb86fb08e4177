//! `sticky`: clients that are bound to a line, by nginx's cookie, by the application's, or by a table.

use super::super::{Forgotten, Health, Request, SetCookie, Tries};
use super::NginxSticky;
use super::upstream::{At, Nginx};
use crate::cluster::PodId;

impl Nginx {
    /// The line that a request is bound to, if it may get it. A draining one still serves its own.
    pub(super) fn bound_line(&mut self, request: &Request<'_>, tries: &mut Tries, at: At<'_>) -> Option<usize> {
        let cookie = request.cookie?;
        let pod = match &mut self.learnt {
            None => cookie,
            Some(table) => match table.touch(request.user, request.now) {
                Some(pod) => pod,
                None => {
                    let full = table.may_have_purged(request.now);
                    tries.forgotten = Some(if full { Forgotten::TableFull } else { Forgotten::Expired });
                    return None;
                }
            },
        };
        let line = self.peers.position(PodId::new(pod))?;
        (self.peers[line].health != Health::Down && self.is_open(line, at)).then_some(line)
    }

    /// Round robin charges a line for its bound requests, down to a limit, so that it gets fewer new clients.
    pub(super) fn charge(&mut self, line: usize, at: At<'_>) -> usize {
        if self.turns.current(line) > self.turns.weight(line) - self.turns.total() {
            if self.all_usable(at) {
                self.turns.charge(line);
            } else {
                let mut turns = std::mem::take(&mut self.turns);
                turns.charge_among(self.candidates(at), line);
                self.turns = turns;
            }
        }
        line
    }

    /// What goes with the choice of a line: the cookie of the answer, the session that is learnt, the request under way.
    pub(super) fn chosen(&mut self, line: usize, request: &Request<'_>, tries: &mut Tries) {
        let pod = self.peers[line].pod.raw();
        match &self.spec.sticky {
            None => {}
            Some(NginxSticky::Cookie { expires, .. }) => {
                tries.cookie = Some(SetCookie::new(pod, request.now, *expires));
            }
            // the application sets it where it starts a session, and moves the session where it finds itself instead
            Some(NginxSticky::Route { .. }) if request.cookie == Some(pod) => {}
            Some(NginxSticky::Route { .. }) => tries.cookie = Some(SetCookie::new(pod, request.now, None)),
            Some(NginxSticky::Learn { .. }) => {
                let table = self.learnt.as_mut().expect("made with the settings");
                if request.cookie.is_none() {
                    // the application starts a session, and nginx learns its id
                    tries.cookie = Some(SetCookie::new(pod, request.now, None));
                    table.store(request.user, pod, request.now);
                } else {
                    table.store_known(request.user, pod, request.now);
                }
            }
        }
        if self.counts_inflight() {
            self.times[line].begin(request.now);
        }
    }
}
