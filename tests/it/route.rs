//! `stickysim route` as it is typed.

use crate::program::{Place, Said};

fn route(place: &Place, words: &[&str], stdin: &str) -> Said {
    place.run_with("route", words, stdin.as_bytes())
}

/// The answer as tables.
fn tables(words: &[&str], stdin: &str) -> String {
    tables_of(&Place::new(), words, stdin)
}

/// The same in a folder.
fn tables_of(place: &Place, words: &[&str], stdin: &str) -> String {
    let said = route(place, &[words, &["--format", "table"]].concat(), stdin);
    format!("$ stickysim route {}\n{}", words.join(" "), said.fine())
}

#[test]
fn where_clients_land_is_shown() {
    let listed = "198.51.100.7\n198.51.100.8\n203.0.113.9\n2001:db8::1\n";
    let keyed = "address,key\n198.51.100.7,ann\n198.51.100.7,bob\n,cid\n";
    insta::assert_snapshot!(
        [
            tables(&["--balancer", "nginx.ip_hash", "--servers", "5", "--weights", "5,1,1", "--down", "0"], ""),
            tables(&["-b", "nginx.ip_hash", "-c", "-", "--refuse", "0"], listed),
            tables(&["-b", "haproxy.hdr(x-user-id)", "-s", "10.0.0.1:80,10.0.0.2:80", "-c", "-"], keyed),
            tables(&["-b", "ingress-nginx.balanced", "--then", "servers=4", "--then", "remove=1"], ""),
            tables(&["-b", "ingress-nginx.persistent", "--then", "servers=4"], ""),
            tables(&["-b", "nginx.least_conn", "-s", "60", "-c", "600"], ""),
            tables(&["-b", "haproxy: {balance: leastconn, default-server: maxconn 100}", "-c", "500"], ""),
        ]
        .join("\n")
    );
}

#[test]
fn rows_say_client_server_and_chain() {
    let place = Place::new();
    let clients = "198.51.100.7\n\"odd, text\"\n\n2001:db8::1\n";
    let words = ["-b", "nginx.round_robin", "-s", "2", "--refuse", "0", "-c", "-", "--then", "up=0"];
    let out = "step,client,server,address,tried\n0,198.51.100.7,1,10.244.0.3:3000,0>1\n\
               0,\"\"\"odd, text\"\"\",1,10.244.0.3:3000,1\n0,2001:db8::1,1,10.244.0.3:3000,1\n\
               1,198.51.100.7,1,10.244.0.3:3000,1\n1,\"\"\"odd, text\"\"\",1,10.244.0.3:3000,1\n\
               1,2001:db8::1,1,10.244.0.3:3000,1\n";
    // the server that failed is left alone for fail_timeout, and no time passes
    assert_eq!(route(&place, &words, clients).fine(), out);
    place.write("clients.txt", clients);
    let from_file: Vec<&str> = words.iter().map(|&word| if word == "-" { "clients.txt" } else { word }).collect();
    assert_eq!(route(&place, &from_file, "").fine(), out);
}

#[test]
fn a_scenario_gives_balancer_and_pods() {
    let place = Place::furnished();
    let rows = |words: &[&str]| route(&place, &[&["tiny.yaml", "-c", "200"], words].concat(), "").fine().to_owned();
    assert!(rows(&["--variant", "ip-hash"]).contains(",3,10.244.0.5:3000,3\n"), "four pods");
    assert!(!rows(&["--variant", "none"]).contains("10.244.0.5"), "three pods");
    assert_eq!(rows(&["--variant", "ip-hash", "--seed", "5"]), rows(&["--variant", "ip-hash", "--set", "seed=5"]));
    let said = route(&place, &["tiny.yaml", "--variant", "iphash"], "");
    said.refused(&["no variant `iphash`", "`cookie` or `ip-hash` or `none`"]);
    route(&place, &["--variant", "x", "-b", "nginx"], "").refused(&["of which scenario"]);
}

#[test]
fn shorthands_are_settings() {
    let place = Place::new();
    for (short, long) in [
        ("nginx", "nginx: {}"),
        ("nginx.hash $arg_room consistent", "nginx: {method: hash $arg_room consistent}"),
        ("haproxy.url_param room", "{haproxy: {balance: url_param room}}"),
        ("ingress-nginx.round_robin", "ingress-nginx: {load-balance: round_robin}"),
        ("ingress-nginx.persistent", "ingress-nginx: {affinity: cookie, affinity-mode: persistent}"),
        ("service.ClientIP", "service: {sessionAffinity: ClientIP}"),
        ("service.ipvs", "service: {mode: ipvs}"),
        ("envoy.LEAST_REQUEST", "envoy: {lb_policy: LEAST_REQUEST}"),
        ("envoy.MAGLEV", "envoy: {lb_policy: MAGLEV, hash_policy: [{connection_properties: {source_ip: true}}]}"),
        ("istio.ROUND_ROBIN", "istio: {loadBalancer: {simple: ROUND_ROBIN}}"),
        ("istio.maglev", "istio: {loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}}"),
        ("traefik.hrw", "traefik: {strategy: hrw}"),
        ("aws-alb.lb_cookie", "aws-alb: {stickiness.enabled: true}"),
        ("aws-alb.weighted_random", "aws-alb: {load_balancing.algorithm.type: weighted_random}"),
        ("aws-nlb.source_ip", "aws-nlb: {stickiness.enabled: true}"),
        ("cloudflare.cookie", "cloudflare: {session_affinity: cookie}"),
        ("google-cloud.CLIENT_IP", "google-cloud: {sessionAffinity: CLIENT_IP}"),
        ("azure-application-gateway.Enabled", "azure-application-gateway: {CookieBasedAffinity: Enabled}"),
        ("azure-load-balancer.SourceIP", "azure-load-balancer: {loadDistribution: SourceIP}"),
        ("railway", "railway: {}"),
    ] {
        let rows =
            |balancer: &str| route(&place, &["-b", balancer, "-c", "50", "--then", "remove=1"], "").fine().to_owned();
        assert_eq!(rows(short), rows(long), "{short}");
    }
    let set = ["-b", "haproxy.source", "--set", "hash-type=consistent", "-c", "50"];
    let long = ["-b", "haproxy: {balance: source, hash-type: consistent}", "-c", "50"];
    assert_eq!(route(&place, &set, "").fine(), route(&place, &long, "").fine());
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let place = Place::furnished();
    place.write("not-utf8", b"10.0.0.1\n\xff\n");
    for (words, parts) in [
        (&["-c", "5"][..], &["nothing says which balancer", "--balancer nginx.ip_hash"][..]),
        (&["-b", ""], &["is no balancer"]),
        (&["-b", "apache"], &["no product `apache`", "`nginx`", "`railway`"]),
        (&["-b", "railway.random"], &["has no method"]),
        (&["-b", "nginx."], &["nothing stands after"]),
        (&["-b", "nginx.iphash"], &["`iphash`", "ip_hash"]),
        (&["-b", "haproxy: {balance: sorce}"], &["`sorce`", "--balancer:1:"]),
        (&["-b", "haproxy: {balance: [}"], &["--balancer:1:"]),
        (&["-b", "nginx: {weights: 3}"], &["`weights` is not a key"]),
        (&["-b", "nginx", "--set", "max_fials=0"], &["did you mean `max_fails`"]),
        (&["-b", "nginx", "-s", "0"], &["0 servers", "1 to 10000"]),
        (&["-b", "nginx", "-s", "10001"], &["10001 servers"]),
        (&["-b", "nginx", "-s", "10.0.0.1"], &["no address with a port"]),
        (&["-b", "nginx", "-s", "10.0.0.1:1,10.0.0.1:1"], &["twice"]),
        (&["-b", "nginx", "--weights", "1,1,1,1"], &["4 for 3 servers"]),
        (&["-b", "nginx", "--weights", "1,0,1"], &["`0` is no weight of nginx round robin; write 1 to 1000"]),
        (&["-b", "nginx", "--weights", "1,x"], &["`x` is no weight"]),
        (&["-b", "service: {nodes: 1000}", "-s", "500"], &["1000 instances of Service", "write fewer"]),
        (&["-b", "nginx", "--down", "3"], &["no server 3", "the last is 2"]),
        (&["-b", "nginx", "--down", "a"], &["`a` is no position"]),
        (&["-b", "nginx", "-c", "0"], &["0 clients"]),
        (&["-b", "nginx", "-c", "10000001"], &["10000001 clients"]),
        (&["-b", "nginx", "-c", "99999999999999999999999"], &["99999999999999999999999 clients", "1 to 10000000"]),
        (&["-b", "nginx", "-s", "99999999999999999999"], &["99999999999999999999 servers", "1 to 10000"]),
        (&["-b", "nginx", "-c", "missing.txt"], &["cannot read the clients `missing.txt`"]),
        (&["-b", "nginx", "-c", "."], &["is a folder"]),
        (&["-b", "nginx", "-c", "not-utf8"], &["line 2 of the clients", "UTF-8"]),
        (&["-b", "nginx", "-c", "-"], &["there is no client"]),
        (&["-b", "nginx", "--then", "server=4"], &["--then", "`servers=6`"]),
        (&["-b", "nginx", "--then", "servers=x"], &["no number of servers"]),
        // all changes are checked before the first row
        (&["-b", "nginx", "--then", "remove=0,1,2"], &["--then", "takes every server away"]),
        (&["-b", "nginx", "--then", "up=0", "--then", "down=7"], &["--then", "no server 7"]),
        (&["-b", "nginx", "--then", "remove=0", "--then", "down=2"], &["no server 2", "the last is 1"]),
        (&["-b", "nginx", "--then", "servers=0"], &["--then", "0 servers"]),
        (&["-b", "nginx", "--then", "servers=99999"], &["--then", "99999 servers"]),
        (&["-b", "railway", "--then", "weights=2,1"], &["--then", "Railway gives every server the same weight"]),
        (&["tiny.yaml", "--set", "pods.replicas=0"], &["pod"]),
        (&["missing.yaml"], &["missing.yaml"]),
    ] {
        route(&place, words, "").refused(parts);
    }
    for (clients, parts) in [
        (
            "198.51.100.7\nann\n",
            &["line 2 of the clients", "`ann` is no address", "nginx ip_hash looks at addresses"][..],
        ),
        ("address,cookie\n", &["line 1", "column `cookie`"]),
        ("address\n198.51.100.7\n198.51.100\n", &["line 3", "`198.51.100` is no address"]),
        ("address,key\n198.51.100.7\n", &["line 2", "1 fields under 2 columns"]),
        ("address,address\n", &["twice"]),
        (&"x".repeat(5_000), &["line 1", "longer than 4096 bytes"]),
    ] {
        route(&place, &["-b", "nginx.ip_hash", "-c", "-"], clients).refused(parts);
    }
    let by_text = ["-b", "nginx.hash $cookie_user", "-c", "-"];
    route(&place, &by_text, "address\n198.51.100.7\n").refused(&["no column `key`"]);
    for unnamed in ["foo,bar\n1,2\n", "198.51.100.7,ann\n", "\nuser,city\nann,\"Bern, CH\"\n"] {
        route(&place, &by_text, unnamed).refused(&["line", "of the clients", "columns", "`address`, `key`"]);
    }
    assert!(route(&place, &by_text, "\"Bern, CH\"\n").fine().contains("Bern, CH"), "a text with a comma in quotes");
}

/// What a product does not have cannot be said of its servers.
#[test]
fn servers_are_what_the_product_knows() {
    let place = Place::new();
    let heavy = ["--weights", "5,1,1"];
    for (balancer, said, parts) in [
        ("railway", heavy, "Railway gives every server the same weight"),
        ("service", heavy, "Service (iptables) gives every endpoint the same chance"),
        ("service.ipvs", heavy, "Service (ipvs) gives every endpoint the same chance"),
        ("ingress-nginx.ewma", heavy, "ingress-nginx ewma gives every server the same weight"),
        ("aws-alb", heavy, "AWS ALB round robin gives"),
        ("aws-nlb.source_ip", heavy, "AWS NLB source_ip gives"),
        ("google-cloud", heavy, "Google Cloud NONE gives"),
        ("cloudflare", heavy, "endpoints of weight 1 only"),
        ("azure-load-balancer", heavy, "Azure Load Balancer Default gives"),
        ("azure-application-gateway", heavy, "Azure Application Gateway round robin gives"),
        ("istio", heavy, "Istio least request gives"),
        ("app-redirect", heavy, "application redirect, as written gives"),
        ("traefik.p2c", heavy, "`strategy: wrr`"),
        ("envoy.RANDOM", heavy, "another `lb_policy`"),
        ("haproxy: {balance: first, default-server: maxconn 9000}", heavy, "another `balance`"),
        ("haproxy.source", ["--weights", "257,1,1"], "`257` is no weight of HAProxy source, map-based; write 1 to 256"),
        ("haproxy.source", ["--weights", "0,1,1"], "or `drain`"),
        ("nginx", ["--weights", "1001"], "nginx round robin; write 1 to 1000"),
        ("traefik", ["--weights", "1000001"], "Traefik wrr; write 1 to 1000000"),
        ("app-redirect", ["--down", "0"], "never learns that a server is down; write `refuse`"),
        ("app-redirect", ["--drain", "0"], "write `remove`"),
        ("ingress-nginx.persistent", ["--drain", "0"], "write `remove`"),
        ("nginx.ip_hash", ["--drain", "0"], "write `down`, or add `sticky`"),
    ] {
        route(&place, &["-b", balancer, said[0], said[1]], "").refused(&[parts, &said[0][2..]]);
    }
    for (balancer, said) in [
        ("envoy", "--weights=70000,1,1"),
        ("traefik", "--weights=1000000,1,1"),
        ("haproxy.source", "--weights=256,1,1"),
        ("haproxy.source", "--drain=0"),
        ("nginx: {sticky: cookie srv_id}", "--drain=0"),
        ("azure-application-gateway: {ConnectionDraining: {Enabled: true, DrainTimeoutInSec: 60}}", "--drain=0"),
    ] {
        route(&place, &["-b", balancer, said, "-c", "20"], "").fine();
    }
    // an endpoint that is down has left the list, and comes back to its place
    let words = ["-b", "ingress-nginx.persistent", "--down", "0", "-c", "90", "--then", "up=0", "--then", "down=1"];
    let rows = route(&place, &words, "").fine().to_owned();
    let at = |step: usize, server: usize| {
        let starts = |line: &&str| line.starts_with(&format!("{step},")) && line.contains(&format!(",{server},10."));
        rows.lines().filter(starts).count()
    };
    assert_eq!((at(0, 0), at(0, 1) + at(0, 2)), (0, 90));
    assert_eq!((at(1, 0), at(1, 1)), (0, at(0, 1)), "who has a cookie stays");
    assert_eq!((at(2, 1), at(2, 0) + at(2, 2)), (0, 90));
}

#[test]
fn a_browser_follows_twenty_redirects() {
    let place = Place::new();
    let words = ["-b", "app-redirect", "-s", "10"];
    let rows = route(&place, &words, "").fine().to_owned();
    let unanswered = rows.lines().filter(|line| line.contains(",,,")).count();
    for line in rows.lines().skip(1) {
        let tried = line.matches('>').count() + 1;
        assert!(if line.contains(",,,") { tried == 21 } else { tried <= 21 }, "{line}");
    }
    let shown = tables(&words, "");
    assert!(shown.contains("1,091 clients are answered by nobody: browsers give up after 20 redirects"), "{shown}");
    assert_eq!(unanswered, 1_091);
}

/// A scenario with these balancers and three pods.
fn chain(place: &Place, balancers: &str) -> String {
    let text = format!("name: chain\nseed: 1\nclients: {{count: 1}}\npods: {{replicas: 3}}\nbalancers: {balancers}\n");
    place.write("chain.yaml", text);
    route(place, &["chain.yaml", "-c", "300"], "").fine().to_owned()
}

#[test]
fn every_balancer_of_a_scenario_is_passed() {
    let place = Place::new();
    let direct = route(&place, &["-b", "nginx.ip_hash", "-c", "300"], "").fine().to_owned();
    let believes = "{method: ip_hash, real_ip_header: X-Forwarded-For, set_real_ip_from: [0.0.0.0/0]}";
    assert_eq!(chain(&place, &format!("[cloudflare: {{}}, nginx: {believes}]")), direct, "it is told the address");
    assert_eq!(chain(&place, "[aws-nlb: {}, nginx: {method: ip_hash}]"), direct, "packets keep their source");
    let servers = |rows: &str| {
        let of = |line: &str| line.split(',').nth(2).map(str::to_owned);
        rows.lines().skip(1).filter_map(of).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(servers(&direct).len(), 3);
    let behind_one = chain(&place, "[ingress-nginx: {affinity: cookie}, service: {sessionAffinity: ClientIP}]");
    assert_eq!(servers(&behind_one).len(), 1, "the Service sees the controller only");
    chain(&place, "[cloudflare: {edges: 16}, nginx: {method: ip_hash}]");
    let shown = tables_of(&place, &["chain.yaml"], "");
    for part in ["Cloudflare random (16 instances) → nginx ip_hash", "seeded draw → exact", "N_eff 16 of 10,000"] {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
    // nginx looks at addresses, but not at those of clients
    route(&place, &["chain.yaml", "-c", "-"], "ann\nbob\n").fine();
}

#[test]
fn a_cookie_of_the_first_balancer_leads_to_the_same_instance_of_the_second() {
    let place = Place::new();
    let again = |sticky: bool| {
        let alb = format!("aws-alb: {{nodes: 1, stickiness.enabled: {sticky}}}");
        chain(&place, &format!("[{alb}, ingress-nginx: {{replicas: 5}}, nginx: {{method: ip_hash}}]"));
        tables_of(&place, &["chain.yaml", "-c", "402"], "")
    };
    // the last one sees who of the second one sends
    let (kept, not_kept) = (again(true), again(false));
    assert!(kept.contains("N_eff 5 of 402 clients") && kept.contains("Coming again, 402 of 402 land"), "{kept}");
    assert!(!not_kept.contains("Coming again, 402 of 402 land"), "{not_kept}");
}

#[test]
fn the_table_of_strategies_takes_no_other_options() {
    let place = Place::furnished();
    for word in [
        "--servers=5",
        "--clients=9",
        "--seed=2",
        "--weights=1",
        "--down=0",
        "--then=up=0",
        "--format=csv",
        "tiny.yaml",
    ] {
        let said = route(&place, &["--table", word], "");
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{word}: {said:?}");
        assert!(said.err.contains("'--table'") && said.err.contains("cannot be used with"), "{said:?}");
    }
}

#[test]
fn the_example_of_the_readme_is_true() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("the README");
    let words = ["--balancer", "nginx.ip_hash", "--servers", "4", "--then", "remove=1"];
    let shown = tables(&words, "");
    let (command, output) = shown.split_once('\n').expect("a command and its output");
    for part in [command.trim_start_matches("$ "), output] {
        assert!(readme.contains(part), "put this into README.md:\n{part}");
    }
}

#[test]
fn every_product_and_every_setting_is_documented() {
    use stickysim::cluster::balancer::BalancerSpec;

    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/BALANCERS.md")).expect("the page");
    let schema: serde_json::Value = serde_json::from_str(&stickysim::scenario::schema_json()).expect("JSON");
    let kinds = schema["$defs"]["BalancerSpec"]["oneOf"].as_array().expect("a list of products");
    assert_eq!(kinds.len(), BalancerSpec::NAMES.len());
    let mut missing = Vec::new();
    for (kind, name) in kinds.iter().zip(BalancerSpec::NAMES) {
        let Some((_, section)) = page.split_once(&format!("\n### `{name}`")) else {
            missing.push(format!("a section \"### `{name}`\""));
            continue;
        };
        let section = section.split("\n### ").next().expect("split gives something");
        missing.extend(
            ["Source: ", "- Exact: ", "- Drawn: ", "- Not modelled: "]
                .iter()
                .filter(|part| !section.contains(**part))
                .map(|part| format!("{name}: {part}")),
        );
        let settings =
            kind["properties"][name]["$ref"].as_str().and_then(|path| path.rsplit('/').next()).expect("a reference");
        let keys = schema["$defs"][settings]["properties"].as_object();
        let undocumented = keys.into_iter().flatten().filter(|(key, _)| !section.contains(&format!("`{key}`")));
        missing.extend(undocumented.map(|(key, _)| format!("{name}: `{key}`")));
    }
    assert!(missing.is_empty(), "write into docs/BALANCERS.md: {missing:#?}");
}
