//! `balance roundrobin`: HAProxy's fast weighted round robin (`src/lb_fwrr.c`).
//!
//! Servers wait in three queues: those that have not had a turn in this round, by weight (`first`); those that have, by the
//! position of their next turn (`again`); and those whose next turn lies in the next round (`later`). A round is as long as
//! the weights together. Exact, equal places in a queue included: who came first, goes first.

use std::collections::VecDeque;

use super::EFFECTIVE;

/// The weight of a server with the largest weight, in units of a sixteenth.
const HEAVIEST: i64 = 256 * EFFECTIVE;

/// A queue: (what orders it, server), equals in order of arrival.
type Queue = VecDeque<(i64, u32)>;

/// The queue in which a server waits. `first` and `later` swap when a round ends, so they are two numbered ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In none: it is not usable.
    Nowhere,
    /// In one of the two queues by weight.
    ByWeight(usize),
    /// In the queue by position.
    Again,
}

#[derive(Clone, Debug)]
struct Server {
    /// In sixteenths.
    weight: i64,
    /// Position of its next turn; 0 = it never had one in this round.
    next: i64,
    /// What dividing the round by the weight left over so far.
    rest: i64,
    place: Place,
    /// What orders it in its queue.
    key: i64,
}

/// The state of `balance roundrobin`.
#[derive(Clone, Debug, Default)]
pub struct Fwrr {
    servers: Vec<Server>,
    by_weight: [Queue; 2],
    again: Queue,
    /// Which of `by_weight` is `first`.
    first: usize,
    /// Position in the round.
    position: i64,
    /// Length of this round and of the next one.
    round: i64,
    next_round: i64,
    /// Scratch: servers passed over in one decision, the last one first.
    passed: Vec<u32>,
}

impl Fwrr {
    /// Servers with these weights, of which these are usable.
    pub fn new(servers: impl Iterator<Item = (u32, bool)>) -> Fwrr {
        let mut fwrr = Fwrr::default();
        for (weight, usable) in servers {
            let weight = i64::from(weight) * EFFECTIVE;
            let number = fwrr.servers.len();
            fwrr.servers.push(Server { weight, next: 0, rest: 0, place: Place::Nowhere, key: 0 });
            if usable {
                fwrr.next_round += weight;
                fwrr.queue_by_weight(0, number);
            }
        }
        (fwrr.position, fwrr.round) = (fwrr.next_round, fwrr.next_round);
        fwrr
    }

    /// A server becomes usable, or is no longer.
    pub fn set_usable(&mut self, number: usize, usable: bool) {
        let Server { weight, place, .. } = self.servers[number];
        if usable == (place != Place::Nowhere) {
            return;
        }
        if !usable {
            self.next_round -= weight;
            self.leave(number);
            return;
        }
        self.next_round += weight;
        let after = (self.next_round + self.round - self.position) / weight;
        self.servers[number].next = self.position + after;
        self.queue(number);
    }

    /// Whose turn it is: the next server that has room and is not the one to avoid; that one when there is no other.
    pub fn next(&mut self, avoid: Option<usize>, mut has_room: impl FnMut(usize) -> bool) -> Option<usize> {
        let (mut switched, mut avoided) = (false, None);
        let mut passed = std::mem::take(&mut self.passed);
        passed.clear();
        let chosen = loop {
            if self.round == 0 {
                (self.position, self.round) = (self.next_round, self.next_round);
            }
            let Some(number) = self.head() else {
                if switched {
                    break avoided;
                }
                // the next round begins, as long as the weights are now
                switched = true;
                self.first = 1 - self.first;
                (self.round, self.position) = (self.next_round, self.next_round);
                continue;
            };
            self.advance(number);
            self.leave(number);
            self.position += 1;
            if has_room(number) {
                if avoid != Some(number) || avoided.is_some() {
                    break Some(number);
                }
                avoided = Some(number);
            }
            passed.push(number as u32);
        };
        if let Some(number) = chosen {
            self.queue(number);
        }
        // those passed over, the last one first; an avoided one that was chosen after all is queued already
        for &number in passed.iter().rev() {
            let number = number as usize;
            if Some(number) == chosen {
                continue;
            }
            if switched {
                // with the round went its place: only its weight counts
                self.queue_by_weight(self.first, number);
            } else {
                self.queue(number);
            }
        }
        self.passed = passed;
        chosen
    }

    /// The server whose turn it is: the first one by position, or, if its turn has not come yet, the first of those that
    /// have had none.
    fn head(&mut self) -> Option<usize> {
        let again = self.again.front().map(|&(_, number)| number as usize);
        if let Some(number) = again
            && self.servers[number].next <= self.position
        {
            return again;
        }
        let Some(&(_, number)) = self.by_weight[self.first].front() else { return again };
        let server = &mut self.servers[number as usize];
        (server.next, server.rest) = (0, 0);
        Some(number as usize)
    }

    /// Its next turn comes when as much of the round has passed as its weight is contained in it.
    fn advance(&mut self, number: usize) {
        let server = &mut self.servers[number];
        let from = if server.next == 0 { self.position } else { server.next };
        server.next = from + self.next_round / server.weight;
        server.rest += self.next_round % server.weight;
        if server.rest >= server.weight {
            server.rest -= server.weight;
            server.next += 1;
        }
    }

    /// Puts a server where its next turn is: in this round by position, or, if that is beyond it, in the next one.
    fn queue(&mut self, number: usize) {
        let (round, both) = (self.round, self.round + self.next_round);
        let server = &mut self.servers[number];
        if server.next >= 2 * round || server.next >= both {
            server.next -= round;
            self.queue_by_weight(1 - self.first, number);
            return;
        }
        // of equal positions the heavier server first, as exactly as the program's key says
        server.key = 256 * server.next + (HEAVIEST + server.rest - server.weight) / EFFECTIVE;
        server.place = Place::Again;
        insert(&mut self.again, server.key, number);
    }

    fn queue_by_weight(&mut self, queue: usize, number: usize) {
        let server = &mut self.servers[number];
        server.key = HEAVIEST - server.weight;
        server.place = Place::ByWeight(queue);
        insert(&mut self.by_weight[queue], server.key, number);
    }

    /// Takes a server out of its queue.
    fn leave(&mut self, number: usize) {
        let server = &mut self.servers[number];
        let queue = match std::mem::replace(&mut server.place, Place::Nowhere) {
            Place::Nowhere => return,
            Place::ByWeight(queue) => &mut self.by_weight[queue],
            Place::Again => &mut self.again,
        };
        if queue.front().is_some_and(|&(_, first)| first as usize == number) {
            queue.pop_front();
            return;
        }
        if let Some(at) = queue.iter().position(|&(_, other)| other as usize == number) {
            queue.remove(at);
        }
    }
}

/// Behind all that are not greater.
fn insert(queue: &mut Queue, key: i64, number: usize) {
    let entry = (key, number as u32);
    if queue.back().is_none_or(|&(last, _)| last <= key) {
        queue.push_back(entry);
        return;
    }
    let at = queue.partition_point(|&(other, _)| other <= key);
    queue.insert(at, entry);
}
