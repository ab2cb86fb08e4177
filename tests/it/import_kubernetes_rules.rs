//! What the API of Kubernetes and its extensions refuse in manifests, and what does nothing: one positive test of each
//! rule, and neighbours that are fine.

use stickysim::import::kubernetes::Severity;

use crate::import_kubernetes::{PODS, SERVICE, file, finds, finds_not, import, ingress, scenario};

/// The Deployment with more in its `spec`, from line 6 on.
fn pods(spec: &str) -> String {
    PODS.replace("  replicas: 2\n", &format!("  replicas: 2\n{spec}"))
}

/// The Deployment with more in its container, on line 9.
fn container(fields: &str) -> String {
    PODS.replace("image: web", &format!("image: web, {fields}"))
}

/// The Deployment as another kind, with more in its `spec` from line 6 on.
fn kind(kind: &str, spec: &str) -> String {
    let pods = pods(spec).replace("kind: Deployment", &format!("kind: {kind}"));
    if kind == "DaemonSet" { pods.replace("  replicas: 2\n", "") } else { pods }
}

/// Whatever was found, the scenario of the text passes; its text.
fn written(text: &str) -> String {
    let imported = import(&[file("x.yaml", text)]);
    scenario(&imported, &[]);
    imported.scenario
}

/// Finds the code and its line where there is one, and nothing of this code where there is none.
#[track_caller]
fn rule(code: &str, wrong: &[(String, usize)], fine: &[String]) {
    for (text, line) in wrong {
        finds(text, &[&format!("{code}:{line}")]);
        written(text);
    }
    for text in fine {
        finds_not(text, code);
        written(text);
    }
}

#[test]
fn ports_are_found_by_their_names() {
    let service = |port: &str| {
        format!("{}{}", container("ports: [{name: web, containerPort: 80}]"), {
            SERVICE.replace("[{port: 80}]", &format!("[{{port: 80, {port}}}]"))
        })
    };
    let sidecar = service("targetPort: proxy").replace(
        "spec: {containers",
        "spec: {initContainers: [{name: p, image: p, restartPolicy: Always, ports: [{name: proxy, containerPort: 1}]}], containers",
    );
    let headless = format!("{}  clusterIP: None\n", service("targetPort: http"));
    let elsewhere = service("targetPort: http").replace("app: web}\n  ports", "app: wep}\n  ports");
    rule(
        "target-port-missing",
        &[
            (service("targetPort: http"), 16),
            (service("targetPort: web, protocol: UDP"), 16),
            (sidecar.replace("restartPolicy: Always, ", ""), 16),
            (service("targetPort: web").replace("name: web, containerPort", "containerPort"), 16),
        ],
        &[service("targetPort: web"), service("targetPort: 8080"), service("name: http"), sidecar, headless, elsewhere],
    );
    let route = |port: &str| ingress("affinity: cookie").replace("number: 80", port);
    let to = |port: &str, service: &str| {
        format!("{}{}", route(port), SERVICE.replace("[{port: 80}]", &format!("[{{port: 80, {service}}}]")))
    };
    rule(
        "port-missing",
        &[(to("name: web", "name: http"), 9), (to("number: 8080", "targetPort: 80"), 9)],
        // ingress-nginx looks among the target ports as well
        &[to("name: http", "name: http"), to("number: 8080", "targetPort: 8080"), to("name: web", "targetPort: web")],
    );
    let alb =
        |text: String| text.replace("nginx.ingress.kubernetes.io/affinity: cookie", "alb.ingress.kubernetes.io/a: b");
    finds(
        &alb(to("number: 8080", "targetPort: 8080")).replace("ClassName: nginx", "ClassName: alb"),
        &["port-missing:9"],
    );
    let probe = |probe: &str| container(&format!("ports: [{{name: web, containerPort: 80}}], {probe}"));
    rule(
        "probe-port-missing",
        &[
            (probe("readinessProbe: {httpGet: {path: /, port: http}}"), 9),
            (probe("livenessProbe: {tcpSocket: {port: http}}"), 9),
            (probe("startupProbe: {httpGet: {path: /, port: http}}"), 9),
            (container("readinessProbe: {httpGet: {path: /, port: http}}"), 9),
        ],
        &[probe("readinessProbe: {httpGet: {path: /, port: web}}"), probe("livenessProbe: {tcpSocket: {port: 80}}")],
    );
}

/// A HorizontalPodAutoscaler of the Deployment, its own lines from line 15 on.
fn hpa(spec: &str) -> String {
    let target = "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n";
    format!(
        "{PODS}apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n{target}{spec}"
    )
}

#[test]
fn what_the_api_refuses_of_autoscalers() {
    let metric = |target: &str| {
        hpa(&format!(
            "  maxReplicas: 9\n  metrics: [{{type: Resource, resource: {{name: cpu, target: {{{target}}}}}}}]\n"
        ))
    };
    let sockets = |target: &str| {
        hpa(&format!(
            "  maxReplicas: 9\n  metrics: [{{type: Pods, pods: {{metric: {{name: a}}, target: {{{target}}}}}}}]\n"
        ))
    };
    let down = |rules: &str| hpa(&format!("  maxReplicas: 9\n  behavior: {{scaleDown: {{{rules}}}}}\n"));
    let policy = |policy: &str| down(&format!("policies: [{{{policy}}}]"));
    let first = format!("{}apiVersion: autoscaling/v1\n", PODS);
    let v1 = |share: u32| {
        hpa(&format!("  maxReplicas: 9\n  targetCPUUtilizationPercentage: {share}\n"))
            .replace(&format!("{PODS}apiVersion: autoscaling/v2\n"), &first)
    };
    let keda = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {name: web}\n  \
                minReplicaCount: 1\n  triggers: [{type: cpu, metadata: {value: '60'}}]\n  advanced: {horizontalPodAutoscalerConfig: {behavior: \
                {scaleUp: {stabilizationWindowSeconds: 3601}}}}\n";
    rule(
        "bad-value",
        &[
            (metric("type: Utilization, averageUtilization: 0"), 17),
            (sockets("type: AverageValue, averageValue: '0'"), 17),
            (v1(0), 17),
            (metric("type: Utilisation, averageUtilization: 60"), 17),
            (metric("type: Value, value: 1").replace("Resource, ", "resource, "), 17),
            (hpa("  maxReplicas: 0\n"), 16),
            (hpa("  minReplicas: -1\n  maxReplicas: 3\n"), 16),
            (down("policies: []"), 17),
            (down("stabilizationWindowSeconds: 3601"), 17),
            (down("stabilizationWindowSeconds: -1"), 17),
            (down("selectPolicy: Average"), 17),
            (policy("type: Pod, value: 1, periodSeconds: 60"), 17),
            (policy("type: Pods, value: 0, periodSeconds: 60"), 17),
            (policy("type: Pods, value: 1, periodSeconds: 1801"), 17),
            (policy("type: Pods, value: 1, periodSeconds: 0"), 17),
            (format!("{PODS}{keda}"), 18),
        ],
        &[
            metric("type: Utilization, averageUtilization: 1"),
            sockets("type: AverageValue, averageValue: 500m"),
            v1(80),
            down("stabilizationWindowSeconds: 3600"),
            down("stabilizationWindowSeconds: 0, selectPolicy: Disabled"),
            policy("type: Percent, value: 100, periodSeconds: 1800"),
            format!("{PODS}{}", keda.replace("3601", "3600")),
        ],
    );
    rule(
        "missing-field",
        &[
            (hpa("  minReplicas: 2\n"), 13),
            (metric("averageUtilization: 60"), 17),
            (metric("type: Utilization"), 17),
            (sockets("type: Value, value: 5"), 17),
            (metric("type: Utilization, averageUtilization: 60").replace("type: Resource, ", ""), 17),
            (metric("type: Utilization, averageUtilization: 60").replace("type: Resource, ", "type: Pods, "), 17),
            (policy("type: Pods, value: 1"), 17),
            (policy("value: 1, periodSeconds: 60"), 17),
            (hpa("  maxReplicas: 9\n").replace(", name: web}\n  max", "}\n  max"), 15),
        ],
        &[hpa("  maxReplicas: 9\n"), policy("type: Pods, value: 1, periodSeconds: 60")],
    );
    finds(&hpa("  minReplicas: 9\n  maxReplicas: 8\n"), &["hpa-range:16"]);
    finds(&metric("type: Utilization, averageUtilization: 60, averageValue: 1"), &["exclusive-fields:17"]);
    let to = |target: &str| hpa("  maxReplicas: 9\n").replace("apiVersion: apps/v1, kind: Deployment", target);
    rule(
        "target-not-scalable",
        &[
            (to("kind: Deployment"), 15),
            (to("apiVersion: extensions/v1beta1, kind: Deployment"), 15),
            (to("apiVersion: v1, kind: StatefulSet"), 15),
            (to("apiVersion: apps/v1, kind: DaemonSet"), 15),
        ],
        // whatever version of the group is written, the group counts
        &[to("apiVersion: apps/v1beta1, kind: Deployment"), to("apiVersion: v1, kind: ReplicationController")],
    );
}

#[test]
fn keda_idles_at_zero() {
    let keda = |counts: &str| {
        format!(
            "{PODS}apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: web}}\nspec:\n  scaleTargetRef: {{name: web}}\n  \
             triggers: [{{type: cron}}]\n{counts}"
        )
    };
    rule(
        "idle-replicas",
        &[
            (keda("  idleReplicaCount: 0\n"), 17),
            (keda("  idleReplicaCount: 2\n  minReplicaCount: 2\n"), 17),
            (keda("  idleReplicaCount: 1\n  minReplicaCount: 2\n"), 17),
        ],
        &[keda("  idleReplicaCount: 0\n  minReplicaCount: 2\n"), keda("  minReplicaCount: 2\n")],
    );
    finds(&keda("  idleReplicaCount: 0\n  minReplicaCount: 2\n"), &["scales-to-zero:17"]);
    finds_not(&keda("  minReplicaCount: 2\n"), "scales-to-zero");
}

#[test]
fn budgets_select_what_they_say() {
    let budget = |selector: &str| {
        format!(
            "{PODS}apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: web}}\nspec:\n  maxUnavailable: 1\n{selector}"
        )
    };
    let expressions = |expression: &str| budget(&format!("  selector: {{matchExpressions: [{{{expression}}}]}}\n"));
    rule(
        "budget-of-all",
        &[(budget("  selector: {}\n"), 16), (budget("  selector: {matchLabels: {}}\n"), 16)],
        &[budget("  selector: {matchLabels: {app: web}}\n"), expressions("key: app, operator: Exists")],
    );
    rule("no-effect", &[(budget(""), 13)], &[budget("  selector: {matchLabels: {app: web}}\n")]);
    rule(
        "target-missing",
        &[
            (expressions("key: app, operator: In, values: [wep]"), 16),
            (expressions("key: app, operator: DoesNotExist"), 16),
        ],
        &[
            expressions("key: app, operator: In, values: [web, wep]"),
            expressions("key: app, operator: NotIn, values: [wep]"),
            budget("  selector: {}\n"),
        ],
    );
    // pods of all workloads that it selects are counted together
    let both = |least: u32| {
        let text = budget("  selector: {}\n").replace("maxUnavailable: 1", &format!("minAvailable: {least}"));
        format!("{}{text}", PODS.replace("web", "worker"))
    };
    let blocked = |least: u32| {
        let options = stickysim::import::kubernetes::Options { workload: Some("web".to_owned()), name: None };
        let imported = stickysim::import::kubernetes::read(&[file("x.yaml", &both(least))], &options).unwrap();
        imported.findings.iter().any(|finding| finding.code.name() == "drain-blocked")
    };
    assert_eq!([3, 4].map(blocked), [false, true]);
}

#[test]
fn what_the_api_refuses_of_workloads() {
    let resources = |resources: &str| PODS.replace("resources: {requests: {memory: 1Gi}}", resources);
    rule(
        "requests-above-limits",
        &[
            (resources("resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}"), 9),
            (resources("resources: {requests: {memory: 1Gi}, limits: {memory: 1G}}"), 9),
        ],
        &[resources("resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1000m, memory: 1024Mi}}")],
    );
    let grace = |secs: i32| {
        PODS.replace("spec: {containers", &format!("spec: {{terminationGracePeriodSeconds: {secs}, containers"))
    };
    rule("negative-grace", &[(grace(-5), 9)], &[grace(0), grace(60)]);
    assert!(written(&grace(-5)).contains("\n    grace: 1s "), "{}", written(&grace(-5)));
    rule(
        "bad-value",
        &[
            (pods("  strategy: {type: Rolling}\n"), 6),
            (kind("StatefulSet", "  updateStrategy: {type: Recreate}\n"), 6),
            (kind("StatefulSet", "  podManagementPolicy: parallel\n"), 6),
            (kind("StatefulSet", "  updateStrategy: {rollingUpdate: {partition: -1}}\n"), 6),
            (kind("DaemonSet", "  updateStrategy: {rollingUpdate: {maxSurge: 150%, maxUnavailable: 0}}\n"), 5),
            (pods("  strategy: {rollingUpdate: {maxUnavailable: 101%}}\n"), 6),
            (pods("  strategy: {rollingUpdate: {maxSurge: -1}}\n"), 6),
            (PODS.replace("{matchLabels: {app: web}}", "{}"), 6),
            (PODS.replace("{matchLabels: {app: web}}", "{matchExpressions: [{key: app, operator: Is}]}"), 6),
        ],
        &[
            pods("  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 300%, maxUnavailable: 100%}}\n"),
            pods("  strategy: {rollingUpdate: {maxSurge: 2500}}\n"),
            kind("StatefulSet", "  updateStrategy: {type: OnDelete}\n  podManagementPolicy: Parallel\n"),
            kind("DaemonSet", "  updateStrategy: {type: RollingUpdate}\n"),
        ],
    );
    let bounds = "rollingUpdate: {maxSurge: 1}";
    let daemons = |bounds: &str| kind("DaemonSet", &format!("  updateStrategy: {{rollingUpdate: {{{bounds}}}}}\n"));
    rule(
        "exclusive-fields",
        &[
            (pods(&format!("  strategy: {{type: Recreate, {bounds}}}\n")), 6),
            (kind("StatefulSet", "  updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1}}\n"), 6),
            (daemons("maxSurge: 1"), 5),
            (daemons("maxSurge: 1, maxUnavailable: 1"), 5),
        ],
        &[
            pods("  strategy: {type: Recreate}\n"),
            pods(&format!("  strategy: {{{bounds}}}\n")),
            daemons("maxSurge: 1, maxUnavailable: 0"),
            daemons("maxUnavailable: 3"),
        ],
    );
    rule(
        "rollout-cannot-move",
        &[
            (daemons("maxUnavailable: 0"), 5),
            (pods("  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}\n"), 6),
        ],
        &[daemons("maxSurge: 0"), pods("  strategy: {rollingUpdate: {maxSurge: 0}}\n")],
    );
    let selector = |expression: &str| {
        PODS.replace("{matchLabels: {app: web}}", &format!("{{matchExpressions: [{{{expression}}}]}}"))
    };
    rule(
        "selector-mismatch",
        &[
            (selector("key: app, operator: In, values: [wep, api]"), 6),
            (selector("key: app, operator: NotIn, values: [web]"), 6),
            (selector("key: tier, operator: Exists"), 6),
            (selector("key: app, operator: DoesNotExist"), 6),
        ],
        &[
            selector("key: app, operator: In, values: [web, api]"),
            selector("key: tier, operator: NotIn, values: [web]"),
            selector("key: app, operator: Exists"),
            selector("key: tier, operator: DoesNotExist"),
        ],
    );
    finds(&kind("DaemonSet", "  strategy: {type: RollingUpdate}\n"), &["unknown-field:5"]);
}

#[test]
fn what_is_not_simulated_is_said() {
    rule(
        "not-simulated",
        &[
            (kind("DaemonSet", "  updateStrategy: {rollingUpdate: {maxUnavailable: 2}}\n"), 5),
            (kind("DaemonSet", "  updateStrategy: {type: OnDelete}\n"), 5),
            (kind("StatefulSet", "  updateStrategy: {type: OnDelete}\n"), 6),
            (kind("StatefulSet", "  podManagementPolicy: Parallel\n"), 6),
            (kind("StatefulSet", "  updateStrategy: {rollingUpdate: {maxUnavailable: 2}}\n"), 6),
            (pods("  paused: true\n"), 6),
        ],
        &[
            kind("StatefulSet", "  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}\n"),
            kind("StatefulSet", "  podManagementPolicy: OrderedReady\n"),
            pods("  paused: false\n"),
        ],
    );
    let daemons = written(&kind("DaemonSet", "  updateStrategy: {rollingUpdate: {maxUnavailable: 2}}\n"));
    assert!(daemons.contains("\n  max_unavailable: 2 ") && daemons.contains("\n  max_surge: 0 "), "{daemons}");
    // as many new pods as there are old ones are all that a rollout ever needs
    let surge = written(&pods("  strategy: {rollingUpdate: {maxSurge: 2500}}\n"));
    assert!(
        surge.contains("\n  max_surge: 1000 ") && surge.contains("assumed: the file says 2500 (x.yaml:6 "),
        "{surge}"
    );
}

#[test]
fn what_services_cannot_have() {
    let service = |spec: &str| format!("{PODS}{SERVICE}{spec}");
    rule(
        "not-external",
        &[
            (service("  externalTrafficPolicy: Local\n"), 17),
            (service("  type: ClusterIP\n  externalTrafficPolicy: Cluster\n"), 18),
        ],
        &[
            service("  type: NodePort\n  externalTrafficPolicy: Local\n"),
            service("  externalIPs: [192.0.2.1]\n  externalTrafficPolicy: Local\n"),
        ],
    );
    rule(
        "no-effect",
        &[(service("  clusterIP: None\n  sessionAffinity: ClientIP\n"), 18)],
        &[service("  clusterIP: None\n"), service("  sessionAffinity: ClientIP\n")],
    );
    let nlb = |target: &str, spec: &str| {
        let prefix = "service.beta.kubernetes.io/aws-load-balancer-";
        let annotations = format!(
            "{prefix}type: external, {prefix}nlb-target-type: {target}, {prefix}target-group-attributes: \
             'stickiness.enabled=true,stickiness.type=source_ip'"
        );
        let service = SERVICE.replace("name: web}", &format!("name: web, annotations: {{{annotations}}}}}"));
        format!("{PODS}{service}  type: LoadBalancer\n{spec}")
    };
    rule(
        "sticky-nodes",
        &[(nlb("instance", ""), 13), (nlb("instance", "  externalTrafficPolicy: Cluster\n"), 13)],
        &[
            nlb("ip", ""),
            nlb("instance", "  externalTrafficPolicy: Local\n"),
            nlb("instance", "  sessionAffinity: ClientIP\n"),
            nlb("instance", "").replace("stickiness.enabled=true", "stickiness.enabled=false"),
        ],
    );
    // what sends to pods itself meets no kube-proxy
    rule(
        "affinity-bypassed",
        &[(nlb("ip", "  sessionAffinity: ClientIP\n"), 18)],
        &[nlb("instance", "  sessionAffinity: ClientIP\n")],
    );
    rule("node-hides-address", &[(nlb("instance", ""), 17)], &[nlb("ip", "")]);
}

#[test]
fn what_routes_lack_or_have_twice() {
    let hash = |settings: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: web}}\nspec:\n  host: web\n  trafficPolicy:\n    \
             loadBalancer:\n      {settings}\n"
        )
    };
    rule(
        "exclusive-fields",
        &[
            (hash("consistentHash: {httpHeaderName: x-user, useSourceIp: true}"), 8),
            (hash("consistentHash: {httpCookie: {name: a, ttl: 0s}, httpQueryParameterName: a}"), 8),
            (hash("consistentHash: {httpHeaderName: x-user, ringHash: {minimumRingSize: 1024}, maglev: {}}"), 8),
            (hash("{simple: ROUND_ROBIN, consistentHash: {httpHeaderName: x-user}}"), 8),
        ],
        &[
            hash("consistentHash: {httpHeaderName: x-user, ringHash: {minimumRingSize: 1024}}"),
            hash("consistentHash: {httpCookie: {name: a, path: /, ttl: 0s}}"),
            hash("simple: LEAST_REQUEST"),
        ],
    );
    let route = |parent: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: web, namespace: shop}}\nspec:\n  parentRefs: \
             [{{{parent}}}]\n  rules: [{{backendRefs: [{{name: web, port: 80}}]}}]\n"
        )
    };
    let gateway = |namespace: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: {namespace}}}\nspec: \
             {{gatewayClassName: istio}}\n"
        )
    };
    rule(
        "gateway-missing",
        &[
            (route("name: edge"), 5),
            (format!("{}{}", route("name: edge"), gateway("infra")), 5),
            (format!("{}{}", route("name: egde"), gateway("shop")), 5),
        ],
        &[
            format!("{}{}", route("name: edge"), gateway("shop")),
            format!("{}{}", route("name: edge, namespace: infra"), gateway("infra")),
            route("name: web, kind: Service, group: ''"),
        ],
    );
    let served = written(&format!("{}{}", route("name: edge, namespace: infra"), gateway("infra")));
    assert!(served.contains("\n  - istio:"), "{served}");
}

/// What people write when all is well: nothing of it is an error or a warning.
#[test]
fn manifests_that_use_all_of_it_rightly_raise_no_alarm() {
    let container = "{name: web, image: web, ports: [{name: http, containerPort: 8080}], resources: {requests: {cpu: 500m, memory: 1Gi}, \
                     limits: {cpu: 1, memory: 1Gi}}, readinessProbe: {httpGet: {path: /ready, port: http}}, livenessProbe: {tcpSocket: \
                     {port: 8080}}, lifecycle: {preStop: {sleep: {seconds: 10}}}}";
    let workload = |head: &str, spec: &str| {
        format!(
            "apiVersion: apps/v1\n{head}\nspec:\n{spec}  selector: {{matchLabels: {{app: web}}, matchExpressions: [{{key: track, operator: In, \
             values: [stable, canary]}}]}}\n  template:\n    metadata: {{labels: {{app: web, track: stable}}}}\n    spec: \
             {{terminationGracePeriodSeconds: 60, containers: [{container}]}}\n---\n"
        )
    };
    let deployment = workload(
        "kind: Deployment\nmetadata: {name: web}",
        "  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n",
    );
    let set = workload(
        "kind: StatefulSet\nmetadata: {name: web}",
        "  serviceName: peers\n  podManagementPolicy: OrderedReady\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}\n",
    );
    let rest = |kind: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  type: NodePort\n  externalTrafficPolicy: Local\n  selector: {{app: \
             web}}\n  ports: [{{name: ws, port: 80, targetPort: http}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: peers}}\nspec: \
             {{clusterIP: None, selector: {{app: web}}, ports: [{{port: 7000, targetPort: peer}}]}}\n---\n\
             apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  scaleTargetRef: {{apiVersion: \
             apps/v1, kind: {kind}, name: web}}\n  minReplicas: 2\n  maxReplicas: 10\n  metrics: [{{type: Resource, resource: {{name: cpu, target: \
             {{type: Utilization, averageUtilization: 60}}}}}}]\n  behavior:\n    scaleUp: {{stabilizationWindowSeconds: 0, policies: [{{type: Percent, \
             value: 100, periodSeconds: 15}}]}}\n    scaleDown: {{stabilizationWindowSeconds: 3600, selectPolicy: Min, policies: [{{type: Pods, value: \
             1, periodSeconds: 1800}}]}}\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: web}}\nspec: {{maxUnavailable: \
             1, selector: {{matchLabels: {{app: web}}}}}}\n---\n"
        )
    };
    let route = ingress("affinity: cookie\naffinity-mode: persistent").replace("number: 80", "name: ws");
    for text in [format!("{deployment}{}{route}", rest("Deployment")), format!("{set}{}{route}", rest("StatefulSet"))] {
        let imported = import(&[file("x.yaml", &text)]);
        let alarms = [Severity::Error, Severity::Warning].map(|severity| imported.count(severity));
        assert_eq!(alarms, [0, 0], "{}", imported.to_text());
        scenario(&imported, &[]);
    }
}

#[test]
fn budgets_tolerations_and_requests_reach_the_scenario() {
    let tolerant = pods("").replace(
        "spec: {containers",
        "spec: {tolerations: [{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 30}], containers",
    );
    let text = format!(
        "{tolerant}apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: web}}\nspec: {{minAvailable: 50%, \
         unhealthyPodEvictionPolicy: AlwaysAllow, selector: {{matchLabels: {{app: web}}}}}}\n---\n\
         apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  scaleTargetRef: {{apiVersion: apps/v1, \
         kind: Deployment, name: web}}\n  maxReplicas: 10\n  metrics: [{{type: Resource, resource: {{name: memory, target: {{type: Utilization, \
         averageUtilization: 60}}}}}}]\n---\n{SERVICE}---\n{}",
        ingress("proxy-connect-timeout: \"2\"")
    );
    let scenario = written(&text);
    for line in [
        "  count: 3",
        "  toleration: 30s",
        "  min_available: 50%",
        "  evict_unready: always",
        "  memory_request: 1Gi",
        "proxy-connect-timeout: 2",
        "  node-drained: {timeline: [{at: 10m, drain_node: {node: 0}}]}",
    ] {
        assert!(scenario.contains(line), "no `{line}` in\n{scenario}");
    }
    // neither a budget nor a toleration: nothing is said of nodes
    assert!(!written(&pods("")).contains("nodes:"));
}
