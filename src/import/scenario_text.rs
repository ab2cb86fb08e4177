//! Scenario text and trace files made of an access log.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::profile::Profile;
use crate::cluster::spec::Trace;
use crate::engine::Span;

/// The strategies that an address log can tell apart, as variants of a scenario.
const VARIANTS: &str = "\
pods: {replicas: 5}
balancers: [{nginx: {method: round_robin}}]
variants:                # `stickysim compare` runs all three
  none:    {balancers: [{nginx: {method: round_robin}}]}
  ip-hash: {balancers: [{nginx: {method: ip_hash}}]}
  cookie:  {balancers: [{ingress-nginx: {affinity: cookie, affinity-mode: persistent, session-cookie-max-age: 172800}}]}
";

/// What to tell whoever gets a trace file; also in the header of [`replay_scenario_yaml`].
pub const PRIVACY_NOTE: &str =
    "The trace holds the real addresses of people: it is personal data. Keep it where the log may be kept.";

/// The shortest duration that is written: a log of a few seconds still gives a scenario that can be run.
const MIN_DURATION: Span = Span::from_secs(60);
/// What a replay runs on after the last request, so that it is answered.
const REPLAY_TAIL: Span = Span::from_secs(10);

impl Profile {
    /// A complete scenario with as many clients, as many addresses shared by as many and the same mean rate of
    /// requests as in the log. `name` is usually the file's ([`scenario_name`] is applied to it).
    pub fn scenario_yaml(&self, name: &str) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write_scenario(&mut out, &scenario_name(name));
        out
    }

    fn write_scenario(&self, out: &mut String, name: &str) -> std::fmt::Result {
        let duration = self.period().max(MIN_DURATION);
        let spread = &self.requests_per_client;
        writeln!(out, "# An audience of the size of the one in an access log: {} to {},", self.from, self.to)?;
        writeln!(
            out,
            "# {} requests of {} clients (address + user agent).\n\
             # From the log: how many clients, how many share an address, the share of IPv6, the mean rate of requests.\n\
             # Not reproduced: when requests come (every client is there from start to end and asks at random), how many\n\
             # each client makes (in the log {:.1} on average, median {}, at most {}), and which addresses they have (drawn\n\
             # at random here; in the log, clients have N_eff {:.1} by address, {:.1} by network). For the skew that ip_hash\n\
             # would have on THIS log play the trace: `stickysim import access-log LOG --replay`.",
            self.requests,
            self.clients,
            spread.mean,
            spread.p50,
            spread.max,
            self.n_eff.clients_by_address,
            self.n_eff.clients_by_network
        )?;
        writeln!(out, "name: {name}\ntitle: Audience of {name}")?;
        writeln!(
            out,
            "duration: {duration}          # the period of the log; a busy hour is enough for most questions"
        )?;
        writeln!(out, "clients:\n  - name: visitors\n    count: {}", self.clients)?;
        writeln!(out, "    transports: none      # HTTP, as in the log; `[websocket]`: each client also holds one")?;
        writeln!(out, "    network:\n      preset: home")?;
        self.write_sharing(out)?;
        let every = rounded(self.period().as_secs_f64() * self.clients as f64 / self.requests as f64);
        writeln!(out, "traffic:")?;
        writeln!(
            out,
            "  - api: {{every: {{exp: {every}}}, clients: all}}   # per client; together the mean rate of the log\n  \
             # what WebSockets carry, for example: - tick: {{every: 5s, to: all}}"
        )?;
        out.push_str(VARIANTS);
        Ok(())
    }

    /// The lines on how clients share addresses.
    fn write_sharing(&self, out: &mut String) -> std::fmt::Result {
        let ipv6: u64 = self.group_sizes.iter().map(|group| group.clients * group.ipv6_addresses).sum();
        let groups: Vec<(u64, u64)> = self
            .group_sizes
            .iter()
            .map(|group| (group.clients, group.addresses - group.ipv6_addresses))
            .filter(|&(_, addresses)| addresses > 0)
            .collect();
        let shares = millionths(&[ipv6, self.clients - ipv6]);
        writeln!(out, "      ipv6: {}", percent(shares[0]))?;
        if groups.is_empty() {
            return Ok(());
        }
        let shares = millionths(&groups.iter().map(|&(_, addresses)| addresses).collect::<Vec<u64>>());
        let rows: Vec<String> = groups
            .iter()
            .zip(shares)
            .map(|(&(clients, _), share)| format!("[{clients}, {}]", percent(share)))
            .collect();
        writeln!(out, "      # [clients behind one address, share of addresses]")?;
        writeln!(out, "      shared_address: {{sizes: {{empirical: [")?;
        for row in rows.chunks(6) {
            writeln!(out, "        {},", row.join(", "))?;
        }
        writeln!(out, "      ]}}}}")
    }
}

/// A scenario that plays `trace` request by request, with the file name under which the trace stands beside it.
pub fn replay_scenario_yaml(profile: &Profile, trace: &Trace, name: &str, trace_file: &str) -> String {
    let mut out = String::new();
    let name = scenario_name(name);
    let last = trace.requests.last().map_or(Span::ZERO, |request| request.at);
    let whole_secs = Span::from_secs(last.as_nanos().div_ceil(1_000_000_000));
    let duration = (whole_secs + REPLAY_TAIL).max(MIN_DURATION);
    let n = trace.requests.len();
    // A JSON string is a YAML string, whatever the file is called.
    let file = serde_json::to_string(trace_file).expect("a string is JSON");
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "# Plays an access log request by request: {} to {}, {n} requests of {} clients.\n\
         # {PRIVACY_NOTE}\n\
         # The log knows whole seconds; the requests of one second are spread over it evenly, in the order of the log.\n\
         name: {name}-replay\n\
         title: Replay of {name}\n\
         duration: {duration}\n\
         warm_up: none            # every request of the log counts\n\
         clients: {{trace: {file}}}\n",
        profile.from, profile.to, trace.clients
    );
    out.push_str(VARIANTS);
    out
}

/// Writes a trace as CSV: a comment with the [`PRIVACY_NOTE`], the header `at_ms,client,address`, a row for each request.
///
/// # Errors
/// When the writer fails.
pub fn write_trace(trace: &Trace, mut writer: impl Write) -> io::Result<()> {
    writeln!(writer, "# {PRIVACY_NOTE}")?;
    let mut csv = csv::Writer::from_writer(writer);
    csv.write_record(["at_ms", "client", "address"])?;
    for request in &trace.requests {
        csv.write_record([request.at.to_millis_text(), format!("c{}", request.client), request.address.to_string()])?;
    }
    csv.flush()
}

/// [`write_trace`] into a text.
pub fn trace_csv(trace: &Trace) -> String {
    let mut bytes = Vec::new();
    write_trace(trace, &mut bytes).expect("a Vec takes everything");
    String::from_utf8(bytes).expect("numbers and addresses are ASCII")
}

/// A scenario name from a file name: `logs/Access_2015.log.gz` → `access-2015`.
///
/// ```
/// assert_eq!(stickysim::import::scenario_name("logs/Access_2015.log.gz"), "access-2015");
/// assert_eq!(stickysim::import::scenario_name("2015.log"), "log-2015");
/// ```
pub fn scenario_name(file_name: &str) -> String {
    let mut stem = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    for ending in [".gz", ".log", ".txt", ".csv"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    let mut name = String::new();
    for c in stem.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    match name.chars().next() {
        None => "access-log".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("log-{name}"),
        Some(_) => name.to_owned(),
    }
}

/// The shares of these counts in millionths, which sum to exactly one million (largest remainders, earlier ones first
/// when equal). A count above zero gets at least one, so that no kind of group disappears.
fn millionths(counts: &[u64]) -> Vec<u64> {
    const WHOLE: u128 = 1_000_000;
    let total: u128 = counts.iter().map(|&n| u128::from(n)).sum::<u128>().max(1);
    let mut shares: Vec<u64> = counts
        .iter()
        .map(|&n| u64::try_from(u128::from(n) * WHOLE / total).unwrap_or(0).max(u64::from(n > 0)))
        .collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(u128::from(counts[i]) * WHOLE % total));
    let sum: u64 = shares.iter().sum();
    if sum <= WHOLE as u64 {
        let missing = usize::try_from(WHOLE as u64 - sum).unwrap_or(0);
        order.iter().filter(|&&i| counts[i] > 0).take(missing).for_each(|&i| shares[i] += 1);
    } else if let Some(largest) = shares.iter_mut().max() {
        *largest = largest.saturating_sub(sum - WHOLE as u64);
    }
    shares
}

/// A share in millionths as a percentage without rounding: `95.4364%`.
fn percent(millionths: u64) -> String {
    let text = format!("{}.{:04}", millionths / 10_000, millionths % 10_000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A duration of about four digits, never zero.
fn rounded(secs: f64) -> Span {
    let (unit, per_sec) = match secs {
        s if s >= 1000.0 => (Span::from_secs(1), 1.0),
        s if s >= 1.0 => (Span::from_millis(1), 1e3),
        _ => (Span::from_micros(1), 1e6),
    };
    unit * (libm::round(secs * per_sec) as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_the_whole() {
        for counts in [vec![1, 1, 1], vec![1673, 67, 13], vec![10_000_000, 1, 1], vec![7], vec![0, 5]] {
            let shares = millionths(&counts);
            assert_eq!(shares.iter().sum::<u64>(), 1_000_000, "{counts:?}: {shares:?}");
            assert!(shares.iter().zip(&counts).all(|(&share, &n)| (share > 0) == (n > 0)), "{counts:?}: {shares:?}");
        }
        assert_eq!([954_364, 1_000_000, 500, 0].map(percent), ["95.4364%", "100%", "0.05%", "0%"]);
    }

    #[test]
    fn names_are_plain_words() {
        for (file, name) in [
            ("access.log.1.gz", "access-log-1"),
            ("../..", "access-log"),
            ("Zugriffe (Mai).log", "zugriffe-mai"),
            ("", "access-log"),
        ] {
            assert_eq!(scenario_name(file), name);
        }
    }
}
