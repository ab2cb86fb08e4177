//! How a pod reads a stream: one command at a time, each of which waits until there is an entry.

use std::collections::VecDeque;

use crate::engine::{SimTime, Span};

/// `XREAD BLOCK 5000`: a command that finds nothing for so long is sent again.
const BLOCK: Span = Span::from_secs(5);
/// `COUNT 100`: entries that one command takes.
const COUNT: usize = 100;

/// The loop of one pod.
#[derive(Default)]
pub struct Reader {
    /// Since when its command waits at Redis, if it does.
    waits_since: Option<SimTime>,
    /// Messages that it has not read yet, in order; the command is under way then.
    unread: VecDeque<u32>,
}

impl Reader {
    /// An entry is there: true if a command waits for it, which takes it. Else the entry has to wait.
    pub fn offer(&mut self, message: u32) -> bool {
        let waits = self.waits_since.take().is_some();
        if !waits {
            self.unread.push_back(message);
        }
        waits
    }
    /// The next command arrives: it takes what is there, or waits.
    pub fn ask(&mut self, now: SimTime) -> Vec<u32> {
        let taken = self.unread.len().min(COUNT);
        if taken == 0 {
            self.waits_since = Some(now);
        }
        self.unread.drain(..taken).collect()
    }
    /// How often a waiting command has been sent again since [`sent_again`](Self::sent_again) was asked last.
    pub fn waiting(&self, now: SimTime) -> u64 {
        self.waits_since.map_or(0, |since| now.since(since).as_nanos() / BLOCK.as_nanos())
    }
    /// How often a waiting command has been sent again since this was asked last.
    pub fn sent_again(&mut self, now: SimTime) -> u64 {
        let times = self.waiting(now);
        if let Some(since) = &mut self.waits_since {
            *since += BLOCK * times;
        }
        times
    }
    /// An entry that was taken was not received: it is the next one again.
    pub fn put_back(&mut self, message: u32) {
        self.waits_since = None;
        self.unread.push_front(message);
    }
    /// Its connection is gone. What it has not read stays in the stream.
    pub fn pause(&mut self) {
        self.waits_since = None;
    }
    /// The process ends: nobody reads any more. Returns what is left.
    pub fn stop(&mut self) -> VecDeque<u32> {
        self.waits_since = None;
        std::mem::take(&mut self.unread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_wait_while_a_command_is_under_way_and_go_a_hundred_at_a_time() {
        let at = |seconds| SimTime::ZERO + Span::from_secs(seconds);
        let mut reader = Reader::default();
        assert!(!reader.offer(7), "nothing has been asked yet");
        assert_eq!(reader.ask(at(0)), [7]);
        assert!(reader.ask(at(1)).is_empty());
        assert_eq!((reader.sent_again(at(5)), reader.sent_again(at(16)), reader.sent_again(at(16))), (0, 3, 0));
        assert!(reader.offer(8), "the command that waits takes it");
        assert!((0..150).all(|message| !reader.offer(message)));
        assert_eq!([reader.ask(at(20)).len(), reader.ask(at(21)).len(), reader.ask(at(22)).len()], [100, 50, 0]);
    }
}
