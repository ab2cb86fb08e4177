//! Who comes: random clients, or those of a text.

use std::borrow::Cow;
use std::fmt::Write;
use std::io::{BufRead, Read};
use std::net::{IpAddr, Ipv4Addr};

use twox_hash::XxHash64;

use super::{CLIENTS, Fault, MAX_CLIENTS};
use crate::cluster::balancer::AffinityKey;
use crate::cluster::draw_v4;
use crate::engine::Seed;

/// Longest line of a text of clients, in bytes.
const MAX_LINE: usize = 4_096;
/// Longest text of clients, in bytes.
const MAX_TEXT: u64 = 2 << 30;
/// The address of a client of whom only a text is known (documentation block of RFC 5737).
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Client<'c> {
    /// Where it comes from.
    pub address: IpAddr,
    /// Its text: user, session, room.
    pub key: &'c [u8],
}

/// All of them, in order.
pub struct Clients(Kind);

enum Kind {
    Random { count: u64, seed: Seed },
    Listed { addresses: Vec<IpAddr>, texts: Vec<u8>, ends: Vec<usize> },
}

/// What balancers look at, so that clients must have it.
pub struct Needs {
    /// Who looks at the address, in a few words.
    pub address: Option<String>,
    /// Who looks at a text.
    pub key: Option<String>,
}

impl Clients {
    /// Random ones: a public IPv4 address each, all equally likely, and a text of 16 hexadecimal digits.
    ///
    /// # Errors
    /// When there are none or too many.
    pub fn random(count: u64, seed: Seed) -> Result<Clients, Fault> {
        if !(1..=MAX_CLIENTS).contains(&count) {
            return Err(Fault::out_of_bounds(count, "clients", MAX_CLIENTS));
        }
        Ok(Clients(Kind::Random { count, seed }))
    }

    /// One per line: an address, or any text; or CSV whose first line names its columns, `address` and `key`.
    ///
    /// # Errors
    /// With the line that cannot be used.
    pub fn read(reader: impl BufRead, needs: &Needs) -> Result<Clients, Fault> {
        let mut reader = reader.take(MAX_TEXT + 1);
        let mut list = List { needs, addresses: Vec::new(), texts: Vec::new(), ends: Vec::new() };
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            let read = (&mut reader).take(MAX_LINE as u64 + 2).read_until(b'\n', &mut line);
            number += 1;
            if read.map_err(|error| Fault(format!("cannot read the clients: {error}")))? == 0 {
                break;
            }
            if line.last() != Some(&b'\n') && line.len() > MAX_LINE {
                return Err(at(number, format!("it is longer than {MAX_LINE} bytes; write one client per line")));
            }
            let text = std::str::from_utf8(&line)
                .map_err(|_| at(number, "it is not UTF-8 text; save the file as UTF-8".to_owned()))?;
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            if let (true, Some(header)) = (list.ends.is_empty(), header(text)) {
                list.read_columns(&header.map_err(|fault| at(number, fault.0))?, reader.by_ref(), number)?;
                break;
            }
            let address: Option<IpAddr> = text.parse().ok();
            list.add(address, Some(text.as_bytes()), number)?;
        }
        if reader.limit() == 0 {
            return Err(Fault(format!("the clients are longer than {MAX_TEXT} bytes; give fewer")));
        }
        if list.ends.is_empty() {
            return Err(Fault("there is no client; write one address or text per line".to_owned()));
        }
        Ok(Clients(Kind::Listed { addresses: list.addresses, texts: list.texts, ends: list.ends }))
    }

    /// How many there are.
    pub const fn len(&self) -> u64 {
        match &self.0 {
            Kind::Random { count, .. } => *count,
            Kind::Listed { ends, .. } => ends.len() as u64,
        }
    }

    /// Never true; there is one at least.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The client of this number; `text` is room for its key.
    pub fn get<'c>(&'c self, number: u64, text: &'c mut String) -> Client<'c> {
        match &self.0 {
            Kind::Random { seed, .. } => {
                let mut stream = seed.stream(CLIENTS, number, 0);
                text.clear();
                let address = draw_v4(&mut stream).into();
                let _ = write!(text, "{:016x}", stream.bits());
                Client { address, key: text.as_bytes() }
            }
            Kind::Listed { addresses, texts, ends } => {
                let number = number as usize;
                let start = number.checked_sub(1).map_or(0, |before| ends[before]);
                Client { address: addresses[number], key: &texts[start..ends[number]] }
            }
        }
    }

    /// What a client is called: its text, where it was listed or `by_key`, or else its address.
    pub fn name<'c>(&'c self, number: u64, by_key: bool, room: &'c mut String) -> Cow<'c, str> {
        let listed = matches!(self.0, Kind::Listed { .. });
        let client = self.get(number, room);
        if by_key || listed && !client.key.is_empty() {
            return String::from_utf8_lossy(client.key);
        }
        Cow::Owned(client.address.to_string())
    }

    /// How many clients there are for a balancer that looks at this, and sees clients at the address that `seen` gives for
    /// number and address: Σs² of the numbers of clients that it cannot tell apart, divided by (Σs)². 1/n when it can tell all
    /// of n.
    pub fn concentration(&self, affinity: AffinityKey, seen: impl Fn(u64, IpAddr) -> IpAddr) -> f64 {
        let count = self.len() as f64;
        if matches!(affinity, AffinityKey::None | AffinityKey::Cookie) {
            return 1.0 / count;
        }
        let mut text = String::new();
        let told = |number| {
            let client = self.get(number, &mut text);
            told(&Client { address: seen(number, client.address), ..client }, affinity)
        };
        let mut groups: Vec<u64> = (0..self.len()).map(told).collect();
        groups.sort_unstable();
        let squares: f64 = groups.chunk_by(|a, b| a == b).map(|same| same.len() as f64 * same.len() as f64).sum();
        squares / (count * count)
    }
}

/// By what a balancer tells clients apart, as 64 bits.
fn told(client: &Client<'_>, affinity: AffinityKey) -> u64 {
    match (affinity, client.address) {
        (AffinityKey::User | AffinityKey::Room, _) => XxHash64::oneshot(0, client.key),
        (AffinityKey::Network, IpAddr::V4(v4)) => u64::from(v4.to_bits() >> 8),
        (_, IpAddr::V4(v4)) => u64::from(v4.to_bits()),
        (_, IpAddr::V6(v6)) => XxHash64::oneshot(0, &v6.octets()),
    }
}

/// What was read so far.
struct List<'n> {
    needs: &'n Needs,
    addresses: Vec<IpAddr>,
    texts: Vec<u8>,
    ends: Vec<usize>,
}

impl List<'_> {
    fn add(&mut self, address: Option<IpAddr>, key: Option<&[u8]>, line: usize) -> Result<(), Fault> {
        if self.ends.len() as u64 == MAX_CLIENTS {
            return Err(at(line, format!("there are more than {MAX_CLIENTS} clients; give fewer")));
        }
        if let (None, Some(who)) = (address, &self.needs.address) {
            let shown = String::from_utf8_lossy(key.unwrap_or_default());
            let shown: String = shown.chars().take(60).collect();
            return Err(at(
                line,
                format!(
                    "`{shown}` is no address, and {who} looks at addresses; write one such as `198.51.100.7`, or CSV with the \
                     columns `address` and `key`"
                ),
            ));
        }
        self.addresses.push(address.unwrap_or(UNKNOWN));
        self.texts.extend_from_slice(key.unwrap_or_default());
        self.ends.push(self.texts.len());
        Ok(())
    }

    /// The rows below a header.
    fn read_columns(&mut self, header: &Header, reader: impl Read, header_line: usize) -> Result<(), Fault> {
        if let (Some(who), None) = (&self.needs.key, header.key) {
            let message = format!("there is no column `key`, and {who} looks at a text; add it");
            return Err(at(header_line, message));
        }
        let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(reader);
        let mut row = csv::StringRecord::new();
        loop {
            let read = rows.read_record(&mut row);
            let line = header_line + row.position().map_or(0, csv::Position::line) as usize;
            match read {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return Err(at(line, format!("it cannot be read as CSV: {error}"))),
            }
            if row.len() != header.columns {
                let message = format!("{} fields under {} columns; write as many", row.len(), header.columns);
                return Err(at(line, message));
            }
            let field = |column: Option<usize>| column.and_then(|column| row.get(column)).map(str::trim);
            let written = field(header.address).filter(|text| !text.is_empty());
            let address: Option<IpAddr> = written.and_then(|text| text.parse().ok());
            if let (Some(text), None) = (written, address) {
                let shown: String = text.chars().take(60).collect();
                return Err(at(line, format!("`{shown}` is no address; write one such as `198.51.100.7`")));
            }
            let key = field(header.key).or(written).unwrap_or_default();
            if key.len() > MAX_LINE {
                return Err(at(line, format!("its key is longer than {MAX_LINE} bytes; write a shorter one")));
            }
            self.add(address, Some(key.as_bytes()), line)?;
        }
    }
}

/// Where the columns stand.
struct Header {
    columns: usize,
    address: Option<usize>,
    key: Option<usize>,
}

/// The header of a CSV, if this line is one.
fn header(line: &str) -> Option<Result<Header, Fault>> {
    let names: Vec<String> = line.split(',').map(|name| name.trim().trim_matches('"').to_lowercase()).collect();
    let place = |wanted: &str| names.iter().position(|name| name == wanted);
    let header = Header { columns: names.len(), address: place("address"), key: place("key") };
    if header.address.is_none() && header.key.is_none() {
        let message = "it has columns, but not their names; write `address`, `key` or both as the first line, and a text with \
                       commas in quotes";
        return has_columns(line).then(|| Err(Fault(message.to_owned())));
    }
    let known = |name: &&String| *name == "address" || *name == "key";
    if let Some(other) = names.iter().find(|name| !known(name)) {
        let message = format!("column `{other}` means nothing here; keep `address` and `key`");
        return Some(Err(Fault(message)));
    }
    if names.len() != usize::from(header.address.is_some()) + usize::from(header.key.is_some()) {
        return Some(Err(Fault("a column stands there twice; keep one of each".to_owned())));
    }
    Some(Ok(header))
}

/// True when a comma stands outside quotes.
fn has_columns(line: &str) -> bool {
    let mut quoted = false;
    line.bytes().any(|b| {
        quoted ^= b == b'"';
        b == b',' && !quoted
    })
}

fn at(line: usize, message: String) -> Fault {
    Fault(format!("line {line} of the clients: {message}"))
}
