//! Costs as tables for people, and as rows and JSON for programs.

use std::fmt::Write;

use super::break_even::{BreakEven, Cheaper};
use super::{Answer, Question};
use crate::cluster::adapter::{Command, Commands, Cost, Named};
use crate::route::text::{columns, grouped};

/// What stands above all tables.
pub fn heading(question: &Question) -> String {
    let Question { pods, clients, members, placement, bytes, .. } = *question;
    let holders = question.room().holders();
    let recovery = if question.recovery { "; connection state recovery is on" } else { "" };
    let expected = if number(holders).contains('.') { "expected" } else { "there" };
    format!(
        "{}, {} each; a room of {}, {}: {} of {} with any {expected}\n\
         Events of {bytes} B, a room name of {} characters{recovery}\n",
        counted(pods, "pod"),
        counted(clients, "client"),
        counted(members, "member"),
        placement.what(),
        number(holders),
        counted(pods, "pod"),
        question.name,
    )
}

fn counted(n: u32, what: &str) -> String {
    format!("{} {what}{}", grouped(u64::from(n)), if n == 1 { "" } else { "s" })
}

/// The table of one operation: its answers.
pub fn table(answers: &[Answer]) -> String {
    let header =
        ["adapter", "commands", "copies", "used", "own", "no member", "other", "packets", "bytes in", "bytes out"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let mut without = Vec::new();
    for answer in answers {
        let Some(cost) = &answer.cost else {
            without.push(answer.adapter.word);
            continue;
        };
        let mut row = vec![answer.adapter.word.to_owned(), commands(&cost.commands)];
        row.extend(fates(cost).map(number));
        row.extend([cost.client_packets, cost.bytes_in, cost.bytes_out].map(number));
        rows.push(row);
    }
    let call = answers.first().map_or("", |answer| answer.entry.call);
    let mut out = format!("{call}\n");
    if rows.len() > 1 {
        out.push_str(&columns(&rows));
    }
    let with: Vec<&str> = answers.iter().filter(|a| a.cost.is_some()).map(|a| a.adapter.word).collect();
    if with.is_empty() {
        out.push_str("None of the adapters asked about has it.\n");
    } else if without.len() > with.len() {
        let _ = writeln!(out, "Only with {}.", with.join(", "));
    } else if !without.is_empty() {
        let _ = writeln!(out, "Not there with {}.", without.join(", "));
    }
    out
}

/// Copies, and what becomes of them: used, dropped as own, dropped as nobody is a member, and the rest.
fn fates(cost: &Cost) -> [f64; 5] {
    let own = cost.own - cost.own_used;
    let used = cost.wrote + cost.answers;
    let copies = cost.delivered();
    [copies, used, own, cost.unknown_room, (copies - used - own - cost.unknown_room).max(0.0)]
}

/// `1 PUBLISH, 5 XREAD`.
fn commands(commands: &Commands) -> String {
    // a transaction stands for itself
    let plain = commands.iter().count() > 3;
    let shown: Vec<String> = commands
        .iter()
        .map(|(command, times)| match command.words().trim_start_matches("PUBSUB ") {
            word if plain && times == 1.0 => word.to_owned(),
            word => format!("{} {word}", number(times)),
        })
        .collect();
    if shown.is_empty() { "–".to_owned() } else { shown.join(", ") }
}

/// What the columns mean.
pub const LEGEND: &str = "\
copies: messages that Redis hands to pods. used: led to a write to a client, or were an answer that the pod waits for.
own: the publisher's own copy, decoded and dropped. no member: dropped before decoding, nobody here is in the room.
other: decoded for nobody, answers to others' questions, and requests. packets: events that clients get.
bytes: on the connections to Redis, protocol and replies included.
";

/// Break-even room sizes.
pub fn break_even(pairs: &[BreakEven], question: &Question) -> String {
    let mut rows = vec![["a", "b", "fewer messages", "fewer bytes"].map(str::to_owned).to_vec()];
    for pair in pairs {
        let words = |cheaper| says(cheaper, pair.first, pair.second);
        rows.push(vec![pair.first.word.into(), pair.second.word.into(), words(pair.messages), words(pair.bytes)]);
    }
    format!(
        "Events for a room of n members, {}: which of two moves less, up to which n\n{}\
         One message in and its copies out: 1 + P on one channel for all, 1 + E[m] on a channel per room,\n\
         E[m] = P·(1 − (1 − 1/P)ⁿ) of P pods with any of n members that are each anywhere.\n",
        question.placement.what(),
        columns(&rows)
    )
}

fn says(cheaper: Cheaper, first: Named, second: Named) -> String {
    match cheaper {
        Cheaper::Equal => "equal".to_owned(),
        Cheaper::First => format!("{} always", first.word),
        Cheaper::Second => format!("{} always", second.word),
        Cheaper::FirstUpTo(n) => format!("{} up to {}", first.word, grouped(u64::from(n))),
        Cheaper::SecondUpTo(n) => format!("{} up to {}", second.word, grouped(u64::from(n))),
    }
}

/// Whole numbers as they are, expectations below a thousand with up to two decimals.
fn number(n: f64) -> String {
    let hundredths = (n * 100.0).round();
    if hundredths % 100.0 == 0.0 || n >= 1_000.0 {
        return grouped((hundredths / 100.0).round() as u64);
    }
    format!("{}.{:02}", grouped((hundredths / 100.0) as u64), hundredths as u64 % 100)
}

/// A column: its name and what stands in it.
type Figure = (&'static str, fn(&Cost) -> f64);

/// Columns of the rows after the operation, the adapter and the commands.
const FIGURES: [Figure; 13] = [
    ("copies", Cost::delivered),
    ("receivers_reported", |cost| cost.reported),
    ("used", |cost| cost.wrote),
    ("own", |cost| cost.own),
    ("own_used", |cost| cost.own_used),
    ("no_member", |cost| cost.unknown_room),
    ("for_nobody", |cost| cost.idle),
    ("answers", |cost| cost.answers),
    ("answers_to_others", |cost| cost.not_mine),
    ("client_packets", |cost| cost.client_packets),
    ("first_payload_bytes", |cost| cost.first.map_or(0.0, |first| f64::from(first.payload))),
    ("bytes_in", |cost| cost.bytes_in),
    ("bytes_out", |cost| cost.bytes_out),
];

fn key(command: Command) -> String {
    command.words().to_lowercase().replace(' ', "_")
}

/// A row per operation and adapter; empty where there is no such operation.
pub fn csv(answers: &[Answer]) -> String {
    let names = Command::OF_ADAPTERS.iter().copied().map(key).chain(FIGURES.iter().map(|(name, _)| (*name).to_owned()));
    let mut out = format!("operation,adapter,{}\n", names.collect::<Vec<_>>().join(","));
    for answer in answers {
        let _ = write!(out, "{},{}", answer.entry.word, answer.adapter.word);
        let values = values(answer.cost.as_ref());
        for value in values {
            let _ = write!(out, ",{}", value.map_or(String::new(), |n| n.to_string()));
        }
        out.push('\n');
    }
    out
}

fn values(cost: Option<&Cost>) -> Vec<Option<f64>> {
    let commands = Command::OF_ADAPTERS.iter().map(|&command| cost.map(|cost| cost.commands.of(command)));
    commands.chain(FIGURES.iter().map(|(_, of)| cost.map(of))).collect()
}

/// The same as JSON, with the copies of each pod; `cost` is null where there is no such operation.
pub fn json(question: &Question, answers: &[Answer], pairs: &[BreakEven]) -> String {
    let cost = |cost: &Cost| {
        let commands: serde_json::Map<String, serde_json::Value> =
            cost.commands.iter().map(|(command, times)| (key(command), times.into())).collect();
        let mut all = serde_json::Map::from_iter([("commands".to_owned(), commands.into())]);
        all.extend(FIGURES.iter().map(|(name, of)| ((*name).to_owned(), of(cost).into())));
        all.insert("copies_per_pod".to_owned(), cost.copies.clone().into());
        all
    };
    let operations: Vec<serde_json::Value> = answers
        .iter()
        .map(|answer| {
            serde_json::json!({
                "operation": answer.entry.word,
                "adapter": answer.adapter.word,
                "cost": answer.cost.as_ref().map(cost),
            })
        })
        .collect();
    let pairs: Vec<serde_json::Value> = pairs
        .iter()
        .map(|pair| {
            let words = |cheaper| says(cheaper, pair.first, pair.second);
            serde_json::json!({
                "adapters": [pair.first.word, pair.second.word],
                "fewer_messages": words(pair.messages),
                "fewer_bytes": words(pair.bytes),
            })
        })
        .collect();
    let Question { pods, clients, members, name, bytes, recovery, .. } = *question;
    let all = serde_json::json!({
        "pods": pods, "clients_per_pod": clients, "members": members, "placement": question.placement.what(),
        "pods_with_members": question.room().holders(), "room_name": name, "bytes": bytes, "recovery": recovery,
        "operations": operations, "break_even": pairs,
    });
    format!("{all:#}\n")
}
