//! Manifests of Kubernetes, CloudFormation, Cloudflare and nginx → a scenario and findings.
//!
//! [`read`] takes the files as they are, joins what belongs together (routes, Services, pods, autoscalers) and gives a
//! commented scenario in which every value says where it comes from, with a list of [`Finding`]s: what has no effect, does
//! not exist, contradicts, or will hurt. Nothing is looked up in a cluster.
//!
//! ```
//! use stickysim::import::kubernetes::{File, Options, read};
//! let text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 3}}";
//! let file = File { name: "web.yaml".to_owned(), bytes: text.into(), named: true };
//! let imported = read(&[file], &Options::default()).unwrap();
//! assert!(imported.scenario.contains("  replicas: 3                               # web.yaml:1 spec.replicas"));
//! assert!(imported.findings.iter().any(|finding| finding.code.name() == "no-way-in"));
//! ```

mod annotations;
mod autoscaling;
mod aws;
mod azure;
mod cloudflare;
mod contour;
mod controller;
mod documents;
mod fields;
mod finding;
mod gateway;
mod haproxy;
mod ingress;
mod ingress_nginx;
mod istio;
mod join;
mod nginx_conf;
mod object;
mod path;
mod pod_spec;
mod rollout;
mod scaling_rules;
mod scenario;
mod selector;
mod service;
mod stores;
mod text;
mod tier;
mod traefik;
mod tree;
mod units;
mod workload;

pub use documents::{File, MAX_FILE_BYTES, Refusal};
pub use finding::{Code, Finding, Severity};

use autoscaling::{Autoscaler, Budget};
use documents::Inputs;
use finding::Findings;
use join::Resolved;
use object::Known;
use service::Service;
use stores::{Database, Redis, Store};
use tier::Tier;
use units::MOST_PODS;
use workload::Workload;

/// What shall be made of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which of several workloads, upstreams or target groups the scenario is about.
    pub workload: Option<String>,
    /// Name of the scenario; made from what was found if not given.
    pub name: Option<String>,
}

/// What the files gave.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Name of the scenario.
    pub name: String,
    /// Its text.
    pub scenario: String,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// What was read, in a few words each.
    pub found: Vec<String>,
    /// What was not read, with the reason.
    pub skipped: Vec<String>,
}

/// What the scenario is made of.
#[derive(Debug)]
struct Picture {
    name: String,
    title: String,
    sources: Vec<String>,
    tiers: Vec<Tier>,
    pods: Option<Workload>,
    replicas: Known<u64>,
    redis: Option<Redis>,
    database: Option<Database>,
    autoscaler: Option<Autoscaler>,
    budget: Option<Budget>,
}

/// Reads manifests.
///
/// # Errors
/// When a file cannot be read as what it is, when there is nothing to import, or when it is not clear which of several
/// workloads is meant.
pub fn read(files: &[File], options: &Options) -> Result<Imported, Refusal> {
    let mut findings = Findings::default();
    let mut inputs = documents::read(files, &mut findings)?;
    let asked = options.workload.as_deref();
    for object in &inputs.objects {
        fields::check(object, &mut findings);
        annotations::check(object, &mut findings);
    }
    let Workloads { pods, stores, controllers } = workloads(&inputs, &mut findings);
    controller::check(&inputs.objects, &mut findings);
    let services = inputs.objects.iter().filter(|object| object.kind == "Service" && object.group().is_empty());
    let services: Vec<Service> = services.map(|object| Service::read(object, &mut findings)).collect();
    let stored = stores.iter().map(|(_, workload)| workload);
    let everything: Vec<&Workload> = pods.iter().chain(stored).chain(&controllers).collect();
    for service in &services {
        service.check_selector(&everything, &mut findings);
    }
    let mut ways = path::ways(&inputs.objects, &services, &mut findings);
    for tier in ways.iter_mut().filter_map(|way| way.tier.as_mut()) {
        controller::complete(tier, &controllers, &inputs.objects);
    }
    let ways: Vec<Resolved> = ways.into_iter().map(|way| join::resolve(way, &services, &pods, &mut findings)).collect();
    path::check(&ways, &services, &mut findings);
    let front = path::front(&inputs, asked, &mut findings)?;
    let named_front = asked.is_some() && asked == front.name.as_deref();
    let choice = join::choose(&ways, &pods, asked.filter(|_| !named_front))?;
    if pods.is_empty() && ways.is_empty() && front.tiers.is_empty() && services.is_empty() {
        return Err(nothing_to_do(&inputs));
    }
    let chosen = choice.workload.map(|at| &pods[at]);
    let autoscaler = autoscaling::autoscaler(&inputs.objects, &everything, chosen, &mut findings);
    let replicas = match (chosen, &front.servers) {
        (Some(pods), _) => scaled(&pods.replicas, autoscaler.as_ref()),
        (None, Some(servers)) => servers.clone(),
        (None, None) => Known::assumed(3, "the pods are not in these files; write how many there are"),
    };
    let most_pods = replicas.value.max(autoscaler.as_ref().map_or(0, |scaler| scaler.max.value));
    let counted = chosen.map(|pods| (pods, replicas.value));
    let budget = autoscaling::budget(&inputs.objects, &everything, counted, &mut findings);
    if let Some(pods) = chosen {
        pods.check_as_pods(most_pods, &mut findings);
    }
    let way = choice.way.map(|at| &ways[at]);
    let tiers = path::tiers(front.tiers, way, &services, counted, &mut findings);
    path::check_chosen(&tiers, &ways, &choice, &pods, most_pods, &mut findings);
    let redis = stores::redis(&stores, chosen, &mut findings);
    let database = stores::database(&stores, chosen, most_pods, &mut findings);
    let title = title(chosen, way, front.name.as_deref().or(tiers.first().map(|tier| tier.product)));
    let name = scenario_name(options.name.as_deref().unwrap_or(&title));
    let found = text::found(&inputs);
    let picture = Picture {
        name,
        title,
        sources: sources(files),
        tiers,
        pods: chosen.cloned(),
        replicas: bounded(replicas),
        redis,
        database,
        autoscaler,
        budget,
    };
    Ok(Imported {
        scenario: scenario::write(&picture),
        name: picture.name,
        findings: findings.finish(),
        found,
        skipped: std::mem::take(&mut inputs.skipped),
    })
}

/// Workloads by what they are for.
#[derive(Default)]
struct Workloads {
    /// Those that clients may connect to.
    pods: Vec<Workload>,
    stores: Vec<(Store, Workload)>,
    controllers: Vec<Workload>,
}

fn workloads(inputs: &Inputs, findings: &mut Findings) -> Workloads {
    let mut all = Workloads::default();
    for object in &inputs.objects {
        if !is_workload(object) {
            continue;
        }
        let workload = Workload::read(object, findings);
        match stores::store(&workload) {
            Some(store) => all.stores.push((store, workload)),
            None if controller::product(&workload).is_some() => all.controllers.push(workload),
            None => all.pods.push(workload),
        }
    }
    all
}

/// Kinds of Kubernetes with pods, and kinds of others with a template of pods, such as Rollouts of Argo.
fn is_workload(object: &object::Object) -> bool {
    const NOT: [&str; 4] = ["Job", "CronJob", "Service", "PodTemplate"];
    let known = fields::WORKLOADS.contains(&object.kind.as_str()) && ["apps", "extensions"].contains(&object.group());
    let pod = object.kind == "Pod" && object.group().is_empty();
    let containers = object.field("spec.template.spec.containers");
    known
        || pod
        || (containers.is_some_and(|list| !list.node.items().is_empty()) && !NOT.contains(&object.kind.as_str()))
}

/// The number of pods, which an autoscaler keeps above its lower bound.
fn scaled(replicas: &Known<u64>, autoscaler: Option<&Autoscaler>) -> Known<u64> {
    match autoscaler.map(|scaler| &scaler.min) {
        Some(min) if min.value > replicas.value => min.clone(),
        _ => replicas.clone(),
    }
}

/// The scenario has at least one pod, and not more than scenarios take.
fn bounded(replicas: Known<u64>) -> Known<u64> {
    match replicas.value {
        0 => Known::assumed(1, format!("the file says 0 ({}), and a scenario needs a pod", replicas.from)),
        n if n > MOST_PODS => {
            Known::assumed(MOST_PODS, format!("the file says {n} ({}), and no scenario takes more", replicas.from))
        }
        _ => replicas,
    }
}

fn title(pods: Option<&Workload>, way: Option<&Resolved>, front: Option<&str>) -> String {
    let title = match (pods, way) {
        (Some(pods), _) => pods.name(),
        (None, Some(way)) => way.way.backend.service.as_str(),
        (None, None) => front.unwrap_or("imported"),
    };
    title.to_owned()
}

/// A name that scenarios take: at most 64 characters.
fn scenario_name(text: &str) -> String {
    let name: String = super::scenario_name(text).chars().take(64).collect();
    name.trim_end_matches('-').to_owned()
}

/// The files in the head of the scenario: not more than people read.
fn sources(files: &[File]) -> Vec<String> {
    const SHOWN: usize = 6;
    let mut names: Vec<String> =
        files.iter().take(SHOWN).map(|file| file.name.replace(|c: char| c.is_control(), "\u{fffd}")).collect();
    if files.len() > SHOWN {
        names.push(format!("{} more", files.len() - SHOWN));
    }
    names
}

fn nothing_to_do(inputs: &Inputs) -> Refusal {
    Refusal(format!(
        "there are no pods and no way to any: of workloads, Services, Ingresses, routes and balancers these files have none \
         (found: {})",
        text::found(inputs).join(", ")
    ))
}
