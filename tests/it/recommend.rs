//! `stickysim recommend`: remedies that are known to help do, and what cannot be tried says why.

use stickysim::cluster::balancer::{AffinityKey, BalancerSpec};
use stickysim::scenario::{NoFiles, Source};
use stickysim::study::{Prepared, REMEDIES, prepare};

use crate::program::Place;

/// Three pods become six, and nobody moves.
const SCALED: &str = "\
name: scaled
duration: 8m
warm_up: 30s
replications: 4
clients: {count: 300, transports: [websocket], network: {preset: fixed, address_change: never}}
balancers: [{service: {}}]
pods: {replicas: 3, startup: 1s}
timeline: [{at: 1m, scale: {to: 6}}]
";

/// Small rooms on many pods.
const ROOMS: &str = "\
name: rooms
duration: 1m
replications: 4
clients: {count: 200, transports: [websocket]}
traffic: [{emit: {every: {exp: 5s}, to: room, bytes: 200}}]
rooms: {sizes: 3, per_client: 1}
balancers: [{nginx: {}}]
pods: {replicas: 6}
prices: {pod_hour: 0.05, currency: EUR}
";

fn json(place: &Place, folder: &str) -> serde_json::Value {
    serde_json::from_str(&place.read(&format!("{folder}/recommend.json"))).expect("JSON")
}

/// The remedy called `name`, as it came out.
fn remedy<'j>(found: &'j serde_json::Value, name: &str) -> &'j serde_json::Value {
    let list = found["remedies"].as_array().expect("remedies");
    list.iter().find(|remedy| remedy["name"] == name).unwrap_or_else(|| panic!("{name} was not tried"))
}

#[test]
fn a_maximum_age_evens_out_what_a_scale_out_leaves() {
    let place = Place::new();
    place.write("scaled.yaml", SCALED);
    let words =
        "recommend scaled.yaml --goal load.connections.last --only max-connection-age,drain,one-pod-more,ip-hash";
    let out = place.run(words).fine().to_owned();
    let found = json(&place, "output/scaled/recommend");
    let age = remedy(&found, "max-connection-age");
    // three of six pods have nobody: max/mean 2; with everybody moved at least once it is near that of chance
    assert_eq!((&age["rank"], &age["helps"]), (&1.into(), &true.into()), "{age:#}");
    assert!(age["relative"]["mean"].as_f64().unwrap() < -0.35, "{age:#}");
    assert!(age["figures"]["connections.reconnects"]["change"]["mean"].as_f64().unwrap() > 0.5, "{age:#}");
    assert!(remedy(&found, "as-it-stands")["rank"].as_i64() > Some(1));
    assert_eq!(remedy(&found, "drain")["helps"], serde_json::Value::Null, "nobody ends");
    assert!(out.contains("max-connection-age does most for max/mean connections at the end"), "{out}");
    assert!(
        out.contains("\n   pods: {max_connection_age: {uniform: [108s, 132s]}}\n")
            || out.contains("uniform: [1m48s, 2m12s]"),
        "{out}"
    );
    assert!(out.contains("timeline: {'0': {scale: {to: 7}}}"), "one more after the change as well: {out}");
    assert!(out.lines().all(|line| line.chars().count() <= 100 || line.contains(": {")), "{out}");
    // what stands in the folder is the same as variants
    place.run("compare output/scaled/recommend/scenario.yaml --quiet --out again").fine();
    let again = place.summary("again");
    let variants = again["study"]["variants"].as_array().unwrap();
    let aged = variants.iter().find(|variant| variant["name"] == "max-connection-age").expect("a variant");
    let of_goal = |variant: &serde_json::Value| -> serde_json::Value {
        let figures = variant["figures"].as_array().expect("figures");
        figures.iter().find(|figure| figure["id"] == "load.connections.last").expect("the goal").clone()
    };
    assert_eq!(of_goal(aged)["value"]["mean"], age["figures"]["load.connections.last"]["value"]["mean"]);
    // and compared with the same, so that changes are the same as well
    let baseline = again["study"]["baseline"].as_u64().expect("a position") as usize;
    assert_eq!((variants.len(), &variants[baseline]["name"]), (5, &"as-it-stands".into()));
    for variant in variants {
        let name = variant["name"].as_str().expect("a name");
        let found = &remedy(&found, name)["figures"]["load.connections.last"];
        assert_eq!(of_goal(variant)["difference"], found["change"], "{name}");
    }
}

#[test]
fn a_channel_per_room_cuts_copies_and_room_affinity_cuts_the_rest() {
    let place = Place::new();
    place.write("rooms.yaml", ROOMS);
    let words = "recommend rooms.yaml --goal redis.copies --only sharded-adapter,room-affinity,room-affinity-sharded,cookie,one-pod-less";
    let out = place.run(words).fine().to_owned();
    let found = json(&place, "output/rooms/recommend");
    let gain = |name: &str| remedy(&found, name)["relative"]["mean"].as_f64().expect("a share");
    // three members on six pods: 6 − 6·(5/6)³ = 2.5 pods of six have one
    assert!((gain("sharded-adapter") + 0.58).abs() < 0.1, "{}", gain("sharded-adapter"));
    // with a room's clients on one pod there is nobody elsewhere: 1 of 6 is left
    assert!((gain("room-affinity-sharded") + 5.0 / 6.0).abs() < 0.06, "{}", gain("room-affinity-sharded"));
    assert_eq!(remedy(&found, "room-affinity-sharded")["rank"], 1);
    // where clients are changes nothing of what a classic adapter copies
    assert_eq!(remedy(&found, "room-affinity")["helps"], serde_json::Value::Null);
    assert!(gain("room-affinity").abs() < 0.02 && gain("cookie").abs() < 0.02);
    // a pod less has one copy less of six, and costs less
    let less = remedy(&found, "one-pod-less");
    assert!(
        (less["figures"]["price.month"]["change"]["mean"].as_f64().unwrap() + 0.05 * 730.0).abs() < 1e-6,
        "{less:#}"
    );
    assert!(out.contains("EUR a month −36.5 ± 0 ✓"), "{out}");
    // all that is written is the same with any number of threads
    place.run(&format!("{words} --quiet --threads 1 --out one")).fine();
    place.run(&format!("{words} --quiet --threads 3 --out three")).fine();
    place.assert_same("one", "three");
    let csv = place.read("one/recommend.csv");
    assert!(csv.starts_with("rank,remedy,figure,unit,value,half_width_95,change,"), "{csv}");
    assert!(place.read("one/recommend.html").contains("<svg"));
}

#[test]
fn the_goal_is_what_is_expected_and_what_turns_counts_first() {
    let place = Place::new();
    place.write("rooms.yaml", ROOMS);
    let expect = ["--expect", "p99 event.latency < 10s", "--expect", "redis.copies < 130/s"];
    let out =
        place.run_with("recommend rooms.yaml --only sharded-adapter,one-pod-more", &expect, b"").fine().to_owned();
    let found = json(&place, "output/rooms/recommend");
    assert_eq!(found["goal"]["figure"], "redis.copies", "the first that fails: {out}");
    let sharded = remedy(&found, "sharded-adapter");
    assert_eq!(sharded["expectations_gained"][0], "redis.copies < 130/s", "{sharded:#}");
    assert!(out.contains("`redis.copies < 130/s` holds now"), "{out}");
    assert_eq!(remedy(&found, "one-pod-more")["expectations_gained"].as_array().map(Vec::len), Some(0));
}

#[test]
fn who_polls_without_affinity_is_told_what_helps() {
    // round robin takes the second request of a handshake to another pod: nobody ever connects, and nothing can be measured
    let place = Place::new();
    place.write("rooms.yaml", ROOMS.replace("[websocket]", "[polling, websocket]"));
    let expect = ["--expect", "p99 event.latency < 10s"];
    let words = "recommend rooms.yaml --only websocket-only,cookie,ip-hash,least-connections,one-pod-more";
    let out = place.run_with(words, &expect, b"").fine().to_owned();
    let found = json(&place, "output/rooms/recommend");
    for name in ["websocket-only", "cookie", "ip-hash"] {
        let helped = remedy(&found, name);
        assert_eq!(helped["expectations_gained"][0], "p99 event.latency < 10s", "{name}: {out}");
        assert_eq!(helped["helps"], true, "{name}: {out}");
    }
    assert_eq!(remedy(&found, "one-pod-more")["helps"], serde_json::Value::Null);
    assert!(remedy(&found, "as-it-stands")["rank"].as_i64() >= Some(4), "{out}");
    assert!(out.contains("as it stands there is nothing of it"), "{out}");
}

/// The remedies of a scenario with this balancer.
fn with_balancer(balancer: &str) -> Prepared {
    let text = format!(
        "name: a\nclients: {{count: 9}}\ntraffic: [{{emit: {{every: 9s, to: room}}}}]\nrooms: {{sizes: 3}}\nbalancers: [{balancer}]\n"
    );
    let source = Source { name: "a.yaml", text: &text, folder: &NoFiles };
    let found = prepare(source, &[], None, &[]).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    found.expect("no variant was asked for")
}

/// What the balancer looks at with a remedy; `None`: it was not tried.
fn affinity(prepared: &Prepared, remedy: &str) -> Option<AffinityKey> {
    prepared.scenario.variants.iter().find(|variant| variant.name == remedy).map(|variant| variant.spec.affinity())
}

#[test]
fn every_product_is_told_in_its_own_words() {
    type Is = fn(AffinityKey) -> bool;
    let ways: [(&str, Is); 3] = [
        ("cookie", |key| key == AffinityKey::Cookie),
        ("ip-hash", AffinityKey::is_address),
        ("room-affinity", |key| key == AffinityKey::Room),
    ];
    for product in BalancerSpec::NAMES {
        let plain = with_balancer(&format!("{{{product}: {{}}}}"));
        for remedy in &plain.remedies {
            // what this program writes is never refused by what this program reads
            let why = remedy.patch.as_ref().err().cloned().unwrap_or_default();
            assert!(
                !why.contains('`')
                    || why.contains("load-balance")
                    || why.contains("modelled")
                    || why.contains("pods.sessions"),
                "{product}, {}: {why}",
                remedy.name
            );
        }
        for (name, is_so) in ways {
            let Some(key) = affinity(&plain, name) else { continue };
            assert!(is_so(key), "{product} {name}: {key:?}");
            // and back again, and to each other
            let remedy = plain.remedies.iter().find(|remedy| remedy.name == name).expect("it was tried");
            let settings = remedy.patch.as_ref().expect("a patch")["balancers"][*product].clone();
            let written = serde_json::to_string(&settings).expect("a mapping");
            let kept = with_balancer(&format!("{{{product}: {written}}}"));
            assert_eq!(
                affinity(&kept, "no-affinity"),
                Some(AffinityKey::None),
                "{product} {name}: {:?}",
                kept.remedies
            );
            for (other, is_other) in
                ways.into_iter().filter(|(other, _)| *other != name && affinity(&plain, other).is_some())
            {
                assert!(
                    affinity(&kept, other).is_some_and(is_other),
                    "{product} {name} → {other}: {:?}",
                    kept.remedies
                );
            }
        }
    }
}

#[test]
fn what_does_not_apply_says_why() {
    let place = Place::new();
    place.write("scaled.yaml", SCALED.replace("replicas: 3", "replicas: 1").replace("to: 6", "to: 1"));
    let only: Vec<&str> = REMEDIES.iter().map(|(name, _)| *name).filter(|name| *name != "max-connection-age").collect();
    let out = place.run(&format!("recommend scaled.yaml -r 2 --only {}", only.join(","))).fine().to_owned();
    let why = |name: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix(&format!("  {name}: ")));
        line.unwrap_or_else(|| panic!("{name} was tried: {out}")).to_owned()
    };
    assert_eq!(why("no-affinity"), "there is none");
    assert!(why("cookie").contains("sees no cookies"));
    assert_eq!(why("room-affinity"), "nothing goes to rooms");
    assert_eq!(why("one-pod-less"), "one is the least");
    assert_eq!(why("sharded-adapter"), "nothing is published");
    assert_eq!(why("websocket-only"), "nobody polls");
    assert!(why("session-store").starts_with("the scenario does not say"));
}

#[test]
fn questions_without_an_answer_are_refused() {
    let place = Place::furnished();
    let refused = |words: &str, more: &[&str], says: &[&str]| place.run_with(words, more, b"").refused(says);
    refused("recommend tiny.yaml --only coockie", &[], &["coockie", "a similar value exists: 'cookie'"]);
    refused("recommend tiny.yaml --only magic", &[], &["possible values: no-affinity, cookie"]);
    refused("recommend tiny.yaml --variant cooky", &[], &["no such variant"]);
    refused("recommend tiny.yaml -r 1", &[], &["-r 20"]);
    refused("recommend tiny.yaml --goal connections.active", &[], &["neither good nor bad"]);
    refused("recommend tiny.yaml --goal", &["p99 database.query"], &["no variant has anything of it"]);
    refused("recommend tiny.yaml --goal price.month", &[], &["no prices", "--set prices.pod_hour=0.048"]);
    refused("recommend tiny.yaml --set pods.replicaz=3", &[], &["replicas"]);
    refused("recommend tiny.yaml --expect", &["p99 evnt.latency < 1s"], &["did you mean"]);
    refused("recommend nowhere.yaml", &[], &["cannot read the scenario"]);
    refused("recommend -", &[], &["name"]);
    // a variant as the start, standard input, recorded requests, none that applies
    place.run("recommend tiny.yaml --variant ip-hash --only cookie,one-pod-more --quiet --out of-variant").fine();
    let found = json(&place, "of-variant");
    assert!(found["remedies"].as_array().unwrap().iter().any(|remedy| remedy["patch"]["pods"]["replicas"] == 5));
    let tiny = place.read("tiny.yaml");
    place.run_with("recommend - --only one-pod-more --quiet --out piped", &[], tiny.as_bytes()).fine();
    place.run("recommend played.yaml --only ip-hash --quiet --out played").fine();
    place.run("compare played/scenario.yaml --quiet --out again").fine();
    let out = place.run("recommend tiny.yaml --only sharded-adapter,websocket-only,no-affinity --set redis.adapter=none --set balancers=[{nginx:{}}]");
    assert_eq!(out.code, Some(2), "{out:?}");
    let words = "recommend tiny.yaml --only websocket-only";
    assert!(place.run(words).fine().contains("There was nothing to try."));
}
