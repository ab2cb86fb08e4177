//! Bounds of audiences, of what their clients do, and of rooms.

use super::super::build::takes_part;
use super::super::diagnostic::nearest;
use super::super::file::{Arrivals, Audience, EmitTo, EmitTraffic, ScenarioFile, Traffic, ViaText};
use super::super::law::LawText;
use super::super::words::{LawOrNever, Recipients, RefreshText, TransportsText};
use super::network::check_network;
use super::{Checks, MAX_CLIENTS};
use crate::engine::{Law, Span};

/// Most places in rooms: clients times rooms of each.
const MAX_PLACES: f64 = 2e8;

/// A number in few digits, however large or small it is.
pub(super) fn short(x: f64) -> String {
    if x == 0.0 || (1e-4..1e10).contains(&x) { format!("{}", libm::round(x * 1e4) / 1e4) } else { format!("{x:.1e}") }
}

/// How many clients of this audience are there at a time: the number, or rate times session at the peak of a profile.
pub(super) fn clients_at_a_time(audience: &Audience) -> f64 {
    if let Some(count) = audience.count {
        return f64::from(count);
    }
    let Some(arrivals) = &audience.arrivals else { return 0.0 };
    let session_s = audience.session.as_ref().map_or(0.0, |law| law.law().mean()) / 1e9;
    let peak =
        arrivals.profile.iter().flat_map(|profile| &profile.at).map(|(_, factor)| factor.value()).fold(0.0, f64::max);
    arrivals.rate.per_second() * session_s * if arrivals.profile.is_some() { peak } else { 1.0 }
}

pub(super) fn check(checks: &mut Checks, file: &ScenarioFile) {
    if file.clients.is_empty() {
        checks.fail("no-clients", "clients", "there are no clients", "write for example `clients: {count: 1000}`");
    }
    for (at, audience) in file.clients.iter().enumerate() {
        let path = format!("clients.{at}");
        check_name(checks, &path, audience, &file.clients[..at]);
        check_population(checks, &path, audience);
        if let Some(network) = &audience.network {
            check_network(checks, &path, audience, network);
        }
        check_habits(checks, &path, audience);
    }
    // some audiences may be empty, as at the first point of a sweep
    if !file.clients.is_empty() && file.clients.iter().all(|audience| audience.count == Some(0)) {
        let message = if file.clients.len() == 1 { "an audience of nobody" } else { "every audience is one of nobody" };
        checks.fail("zero", "clients.0.count", message, "write at least 1");
    }
    let total: f64 = file.clients.iter().map(clients_at_a_time).sum();
    if total > MAX_CLIENTS && total.is_finite() {
        let largest = (0..file.clients.len())
            .max_by(|&a, &b| clients_at_a_time(&file.clients[a]).total_cmp(&clients_at_a_time(&file.clients[b])));
        let largest = largest.unwrap_or(0);
        let key = if file.clients[largest].count.is_some() { "count" } else { "arrivals.rate" };
        let path = format!("clients.{largest}.{key}");
        let message = format!("about {} clients at a time are more than the {MAX_CLIENTS:.0} that fit", short(total));
        checks.fail("too-many-clients", &path, message, "lower `count`, `rate` or `session`");
    }
}

fn check_name(checks: &mut Checks, path: &str, audience: &Audience, before: &[Audience]) {
    let path = format!("{path}.name");
    let Some(name) = &audience.name else {
        checks.fail("missing-key", &path, "an audience among several needs a name", "write for example `name: phones`");
        return;
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ');
    if !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || !name.chars().all(good)
        || name.len() > 64
        || name == "all"
    {
        let message = format!("`{name}` cannot be the name of an audience");
        checks.fail("bad-name", &path, message, "use letters, digits, `-` and `_`, a letter first; not `all`");
    }
    if before.iter().any(|other| other.name.as_ref() == Some(name)) {
        checks.fail(
            "duplicate-name",
            &path,
            format!("another audience is called `{name}` already"),
            "give each its own name",
        );
    }
}

fn check_population(checks: &mut Checks, path: &str, audience: &Audience) {
    let kinds: Vec<&str> = [
        ("count", audience.count.is_some()),
        ("arrivals", audience.arrivals.is_some()),
        ("trace", audience.trace.is_some()),
    ]
    .iter()
    .filter_map(|(kind, there)| there.then_some(*kind))
    .collect();
    match kinds[..] {
        [] => checks.fail(
            "missing-key",
            path,
            "nobody says how many clients there are",
            "write one of `count`, `arrivals` and `trace`",
        ),
        [_] => {}
        [_, second, ..] => {
            let message = format!("`{}` exclude each other", kinds.join("` and `"));
            checks.fail("conflict", &format!("{path}.{second}"), message, "keep one of them");
        }
    }
    if audience.session.is_some() && audience.arrivals.is_none() {
        let help = "write `arrivals` for clients that come and go, or remove `session`";
        checks.fail(
            "conflict",
            &format!("{path}.session"),
            "`session` belongs to `arrivals`; clients of a `count` stay for the whole run",
            help,
        );
    }
    if let Some(arrivals) = &audience.arrivals {
        check_arrivals(checks, path, audience, arrivals);
    }
    if audience.trace.is_some() && audience.transports.is_some_and(|transports| transports != TransportsText::None) {
        checks.fail(
            "conflict",
            &format!("{path}.transports"),
            "a trace holds requests, no connections",
            "remove `transports`",
        );
    }
}

fn check_arrivals(checks: &mut Checks, path: &str, audience: &Audience, arrivals: &Arrivals) {
    if arrivals.rate.per_second() <= 0.0 {
        checks.fail(
            "zero",
            &format!("{path}.arrivals.rate"),
            "nobody ever arrives",
            "write a rate above zero, such as `4/s`",
        );
    }
    if arrivals.rate.per_second() > 1e7 {
        checks.fail(
            "too-often",
            &format!("{path}.arrivals.rate"),
            "more than ten million arrivals per second",
            "write a lower rate",
        );
    }
    if let Some(profile) = &arrivals.profile {
        let place = format!("{path}.arrivals.profile.at");
        if profile.at.is_empty() {
            checks.fail(
                "empty-list",
                &place,
                "the profile has no corners",
                "write for example `[[0m, 1.0], [10m, 3.0]]`",
            );
        }
        if let Some(at) = profile.at.windows(2).position(|pair| pair[0].0 >= pair[1].0) {
            checks.fail(
                "not-sorted",
                &format!("{place}.{}", at + 1),
                "the times of a profile must rise",
                "sort the corners by time",
            );
        }
        if let Some(at) = profile.at.iter().position(|(_, factor)| factor.value() > 1e6) {
            let message = format!("a factor of {} is more than a million", short(profile.at[at].1.value()));
            checks.fail(
                "out-of-range",
                &format!("{place}.{at}"),
                message,
                "write a higher `rate`, and smaller factors",
            );
        }
        if !profile.at.is_empty() && profile.at.iter().all(|(_, factor)| factor.value() == 0.0) {
            checks.fail("zero", &place, "the profile is zero throughout: nobody arrives", "write a factor above zero");
        }
    }
    if let Some(session) = &audience.session {
        let mean = session.law().mean();
        if mean <= 0.0 {
            checks.fail(
                "zero",
                &format!("{path}.session"),
                "sessions have no length",
                "write for example `{exp: 10m}`",
            );
        } else if !mean.is_finite() {
            checks.fail(
                "no-mean",
                &format!("{path}.session"),
                "sessions have no finite mean",
                "for `pareto`, `alpha` must be above 1",
            );
        }
    }
}

fn check_habits(checks: &mut Checks, path: &str, audience: &Audience) {
    if let Some(RefreshText::Refresh(refresh)) = &audience.refresh {
        checks.every(&format!("{path}.refresh.every"), &refresh.every.law());
        if audience.transports == Some(TransportsText::None) {
            checks.fail(
                "no-effect",
                &format!("{path}.refresh"),
                "a page that is loaded anew opens its connection anew, and these clients have none",
                "remove `refresh`, or write `transports: [websocket]`",
            );
        }
    }
    if let Some(LawOrNever::Every(law)) = audience.cookies.as_ref().and_then(|cookies| cookies.cleared_every.as_ref())
        && law.law().mean() < 1e6
    {
        checks.fail(
            "too-often",
            &format!("{path}.cookies.cleared_every"),
            "jars are cleared more than once per millisecond",
            "write for example `{exp: 24h}`",
        );
    }
    super::reconnect::check(checks, &format!("{path}.reconnect"), audience.reconnect.as_ref());
}

pub(super) fn check_traffic(checks: &mut Checks, file: &ScenarioFile) {
    for (at, traffic) in file.traffic.iter().flatten().enumerate() {
        let (kind, every, clients, bytes) = match traffic {
            Traffic::Api(api) => ("api", &api.every, &api.clients, None),
            Traffic::Emit(emit) => ("emit", &emit.every, &emit.clients, emit.bytes),
            Traffic::Notify(notify) => ("notify", &notify.every, &notify.clients, notify.bytes),
        };
        let path = format!("traffic.{at}.{kind}");
        checks.every(&format!("{path}.every"), &every.law());
        check_bytes(checks, &path, bytes.map(|bytes| bytes.bytes()));
        if let Traffic::Emit(emit) = traffic {
            check_ack(checks, &path, emit);
        }
        let over_socket = matches!(traffic, Traffic::Emit(emit) if emit.via != Some(ViaText::Api));
        if let Some(clients) = clients {
            check_participants(checks, &path, clients, file, over_socket);
        }
        if let Traffic::Emit(emit) = traffic {
            check_room(checks, &format!("{path}.to"), matches!(emit.to, EmitTo::Room | EmitTo::RoomButSender), file);
        }
    }
    for (at, traffic) in file.server_traffic.iter().flatten().enumerate() {
        let path = format!("server_traffic.{at}.{}", traffic.kind());
        checks.every(&format!("{path}.every"), &Law::Fixed(traffic.every().as_nanos() as f64));
        check_bytes(checks, &path, traffic.bytes().map(|bytes| bytes.bytes()));
        if let Some(key) = traffic.for_rooms() {
            check_room(checks, &format!("{path}.{key}"), true, file);
        }
    }
    let Some(rooms) = &file.rooms else { return };
    let people: f64 =
        file.clients.iter().filter(|a| a.transports != Some(TransportsText::None)).map(clients_at_a_time).sum();
    let per_client = rooms.per_client.unwrap_or(1);
    if let LawText::Zipf(zipf) = &rooms.sizes
        && zipf.n.is_none()
    {
        checks.fail(
            "missing-key",
            "rooms.sizes.zipf",
            "`zipf` needs the number of ranks",
            "write for example `{zipf: {s: 1.0, n: 500}}`",
        );
        return;
    }
    let law = rooms.sizes.law();
    checks.sizes("rooms.sizes", &law);
    if people * f64::from(per_client) > MAX_PLACES && (1..=1000).contains(&per_client) {
        let places = people * f64::from(per_client);
        let message = format!("{places:.1e} places in rooms are more than the {MAX_PLACES:.0e} that fit");
        checks.fail("too-many-places", "rooms.per_client", message, "lower `per_client` or the number of clients");
    }
    if per_client == 0 || per_client > 1000 {
        checks.fail(
            "out-of-range",
            "rooms.per_client",
            format!("{per_client} rooms per client are not possible"),
            "write 1 to 1000, or remove `rooms`",
        );
    } else if people > 0.0
        && law.mean() >= 1.0
        && f64::from(per_client) > (people * f64::from(per_client) / law.mean()).ceil()
    {
        let rooms = (people * f64::from(per_client) / law.mean()).ceil();
        let message =
            format!("each client is in {per_client} rooms, but rooms of this size make only about {rooms:.0} of them");
        checks.fail("rooms-too-large", "rooms.per_client", message, "lower `per_client` or make rooms smaller");
    }
}

/// No client sends an event again more often than this.
const MAX_RETRIES: u32 = 1_000;

fn check_ack(checks: &mut Checks, path: &str, emit: &EmitTraffic) {
    let Some(ack) = &emit.ack else { return };
    if emit.via == Some(ViaText::Api) {
        checks.fail(
            "no-effect",
            &format!("{path}.ack"),
            "an event that comes with an HTTP request is acknowledged by its answer",
            "remove `ack`, or write `via: socket`",
        );
    }
    if ack.timeout == Some(Span::ZERO) {
        let message = "who waits for no time has never got an answer";
        checks.fail("zero", &format!("{path}.ack.timeout"), message, "write for example `10s`");
    }
    if let Some(retries) = ack.retries
        && retries > MAX_RETRIES
    {
        let message = format!("{retries} retries are more than {MAX_RETRIES}");
        checks.fail("out-of-range", &format!("{path}.ack.retries"), message, format!("write 0 to {MAX_RETRIES}"));
    }
}

fn check_bytes(checks: &mut Checks, path: &str, bytes: Option<u64>) {
    if bytes.is_some_and(|bytes| bytes > 1 << 30) {
        checks.fail(
            "too-large",
            &format!("{path}.bytes"),
            "an event is larger than 1 GiB",
            "write for example `300` or `64Ki`",
        );
    }
}

fn check_room(checks: &mut Checks, path: &str, to_room: bool, file: &ScenarioFile) {
    if to_room && file.rooms.is_none() {
        checks.fail(
            "no-rooms",
            path,
            "events go to a room, but there are no rooms",
            "add for example `rooms: {sizes: 10}`, or write `to: all`",
        );
    }
}

fn check_participants(checks: &mut Checks, path: &str, clients: &Recipients, file: &ScenarioFile, over_socket: bool) {
    let place = format!("{path}.clients");
    let names: Vec<&str> = file.clients.iter().filter_map(|audience| audience.name.as_deref()).collect();
    let Recipients::Names(wanted) = clients else {
        if file.clients.iter().all(|audience| audience.trace.is_some()) {
            checks.fail(
                "no-clients",
                path,
                "every audience is a trace; what its clients do is recorded already",
                "remove this, or add an audience",
            );
        } else if over_socket && takes_part(clients, file, true).iter().all(|takes| !takes) {
            checks.fail(
                "no-clients",
                path,
                "nobody has a connection to send this over",
                "write `via: api`, or `transports: [websocket]` for an audience",
            );
        }
        return;
    };
    if wanted.is_empty() {
        checks.fail("empty-list", &place, "nobody does this", "write `all`, or names of audiences");
    }
    for name in wanted {
        let Some(audience) = file.clients.iter().find(|audience| audience.name.as_ref() == Some(name)) else {
            let near =
                nearest(name, names.iter().copied()).map_or(String::new(), |near| format!("did you mean `{near}`? "));
            let help = format!("{near}There are: {}", names.join(", "));
            checks.fail("unknown-audience", &place, format!("there is no audience `{name}`"), help);
            continue;
        };
        if audience.trace.is_some() {
            checks.fail(
                "conflict",
                &place,
                format!("`{name}` is a trace; what its clients do is recorded already"),
                "choose other audiences",
            );
        } else if over_socket && audience.transports == Some(TransportsText::None) {
            checks.fail(
                "conflict",
                &place,
                format!("clients of `{name}` have no connection to send this over"),
                "write `via: api`, or choose other audiences",
            );
        }
    }
}
