//! HAProxy as a subject.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use stickysim::cluster::balancer::{BalancerSpec, HaproxyBalance, HaproxySpec, Health};
use stickysim::engine::Span;
use tempfile::TempDir;

use super::ports;
use super::programs::{Process, Program, skip};
use super::servers::{Servers, wait_until};
use super::simulated::Simulated;
use super::subject::{Ask, Outcome, Subject, Tried};
use super::wire::{PATIENCE, send};

mod bodies;

/// A running HAProxy of one thread with its servers.
pub struct Haproxy {
    servers: Servers,
    port: u16,
    /// Where it takes commands.
    admin: u16,
    /// Where each tunnel leads, and the client's end of it.
    tunnels: Vec<Option<(usize, TcpStream)>>,
    /// Tunnels of each server.
    loads: Vec<u32>,
    jars: BTreeMap<u32, String>,
    // in this order they end
    _process: Process,
    _folder: TempDir,
}

/// HAProxy with these lines before so many servers, simulated and real; `None` without HAProxy.
pub fn haproxy(settings: &str, servers: usize) -> Option<(Simulated, Haproxy)> {
    let program = Program::find("haproxy")?;
    let spec: HaproxySpec = serde_yaml::from_str(settings).expect("known settings");
    if matches!(spec.balance, Some(HaproxyBalance::Random(2..))) && program.version >= vec![3] {
        skip(format!("{program} breaks ties of its draws by the rate of requests, which is not modelled"));
        return None;
    }
    let servers = Servers::new(servers);
    let addresses = servers.addresses();
    let simulated = Simulated::new(&BalancerSpec::Haproxy(spec.clone()), &addresses);
    Some((simulated, Haproxy::start(&program, &spec, servers)))
}

/// The lines of a backend: settings have the names of lines, with `-` for some blanks.
fn backend(spec: &HaproxySpec, addresses: &[String]) -> String {
    let settings = serde_yaml::to_value(spec).expect("settings can be written");
    let mut lines = String::new();
    let mut line = |text: &str| writeln!(lines, "  {text}").expect("into memory");
    for (name, value) in settings.as_mapping().expect("settings have names") {
        let name = name.as_str().expect("which are text");
        let texts: Vec<String> = match value {
            serde_yaml::Value::Sequence(list) => list.iter().map(text_of).collect(),
            value => vec![text_of(value)],
        };
        for text in texts.iter().filter(|text| !text.is_empty()) {
            match name {
                "version" | "servers" => {}
                "timeout-connect" | "timeout-queue" => line(&format!("{} {text}", name.replace('-', " "))),
                _ => line(&format!("{name} {text}")),
            }
        }
    }
    for (position, address) in addresses.iter().enumerate() {
        let own = spec.servers.get(position).map(ToString::to_string).unwrap_or_default();
        let cookie = if spec.cookie.is_some() { format!("cookie s{position}") } else { String::new() };
        line(&format!("server s{position} {address} {own} {cookie}"));
    }
    lines
}

fn text_of(value: &serde_yaml::Value) -> String {
    match value {
        serde_yaml::Value::String(text) => text.clone(),
        serde_yaml::Value::Number(number) => number.to_string(),
        other => panic!("a setting that is no line: {other:?}"),
    }
}

impl Haproxy {
    fn start(program: &Program, spec: &HaproxySpec, servers: Servers) -> Haproxy {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let addresses = servers.addresses();
        let path = |name: &str| folder.path().join(name).display().to_string();
        // another program can be faster to take a port
        for _ in 0..3 {
            let (port, admin) = (ports::free(), ports::free());
            let text = format!(
                "global
  nbthread 1
  maxconn 500
  stats socket ipv4@127.0.0.1:{admin} level admin
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
frontend clients
  bind 127.0.0.1:{port}
  http-request set-src hdr(x-forwarded-for)
  http-after-response set-header x-tried \"%s %rc\"
  default_backend pods
backend pods
{}",
                backend(spec, &addresses)
            );
            std::fs::write(path("haproxy.cfg"), text).expect("a file in our folder");
            let mut command = program.command(path("words").as_ref());
            command.args(["-db", "-f", &path("haproxy.cfg")]);
            if let Some(process) = Process::start(command, port) {
                return Haproxy {
                    loads: vec![0; addresses.len()],
                    servers,
                    port,
                    admin,
                    tunnels: Vec::new(),
                    jars: BTreeMap::new(),
                    _process: process,
                    _folder: folder,
                };
            }
        }
        let read = |name| std::fs::read_to_string(path(name)).unwrap_or_default();
        panic!("{program} does not start: {}\n{}", read("words"), read("haproxy.cfg"));
    }

    /// What HAProxy answers to a command.
    fn command(&self, text: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.admin)).expect("HAProxy takes commands");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        stream.write_all(format!("{text}\n").as_bytes()).expect("HAProxy reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("HAProxy answers");
        answer
    }
    /// Waits until HAProxy has counted off what is over: it tells clients and servers first.
    fn settle(&self) {
        wait_until("HAProxy counts only the tunnels that are open", || {
            // of all (-1) proxies the servers (4), all (-1) of them; the fifth column are those that are connected
            let table = self.command("show stat -1 4 -1");
            let rows = table.lines().filter(|line| line.starts_with("pods,"));
            let loads: Vec<u32> = rows.filter_map(|row| row.split(',').nth(4)?.parse().ok()).collect();
            loads == self.loads
        });
    }
}

/// The number in `s2`.
fn number(server: &str) -> Option<usize> {
    server.strip_prefix('s').and_then(|number| number.parse().ok())
}

impl Subject for Haproxy {
    fn ask(&mut self, ask: &Ask, holds: bool) -> Outcome {
        let address = ask.address.to_string();
        let mut headers = vec![("X-Forwarded-For", &*address)];
        headers.extend(Some(("X-User", &*ask.key)).filter(|_| !ask.key.is_empty()));
        let cookie = if ask.forged { Some("SRV=nobody") } else { None };
        let kept = ask.client.and_then(|client| self.jars.get(&client));
        headers.extend(cookie.or(kept.map(String::as_str)).map(|cookie| ("Cookie", cookie)));
        let (head, tunnel) = send(self.port, &headers, holds);
        let from = head.header("x-server").map(|number| number.parse().expect("servers say their number"));
        let set = head.header("set-cookie").map(|cookie| cookie.split(';').next().unwrap_or_default().to_owned());
        let named = set.as_deref().map(|cookie| cookie.split('=').nth(1).and_then(number).expect("it names a server"));
        if let (Some(client), Some(set)) = (ask.client, set) {
            self.jars.insert(client, set);
        }
        if holds {
            if let Some(server) = from {
                self.loads[server] += 1;
            }
            self.tunnels.push(from.zip(tunnel));
        }
        self.settle();
        let tried = head.header("x-tried").expect("HAProxy says it");
        let (last, retries) = tried.split_once(' ').expect("two words");
        let count = retries.trim_start_matches('+').parse().expect("a number of retries");
        Outcome {
            from,
            status: head.status(),
            tried: Tried::Retries { last: number(last), count, moved: retries.starts_with('+') },
            cookie: named,
        }
    }
    fn close(&mut self, tunnel: usize) {
        let Some((server, stream)) = self.tunnels[tunnel].take() else { return };
        drop(stream);
        self.loads[server] -= 1;
        self.settle();
    }
    fn stop(&mut self, server: usize) {
        self.servers.stop(server);
    }
    fn start(&mut self, server: usize) {
        self.servers.start(server);
    }
    fn tell(&mut self, server: usize, health: Health) {
        let state = match health {
            Health::Up => "ready",
            Health::Draining => "drain",
            Health::Down => "maint",
        };
        let answer = self.command(&format!("set server pods/s{server} state {state}"));
        assert_eq!(answer.trim(), "", "HAProxy does as it is told");
    }
    fn pass(&mut self, span: Span) {
        std::thread::sleep(std::time::Duration::from_nanos(span.as_nanos()));
    }
}
