//! What can be typed after `import`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
