//! What balancers do to a whole cluster: waits, redirects, tiers in a row, instances, health checks, reloads.

use stickysim::cluster::balancer::{BalancerSpec, NginxMethod};
use stickysim::cluster::spec::{Action, Choice, ClusterSpec, Sharing, TimedAction};
use stickysim::engine::{Law, Span};
use stickysim::metrics::{CloseReason, FailReason, MoveReason};

use crate::support::{api, cluster, product, run, seconds};

fn products(list: &[&str]) -> Vec<BalancerSpec> {
    list.iter().map(|yaml| product(yaml)).collect()
}

/// `clients` clients that call `pods` pods once a minute, each call taking nothing.
fn callers(pods: u32, clients: u32, balancers: &[&str]) -> ClusterSpec {
    let mut spec = cluster(pods, NginxMethod::RoundRobin, clients, false);
    spec.balancers = products(balancers);
    spec.traffic = vec![api(60.0, Law::Fixed(0.0))];
    spec
}

fn at(second: u64, action: Action) -> TimedAction {
    TimedAction::once(Span::from_secs(second), action)
}

#[test]
fn redirects_with_a_new_session_at_each_hop_are_a_matter_of_luck() {
    // geometric with success 1/N, given up after 20: the recorded means of 1.0, 2.0, 4.0 and 8.8 have no such limit
    for n in [2u32, 3, 5, 10] {
        let counts = run(&callers(n, 4_000, &["app-redirect: {}"]), 0).counts;
        let q = 1.0 - 1.0 / f64::from(n);
        let power = |exponent: u32| libm::pow(q, f64::from(exponent));
        let requests = counts.requests as f64;
        let redirects: f64 = (1..=20).map(power).sum();
        let mean = counts.requests_redirected as f64 / requests;
        assert!((mean / redirects - 1.0).abs() < 0.03, "{n} instances: {mean} redirects, theory {redirects}");
        let failed = counts.requests_failed.of(FailReason::TooManyRedirects) as f64 / requests;
        assert!((failed - power(21)).abs() < 0.003, "{n} instances: {failed} fail, theory {}", power(21));
        assert!(counts.moved.of(MoveReason::NeverSticky) > 0);
    }
}

#[test]
fn a_redirect_that_carries_the_cookie_is_needed_once() {
    let spec = callers(5, 4_000, &["app-redirect: {corrected: true}"]);
    let counts = run(&spec, 0).counts;
    let visited = counts.requests - counts.routed_again;
    let share = counts.requests_redirected as f64 / visited as f64;
    assert!((share - 0.8).abs() < 0.02, "four of five new clients are redirected once: {share}");
    assert_eq!((counts.moved.total(), counts.cookies_issued), (0, visited));
    // an instance that is down is an error for its sessions, and for nobody else
    let mut broken = spec;
    broken.timeline = vec![at(300, Action::Crash(Choice::Number(2)))];
    broken.pods.startup = Law::Fixed(seconds(1_000.0));
    let counts = run(&broken, 0).counts;
    let failed = counts.requests_failed.of(FailReason::PodUnreachable) as f64 / (counts.requests as f64 / 2.0);
    assert!((failed - 0.2).abs() < 0.02, "{failed}");
    assert_eq!(counts.moved.total(), 0);
}

#[test]
fn waiting_in_the_queue_of_a_balancer_takes_as_long_as_waiting_in_the_pod() {
    // one request at a time, first come first served: the place of the queue changes nothing
    let latencies = |balancer: &str| {
        let mut spec = callers(1, 100, &[balancer]);
        spec.traffic = vec![api(10.0, Law::exponential(seconds(0.08)))];
        let record = run(&spec, 0);
        assert_eq!(record.counts.requests_failed.total(), 0);
        [0.5, 0.9, 0.99, 1.0].map(|q| record.latencies.request.quantile_ms(q).expect("answered"))
    };
    let in_pod = latencies("haproxy: {balance: roundrobin}");
    let in_queue = latencies("haproxy: {balance: roundrobin, default-server: maxconn 1, timeout-queue: 10m}");
    assert_eq!(in_pod, in_queue);
    assert!(in_pod[2] > 500.0, "there is a queue: {in_pod:?}");
}

#[test]
fn tunnels_beyond_the_connections_of_all_servers_wait_and_fail() {
    let mut spec = cluster(2, NginxMethod::RoundRobin, 30, true);
    spec.balancers = products(&["haproxy: {balance: leastconn, default-server: maxconn 10, timeout-queue: 5s}"]);
    spec.steady_start = false;
    spec.duration = Span::from_secs(120);
    let counts = run(&spec, 0).counts;
    assert_eq!((counts.connects, counts.closed.total()), (20, 0));
    assert!(counts.connects_failed.of(FailReason::QueueFull) > 10, "the others try again and again");
}

#[test]
fn a_server_that_checks_find_down_gets_nothing_until_they_find_it_up() {
    // three checks, two seconds apart, find it down 4 to 6 s after it died; two find it up again
    let mut spec = callers(2, 6_000, &["haproxy: {balance: roundrobin, retries: 0, default-server: check}"]);
    spec.timeline = vec![at(101, Action::Crash(Choice::Number(0)))];
    spec.pods.startup = Law::Fixed(seconds(60.0));
    spec.duration = Span::from_secs(300);
    let record = run(&spec, 0);
    // 100 requests per second, half of them to the dead one, until the check at 106 s
    let failed = record.counts.requests_failed.of(FailReason::PodUnreachable);
    assert!(failed.abs_diff(250) < 40, "{failed}");
    let mut unchecked = spec;
    unchecked.balancers = products(&["haproxy: {balance: roundrobin, retries: 0}"]);
    let failed = run(&unchecked, 0).counts.requests_failed.of(FailReason::PodUnreachable);
    assert!(failed.abs_diff(3_000) < 200, "as long as it is dead: {failed}");
}

#[test]
fn a_pause_between_two_tries_is_in_the_latency() {
    // cookie without redispatch: three retries on the same server, a second apart, then 503; with redispatch the last one
    // goes elsewhere
    let latency = |option: &str| {
        let yaml = format!("haproxy: {{cookie: SRV insert, {option}}}");
        let mut spec = callers(2, 2_000, &[&yaml]);
        spec.timeline = vec![at(300, Action::Crash(Choice::Number(0)))];
        spec.pods.startup = Law::Fixed(seconds(1_000.0));
        let record = run(&spec, 0);
        let failed = record.counts.requests_failed.of(FailReason::PodUnreachable);
        (record.latencies.request.quantile_ms(1.0).expect("answered"), failed)
    };
    let (longest, failed) = latency("retries: 3");
    assert_eq!(longest, 0.0);
    assert!(failed > 4_000, "half of the clients for half of the time: {failed}");
    let (longest, failed) = latency("option: [redispatch]");
    assert!((longest - 2_000.0).abs() < 20.0, "two pauses of a second: {longest} ms");
    assert_eq!(failed, 0);
}

#[test]
fn a_proxy_in_front_leaves_few_addresses_to_hash() {
    let sees = |list: &[&str]| {
        let spec = callers(4, 4_000, list);
        let record = run(&spec, 0);
        (record.n_eff.requests, record.counts.moved.total() as f64 / record.counts.routed_again as f64)
    };
    let (alone, moved) = sees(&["nginx: {method: ip_hash}"]);
    assert!(alone > 3_000.0 && moved == 0.0, "{alone} {moved}");
    let (behind, _) = sees(&["cloudflare: {}", "nginx: {method: ip_hash}"]);
    assert!(behind <= 20.0, "the addresses of Cloudflare: {behind}");
    let trusting = "nginx: {method: ip_hash, real_ip_header: CF-Connecting-IP, set_real_ip_from: [173.245.48.0/20]}";
    let (told, moved) = sees(&["cloudflare: {}", trusting]);
    assert!((told - alone).abs() < 1e-9 && moved == 0.0, "{told} {moved}");
}

#[test]
fn a_service_behind_an_ingress_sees_only_the_ingress() {
    // ClientIP pins each proxy to one pod: the cookie in front changes nothing about it
    let list = ["nginx: {worker_processes: 1}", "service: {sessionAffinity: ClientIP}"];
    let record = run(&callers(4, 1_000, &list), 0);
    assert_eq!(record.counts.moved.total(), 0);
    assert!((record.n_eff.requests - 1.0).abs() < 1e-9);
    let skew = record.load.requests.expect("requests").max_over_mean;
    assert!((skew - 4.0).abs() < 1e-9, "all requests are on one pod of four: {skew}");
}

#[test]
fn requests_on_a_kept_connection_follow_it() {
    // a Service without affinity draws once per connection: calls within five seconds of each other stay together
    let moved = |every_s: f64| {
        let mut spec = callers(4, 500, &["service: {}"]);
        spec.traffic = vec![api(every_s, Law::Fixed(0.0))];
        spec.traffic[0].every = Law::Fixed(seconds(every_s));
        let counts = run(&spec, 0).counts;
        counts.moved.total() as f64 / counts.routed_again as f64
    };
    assert_eq!(moved(4.0), 0.0);
    let apart = moved(6.0);
    assert!((apart - 0.75).abs() < 0.02, "each call has a connection of its own: {apart}");
}

#[test]
fn workers_without_a_zone_take_turns_each_for_itself() {
    // with a common state round robin is exact; with four states it is nearly so, and least_conn sees a quarter of all
    let cv = |yaml: &str| {
        let mut spec = cluster(5, NginxMethod::RoundRobin, 2_000, true);
        spec.balancers = products(&[yaml]);
        spec.duration = Span::from_secs(60);
        run(&spec, 0).load.connections.expect("connections").cv
    };
    assert_eq!(cv("nginx: {method: least_conn}"), 0.0);
    assert_eq!(cv("nginx: {method: least_conn, worker_processes: 4, zone: true}"), 0.0);
    let apart = cv("nginx: {method: least_conn, worker_processes: 4}");
    assert!(apart > 0.0 && apart < 0.01, "each is even to within one: {apart}");
}

#[test]
fn a_reload_cuts_old_tunnels_when_the_time_to_shut_down_is_over() {
    let mut spec = cluster(3, NginxMethod::RoundRobin, 300, true);
    spec.timeline = vec![at(100, Action::ReloadBalancer)];
    let counts = run(&spec, 0).counts;
    assert_eq!((counts.closed.total(), counts.connects), (0, 0), "nginx lets them end by themselves");
    spec.balancers = products(&["nginx: {worker_shutdown_timeout: 30s}"]);
    let counts = run(&spec, 0).counts;
    assert_eq!((counts.closed.of(CloseReason::BalancerCut), counts.connects), (300, 300));
}

#[test]
fn clients_behind_one_address_share_a_pod_of_a_service_with_affinity_and_its_list_forgets_beyond_a_hundred() {
    // iptables remembers 100 addresses per endpoint: 600 addresses on 3 endpoints are twice too many
    let moved = |addresses: u32, mode: &str| {
        let yaml = format!("service: {{sessionAffinity: ClientIP, mode: {mode}, externalTrafficPolicy: Local}}");
        let mut spec = callers(3, addresses, &[&yaml]);
        spec.audiences[0].network.sharing = Sharing::Own;
        let counts = run(&spec, 0).counts;
        let share = |n: u64| n as f64 / counts.routed_again as f64;
        (share(counts.moved.total()), share(counts.moved.of(MoveReason::TableFull)))
    };
    assert_eq!(moved(200, "iptables"), (0.0, 0.0));
    let (all, full) = moved(600, "iptables");
    assert!(all > 0.3 && all == full, "{all} {full}");
    assert_eq!(moved(600, "nftables"), (0.0, 0.0));
}

#[test]
fn an_http_connection_stays_where_it_is_while_its_client_opens_a_websocket_elsewhere() {
    // each WebSocket comes through an instance of its own, so that ip_hash sees another address: it lands on another one of
    // eight pods seven times in eight, and the next call goes back to where all others went
    let mut spec = cluster(8, NginxMethod::RoundRobin, 500, true);
    spec.balancers =
        products(&["ingress-nginx: {replicas: 200}", "nginx: {method: ip_hash, worker_shutdown_timeout: 1s}"]);
    spec.traffic = vec![api(8.0, Law::Fixed(0.0))];
    spec.timeline = (1..10).map(|minute| at(60 * minute, Action::ReloadBalancer)).collect();
    let counts = run(&spec, 0).counts;
    assert_eq!(counts.connects, 9 * 500, "each reload cuts every tunnel");
    let moves = counts.moved.of(MoveReason::AddressChanged) as f64 / counts.connects as f64;
    assert!((moves - 2.0 * 7.0 / 8.0).abs() < 0.1, "{moves} moves per WebSocket");
}

#[test]
fn a_call_on_a_kept_connection_goes_where_that_leads_whatever_the_list_of_clients_says() {
    // the entry lives for a second after a connection was opened: WebSockets find none and land anywhere
    let mut spec = cluster(4, NginxMethod::RoundRobin, 2_000, true);
    spec.balancers = products(&["service: {sessionAffinity: ClientIP, timeoutSeconds: 1}"]);
    spec.traffic = vec![api(0.4, Law::Fixed(0.0))];
    spec.timeline = (1..10).map(|minute| at(60 * minute, Action::Crash(Choice::Number(0)))).collect();
    let moved = run(&spec, 0).counts.moved;
    assert_eq!(moved.of(MoveReason::NeverSticky), 0);
    let (away, back) = (moved.of(MoveReason::EntryExpired), moved.of(MoveReason::KeptConnection));
    assert!(back > 50 && back <= away + moved.of(MoveReason::PodGone), "{away} away, {back} back");
}

#[test]
fn each_tier_reads_what_it_reads_whatever_stands_before_it() {
    // a tier in front that hashes rooms does not make the last one hash rooms, too
    let loads = |balancers: &[&str]| {
        let mut spec = callers(5, 400, balancers);
        spec.traffic = vec![api(5.0, Law::Fixed(0.0))];
        run(&spec, 0).load.requests.expect("requests").max_over_mean
    };
    let by_user = "haproxy: {balance: hdr(x-user-id)}";
    assert_eq!(loads(&[by_user]), loads(&["nginx: {method: hash $arg_room consistent}", by_user]));
}

#[test]
fn a_client_without_a_room_has_no_text_to_be_hashed() {
    // nginx takes turns then, and ingress-nginx sends everybody to one pod
    let loads = |yaml: &str| run(&callers(5, 400, &[yaml]), 0).load.requests.expect("requests").max_over_mean;
    assert!(loads("nginx: {method: hash $arg_room consistent}") < 1.01);
    assert_eq!(loads("ingress-nginx: {upstream-hash-by: $arg_room}"), 5.0);
    assert!(loads("haproxy: {balance: url_param room}") < 1.01);
}

#[test]
fn lines_of_a_tier_in_front_have_their_weights_and_may_be_down() {
    let spec = |front: &str| callers(2, 400, &[front, "ingress-nginx: {replicas: 2}", "nginx: {method: ip_hash}"]);
    let n_eff = run(&spec("haproxy: {balance: roundrobin, servers: [weight 200, weight 1]}"), 0).n_eff.requests;
    assert!((n_eff - 1.01).abs() < 0.01, "201²/(200² + 1²) = 1.01, and not {n_eff}");
    let counts = run(&spec("nginx: {servers: [down, down]}"), 0).counts;
    assert!(counts.requests > 0 && counts.requests_failed.of(FailReason::NoPod) == counts.requests);
}

#[test]
fn a_client_that_comes_through_another_instance_comes_from_another_address() {
    // sixteen edges in turn: fifteen of sixteen requests come from another address than the one before
    let spec = callers(8, 400, &["ingress-nginx: {replicas: 16}", "nginx: {method: ip_hash}"]);
    let mut brief = spec;
    brief.traffic = vec![api(200.0, Law::Fixed(0.0))]; // connections are closed after 75 s
    brief.duration = Span::from_secs(6_000);
    let record = run(&brief, 0);
    let moved = record.counts.moved;
    assert_eq!(moved.total(), moved.of(MoveReason::AddressChanged), "pods never change");
    assert!(moved.total() > 1_000);
    assert!((record.n_eff.balancer / 16.0 - 1.0).abs() < 0.1, "{}", record.n_eff.balancer);
}

#[test]
fn a_client_that_keeps_no_cookies_is_redirected_as_if_nothing_had_been_corrected() {
    let redirects = |corrected: bool| {
        let mut spec = callers(5, 4_000, &[&format!("app-redirect: {{corrected: {corrected}}}")]);
        spec.audiences[0].cookies.keep = 0.0;
        let counts = run(&spec, 0).counts;
        counts.requests_redirected as f64 / counts.requests as f64
    };
    let (corrected, written) = (redirects(true), redirects(false));
    assert!((corrected / written - 1.0).abs() < 0.03, "{corrected} against {written}");
}
