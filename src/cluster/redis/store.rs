//! Commands of a session store in Redis, as connect-redis sends them (`RedisStore.ts`: GET, SET with EX, EXPIRE), and of the
//! lists in which events wait for clients that are offline.

use super::super::adapter::{Command, resp};
use super::super::spec::SessionSpec;
use super::Commands;

/// `sess:` and the 32 characters of an id of express-session.
const KEY: u32 = 37;
/// The key of a list of pending events.
const LIST: u32 = 40;
/// A number, such as the seconds after which a key expires.
const NUMBER: u32 = 5;
/// `+OK`, `:1`, and that there is nothing (RESP3).
const OK: u64 = 5;
const ONE: u64 = 4;
const NOTHING: u64 = 3;

/// The commands of a store.
pub struct Store {
    /// A session is asked for, and found.
    pub found: Commands,
    /// It is not found.
    pub missing: Commands,
    /// A session is made.
    pub make: Commands,
    /// It was used, and starts to age anew.
    pub renew: Commands,
    /// Lists are cut to a length.
    cut: bool,
}

impl Store {
    /// Those of a store.
    pub fn new(spec: &SessionSpec) -> Store {
        let get = [3, KEY];
        Store {
            found: one(Command::Get, &get, resp::text(spec.bytes)),
            missing: one(Command::Get, &get, NOTHING),
            make: one(Command::Set, &[3, KEY, spec.bytes, 2, NUMBER], OK),
            renew: one(Command::Expire, &[6, KEY, NUMBER], ONE),
            cut: spec.pending.is_some(),
        }
    }
    /// An event of so many bytes is appended to so many lists, which are cut to their length and start to age anew.
    pub fn push(&self, bytes: u32, lists: u64) -> Commands {
        let mut sum = one(Command::Rpush, &[5, LIST, bytes], ONE);
        if self.cut {
            sum.add_all(one(Command::Ltrim, &[5, LIST, NUMBER, 2], OK));
        }
        sum.add_all(one(Command::Expire, &[6, LIST, NUMBER], ONE));
        sum.times(lists)
    }
    /// A list of so many events is read, and deleted.
    pub fn take(&self, events: u32, bytes: u64) -> Commands {
        let texts = if events == 0 { 0 } else { resp::text((bytes / u64::from(events)) as u32) * u64::from(events) };
        let mut sum = one(Command::Lrange, &[6, LIST, 1, 2], resp::request(&[]) + texts);
        sum.add_all(one(Command::Del, &[3, LIST], ONE));
        sum
    }
}

/// One command of words with so many bytes, and its reply.
fn one(command: Command, words: &[u32], reply: u64) -> Commands {
    Commands { each: vec![(command, 1)], bytes_in: resp::request(words), bytes_out: reply }
}

#[cfg(test)]
mod tests {
    use super::super::super::spec::SessionStore;
    use super::*;

    #[test]
    fn commands_have_the_bytes_of_resp() {
        let spec =
            SessionSpec { store: SessionStore::Redis, ttl: None, requests: true, bytes: 300, pending: Some(100) };
        let store = Store::new(&spec);
        let key = "s".repeat(37);
        let get = format!("*2\r\n$3\r\nGET\r\n$37\r\n{key}\r\n");
        assert_eq!(store.found.bytes_in, get.len() as u64);
        assert_eq!(store.found.bytes_out, "$300\r\n\r\n".len() as u64 + 300);
        assert_eq!(store.missing.bytes_out, "_\r\n".len() as u64);
        let set =
            format!("*5\r\n$3\r\nSET\r\n$37\r\n{key}\r\n$300\r\n{}\r\n$2\r\nEX\r\n$5\r\n86400\r\n", "v".repeat(300));
        assert_eq!(store.make.bytes_in, set.len() as u64);
        assert_eq!(store.push(200, 3).each, [(Command::Rpush, 3), (Command::Ltrim, 3), (Command::Expire, 3)]);
        assert_eq!(store.take(2, 400).bytes_out, "*2\r\n".len() as u64 + 2 * ("$200\r\n\r\n".len() as u64 + 200) + 4);
    }
}
