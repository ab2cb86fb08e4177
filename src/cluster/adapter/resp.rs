//! Bytes on the connections to Redis: commands and replies as RESP writes them.

use super::Command;
use super::format::digits;
use super::plan::{Aside, Message};

/// Names of the fields of a stream's entry.
pub(super) const FIELD_NAMES: u32 = "uidnsptypedata".len() as u32;
/// `1764000000000-0`: an id of an entry.
const ENTRY_ID: u32 = 15;
const fn bulk(length: u32) -> u64 {
    (1 + digits(length as u64) + 2 + length + 2) as u64
}
const fn array(items: u64) -> u64 {
    1 + digits(items) as u64 + 2
}
const fn integer(n: u64) -> u64 {
    1 + digits(n) as u64 + 2
}
/// A command of words with so many bytes.
pub(in crate::cluster) fn request(words: &[u32]) -> u64 {
    array(words.len() as u64) + words.iter().map(|&length| bulk(length)).sum::<u64>()
}
/// A reply that is one text with so many bytes.
pub(in crate::cluster) const fn text(length: u32) -> u64 {
    bulk(length)
}
fn words(words: &[&str]) -> u64 {
    words.iter().map(|word| bulk(word.len() as u32)).sum()
}

/// The fields of an entry in RESP: uid, nsp, type and data, whose values have so many bytes together.
fn fields(payload: u32) -> u64 {
    use super::broadcast::{CLUSTER_ID, NAMESPACE};
    let data = payload.saturating_sub(FIELD_NAMES + CLUSTER_ID + NAMESPACE + 1);
    words(&["uid", "nsp", "type", "data"]) + bulk(CLUSTER_ID) + bulk(NAMESPACE) + bulk(1) + bulk(data)
}

/// From the sender to Redis.
pub(super) fn sent(message: &Message) -> u64 {
    let (channel, payload) = (bulk(message.channel), bulk(message.payload));
    match message.command {
        Command::Xadd => {
            // XADD key MAXLEN ~ 10000 * field value …
            array(14) + words(&["XADD", "MAXLEN", "~", "10000", "*"]) + channel + fields(message.payload)
        }
        command => array(3) + words(&[command.words()]) + channel + payload,
    }
}

/// From Redis to the sender: how many got a copy, or the entry's id.
pub(super) fn answered(message: &Message, copies: f64) -> u64 {
    match message.command {
        Command::Xadd => bulk(ENTRY_ID),
        _ => integer(copies as u64),
    }
}

/// From a pod to Redis for each entry of the stream that it reads alone:
/// `XREAD COUNT 100 BLOCK 5000 STREAMS socket.io ID`.
pub(super) fn read(stream: u32) -> u64 {
    array(8) + words(&["XREAD", "COUNT", "100", "BLOCK", "5000", "STREAMS"]) + bulk(stream) + bulk(ENTRY_ID)
}

/// From Redis to a pod: one copy.
pub(super) fn copy(message: &Message) -> u64 {
    let (channel, payload) = (bulk(message.channel), bulk(message.payload));
    match (message.command, message.pattern) {
        // RESP3: a map of streams, each with its entries: [id, [field, value, …]]
        (Command::Xadd, _) => {
            array(1) + channel + array(1) + array(2) + bulk(ENTRY_ID) + array(8) + fields(message.payload)
        }
        (Command::Spublish, _) => array(3) + words(&["smessage"]) + channel + payload,
        (_, Some(pattern)) => array(4) + words(&["pmessage"]) + bulk(pattern) + channel + payload,
        (_, None) => array(3) + words(&["message"]) + channel + payload,
    }
}

/// A command that hands nothing to other pods: (to Redis, back).
pub(super) fn aside(aside: &Aside, pods: u64) -> (u64, u64) {
    let [first, ..] = aside.names;
    let name = bulk(first);
    let words: Vec<&str> = aside.command.words().split(' ').collect();
    let command = self::words(&words);
    let lower = bulk(aside.command.words().len() as u32);
    let (ok, queued) = ("+OK\r\n".len() as u64, "+QUEUED\r\n".len() as u64);
    match aside.command {
        Command::NumSub | Command::ShardNumSub => (array(3) + command + name, array(2) + name + integer(pods)),
        // SET key value PX 120000
        Command::Set => (array(5) + command + name + bulk(aside.carries) + self::words(&["PX", "120000"]), ok),
        Command::Multi => (array(1) + command, ok),
        Command::Get | Command::Del => (array(2) + command + name, queued),
        Command::Exec => (array(1) + command, array(2) + bulk(aside.carries) + integer(1)),
        // the entries come as in XREAD
        Command::Xrange => (array(4) + command + name + 2 * bulk(ENTRY_ID), array(1) + u64::from(aside.carries)),
        Command::Xread => (read(first), "_\r\n".len() as u64),
        // for each channel: which, and how many there are now
        _ => {
            let channels = aside.names.into_iter().filter(|&name| name > 0);
            let (count, names) = channels.fold((0, 0), |(count, sum), name| (count + 1, sum + bulk(name)));
            (array(1 + count) + command + names, count * (array(3) + lower + integer(1)) + names)
        }
    }
}
