//! Annotations that controllers know, and those that they ignore without a word.

use super::finding::{Code, Findings};
use super::object::{Field, Object};
use crate::words::nearest;

/// The annotations of a controller.
struct Prefix {
    text: &'static str,
    /// The balancer in scenarios.
    product: &'static str,
    known: &'static str,
    /// True when `known` has all of them; else only near misses are reported.
    complete: bool,
}

pub(super) const INGRESS_NGINX: &str = "nginx.ingress.kubernetes.io/";
pub(super) const ALB: &str = "alb.ingress.kubernetes.io/";
pub(super) const AWS: &str = "service.beta.kubernetes.io/";
pub(super) const TRAEFIK: &str = "traefik.ingress.kubernetes.io/";
pub(super) const HAPROXY: &str = "haproxy.org/";
pub(super) const HAPROXY_INGRESS: &str = "haproxy-ingress.github.io/";
pub(super) const CONTOUR: &str = "projectcontour.io/";
pub(super) const AGIC: &str = "appgw.ingress.kubernetes.io/";

const PREFIXES: [Prefix; 9] = [
    Prefix { text: INGRESS_NGINX, product: "ingress-nginx", known: NGINX_KNOWN, complete: true },
    Prefix { text: ALB, product: "aws-alb", known: ALB_KNOWN, complete: true },
    Prefix { text: TRAEFIK, product: "traefik", known: TRAEFIK_KNOWN, complete: false },
    Prefix { text: HAPROXY, product: "haproxy", known: HAPROXY_KNOWN, complete: false },
    Prefix { text: HAPROXY_INGRESS, product: "haproxy", known: HAPROXY_INGRESS_KNOWN, complete: false },
    Prefix { text: CONTOUR, product: "envoy", known: CONTOUR_KNOWN, complete: false },
    Prefix { text: AGIC, product: "azure-application-gateway", known: AGIC_KNOWN, complete: false },
    Prefix { text: "nginx.org/", product: "nginx", known: "websocket-services lb-method", complete: false },
    Prefix { text: AWS, product: "aws-nlb", known: AWS_KNOWN, complete: false },
];

const NGINX_KNOWN: &str = "affinity affinity-canary-behavior affinity-mode app-root auth-always-set-cookie auth-cache-duration \
auth-cache-key auth-keepalive auth-keepalive-requests auth-keepalive-share-vars auth-keepalive-timeout auth-method \
auth-proxy-set-headers auth-realm auth-request-redirect auth-response-headers auth-secret auth-secret-type auth-signin \
auth-signin-redirect-param auth-snippet auth-tls-error-page auth-tls-match-cn auth-tls-pass-certificate-to-upstream \
auth-tls-secret auth-tls-verify-client auth-tls-verify-depth auth-type auth-url backend-protocol canary canary-by-cookie \
canary-by-header canary-by-header-pattern canary-by-header-value canary-weight canary-weight-total client-body-buffer-size \
configuration-snippet connection-proxy-header cors-allow-credentials cors-allow-headers cors-allow-methods cors-allow-origin \
cors-expose-headers cors-max-age custom-headers custom-http-errors default-backend denylist-source-range \
disable-proxy-intercept-errors enable-access-log enable-cors enable-global-auth enable-modsecurity enable-opentelemetry \
enable-owasp-core-rules enable-rewrite-log fastcgi-index fastcgi-params-configmap force-ssl-redirect from-to-www-redirect \
http2-push-preload limit-allowlist limit-burst-multiplier limit-connections limit-rate limit-rate-after limit-rpm limit-rps \
limit-whitelist load-balance mirror-host mirror-request-body mirror-target modsecurity-snippet modsecurity-transaction-id \
opentelemetry-operation-name opentelemetry-trust-incoming-span permanent-redirect permanent-redirect-code \
preserve-trailing-slash proxy-body-size proxy-buffer-size proxy-buffering proxy-buffers-number proxy-busy-buffers-size \
proxy-connect-timeout proxy-cookie-domain proxy-cookie-path proxy-http-version proxy-max-temp-file-size proxy-next-upstream \
proxy-next-upstream-timeout proxy-next-upstream-tries proxy-read-timeout proxy-redirect-from proxy-redirect-to \
proxy-request-buffering proxy-send-timeout proxy-ssl-ciphers proxy-ssl-name proxy-ssl-protocols proxy-ssl-secret \
proxy-ssl-server-name proxy-ssl-verify proxy-ssl-verify-depth relative-redirects rewrite-target satisfy server-alias \
server-snippet service-upstream session-cookie-change-on-failure session-cookie-conditional-samesite-none \
session-cookie-domain session-cookie-expires session-cookie-max-age session-cookie-name session-cookie-path \
session-cookie-samesite session-cookie-secure ssl-ciphers ssl-passthrough ssl-prefer-server-ciphers ssl-redirect \
stream-snippet temporal-redirect temporal-redirect-code upstream-hash-by upstream-hash-by-subset \
upstream-hash-by-subset-size upstream-vhost use-port-in-redirects use-regex whitelist-source-range x-forwarded-prefix";

/// Keys of ingress-nginx's ConfigMap that people write as annotations.
const NGINX_CONFIGMAP: &str = "allow-snippet-annotations annotation-value-word-blocklist client-header-buffer-size \
compute-full-forwarded-for enable-real-ip forwarded-for-header generate-request-id global-auth-url gzip-level hide-headers \
hsts http-redirect-code keep-alive keep-alive-requests large-client-header-buffers log-format-upstream main-snippet \
http-snippet max-worker-connections proxy-headers-hash-max-size proxy-real-ip-cidr proxy-set-headers proxy-stream-timeout \
reuse-port server-tokens ssl-protocols upstream-keepalive-connections upstream-keepalive-requests upstream-keepalive-time \
upstream-keepalive-timeout use-forwarded-headers use-geoip2 use-gzip use-http2 use-proxy-protocol worker-processes \
worker-shutdown-timeout";

/// Annotations of ingress-nginx that are gone, with what to write instead.
const NGINX_REMOVED: &[(&str, &str)] = &[
    ("session-cookie-hash", "remove it: the value of the cookie is no longer made with a hash that could be chosen"),
    ("secure-backends", "write `backend-protocol: \"HTTPS\"`"),
    ("grpc-backend", "write `backend-protocol: \"GRPC\"`"),
    ("secure-verify-ca-secret", "write `proxy-ssl-secret` and `proxy-ssl-verify`"),
    ("add-base-url", "remove it"),
    ("base-url-scheme", "remove it"),
    ("enable-influxdb", "remove it"),
    ("enable-opentracing", "write `enable-opentelemetry`"),
    ("opentracing-trust-incoming-span", "write `opentelemetry-trust-incoming-span`"),
    ("global-rate-limit", "write `limit-rps`"),
    ("global-rate-limit-window", "write `limit-rps` or `limit-rpm`"),
    ("lua-resty-waf", "remove it"),
    ("upstream-max-fails", "remove it: endpoints are left out when they are not ready"),
    ("upstream-fail-timeout", "remove it: endpoints are left out when they are not ready"),
];

/// Annotations of other products under the prefix of ingress-nginx: what it is, and what to do.
const NGINX_FOREIGN: &[(&str, &str, &str)] = &[
    (
        "websocket-services",
        "belongs to the controller of F5 (`nginx.org/websocket-services`)",
        "remove it: ingress-nginx passes WebSockets on without being told; longer idle times are `proxy-read-timeout` and \
         `proxy-send-timeout`",
    ),
    ("session-cookie-httponly", "does not exist", "remove it: the cookie of ingress-nginx is always `HttpOnly`"),
    ("sticky-cookie-services", "belongs to the controller of F5 (`nginx.org/`)", "write `affinity: \"cookie\"`"),
    ("lb-method", "belongs to the controller of F5 (`nginx.org/`)", "write `load-balance` or `upstream-hash-by`"),
];

const ALB_KNOWN: &str = "load-balancer-name group.name group.order tags ip-address-type ipam-ipv4-pool-id scheme subnets \
security-groups manage-backend-security-group-rules customer-owned-ipv4-pool load-balancer-attributes \
load-balancer-capacity-reservation wafv2-acl-arn wafv2-acl-name waf-acl-id shield-advanced-protection listen-ports \
ssl-redirect inbound-cidrs security-group-prefix-lists certificate-arn ssl-policy target-type backend-protocol \
backend-protocol-version target-group-attributes healthcheck-port healthcheck-protocol healthcheck-path \
healthcheck-interval-seconds healthcheck-timeout-seconds healthy-threshold-count unhealthy-threshold-count success-codes \
auth-type auth-idp-cognito auth-idp-oidc auth-on-unauthenticated-request auth-scope auth-session-cookie \
auth-session-timeout target-node-labels mutual-authentication multi-cluster-target-group frontend-nlb-scheme \
enable-frontend-nlb frontend-nlb-subnets frontend-nlb-security-groups frontend-nlb-listener-port-mapping \
frontend-nlb-attributes frontend-nlb-tags frontend-nlb-eip-allocations frontend-nlb-healthcheck-port \
frontend-nlb-healthcheck-protocol frontend-nlb-healthcheck-path frontend-nlb-healthcheck-interval-seconds \
frontend-nlb-healthcheck-timeout-seconds frontend-nlb-healthcheck-healthy-threshold-count \
frontend-nlb-healthcheck-unhealthy-threshold-count frontend-nlb-healthcheck-success-codes jwt-validation use-regex-path-match \
target-group-stickiness minimum-load-balancer-capacity";

const AWS_KNOWN: &str = "aws-load-balancer-type aws-load-balancer-nlb-target-type aws-load-balancer-scheme \
aws-load-balancer-internal aws-load-balancer-proxy-protocol aws-load-balancer-target-group-attributes \
aws-load-balancer-attributes aws-load-balancer-healthcheck-interval aws-load-balancer-healthcheck-timeout \
aws-load-balancer-healthcheck-healthy-threshold aws-load-balancer-healthcheck-unhealthy-threshold \
aws-load-balancer-healthcheck-path aws-load-balancer-healthcheck-port aws-load-balancer-healthcheck-protocol \
aws-load-balancer-cross-zone-load-balancing-enabled aws-load-balancer-backend-protocol aws-load-balancer-name \
aws-load-balancer-ssl-cert aws-load-balancer-ssl-ports";

const TRAEFIK_KNOWN: &str = "service.sticky.cookie service.sticky.cookie.name service.sticky.cookie.secure \
service.sticky.cookie.samesite service.sticky.cookie.httponly service.sticky.cookie.maxage service.sticky.cookie.path \
service.sticky.cookie.domain service.serversscheme service.serverstransport service.passhostheader service.nativelb \
service.nodeportlb router.entrypoints router.middlewares router.priority router.pathmatcher router.tls router.rulesyntax \
router.tls.certresolver router.tls.options router.tls.domains";

const HAPROXY_KNOWN: &str = "cookie-persistence cookie-persistence-no-dynamic load-balance timeout-tunnel timeout-client \
timeout-server timeout-connect timeout-queue timeout-check pod-maxconn scale-server-slots check check-http check-interval \
forwarded-for hard-stop-after";
const HAPROXY_INGRESS_KNOWN: &str = "affinity balance-algorithm session-cookie-name session-cookie-strategy \
session-cookie-dynamic session-cookie-keywords session-cookie-shared session-cookie-preserve session-cookie-value-strategy \
session-cookie-samesite timeout-tunnel timeout-server timeout-client";
const CONTOUR_KNOWN: &str = "websocket-routes response-timeout num-retries retry-on per-try-timeout ingress.class";
const AGIC_KNOWN: &str = "cookie-based-affinity cookie-based-affinity-distinct-name connection-draining \
connection-draining-timeout request-timeout health-probe-interval health-probe-timeout health-probe-unhealthy-threshold \
health-probe-path health-probe-port health-probe-hostname health-probe-status-codes backend-path-prefix backend-hostname \
ssl-redirect use-private-ip override-frontend-port waf-policy-for-path backend-protocol";

/// The annotations that belong to a balancer, each with its name.
pub(super) fn products(object: &Object) -> impl Iterator<Item = (&'static str, Field<'_>)> {
    object.annotations().filter_map(|(name, field)| Some((owner(name)?.product, field)))
}

fn owner(name: &str) -> Option<&'static Prefix> {
    PREFIXES.iter().filter(|prefix| prefix.text != AWS).find(|prefix| name.starts_with(prefix.text))
}

/// Reports annotations that no controller reads.
pub(super) fn check(object: &Object, findings: &mut Findings) {
    for (name, field) in object.annotations() {
        let Some(prefix) = PREFIXES.iter().find(|prefix| name.starts_with(prefix.text)) else { continue };
        if findings.is_full() {
            return;
        }
        let short = &name[prefix.text.len()..];
        if prefix.text == INGRESS_NGINX && check_nginx(short, &field, findings) {
            continue;
        }
        let dynamic = ["actions.", "conditions.", "transforms."].iter().any(|start| short.starts_with(start));
        let known: Vec<&str> = prefix.known.split_whitespace().collect();
        if known.contains(&short) || (prefix.text == ALB && dynamic) {
            check_place(object, prefix.text, short, &field, findings);
            continue;
        }
        let near = if prefix.complete {
            nearest(short, known.iter().copied())
        } else {
            known.iter().copied().find(|known| strsim::damerau_levenshtein(short, known) <= 2)
        };
        if !prefix.complete && near.is_none() {
            continue;
        }
        let fix = match near {
            Some(near) => format!("write `{}{near}`, if that is what it means", prefix.text),
            None => "remove it, or look it up in the controller's documentation".to_owned(),
        };
        findings.add(
            Code::UnknownAnnotation,
            &field.place,
            format!("`{name}` is no annotation of the controller"),
            fix,
        );
    }
}

/// True when it is one of those with a story.
fn check_nginx(short: &str, field: &Field<'_>, findings: &mut Findings) -> bool {
    if let Some((_, what, fix)) = NGINX_FOREIGN.iter().find(|(name, ..)| *name == short) {
        let code = if what.starts_with("belongs") { Code::ForeignAnnotation } else { Code::UnknownAnnotation };
        findings.add(code, &field.place, format!("`{INGRESS_NGINX}{short}` {what}"), *fix);
        return true;
    }
    if let Some((_, fix)) = NGINX_REMOVED.iter().find(|(name, _)| *name == short) {
        let what = format!("`{INGRESS_NGINX}{short}` was removed from ingress-nginx");
        findings.add(Code::RemovedAnnotation, &field.place, what, *fix);
        return true;
    }
    if NGINX_CONFIGMAP.split_whitespace().any(|key| key == short) {
        let what = format!("`{INGRESS_NGINX}{short}` is no annotation");
        let fix = format!("write `{short}` into the ConfigMap of the controller; it then holds for all Ingresses");
        findings.add(Code::ConfigmapKey, &field.place, what, fix);
        return true;
    }
    false
}

/// Annotations that are read from another kind of object.
fn check_place(object: &Object, prefix: &str, short: &str, field: &Field<'_>, findings: &mut Findings) {
    let place = match (prefix, object.kind.as_str()) {
        (TRAEFIK, "Ingress") if short.starts_with("service.") => "the Service",
        (TRAEFIK, "Service") if short.starts_with("router.") => "the Ingress",
        (HAPROXY, "Ingress") if short.starts_with("cookie-persistence") => "the Service, or the controller's ConfigMap",
        (INGRESS_NGINX, "Service") if short != "service-upstream" => "the Ingress",
        _ => return,
    };
    let what = format!("`{prefix}{short}` stands on {}", object.label());
    findings.add(Code::AnnotationPlace, &field.place, what, format!("write it on {place}"));
}
