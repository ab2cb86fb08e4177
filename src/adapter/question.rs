//! What is asked about.

use std::str::FromStr;

use crate::cluster::adapter::{Event, NAMED, Named, NamedOperation, OPERATIONS, Place, Scene};

/// At most so many pods.
pub const MAX_PODS: u32 = 10_000;
/// At most so many clients on a pod, and members of a room.
pub const MAX_CLIENTS: u32 = 10_000_000;
/// The shortest packet with a name and a text: `2["ev",""]`.
const SHORTEST: u32 = 10;

/// A sentence that says what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// Where the members of a room are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Each anywhere: costs are expectations.
    Random,
    /// As evenly as can be, the emitting pod first.
    Even,
    /// All on the pod that emits.
    Here,
    /// All on another one.
    Elsewhere,
}

impl Placement {
    /// In words.
    pub const fn what(self) -> &'static str {
        match self {
            Placement::Random => "each anywhere",
            Placement::Even => "spread evenly",
            Placement::Here => "all on the pod that emits",
            Placement::Elsewhere => "all on one other pod",
        }
    }
}

/// A cluster that stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Pods.
    pub pods: u32,
    /// Clients of each.
    pub clients: u32,
    /// Members of the room.
    pub members: u32,
    /// Where they are.
    pub placement: Placement,
    /// Characters of its name.
    pub name: u32,
    /// Bytes of the event's Socket.IO packet.
    pub bytes: u32,
    /// `connectionStateRecovery`.
    pub recovery: bool,
}

impl Question {
    /// The same, if it can be.
    ///
    /// # Errors
    /// When a number is out of bounds, or clients are too few for the room.
    pub fn checked(self) -> Result<Question, Fault> {
        let within = |what: &str, n: u32, least: u32, most: u32| match n {
            n if (least..=most).contains(&n) => Ok(()),
            n => Err(Fault(format!("--{what} {n} cannot be; write {least} to {most}"))),
        };
        within("pods", self.pods, 1, MAX_PODS)?;
        within("clients", self.clients, 1, MAX_CLIENTS)?;
        within("members", self.members, 0, MAX_CLIENTS)?;
        within("room-name", self.name, 1, 255)?;
        within("bytes", self.bytes, SHORTEST, MAX_CLIENTS)?;
        let (pods, clients) = (u64::from(self.pods), u64::from(self.clients));
        let room = match self.placement {
            Placement::Random | Placement::Even => pods * clients,
            Placement::Here | Placement::Elsewhere => clients,
        };
        if u64::from(self.members) > room {
            return Err(Fault(format!(
                "--members {}: there are {room} clients where they may be; write more --clients (per pod), or a smaller room",
                self.members
            )));
        }
        if self.placement == Placement::Elsewhere && self.pods == 1 {
            return Err(Fault("--placement elsewhere: there is no other pod; write at least `--pods 2`".to_owned()));
        }
        Ok(self)
    }

    /// The event.
    pub const fn event(&self) -> Event {
        Event { bytes: self.bytes }
    }

    /// Everybody is meant.
    pub fn everybody(&self) -> Scene {
        Scene::all(self.pods, self.clients, self.event())
    }

    /// The room is meant.
    pub fn room(&self) -> Scene {
        self.room_of(self.members)
    }

    /// A room of so many members is meant.
    pub fn room_of(&self, members: u32) -> Scene {
        let on = |pod: u32| match self.placement {
            Placement::Even => members / self.pods + u32::from(pod < members % self.pods),
            Placement::Here => {
                if pod == 0 {
                    members
                } else {
                    0
                }
            }
            _ => {
                if pod == 1 {
                    members
                } else {
                    0
                }
            }
        };
        match self.placement {
            Placement::Random => Scene::at_random(self.pods, self.clients, members, self.event()),
            _ => Scene {
                pods: (0..self.pods).map(|pod| Place::new(self.clients, on(pod))).collect(),
                event: self.event(),
            },
        }
    }

    /// A socket of the emitting pod, which is in the room, emits to the others in it.
    pub fn room_but_sender(&self) -> Scene {
        let mut scene = self.room_of(self.members.saturating_sub(1));
        if let Some(here) = scene.pods.first_mut() {
            here.members += 1.0;
            here.holds = 1.0;
        }
        scene
    }

    /// Everybody but so many clients of the emitting pod.
    pub fn everybody_but_sender(&self) -> Scene {
        let mut scene = self.everybody();
        if let Some(here) = scene.pods.first_mut() {
            *here = Place::meaning(self.clients, self.clients, self.clients - 1);
        }
        scene
    }

    /// One client of the emitting pod.
    pub fn one_here(&self) -> Scene {
        self.one(0)
    }
    /// One client of another pod, if there is any.
    pub fn one_elsewhere(&self) -> Scene {
        self.one(1)
    }
    /// One client, wherever it is.
    pub fn one_anywhere(&self) -> Scene {
        Scene::at_random(self.pods, self.clients, 1, self.event())
    }
    fn one(&self, of: u32) -> Scene {
        let of = of.min(self.pods - 1);
        let pods = (0..self.pods).map(|pod| Place::new(self.clients, u32::from(pod == of))).collect();
        Scene { pods, event: self.event() }
    }
}

impl FromStr for Placement {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Placement, Fault> {
        match text {
            "random" => Ok(Placement::Random),
            "even" => Ok(Placement::Even),
            "here" => Ok(Placement::Here),
            "elsewhere" => Ok(Placement::Elsewhere),
            _ => Err(Fault(format!("--placement: `{text}` is none; write `random`, `even`, `here` or `elsewhere`"))),
        }
    }
}

/// The adapters that a list such as `classic,sharded` names; `all` is all of them.
///
/// # Errors
/// When a name is none.
pub fn adapters(list: &str) -> Result<Vec<Named>, Fault> {
    pick("--adapters", list, &NAMED, |named| named.word).map(|found| found.into_iter().copied().collect())
}

/// The operations that a list such as `emit,to-room` names; `all` is all of them.
///
/// # Errors
/// When a name is none.
pub fn operations(list: &str) -> Result<Vec<&'static NamedOperation>, Fault> {
    pick("--operations", list, OPERATIONS, |entry| entry.word)
}

fn pick<'a, T>(option: &str, list: &str, all: &'a [T], word: impl Fn(&T) -> &'static str) -> Result<Vec<&'a T>, Fault> {
    if list.trim() == "all" {
        return Ok(all.iter().collect());
    }
    let mut found: Vec<&T> = Vec::new();
    for text in list.split(',').map(str::trim) {
        let Some(one) = all.iter().find(|one| word(one) == text) else {
            let words: Vec<&str> = all.iter().map(&word).collect();
            return Err(Fault(format!("{option}: `{text}` is none; write `all`, or some of {}", words.join(", "))));
        };
        if !found.iter().any(|other| word(other) == text) {
            found.push(one);
        }
    }
    Ok(found)
}
