//! What users paste, and what is refused.

use stickysim::cluster::balancer::{
    AffinityKey, Checks, Forwards, HaproxyBalance, HaproxySpec, Health, Line, List, Problem, Reads, Settings, Trusts,
};
use stickysim::engine::Span;

use super::spec;

/// The error of these lines, or what is wrong with them together.
fn wrong(yaml: &str) -> String {
    match serde_yaml::from_str::<HaproxySpec>(yaml) {
        Err(error) => error.to_string(),
        Ok(spec) => {
            let text = |problem: &Problem| format!("{}: {}; {}", problem.setting, problem.message, problem.help);
            spec.problems().iter().map(text).collect()
        }
    }
}

#[test]
fn a_whole_backend_is_read_and_written_back() {
    let text = "\
version: 3.2
balance: source
hash-type: consistent sdbm avalanche
hash-balance-factor: 150
cookie: SRV insert indirect nocache httponly domain example.org attr SameSite=None maxidle 30m maxlife 8h
stick-table: type ip size 200k expire 30m nopurge peers mine
stick: on src
option: [redispatch 1, persist, forwardfor]
retries: 3
timeout-connect: 5s
timeout-queue: 5000
default-server: check inter 2000 fall 3 rise 2 maxconn 100 weight 10 on-marked-down shutdown-sessions
servers: [weight 5, weight 1 disabled, id 9 weight 0, '']
http-request: set-src hdr(x-forwarded-for)
";
    let read = spec(text);
    assert!(read.problems().is_empty(), "{:?}", read.problems());
    let written = serde_yaml::to_string(&read).expect("settings can be written");
    assert_eq!(spec(&written), read, "{written}");
    for line in [
        "hash-type: consistent\n",
        "cookie: SRV insert indirect nocache httponly domain example.org attr SameSite=None maxidle 30m maxlife 8h",
        "type ip size 200k expire 30m nopurge peers mine",
        "check inter 2s fall 3 rise 2 maxconn 100 weight 10 on-marked-down shutdown-sessions",
        "set-src hdr(x-forwarded-for)",
    ] {
        assert!(written.contains(line), "{line} in {written}");
    }
    let following = read.following();
    let checks = Checks { every: Span::from_secs(2), fall: 3, rise: 2, begins_up: true };
    assert_eq!((following.list, following.checks), (List::Servers, Some(checks)));
    assert_eq!((read.affinity(), read.reads()), (AffinityKey::Cookie, Reads::of(AffinityKey::Address)));
    assert!(read.trusts() == Trusts::BeforeLast(0) && read.default_server.shutdown_sessions);
    assert_eq!(read.forwards(), Forwards::APPENDS);
    let lines = [0, 1, 2, 3, 9].map(|position| read.line(position));
    let line = |weight, health| Line { weight, health };
    let rest = line(10, Health::Up);
    assert_eq!(lines, [line(5, Health::Up), line(1, Health::Down), line(1, Health::Draining), rest, rest]);
    assert_eq!(read.describe(), "HAProxy source, consistent, cookie and stick-table");
}

#[test]
fn the_default_is_that_of_the_version() {
    assert_eq!(HaproxySpec::default().algorithm(), HaproxyBalance::Random(2));
    for (version, algorithm) in
        [("3.2", HaproxyBalance::RoundRobin), ("'2.6'", HaproxyBalance::RoundRobin), ("3.4", HaproxyBalance::Random(2))]
    {
        assert_eq!(spec(&format!("version: {version}")).algorithm(), algorithm, "{version}");
    }
    assert!(HaproxySpec::default().problems().is_empty());
    assert_eq!(HaproxySpec::default().following().checks, None, "servers without `check` are believed up");
    assert_eq!(spec("{}"), HaproxySpec::default());
}

#[test]
fn keys_are_told_by_their_names() {
    for (balance, key) in [
        ("url_param room", AffinityKey::Room),
        ("hdr(X-User-Id)", AffinityKey::User),
        ("hash req.cook(session)", AffinityKey::User),
        ("hash url_param(roomId)", AffinityKey::Room),
        ("hash src", AffinityKey::Address),
        ("source", AffinityKey::Address),
        ("leastconn", AffinityKey::None),
        ("random(5)", AffinityKey::None),
    ] {
        let spec = spec(&format!("balance: {balance}"));
        assert_eq!(spec.affinity(), key, "{balance}");
        assert_eq!(spec.algorithm().to_string(), balance);
    }
    let both = spec("{balance: url_param room, stick-table: type ip size 1k, stick: on src}");
    let reads = Reads { address: true, user: false, room: true };
    assert_eq!((both.affinity(), both.reads()), (AffinityKey::Address, reads));
}

#[test]
fn what_cannot_be_is_refused_with_what_to_write_instead() {
    for (yaml, sentence) in [
        ("balance: sauce", "`static-rr`"),
        ("balance: uri", "url_param room"),
        ("balance: hdr(host)", "with `room` in it"),
        ("balance: hdr(x-forwarded-for)", "set-src hdr(x-forwarded-for)"),
        ("balance: hash hdr(x-user-id),lower", "converters"),
        ("balance: random(0)", "from 1 to"),
        ("balance: url_param room check_post", "`check_post` is not modelled"),
        ("hash-type: consistent avalanche", "`sdbm`"),
        ("hash-type: ring", "`consistent`"),
        ("{balance: source, hash-type: consistent md5}", "`crc32`"),
        ("hash-type: consistent", "takes no hash"),
        ("{balance: source, hash-balance-factor: 150}", "no effect"),
        ("{balance: source, hash-type: consistent, hash-balance-factor: 50}", "above 100"),
        ("cookie: SRV", "needs a mode"),
        ("cookie: insert", "begins with the cookie's name"),
        ("cookie: SRV insert rewrite", "exclude each other"),
        ("cookie: SRV insert postonly", "`postonly`"),
        ("cookie: SRV insert maxidle", "needs something after it"),
        ("cookie: SRV insert maxidle 0", "is not a time"),
        ("cookie: SRV insert maxlife 500ms", "whole seconds"),
        ("cookie: JSESSIONID prefix maxidle 30m", "work with `insert`"),
        ("cookie: SRV insert sticky", "`maxlife`"),
        ("stick-table: type ip size 200k", "nothing is kept"),
        ("stick: on src", "there is no table"),
        ("stick: match src", "not modelled"),
        ("stick: on src table other", "one table"),
        ("stick-table: type ip expire 30m", "needs `size`"),
        ("stick-table: size 1k", "needs `type`"),
        ("stick-table: type ip size 0", "is not a size"),
        ("stick-table: type integer size 1k", "`ipv6`"),
        ("stick-table: type ip size 1k store conn_cur", "`store`"),
        ("stick-table: type string len 0 size 1k", "from 1 to 1024"),
        ("{stick-table: type ip size 1k, stick: on req.cook(session)}", "does not fit"),
        ("{balance: url_param room, stick-table: type string size 1k, stick: on hdr(x-user-id)}", "another text"),
        ("option: [httpchk GET /health]", "`default-server`"),
        ("option: [redispatch 0]", "redispatch 1"),
        ("option: [redispatch 4]", "never comes"),
        ("option: [redispatch, redispatch 1]", "more than once"),
        ("option: [persist]", "nobody is bound"),
        ("option: [abortonclose]", "`forwardfor`"),
        ("retries: 101", "more than 100"),
        ("retries: -1", "expected u32"),
        ("timeout-connect: 0", "is not a time"),
        ("timeout-connect: 60d", "24d"),
        ("default-server: weight 257", "from 0 to 256"),
        ("default-server: maxconn 0", "from 1 to"),
        ("default-server: slowstart 10s", "`slowstart` in `default-server` is not modelled"),
        ("default-server: on-marked-down shut", "`shutdown-sessions`"),
        ("default-server: disabled", "write it in `servers`"),
        ("default-server: speed 9", "`weight`"),
        ("servers: [backup]", "`backup` in `servers` is not modelled"),
        ("servers: ['server s1 10.0.0.1:80 weight 5']", "what follows the address"),
        ("servers: [check]", "write it in `default-server`"),
        ("servers: [id 3, id 3]", "two servers have `id 3`"),
        ("servers: [cookie a]", "a cookie that there is not"),
        ("{cookie: SRV insert, servers: [cookie a, cookie a]}", "two servers have `cookie a`"),
        ("dynamic-cookie-key: secret", "no cookie is `dynamic`"),
        ("balance: first", "maxconn"),
        ("http-request: deny", "set-src hdr(x-forwarded-for)"),
        ("http-request: set-src hdr(x-user-id)", "hdr(x-real-ip)"),
        ("version: 1.8", "from `2.6` to `3.5`"),
        ("version: 3", "a version such as"),
        ("mode: tcp", "unknown field"),
    ] {
        let said = wrong(yaml);
        assert!(said.contains(sentence), "{yaml}: «{said}» does not say «{sentence}»");
    }
}
