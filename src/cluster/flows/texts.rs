//! What a request says of its client, in texts that balancers hash.

use crate::cluster::Cluster;
use crate::cluster::balancer::Reads;
use crate::cluster::clients::ClientId;
use crate::cluster::rooms::RoomId;

/// The text of a user or a room that balancers hash: a letter and a number.
struct Text {
    bytes: [u8; 11],
    start: usize,
}

impl Text {
    fn new(letter: u8, mut number: u32) -> Text {
        let (mut bytes, mut start) = ([0; 11], 11);
        loop {
            start -= 1;
            bytes[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        start -= 1;
        bytes[start] = letter;
        Text { bytes, start }
    }
    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// What a request says of its client.
pub struct Texts {
    user: Option<Text>,
    room: Option<Text>,
}

impl Texts {
    /// The text that is its own; empty: none is read.
    pub fn user(&self) -> &[u8] {
        self.user.as_ref().map_or(&[], Text::bytes)
    }
    /// That of its room; empty: none is read, or it has none.
    pub fn room(&self) -> &[u8] {
        self.room.as_ref().map_or(&[], Text::bytes)
    }
}

impl Cluster<'_> {
    /// The first room of a client, if it has any: only those with a WebSocket are in rooms.
    pub fn room_of(&self, client: ClientId) -> Option<RoomId> {
        if self.audience_of(client).transports.connect() { self.rooms.of(client).first().copied() } else { None }
    }

    /// What a client says of itself, as far as a balancer reads it. A client without a room says none.
    #[inline]
    pub fn texts(&self, client: ClientId, reads: Reads) -> Texts {
        if !reads.text() {
            return Texts { user: None, room: None };
        }
        let room = if reads.room { self.room_of(client) } else { None };
        Texts {
            user: reads.user.then(|| Text::new(b'u', self.clients[client].number)),
            room: room.map(|room| Text::new(b'r', room.raw())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_a_letter_and_a_number() {
        for number in [0, 7, 10, 4_294_967_295] {
            assert_eq!(Text::new(b'u', number).bytes(), format!("u{number}").as_bytes());
        }
    }
}
