//! Whole scenarios: resolving, the fixpoint, patches, what is filled in.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::cluster::balancer::BalancerSpec;
use crate::cluster::spec::*;
use crate::engine::{Law, Span};

const FULL: &str = include_str!("../../tests/scenarios/full.yaml");

fn files() -> BTreeMap<String, String> {
    let trace = "at_ms,client,address\n0,bob,203.0.113.7\n1250.5,alice,2001:db8::1\n1250.5,bob,203.0.113.8\n";
    let table = "value,weight\n5,50%\n50,50%\n";
    [("old/requests.csv", trace), ("rooms.csv", table)].map(|(name, text)| (name.to_owned(), text.to_owned())).into()
}

fn read_with(text: &str, sets: &[&str]) -> Result<Scenario, Problems> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    parse(Source { name: "test.yaml", text, folder: &files() }, &sets)
}

fn read(text: &str) -> Scenario {
    read_with(text, &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

fn codes(text: &str, sets: &[&str]) -> Vec<&'static str> {
    read_with(text, sets).map_or_else(|problems| problems.iter().map(|p| p.code).collect(), |_| Vec::new())
}

fn specs(scenario: &Scenario) -> String {
    let variants: Vec<_> = scenario.variants.iter().map(|v| (&v.name, &v.spec, &v.expectations)).collect();
    format!("{:?} {:?} {variants:?}", scenario.base, scenario.expectations)
}

/// Reads the resolved text again, with the traces that belong to it.
fn again(scenario: &Scenario) -> Scenario {
    let files: BTreeMap<String, String> = scenario.trace_files().into_iter().collect();
    let text = scenario.resolved_yaml();
    parse(Source { name: "resolved.yaml", text: &text, folder: &files }, &[]).unwrap_or_else(|p| panic!("{p}\n{text}"))
}

#[test]
fn settings_with_dots_in_their_names_can_be_set() {
    let text = "name: a\nclients: {count: 1}\nbalancers: {aws-alb: {}}\nvariants: {b: {balancers.aws-alb.deregistration_delay.timeout_seconds: 7}}";
    let set = [
        "balancers.aws-alb.stickiness.enabled=true",
        "balancers.aws-alb.stickiness.lb_cookie.duration_seconds=60",
        "balancers.0.aws-alb.slow_start.duration_seconds=30",
    ];
    let scenario = read_with(text, &set).unwrap();
    let BalancerSpec::AwsAlb(alb) = &scenario.variants[0].spec.balancers[0] else { panic!("another product") };
    assert!(alb.stickiness_enabled && alb.deregistration_delay_seconds == 7);
    assert_eq!((alb.lb_cookie_duration_seconds, alb.slow_start_duration_seconds), (60, 30));
}

#[test]
fn the_resolved_scenario_is_a_fixpoint() {
    for text in [FULL, "name: a\nclients: {count: 1}", "name: t\nclients: {trace: old/requests.csv}"] {
        let first = read(text);
        let second = again(&first);
        assert_eq!(specs(&first), specs(&second));
        assert_eq!(first.resolved_yaml(), second.resolved_yaml());
        assert_eq!(first.trace_files(), second.trace_files());
        assert_eq!(format!("{:?}", first.assumptions()), format!("{:?}", second.assumptions()));
    }
}

#[test]
fn every_kind_of_patch_survives_the_fixpoint() {
    let base = "
name: a
clients:
  - {name: one, count: 100, network: {preset: cellular, shared_address: {groups: 5}}, reconnect: {first: 2s}}
  - {name: two, arrivals: {rate: 3/m}, session: {lognormal: {median: 4m, p95: 9m}}, network: {address_change: never}}
traffic: [{api: {every: {exp: 9s}}}, {emit: {every: 30s, to: self}}]
timeline: [{at: 1m, crash: {}}]
pods: {memory: 300000k, costs: {preset: python-socketio-uvicorn}}
rollout: {max_surge: 33.333%}
expect: [lost.messages < 0.1%]
variants:
";
    let variants = [
        "{}",
        "{clients: {one: {arrivals: {rate: 7/h}}}}",
        "{clients: {two: {count: 3}}}",
        "{clients: {two: {trace: old/requests.csv}}}",
        "{clients: {one: null}}",
        "{clients: [{name: one, count: 4}]}",
        "{clients: {one: {network: {shared_address: own}}, two: {network: {shared_address: {list: [3, 4]}}}}}",
        "{clients: {one: {network: {preset: far, ipv6: null}, reconnect: never, cookies: {cleared_every: never}}}}",
        "{clients.two.network.address_change: {every: {exp: 1h}, gap: 1s}}",
        "{clients.two.session: {lognormal: {mean: 4m, cv: 1}}}",
        "{clients.two.session.lognormal.p95: 20m}",
        "{clients.two.session: 5m, duration: 90s, warm_up: none, start: empty}",
        "{clients.two.reconnect: {reconnectionDelay: 250}, clients.one.reconnect.policy: decorrelated}",
        "{clients.two.reconnect: {fixed: 3s}, pods.admission: {rate: 20/s}}",
        "{traffic: {api: {every: 5s}, emit: {every.exp: 7s}}}",
        "{traffic: [], timeline: null, expect: null, rooms: {sizes: {zipf: {s: 1.1, n: 40}}}}",
        "{traffic.1.emit.bytes: 9Ki, server_traffic: [{tick: {every: 2s, to: all}}]}",
        "{balancers: {nginx: {method: least_conn}}}",
        "{balancers: {ingress-nginx: {affinity: cookie, session-cookie-max-age: 172800}}}",
        "{pods: {memory: none, costs: {preset: socket.io-node20, send: null}}, rollout.max_surge: 2}",
        "{timeline: {0: {crash: null, restart: {pod: 1}}}, sample_every: 3s, max_events: 1e9}",
    ];
    let mut text = base.to_owned();
    for (n, patch) in variants.iter().enumerate() {
        text.push_str(&format!("  v{n:02}: {patch}\n"));
    }
    let first = read(&text);
    let second = again(&first);
    for (a, b) in first.variants.iter().zip(&second.variants) {
        assert_eq!((&a.name, format!("{:?}", a.spec)), (&b.name, format!("{:?}", b.spec)));
    }
    assert_eq!(specs(&first), specs(&second));
    assert_eq!(first.resolved_yaml(), second.resolved_yaml());
    let changed = first.variants.iter().filter(|v| format!("{:?}", v.spec) != format!("{:?}", first.base)).count();
    assert_eq!(changed, variants.len() - 1);
    assert!(matches!(first.variants[5].spec.audiences[..], [_]));
    assert_eq!(first.trace_files()[0].0, "traces/old-requests.csv");
}

#[test]
fn the_full_example_says_what_it_means() {
    let scenario = read(FULL);
    let base = &scenario.base;
    assert_eq!((scenario.name.as_str(), scenario.seed, scenario.replications), ("full", 11, Replications::Exactly(5)));
    assert_eq!(base.duration, Span::from_secs(1200));
    assert_eq!(base.warm_up, Span::from_secs(60));
    assert_eq!(base.sample_every, Span::from_secs(5));
    let names: Vec<&str> = base.audiences.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["homes", "offices", "phones", "venue", "recorded"]);
    let Sharing::Weights(offices) = &base.audiences[1].network.sharing else { panic!() };
    assert_eq!((offices.len(), offices[1]), (8, libm::exp(-libm::log(2.0))));
    assert_eq!(base.audiences[1].network.ipv6, 0.0);
    assert_eq!(base.audiences[0].network.ipv6, 0.45);
    let Sharing::Weights(venue) = &base.audiences[3].network.sharing else { panic!() };
    assert_eq!((venue.len(), venue[0]), (2 + 500, 1000.0));
    assert!(base.audiences[3].network.address_change.is_none());
    let Population::Arriving { rate_per_s, profile, session } = &base.audiences[2].population else { panic!() };
    assert_eq!((*rate_per_s, profile.len()), (4.0, 2));
    assert!((session.mean() / 720e9 - 1.0).abs() < 1e-9);
    let Population::Trace { trace, .. } = &base.audiences[4].population else { panic!() };
    assert_eq!((trace.clients, trace.requests.len()), (2, 3));
    assert_eq!(base.audiences[4].transports, Transports::None);
    let traffic: Vec<&str> = base.traffic.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(traffic, ["api", "emit", "emit 2", "notify"]);
    assert_eq!(base.traffic[0].audiences, [true, true, true, true, false]);
    assert_eq!(base.traffic[2].audiences, [false, true, false, false, false]);
    let times: Vec<u64> = base.timeline.iter().map(|t| t.at.unwrap_or_default().as_nanos() / 1_000_000_000).collect();
    assert_eq!(times, [480, 600, 840, 900, 960, 1000]);
    let variants: Vec<&str> = scenario.variants.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(variants, ["cookie", "crowd", "ip-hash", "wide"]);
    let wide = &scenario.variants[3].spec;
    assert_eq!((wide.pods.replicas, wide.redis.law.adapter), (10, crate::cluster::adapter::Adapter::None));
    assert!(matches!(wide.traffic[0].every, Law::Fixed(x) if x == 3e9));
    let crowd = &scenario.variants[1].spec;
    assert!(matches!(crowd.audiences[2].population, Population::Present { count: 5 }));
    assert!(matches!(scenario.variants[2].spec.balancers[0], BalancerSpec::Nginx(_)));
    assert_eq!(scenario.expectations.len(), 3);
}

#[test]
fn the_order_of_keys_means_nothing() {
    fn reverse(value: &mut serde_yaml::Value) {
        match value {
            serde_yaml::Value::Mapping(map) => {
                let entries: Vec<_> = std::mem::take(map).into_iter().collect();
                for (key, mut value) in entries.into_iter().rev() {
                    reverse(&mut value);
                    map.insert(key, value);
                }
            }
            serde_yaml::Value::Sequence(list) => list.iter_mut().for_each(reverse),
            _ => {}
        }
    }
    let mut value = locate::Index::read(FULL).unwrap().0.value();
    reverse(&mut value);
    let (first, second) = (read(FULL), read(&serde_yaml::to_string(&value).unwrap()));
    assert_eq!(specs(&first), specs(&second));
    assert_eq!(first.resolved_yaml(), second.resolved_yaml());
    assert_eq!(format!("{:?}", first.assumptions()), format!("{:?}", second.assumptions()));
}

#[test]
fn settings_are_paths() {
    let scenario = read_with(
        FULL,
        &[
            "pods.replicas=7",
            "clients.phones.network.rtt={fixed: 9ms}",
            "clients.offices.network.shared_address.groups=16",
            "traffic.api.every.exp=2s",
            "traffic.0.api.work.lognormal.cv=3",
            "balancers.ingress-nginx.affinity-mode=balanced",
            "variants.wide.pods.replicas=12",
        ],
    )
    .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(scenario.base.pods.replicas, 7);
    assert_eq!(scenario.base.audiences[2].network.rtt, Law::Fixed(9e6));
    assert!(matches!(&scenario.base.audiences[1].network.sharing, Sharing::Weights(w) if w.len() == 16 && w[1] < 1.0));
    assert_eq!(scenario.base.traffic[0].every, Law::exponential(2e9));
    assert_eq!(scenario.variants[3].spec.pods.replicas, 12);
    let other =
        read_with("name: a\nclients: {count: 1}", &["balancers.nginx.method=ip_hash", "clients.count=3"]).unwrap();
    assert!(matches!(other.base.audiences[0].population, Population::Present { count: 3 }));
}

#[test]
fn wrong_settings_are_named() {
    let codes = |set: &str| codes("name: a\nclients: {count: 1}", &[set]);
    assert_eq!(codes("pods.replcas=5"), ["unknown-key"]);
    assert_eq!(codes("pods.replicas"), ["bad-setting"]);
    assert_eq!(codes("=5"), ["bad-setting"]);
    assert_eq!(codes("pods.replicas=[1"), ["bad-setting"]);
    assert_eq!(codes("clients.7.count=5"), ["unknown-entry"]);
    assert_eq!(codes("clients.cuont=5"), ["unknown-key"]);
    assert_eq!(codes("name.x=5"), ["wrong-type"]);
    let problems = read_with("name: a\nclients: {count: 1}", &["pods.replcas=5"]).unwrap_err();
    assert!(problems.render(false).contains("--set pods.replcas=5"), "{problems}");
    assert!(problems.render(false).contains("did you mean `replicas`"), "{problems}");
}

#[test]
fn what_the_user_did_not_say_is_listed() {
    let scenario = read("name: a\nclients: {count: 10}\npods: {costs: {send: 1us}}");
    let paths: Vec<String> = scenario.assumptions().into_iter().map(|made| made.path).collect();
    for path in
        ["pods.costs.copy_dropped", "clients.clients.network.rtt", "balancers.0.nginx.max_fails", "warm_up", "duration"]
    {
        assert!(paths.iter().any(|p| p == path), "{path} in {paths:?}");
    }
    assert!(!paths.iter().any(|p| p == "pods.costs.send" || p == "clients.clients.count"));
}

#[test]
fn a_byte_order_mark_is_accepted() {
    assert_eq!(read("\u{feff}name: a\nclients: {count: 1}").name, "a");
}

#[test]
fn what_cannot_be_a_file_is_refused_quickly() {
    assert_eq!(codes(&"#".repeat(locate::MAX_BYTES + 1), &[]), ["too-large"]);
    let audiences = |n: u32| (0..n).map(|n| format!("  - {{name: a{n}, count: 1}}\n")).collect::<String>();
    assert_eq!(codes(&format!("name: a\nclients:\n{}", audiences(251)), &[]), ["too-many-entries"]);
    assert_eq!(codes(&format!("name: a\nclients:\n{}", audiences(250)), &[]), [""; 0]);
    assert_eq!(codes(&"[".repeat(40_000), &[]), ["too-deep"]);
    assert_eq!(codes(&format!("name: {}", "{a: ".repeat(40_000)), &[]), ["too-deep"]);
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let schema: serde_json::Value = serde_json::from_str(&schema_json()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for text in [FULL.to_owned(), read(FULL).resolved_yaml()] {
        let value = locate::Index::read(&text).unwrap().0.value();
        let json = serde_json::to_value(&value).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|e| format!("{} at {}", e, e.instance_path)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let typo = serde_json::json!({"name": "a", "clients": {"count": 1}, "pods": {"replcas": 3}});
    assert!(!validator.is_valid(&typo));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_damage_panics(cut in 0..FULL.len(), with in "[\\[\\]{}:,\\-\\*&!|>'\" \n\t0-9a-zü%#\u{0}]{0,6}", drop in 0usize..40) {
        let floor = |mut at: usize| { at = at.min(FULL.len()); while !FULL.is_char_boundary(at) { at -= 1 } at };
        let text = format!("{}{with}{}", &FULL[..floor(cut)], &FULL[floor(cut + drop)..]);
        if let Err(problems) = read_with(&text, &[]) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.render(true).len() > 10);
        }
        if let Err(problems) = read_with(&FULL[..floor(cut)], &[]) {
            prop_assert!(problems.render(false).len() > 10);
        }
    }

    #[test]
    fn any_title_survives_the_fixpoint(title in prop_oneof!["[0-9.eE+\\-_xo:#'\" ]{1,6}", "\\PC{1,20}", "[a-zA-Z~\n\t]{1,5}"]) {
        let text = format!("name: a\nclients: {{count: 1}}\ntitle: {}", serde_json::to_string(&title).unwrap());
        let Ok(first) = read_with(&text, &[]) else {
            let odd = codes(&text, &[]).iter().all(|code| ["odd-character", "bad-title"].contains(code));
            let meant = title.contains(|c: char| c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c));
            prop_assert!(odd && meant);
            return Ok(());
        };
        prop_assert_eq!(&first.title, &title);
        prop_assert_eq!(again(&first).title, title);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}", set in "[a-z.=\\[\\]{}:0-9 ]{0,20}") {
        let _ = read_with(&text, &[&set]).map_err(|problems| problems.render(false));
        let _ = read_with("name: a\nclients: {count: 1}", &[&set]).map_err(|problems| problems.render(false));
    }

    #[test]
    fn no_value_anywhere_panics(line in 0usize..80, value in prop::sample::select(vec![
        "", "~", "-1", "1e400", ".nan", ".inf", "0", "[]", "{}", "[[]]", "{exp: 0s}", "{uniform: [2s, 1s]}", "18446744073709551616",
        "never", "5%", "*x", "&x y", "!t z", "{zipf: {s: 1}}", "{empirical: none.csv}", "{empirical: [[1s]]}", "99999999d", "'", "- a",
    ])) {
        let mut lines: Vec<String> = FULL.lines().map(str::to_owned).collect();
        let at = line % lines.len();
        if let Some((key, _)) = lines[at].clone().split_once(": ") {
            lines[at] = format!("{key}: {value}");
        }
        if let Err(problems) = read_with(&lines.join("\n"), &[]) {
            prop_assert!(problems.render(false).len() > 10);
        }
    }
}

/// Texts near the limit of size that once took long. The bound is generous; what it must not be is quadratic.
#[test]
fn large_texts_are_answered() {
    let fill = |head: &str, line: &dyn Fn(usize) -> String| {
        let mut text = head.to_owned();
        let mut n = 0;
        while text.len() < locate::MAX_BYTES - 200 {
            text.push_str(&line(n));
            n += 1;
        }
        text
    };
    let head = "name: a\nclients: {count: 1}\n";
    assert_eq!(codes(&fill(&format!("{head}expect:\n"), &|_| "- p9 x\n".into()), &[]), ["too-many-entries"]);
    assert_eq!(codes(&fill(&format!("{head}variants:\n"), &|n| format!("  v{n}: {{}}\n")), &[]), ["too-many-entries"]);
    assert!(codes(&fill(head, &|n| format!("k{n}: 1\n")), &[]).len() >= 50);
    assert!(codes(&fill(head, &|_| "name: a\n".into()), &[]).len() >= 50);
    let rows = fill(&format!("{head}traffic: [{{api: {{every: {{empirical: ["), &|_| "[x, 1], ".into());
    assert!(!codes(&format!("{rows}]}}}}}}]"), &[]).is_empty());
    let good = fill(&format!("{head}traffic: [{{api: {{every: {{empirical: ["), &|_| "[5s,         1], ".into());
    assert_eq!(codes(&format!("{good}]}}}}}}]"), &[]), Vec::<&str>::new());
    assert!(!codes(&fill("name: a\nclients: {count: \"", &|_| "ü\u{1}".into()), &[]).is_empty());
}

#[test]
fn a_policy_of_reconnecting_has_many_spellings() {
    let read = |policy: &str| {
        let text = format!("name: a\nclients: {{count: 1, reconnect: {policy}}}");
        read(&text).base.audiences[0].reconnect.clone()
    };
    let [first, max] = [Span::from_secs(1), Span::from_secs(5)];
    let [half, two] = [Span::from_millis(500), Span::from_secs(2)];
    let library = |first, max, randomization| RetryLaw::SocketIo { first, max, randomization };
    for (text, law, attempts) in [
        ("socket.io", library(first, max, 0.5), None),
        ("{policy: socket.io}", library(first, max, 0.5), None),
        ("{reconnectionDelay: 500, reconnectionAttempts: Infinity}", library(half, max, 0.5), None),
        (
            "{reconnectionDelayMax: 2s, randomizationFactor: 0.2, reconnectionAttempts: 3}",
            library(first, two, 0.2),
            Some(3),
        ),
        ("python-socketio", RetryLaw::PythonSocketIo, None),
        ("immediate", RetryLaw::Immediate, None),
        ("{policy: immediate, attempts: 5}", RetryLaw::Immediate, Some(5)),
        ("{fixed: 2s}", RetryLaw::Fixed { delay: two, jitter: 0.0 }, None),
        ("{fixed: 2s, jitter: 10%}", RetryLaw::Fixed { delay: two, jitter: 0.1 }, None),
        ("{policy: fixed, first: 2s}", RetryLaw::Fixed { delay: two, jitter: 0.0 }, None),
        ("exponential", RetryLaw::Exponential { first, max, jitter: 0.5 }, None),
        ("{first: 500ms, attempts: 2}", RetryLaw::Exponential { first: half, max, jitter: 0.5 }, Some(2)),
        ("full-jitter", RetryLaw::FullJitter { first, max }, None),
        ("{policy: equal-jitter, max: 2s}", RetryLaw::EqualJitter { first, max: two }, None),
        ("decorrelated", RetryLaw::Decorrelated { first, max }, None),
        ("never", RetryLaw::Immediate, Some(0)),
    ] {
        assert_eq!(read(text), ReconnectPolicy { law, attempts }, "{text}");
    }
}
