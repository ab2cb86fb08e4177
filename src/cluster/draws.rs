//! The random numbers of requests, and those of the next requests, drawn ahead.
//!
//! What a request draws depends on who sends it and on its number, so it is known as soon as its event is. Drawn for many
//! requests one after the other, the numbers of one do not wait for those of another; drawn when each request happens,
//! everything would wait for them.

use super::Cluster;
use super::clients::{Client, ClientId};
use super::spec::TrafficAction;
use crate::engine::{Span, Stream, exp_both, normals};

/// The random numbers of one request and of when the next one is sent.
#[derive(Clone, Copy)]
pub struct Draws {
    /// Work of its handler.
    pub work: Span,
    /// Trip of the answer, if there is one.
    pub down: Span,
    /// Which room, modulo the number of rooms.
    pub choice: u64,
    /// From when this request was sent to when the next one will be.
    pub gap: Span,
    /// Trip of the next one.
    pub up: Span,
}

/// Whose draws.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Who sends the request …
    pub client: ClientId,
    /// … for which traffic entry …
    pub item: u8,
    /// … and which one it is.
    pub n: u32,
}

/// What the draws of a request depend on.
#[derive(Clone, Copy)]
struct Source {
    owner: Owner,
    /// See [`Client::number`].
    number: u32,
    one_way_ns: u32,
    audience: u8,
}

/// Draws of requests that come soon, in the order in which they come. Others may come between them.
#[derive(Default)]
pub struct Ahead {
    sources: Vec<Source>,
    draws: Vec<Draws>,
    taken: usize,
}

impl Ahead {
    /// Takes the draws of the request that comes now, if they are there.
    #[inline]
    fn take(&mut self, owner: Owner) -> Option<Draws> {
        let draws = *self.draws.get(self.taken)?;
        (self.sources[self.taken].owner == owner).then(|| {
            self.taken += 1;
            draws
        })
    }
}

impl Cluster<'_> {
    /// These requests come next, after those that were announced before. What their draws depend on is read for all before
    /// anything is drawn: what is not there yet arrives while others are read.
    #[inline(always)]
    pub fn announce(&mut self, requests: impl Iterator<Item = (ClientId, u8)>) {
        let mut sources = std::mem::take(&mut self.ahead.sources);
        sources.clear();
        sources.extend(
            requests.map(|(client, item)| self.source(Owner { client, item, n: self.clients.slot(client, item).n })),
        );
        self.ahead.sources = sources;
    }

    /// Draws for all requests that were announced. Apart, so that profiles show it.
    #[inline(never)]
    pub fn draw_ahead(&mut self) {
        let Ahead { sources, mut draws, .. } = std::mem::take(&mut self.ahead);
        draws.clear();
        for source in &sources {
            draws.push(self.draws(source));
        }
        self.ahead = Ahead { sources, draws, taken: 0 };
    }

    #[inline(always)]
    fn source(&self, owner: Owner) -> Source {
        let Client { number, one_way_ns, audience, .. } = self.clients[owner.client];
        Source { owner, number, one_way_ns, audience }
    }

    /// The random numbers of a request that comes now.
    #[inline(always)]
    pub fn draws_now(&mut self, owner: Owner) -> Draws {
        match self.ahead.take(owner) {
            Some(draws) => draws,
            None => self.draws_again(owner),
        }
    }

    /// The random numbers of a request whenever they are wanted.
    #[inline(never)]
    pub fn draws_again(&self, owner: Owner) -> Draws {
        self.draws(&self.source(owner))
    }

    /// All numbers of a request are drawn together: the processor works on several at a time.
    #[inline(always)]
    fn draws(&self, source: &Source) -> Draws {
        let mut stream = self.stream_of_request(source);
        let entry = &self.spec.traffic[usize::from(source.owner.item)];
        let (TrafficAction::Api { work } | TrafficAction::ApiWithData { work, .. } | TrafficAction::Emit { work, .. }) =
            &entry.action;
        let [down, up] = self.trips(source, &mut stream);
        let work = work.span(&mut stream);
        let gap = entry.every.span(&mut stream);
        let choice = match entry.action {
            TrafficAction::Emit { to, .. } if to.is_room() => stream.bits() >> 1,
            TrafficAction::Api { .. } | TrafficAction::ApiWithData { .. } | TrafficAction::Emit { .. } => 0,
        };
        Draws { work, down, choice, gap, up }
    }

    #[inline(always)]
    fn stream_of_request(&self, source: &Source) -> Stream {
        let Owner { item, n, .. } = source.owner;
        self.traffic[usize::from(item)].stream(u64::from(source.number), u64::from(n))
    }

    /// When a client sends its first request for a traffic entry, from when it appears or, `at_start`, from the start of
    /// the run; and how long that travels.
    pub fn first_draws(&self, client: ClientId, item: u8, at_start: bool) -> (Span, Span) {
        let source = self.source(Owner { client, item, n: u32::MAX });
        let mut stream = self.stream_of_request(&source);
        let every = &self.spec.traffic[usize::from(item)].every;
        let gap = if at_start { every.residual(&mut stream) } else { every.span(&mut stream) };
        let [up, _] = self.trips(&source, &mut stream);
        (gap, up)
    }

    /// Two trips between a client and the balancer: its base, spread by the audience's jitter.
    #[inline(always)]
    fn trips(&self, source: &Source, stream: &mut Stream) -> [Span; 2] {
        let [x, y] = normals(stream);
        let sigma = self.spec.audiences[usize::from(source.audience)].network.jitter_sigma;
        if sigma == 0.0 {
            return [Span::from_nanos(u64::from(source.one_way_ns)); 2];
        }
        let [x, y] = exp_both([sigma * x, sigma * y]);
        let base = f64::from(source.one_way_ns);
        [Span::from_nanos_f64(base * x), Span::from_nanos_f64(base * y)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Id;

    #[test]
    fn draws_are_taken_in_order_and_by_their_owners_only() {
        let owner = |client| Owner { client: Id::new(client), item: 0, n: 7 };
        let source = |client| Source { owner: owner(client), number: client, one_way_ns: 1, audience: 0 };
        let draws = |ns| {
            let span = Span::from_nanos(ns);
            Draws { work: span, down: span, choice: 0, gap: span, up: span }
        };
        let mut ahead = Ahead { sources: vec![source(1), source(2)], draws: vec![draws(1), draws(2)], taken: 0 };
        let mut take = |owner| ahead.take(owner).map(|draws| draws.work.as_nanos());
        assert_eq!(take(owner(2)), None, "somebody came between");
        assert_eq!(take(Owner { n: 8, ..owner(1) }), None, "another request");
        assert_eq!(take(Owner { item: 1, ..owner(1) }), None, "for another entry");
        assert_eq!([take(owner(1)), take(owner(1)), take(owner(2)), take(owner(2))], [Some(1), None, Some(2), None]);
    }
}
