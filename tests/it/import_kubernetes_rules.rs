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
