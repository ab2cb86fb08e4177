//! Which endpoint has seen which source: a list per endpoint, as xt_recent (iptables) or a set of nftables keeps it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::cluster::PodId;
use crate::cluster::balancer::Forgotten;
use crate::engine::{SimTime, Span};

/// No slot.
const NONE: u32 = u32::MAX;
/// In place of [`Slot::older`]: the slot is free.
const FREE: u32 = u32::MAX - 1;
/// In place of a slot: the source found no room.
const NO_ROOM: u32 = u32::MAX - 2;

/// What the lists of a kind of rules can do.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Sources per list.
    pub capacity: usize,
    /// A full list forgets its oldest source for a new one. Else new ones find no room until old ones expire.
    pub evicts: bool,
    /// A source that was seen exactly the timeout ago still counts.
    pub inclusive: bool,
}

/// One list per endpoint, and where each source was put last.
///
/// At any time at most one list has a source that is not too old: a new connection goes to it, and to another list only when
/// there is none. So the last one is the only one to look at.
#[derive(Clone, Debug)]
pub struct Sources {
    rules: Rules,
    timeout: Span,
    /// By position of the endpoint; `None` where rules do not mention it.
    lists: Vec<Option<List>>,
    /// By number of a list: the position of its endpoint; [`NONE`] when it is destroyed.
    positions: Vec<u32>,
    /// (number of the list, slot there). Stays when the list forgets the source, so that one can say why.
    last: FxHashMap<IpAddr, (u32, u32)>,
}

#[derive(Clone, Debug)]
struct List {
    pod: PodId,
    number: u32,
    slots: Vec<Slot>,
    /// The source seen longest ago, and the one seen last.
    oldest: u32,
    newest: u32,
    /// First of the free slots; each names the next in `newer`.
    free: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    source: IpAddr,
    seen: SimTime,
    older: u32,
    newer: u32,
}

impl Sources {
    /// No lists.
    pub fn new(rules: Rules, timeout: Span) -> Sources {
        Sources { rules, timeout, lists: Vec::new(), positions: Vec::new(), last: FxHashMap::default() }
    }

    /// From now on the rules mention these endpoints, by position. Lists of others are destroyed.
    pub fn set_endpoints(&mut self, endpoints: impl Iterator<Item = Option<PodId>>) {
        let old = std::mem::take(&mut self.lists);
        let mut old: BTreeMap<PodId, List> = old.into_iter().flatten().map(|list| (list.pod, list)).collect();
        self.positions.fill(NONE);
        for (position, pod) in endpoints.enumerate() {
            let list = pod.map(|pod| {
                old.remove(&pod).unwrap_or_else(|| {
                    self.positions.push(NONE);
                    List::new(pod, self.positions.len() as u32 - 1)
                })
            });
            if let Some(list) = &list {
                self.positions[list.number as usize] = position as u32;
            }
            self.lists.push(list);
        }
    }

    /// The position of the endpoint that has seen this source within the timeout; else why none has: nothing is forgotten
    /// when the endpoint is gone.
    pub fn find(&self, source: IpAddr, now: SimTime) -> Result<usize, Option<Forgotten>> {
        let Some(&(number, slot)) = self.last.get(&source) else { return Err(Some(Forgotten::Expired)) };
        let position = self.positions[number as usize];
        let list = match self.lists.get(position as usize) {
            Some(Some(list)) => list,
            _ => return Err(None),
        };
        if slot == NO_ROOM {
            return Err(Some(Forgotten::TableFull));
        }
        let slot = &list.slots[slot as usize];
        if slot.source != source {
            return Err(Some(if self.rules.evicts { Forgotten::TableFull } else { Forgotten::Expired }));
        }
        if self.is_live(slot, now) { Ok(position as usize) } else { Err(Some(Forgotten::Expired)) }
    }

    /// A new connection of this source goes to the endpoint at a position.
    pub fn stamp(&mut self, position: usize, source: IpAddr, now: SimTime) {
        let last = self.last.get(&source).copied();
        let rules = self.rules;
        let oldest_live = |slot: &Slot| is_live(rules, self.timeout, slot, now);
        let Some(Some(list)) = self.lists.get_mut(position) else { return };
        let known = match last {
            Some((number, slot))
                if number == list.number && slot < NO_ROOM && list.slots[slot as usize].holds(source) =>
            {
                Some(slot)
            }
            // a source that moved may have left an old mark here; sets drop theirs when it expires
            Some(_) if rules.evicts => list.slot_of(source),
            _ => None,
        };
        if let Some(slot) = known {
            list.unlink(slot);
            list.link_newest(slot, source, now);
            self.last.insert(source, (list.number, slot));
            return;
        }
        while !rules.evicts && list.oldest != NONE && !oldest_live(&list.slots[list.oldest as usize]) {
            list.release_oldest();
        }
        let slot = match list.take_free() {
            Some(slot) => slot,
            None if list.slots.len() < rules.capacity => list.grow(source),
            None if rules.evicts => {
                let slot = list.oldest;
                list.unlink(slot);
                slot
            }
            None => {
                self.last.insert(source, (list.number, NO_ROOM));
                return;
            }
        };
        list.link_newest(slot, source, now);
        self.last.insert(source, (list.number, slot));
    }

    fn is_live(&self, slot: &Slot, now: SimTime) -> bool {
        is_live(self.rules, self.timeout, slot, now)
    }
}

fn is_live(rules: Rules, timeout: Span, slot: &Slot, now: SimTime) -> bool {
    let age = now.since(slot.seen);
    slot.older != FREE && (age < timeout || (rules.inclusive && age == timeout))
}

impl Slot {
    fn holds(&self, source: IpAddr) -> bool {
        self.older != FREE && self.source == source
    }
}

impl List {
    const fn new(pod: PodId, number: u32) -> List {
        List { pod, number, slots: Vec::new(), oldest: NONE, newest: NONE, free: NONE }
    }
    /// Where this source stands; nobody has told, so all slots are looked at.
    fn slot_of(&self, source: IpAddr) -> Option<u32> {
        self.slots.iter().position(|slot| slot.holds(source)).map(|slot| slot as u32)
    }
    fn unlink(&mut self, slot: u32) {
        let Slot { older, newer, .. } = self.slots[slot as usize];
        match older {
            NONE => self.oldest = newer,
            _ => self.slots[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            _ => self.slots[newer as usize].older = older,
        }
    }
    fn link_newest(&mut self, slot: u32, source: IpAddr, seen: SimTime) {
        self.slots[slot as usize] = Slot { source, seen, older: self.newest, newer: NONE };
        match self.newest {
            NONE => self.oldest = slot,
            newest => self.slots[newest as usize].newer = slot,
        }
        self.newest = slot;
    }
    fn release_oldest(&mut self) {
        let slot = self.oldest;
        self.unlink(slot);
        self.slots[slot as usize].older = FREE;
        self.slots[slot as usize].newer = self.free;
        self.free = slot;
    }
    fn take_free(&mut self) -> Option<u32> {
        let slot = self.free;
        if slot == NONE {
            return None;
        }
        self.free = self.slots[slot as usize].newer;
        Some(slot)
    }
    fn grow(&mut self, source: IpAddr) -> u32 {
        self.slots.push(Slot { source, seen: SimTime::ZERO, older: NONE, newer: NONE });
        self.slots.len() as u32 - 1
    }
}
