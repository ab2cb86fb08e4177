//! `stickysim plan`: sizes that are known in closed form, and questions that have no answer.

use crate::program::Place;

/// Open traffic of 100 requests per second to an event loop that is never short of CPU, with nothing but work that takes time.
const QUEUE: &str = "\
name: queue
duration: 8m
warm_up: 1m
clients:
  count: 1000
  transports: none
  network: {rtt: 0s, jitter: 0, ipv6: 0%, address_change: {every: never}}
traffic: [{api: {every: {exp: 10s}, work: {exp: 50ms}}}]
balancers: [{nginx: {method: random}}]
pods: {replicas: 1, cpu: 64, costs: {request: 0s}}
";

/// The answer and how it came about: (value, runs).
fn answer(out: &str) -> (String, u32) {
    let first = out.lines().next().unwrap_or_default();
    let value = first.split_whitespace().nth(3).unwrap_or_default().trim_end_matches(['.', ',']);
    let runs = out.lines().find_map(|line| line.trim().strip_suffix(" runs")?.rsplit(' ').next()?.parse().ok());
    (value.to_owned(), runs.expect("a number of runs"))
}

#[test]
fn workers_of_a_queue_are_those_of_erlang() {
    // M/M/c with λ = 100/s and μ = 20/s, a = 5: the mean sojourn is 50 ms + C(c, 5)/(20 c − 100); by Erlang's C 58.1 ms with
    // seven workers and 52.8 ms with eight
    let place = Place::new();
    place.write("queue.yaml", QUEUE);
    let out = place
        .run_with(
            "plan queue.yaml --quiet --knob pods.workers --to 64",
            &["--expect", "mean request.latency < 55ms"],
            b"",
        )
        .fine()
        .to_owned();
    let (value, runs) = answer(&out);
    println!("M/M/c: {runs} runs");
    assert_eq!(value, "8", "{out}");
    assert!(runs <= 60, "{out}");
    assert!(out.contains("  with 7: `mean request.latency < 55ms` fails: measured 58."), "{out}");
    let csv = place.read("output/queue/plan/plan.csv");
    assert!(
        csv.starts_with(
            "variant,pods.workers,expect,unit,mean,half_width_95,runs,judgement,limit,share,stopped,answer\n"
        ),
        "{csv}"
    );
    assert_eq!(csv.lines().filter(|line| line.ends_with(",true")).count(), 1);
}

#[test]
fn pods_behind_a_random_balancer_are_queues_of_their_own() {
    // n times M/M/1 with λ = 100/n and μ = 50: the mean sojourn is 1/(50 − 100/n), 60 ms with three and 40 ms with four
    let place = Place::new();
    place.write("pods.yaml", QUEUE.replace("exp: 50ms", "exp: 20ms"));
    let expect = ["--expect", "mean request.latency < 50ms"];
    let out = place.run_with("plan pods.yaml --quiet", &expect, b"").fine().to_owned();
    assert_eq!(answer(&out).0, "4", "{out}");
    // one more if one may be lost
    let out = place.run_with("plan pods.yaml --quiet --during pod-lost", &expect, b"").fine().to_owned();
    assert_eq!(answer(&out).0, "5", "{out}");
    assert!(out.starts_with("pods.replicas at least 5, with one pod lost.\n"), "{out}");
    // it dies, and nobody replaces it
    let dies = ["--expect", "connections.closed.pod_crash > 0", "--expect", "pods.ready < 2.01"];
    let sockets = "clients: {count: 100, transports: [websocket]}";
    place.write(
        "dies.yaml",
        format!("name: dies\nduration: 4m\nwarm_up: 1m\n{sockets}\npods: {{replicas: 3, startup: 1s}}\n"),
    );
    let words = "plan dies.yaml --quiet --from 3 --to 3 --during pod-lost --out dies";
    place.run_with(words, &dies, b"").fine();
    assert!(
        place.read("dies/plan.csv").contains("pods.ready < 2.01,number,2,0,5,holds"),
        "{}",
        place.read("dies/plan.csv")
    );
    // with one pod there is nothing to lose, which is no reason to stop looking
    let few = ["--set", "prices.pod_hour=0.1", "--expect", "price.month < 300"];
    let words = "plan dies.yaml --quiet --find most --to 9 --during pod-lost --out most";
    assert!(place.run_with(words, &few, b"").fine().starts_with("pods.replicas at most "));
    place.write("down.yaml", format!("{}timeline: [{{at: 2m, scale: {{to: 3}}}}]\n", place.read("dies.yaml")));
    let words = "plan down.yaml --quiet --knob timeline.0.scale.to --to 3 --during pod-lost --out down";
    let out = place.run_with(words, &["--expect", "connections.failed < 50%"], b"").fine().to_owned();
    assert!(out.starts_with("timeline.0.scale.to at least 2, with one pod lost.\n"), "{out}");
    // the same through standard input, and with one thread
    let text = QUEUE.replace("exp: 50ms", "exp: 20ms");
    let piped = place.run_with("plan - --quiet --threads 1 --out piped", &expect, text.as_bytes()).fine().to_owned();
    assert_eq!(answer(&piped).0, "4", "{piped}");
    assert_eq!(place.read("piped/plan.csv").lines().count(), 1 + 4, "1, 2, 4 and 3 were tried");
}

#[test]
fn most_clients_are_a_little_fewer_than_theory_allows() {
    // M/M/1 with μ = 50: a mean sojourn of 100 ms at λ = 40/s, which is 400 clients; what is not sure does not count
    let place = Place::new();
    place.write("most.yaml", QUEUE.replace("exp: 50ms", "exp: 20ms"));
    let words = "plan most.yaml --quiet --knob clients.0.count --from 50 --to 3000 --find most --runs 10";
    let out = place.run_with(words, &["--expect", "mean request.latency < 100ms"], b"").fine().to_owned();
    let clients: f64 = answer(&out).0.parse().expect("a number");
    assert!((340.0..=402.0).contains(&clients), "{out}");
    // durations and shares are searched as well
    let words = "plan most.yaml --quiet --set clients.0.count=100 --knob traffic.0.api.work --from 1ms --to 1s --find most --runs 5";
    let out = place.run_with(words, &["--expect", "mean request.latency < 100ms"], b"").fine().to_owned();
    assert!(answer(&out).0.ends_with("ms"), "{out}");
}

#[test]
fn what_is_planned_for_the_auction_holds_when_it_is_run_and_one_pod_less_does_not() {
    let place = Place::furnished();
    let auction = format!("{}/scenarios/auction.yaml", env!("CARGO_MANIFEST_DIR"));
    let expect = ["--expect", "limits.pod_cpu < 30%"];
    let out = place.run_with(&format!("plan {auction} --quiet --out plan"), &expect, b"").fine().to_owned();
    println!("{out}");
    let found: serde_json::Value = serde_json::from_str(&place.read("plan/plan.json")).expect("JSON");
    let variants = found["variants"].as_array().expect("variants");
    assert_eq!(variants.len(), 3);
    for variant in variants {
        let name = variant["variant"].as_str().expect("a name");
        let pods: u32 = variant["answer"].as_str().and_then(|pods| pods.parse().ok()).expect("an answer");
        assert!(variant["runs"].as_u64().is_some_and(|runs| runs <= 100), "{variant:#}");
        assert!(out.contains(&format!("{name}: pods.replicas at least {pods}.\n")), "{out}");
        // other runs say the same
        for (pods, code) in [(pods, 0), (pods - 1, 1)] {
            let judged = place.run_with(
                &format!("compare {auction} --quiet --seed 99 -r 10 --set pods.replicas={pods} --out judged"),
                &expect,
                b"",
            );
            let judged = (judged.code, place.summary("judged"));
            let of_variant = judged.1["study"]["variants"].as_array().expect("variants").iter();
            let mut holds =
                of_variant.filter(|other| other["name"] == name).map(|other| &other["expectations"][0]["holds"]);
            assert_eq!(holds.next(), Some(&(code == 0).into()), "{name} with {pods}");
        }
    }
}

#[test]
fn the_page_has_a_curve_for_each_expectation_and_stale_ones_go() {
    let place = Place::new();
    place.write("pods.yaml", QUEUE.replace("exp: 50ms", "exp: 20ms"));
    let both = ["--expect", "mean request.latency < 50ms", "--expect", "limits.pod_cpu < 80%"];
    place.run_with("plan pods.yaml --quiet --to 8 --out o", &both, b"").fine();
    let page = place.read("o/plan.html");
    assert!(page.contains("pods.replicas at least 4.") && page.contains("4 ←"), "{page}");
    for (number, bound) in [(1, "mean request.latency &lt; 50ms"), (2, "limits.pod_cpu &lt; 80%")] {
        let curve = place.read(&format!("o/plan-{number}.svg"));
        assert!(curve.contains(bound), "{curve}");
        assert!(page.contains(&format!("id=\"chart-plan-{number}\"")));
    }
    place.run_with("plan pods.yaml --quiet --to 8 --out o", &both[..2], b"").fine();
    assert!(!place.path("o/plan-2.svg").exists());
}

#[test]
fn questions_without_an_answer_say_why() {
    let place = Place::furnished();
    let refused = |words: &str, more: &[&str], says: &[&str]| place.run_with(words, more, b"").refused(says);
    place.write("queue.yaml", QUEUE);
    refused("plan queue.yaml", &[], &["nothing is expected", "--expect"]);
    refused("plan queue.yaml", &["--expect", "p99 evnt.latency < 1s"], &["did you mean `p99 event.latency`?"]);
    refused("plan tiny.yaml --variant cooky", &[], &["no such variant", "cookie, ip-hash, none"]);
    refused("plan queue.yaml --variant a", &["--expect", "requests.failed < 1%"], &["it has none"]);
    refused("plan tiny.yaml --from 0", &[], &["above zero"]);
    refused("plan tiny.yaml --from 5 --to 3", &[], &["nothing to search"]);
    refused("plan tiny.yaml --knob seed --to 9", &[], &["no setting of the cluster"]);
    refused("plan tiny.yaml --confidence 100", &[], &["from 60 to 99.9"]);
    refused("plan queue.yaml --to 2000", &["--expect", "requests.failed < 1%"], &["more than 1000", "--to 2000"]);
    refused("plan queue.yaml", &["--expect", "requests.failed < 0%"], &["can never hold", "between 0 % and 100 %"]);
    refused("plan queue.yaml", &["--expect", "price.month < 9"], &["no prices", "pod_hour"]);
    // a variant that nobody asks about may not suit a value
    let two = "variants: {short: {duration: 90s}, wide: {pods.cpu: 32}}\nbaseline: short\n";
    place.write("two.yaml", format!("{QUEUE}{two}"));
    let words = "plan two.yaml --quiet --variant wide --knob warm_up --from 2m --to 4m";
    place.run_with(words, &["--expect", "limits.pod_cpu < 99%"], b"").fine();
    refused(
        "plan two.yaml --knob warm_up --from 2m --to 4m",
        &["--expect", "limits.pod_cpu < 99%"],
        &["variants.short"],
    );
    // what the setting does not reach
    let own = "variants: {five: {pods.replicas: 5}}\n";
    place.write("own.yaml", format!("{QUEUE}{own}"));
    refused("plan own.yaml", &["--expect", "requests.failed < 1%"], &["variant `five`", "changes nothing"]);
    place.write("scaled.yaml", format!("{QUEUE}timeline: [{{at: 4m, scale: {{to: 4}}}}]\n"));
    refused("plan scaled.yaml", &["--expect", "requests.failed < 1%"], &["`scale` in the timeline changes it"]);
    refused("plan tiny.yaml --from 1s --to 3", &[], &["not of the same kind"]);
    refused("plan tiny.yaml --from soon", &[], &["write a number"]);
    refused("plan tiny.yaml --knob pods.replicaz", &[], &["replicas"]);
    refused("plan tiny.yaml --knob pods.replicas --from 2000 --to 3000", &[], &["2000 pods are more than 1000"]);
    refused("plan nowhere.yaml", &[], &["cannot read the scenario"]);
    // nothing does: the exit code of an expectation that does not hold
    let said = place.run_with("plan queue.yaml --quiet --to 3", &["--expect", "mean request.latency < 1ms"], b"");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.starts_with("at no value of pods.replicas that was tried does everything hold.\n  with 3: "),
        "{said:?}"
    );
    let only = ["--expect", "mean request.latency < 9s"];
    let said = place.run_with("plan queue.yaml --quiet --to 1 --during pod-lost", &only, b"");
    assert!(said.out.contains("without its only pod nobody is served"), "{said:?}");
}
