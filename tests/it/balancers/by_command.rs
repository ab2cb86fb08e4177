//! `stickysim route` against the recordings of the real programs, and its table against what was computed for 40,000 clients.

use std::collections::BTreeMap;

use crate::program::Place;

use super::haproxy::recorded::hash_lines;
use super::strategies::STRATEGIES as STRATEGIES_OF_PRODUCTS;
use super::{Row, chain, condition, rows};

/// The address of a server by its number.
type Address = fn(usize) -> String;

/// Recorded rows that are one command: balancer, weights, condition.
type Group = (String, String, String);

/// Asks the command for all clients of each group. (rows, rows decided as recorded); with the chain where it was recorded.
fn replay(rows: &[Row], address: Address, of: impl Fn(&Row) -> String) -> (usize, usize) {
    let mut groups: BTreeMap<Group, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let group = (of(row), row["weights"].clone(), row["condition"].clone());
        groups.entry(group).or_default().push(row);
    }
    let (place, mut same) = (Place::new(), 0);
    for ((balancer, weights, condition_text), rows) in groups {
        let (down, refusing) = match condition_text.strip_prefix("disabled") {
            Some(line) => (line.parse().ok(), None),
            None => condition(&condition_text),
        };
        let count = weights.split('-').count();
        let mut servers: Vec<String> = (0..count).map(address).collect();
        if let Some(refusing) = refusing {
            // where nobody listens; see `nginx::hash_decides_as_recorded`
            servers[refusing as usize] = "127.0.0.1:19502".to_owned();
        }
        let (servers, weights) = (servers.join(","), weights.replace('-', ","));
        let mut words = vec!["-b", &balancer, "-s", &servers, "-c", "-"];
        if weights.split(',').any(|weight| weight != "1") {
            words.extend(["--weights", &weights]);
        }
        let state = down.map(|line: usize| line.to_string()).or(refusing.map(|line| line.to_string()));
        if let Some(state) = &state {
            words.extend([if down.is_some() { "--down" } else { "--refuse" }, state]);
        }
        let clients: Vec<&str> = rows.iter().map(|row| &*row["client"]).collect();
        let said = place.run_with("route", &words, clients.join("\n").as_bytes());
        let answers = super::rows(said.fine());
        assert_eq!(answers.len(), rows.len(), "{balancer}: a row for each client");
        for (row, answer) in rows.iter().zip(&answers) {
            assert_eq!(row["client"], answer["client"]);
            let tried =
                row.get("tried").is_none_or(|tried| tried.is_empty() || chain(tried) == chain(&answer["tried"]));
            same += usize::from(row["server_index"] == answer["server"] && tried);
            assert!(row["server_index"] == answer["server"] && tried, "{balancer}: {row:?}, {answer:?}");
        }
    }
    (rows.len(), same)
}

#[test]
fn nginx_is_decided_as_recorded() {
    let ip_hash = rows(include_str!("../data/nginx_ip_hash.csv"));
    // failures are not remembered in these recordings
    let address: Address = |line| format!("127.0.0.1:{}", 19_001 + line);
    let same = replay(&ip_hash, address, |_| "nginx: {method: ip_hash, max_fails: 0}".to_owned());
    assert_eq!(same, (2_240, 2_240));
    let hash = rows(include_str!("../data/nginx_hash.csv"));
    let same = replay(&hash, address, |row| {
        let consistent = if row["variant"] == "hash_consistent" { " consistent" } else { "" };
        format!("nginx: {{method: 'hash $cookie_user{consistent}', max_fails: 0}}")
    });
    assert_eq!(same, (3_240, 3_240));
}

#[test]
fn haproxy_is_decided_as_recorded() {
    let hashes = rows(include_str!("../data/haproxy_hash.csv"));
    let address: Address = |line| format!("127.0.0.1:{}", 19_101 + line);
    let same = replay(&hashes, address, |row| format!("haproxy: {}", hash_lines(&row["variant"])));
    assert_eq!(same, (5_680, 5_680));
}

#[test]
fn envoy_is_decided_as_recorded() {
    let hashes = rows(include_str!("../data/envoy_hash.csv"));
    let address: Address = |line| format!("127.0.0.1:{}", usize::from(super::envoy::HOSTS) + line);
    let same = replay(&hashes, address, |row| {
        let variant = &row["variant"];
        let policy = if variant.starts_with("RING_HASH") { "RING_HASH" } else { "MAGLEV" };
        let by_address = "connection_properties: {source_ip: true}";
        let hashed = if variant.ends_with("source_ip") { by_address } else { "header: {header_name: x-user-id}" };
        format!("envoy: {{lb_policy: {policy}, hash_policy: [{{{hashed}}}]}}")
    });
    assert_eq!(same, (1_040, 1_040));
}

#[test]
fn ingress_nginx_is_decided_as_recorded() {
    let hashes = rows(include_str!("../data/ingress_ring.csv"));
    let address: Address = |endpoint| format!("127.0.3.{}:8080", endpoint + 1);
    let same = replay(&hashes, address, |_| "ingress-nginx: {upstream-hash-by: $cookie_user}".to_owned());
    assert_eq!(same, (240, 240));
}

/// The first server of three is down, or drains: nobody is bound to it, so nobody lands there, or the product is said to know no
/// such thing.
#[test]
fn nobody_lands_on_a_server_that_is_down_or_drains() {
    let place = Place::new();
    let mut refused = 0;
    for yaml in STRATEGIES_OF_PRODUCTS {
        for option in ["--down", "--drain"] {
            let said = place.run_with("route", &["-b", yaml, option, "0", "-c", "60"], b"");
            if said.code == Some(2) {
                said.refused(&[&option[2..], "write `"]);
                refused += 1;
                continue;
            }
            let served = rows(said.fine()).iter().filter(|row| !row["server"].is_empty()).count();
            let any_there = rows(said.fine()).iter().any(|row| row["server"] == "0");
            // `Local`: who enters by the node of that server has no other, and kube-proxy sends him to one that drains
            let (expected, there) = match (yaml.contains("Local"), option) {
                (true, "--down") => (20..60, false),
                (true, _) => (60..61, true),
                (false, _) => (60..61, false),
            };
            assert!(expected.contains(&served) && any_there == there, "{yaml} {option}: {served}");
        }
    }
    assert!(refused > 20, "most products without `sticky` know no draining");
}

/// The names of strategies in the table and in what was computed.
const STRATEGIES: [(&str, &str); 11] = [
    ("nginx ip_hash", "nginx ip_hash"),
    ("nginx hash", "nginx hash"),
    ("nginx hash consistent", "nginx hash consistent"),
    ("ingress-nginx cookie, balanced", "ingress-nginx balanced / upstream-hash-by"),
    ("haproxy source, map-based", "haproxy source map-based"),
    ("haproxy source, consistent, weight 1", "haproxy source consistent, weight 1"),
    ("haproxy source, consistent, weight 100", "haproxy source consistent, weight 100"),
    ("envoy RING_HASH", "envoy ring_hash 1024"),
    ("envoy MAGLEV", "envoy maglev 65537"),
    ("traefik hrw", "traefik hrw (not measured)"),
    ("app-redirect, md5 mod N", "md5 mod N (seed 001)"),
];

#[test]
fn the_table_says_what_was_computed_and_stands_in_the_documentation() {
    let place = Place::new();
    let table = place.run("route --table").fine().to_owned();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/BALANCERS.md")).expect("the page");
    assert!(page.contains(&table), "put what `stickysim route --table` prints into docs/BALANCERS.md:\n{table}");
    let recorded: Vec<Row> = [
        include_str!("../data/nginx_ingress_remap.csv"),
        include_str!("../data/haproxy_remap.csv"),
        include_str!("../data/envoy_traefik_remap.csv"),
        include_str!("../data/app_redirect_remap.csv"),
    ]
    .iter()
    .flat_map(|text| rows(text))
    .collect();
    let lines: Vec<Vec<&str>> = table.lines().skip(2).map(|line| line.split(" | ").collect()).collect();
    assert_eq!(lines.len(), STRATEGIES.len() + 1);
    let columns = [
        (1, "moved_add_one_last", 3),
        (2, "moved_add_one_last", 8),
        (3, "moved_remove_second", 3),
        (4, "moved_remove_second", 8),
        (5, "moved_mark_second_down", 3),
        (6, "moved_mark_second_down", 8),
        (7, "max_over_mean", 3),
        (8, "max_over_mean", 8),
        (9, "max_over_mean", 10),
    ];
    let mut compared = 0;
    for ((name, computed), line) in STRATEGIES.iter().zip(&lines) {
        assert_eq!(line[0].trim_start_matches("| "), *name);
        for (column, key, count) in columns {
            let here = line[column].trim_end_matches(" |");
            let of = |row: &&Row| row["strategy"] == *computed && row["n"] == count.to_string();
            let row = recorded.iter().find(of).expect("every strategy was computed for every number");
            let scale = if key == "max_over_mean" { 1.0 / f64::from(count) } else { 1.0 };
            let Ok(here) = here.parse::<f64>() else { continue };
            // printed with three digits, of ratios with two
            let rounding = if key == "max_over_mean" { 0.005 } else { 0.0005 } * scale;
            let (here, there) = (here * scale, row[key].parse::<f64>().expect("a number") * scale);
            let p = f64::midpoint(here, there);
            let bound = 3.9 * (2.0 * p * (1.0 - p) / 40_000.0).sqrt() + rounding + 1e-4;
            assert!((here - there).abs() <= bound, "{name}, {key} of {count}: {here}, computed {there} ± {bound}");
            compared += 1;
        }
    }
    assert_eq!(compared, 97, "all but those of the application, which never learns that somebody is down");
}
