//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Simulates real-time (WebSocket, Socket.IO) clusters behind load balancers, with and without session affinity.
///
/// Without a command it compares no affinity, IP hash and cookie on a built-in live auction.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 fine, 1 an `expect` does not hold, a finding is denied or the self-test fails, 2 bad input, 3 a bug in stickysim.\n\
                  Start with: stickysim            (the built-in comparison)\n\
                  then:       stickysim run scenarios/auction.yaml"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub study: StudyArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a scenario and writes a report
    Run {
        /// The scenario (YAML); `-` reads standard input
        scenario: PathBuf,
        #[command(flatten)]
        study: StudyArgs,
    },
    /// Runs every variant of a scenario with the same random numbers and compares them
    Compare {
        /// The scenario (YAML) with its `variants`; `-` reads standard input
        scenario: PathBuf,
        #[command(flatten)]
        study: StudyArgs,
    },
    /// Finds the fewest pods, or the smallest or largest value of another setting, at which everything holds that is expected
    Plan(PlanArgs),
    /// Checks scenarios without running them
    Check {
        /// The scenarios (YAML); `-` reads standard input
        #[arg(required = true)]
        scenarios: Vec<PathBuf>,
        /// Changes a value before checking, such as `pods.replicas=8`; may be given again
        #[arg(long, value_name = "PATH=VALUE")]
        set: Vec<String>,
        /// Says nothing when all is well
        #[arg(long, short)]
        quiet: bool,
    },
    /// Says where clients land, without a simulation
    Route(RouteArgs),
    /// Says what operations cost in Redis, adapter by adapter, without a simulation
    Adapter(AdapterArgs),
    /// Prints a JSON schema, for editors and for readers of summary.json
    Schema {
        /// Of what
        #[arg(value_enum, default_value = "scenario")]
        of: SchemaOf,
    },
    /// Runs what theory can compute exactly, and compares
    Selftest(SelftestArgs),
    /// Prints every default and preset with its source
    Defaults,
    /// Makes scenarios out of what you have
    Import {
        #[command(subcommand)]
        source: ImportSource,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files
    Scenario,
    /// summary.json
    Summary,
}

#[derive(Debug, Subcommand)]
pub enum ImportSource {
    /// From an access log: an audience with the clients and addresses of the log, and a replay of its requests
    AccessLog(AccessLogArgs),
    /// From manifests: a scenario in which every value says where it comes from, and what is wrong with the manifests
    Kubernetes(KubernetesArgs),
}

#[derive(Debug, Args)]
pub struct AccessLogArgs {
    /// The log in combined or common format, plain or gzip; `-` reads standard input
    pub log: PathBuf,
    /// Also writes a trace of every request and a scenario that plays it
    #[arg(long)]
    pub replay: bool,
    /// Name of the scenario; made from the file's name if not given
    #[arg(long)]
    pub name: Option<String>,
    /// Folder for the files; `output/NAME` if not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Prints nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Reads workloads, Services, Ingresses (ingress-nginx, AWS Load Balancer Controller, Traefik, HAProxy, Contour, Azure), HTTPRoutes,
/// Istio, autoscalers and disruption budgets; also nginx `upstream` blocks, CloudFormation target groups and Cloudflare load
/// balancers. Nothing is looked up in a cluster.
#[derive(Debug, Args)]
#[command(after_help = KUBERNETES_HELP)]
pub struct KubernetesArgs {
    /// Files or folders with YAML, JSON or nginx configurations; `-` reads standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The workload, Service, `upstream` or target group that the scenario is about, where there are several
    #[arg(long, value_name = "NAME")]
    pub workload: Option<String>,
    /// Name of the scenario; that of the workload if not given
    #[arg(long)]
    pub name: Option<String>,
    /// Folder for the files; `output/NAME` if not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Exits with 1 when there is a finding that is so bad or worse
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub deny: Option<Deny>,
    /// Prints nothing but errors, and the findings that `--deny` is about
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Errors
    Error,
    /// Errors and warnings
    Warning,
}

/// What stands below the options of `import kubernetes`.
const KUBERNETES_HELP: &str = "\
Files: NAME.yaml is the scenario, findings.csv what is wrong, with file, line and what to write instead.
Codes of findings: docs/IMPORT.md. Exit codes: 0 imported, 1 a finding is denied by --deny, 2 refused input.

Examples:
  stickysim import kubernetes deploy/
  stickysim import kubernetes ingress.yaml service.yaml --workload chat
  helm template chat ./chart | stickysim import kubernetes - --deny error
  kubectl get deploy,svc,ingress,hpa,pdb -n chat -o yaml | stickysim import kubernetes -";

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AdapterFormat {
    /// A table per operation, and break-even room sizes
    Table,
    /// A row per operation and adapter
    Csv,
    /// Everything
    Json,
}

/// The operation is asked for on one of so many pods that stand still. Numbers are exact, or expectations where members of the
/// room are anywhere.
#[derive(Debug, Args)]
#[command(after_help = ADAPTER_HELP)]
pub struct AdapterArgs {
    /// How many pods
    #[arg(long, short, value_name = "N", default_value_t = 5)]
    pub pods: u32,
    /// How many clients each pod has
    #[arg(long, short, value_name = "N", default_value_t = 100)]
    pub clients: u32,
    /// How many members the room has
    #[arg(long, short, value_name = "N", default_value_t = 10)]
    pub members: u32,
    /// Where they are: `random`, `even`, `here` (all on the pod that emits) or `elsewhere` (all on one other pod)
    #[arg(long, value_name = "WHERE", default_value = "random")]
    pub placement: String,
    /// Bytes of an event as a Socket.IO packet, such as `2["ev","text"]`
    #[arg(long, short, value_name = "N", default_value_t = 110)]
    pub bytes: u32,
    /// Characters of the room's name
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub room_name: u32,
    /// With connectionStateRecovery: `socket.emit` goes through the adapter
    #[arg(long)]
    pub recovery: bool,
    /// Which adapters, or `all`
    #[arg(long, short, value_name = "LIST", default_value = "classic,sharded,streams,python-socketio")]
    pub adapters: String,
    /// Which operations, or `all`
    #[arg(long, short, value_name = "LIST", default_value = crate::adapter::catalogue::USUAL)]
    pub operations: String,
    /// As what
    #[arg(long, value_enum, default_value = "table")]
    pub format: AdapterFormat,
}

/// What stands below the options of `adapter`.
const ADAPTER_HELP: &str = "\
Adapters: none, classic, classic.specific (publishOnSpecificResponseChannel), sharded (dynamic), sharded.static,
  sharded.private, streams, streams.sharded (useShardedPubSub), python-socketio, and an application of its own on plain
  WebSockets: pubsub (a channel per room and client), pubsub.all (one channel).
Operations and what each adapter does: docs/ADAPTERS.md.

Examples:
  stickysim adapter --pods 10 --members 3
  stickysim adapter --adapters classic,classic.specific,sharded --operations fetch-sockets,emit-ack
  stickysim adapter --placement here --operations to-room --adapters all --format csv";

/// Clusters that have closed forms (queues, populations, skew of hashes, deploys, probes) are run and compared with theory, each by
/// independent runs. The table says how far off each is in standard errors, and how large a bias it would have seen.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Seed; any must pass, but for two in a thousand [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads; one per core if not given. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Everything, for programs
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct StudyArgs {
    /// Folder for the results; `output/NAME` if not given. Only files that a report consists of are replaced in it
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Changes a value of the scenario, such as `pods.replicas=8` or `clients.phones.count=500`; may be given again
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed; the same as `--set seed=N`
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Runs per variant; the same as `--set replications=N`
    #[arg(long, short = 'r', value_name = "N")]
    pub replications: Option<u32>,
    /// Expects something more of each variant, such as 'p99 event.latency < 100ms'; may be given again
    #[arg(long, value_name = "EXPECTATION")]
    pub expect: Vec<String>,
    /// Also writes what was expected as JUnit XML, for pipelines
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Threads; one per core if not given. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Halves and doubles every assumption in turn and says which ones the verdict hinges on; RUNS of each variant [default: 5]
    #[arg(long, value_name = "RUNS", num_args = 0..=1, require_equals = true, default_missing_value = "",
        value_parser = sensitivity_runs)]
    pub sensitivity: Option<SensitivityRuns>,
    /// Also writes the series of the first run of each variant as OpenMetrics text: metrics for Prometheus
    #[arg(long, value_name = "FILE")]
    pub openmetrics: Option<PathBuf>,
    /// When these runs begin, in seconds since 1970; 2024-01-01 00:00 UTC if not given
    #[arg(long, value_name = "SECONDS", default_value_t = 1_704_067_200, hide_default_value = true,
        requires = "openmetrics", value_parser = clap::value_parser!(u64).range(..=LAST_EPOCH_S))]
    pub openmetrics_epoch: u64,
    /// Prints nothing but errors and expectations that do not hold
    #[arg(long, short)]
    pub quiet: bool,
}

/// At each value as many replications are run as it takes to know, with this confidence, whether what is expected holds: 5, 10, 20
/// or 40. A value at which that stays open does not do. Beyond the answer everything is taken to hold, and before it not.
#[derive(Clone, Debug, Args)]
#[command(after_help = PLAN_HELP)]
pub struct PlanArgs {
    /// The scenario (YAML) with what is expected; `-` reads standard input
    pub scenario: PathBuf,
    /// The setting
    #[arg(long, value_name = "PATH", default_value = "pods.replicas")]
    pub knob: String,
    /// Its lowest value: a number, a share such as `10%`, a duration such as `1m`
    #[arg(long, value_name = "VALUE", default_value = "1")]
    pub from: String,
    /// Its highest value
    #[arg(long, value_name = "VALUE", default_value = "200")]
    pub to: String,
    /// The smallest value at which everything holds, or the largest
    #[arg(long, value_enum, default_value = "fewest")]
    pub find: FindArg,
    /// Expects something more, such as 'p99 event.latency < 100ms'; may be given again
    #[arg(long, value_name = "EXPECTATION")]
    pub expect: Vec<String>,
    /// Through what it must hold, besides the timeline of the scenario
    #[arg(long, value_enum)]
    pub during: Option<DuringArg>,
    /// Only this variant
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// How sure each answer about one value must be, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 95, value_parser = clap::value_parser!(u8).range(60..=99))]
    pub confidence: u8,
    /// Replications per value, at most [default: 40]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=40))]
    pub runs: Option<u32>,
    /// Changes a value of the scenario, such as `clients.count=5000`; may be given again
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// First seed; the same as `--set seed=N`
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads; one per core if not given. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Folder for plan.csv; `output/NAME/plan` if not given
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Prints the answers alone
    #[arg(long, short)]
    pub quiet: bool,
}

/// What stands below the options of `plan`.
const PLAN_HELP: &str = "\
Exit codes: 0 there is an answer for each variant, 1 there is none in the range, 2 bad input.

Examples:
  stickysim plan scenarios/auction.yaml --expect 'p99 event.latency < 100ms'
  stickysim plan scenarios/chat.yaml --expect 'limits.pod_cpu < 80%' --during pod-lost
  stickysim plan scenarios/auction.yaml --knob clients.homes.count --from 100 --to 100000 --find most --expect 'limits.pod_cpu < 80%'";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FindArg {
    /// The smallest value
    Fewest,
    /// The largest value
    Most,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DuringArg {
    /// Every pod is replaced, from when figures begin to be taken
    RollingRestart,
    /// There is one pod less, from when figures begin to be taken
    PodLost,
}

impl PlanArgs {
    /// All changes of the scenario but that of the setting.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = self.set.clone();
        changes.extend(self.seed.map(|seed| format!("seed={seed}")));
        changes
    }
}

/// The end of the year 9999: later times are somebody's milliseconds.
const LAST_EPOCH_S: u64 = 253_402_300_799;

/// How many runs of each variant `--sensitivity` makes; `None`: as many as usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SensitivityRuns(pub Option<u32>);

fn sensitivity_runs(text: &str) -> Result<SensitivityRuns, String> {
    if text.is_empty() {
        return Ok(SensitivityRuns(None));
    }
    let runs =
        text.parse().map_err(|_| "it is not a number of runs; write for example `--sensitivity=10`".to_owned())?;
    Ok(SensitivityRuns(Some(runs)))
}

impl StudyArgs {
    /// All changes of the scenario, in the order in which they apply.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = self.set.clone();
        changes.extend(self.seed.map(|seed| format!("seed={seed}")));
        changes.extend(self.replications.map(|replications| format!("replications={replications}")));
        changes
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
