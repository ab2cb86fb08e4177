//! nginx as a subject.

use std::collections::BTreeMap;
use std::net::TcpStream;

use md5::{Digest, Md5};
use stickysim::cluster::balancer::{BalancerSpec, Health, NginxMethod, NginxSpec};
use stickysim::engine::Span;
use tempfile::TempDir;

use super::ports;
use super::programs::{Process, Program, skip};
use super::servers::{Servers, wait_until};
use super::simulated::Simulated;
use super::subject::{Ask, Outcome, Subject, Tried};
use super::wire::send;

mod bodies;

/// A running nginx with its servers: one process, as the state of each worker is its own.
pub struct Nginx {
    servers: Servers,
    addresses: Vec<String>,
    port: u16,
    /// Where each tunnel leads, and the client's end of it.
    tunnels: Vec<Option<(usize, TcpStream)>>,
    jars: BTreeMap<u32, String>,
    // in this order they end
    _process: Process,
    _folder: TempDir,
}

/// nginx with these settings before so many servers, simulated and real; `None` without an nginx that has them.
pub fn nginx(settings: &str, servers: usize) -> Option<(Simulated, Nginx)> {
    let program = Program::find("nginx")?;
    let spec: NginxSpec = serde_yaml::from_str(settings).expect("known settings");
    if spec.sticky.is_some() && program.version < vec![1, 29, 6] {
        skip(format!("{program} has no `sticky`, which came with 1.29.6"));
        return None;
    }
    let servers = Servers::new(servers);
    let addresses = servers.addresses();
    let simulated = Simulated::new(&BalancerSpec::Nginx(spec.clone()), &addresses);
    Some((simulated, Nginx::start(&program, &spec, servers)))
}

/// The `upstream` block of these settings.
fn upstream(spec: &NginxSpec, addresses: &[String]) -> String {
    let mut lines = Vec::new();
    match &spec.method {
        NginxMethod::RoundRobin => {}
        method => lines.push(method.to_string()),
    }
    lines.extend(spec.sticky.as_ref().map(|sticky| format!("sticky {sticky}")));
    for (position, address) in addresses.iter().enumerate() {
        let of_all = [
            ("max_fails", spec.max_fails.to_string()),
            ("fail_timeout", spec.fail_timeout.to_string()),
            ("max_conns", spec.max_conns.to_string()),
        ];
        let mut words = vec![format!("server {address}")];
        words.extend(spec.servers.get(position).map(ToString::to_string));
        let own = words.join(" ");
        let absent = of_all.into_iter().filter(|(name, _)| !own.contains(&format!("{name}=")));
        words.extend(absent.map(|(name, value)| format!("{name}={value}")));
        lines.push(words.join(" "));
    }
    lines.iter().map(|line| format!("    {line};\n")).collect()
}

/// The whole configuration.
fn configuration(spec: &NginxSpec, addresses: &[String], folder: &str, port: u16) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = kinds.map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n")).concat();
    let upstream = upstream(spec, addresses);
    let (next, tries) = (spec.proxy_next_upstream, spec.proxy_next_upstream_tries);
    let limit = spec.proxy_next_upstream_timeout.unwrap_or(Span::ZERO).as_nanos() / 1_000_000;
    format!(
        "daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/log info;
events {{ worker_connections 512; }}
http {{
{temporary}  access_log off;
  map $http_upgrade $connection_of_server {{ default upgrade; '' close; }}
  upstream pods {{
{upstream}  }}
  server {{
    listen 127.0.0.1:{port};
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
    # the end of an answer is the end of its connection
    keepalive_timeout 0;
    lingering_close off;
    location / {{
      proxy_pass http://pods;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_of_server;
      proxy_next_upstream {next};
      proxy_next_upstream_tries {tries};
      proxy_next_upstream_timeout {limit}ms;
      add_header X-Tried $upstream_addr always;
    }}
  }}
}}
"
    )
}

impl Nginx {
    fn start(program: &Program, spec: &NginxSpec, servers: Servers) -> Nginx {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let addresses = servers.addresses();
        let path = |name: &str| folder.path().join(name).display().to_string();
        // another program can be faster to take the port
        for _ in 0..3 {
            let port = ports::free();
            let text = configuration(spec, &addresses, &folder.path().display().to_string(), port);
            std::fs::write(path("nginx.conf"), text).expect("a file in our folder");
            let mut command = program.command(path("words").as_ref());
            command.args(["-p", &path(""), "-e", &path("log"), "-c", &path("nginx.conf")]);
            if let Some(process) = Process::start(command, port) {
                let (tunnels, jars) = (Vec::new(), BTreeMap::new());
                return Nginx { servers, addresses, port, tunnels, jars, _process: process, _folder: folder };
            }
        }
        let read = |name| std::fs::read_to_string(path(name)).unwrap_or_default();
        panic!("{program} does not start: {}{}\n{}", read("words"), read("log"), read("nginx.conf"));
    }

    /// The servers of `127.0.0.1:1, 127.0.0.1:2`; the upstream's name, which stands there when none was tried, is none.
    fn chain(&self, tried: &str) -> Vec<usize> {
        let number = |text: &str| self.addresses.iter().position(|address| address == text);
        tried.split([',', ' ']).filter_map(number).collect()
    }
    /// The server that a `Set-Cookie` names: the md5 of its address.
    fn named(&self, cookie: &str) -> Option<usize> {
        let value = cookie.split(['=', ';']).nth(1)?;
        let hex = |address| Md5::digest(address).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        self.addresses.iter().position(|address| hex(address) == value)
    }
}

impl Subject for Nginx {
    fn ask(&mut self, ask: &Ask, holds: bool) -> Outcome {
        let address = ask.address.to_string();
        let mut headers = vec![("X-Forwarded-For", &*address)];
        headers.extend(Some(("X-User", &*ask.key)).filter(|_| !ask.key.is_empty()));
        let cookie = if ask.forged { Some("srv_id=nobody") } else { None };
        let kept = ask.client.and_then(|client| self.jars.get(&client));
        headers.extend(cookie.or(kept.map(String::as_str)).map(|cookie| ("Cookie", cookie)));
        let (head, tunnel) = send(self.port, &headers, holds);
        let from = head.header("x-server").map(|number| number.parse().expect("servers say their number"));
        let set = head.header("set-cookie").map(|cookie| cookie.split(';').next().unwrap_or_default().to_owned());
        let named = set.as_deref().map(|cookie| self.named(cookie).expect("nginx names a server"));
        if let (Some(client), Some(set)) = (ask.client, set) {
            self.jars.insert(client, set);
        }
        if holds {
            self.tunnels.push(from.zip(tunnel));
        }
        let tried = self.chain(head.header("x-tried").expect("nginx says it"));
        Outcome { from, status: head.status(), tried: Tried::Chain(tried), cookie: named }
    }
    fn close(&mut self, tunnel: usize) {
        let Some((server, stream)) = self.tunnels[tunnel].take() else { return };
        let open = self.servers.tunnels(server);
        drop(stream);
        // nginx has counted it off before it closes its own end
        wait_until("the server sees the end of its tunnel", || self.servers.tunnels(server) < open);
    }
    fn stop(&mut self, server: usize) {
        self.servers.stop(server);
    }
    fn start(&mut self, server: usize) {
        self.servers.start(server);
    }
    fn tell(&mut self, _server: usize, _health: Health) {
        panic!("nginx is told by its configuration alone");
    }
    fn pass(&mut self, span: Span) {
        std::thread::sleep(std::time::Duration::from_nanos(span.as_nanos()));
    }
}
