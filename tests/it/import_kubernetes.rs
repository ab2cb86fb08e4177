//! Manifests become scenarios that can be run, and what is wrong with them is found.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use stickysim::import::kubernetes::{Code, File, Imported, Options, Severity, read};
use stickysim::scenario::{self, NoFiles, Scenario, Source};
use stickysim::study;

/// The five clusters' own files as their owners wrote them, and files written for these tests.
const SETS: [(&str, &[&str]); 12] = [
    ("auction", &["auction-ingress.yaml"]),
    ("voice_alb", &["voice-alb.yaml"]),
    ("voice_cloudflare", &["voice-cloudflare.yaml"]),
    ("voice_nginx", &["voice-nginx.conf"]),
    ("chat", &["chat-ingress.yaml", "chat-service.yaml"]),
    ("social", &["social.yaml"]),
    ("music", &["music.yaml"]),
    ("full_nginx_cookie", &["full-nginx-cookie.yaml"]),
    ("alb_lb_cookie", &["alb-lb-cookie.yaml"]),
    ("istio_httpcookie", &["istio-httpcookie.yaml"]),
    ("nlb_clientip_local", &["nlb-clientip-local.yaml"]),
    ("common_mistakes", &["common-mistakes.yaml"]),
];

fn fixture(name: &str) -> File {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/manifests").join(name);
    File { name: name.to_owned(), bytes: std::fs::read(path).unwrap(), named: true }
}

pub fn file(name: &str, text: &str) -> File {
    File { name: name.to_owned(), bytes: text.into(), named: true }
}

pub fn import(files: &[File]) -> Imported {
    read(files, &Options::default()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn refusal(text: &str) -> String {
    read(&[file("x.yaml", text)], &Options::default()).expect_err(text).to_string()
}

#[track_caller]
pub fn scenario(imported: &Imported, sets: &[&str]) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let source = Source { name: "imported.yaml", text: &imported.scenario, folder: &NoFiles };
    scenario::parse(source, &sets).unwrap_or_else(|problems| panic!("{problems}\n{}", imported.scenario))
}

/// Findings as `code:line`, in order of the lines.
fn codes(imported: &Imported) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = imported.findings.iter().map(|f| (f.line, f.code.name())).collect();
    found.sort_unstable();
    found.iter().map(|(line, code)| format!("{code}:{line}")).collect()
}

/// The text of one document: its errors and warnings, and the notes that are asked for, as `code:line`.
fn found_in(text: &str) -> Vec<String> {
    codes(&import(&[file("x.yaml", text)]))
}

#[track_caller]
pub fn finds(text: &str, expected: &[&str]) {
    let found = found_in(text);
    for code in expected {
        assert!(found.iter().any(|f| f == code), "{code} is not in {found:?}\n{text}");
    }
}

#[track_caller]
pub fn finds_not(text: &str, code: &str) {
    let found = found_in(text);
    assert!(!found.iter().any(|f| f.starts_with(&format!("{code}:"))), "{code} is in {found:?}\n{text}");
}

#[test]
fn what_is_written_and_found_keeps_its_form() {
    for (name, files) in SETS {
        let files: Vec<File> = files.iter().map(|file| fixture(file)).collect();
        let imported = import(&files);
        insta::assert_snapshot!(
            format!("import_kubernetes_{name}"),
            format!("{}=====\n{}", imported.to_text(), imported.scenario)
        );
        assert_eq!(imported.to_csv().lines().count(), imported.findings.len() + 1, "one row each");
    }
}

#[test]
fn scenarios_of_manifests_run() {
    for (name, files) in SETS {
        let files: Vec<File> = files.iter().map(|file| fixture(file)).collect();
        let imported = import(&files);
        let short = ["duration=11m", "clients.people.count=20", "replications=1"];
        let scenario = scenario(&imported, &short);
        let options = study::Options { variants: true, threads: Some(1), progress: &|_| Ok(()) };
        let study = study::run(&scenario, &options).unwrap();
        // with a budget, a node is drained as well
        let budget = imported.scenario.contains("disruption_budget:");
        assert_eq!(study.variants.len(), if budget { 3 } else { 2 }, "{name}");
    }
}

#[test]
fn every_value_says_where_it_comes_from() {
    for (name, files) in SETS {
        let files: Vec<File> = files.iter().map(|file| fixture(file)).collect();
        let text = import(&files).scenario;
        let body = text.split("\nbalancers:").nth(1).expect("balancers").split("\nvariants:").next().unwrap();
        for line in body.lines().filter(|line| !line.trim().is_empty()) {
            let heading = line.trim_start_matches(['#', ' ']).split('#').next().unwrap().trim_end().ends_with(':');
            let told = line.contains(".yaml:") || line.contains(".conf:") || line.contains("# assumed: ");
            assert!(told || heading || line.contains("# try: "), "{name}: {line}");
        }
    }
}

#[test]
fn the_known_mistakes_of_the_five_clusters_are_found() {
    let import_of = |files: &[&str]| codes(&import(&files.iter().map(|f| fixture(f)).collect::<Vec<_>>()));
    let has = |files: &[&str], expected: &[&str]| {
        let found = import_of(files);
        expected.iter().for_each(|code| assert!(found.iter().any(|f| f == code), "{files:?}: {code} not in {found:?}"));
    };
    has(&["auction-ingress.yaml"], &["foreign-annotation:11", "no-ingress-class:4"]);
    has(&["chat-ingress.yaml", "chat-service.yaml"], &["affinity-bypassed:9"]);
    has(
        &["social.yaml"],
        &[
            "unknown-field:19",
            "affinity-bypassed:17",
            "unknown-annotation:32",
            "namespace-not-written:44",
            "backend-missing:51",
        ],
    );
    has(&["music.yaml"], &["redis-single:4", "backend-missing:95", "balanced-moves-sessions:85"]);
    has(&["voice-cloudflare.yaml"], &["bad-value:9", "cookie-an-hour:6"]);
    has(&["voice-alb.yaml"], &["idle-loses-cookie:16"]);
    has(&["voice-nginx.conf"], &["hashes-addresses:2"]);
    has(
        &["common-mistakes.yaml"],
        &[
            "unknown-field:10",
            "affinity-bypassed:8",
            "node-hides-address:6",
            "foreign-annotation:19",
            "configmap-key:20",
            "removed-annotation:21",
            "hashes-addresses:22",
            "pre-stop-eats-grace:43",
        ],
    );
}

#[test]
fn clean_manifests_raise_no_alarm() {
    for name in ["alb-lb-cookie.yaml", "istio-httpcookie.yaml", "nlb-clientip-local.yaml"] {
        let imported = import(&[fixture(name)]);
        assert_eq!(
            (imported.count(Severity::Error), imported.count(Severity::Warning)),
            (0, 0),
            "{}",
            imported.to_text()
        );
    }
    // its Redis writes a file that goes with the pod, and nothing else is wrong
    let imported = import(&[fixture("full-nginx-cookie.yaml")]);
    let worse: Vec<_> = imported.findings.iter().filter(|f| f.code.severity() != Severity::Note).collect();
    assert_eq!(worse.iter().map(|f| (f.code, f.line)).collect::<Vec<_>>(), [(Code::RedisWithoutVolume, 102)]);
}

#[test]
fn public_manifests_are_imported() {
    let Some(root) = crate::support::shared("data/manifests/public") else { return };
    for (folder, replicas, product, warnings) in [
        (
            "02-websockets-scaling",
            3,
            "traefik",
            &["affinity-bypassed:8", "old-api-group:10", "old-api-group:2", "redis-without-volume:4"][..],
        ),
        ("04-ingress-nginx-cookie", 1, "ingress-nginx", &[]),
        ("06-istio-websockets", 1, "istio", &[]),
    ] {
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(root.join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
        names.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
        names.sort();
        let files: Vec<File> = names
            .iter()
            .map(|path| File {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                bytes: std::fs::read(path).unwrap(),
                named: false,
            })
            .collect();
        let imported = import(&files);
        let scenario = scenario(&imported, &[]);
        assert!(imported.scenario.contains(&format!("\n  replicas: {replicas} ")), "{}", imported.scenario);
        assert!(imported.scenario.contains(&format!("\n  - {product}:")), "{}", imported.scenario);
        assert_eq!(scenario.variants.len(), 2);
        let mut found: Vec<String> = imported
            .findings
            .iter()
            .filter(|f| f.code.severity() != Severity::Note)
            .map(|f| format!("{}:{}", f.code.name(), f.line))
            .collect();
        found.sort();
        assert_eq!(found, warnings, "{}", imported.to_text());
    }
}

/// A Deployment of two pods on lines 1 to 10; what follows begins on line 11.
pub const PODS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, resources: {requests: {memory: 1Gi}}}]}
---
";
/// A Service in front of them on 9 lines, the last one open for more of its `spec`.
pub const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports: [{port: 80}]\n";

/// An Ingress that leads to the Service, with annotations of ingress-nginx from line 6 on.
pub fn ingress(annotations: &str) -> String {
    let lines: String = annotations.lines().map(|line| format!("    nginx.ingress.kubernetes.io/{line}\n")).collect();
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  annotations:\n{lines}spec:\n  \
         ingressClassName: nginx\n  rules: [{{http: {{paths: [{{path: /socket.io/, pathType: Prefix, backend: {{service: {{name: web, port: \
         {{number: 80}}}}}}}}]}}}}]\n---\n"
    )
}

#[test]
fn annotations_of_ingress_nginx() {
    for (annotation, code) in [
        ("websocket-service: web", "unknown-annotation:6"),
        ("afinity: cookie", "unknown-annotation:6"),
        ("affinity: cooky", "bad-value:6"),
        ("affinity: cookie\naffinity-mode: sticky", "bad-value:7"),
        ("affinity: cookie\nsession-cookie-max-age: 1h", "bad-value:7"),
        ("affinity: cookie\nsession-cookie-max-age: \"600\"", "cookie-short:7"),
        ("affinity: cookie\nsession-cookie-max-age: \"3600\"", "cookie-an-hour:7"),
        ("affinity: cookie\nsession-cookie-expires: \"5000\"\nsession-cookie-max-age: \"6000\"", "contradiction:7"),
        ("affinity: cookie\nupstream-hash-by: $arg_room", "contradiction:7"),
        ("session-cookie-name: route", "no-effect:6"),
        ("upstream-hash-by-subset: \"true\"", "no-effect:6"),
        ("proxy-read-timeout: \"20\"", "heartbeat-timeout:6"),
        ("proxy-read-timeout: 60s", "bad-value:6"),
        ("proxy-real-ip-cidr: 0.0.0.0/0", "configmap-key:6"),
        ("upstream-max-fails: \"3\"", "removed-annotation:6"),
        ("canary: \"true\"", "not-simulated:6"),
        ("upstream-hash-by: $http_x_strange$arg_a", "not-simulated:6"),
    ] {
        finds(&ingress(annotation), &[code]);
    }
    finds_not(&ingress("proxy-read-timeout: \"60\""), "heartbeat-timeout");
    finds_not(&ingress("affinity: cookie\nsession-cookie-max-age: \"172800\""), "cookie-an-hour");
    let through = format!("{}{SERVICE}  sessionAffinity: ClientIP\n", ingress("service-upstream: \"true\""));
    finds(&through, &["client-ip-behind-proxy:17"]);
    assert!(import(&[file("x.yaml", &through)]).scenario.contains("\n  - service:"));
    let other = ingress("affinity: cookie").replace("ingressClassName: nginx", "ingressClassName: alb");
    finds(&other, &["other-controller:6"]);
    let both = ingress("affinity: cookie\nload-balance: ewma")
        .replace("nginx.ingress.kubernetes.io/load-balance: ewma", "alb.ingress.kubernetes.io/scheme: internal");
    finds(&both, &["other-controller:7"]);
}

#[test]
fn routes_that_lead_nowhere() {
    let to = |service: &str| format!("{}{service}", ingress("affinity: cookie"));
    finds(&to(&SERVICE.replace("name: web", "name: wep")), &["backend-missing:9"]);
    finds(&to(&SERVICE.replace("port: 80", "port: 81")), &["port-missing:9"]);
    finds(&to(&SERVICE.replace("name: web}", "name: web, namespace: chat}")), &["namespace-not-written:9"]);
    let there = to(&SERVICE.replace("name: web}", "name: web, namespace: chat}"));
    finds(&there.replacen("  name: web\n", "  name: web\n  namespace: shop\n", 1), &["backend-namespace:10"]);
    finds(&format!("{PODS}{}", SERVICE.replace("app: web", "app: wep")), &["selector-matches-nothing:15"]);
    // a kind of the same name in another group is another kind
    let knative = SERVICE.replace("apiVersion: v1", "apiVersion: serving.knative.dev/v1").replace("ports", "template");
    finds_not(&format!("{PODS}{SERVICE}---\n{knative}"), "duplicate-object");
    finds_not(&format!("{PODS}{SERVICE}---\n{knative}"), "unknown-field");
    finds(&PODS.replace("labels: {app: web}", "labels: {app: wep}"), &["selector-mismatch:6"]);
    finds(&PODS.replace("  selector: {matchLabels: {app: web}}\n", ""), &["missing-field:3"]);
    finds(&ingress("affinity: cookie").replace("pathType: Prefix, ", ""), &["missing-field:9"]);
    let old = ingress("affinity: cookie")
        .replace("service: {name: web, port: {number: 80}}", "serviceName: web, servicePort: 80");
    finds(&old, &["unknown-field:9", "no-workload:9"]);
    finds_not(&old.replace("networking.k8s.io/v1", "networking.k8s.io/v1beta1"), "unknown-field");
    finds(PODS, &["no-way-in:3", "no-pre-stop:3", "no-readiness:3"]);
    let socket = format!("{PODS}{}{SERVICE}", ingress("load-balance: ewma"));
    finds(&socket, &["polling-without-affinity:19"]);
    finds_not(&format!("{PODS}{}{SERVICE}", ingress("affinity: cookie")), "polling-without-affinity");
}

#[test]
fn what_services_say() {
    let service = |more: &str| format!("{PODS}{SERVICE}{more}");
    for (more, code) in [
        ("  sessionAffinity: clientip\n", "bad-value:17"),
        ("  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}\n", "client-ip-without-affinity:17"),
        ("  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 90000}}\n", "bad-value:18"),
        (
            "  type: LoadBalancer\n  sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}\n",
            "client-ip-expires:19",
        ),
        ("  type: LoadBalancer\n  publishNotReadyAddresses: true\n", "not-ready-published:18"),
        ("  type: LoadBalancer\n  sessionAffinity: ClientIP\n", "client-ip-hundred:18"),
        ("  type: LoadBalancer\n", "node-hides-address:17"),
        ("  sesionAffinity: ClientIP\n", "unknown-field:17"),
    ] {
        finds(&service(more), &[code]);
    }
    finds_not(&service("  type: LoadBalancer\n  externalTrafficPolicy: Local\n"), "node-hides-address");
}

#[test]
fn what_workloads_say() {
    let pods = |spec: &str| PODS.replace("  replicas: 2\n", &format!("  replicas: 2\n{spec}"));
    finds(&pods("  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}\n"), &["rollout-cannot-move:6"]);
    finds(&pods("  strategy: {type: Recreate}\n"), &["recreate-drops-all:6"]);
    finds(&pods("  strategy: {rollingUpdate: {maxSurge: a lot}}\n"), &["bad-value:6"]);
    finds(&pods("  minReadySecond: 5\n"), &["unknown-field:6"]);
    finds(&PODS.replace("apps/v1", "extensions/v1beta1"), &["removed-api:1"]);
    finds(&PODS.replace("memory: 1Gi", "memory: lots"), &["bad-value:9"]);
    finds(&PODS.replace("replicas: 2", "replicas: 1"), &["one-pod:5"]);
    let hook = |seconds: u32| {
        let hook = format!("image: web, lifecycle: {{preStop: {{sleep: {{seconds: {seconds}}}}}}}");
        PODS.replace("image: web", &hook)
    };
    finds(&hook(30), &["pre-stop-eats-grace:9"]);
    finds_not(&hook(29), "pre-stop-eats-grace");
    finds_not(&hook(29), "no-pre-stop");
    let text = import(&[file("x.yaml", &pods("  strategy: {type: Recreate}\n"))]).scenario;
    assert!(text.contains("\n  strategy: recreate ") && !text.contains("max_surge"), "{text}");
    let set = PODS.replace("kind: Deployment", "kind: StatefulSet");
    let text = import(&[file("x.yaml", &set)]).scenario;
    assert!(text.contains("\n  strategy: ordered "), "{text}");
}

#[test]
fn what_autoscalers_and_budgets_say() {
    let hpa = |spec: &str| {
        format!(
            "{PODS}apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  scaleTargetRef: \
             {{kind: Deployment, name: web}}\n{spec}"
        )
    };
    let cpu =
        "  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]\n";
    let range = "  minReplicas: 2\n  maxReplicas: 9\n";
    finds(&hpa("  minReplicas: 9\n  maxReplicas: 2\n"), &["hpa-range:16"]);
    finds(&hpa(&format!("{range}{cpu}")), &["hpa-without-requests:18", "hpa-on-connections:13", "hpa-scale-down:13"]);
    finds(&hpa(&format!("{range}{cpu}")), &["replicas-and-hpa:5"]);
    finds_not(&hpa(&format!("{range}{}", cpu.replace("cpu", "memory"))), "hpa-without-requests");
    // a limit is also the request
    finds_not(
        &hpa(&format!("{range}{cpu}")).replace("requests: {memory", "limits: {cpu: 1, memory"),
        "hpa-without-requests",
    );
    finds(&hpa(range).replace("name: web}\n  minR", "name: wep}\n  minR"), &["target-missing:15"]);
    let keda = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {name: web}\n  triggers: [{type: cron}]\n";
    finds(&format!("{}---\n{keda}", hpa(range)), &["two-autoscalers:23", "scales-to-zero:21"]);
    finds_not(&format!("{PODS}{}", keda.replace("cron", "cpu")), "scales-to-zero");
    let budget = |spec: &str| {
        format!(
            "{PODS}apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: \
             {{app: web}}}}\n  {spec}\n"
        )
    };
    for blocks in ["minAvailable: 2", "minAvailable: 100%", "maxUnavailable: 0", "minAvailable: 51%"] {
        finds(&budget(blocks), &["drain-blocked:16"]);
    }
    for fine in ["minAvailable: 1", "maxUnavailable: 1", "minAvailable: 50%"] {
        finds_not(&budget(fine), "drain-blocked");
    }
    // what the autoscaler keeps is what there is
    let kept = PODS.replace("  replicas: 2\n", "");
    let scaled = import(&[file("x.yaml", &hpa(&format!("{range}{cpu}")).replace(PODS, &kept))]);
    assert!(
        scaled.scenario.contains("\n  replicas: 2                               # x.yaml:15 spec.minReplicas"),
        "{}",
        scaled.scenario
    );
    assert!(scaled.findings.iter().all(|f| f.code != Code::OnePod), "{}", scaled.to_text());
    finds_not(&hpa("  minReplicas: 3\n"), "hpa-range");
    finds(&budget("maxUnavailable: 1").replace("{app: web}}\n  max", "{app: wep}}\n  max"), &["target-missing:15"]);
}

#[test]
fn pools_are_counted_against_the_database() {
    let pods = |url: &str| {
        PODS.replace("image: web", &format!("image: web, env: [{url}]")).replace("replicas: 2", "replicas: 8")
    };
    let url = "{name: DATABASE_URL, value: \"postgresql://db/x?connection_limit=10\"}";
    // 8 pods and 2 more during a rollout: 100 of 97
    finds(&pods(url), &["pools-exceed-database:9"]);
    finds_not(&pods(&url.replace("=10", "=9")), "pools-exceed-database");
    finds(&pods("{name: DB_POOL_SIZE, value: \"20\"}"), &["pools-exceed-database:9"]);
    let postgres =
        PODS.replace("web", "db").replace("image: db", "image: \"postgres:16\", args: [-c, max_connections=400]");
    let both = format!("{}{postgres}", pods(url));
    finds_not(&both, "pools-exceed-database");
    assert!(import(&[file("x.yaml", &both)]).scenario.contains("\n  max_connections: 400 "));
}

#[test]
fn other_proxies_become_their_own_balancers() {
    let route = |host: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: web}}\nspec:\n  host: {host}\n  \
             trafficPolicy: {{loadBalancer: {{consistentHash: {{httpCookie: {{name: a}}}}}}}}\n"
        )
    };
    finds(&route("web"), &["cookie-never-set:6"]);
    let traefik = "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: web}\nspec:\n  routes:\n  - match: \
                   PathPrefix(`/`)\n    services: [{name: web, port: 80, sticky: {cookie: {name: a, maxAge: 60}}}]\n";
    finds(traefik, &["cookie-short:7"]);
    let alb = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  annotations:\n    \
               alb.ingress.kubernetes.io/target-group-attributes: stickiness.enabled=true\nspec:\n  ingressClassName: alb\n  \
               defaultBackend: {service: {name: web, port: {number: 80}}}\n";
    finds(alb, &["sticky-nodes:8"]);
    finds(&format!("{alb}---\n{SERVICE}"), &["needs-node-port:9"]);
    finds_not(&format!("{alb}---\n{SERVICE}  type: NodePort\n"), "needs-node-port");
    finds(&alb.replace("stickiness.enabled=true", "stickiness.type=lb_cookie"), &["no-effect:6"]);
    let agic = alb
        .replace(
            "alb.ingress.kubernetes.io/target-group-attributes: stickiness.enabled=true",
            "appgw.ingress.kubernetes.io/cookie-based-affinity: \"true\"",
        )
        .replace("ingressClassName: alb", "ingressClassName: azure-application-gateway");
    let haproxy = format!(
        "{}---\n{}",
        alb.replace(
            "alb.ingress.kubernetes.io/target-group-attributes: stickiness.enabled=true",
            "haproxy.org/load-balance: leastconn"
        )
        .replace("ingressClassName: alb", "ingressClassName: haproxy"),
        SERVICE.replace("name: web}", "name: web, annotations: {haproxy.org/cookie-persistence: srv}}")
    );
    let contour = "apiVersion: projectcontour.io/v1\nkind: HTTPProxy\nmetadata: {name: web}\nspec:\n  routes:\n  - conditions: \
                   [{prefix: /socket.io}]\n    services: [{name: web, port: 80}]\n    loadBalancerPolicy: {strategy: Cookie}\n";
    finds(contour, &["no-websocket-upgrade:6"]);
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\nspec:\n  parentRefs: [{name: \
                   gw}]\n  rules:\n  - backendRefs: [{name: web, port: 80}]\n    sessionPersistence: {sessionName: s, type: Cookie}\n";
    finds(gateway, &["needs-switch:8"]);
    for (text, lines) in [
        (traefik, "  - traefik:"),
        (alb, "  - aws-alb:"),
        (&agic, "      CookieBasedAffinity: Enabled"),
        (&haproxy, "      cookie: \"srv insert indirect nocache dynamic\""),
        (contour, "      lb_policy: RING_HASH"),
        (gateway, "      stateful_session: {cookie: {name: s, ttl: 0s}}"),
    ] {
        let imported = import(&[file("x.yaml", text)]);
        assert!(imported.scenario.contains(lines), "{}\n{}", imported.to_text(), imported.scenario);
        assert!(imported.scenario.contains("\n  no-affinity:") || lines.contains("alb"), "{}", imported.scenario);
        scenario(&imported, &[]);
    }
}

#[test]
fn what_stands_in_front_comes_first() {
    let edge = "load_balancer: {name: edge, session_affinity: cookie, session_affinity_ttl: 900}\n---\n";
    let group = "Resources:\n  Group:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties:\n      VpcId: !Ref Vpc\n      \
                 HealthCheckIntervalSeconds: 7\n      TargetGroupAttributes:\n      - {Key: stickiness.type, Value: lb_cookie}\n---\n";
    let text = format!("{edge}{group}{PODS}{SERVICE}---\n{}", ingress("affinity: cookie"));
    finds(&text, &["bad-value:1", "no-effect:10", "chained:4"]);
    let imported = import(&[file("x.yaml", &text)]);
    let order: Vec<usize> =
        ["\n  - cloudflare:", "\n  - aws-alb:", "\n      HealthCheckIntervalSeconds: 7 ", "\n  - ingress-nginx:"]
            .iter()
            .map(|line| imported.scenario.find(line).unwrap_or_else(|| panic!("{line}\n{}", imported.scenario)))
            .collect();
    assert!(order.is_sorted(), "{}", imported.scenario);
    scenario(&imported, &[]);
    let two = "upstream a { server x:1; server y:1 weight=5; }\nupstream b { least_conn; server z:1; queue 5; }\n";
    let options = Options { workload: Some("b".to_owned()), name: None };
    let imported = read(&[file("x.conf", two)], &options).unwrap();
    assert_eq!(
        (imported.name.as_str(), codes(&imported)),
        ("b", vec!["several-backends:1".to_owned(), "not-simulated:2".to_owned()])
    );
    assert!(
        imported.scenario.contains("\n      method: least_conn ") && imported.scenario.contains("\n  replicas: 1 ")
    );
    let first = import(&[file("x.conf", two)]);
    assert!(first.scenario.contains("servers: [\"\", \"weight=5\"]"), "{}", first.scenario);
    scenario(&first, &[]);
}

#[test]
fn workloads_of_other_products_are_pods() {
    let rollout =
        PODS.replace("apps/v1", "argoproj.io/v1alpha1").replace("Deployment", "Rollout").replace("web", "shop");
    let text = format!(
        "{PODS}{rollout}{}---\n{}",
        SERVICE.replace("web", "shop"),
        ingress("affinity: cookie").replace("web", "shop")
    );
    let imported = import(&[file("x.yaml", &text)]);
    assert_eq!(imported.name, "shop");
    finds_not(&text, "selector-matches-nothing");
    let job = PODS.replace("apps/v1", "batch/v1").replace("Deployment", "Job").replace("web", "migrate");
    assert_eq!(import(&[file("x.yaml", &format!("{PODS}{job}"))]).name, "web");
}

#[test]
fn ingresses_that_contradict() {
    let second = ingress("affinity: cookie").replace("  name: web\n  annot", "  name: web2\n  annot");
    finds(&format!("{}{second}", ingress("load-balance: ewma")), &["contradiction:14"]);
    finds_not(&format!("{}{second}", ingress("affinity: cookie")), "contradiction");
    finds(&format!("{}{}", ingress("affinity: cookie"), ingress("affinity: cookie")), &["duplicate-object:14"]);
}

#[test]
fn clouds_learn_last_that_a_pod_ends() {
    let alb = ingress("affinity: cookie")
        .replace("nginx.ingress.kubernetes.io/affinity: cookie", "alb.ingress.kubernetes.io/target-type: ip")
        .replace("ingressClassName: nginx", "ingressClassName: alb");
    let pods = |secs: u32| {
        PODS.replace("image: web", &format!("image: web, lifecycle: {{preStop: {{sleep: {{seconds: {secs}}}}}}}"))
    };
    finds(&format!("{}{SERVICE}---\n{alb}", pods(5)), &["targets-leave-late:25"]);
    finds_not(&format!("{}{SERVICE}---\n{alb}", pods(25)), "targets-leave-late");
}

/// What nobody writes, and what once took long elsewhere: the bound is generous, what it must not be is quadratic.
#[test]
fn hostile_files_are_answered() {
    let many = |line: &dyn Fn(usize) -> String, n: usize| (0..n).map(line).collect::<String>();
    let annotations = many(&|n| format!("affinity{n}: x\n"), 50_000);
    survives("x.yaml", &ingress(&annotations));
    let long = "a".repeat(1 << 20);
    survives("x.yaml", &ingress(&format!("{long}: x\n")));
    survives("x.yaml", &format!("{PODS}{}", SERVICE.replace("ports:", &format!("{long}: 1\n  ports:"))));
    let paths = many(&|n| format!("{{path: /, backend: {{service: {{name: s{n}, port: {{number: 80}}}}}}}}, "), 50_000);
    survives("x.yaml", &ingress("affinity: cookie").replace("paths: [", &format!("paths: [{paths}")));
    let named = many(&|n| format!("{{name: p{n}, containerPort: 1}}, "), 50_000);
    let targets = many(&|n| format!("{{port: 1, targetPort: p{n}}}, "), 50_000);
    let service = SERVICE.replace("[{port: 80}]", &format!("[{targets}]"));
    survives("x.yaml", &format!("{}{service}", PODS.replace("image: web", &format!("image: web, ports: [{named}]"))));
    survives("x.yaml", &format!("{PODS}{service}"));
    let upstreams =
        many(&|n| format!("upstream u{n} {{ server a:1; }} location /{n} {{ proxy_pass http://u{n}; }}\n"), 4_000);
    survives("x.conf", &upstreams);
    survives("x.yaml", &many(&|n| format!("apiVersion: v1\nkind: Service\nmetadata: {{name: s{n}}}\n---\n"), 20_000));
    survives("x.json", "{\"apiVersion\": \"apps/v1\",\n\t\"kind\": \"Deployment\"}");
}

#[test]
fn the_controllers_own_objects_are_read() {
    let controller = PODS
        .replace("web", "ingress-nginx-controller")
        .replace("image: ingress-nginx-controller", "image: registry.k8s.io/ingress-nginx/controller");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ingress-nginx-controller}\ndata:\n  \
               worker-shutdown-timeout: 3600s\n  proxy-read-timeout: \"15\"\n";
    let text = format!("{PODS}{SERVICE}---\n{}{controller}{map}", ingress("affinity: cookie"));
    let imported = import(&[file("x.yaml", &text)]);
    assert!(imported.scenario.contains("\n      replicas: 2 "), "{}", imported.scenario);
    assert!(imported.scenario.contains("\n      worker-shutdown-timeout: 3600s "), "{}", imported.scenario);
    assert!(codes(&imported).iter().any(|code| code.starts_with("heartbeat-timeout:")), "{}", imported.to_text());
    scenario(&imported, &[]);
}

#[test]
fn what_cannot_be_read_is_refused_with_a_reason() {
    for (text, words) in [
        ("", "`x.yaml` is empty"),
        ("# nothing\n", "nothing but comments"),
        ("a: [1\n", "x.yaml:2: this is not YAML"),
        ("a:\n\t- b\n", "YAML forbids tabs"),
        ("kind: Deployment\nmetadata:\n  name: {{ .Values.name }}\n", "x.yaml:3: this is a template of Helm"),
        ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", "kubectl kustomize"),
        ("services: {web: {image: x}}\n", "Compose"),
        ("- 1\n- 2\n", "x.yaml:1 is no object"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "there are no pods"),
        ("upstream a { server b:1;", "x.yaml:1: this is no nginx configuration: a block is not closed"),
        ("server { listen 80; }", "has no `upstream`"),
        ("a: &a [*a]\n", "x.yaml:1: this alias stands inside what it refers to"),
    ] {
        let said = refusal(text);
        assert!(said.contains(words), "{text}: {said}");
    }
    let named = |name: &str, bytes: &[u8]| {
        let file = File { name: name.to_owned(), bytes: bytes.to_vec(), named: true };
        read(&[file], &Options::default()).unwrap_err().to_string()
    };
    assert!(named("a\n.yaml", b"\xff\xfe").contains("not text in UTF-8"));
    assert!(named("b.yaml", b"a: \0").contains("bytes that no text has"));
    assert!(named("web/Chart.yaml", b"name: web").contains("helm template"));
    assert!(named("web/kustomization.yaml", b"resources: []").contains("kubectl kustomize"));
    assert!(named("deep.yaml", "[".repeat(1 << 20).as_bytes()).contains("nesting"));
    assert!(named("big.yaml", &vec![b'a'; (16 << 20) + 1]).contains("more than 16 MiB"));
    assert!(read(&[], &Options::default()).is_err());
}

#[test]
fn large_files_and_lists_are_read() {
    let padding = "x".repeat(900);
    let service = |n: usize| {
        let head = format!("apiVersion: v1\nkind: Service\nmetadata: {{name: s{n}, labels: {{a: {padding}}}}}\n");
        format!("{head}spec: {{selector: {{app: web}}, ports: [{{port: 1}}]}}\n---\n")
    };
    let text = format!("{PODS}{}", (0..9_000).map(service).collect::<String>());
    assert!(text.len() > 8 << 20);
    scenario(&import(&[file("x.yaml", &text)]), &[]);
    let said = refusal(
        &(0..10_001)
            .map(|n| format!("{{apiVersion: v1, kind: A, metadata: {{name: a{n}}}}}\n---\n"))
            .collect::<String>(),
    );
    assert!(said.contains("10001 objects, more than 10000"), "{said}");
    let list = "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\",\n\
                \"metadata\": {\"name\": \"web\"}, \"spec\": {\"replicas\": 7}}]}";
    assert!(
        import(&[file("x.json", list)])
            .scenario
            .contains("replicas: 7                               # x.json:2 spec.replicas")
    );
    let templates = PODS.replace("image: web", "image: web, env: [{name: A, value: \"{{ $labels.pod }}\"}]");
    scenario(&import(&[file("x.yaml", &templates)]), &[]);
}

#[test]
fn several_workloads_are_told_apart_by_name() {
    let two = format!("{PODS}{}", PODS.replace("web", "admin"));
    let said = refusal(&two);
    assert!(said.contains("`web` (Deployment in x.yaml:3)") && said.contains("--workload web"), "{said}");
    let options = |name: &str| Options { workload: Some(name.to_owned()), name: None };
    let imported = read(&[file("x.yaml", &two)], &options("admin")).unwrap();
    assert_eq!(imported.name, "admin");
    let said = read(&[file("x.yaml", &two)], &options("admn")).unwrap_err().to_string();
    assert!(said.contains("there are no pods `admn`") && said.contains("`admin`"), "{said}");
    // the one that a route leads to needs no name
    let routed = format!("{two}{SERVICE}---\n{}", ingress("affinity: cookie"));
    assert_eq!(import(&[file("x.yaml", &routed)]).name, "web");
}

#[test]
fn all_codes_are_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/IMPORT.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for code in Code::ALL {
        let row = format!("| `{}` | {} | {} |", code.name(), code.severity(), code.why());
        assert!(text.contains(&row), "docs/IMPORT.md lacks this row:\n{row}");
        assert!(names.insert(code.name()), "two codes are called {}", code.name());
    }
}

/// Manifests that have something of everything.
fn everything() -> String {
    let names = [
        "full-nginx-cookie.yaml",
        "social.yaml",
        "alb-lb-cookie.yaml",
        "istio-httpcookie.yaml",
        "nlb-clientip-local.yaml",
    ];
    let texts = names.map(|name| String::from_utf8(fixture(name).bytes).unwrap());
    texts.join("---\n")
}

/// Whatever was read, what is written can be run.
fn survives(name: &str, text: &str) {
    let options = Options { workload: None, name: None };
    if let Ok(imported) = read(&[file(name, text)], &options) {
        scenario(&imported, &[]);
        assert!(imported.findings.iter().all(|f| f.line >= 1 && f.line <= text.lines().count().max(1)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_manifests_never_panic(
        of in 0..SETS.len(),
        cut in 0usize..4000,
        drop in 0usize..60,
        with in "[\\[\\]{}:,\\-\\*&!|>'\" \n\t0-9a-z%#$.]{0,6}",
    ) {
        for name in SETS[of].1 {
            let text = String::from_utf8(fixture(name).bytes).unwrap();
            let floor = |at: usize| { let mut at = at.min(text.len()); while !text.is_char_boundary(at) { at -= 1 } at };
            let cut = cut % (text.len() + 1);
            survives(name, &format!("{}{with}{}", &text[..floor(cut)], &text[floor(cut + drop)..]));
            survives(name, &text[..floor(cut)]);
        }
    }

    #[test]
    fn no_value_anywhere_panics(line in 0usize..400, value in prop::sample::select(vec![
        "", "~", "-1", "1e400", "0", "[]", "{}", "[[]]", "18446744073709551616", "999999999999", "5%", "100000%", "*x", "&x y",
        "!t z", "\"'\"", "- a", "true", "null", "4_000", "0.0001", "1h", "0s", "99999999d", "cookie", "$remote_addr", "a b c",
    ])) {
        let all = everything();
        let mut lines: Vec<String> = all.lines().map(str::to_owned).collect();
        let at = line % lines.len();
        if let Some((key, _)) = lines[at].clone().split_once(": ") {
            lines[at] = format!("{key}: {value}");
        }
        survives("x.yaml", &lines.join("\n"));
        let mut fewer: Vec<&str> = all.lines().collect();
        fewer.remove(at);
        survives("x.yaml", &fewer.join("\n"));
    }
}

#[test]
fn autoscalers_are_written_as_scenarios_have_them() {
    let hpa = |spec: &str| {
        let target = "  scaleTargetRef: {kind: Deployment, name: web}\n";
        let text = format!(
            "{PODS}apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n{target}{spec}"
        );
        let scenario = import(&[file("x.yaml", &text)]).scenario;
        let plain = |line: &'_ str| line.rsplit_once("  # ").map_or(line, |(text, _)| text).trim_end().to_owned();
        let lines = scenario.lines().map(plain);
        let after = lines.skip_while(|line| *line != "autoscaler:").take_while(|line| !line.is_empty());
        after.collect::<Vec<_>>().join("\n")
    };
    let cpu = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}";
    let sockets =
        "{type: Pods, pods: {metric: {name: active_sockets}, target: {type: AverageValue, averageValue: '20'}}}";
    let queue = "{type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: '5'}}}";
    let up = "scaleUp: {stabilizationWindowSeconds: 120, selectPolicy: Min, policies: [{type: Percent, value: 50, periodSeconds: 30}, \
              {type: Pods, value: 2, periodSeconds: 60}]}";
    let text = hpa(&format!(
        "  minReplicas: 2\n  maxReplicas: 9\n  metrics: [{cpu}, {sockets}, {queue}]\n  behavior: {{{up}}}\n"
    ));
    let expected = "autoscaler:\n  min: 2\n  max: 9\n  metric:\n    cpu: 60%\n    connections: 20\n    # left out: queue: \"5\"\n  \
                    behavior:\n    scale_up:\n      stabilization: 120s\n      policies:\n        - {percent: 50, per: 30s}\n        \
                    - {pods: 2, per: 60s}\n      select: min";
    let same = |text: &str| text.replace("2m", "120s").replace("1m", "60s").replace("queue: 5", "queue: \"5\"");
    assert_eq!(same(&text), expected);
    assert!(hpa("  maxReplicas: 9\n").contains("  metric:\n    cpu: 80%"), "the default");
    let nothing = hpa(&format!("  maxReplicas: 9\n  metrics: [{queue}]\n"));
    assert!(nothing.contains("    connections: 1000"), "{nothing}");
}

#[test]
fn whatever_a_workload_says_the_scenario_checks() {
    let pods = |spec: &str| PODS.replace("  replicas: 2\n", &format!("  replicas: 2\n{spec}"));
    let container = |field: &str| PODS.replace("image: web", &format!("image: web, {field}"));
    for text in [
        pods("  strategy: {rollingUpdate: {maxSurge: 300%}}\n"),
        pods("  strategy: {rollingUpdate: {maxUnavailable: 150%}}\n"),
        pods("  minReadySeconds: 30\n  progressDeadlineSeconds: 5\n"),
        pods("  minReadySeconds: 700\n"),
        container("livenessProbe: {successThreshold: 2, failureThreshold: 5000, periodSeconds: 0}"),
        container("readinessProbe: {failureThreshold: 0, timeoutSeconds: 0}"),
        PODS.replace("spec: {containers", "spec: {terminationGracePeriodSeconds: 0, containers"),
    ] {
        let scenario = import(&[file("x.yaml", &text)]).scenario;
        let read = scenario::parse(Source { name: "imported.yaml", text: &scenario, folder: &NoFiles }, &[]);
        assert!(read.is_ok(), "{}\n{scenario}", read.err().unwrap());
    }
}

#[test]
fn a_sidecar_is_not_the_application() {
    let beside = |image: &str| {
        let sidecar = format!("containers: [{{name: side, image: {image}, resources: {{limits: {{cpu: 10m}}}}}}, ");
        let app = "name: web, image: web, readinessProbe: {httpGet: {path: /}}, resources: {limits: {cpu: 2}, ";
        PODS.replace("containers: [", &sidecar).replace("name: web, image: web, resources: {", app)
    };
    for image in ["istio/proxyv2:1.22", "envoyproxy/envoy", "redis:7", "fluent/fluent-bit", "edoburu/pgbouncer"] {
        let text = beside(image);
        let imported = import(&[file("x.yaml", &text)]);
        assert!(
            imported.scenario.contains("\n  cpu: 2 ") && imported.scenario.contains("containers[1]"),
            "{}",
            imported.scenario
        );
        finds_not(&text, "no-readiness");
    }
    // unless kubectl is told otherwise
    let said = beside("fluent/fluent-bit").replace(
        "metadata: {labels: {app: web}}",
        "metadata: {labels: {app: web}, annotations: {kubectl.kubernetes.io/default-container: side}}",
    );
    assert!(import(&[file("x.yaml", &said)]).scenario.contains("\n  cpu: 0.01 "));
}
