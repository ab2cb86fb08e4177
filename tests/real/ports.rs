//! Ports of 127.0.0.1 on which nobody listens yet.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

/// Below the ports from which connections come (Linux: from 32768 on), or a connection could take the port of a server that
/// is down for a moment.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Who starts a program holds this, and who closes a listener: between fork and exec a program has a hold of all that is open
/// here, and a port would be listened on although it was closed.
static FORKING: Mutex<()> = Mutex::new(());

/// Does something while no program is being started.
pub fn while_nothing_starts<T>(action: impl FnOnce() -> T) -> T {
    let _guard = FORKING.lock().unwrap_or_else(PoisonError::into_inner);
    action()
}

/// A port that was given to nobody else in this process.
pub fn free() -> u16 {
    // several runs at a time begin at different places
    let begin = (std::process::id().wrapping_mul(331) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let port = FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        if while_nothing_starts(|| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return port;
        }
    }
    panic!("no port is free");
}
