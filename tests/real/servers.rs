//! The servers behind a balancer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::ports;
use super::wire::{Head, PATIENCE, UPGRADED};

/// Servers that answer with their number, each on a port of its own. One that is stopped refuses: nobody listens there.
pub struct Servers(Vec<Server>);

struct Server {
    port: u16,
    /// Tunnels that are open.
    tunnels: Arc<AtomicU32>,
    running: Option<Running>,
}

struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Servers {
    /// So many that run.
    pub fn new(count: usize) -> Servers {
        let server = |_| Server { port: ports::free(), tunnels: Arc::default(), running: None };
        let mut servers = Servers((0..count).map(server).collect());
        (0..count).for_each(|number| servers.start(number));
        servers
    }
    /// Where they are.
    pub fn addresses(&self) -> Vec<String> {
        self.0.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect()
    }
    /// Starts one that does not run.
    pub fn start(&mut self, number: usize) {
        let server = &mut self.0[number];
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, server.port)).expect("nobody else has the port");
        let (stop, tunnels) = (Arc::new(AtomicBool::new(false)), Arc::clone(&server.tunnels));
        let stopped = Arc::clone(&stop);
        let serve = move || {
            while let Ok((stream, _)) = listener.accept() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let tunnels = Arc::clone(&tunnels);
                // ends with its connection
                Builder::new().spawn(move || answer(stream, number, &tunnels)).expect("threads can be made");
            }
        };
        let thread = Builder::new().spawn(serve).expect("threads can be made");
        server.running = Some(Running { stop, thread });
    }
    /// From now on this one refuses.
    pub fn stop(&mut self, number: usize) {
        let port = self.0[number].port;
        let Some(Running { stop, thread }) = self.0[number].running.take() else { return };
        stop.store(true, Ordering::SeqCst);
        ports::close(port, || {
            // wakes it
            drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
            thread.join().expect("servers do not panic");
        });
    }
    /// Tunnels to this one.
    pub fn tunnels(&self, number: usize) -> u32 {
        self.0[number].tunnels.load(Ordering::SeqCst)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        (0..self.0.len()).for_each(|number| self.stop(number));
    }
}

/// Serves one connection: a request, or a tunnel until its end.
fn answer(mut stream: TcpStream, number: usize, tunnels: &AtomicU32) {
    let patient = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_nodelay(true));
    let (Ok(()), Ok(head)) = (patient, Head::read(&mut stream)) else { return };
    // who went away in between is nobody's concern
    if head.header("upgrade").is_none() {
        let text = format!("HTTP/1.1 200 OK\r\nX-Server: {number}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        drop(stream.write_all(text.as_bytes()));
        return;
    }
    tunnels.fetch_add(1, Ordering::SeqCst);
    drop(stream.write_all(format!("{UPGRADED}\r\nX-Server: {number}\r\n\r\n").as_bytes()));
    let mut buffer = [0; 64];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    drop(stream);
    tunnels.fetch_sub(1, Ordering::SeqCst);
}

/// Waits until something holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let pause = Duration::from_millis(1);
    for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
        if holds() {
            return;
        }
        std::thread::sleep(pause);
    }
    panic!("{what}: not even after {} s", PATIENCE.as_secs());
}
