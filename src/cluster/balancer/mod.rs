//! Load balancers: which pod a request goes to.
//!
//! One file per product: its [`Settings`], in the words of its users, and how it decides ([`Decide`]). What a product knows of
//! pods, and when it learns of a change, is apart from what is true; see [`Following`].
//!
//! A new product is a file here and an entry in the list `products!` below: the scenario format, its schema, `stickysim route`
//! and the conformance tests follow from it.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PodId;
use crate::engine::{LazyStream, SimTime, Stream};

mod address;
mod app_redirect;
mod aws_alb;
mod aws_nlb;
mod azure;
mod cloud;
mod cloudflare;
mod envoy;
mod forwarded;
mod google_cloud;
mod haproxy;
mod ingress_nginx;
mod instances;
mod lines;
mod nginx;
mod product;
mod railway;
mod ring;
mod service;
mod table;
mod texts;
mod traefik;
mod turns;
mod words;

pub use app_redirect::{AppRedirect, AppRedirectSpec};
pub use aws_alb::{AwsAlb, AwsAlbSpec, TargetAlgorithm, TargetStickiness};
pub use aws_nlb::{AwsNlb, AwsNlbSpec, NlbStickiness};
pub use azure::{
    AzureApplicationGateway, AzureApplicationGatewaySpec, AzureDraining, AzureLoadBalancer, AzureLoadBalancerSpec,
    CookieBasedAffinity, LoadDistribution,
};
pub use cloudflare::{
    Cloudflare, CloudflareAffinity, CloudflareAttributes, CloudflareMonitor, CloudflareSpec, OriginPolicy,
    OriginSteering, ZeroDowntimeFailover,
};
pub use envoy::{
    CommonLbConfig, ConnectionProperties, ConsistentHash, DiscoveryType, EnvoySpec, GatewayTopology, HashCookie,
    HashHeader, HashPolicy, HashQueryParameter, HashedName, HealthCheck, HealthStatus, HealthStatuses, HttpCookie,
    HttpRetry, IstioMaglev, IstioRingHash, IstioSpec, LbEndpoint, LbPolicy, LeastRequestLbConfig, LoadBalancerSettings,
    MaglevLbConfig, Percent, PersistentSession, PredicateName, PredicateType, Proxy, RetryBackOff, RetryHostPredicate,
    RetryOn, RetryPolicy, RingHashLbConfig, SelectionMethod, SessionCookie, SimpleLb, StatefulSession, TypedConfig,
};
pub use forwarded::{ForwardedFor, Forwards, Sees, Told, Trusts};
pub use google_cloud::{
    GoogleAffinity, GoogleCloud, GoogleCloudSpec, GoogleConsistentHash, GoogleHttpCookie, GoogleTtl,
};
pub use haproxy::{
    Haproxy, HaproxyBalance, HaproxyCookie, HaproxyDefaultServer, HaproxyHashType, HaproxyHttpRequest, HaproxyOption,
    HaproxyServer, HaproxySpec, HaproxyStick, HaproxyStickTable, HaproxyVersion,
};
pub use ingress_nginx::{Affinity, AffinityMode, IngressNginx, IngressNginxSpec, LoadBalance, UpstreamHashBy};
pub use instances::Replicas;
pub use lines::{Down, Lines, Weights};
pub use nginx::{
    NextUpstream, Nginx, NginxKey, NginxMethod, NginxServer, NginxSpec, NginxSticky, OnOff, RealIpHeader,
    TrustedNetwork,
};
pub use product::{
    AffinityKey, Checks, Decide, Ends, Following, Forgotten, Health, Layer, Line, List, Peer, Peers, Problem, Queue,
    Reads, Request, SetCookie, Settings, Tries,
};
pub use railway::{Railway, RailwaySpec};
pub use ring::Ring;
pub use service::{
    ClientIpConfig, ProxyMode, Service, ServiceSpec, SessionAffinity, SessionAffinityConfig, TrafficPolicy,
};

pub use traefik::{
    SameSite, Traefik, TraefikCookie, TraefikHealthCheck, TraefikRetry, TraefikServer, TraefikSpec, TraefikSticky,
    TraefikStrategy,
};

/// Makes [`BalancerSpec`] and [`Balancer`] of the list of products: (name in scenarios) variant (settings) → (state).
macro_rules! products {
    ($($(#[$doc:meta])* $name:literal $product:ident($settings:ty) => $state:ty;)*) => {
        /// A load balancer with the settings that its users write.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub enum BalancerSpec {
            $($(#[$doc])* #[serde(rename = $name)] $product($settings),)*
        }

        /// A load balancer at work.
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant)] // there are few of them
        pub enum Balancer {
            $($(#[$doc])* $product($state),)*
        }

        impl BalancerSpec {
            /// The names of all products, as scenarios write them.
            pub const NAMES: &[&str] = &[$($name),*];
            /// Its name, as scenarios write it.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(BalancerSpec::$product(_) => $name,)*
                }
            }
            /// What its settings say.
            pub fn settings(&self) -> &dyn Settings {
                match self {
                    $(BalancerSpec::$product(settings) => settings,)*
                }
            }
        }

        impl Balancer {
            /// A balancer that knows no pod yet.
            pub fn new(spec: &BalancerSpec) -> Balancer {
                match spec {
                    $(BalancerSpec::$product(settings) => Balancer::$product(<$state>::new(settings.clone())),)*
                }
            }
        }

        impl Decide for Balancer {
            fn set_peers(&mut self, peers: &[Peer], stream: &mut Stream) {
                match self { $(Balancer::$product(state) => state.set_peers(peers, stream),)* }
            }
            fn set_health(&mut self, position: usize, health: Health) {
                match self { $(Balancer::$product(state) => state.set_health(position, health),)* }
            }
            #[inline]
            fn peers(&self) -> &Peers {
                match self { $(Balancer::$product(state) => state.peers(),)* }
            }
            fn pick(
                &mut self,
                request: &Request<'_>,
                tries: &mut Tries,
                stream: &mut LazyStream,
                load: impl FnMut(&Peer) -> u32,
            ) -> Option<usize> {
                match self { $(Balancer::$product(state) => state.pick(request, tries, stream, load),)* }
            }
            fn max_tries(&self) -> usize {
                match self { $(Balancer::$product(state) => state.max_tries(),)* }
            }
            #[inline]
            fn bound(&self, cookie: u32) -> Option<PodId> {
                match self { $(Balancer::$product(state) => state.bound(cookie),)* }
            }
            fn failed(&mut self, position: usize, now: SimTime) {
                match self { $(Balancer::$product(state) => state.failed(position, now),)* }
            }
            fn mistrusts(&self, pod: PodId) -> bool {
                match self { $(Balancer::$product(state) => state.mistrusts(pod),)* }
            }
            #[inline]
            fn watches(&self, pod: PodId) -> bool {
                match self { $(Balancer::$product(state) => state.watches(pod),)* }
            }
            fn ended(&mut self, pod: PodId, address: IpAddr, began: SimTime, now: SimTime) {
                match self { $(Balancer::$product(state) => state.ended(pod, address, began, now),)* }
            }
            fn finished(&mut self, position: usize, now: SimTime) {
                match self { $(Balancer::$product(state) => state.finished(position, now),)* }
            }
        }
    };
}

products! {
    /// nginx with an `upstream` block.
    "nginx" Nginx(NginxSpec) => Nginx;
    /// ingress-nginx with its annotations.
    "ingress-nginx" IngressNginx(IngressNginxSpec) => IngressNginx;
    /// A Kubernetes Service: kube-proxy.
    "service" Service(ServiceSpec) => Service;
    /// HAProxy with a `backend` section.
    "haproxy" Haproxy(HaproxySpec) => Haproxy;
    /// Envoy with its cluster, route and filters.
    "envoy" Envoy(EnvoySpec) => Proxy;
    /// Istio's gateway with a DestinationRule.
    "istio" Istio(IstioSpec) => Proxy;
    /// Traefik with a service.
    "traefik" Traefik(TraefikSpec) => Traefik;
    /// AWS Application Load Balancer with the attributes of its target group.
    "aws-alb" AwsAlb(AwsAlbSpec) => AwsAlb;
    /// AWS Network Load Balancer with the attributes of its target group.
    "aws-nlb" AwsNlb(AwsNlbSpec) => AwsNlb;
    /// Cloudflare Load Balancing.
    "cloudflare" Cloudflare(CloudflareSpec) => Cloudflare;
    /// A Google Cloud load balancer with the fields of its backend service.
    "google-cloud" GoogleCloud(GoogleCloudSpec) => GoogleCloud;
    /// Azure Application Gateway with its backend settings.
    "azure-application-gateway" AzureApplicationGateway(AzureApplicationGatewaySpec) => AzureApplicationGateway;
    /// Azure Load Balancer with its load-balancing rule.
    "azure-load-balancer" AzureLoadBalancer(AzureLoadBalancerSpec) => AzureLoadBalancer;
    /// Railway's edge.
    "railway" Railway(RailwaySpec) => Railway;
    /// Routing in the application by md5(session id) modulo the number of instances.
    "app-redirect" AppRedirect(AppRedirectSpec) => AppRedirect;
}
