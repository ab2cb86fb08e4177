//! A pass as tables for people, and as rows for programs.

use std::fmt::Write;

use super::{Clients, Landed, Landing, Moves, Router, Server, Servers, state_word};
use crate::cluster::MOST_REDIRECTS;
use crate::cluster::balancer::Settings;

/// Beyond so many servers only the fullest and the emptiest are shown.
const MOST_SHOWN: usize = 40;
/// So many of each are shown then.
const OF_EACH: usize = 10;
/// So many ways between servers are shown.
const MOST_WAYS: usize = 12;

/// The first line of the rows: the pass from 0, the client, the position and the address of the server that answered, and the
/// positions tried.
pub const HEADER: &str = "step,client,server,address,tried\n";

/// One client as a row.
pub fn row(out: &mut String, step: usize, landed: &Landed<'_>, name: &str, servers: &Servers) {
    let _ = write!(out, "{step},");
    quoted(out, name);
    out.push(',');
    if let Some(position) = landed.end.position() {
        let _ = write!(out, "{position},");
        quoted(out, &servers.list()[position].peer.address);
    } else {
        out.push(',');
    }
    out.push(',');
    for (at, position) in landed.tried.iter().enumerate() {
        if at > 0 {
            out.push('>');
        }
        let _ = write!(out, "{position}");
    }
    out.push('\n');
}

/// A field, in quotes where it needs them.
fn quoted(out: &mut String, text: &str) {
    if text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

/// What stands above all tables.
pub fn heading(router: &Router, clients: &Clients, whence: &str) -> String {
    let in_a_row = |words: fn(&dyn Settings) -> String| {
        router.specs().iter().map(|spec| words(spec.settings())).collect::<Vec<_>>().join(" → ")
    };
    let who = in_a_row(|settings| match settings.instances() {
        0 | 1 => settings.describe(),
        n => format!("{} ({n} instances)", settings.describe()),
    });
    let decisions = in_a_row(|settings| settings.decisions().to_owned());
    format!("{who}: {} clients {whence}\nDecisions: {decisions}\n", grouped(clients.len()))
}

/// The first pass.
pub fn first(landing: &Landing, router: &Router, clients: &Clients) -> String {
    let mut out = servers(landing, router.servers().list(), None);
    out.push_str(&evenness(landing, clients, router));
    out.push_str(&unserved(landing));
    match router.with_cookie() {
        0 => {}
        n => out.push_str(&format!("{} of {} clients got a cookie.\n", grouped(n), grouped(clients.len()))),
    }
    out
}

/// A pass after `what` has changed; `earlier` is the one before.
pub fn after(what: &str, landing: &Landing, earlier: &Landing, before: &Servers, router: &Router) -> String {
    let Some(moves) = &landing.moves else { return String::new() };
    let least = landing.least_moved(earlier);
    let mut out = format!(
        "{what}: {} of {} clients are elsewhere ({}; even shares take {})\n",
        grouped(moves.moved),
        grouped(moves.were_served),
        percent(moves.moved as f64 / (moves.were_served.max(1)) as f64),
        percent(least)
    );
    out.push_str(&servers(landing, router.servers().list(), Some((moves, before))));
    out.push_str(&format!("max/mean {:.2}, CV {:.3}\n", landing.max_over_mean(), landing.cv()));
    out.push_str(&unserved(landing));
    out.push_str(&ways(moves, before, router.servers()));
    out
}

/// Everybody has come a second time, and nothing has changed.
pub fn again(landing: &Landing) -> String {
    let Some(moves) = &landing.moves else { return String::new() };
    let same = moves.were_served - moves.moved;
    let share = percent(same as f64 / moves.were_served.max(1) as f64);
    format!("Coming again, {} of {} land where they were ({share}).\n", grouped(same), grouped(moves.were_served))
}

/// A table of the servers.
fn servers(landing: &Landing, list: &[Server], moves: Option<(&Moves, &Servers)>) -> String {
    let mut header = vec!["server", "weight", "state", "clients", "share", "of its due"];
    if moves.is_some() {
        header.extend(["came", "left"]);
    }
    let mut rows = vec![header.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    let served = landing.served().max(1) as f64;
    let mut shown: Vec<usize> = (0..list.len()).collect();
    if list.len() > MOST_SHOWN {
        shown.sort_by_key(|&position| std::cmp::Reverse(landing.counts[position]));
        shown.drain(OF_EACH..list.len() - OF_EACH);
    }
    for position in shown {
        let server = &list[position];
        let count = landing.counts[position];
        let mut cells = vec![
            format!("{position}  {}", server.peer.address),
            server.peer.weight.to_string(),
            state_word(server).to_owned(),
            grouped(count),
            percent(count as f64 / served),
            landing.ratio(position).map_or("–".to_owned(), |ratio| format!("{ratio:.2}")),
        ];
        if let Some((moves, _)) = moves {
            let pod = Some(server.peer.pod.raw());
            let came: u64 = moves.pairs.iter().filter(|way| way.1 == pod).map(|way| way.2).sum();
            let left: u64 = moves.pairs.iter().filter(|way| way.0 == pod).map(|way| way.2).sum();
            cells.extend([grouped(came), grouped(left)]);
        }
        rows.push(cells);
    }
    let mut out = columns(&rows);
    if list.len() > MOST_SHOWN {
        let left = list.len() - 2 * OF_EACH;
        out.push_str(&format!("… the fullest and the emptiest; {} more are between them\n", grouped(left as u64)));
    }
    out
}

/// How even the servers are, and how even they would be by chance.
fn evenness(landing: &Landing, clients: &Clients, router: &Router) -> String {
    let concentration = router.concentration(clients);
    format!(
        "max/mean {:.2}, CV {:.3}; CV expected of a hash {:.3} (N_eff {} of {} clients)\n",
        landing.max_over_mean(),
        landing.cv(),
        landing.expected_cv(concentration),
        grouped((1.0 / concentration).round() as u64),
        grouped(clients.len())
    )
}

fn unserved(landing: &Landing) -> String {
    let mut out = String::new();
    let refused = landing.unserved - landing.waiting - landing.redirected;
    if refused > 0 {
        out.push_str(&format!("{} clients are answered by nobody.\n", grouped(refused)));
    }
    if landing.redirected > 0 {
        let clients = grouped(landing.redirected);
        out.push_str(&format!(
            "{clients} clients are answered by nobody: browsers give up after {MOST_REDIRECTS} redirects.\n"
        ));
    }
    if landing.waiting > 0 {
        out.push_str(&format!("{} clients wait for a free connection.\n", grouped(landing.waiting)));
    }
    out
}

/// From where to where clients moved.
fn ways(moves: &Moves, before: &Servers, now: &Servers) -> String {
    if moves.pairs.is_empty() {
        return String::new();
    }
    let name = |servers: [&Servers; 2], pod: Option<u32>| {
        let Some(pod) = pod else { return "nobody".to_owned() };
        let server = servers.iter().flat_map(|servers| servers.list()).find(|server| server.peer.pod.raw() == pod);
        server.map_or_else(String::new, |server| server.peer.address.clone())
    };
    let mut rows = vec![["from", "to", "clients"].map(str::to_owned).to_vec()];
    for &(from, to, clients) in moves.pairs.iter().take(MOST_WAYS) {
        rows.push(vec![name([before, now], from), name([now, before], to), grouped(clients)]);
    }
    let mut out = String::from("\n");
    out.push_str(&columns(&rows));
    if moves.pairs.len() > MOST_WAYS {
        out.push_str(&format!("… and {} more ways\n", grouped((moves.pairs.len() - MOST_WAYS) as u64)));
    }
    out
}

/// Rows below each other, the first being the heading: texts left, numbers right.
pub fn columns(rows: &[Vec<String>]) -> String {
    let numeric = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '–') && !text.contains("  ");
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let right: Vec<bool> = (0..rows[0].len())
        .map(|column| {
            rows.len() > 1
                && column > 0
                && rows[1..].iter().all(|row| numeric(&row[column]) && !row[column].contains(':'))
        })
        .collect();
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, text) in row.iter().enumerate() {
            let room = " ".repeat(widths[column] - text.chars().count());
            let gap = if column > 0 { "  " } else { "" };
            line.push_str(&if right[column] { format!("{gap}{room}{text}") } else { format!("{gap}{text}{room}") });
        }
        out.push_str(line.trim_end());
        out.push('\n');
        if number == 0 {
            out.push_str(&"─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)));
            out.push('\n');
        }
    }
    out
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
