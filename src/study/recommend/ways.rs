//! How each product is told to keep clients on a pod, or not to: settings in its users' own words.
//!
//! `null` takes a setting away that would not go with the others.

/// Settings for each way, or why there are none.
pub struct Ways {
    /// Takes a hash of addresses, rooms or users away.
    pub unhash: &'static str,
    /// Takes a cookie away.
    pub uncookie: &'static str,
    /// By a cookie.
    pub cookie: Result<&'static str, &'static str>,
    /// By the client's address.
    pub address: Result<&'static str, &'static str>,
    /// By the room that the request is about.
    pub room: Result<&'static str, &'static str>,
    /// New clients go where there is least to do.
    pub least: Result<&'static str, &'static str>,
    /// The setting that says for how many seconds a client is kept.
    pub lifetime: Option<&'static str>,
}

const NO_HASH_OF_REQUESTS: &str = "it hashes nothing of a request";
const NO_COUNT: &str = "it does not go by connections";
const SEES_CONNECTIONS: &str = "it passes connections on, and sees no cookies";

/// Of a product by its name in scenarios.
pub fn ways(product: &str) -> Ways {
    in_clusters(product).or_else(|| in_clouds(product)).unwrap_or(Ways {
        unhash: "",
        uncookie: "",
        cookie: Err("it has no settings for that"),
        address: Err("it has no settings for that"),
        room: Err("it has no settings for that"),
        least: Err("it has no settings for that"),
        lifetime: None,
    })
}

/// Of those that users run themselves.
fn in_clusters(product: &str) -> Option<Ways> {
    Some(match product {
        "nginx" => Ways {
            unhash: "method: round_robin",
            uncookie: "sticky: null",
            cookie: Ok("sticky: cookie srv_id expires=1h"),
            address: Ok("method: ip_hash"),
            room: Ok("method: hash $arg_room consistent"),
            least: Ok("method: least_conn"),
            lifetime: None,
        },
        "ingress-nginx" => Ways {
            unhash: "upstream-hash-by: null",
            uncookie: "affinity: none",
            cookie: Ok("affinity: cookie"),
            address: Ok("upstream-hash-by: $binary_remote_addr"),
            room: Ok("upstream-hash-by: $arg_room"),
            least: Err("it does not count connections; its `load-balance: ewma` goes by response times"),
            lifetime: Some("session-cookie-max-age"),
        },
        "haproxy" => Ways {
            unhash: "balance: roundrobin, hash-type: null, hash-balance-factor: null, stick: null, stick-table: null",
            uncookie: "cookie: null, dynamic-cookie-key: null, stick: null, stick-table: null",
            cookie: Ok("cookie: SRV insert indirect nocache"),
            address: Ok("balance: source"),
            room: Ok("balance: url_param room"),
            least: Ok("balance: leastconn"),
            lifetime: None,
        },
        "service" => Ways {
            unhash: "sessionAffinity: None, sessionAffinityConfig: null, timeoutSeconds: null",
            uncookie: "",
            cookie: Err(SEES_CONNECTIONS),
            address: Ok("sessionAffinity: ClientIP"),
            room: Err("it passes connections on, and sees no requests"),
            least: Err(NO_COUNT),
            lifetime: Some("timeoutSeconds"),
        },
        "envoy" => Ways {
            unhash: "lb_policy: ROUND_ROBIN, hash_policy: null",
            uncookie: "lb_policy: ROUND_ROBIN, hash_policy: null, stateful_session: null",
            cookie: Ok("stateful_session: {cookie: {name: route}}"),
            address: Ok("lb_policy: MAGLEV, hash_policy: [{connection_properties: {source_ip: true}}]"),
            room: Ok("lb_policy: MAGLEV, hash_policy: [{query_parameter: {name: room}}]"),
            least: Ok("lb_policy: LEAST_REQUEST, hash_policy: null"),
            lifetime: None,
        },
        "istio" => Ways {
            unhash: "loadBalancer: {consistentHash: null}",
            uncookie: "loadBalancer: {consistentHash: null}, persistent-session: null",
            cookie: Ok(
                "loadBalancer: {simple: null, consistentHash: {httpCookie: {name: route, ttl: 0s}, useSourceIp: null, \
                        httpQueryParameterName: null, httpHeaderName: null}}",
            ),
            address: Ok("loadBalancer: {simple: null, consistentHash: {useSourceIp: true, httpCookie: null, \
                        httpQueryParameterName: null, httpHeaderName: null}}, persistent-session: null"),
            room: Ok("loadBalancer: {simple: null, consistentHash: {httpQueryParameterName: room, httpCookie: null, \
                     useSourceIp: null, httpHeaderName: null}}, persistent-session: null"),
            least: Ok("loadBalancer: {simple: LEAST_REQUEST, consistentHash: null}"),
            lifetime: None,
        },
        "traefik" => Ways {
            unhash: "strategy: wrr",
            uncookie: "sticky: null",
            cookie: Ok("sticky: {cookie: {name: route}}"),
            address: Ok("strategy: hrw"),
            room: Err(NO_HASH_OF_REQUESTS),
            least: Ok("strategy: p2c"),
            lifetime: None,
        },
        _ => return None,
    })
}

/// Of those that are rented.
fn in_clouds(product: &str) -> Option<Ways> {
    Some(match product {
        "aws-alb" => Ways {
            unhash: "",
            uncookie: "stickiness.enabled: false, stickiness.type: null, stickiness.lb_cookie.duration_seconds: null, \
                       stickiness.app_cookie.duration_seconds: null, stickiness.app_cookie.cookie_name: null",
            cookie: Ok("stickiness.enabled: true"),
            address: Err("it keeps clients by cookies only"),
            room: Err(NO_HASH_OF_REQUESTS),
            least: Ok("load_balancing.algorithm.type: least_outstanding_requests"),
            lifetime: Some("stickiness.lb_cookie.duration_seconds"),
        },
        "aws-nlb" => Ways {
            unhash: "stickiness.enabled: false, stickiness.type: null",
            uncookie: "",
            cookie: Err(SEES_CONNECTIONS),
            address: Ok("stickiness.enabled: true"),
            room: Err("it passes connections on, and sees no requests"),
            least: Err(NO_COUNT),
            lifetime: None,
        },
        "cloudflare" => Ways {
            unhash: "session_affinity: none, session_affinity_ttl: null, session_affinity_attributes: null, origin_steering: {policy: random}",
            uncookie: "session_affinity: none, session_affinity_ttl: null, session_affinity_attributes: null",
            cookie: Ok("session_affinity: cookie"),
            address: Ok("origin_steering: {policy: hash}"),
            room: Err(NO_HASH_OF_REQUESTS),
            least: Ok("origin_steering: {policy: least_connections}"),
            lifetime: None,
        },
        "google-cloud" => Ways {
            unhash: "sessionAffinity: NONE, consistentHash: null",
            uncookie: "sessionAffinity: NONE, affinityCookieTtlSec: null, consistentHash: null",
            cookie: Ok("sessionAffinity: GENERATED_COOKIE"),
            address: Ok("sessionAffinity: CLIENT_IP"),
            room: Err(NO_HASH_OF_REQUESTS),
            least: Err("its `localityLbPolicy` is not modelled"),
            lifetime: Some("affinityCookieTtlSec"),
        },
        "azure-application-gateway" => Ways {
            unhash: "",
            uncookie: "CookieBasedAffinity: Disabled, AffinityCookieName: null",
            cookie: Ok("CookieBasedAffinity: Enabled"),
            address: Err("it keeps clients by cookies only"),
            room: Err(NO_HASH_OF_REQUESTS),
            least: Err(NO_COUNT),
            lifetime: None,
        },
        "azure-load-balancer" => Ways {
            unhash: "loadDistribution: Default",
            uncookie: "",
            cookie: Err(SEES_CONNECTIONS),
            address: Ok("loadDistribution: SourceIP"),
            room: Err("it passes connections on, and sees no requests"),
            least: Err(NO_COUNT),
            lifetime: None,
        },
        _ => return None,
    })
}
