//! `stickysim route`.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::args::{RouteArgs, RouteFormat};
use super::{Failure, Success, print, study};
use crate::cluster::balancer::BalancerSpec;
use crate::engine::Seed;
use crate::route::{
    Change, Clients, Fault, Landing, MAX_CLIENTS, Needs, Router, Servers, balancer_text, count, positions, product_of,
    remap, text, weights,
};
use crate::scenario::{self, NoFiles, Source};

/// Random clients, unless somebody says how many or which.
const CLIENTS: u64 = 10_000;
/// Servers, unless somebody says how many or which.
const SERVERS: usize = 3;
/// Rows are written in pieces of this size.
const PIECE: usize = 1 << 16;

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Input(fault.0)
    }
}

/// `stickysim route`.
pub fn route(args: &RouteArgs) -> Result<Success, Failure> {
    if args.table {
        return table();
    }
    let changes: Vec<(&str, Change)> = args
        .then
        .iter()
        .map(|text| Ok((text.as_str(), text.parse::<Change>().map_err(|fault| named("--then", fault))?)))
        .collect::<Result<_, Failure>>()?;
    let asked = ask(args)?;
    let seed = Seed(args.seed.unwrap_or(asked.seed));
    let mut router = Router::new(&asked.specs, servers(args, &asked)?, seed)?;
    router.check(changes.iter().map(|(_, change)| change)).map_err(|fault| named("--then", fault))?;
    let needs = router.needs();
    let (clients, whence) = clients(args, &needs, seed)?;
    let as_table = match args.format {
        Some(format) => format == RouteFormat::Table,
        None => io::stdout().is_terminal(),
    };
    if !as_table {
        let by_key = needs.key.is_some() && needs.address.is_none();
        return rows(&mut router, &clients, &changes, by_key);
    }
    print::out(&text::heading(&router, &clients, &whence))?;
    let mut landing = silent(&mut router, &clients);
    print::out(&format!("\n{}", text::first(&landing, &router, &clients)))?;
    if changes.is_empty() {
        let again = silent(&mut router, &clients);
        return print::out(&text::again(&again)).map(|()| Success::Fine);
    }
    for (what, change) in &changes {
        let before = router.servers().clone();
        router.change(change).map_err(|fault| named("--then", fault))?;
        let now = silent(&mut router, &clients);
        print::out(&format!("\n{}", text::after(what, &now, &landing, &before, &router)))?;
        landing = now;
    }
    Ok(Success::Fine)
}

fn named(option: &str, fault: Fault) -> Failure {
    Failure::Input(format!("{option}: {}", fault.0))
}

/// A pass that nobody listens to.
fn silent(router: &mut Router, clients: &Clients) -> Landing {
    router.pass(clients, &mut |_| ControlFlow::Continue(()))
}

/// What is asked about.
struct Asked {
    /// At least one balancer.
    specs: Vec<BalancerSpec>,
    servers: usize,
    seed: u64,
}

fn ask(args: &RouteArgs) -> Result<Asked, Failure> {
    if let (None, Some(name)) = (&args.scenario, &args.variant) {
        return Err(Failure::Input(format!(
            "--variant {name}: nothing says of which scenario; write `stickysim route SCENARIO --variant {name}`"
        )));
    }
    match (&args.scenario, &args.balancer) {
        (Some(path), _) => of_scenario(path, args),
        (None, Some(balancer)) => {
            let specs = vec![balancer_of(balancer, &args.set)?];
            Ok(Asked { specs, servers: SERVERS, seed: 1 })
        }
        (None, None) => Err(Failure::Input(
            "nothing says which balancer; write for example `stickysim route --balancer nginx.ip_hash`, or name a scenario"
                .to_owned(),
        )),
    }
}

/// The balancers of a scenario, or of one of its variants.
fn of_scenario(path: &Path, args: &RouteArgs) -> Result<Asked, Failure> {
    let scenario = study::load(path, &args.set)?;
    let cluster = match &args.variant {
        None => &scenario.base,
        Some(name) => match scenario.variants.iter().find(|variant| variant.name == *name) {
            Some(variant) => &variant.spec,
            None => {
                let names: Vec<String> = scenario.variants.iter().map(|v| format!("`{}`", v.name)).collect();
                let there =
                    if names.is_empty() { "it has none".to_owned() } else { format!("write {}", names.join(" or ")) };
                return Err(Failure::Input(format!("`{}` has no variant `{name}`; {there}", path.display())));
            }
        },
    };
    Ok(Asked { specs: cluster.balancers.clone(), servers: cluster.pods.replicas as usize, seed: scenario.seed })
}

/// What `--balancer` and `--set` say, checked as in a scenario.
fn balancer_of(text: &str, set: &[String]) -> Result<BalancerSpec, Failure> {
    let mapping = balancer_text(text)?;
    let product = product_of(text);
    let mapping = if mapping.starts_with('{') { mapping } else { format!("{{{mapping}}}") };
    let sets: Vec<String> = set.iter().map(|set| format!("balancers.{product}.{set}")).collect();
    let text = format!("balancers: {mapping}\nname: route\nclients: {{count: 1}}\n");
    let source = Source { name: "--balancer", text: &text, folder: &NoFiles };
    let scenario = scenario::parse(source, &sets)
        .map_err(|problems| Failure::Problems(problems.render(print::colors_on_stderr())))?;
    let last = scenario.base.balancers.last();
    last.cloned().ok_or_else(|| Failure::Internal("a cluster without balancer".to_owned()))
}

fn servers(args: &RouteArgs, asked: &Asked) -> Result<Servers, Failure> {
    let last = asked.specs.last().ok_or_else(|| Failure::Internal("a cluster without balancer".to_owned()))?;
    let settings = last.settings();
    let mut servers = match &args.servers {
        Some(text) => Servers::parse(text)?,
        None => Servers::pods(asked.servers)?,
    };
    servers.follow(settings);
    if let Some(text) = &args.weights {
        servers.apply(&Change::Weights(weights(text)?), settings)?;
    }
    let mut state = |option: &'static str, text: &Option<String>, change: fn(Vec<usize>) -> Change| {
        let Some(text) = text else { return Ok(()) };
        servers.apply(&change(positions(option, text)?), settings).map(|_| ())
    };
    state("down", &args.down, Change::Down)?;
    state("drain", &args.drain, Change::Drain)?;
    state("refuse", &args.refuse, Change::Refuse)?;
    Ok(servers)
}

/// The clients, and a few words on them.
fn clients(args: &RouteArgs, needs: &Needs, seed: Seed) -> Result<(Clients, String), Failure> {
    let random = |count| Ok((Clients::random(count, seed)?, format!("of seed {}", seed.0)));
    let Some(text) = &args.clients else { return random(CLIENTS) };
    if let Some(count) = count(text, "clients", MAX_CLIENTS) {
        return random(count?);
    }
    if text == "-" {
        return Ok((Clients::read(io::stdin().lock(), needs)?, "of standard input".to_owned()));
    }
    let path = PathBuf::from(text);
    let fail = |error: io::Error| {
        Failure::Input(format!(
            "cannot read the clients `{text}`: {error}; name a file, write `-` for standard input, or a number of random ones"
        ))
    };
    if std::fs::metadata(&path).map_err(fail)?.is_dir() {
        return Err(Failure::Input(format!("`{text}` is a folder; name the file of clients in it")));
    }
    let file: Box<dyn BufRead> = Box::new(BufReader::with_capacity(PIECE, std::fs::File::open(&path).map_err(fail)?));
    let clients = Clients::read(file, needs).map_err(|fault| Failure::Input(format!("`{text}`: {}", fault.0)))?;
    Ok((clients, format!("of `{text}`")))
}

/// Every client of every pass as a row.
fn rows(router: &mut Router, clients: &Clients, changes: &[(&str, Change)], by_key: bool) -> Result<Success, Failure> {
    let mut stdout = io::stdout().lock();
    let mut written = stdout.write_all(text::HEADER.as_bytes());
    for step in 0..=changes.len() {
        if let Some((_, change)) = step.checked_sub(1).and_then(|at| changes.get(at)) {
            router.change(change).map_err(|fault| named("--then", fault))?;
        }
        let servers = router.servers().clone();
        let (mut piece, mut room) = (String::with_capacity(2 * PIECE), String::new());
        router.pass(clients, &mut |landed| {
            let name = clients.name(landed.number, by_key, &mut room);
            text::row(&mut piece, step, landed, &name, &servers);
            if piece.len() >= PIECE && written.is_ok() {
                written = stdout.write_all(piece.as_bytes());
                piece.clear();
            }
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        written = written.and_then(|()| stdout.write_all(piece.as_bytes()));
    }
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Input(format!("cannot write to standard output: {error}; send it elsewhere")))
        }
        _ => Ok(Success::Fine),
    }
}

/// `stickysim route --table`.
fn table() -> Result<Success, Failure> {
    let read = |strategy: &'static remap::Strategy| Ok((strategy, balancer_of(strategy.balancer, &[])?));
    let strategies: Vec<_> = remap::STRATEGIES.iter().map(read).collect::<Result<_, Failure>>()?;
    print::out(&remap::table(&strategies)?)?;
    Ok(Success::Fine)
}
