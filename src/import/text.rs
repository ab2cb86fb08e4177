//! A profile for people.

use std::fmt::Write;

use super::profile::{EffectiveNumbers, Profile};
use crate::engine::Span;

/// Rows of the table of group sizes; what is larger is one last row.
const GROUP_ROWS: usize = 12;
/// Number of pods in the example of what a hash makes of the audience.
const EXAMPLE_PODS: u32 = 5;

impl Profile {
    /// The profile for people: plain text of at most 100 columns, apart from long lists of bins.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = self.write_text(&mut out);
        out
    }
    /// The profile as YAML, with the names of its fields.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("a profile is plain data")
    }
    /// The profile as indented JSON, with the names of its fields.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a profile is plain data") + "\n"
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "Access log from {} to {} ({})\n", self.from, self.to, self.period())?;
        self.write_lines(out)?;
        self.write_audience(out)?;
        self.write_groups(out)?;
        self.write_n_eff(out)?;
        self.write_top(out)?;
        self.write_arrivals(out)?;
        for note in self.notes() {
            writeln!(out, "\nNote: {note}")?;
        }
        Ok(())
    }

    fn write_lines(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{:<22}{:>12}", "lines", grouped(self.lines.total))?;
        writeln!(out, "{:<22}{:>12}", "  requests", grouped(self.lines.requests))?;
        if self.lines.cut_short > 0 {
            let n = grouped(self.lines.cut_short);
            writeln!(out, "{:<22}{n:>12}  end inside the user agent, which counts as it stands", "    cut short")?;
        }
        writeln!(out, "{:<22}{:>12}", "  blank", grouped(self.lines.blank))?;
        writeln!(out, "{:<22}{:>12}", "  broken", grouped(self.lines.broken))?;
        for of_reason in &self.broken {
            let numbers: Vec<String> = of_reason.first_lines.iter().map(u64::to_string).collect();
            let more = if of_reason.lines > numbers.len() as u64 { ", …" } else { "" };
            let (n, reason, numbers) = (grouped(of_reason.lines), of_reason.reason, numbers.join(", "));
            writeln!(out, "{:<22}{n:>12}  {reason} (line {numbers}{more})", "")?;
        }
        writeln!(out)
    }

    fn write_audience(&self, out: &mut String) -> std::fmt::Result {
        let ipv6 = match self.ipv6_addresses {
            0 => String::new(),
            n => format!("  of them IPv6: {}", grouped(n)),
        };
        writeln!(out, "{:<22}{:>12}  distinct (address, user agent) pairs", "clients", grouped(self.clients))?;
        writeln!(out, "{:<22}{:>12}{ipv6}", "addresses", grouped(self.addresses))?;
        writeln!(
            out,
            "{:<22}{:>12}  what nginx ip_hash sees: /24 of IPv4, all of IPv6",
            "networks",
            grouped(self.networks)
        )?;
        let r = self.requests_per_client;
        writeln!(
            out,
            "{:<22}{:>12.1}  cv {:.2}, median {}, p90 {}, p99 {}, largest {}\n",
            "requests per client",
            r.mean,
            r.cv,
            grouped(r.p50),
            grouped(r.p90),
            grouped(r.p99),
            grouped(r.max)
        )
    }

    fn write_groups(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{:<22}{:>12}{:>9}{:>9}", "clients per address", "addresses", "share", "clients")?;
        let mut row = |label: String, groups: &[super::GroupSize]| {
            let addresses: u64 = groups.iter().map(|group| group.addresses).sum();
            let clients: u64 = groups.iter().map(|group| group.addresses * group.clients).sum();
            let share = percent(addresses as f64 / self.addresses as f64);
            let clients = percent(clients as f64 / self.clients as f64);
            writeln!(out, "  {label:<20}{:>12}{share:>9}{clients:>9}", grouped(addresses))
        };
        let single =
            self.group_sizes.len().min(if self.group_sizes.len() > GROUP_ROWS { GROUP_ROWS - 1 } else { GROUP_ROWS });
        let (rows, tail) = self.group_sizes.split_at(single);
        for group in rows {
            row(grouped(group.clients), std::slice::from_ref(group))?;
        }
        if let (Some(first), Some(last)) = (tail.first(), tail.last()) {
            row(format!("{} to {}", grouped(first.clients), grouped(last.clients)), tail)?;
        }
        writeln!(out)
    }

    fn write_n_eff(&self, out: &mut String) -> std::fmt::Result {
        let EffectiveNumbers { clients_by_address, clients_by_network, requests_by_address, requests_by_network } =
            self.n_eff;
        writeln!(out, "{:<22}{:>12}{:>12}", "N_eff = 1/Σp²", "clients", "requests")?;
        for (name, clients, requests) in [
            ("  by address", clients_by_address, requests_by_address),
            ("  by network", clients_by_network, requests_by_network),
        ] {
            writeln!(out, "{name:<22}{:>12}{:>12}", grouped_tenths(clients), grouped_tenths(requests))?;
        }
        let cv = |n_eff| percent(Profile::expected_cv(n_eff, EXAMPLE_PODS));
        writeln!(
            out,
            "Hashed onto {EXAMPLE_PODS} pods, clients per pod would vary by about {} (standard deviation over mean) with a hash of\n\
             the address and about {} with nginx ip_hash; requests per pod by about {} and {}.\n",
            cv(clients_by_address),
            cv(clients_by_network),
            cv(requests_by_address),
            cv(requests_by_network)
        )
    }

    fn write_top(&self, out: &mut String) -> std::fmt::Result {
        let row = |out: &mut String, name: &str, clients: u64, share: f64, requests: u64, of_requests: f64| {
            let (share, of_requests) = (percent(share), percent(of_requests));
            writeln!(out, "  {name:<40}{:>10}{share:>8}{:>12}{of_requests:>8}", grouped(clients), grouped(requests))
        };
        let head = |out: &mut String, name: &str| {
            writeln!(out, "{name:<42}{:>10}{:>8}{:>12}{:>8}", "clients", "share", "requests", "share")
        };
        head(out, "addresses with most requests")?;
        for a in &self.top_addresses {
            row(out, &a.address.to_string(), a.clients, a.clients_share, a.requests, a.requests_share)?;
        }
        head(out, "networks with most clients")?;
        for n in &self.top_networks {
            row(out, &n.network, n.clients, n.clients_share, n.requests, n.requests_share)?;
        }
        writeln!(out)
    }

    fn write_arrivals(&self, out: &mut String) -> std::fmt::Result {
        let arrivals = &self.arrivals;
        let max = arrivals.requests.iter().copied().max().unwrap_or(0);
        let bars: String = arrivals.requests.iter().map(|&n| bar(n, max)).collect();
        let mean = self.requests as f64 / arrivals.requests.len() as f64;
        let (bin, max) = (arrivals.bin, grouped(max));
        writeln!(out, "requests per {bin} from {}: mean {mean:.1}, peak {max}\n  {bars}", arrivals.start)
    }

    /// What a reader of the figures should know before trusting them.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(top) = self.top_addresses.first().filter(|top| top.requests_share > 0.5 && self.requests >= 100) {
            notes.push(format!(
                "{} sent {} of all requests. If it is a proxy or CDN, the log shows its address instead of the \
                 clients' and so does the balancer: log the real address (nginx realip module, Apache mod_remoteip).",
                top.address,
                percent(top.requests_share)
            ));
        }
        if self.lines.broken * 10 > self.lines.requests {
            notes.push(format!(
                "{} of {} lines could not be read; the figures stand for the rest only.",
                grouped(self.lines.broken),
                grouped(self.lines.total)
            ));
        }
        let (busy, minutes) = (self.arrivals.minutes_with_requests, self.arrivals.minutes);
        // With ten requests in each minute that has any, chance alone leaves hardly a minute empty.
        if busy * 4 < minutes && self.requests >= busy * 10 {
            notes.push(format!(
                "requests stand in only {} of {} minutes: the log is a sample or has holes; rates and the spread over \
                 time are those of the log, not of the site.",
                grouped(busy),
                grouped(minutes)
            ));
        }
        if self.period() >= Span::from_secs(2 * 86_400) {
            notes.push(
                "over days the same person shows up with several addresses and browsers; take the log of a busy hour \
                 to learn how many clients are there at once."
                    .to_owned(),
            );
        }
        notes
    }
}

/// 12,345.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// 1,578.8.
fn grouped_tenths(x: f64) -> String {
    let tenths = libm::round(x * 10.0) as u64;
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// A bar of eight heights; a blank for nothing, so that holes in a log are seen.
fn bar(n: u64, max: u64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if n == 0 {
        return ' ';
    }
    let height = (u128::from(n) * 8).div_ceil(u128::from(max.max(1)));
    BARS[usize::try_from(height).unwrap_or(8).clamp(1, 8) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.04, 406.96, 1578.84].map(grouped_tenths), ["0.0", "407.0", "1,578.8"]);
        assert_eq!([0, 1, 4, 5, 8].map(|n| bar(n, 8)), [' ', '▁', '▄', '▅', '█']);
    }
}
