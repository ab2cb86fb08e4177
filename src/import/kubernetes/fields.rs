//! Fields that the objects of the Kubernetes API have, and versions of kinds that are gone.

use super::finding::{Code, Findings};
use super::object::Object;
use super::tree::{Kind, Node};
use crate::words::nearest;

/// What may stand at a path; `*` is any item of a list. Only parts that matter here are listed.
const FIELDS: &[(&str, &str, &str)] = &[
    (
        "Service",
        "spec",
        "allocateLoadBalancerNodePorts clusterIP clusterIPs externalIPs externalName externalTrafficPolicy \
         healthCheckNodePort internalTrafficPolicy ipFamilies ipFamilyPolicy ipFamily loadBalancerClass loadBalancerIP \
         loadBalancerSourceRanges ports publishNotReadyAddresses selector sessionAffinity sessionAffinityConfig \
         topologyKeys trafficDistribution type",
    ),
    ("Service", "spec.sessionAffinityConfig", "clientIP"),
    ("Service", "spec.sessionAffinityConfig.clientIP", "timeoutSeconds"),
    ("Service", "spec.ports.*", "name protocol appProtocol port targetPort nodePort"),
    ("Ingress", "spec", "ingressClassName defaultBackend backend rules tls"),
    ("Ingress", "spec.rules.*", "host http"),
    ("Ingress", "spec.rules.*.http.paths.*", "path pathType backend"),
    ("Ingress", "spec.rules.*.http.paths.*.backend", "service resource serviceName servicePort"),
    ("Ingress", "spec.rules.*.http.paths.*.backend.service", "name port"),
    ("Ingress", "spec.rules.*.http.paths.*.backend.service.port", "name number"),
    (
        "Deployment",
        "spec",
        "minReadySeconds paused progressDeadlineSeconds replicas revisionHistoryLimit selector strategy template",
    ),
    ("Deployment", "spec.strategy", "type rollingUpdate"),
    ("Deployment", "spec.strategy.rollingUpdate", "maxSurge maxUnavailable"),
    (
        "StatefulSet",
        "spec",
        "minReadySeconds ordinals persistentVolumeClaimRetentionPolicy podManagementPolicy replicas revisionHistoryLimit \
         selector serviceName template updateStrategy volumeClaimTemplates",
    ),
    ("StatefulSet", "spec.updateStrategy", "type rollingUpdate"),
    ("DaemonSet", "spec", "minReadySeconds revisionHistoryLimit selector template updateStrategy"),
    ("DaemonSet", "spec.updateStrategy", "type rollingUpdate"),
    ("DaemonSet", "spec.updateStrategy.rollingUpdate", "maxSurge maxUnavailable"),
    ("StatefulSet", "spec.updateStrategy.rollingUpdate", "partition maxUnavailable"),
    ("*", "spec.selector", "matchLabels matchExpressions"),
    ("*", "spec.template", "metadata spec"),
    ("*", "spec.template.spec", POD_SPEC),
    ("*", "spec.template.spec.containers.*", CONTAINER),
    ("*", "spec.template.spec.containers.*.lifecycle", "postStart preStop stopSignal"),
    ("*", "spec.template.spec.containers.*.lifecycle.preStop", "exec httpGet sleep tcpSocket"),
    ("*", "spec.template.spec.containers.*.resources", "limits requests claims"),
    ("*", "spec.template.spec.containers.*.readinessProbe", PROBE),
    ("*", "spec.template.spec.containers.*.livenessProbe", PROBE),
    ("*", "spec.template.spec.containers.*.startupProbe", PROBE),
    (
        "HorizontalPodAutoscaler",
        "spec",
        "behavior maxReplicas metrics minReplicas scaleTargetRef targetCPUUtilizationPercentage",
    ),
    ("HorizontalPodAutoscaler", "spec.scaleTargetRef", "apiVersion kind name"),
    ("HorizontalPodAutoscaler", "spec.metrics.*", "type resource pods object external containerResource"),
    ("HorizontalPodAutoscaler", "spec.behavior", "scaleUp scaleDown"),
    ("HorizontalPodAutoscaler", "spec.behavior.scaleUp", RULES),
    ("HorizontalPodAutoscaler", "spec.behavior.scaleDown", RULES),
    ("HorizontalPodAutoscaler", "spec.behavior.scaleUp.policies.*", "type value periodSeconds"),
    ("HorizontalPodAutoscaler", "spec.behavior.scaleDown.policies.*", "type value periodSeconds"),
    ("PodDisruptionBudget", "spec", "minAvailable maxUnavailable selector unhealthyPodEvictionPolicy"),
    (
        "ScaledObject",
        "spec",
        "scaleTargetRef pollingInterval cooldownPeriod initialCooldownPeriod idleReplicaCount minReplicaCount \
         maxReplicaCount advanced triggers fallback",
    ),
    ("ScaledObject", "spec.scaleTargetRef", "apiVersion kind name envSourceContainerName"),
    ("DestinationRule", "spec", "host trafficPolicy subsets exportTo workloadSelector"),
    (
        "DestinationRule",
        "spec.trafficPolicy",
        "loadBalancer connectionPool outlierDetection tls portLevelSettings tunnel proxyProtocol retryBudget",
    ),
    (
        "DestinationRule",
        "spec.trafficPolicy.loadBalancer",
        "simple consistentHash localityLbSetting warmupDurationSecs warmup",
    ),
    (
        "DestinationRule",
        "spec.trafficPolicy.loadBalancer.consistentHash",
        "httpHeaderName httpCookie useSourceIp httpQueryParameterName ringHash maglev minimumRingSize",
    ),
    ("DestinationRule", "spec.trafficPolicy.loadBalancer.consistentHash.httpCookie", "name path ttl attributes"),
    ("HTTPRoute", "spec.rules.*", "name matches filters backendRefs timeouts retry sessionPersistence"),
    ("HTTPRoute", "spec.rules.*.sessionPersistence", "sessionName absoluteTimeout idleTimeout type cookieConfig"),
];

const PROBE: &str = "exec httpGet tcpSocket grpc initialDelaySeconds timeoutSeconds periodSeconds successThreshold \
                     failureThreshold terminationGracePeriodSeconds";
const RULES: &str = "stabilizationWindowSeconds selectPolicy policies tolerance";
const CONTAINER: &str = "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe \
                         resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin \
                         stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts \
                         workingDir";
const POD_SPEC: &str = "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy \
                        enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname \
                        hostnameOverride imagePullSecrets initContainers nodeName nodeSelector os overhead \
                        preemptionPolicy priority priorityClassName readinessGates resourceClaims resources restartPolicy \
                        runtimeClassName schedulerName schedulingGates securityContext serviceAccount serviceAccountName \
                        setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations \
                        topologySpreadConstraints volumes workloadRef";

/// Kinds with a template of pods, to which the rows of `*` apply.
pub(super) const WORKLOADS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];

/// API groups of the kinds above; others have kinds of the same name.
const GROUPS: [&str; 9] = [
    "",
    "apps",
    "extensions",
    "networking.k8s.io",
    "autoscaling",
    "policy",
    "keda.sh",
    "networking.istio.io",
    "gateway.networking.k8s.io",
];

/// Reports fields that do not exist, and versions that are gone.
pub(super) fn check(object: &Object, findings: &mut Findings) {
    check_version(object, findings);
    check_required(object, findings);
    if !GROUPS.contains(&object.group()) {
        return;
    }
    for (kind, path, accepted) in FIELDS {
        if *kind == object.kind || (*kind == "*" && WORKLOADS.contains(&object.kind.as_str())) {
            let steps: Vec<&str> = path.split('.').collect();
            walk(object, &object.node, &steps, path, accepted, findings);
        }
    }
}

fn walk(object: &Object, node: &Node, steps: &[&str], path: &str, accepted: &str, findings: &mut Findings) {
    match steps {
        ["*", rest @ ..] => node.items().iter().for_each(|item| walk(object, item, rest, path, accepted, findings)),
        [step, rest @ ..] => {
            if let Some(entry) = node.entry(step) {
                walk(object, &entry.value, rest, path, accepted, findings);
            }
        }
        [] => {
            let mut names: Vec<&str> = accepted.split_whitespace().collect();
            if object.api == "networking.k8s.io/v1" {
                names.retain(|name| !["serviceName", "servicePort"].contains(name));
            }
            for entry in node.entries().iter().filter(|entry| !names.contains(&entry.key.as_str())) {
                if findings.is_full() {
                    return;
                }
                let shown = path.replace(".*", "[]");
                let fix = if names.len() <= 3 {
                    format!("write {}", names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or "))
                } else {
                    match nearest(&entry.key, names.iter().copied()) {
                        Some(name) => format!("write `{name}`, if that is what it means"),
                        None => "remove it".to_owned(),
                    }
                };
                let what = format!("`{shown}` has no field `{}`", entry.key);
                findings.add(Code::UnknownField, &object.place(entry.line), what, fix);
            }
            if let (Kind::Scalar { .. } | Kind::List(_), false) = (&node.kind, node.is_null()) {
                let what = format!("`{}` must be a mapping", path.replace(".*", "[]"));
                findings.add(
                    Code::BadValue,
                    &object.place(node.line),
                    what,
                    "write its fields as `name: value` below it",
                );
            }
        }
    }
}

/// Fields without which an object is refused, where their absence is usual.
fn check_required(object: &Object, findings: &mut Findings) {
    let workload = WORKLOADS.contains(&object.kind.as_str()) && object.api == "apps/v1";
    if workload && object.field("spec.selector").is_none() {
        let what = "`spec.selector` is missing";
        let fix = "write `selector: {matchLabels: …}` with labels of the template";
        findings.add(Code::MissingField, &object.named(), what, fix);
    }
    if object.kind != "Ingress" || object.api != "networking.k8s.io/v1" {
        return;
    }
    for rule in object.field("spec.rules").iter().flat_map(|field| field.node.items()) {
        for path in rule.at("http.paths").map_or(&[][..], |entry| entry.value.items()) {
            if path.entry("pathType").is_none() && !findings.is_full() {
                let fix = "write `pathType: Prefix`";
                findings.add(Code::MissingField, &object.place(path.line), "a path has no `pathType`", fix);
            }
        }
    }
}

/// Versions that were served once: kind, version, since when not, what to write.
const REMOVED: &[(&str, &str, &str, &str)] = &[
    ("Ingress", "extensions/v1beta1", "1.22", "networking.k8s.io/v1"),
    ("Ingress", "networking.k8s.io/v1beta1", "1.22", "networking.k8s.io/v1"),
    ("Deployment", "extensions/v1beta1", "1.16", "apps/v1"),
    ("Deployment", "apps/v1beta1", "1.16", "apps/v1"),
    ("Deployment", "apps/v1beta2", "1.16", "apps/v1"),
    ("StatefulSet", "apps/v1beta1", "1.16", "apps/v1"),
    ("StatefulSet", "apps/v1beta2", "1.16", "apps/v1"),
    ("DaemonSet", "extensions/v1beta1", "1.16", "apps/v1"),
    ("ReplicaSet", "extensions/v1beta1", "1.16", "apps/v1"),
    ("HorizontalPodAutoscaler", "autoscaling/v2beta1", "1.25", "autoscaling/v2"),
    ("HorizontalPodAutoscaler", "autoscaling/v2beta2", "1.26", "autoscaling/v2"),
    ("PodDisruptionBudget", "policy/v1beta1", "1.25", "policy/v1"),
];

fn check_version(object: &Object, findings: &mut Findings) {
    let place = object.place(object.node.entry("apiVersion").map_or(object.node.line, |entry| entry.line));
    if let Some((_, _, since, now)) = REMOVED.iter().find(|(kind, api, ..)| *kind == object.kind && *api == object.api)
    {
        let what = format!("`{}` of {} is not served since Kubernetes {since}", object.api, object.kind);
        let shape = if object.kind == "Ingress" { ", with `backend.service.{name, port}` and `pathType`" } else { "" };
        findings.add(Code::RemovedApi, &place, what, format!("write `apiVersion: {now}`{shape}"));
    }
    if object.group() == "traefik.containo.us" {
        findings.add(
            Code::OldApiGroup,
            &place,
            "Traefik 3 does not read the group `traefik.containo.us`",
            "write `apiVersion: traefik.io/v1alpha1`, which Traefik reads since 2.10",
        );
    }
}
