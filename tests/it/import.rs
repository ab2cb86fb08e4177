//! Access logs become profiles, traces and scenario text.

use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use stickysim::cluster::balancer::BalancerSpec;
use stickysim::cluster::spec::Trace;
use stickysim::engine::Span;
use stickysim::import::{
    AccessLog, BrokenReason, ImportError, Options, Profile, read, replay_scenario_yaml, trace_csv,
};

/// Requests of five clients behind four addresses in three networks, with every trouble a real log has.
const LOG: &str = concat!(
    "\u{feff}192.0.2.7 - - [01/Mar/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 512 \"-\" \"Firefox\"\r\n",
    "192.0.2.7 - - [01/Mar/2024:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 9 \"-\" \"say \\\"hi\\\"\"\n",
    "\n",
    "192.0.2.9 - jane doe [01/Mar/2024:11:00:02 +0100] \"GET /\\\"b\\\" HTTP/1.1\" 304 - \"-\" \"Firefox\"\n",
    "office.example - - [01/Mar/2024:10:00:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"Firefox\"\n",
    "198.51.100.1 - - [01/Mar/2024:10:00:01 +0000] \"GET / HTTP/1.1\" 200 5\n",
    "2001:db8::1 - - [01/Mar/2024:10:00:09 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"Firefox",
);

fn import(bytes: &[u8]) -> Result<AccessLog, ImportError> {
    read(bytes, &Options { replay: true, ..Options::default() })
}

fn profile(bytes: &[u8]) -> Profile {
    import(bytes).expect("a log").profile
}

fn refusal(bytes: &[u8]) -> String {
    import(bytes).expect_err("no log").to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

#[test]
fn a_log_with_every_trouble_becomes_a_profile() {
    let p = profile(LOG.as_bytes());
    assert_eq!((p.lines.total, p.lines.requests, p.lines.broken, p.lines.blank, p.lines.cut_short), (7, 5, 1, 1, 1));
    assert_eq!((p.requests, p.clients, p.addresses, p.ipv6_addresses, p.networks), (5, 5, 4, 1, 3));
    assert_eq!((p.broken[0].reason, p.broken[0].first_lines.as_slice()), (BrokenReason::Address, &[5][..]));
    assert_eq!(p.from.to_string(), "2024-03-01T10:00:00Z");
    assert_eq!(p.period(), Span::from_secs(10));
    let sizes: Vec<_> = p.group_sizes.iter().map(|g| (g.clients, g.addresses, g.ipv6_addresses)).collect();
    assert_eq!(sizes, [(1, 3, 1), (2, 1, 0)]);
    // Clients by address 2 1 1 1, by network 3 1 1.
    assert_eq!((p.n_eff.clients_by_address, p.n_eff.clients_by_network), (25.0 / 7.0, 25.0 / 11.0));
    assert_eq!(p.top_networks[0].network, "192.0.2.0/24");
    assert_eq!((p.arrivals.bin, p.arrivals.requests.as_slice()), (Span::from_secs(60), &[5][..]));
}

#[test]
fn profile_text_and_scenarios_keep_their_form() {
    let log = import(LOG.as_bytes()).expect("a log");
    let trace = log.trace.expect("a trace was asked for");
    insta::assert_snapshot!("import_text", log.profile.to_text());
    insta::assert_snapshot!("import_scenario", log.profile.scenario_yaml("small.log"));
    insta::assert_snapshot!(
        "import_replay",
        replay_scenario_yaml(&log.profile, &trace, "small.log", "small.trace.csv")
    );
    insta::assert_snapshot!("import_yaml", log.profile.to_yaml());
}

#[test]
fn scenario_text_is_yaml_with_balancers_that_exist() {
    let log = import(LOG.as_bytes()).expect("a log");
    let replay = replay_scenario_yaml(&log.profile, &log.trace.expect("asked for"), "x", "it's \"x\": #1.csv");
    for text in [log.profile.scenario_yaml("x"), replay.clone()] {
        let yaml: serde_yaml::Value = serde_yaml::from_str(&text).expect(&text);
        let variants = yaml["variants"].as_mapping().expect("variants");
        assert_eq!(variants.len(), 3);
        for variant in variants.values() {
            // Through JSON, in which an enum is a map of one key, as scenarios write it.
            let balancers = serde_json::to_value(&variant["balancers"]).expect("plain data");
            serde_json::from_value::<Vec<BalancerSpec>>(balancers).expect("balancers with settings that exist");
        }
        yaml["duration"].as_str().expect("a text").parse::<Span>().expect("a duration");
    }
    let yaml: serde_yaml::Value = serde_yaml::from_str(&replay).expect("YAML");
    assert_eq!(yaml["clients"]["trace"].as_str(), Some("it's \"x\": #1.csv"));
}

#[test]
fn a_trace_is_in_order_of_time_and_spreads_each_second() {
    let trace = import(LOG.as_bytes()).expect("a log").trace.expect("a trace was asked for");
    assert_eq!(trace.clients, 5);
    assert_eq!(
        trace_csv(&trace),
        "# The trace holds the real addresses of people: it is personal data. Keep it where the log may be kept.\n\
         at_ms,client,address\n\
         0,c0,192.0.2.7\n\
         500,c1,192.0.2.7\n\
         1000,c2,198.51.100.1\n\
         2000,c3,192.0.2.9\n\
         9000,c4,2001:db8::1\n"
    );
    let busy = "192.0.2.7 - - [01/Mar/2024:10:00:03 +0000] \"GET /\" 200 5\n".repeat(3000);
    let busy = import(busy.as_bytes()).expect("a log").trace.expect("a trace was asked for");
    assert!(busy.requests.is_sorted_by(|a, b| a.at < b.at), "more requests than milliseconds keep their order");
    assert!(trace_csv(&busy).contains("\n0.333,c0,192.0.2.7\n"));
    let none: Option<Trace> = read(LOG.as_bytes(), &Options::default()).expect("a log").trace;
    assert_eq!(none, None, "nobody asked for a trace");
}

#[test]
fn compressed_logs_read_the_same_in_one_member_or_many() {
    let (half, rest) = LOG.as_bytes().split_at(100);
    let members = [gzip(half), gzip(b""), gzip(rest)].concat();
    assert_eq!(profile(&gzip(LOG.as_bytes())), profile(LOG.as_bytes()));
    assert_eq!(profile(&members), profile(LOG.as_bytes()));
    let damaged = refusal(&members[..members.len() - 12]);
    assert!(damaged.starts_with("reading the access log failed after line "), "{damaged}");
    assert!(damaged.contains("gzip -t"), "{damaged}");
}

#[test]
fn what_is_no_access_log_is_refused_with_a_sentence() {
    insta::assert_snapshot!(refusal(b""), @"the access log is empty: there is no line to read in it; check the path, and whether the log was rotated");
    assert!(matches!(import(b"\n\r\n   \n"), Err(ImportError::Empty)));
    insta::assert_snapshot!("import_refusal", refusal("\u{1b}[31mlevel=info msg=started\n{\"a\": 1}\n".as_bytes()));
    let host = "web.example - - [01/Mar/2024:10:00:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"Firefox\"\n";
    let hosts = refusal(host.repeat(20).as_bytes());
    assert!(hosts.contains("in 20 lines: the client is not an IP address"), "{hosts}");
    // One line in ten is enough.
    let line = "192.0.2.7 - - [01/Mar/2024:10:00:03 +0000] \"GET / HTTP/1.1\" 200 5\n";
    assert_eq!(profile(format!("{line}{}", host.repeat(9)).as_bytes()).lines.broken, 9);
    assert!(matches!(
        import(format!("{line}{}", host.repeat(10)).as_bytes()),
        Err(ImportError::NotAnAccessLog { requests: 1, lines: 11, first_number: 2, .. })
    ));
}

#[test]
fn endless_lines_are_skipped_without_being_kept() {
    let line = b"192.0.2.7 - - [01/Mar/2024:10:00:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"\n";
    let long = Cursor::new(line).chain(std::io::repeat(b'a').take(50 << 20)).chain(Cursor::new(b"\n")).chain(&line[..]);
    let p = read(long, &Options::default()).expect("a log").profile;
    assert_eq!((p.lines.total, p.lines.requests), (3, 2));
    assert_eq!((p.broken[0].reason, p.broken[0].first_lines.as_slice()), (BrokenReason::TooLong, &[2][..]));
}

#[test]
fn a_replay_has_a_limit() {
    let line = "192.0.2.7 - - [01/Mar/2024:10:00:03 +0000] \"GET / HTTP/1.1\" 200 5\n".repeat(3);
    let options = Options { replay: true, max_replay_requests: 2 };
    let error = read(line.as_bytes(), &options).expect_err("three are more than two").to_string();
    assert!(error.contains("more than 2 requests (line 3"), "{error}");
}

#[test]
fn one_address_for_all_is_called_out() {
    let line = "192.0.2.7 - - [01/Mar/2024:10:00:03 +0000] \"GET / HTTP/1.1\" 200 5\n".repeat(200);
    let p = profile(line.as_bytes());
    assert_eq!(p.n_eff.requests_by_address, 1.0);
    assert!(p.to_text().contains("192.0.2.7 sent 100.0% of all requests. If it is a proxy"), "{}", p.to_text());
}

#[test]
fn a_log_with_holes_is_called_out() {
    let hour = |h: u32| format!("192.0.2.{h} - - [01/Mar/2024:{h:02}:05:03 +0000] \"GET /\" 200 5\n").repeat(10);
    let p = profile((0..24).map(hour).collect::<String>().as_bytes());
    assert!(p.to_text().contains("requests stand in only 24 of 1,381 minutes"), "{}", p.to_text());
}

#[test]
fn years_of_log_still_have_at_most_a_hundred_bins() {
    for (from, to) in [("1970", "2200"), ("2024", "2024"), ("2020", "2022")] {
        let line = |year, rest| format!("192.0.2.7 - - [{rest}/{year}:23:59:59 +0000] \"GET /\" 200 5\n");
        let p = profile((line(from, "01/Jan") + &line(to, "31/Dec")).as_bytes());
        assert!(p.arrivals.requests.len() <= 100, "{}", p.arrivals.requests.len());
        assert_eq!(p.arrivals.requests.iter().sum::<u64>(), 2);
    }
}

#[test]
fn the_public_log_has_its_published_profile() {
    let Some(path) = crate::support::shared("data/logs/apache_access_2015.log.gz") else { return };
    let log = read(std::fs::File::open(path).expect("it exists"), &Options { replay: true, ..Options::default() });
    let AccessLog { profile: p, trace } = log.expect("a log");
    assert_eq!((p.requests, p.clients, p.addresses, p.networks), (10_000, 1_862, 1_753, 1_474));
    let tenths = |x: f64| format!("{x:.1}");
    assert_eq!(tenths(p.n_eff.clients_by_address), "1578.8");
    assert_eq!(tenths(p.n_eff.clients_by_network), "407.0");
    assert_eq!(tenths(p.n_eff.requests_by_address), "134.8");
    assert_eq!(tenths(p.n_eff.requests_by_network), "118.2");
    let trace = trace.expect("a trace was asked for");
    assert_eq!((trace.requests.len(), trace.clients), (10_000, 1_862));
    assert!(trace.requests.is_sorted_by_key(|request| request.at));
}

/// Text that is nearly a log line, so that arbitrary input gets past the first check.
fn near_line() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"192.0.2.7 - - [".to_vec()),
        Just(b"2001:db8::7 - - [".to_vec()),
        Just(b"01/Mar/2024:10:00:03 +0000] \"".to_vec()),
        Just(b"GET / HTTP/1.1\" 200 5".to_vec()),
        Just(b" \"-\" \"agent\"".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// How many lines a text has: its line ends, and the rest after the last one.
fn count_lines(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().filter(|&&b| b == b'\n').count();
    (ends + usize::from(bytes.last().is_some_and(|&b| b != b'\n'))) as u64
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_line_is_lost(noise in near_line()) {
        // Enough good lines that the rest is tolerated, so that the counts can be seen.
        let good = "192.0.2.7 - - [01/Mar/2024:10:00:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"\n".repeat(20);
        let bytes = [good.as_bytes(), &noise].concat();
        let log = import(&bytes).expect("most lines are good");
        let lines = log.profile.lines;
        prop_assert_eq!(lines.total, count_lines(&bytes));
        prop_assert_eq!(lines.total, lines.requests + lines.broken + lines.blank);
        prop_assert_eq!(lines.broken, log.profile.broken.iter().map(|of_reason| of_reason.lines).sum::<u64>());
        prop_assert_eq!(log.trace.expect("a trace was asked for").requests.len() as u64, lines.requests);
        log.profile.to_text();
        log.profile.scenario_yaml("noise");
        let _ = import(&noise);
    }
    #[test]
    fn no_gzip_like_bytes_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = import(&[&[0x1f, 0x8b, 8, 0], noise.as_slice()].concat());
    }
}
