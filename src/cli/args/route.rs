//! What can be typed after `route`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RouteFormat {
    /// Tables of the servers
    Table,
    /// A row per client and pass: step, client, server (its position), address, tried (positions, such as 1>0)
    Csv,
}

/// Every client comes once and stays connected; then something may change, and all come again with the cookies they got. No
/// time passes meanwhile. Balancers in a row see the addresses that the ones before leave visible; a balancer with several
/// instances is reached through one of them that is drawn for each client.
#[derive(Debug, Args)]
#[command(after_help = ROUTE_HELP)]
pub struct RouteArgs {
    /// A scenario (YAML): its balancers with the addresses of its pods
    #[arg(conflicts_with = "balancer")]
    pub scenario: Option<PathBuf>,
    /// A variant of the scenario
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// The balancer: `nginx`, `nginx.ip_hash`, or as in a scenario `haproxy: {balance: source, hash-type: consistent}`
    #[arg(long, short, value_name = "BALANCER")]
    pub balancer: Option<String>,
    /// Changes a setting of the balancer, such as `max_fails=0`; of a scenario, such as `pods.replicas=8`
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How many servers, or their addresses, such as `10.0.0.1:8080,10.0.0.2:8080`; 3, or the scenario's pods
    #[arg(long, short, value_name = "N|LIST")]
    pub servers: Option<String>,
    /// Their weights, in order, such as `5,1,1`, where the product has any; the rest have 1
    #[arg(long, value_name = "LIST")]
    pub weights: Option<String>,
    /// Positions, from 0, of servers that the balancer believes down, or that are not in its list where that holds what is ready
    #[arg(long, value_name = "LIST")]
    pub down: Option<String>,
    /// Positions of servers that serve only clients bound to them, where the product has such
    #[arg(long, value_name = "LIST")]
    pub drain: Option<String>,
    /// Positions of servers that refuse requests, of which the balancer does not know: it tries again as it does
    #[arg(long, value_name = "LIST")]
    pub refuse: Option<String>,
    /// How many random clients; or a file, or `-`: an address or text per line, or CSV with `address` and `key` [default: 10000]
    #[arg(long, short, value_name = "N|FILE")]
    pub clients: Option<String>,
    /// What changes before all come again: `servers=6`, `remove=1`, `down=0`, `drain=0`, `up=0`, `refuse=0` or
    /// `weights=5,1,1`; may be given again
    #[arg(long, value_name = "CHANGE")]
    pub then: Vec<String>,
    /// Seed of random clients, and of what the balancer draws; 1, or the scenario's
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Tables on a terminal, CSV elsewhere
    #[arg(long, value_enum)]
    pub format: Option<RouteFormat>,
    /// Prints, of 40,000 random clients of seed 1, the share that moves when servers change, strategy by strategy
    #[arg(long, conflicts_with_all = ["scenario", "variant", "balancer", "set", "servers", "weights", "down", "drain",
        "refuse", "clients", "then", "seed", "format"])]
    pub table: bool,
}

/// What stands below the options of `route`.
const ROUTE_HELP: &str = "\
PRODUCT.METHOD stands for the one setting that names a method:
  nginx.METHOD (ip_hash, least_conn, 'hash $arg_room consistent'), haproxy.BALANCE (source, roundrobin, 'hdr(x-user-id)'),
  traefik.STRATEGY, envoy.LB_POLICY and istio.SIMPLE; RING_HASH and MAGLEV, ringHash and maglev hash the client's address;
  ingress-nginx.balanced, .persistent or LOAD-BALANCE; service.ClientIP, or .iptables, .nftables, .ipvs;
  aws-alb.lb_cookie or ALGORITHM; aws-nlb.source_ip; cloudflare.SESSION_AFFINITY; google-cloud.SESSIONAFFINITY;
  azure-application-gateway.COOKIEBASEDAFFINITY; azure-load-balancer.LOADDISTRIBUTION
Everything else is written as a mapping, which takes what scenarios take; so are names with dots.

Random clients have a public IPv4 address each, all equally likely, and a text of 16 hexadecimal digits.
A client that is an address is also that text for a balancer that hashes texts (users, sessions, rooms).

'of its due': clients against the server's share by weight. CV: standard deviation of that. 'CV expected of a hash' is
√(HHI · mean((1 − p)/p)) with p the share by weight, which is √((n − 1) · HHI) for n equal servers; HHI = Σs²/(Σs)² over groups
of s clients that the balancer cannot tell apart (same /24 for ip_hash, same address, same text), and N_eff = 1/HHI. It holds
for hashes taken modulo, Maglev tables and random draws; hash rings are less even, turns and least connections more.

Examples:
  stickysim route --balancer nginx.ip_hash --servers 5 --weights 5,1,1 --down 0
  stickysim route --balancer 'haproxy: {balance: source, hash-type: consistent}' --clients addresses.txt --then servers=4
  stickysim route scenarios/auction.yaml --variant ip-hash --then down=1 --then up=1";
