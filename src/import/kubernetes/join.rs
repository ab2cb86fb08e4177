//! What belongs together: ways lead to Services, Services select pods, and one kind of pods is the scenario's.

use super::documents::Refusal;
use super::finding::{Code, Findings};
use super::ingress::Way;
use super::object::{Object, Reach};
use super::service::Service;
use super::workload::Workload;

/// A way with what it leads to.
#[derive(Debug)]
pub(super) struct Resolved {
    pub way: Way,
    /// Position among the Services.
    pub service: Option<usize>,
    /// Position among the workloads.
    pub workload: Option<usize>,
}

/// Follows a way to its Service and its pods.
pub(super) fn resolve(way: Way, services: &[Service], pods: &[Workload], findings: &mut Findings) -> Resolved {
    let own = way.object.kind == "Service";
    let service = find_service(&way, services, findings);
    if let Some(found) = service.map(|at| &services[at])
        && let Some(port) = way.backend.port.as_deref().filter(|port| !own && *port != "use-annotation")
        && !found.ports.is_empty()
        && !found.has_port(port, way.tier.as_ref().map(|tier| tier.product))
    {
        let named = port.parse::<u64>().is_err();
        let ports: Vec<String> = found
            .ports
            .iter()
            .filter_map(|p| {
                let number = p.number.map(|number| format!("{}`{number}`", if named { "the number " } else { "" }));
                let name = p.name.as_ref().map(|name| format!("`{name}`"));
                if named { name.or(number) } else { number.or(name) }
            })
            .collect();
        let what = format!("{} has no port `{port}`", found.object.label());
        findings.add(Code::PortMissing, &way.backend.place, what, format!("write {}", ports.join(" or ")));
    }
    let workload = match service {
        Some(at) => pods.iter().position(|w| {
            w.is_selected(&services[at].selector) && w.object.reaches(&services[at].object) != Reach::Never
        }),
        // no Service to follow: the workload of the same name is meant
        None => pods.iter().position(|w| w.name() == way.backend.service),
    };
    Resolved { way, service, workload }
}

fn find_service(way: &Way, services: &[Service], findings: &mut Findings) -> Option<usize> {
    let backend = &way.backend;
    let mut from = way.object.clone();
    if let Some(namespace) = &backend.namespace {
        from.namespace = Some(namespace.clone());
    }
    let named = services.iter().enumerate().filter(|(_, service)| service.name() == backend.service);
    let best = named.map(|(at, service)| (from.reaches(&service.object), at)).min();
    let label = format!("Service `{}`", backend.service);
    match best {
        Some((Reach::Same, at)) => Some(at),
        Some((Reach::IfApplied, at)) => {
            let there = services[at].object.namespace();
            let (without, with) = match &from.namespace {
                None => (way.object.label(), there),
                Some(namespace) => (services[at].object.label(), namespace.as_str()),
            };
            let what = format!(
                "{} leads to {label}: one of them is in `{with}`, and {without} names no namespace",
                way.object.label()
            );
            findings.add(
                Code::NamespaceNotWritten,
                &backend.place,
                what,
                format!("write `namespace: {with}` in {without}"),
            );
            Some(at)
        }
        Some((Reach::Never, at)) => {
            let what = format!(
                "{label} is in `{}`, {} in `{}`",
                services[at].object.namespace(),
                way.object.label(),
                from.namespace()
            );
            let fix = format!("write `namespace: {}` in {}", services[at].object.namespace(), way.object.label());
            findings.add(Code::BackendNamespace, &backend.place, what, fix);
            Some(at)
        }
        None if services.is_empty() || backend.port.as_deref() == Some("use-annotation") => None,
        None => {
            let mut names = services.iter().map(Service::name);
            let near = names.find(|name| strsim::damerau_levenshtein(name, &backend.service) <= 2);
            let fix = match near {
                Some(near) => {
                    format!("write `{near}`, if that is what it means, or name the file with the Service as well")
                }
                None => "name the file with the Service as well".to_owned(),
            };
            let what = format!("{} leads to {label}, which is not in these files", way.object.label());
            findings.add(Code::BackendMissing, &backend.place, what, fix);
            None
        }
    }
}

/// Which way and which pods the scenario is about.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub way: Option<usize>,
    pub workload: Option<usize>,
}

/// Chooses the pods: those that were asked for, else those that a proxy leads to, else those behind an external
/// Service, else the only ones.
pub(super) fn choose(ways: &[Resolved], pods: &[Workload], asked: Option<&str>) -> Result<Choice, Refusal> {
    let by_proxy = |way: &&Resolved| way.way.object.kind != "Service";
    let reached = |proxied: bool| {
        let mut found: Vec<usize> =
            ways.iter().filter(|way| by_proxy(way) == proxied).filter_map(|way| way.workload).collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let workload = match asked {
        Some(name) => {
            let found = pods.iter().position(|workload| workload.name() == name);
            let leads = ways.iter().any(|way| way.way.backend.service == name);
            if found.is_none() && !leads {
                return Err(Refusal(format!(
                    "there are no pods `{name}` for `--workload`; {}",
                    candidates(pods, ways)
                )));
            }
            found
        }
        None => {
            let everything: Vec<usize> = (0..pods.len()).collect();
            match [reached(true), reached(false), everything].into_iter().find(|found| !found.is_empty()) {
                None => None,
                Some(found) if found.len() == 1 => Some(found[0]),
                Some(found) => {
                    let several: Vec<&Workload> = found.iter().map(|at| &pods[*at]).collect();
                    return Err(Refusal(ask(&several)));
                }
            }
        }
    };
    let leads_there = |way: &&Resolved| match (workload, asked) {
        (Some(at), _) => way.workload == Some(at),
        (None, Some(name)) => way.way.backend.service == name,
        (None, None) => true,
    };
    let position = |proxied: bool| ways.iter().position(|way| by_proxy(&way) == proxied && leads_there(&way));
    // of several Ingresses to one Service the first that keeps clients sets what holds for it
    let keeps = |way: &&Resolved| way.way.tier.as_ref().is_some_and(super::tier::Tier::keeps_clients);
    let sticky = ways.iter().position(|way| by_proxy(&way) && leads_there(&way) && keeps(&way));
    let way = match (sticky, position(true)) {
        (Some(sticky), Some(first)) if ways[sticky].way.backend.service == ways[first].way.backend.service => {
            Some(sticky)
        }
        (_, first) => first,
    };
    Ok(Choice { way: way.or_else(|| position(false)), workload })
}

fn shown(object: &Object) -> String {
    format!("`{}` ({} in {}:{})", object.name, object.kind, object.file, object.named().line)
}

fn ask(several: &[&Workload]) -> String {
    let list: Vec<String> = several.iter().map(|workload| shown(&workload.object)).collect();
    format!(
        "a scenario has one kind of pods, and several could be meant: {}; choose with `--workload {}`",
        list.join(", "),
        several.first().map_or("NAME", |workload| workload.name())
    )
}

fn candidates(pods: &[Workload], ways: &[Resolved]) -> String {
    let mut names: Vec<String> = pods.iter().map(|workload| shown(&workload.object)).collect();
    if names.is_empty() {
        names = ways.iter().map(|way| format!("`{}`", way.way.backend.service)).collect();
        names.dedup();
    }
    if names.is_empty() { "these files have none".to_owned() } else { format!("there are {}", names.join(", ")) }
}
