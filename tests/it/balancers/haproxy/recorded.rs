//! Every decision that was recorded.

use std::collections::BTreeMap;

use stickysim::cluster::balancer::{Balancer, Decide, Health, Peer, Request, Tries};

use super::super::{Row, lazy, request, rows, weights};
use super::{Answer, ask, haproxy, with_down};

/// The lines of a variant such as `source_consnoaval` or `hdr_map_crc32_aval`.
pub fn hash_lines(variant: &str) -> String {
    match variant {
        "source_map" => "{balance: source}".to_owned(),
        "source_mapaval" => "{balance: source, hash-type: map-based sdbm avalanche}".to_owned(),
        "source_cons" => "{balance: source, hash-type: consistent}".to_owned(),
        "source_consnoaval" => "{balance: source, hash-type: consistent sdbm}".to_owned(),
        hdr => {
            let parts: Vec<&str> = hdr.split('_').collect();
            let kind = if parts[1] == "cons" { "consistent" } else { "map-based" };
            let avalanche = if parts.get(3) == Some(&"aval") { " avalanche" } else { "" };
            format!("{{balance: hdr(x-user-id), hash-type: {kind} {}{avalanche}}}", parts[2])
        }
    }
}

#[test]
fn hashes_decide_as_recorded() {
    let rows = rows(include_str!("../../data/haproxy_hash.csv"));
    let mut backends: BTreeMap<(String, String, String), Balancer> = BTreeMap::new();
    let (mut of_source, mut of_header) = (0, 0);
    for row in rows {
        let key = (row["variant"].clone(), row["weights"].clone(), row["condition"].clone());
        let haproxy = backends.entry(key).or_insert_with(|| {
            let down = (row["condition"] == "disabled1").then_some(1);
            with_down(&hash_lines(&row["variant"]), &weights(&row["weights"]), down)
        });
        let request = if row["variant"].starts_with("source") {
            of_source += 1;
            request(&row["client"], 0)
        } else {
            of_header += 1;
            Request { user: row["client"].as_bytes(), room: row["client"].as_bytes(), ..request("192.0.2.1", 0) }
        };
        let from = ask(haproxy, &request, &[]).from.map(|position| position.to_string());
        assert_eq!(from.as_ref(), Some(&row["server_index"]), "{row:?}");
    }
    assert_eq!((of_source, of_header), (4 * 1_120, 16 * 75));
}

#[test]
fn turns_are_taken_as_recorded() {
    let rows = rows(include_str!("../../data/haproxy_rr.csv"));
    assert_eq!(rows.len(), 480);
    let mut backends: BTreeMap<(String, String), Balancer> = BTreeMap::new();
    for row in rows {
        let lines = format!("balance: {}", row["variant"]);
        let haproxy = backends
            .entry((row["variant"].clone(), row["weights"].clone()))
            .or_insert_with(|| haproxy(&lines, &weights(&row["weights"])));
        let from = ask(haproxy, &request("192.0.2.1", 0), &[]).from.map(|position| position.to_string());
        assert_eq!(from.as_ref(), Some(&row["server_index"]), "{row:?}");
    }
}

#[test]
fn least_connections_decide_as_recorded() {
    let rows = rows(include_str!("../../data/haproxy_leastconn.csv"));
    let mut running = BTreeMap::new();
    let mut opened = 0;
    for row in &rows {
        let (haproxy, loads, open) = running.entry(row["weights"].clone()).or_insert_with(|| {
            (haproxy("balance: leastconn", &weights(&row["weights"])), vec![0_u32; 5], BTreeMap::new())
        });
        if row["op"] == "open" {
            let load = |peer: &Peer| loads[peer.pod.index()];
            let chosen = haproxy.pick(&request("192.0.2.1", 0), &mut Tries::default(), &mut lazy(0), load);
            assert_eq!(chosen.map(|server| server.to_string()).as_ref(), Some(&row["server_index"]), "{row:?}");
            let chosen = chosen.expect("compared above");
            loads[chosen] += 1;
            open.insert(row["conn"].clone(), chosen);
            opened += 1;
        } else {
            let server = open.remove(&row["conn"]).expect("closed after it was opened");
            loads[server] -= 1;
            assert!(haproxy.watches(haproxy.peers()[server].pod));
            haproxy.finished(server, request("192.0.2.1", 0).now);
        }
    }
    assert_eq!((rows.len(), opened), (1_200, 699));
}

/// What is believed of the servers in a state of a recording.
fn set_state(haproxy: &mut Balancer, state: &str) {
    let s1 = match state {
        "s1 maint" | "s1 refuses + maint" | "only s2 up" => Health::Down,
        "s1 drain" | "s1 weight 0" => Health::Draining,
        "all up" | "s1 back" | "s1 refuses, not checked" => Health::Up,
        _ => panic!("a state that nobody knows: {state}"),
    };
    haproxy.set_health(1, s1);
    haproxy.set_health(0, if state == "only s2 up" { Health::Down } else { Health::Up });
}

/// Cookies as the recording writes them, and the values for which they stand here.
#[derive(Default)]
struct Jar(BTreeMap<String, u32>);

impl Jar {
    /// The value that stands for a recorded one.
    fn value(&self, text: &str) -> u32 {
        let text = text.split('~').next().expect("split gives something");
        let known = self.0.get(text).copied();
        known.or_else(|| text.strip_prefix('c').and_then(|number| number.parse().ok())).unwrap_or(999_999)
    }
    /// The value of a header `foo=1; SRV=c2`.
    fn sent(&self, header: &str) -> Option<u32> {
        let ours = |part: &&str| part.starts_with("SRV=") || part.starts_with("JSESSIONID=");
        let part = header.split("; ").find(ours)?;
        Some(self.value(part.split_once('=').expect("it has one").1))
    }
    /// From now on a recorded `Set-Cookie` stands for this value.
    fn learn(&mut self, header: &str, value: u32) {
        let text = header.split(';').next().and_then(|part| part.split_once('=')).expect("a name and a value").1;
        self.0.insert(text.split('~').next().expect("split gives something").to_owned(), value);
    }
}

/// What an answer says, in the words of the recordings: (server, status, retries, pauses).
fn words(answer: &Answer) -> (String, String, String, u64) {
    let (first, last) = (answer.tried[0], answer.tried[answer.tried.len() - 1]);
    let sign = if first == last { "" } else { "+" };
    let status = if answer.from.is_some() { "200" } else { "503" };
    let retries = format!("{sign}{}", answer.tried.len() - 1);
    (format!("s{last}"), status.to_owned(), retries, answer.waited.as_nanos() / 1_000_000_000)
}

/// Plays recorded rows of one variant: whether each is as recorded, and the first that is not. `phase_ms` into a second the
/// recording began.
fn play_cookies(lines: &str, rows: &[&Row], phase_ms: u64) -> Result<(), String> {
    let mut haproxy = haproxy(lines, &[1, 1, 1]);
    let mut jar = Jar::default();
    for row in rows {
        set_state(&mut haproxy, &row["state"]);
        let second = row["request"].rsplit_once("t=").map_or(0, |(_, second)| second.parse::<u64>().expect("seconds"));
        let request =
            Request { cookie: jar.sent(&row["cookie_sent"]), ..request("192.0.2.1", phase_ms + 1_000 * second) };
        let refusing: &[usize] = if row["state"].contains("refuses") { &[1] } else { &[] };
        let answer = ask(&mut haproxy, &request, refusing);
        let seconds: f64 = row["seconds"].parse().expect("seconds");
        let status = if row["status"] == "101" { "200" } else { &row["status"] };
        let recorded =
            (row["server_chosen"].clone(), status.to_owned(), row["retries"].clone(), seconds.round() as u64);
        if words(&answer) != recorded {
            return Err(format!("{row:?}: {answer:?}"));
        }
        // an application of the model sets its cookie for those that it does not know, and for nobody else
        let other_application = ["no app cookie", "replay, app sets"].contains(&&*row["request"]);
        let set = answer.cookie.filter(|_| answer.from.is_some());
        if set.is_some() == row["set_cookie"].is_empty() && !other_application {
            return Err(format!("{row:?}: {answer:?}"));
        }
        if let Some(cookie) = set.filter(|_| !row["set_cookie"].is_empty()) {
            jar.learn(&row["set_cookie"], cookie.value);
        }
    }
    Ok(())
}

#[test]
fn cookies_are_followed_and_set_as_recorded() {
    let rows = rows(include_str!("../../data/haproxy_cookie.csv"));
    let variants = [
        ("insert_indirect", "{cookie: SRV insert indirect"),
        ("insert_plain", "{cookie: SRV insert"),
        ("insert_redisp", "{cookie: SRV insert indirect, option: [redispatch]"),
        ("insert_redisp1", "{cookie: SRV insert indirect, option: [redispatch 1]"),
        ("insert_persist", "{cookie: SRV insert indirect, option: [persist, redispatch 1]"),
        ("rewrite", "{cookie: JSESSIONID rewrite"),
        ("prefix", "{cookie: JSESSIONID prefix"),
        ("dynamic", "{cookie: SRV insert indirect dynamic, dynamic-cookie-key: secret"),
    ];
    let mut played = 0;
    for (variant, lines) in variants {
        let rows: Vec<&Row> = rows.iter().filter(|row| row["variant"] == variant).collect();
        assert!(!rows.is_empty());
        played += rows.len();
        play_cookies(&format!("{lines}, balance: roundrobin}}"), &rows, 0).unwrap_or_else(|row| panic!("{row}"));
    }
    // dates count from a clock whose phase the recording does not say: with one of them every row must match
    let dated: Vec<&Row> = rows.iter().filter(|row| row["variant"] == "insert_idle_life").collect();
    let lines = "{balance: roundrobin, cookie: SRV insert indirect maxidle 8s maxlife 12s}";
    let phases: Vec<u64> = (0..4_000).step_by(50).filter(|&phase| play_cookies(lines, &dated, phase).is_ok()).collect();
    println!("recording began {phases:?} ms into four seconds");
    assert!(!phases.is_empty(), "no phase explains the recording");
    assert_eq!((played + dated.len(), rows.len()), (66, 66));
}

#[test]
fn a_table_binds_as_recorded() {
    let rows = rows(include_str!("../../data/haproxy_sticktable.csv"));
    assert_eq!(rows.len(), 19);
    let table = "balance: roundrobin, stick-table: type ip size 10k expire 5s, stick: on src";
    let mut backends = BTreeMap::from([
        ("plain", haproxy(&format!("{{{table}}}"), &[1, 1, 1])),
        ("redisp1", haproxy(&format!("{{{table}, option: [redispatch 1]}}"), &[1, 1, 1])),
    ]);
    for row in &rows {
        let haproxy = backends.get_mut(&*row["variant"]).expect("a known variant");
        let (event, seconds) = (&*row["event"], row["t_s"].parse::<f64>().expect("seconds"));
        match event {
            "s2 in maint" => haproxy.set_health(2, Health::Down),
            "s2 ready again" => haproxy.set_health(2, Health::Up),
            "s0 draining" => haproxy.set_health(0, Health::Draining),
            "s0 refuses, unchecked, no redispatch" => haproxy.set_health(0, Health::Up),
            _ => {}
        }
        let refuses = event.starts_with("s0 refuses") || event == "again";
        // of rows that waited, the time is that of the end
        let waited = if row["status"] == "503" { 3.0 } else { 0.0 };
        let request = request(&row["client"], ((seconds - waited) * 1e3) as u64);
        let answer = ask(haproxy, &request, if refuses { &[0] } else { &[] });
        let (server, status, retries, seconds) = words(&answer);
        assert_eq!(
            (server, status, retries),
            (row["server"].clone(), row["status"].clone(), row["retries"].clone()),
            "{row:?}"
        );
        assert_eq!(seconds, waited as u64, "{row:?}");
    }
}

/// XXH64 of fewer than 32 bytes, seed 0 (its public specification).
fn xxh64(bytes: &[u8]) -> u64 {
    const P: [u64; 5] = [
        0x9E37_79B1_85EB_CA87,
        0xC2B2_AE3D_27D4_EB4F,
        0x1656_67B1_9E37_79F9,
        0x85EB_CA77_C2B2_AE63,
        0x27D4_EB2F_1656_67C5,
    ];
    let mut hash = P[4].wrapping_add(bytes.len() as u64);
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let lane = u64::from_le_bytes(*eight).wrapping_mul(P[1]).rotate_left(31).wrapping_mul(P[0]);
        hash = (hash ^ lane).rotate_left(27).wrapping_mul(P[0]).wrapping_add(P[3]);
    }
    let (fours, rest) = rest.as_chunks::<4>();
    for four in fours {
        let lane = u64::from(u32::from_le_bytes(*four)).wrapping_mul(P[0]);
        hash = (hash ^ lane).rotate_left(23).wrapping_mul(P[1]).wrapping_add(P[2]);
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(P[4])).rotate_left(11).wrapping_mul(P[0]);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(P[1]);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P[2]);
    hash ^ (hash >> 32)
}

#[test]
fn dynamic_values_name_servers_by_their_addresses() {
    // why a pod's number can stand for the value: key, four octets, port in four bytes; a new address is a new value
    assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
    let rows = rows(include_str!("../../data/haproxy_cookie.csv"));
    let issued = |row: &&Row| row["variant"] == "dynamic" && !row["set_cookie"].is_empty();
    let mut checked = 0;
    for row in rows.iter().filter(issued) {
        let server: u32 = row["backend_answered"].parse().expect("a number");
        let bytes = [&b"secret"[..], &[127, 0, 0, 1], &(19_301 + server).to_be_bytes()].concat();
        assert_eq!(row["set_cookie"], format!("SRV={:016x}; path=/", xxh64(&bytes)));
        checked += 1;
    }
    assert_eq!(checked, 3);
}
