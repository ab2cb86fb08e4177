//! Ports of 127.0.0.1 on which nobody listens yet.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::servers::wait_until;

/// Below the ports from which connections come (Linux: from 32768 on), or a connection could take the port of a server that
/// is down for a moment.
const FIRST: u16 = 10_000;
const BLOCKS: u16 = 20;
/// Ports of a block. A run of all tests takes about 700.
const BLOCK: u16 = 1_000;

/// Who starts a program holds this, and who closes a listener.
static FORKING: Mutex<()> = Mutex::new(());

/// Does something while no other program is being started.
pub fn while_nothing_starts<T>(action: impl FnOnce() -> T) -> T {
    let _guard = FORKING.lock().unwrap_or_else(PoisonError::into_inner);
    action()
}

/// Closes what listens on a port, and returns when nobody listens there any more: a program that was started a moment ago has
/// a hold of all that was open here until its exec is through, which is later than the return of `spawn`.
pub fn close(port: u16, action: impl FnOnce()) {
    while_nothing_starts(|| {
        action();
        let refuses = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err();
        wait_until("nobody listens any more", refuses);
    });
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

/// The first port of the block that is this process's own. Who listens there has the block: another run of these tests at the
/// same time must not try a port at which a server of ours is down, and HAProxy would even share one with another HAProxy.
fn block() -> u16 {
    static OWN: OnceLock<TcpListener> = OnceLock::new();
    let own = OWN.get_or_init(|| {
        let firsts = (0..BLOCKS).map(|block| FIRST + block * BLOCK);
        firsts.filter_map(listen).next().expect("one of the blocks is nobody's")
    });
    own.local_addr().expect("it listens").port()
}

/// A port that was given to nobody else.
pub fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = block();
    for _ in 0..BLOCK {
        let port = first + 1 + NEXT.fetch_add(1, Ordering::Relaxed) % (BLOCK - 1);
        if let Some(listener) = listen(port) {
            close(port, || drop(listener));
            return port;
        }
    }
    panic!("no port is free");
}
