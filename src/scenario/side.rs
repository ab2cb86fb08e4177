//! Files beside the scenario: recorded requests and tables of laws.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_yaml::Value;

use super::scalar::plain;
use crate::cluster::spec::{Trace, TraceRequest};
use crate::engine::Span;

/// Most recorded requests in one file.
pub const MAX_ROWS: usize = 50_000_000;
/// Longest file of recorded requests.
const MAX_TRACE_BYTES: u64 = 8 << 30;
/// Longest file of a table, and most of its rows.
const MAX_TABLE_BYTES: u64 = 16 << 20;
const MAX_TABLE_ROWS: usize = 100_000;

/// Where files beside a scenario are read from.
pub trait Files {
    /// Opens the file that a scenario calls `name`.
    ///
    /// # Errors
    /// When there is no such file or it cannot be read.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>>;
}

/// Files in a folder of the file system.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// The folder in which a scenario file lies.
    pub fn beside(path: &Path) -> Folder {
        Folder(path.parent().unwrap_or(Path::new("")).to_owned())
    }
}

impl Files for Folder {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        open_file(&self.0.join(name))
    }
}

/// Opens a regular file; devices and pipes could go on for ever.
pub(crate) fn open_file(path: &Path) -> io::Result<Box<dyn Read>> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(Box::new(io::BufReader::with_capacity(1 << 16, std::fs::File::open(path)?)))
}

/// No files at all, for scenarios that need none.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str) -> io::Result<Box<dyn Read + '_>> {
        Err(io::Error::new(io::ErrorKind::NotFound, "this scenario has no folder to read files from"))
    }
}

/// Files in memory: name to content.
impl Files for BTreeMap<String, String> {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        match self.get(name) {
            Some(content) => Ok(Box::new(content.as_bytes())),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "there is no such file")),
        }
    }
}

/// What is wrong with a file: sentence and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideError {
    /// What was found.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Reads each file once.
pub struct SideFiles<'f> {
    files: &'f dyn Files,
    traces: BTreeMap<String, Result<Arc<Trace>, SideError>>,
    tables: BTreeMap<String, Result<Vec<Value>, SideError>>,
}

impl<'f> SideFiles<'f> {
    /// Nothing read yet.
    pub fn new(files: &'f dyn Files) -> SideFiles<'f> {
        SideFiles { files, traces: BTreeMap::new(), tables: BTreeMap::new() }
    }
    /// The recorded requests in `name`.
    pub fn trace(&mut self, name: &str) -> Result<Arc<Trace>, SideError> {
        let files = self.files;
        self.traces.entry(name.to_owned()).or_insert_with(|| read_trace(files, name).map(Arc::new)).clone()
    }
    /// The rows of the table in `name`, as a law has them.
    pub fn table(&mut self, name: &str) -> Result<Vec<Value>, SideError> {
        let files = self.files;
        self.tables.entry(name.to_owned()).or_insert_with(|| read_table(files, name)).clone()
    }
    /// Every trace read without fault.
    pub fn into_traces(self) -> Vec<(String, Arc<Trace>)> {
        self.traces.into_iter().filter_map(|(name, trace)| Some((name, trace.ok()?))).collect()
    }
}

fn open<'f>(files: &'f dyn Files, name: &str) -> Result<Box<dyn Read + 'f>, SideError> {
    files.open(name).map_err(|error| SideError {
        message: format!("cannot read `{name}`: {error}"),
        help: "file names count from the folder of the scenario".to_owned(),
    })
}

/// The columns of a trace, for messages.
const COLUMNS: &str = "a trace has the header `at_ms,client,address` and rows such as `1250.5,alice,203.0.113.7`";

fn read_trace(files: &dyn Files, name: &str) -> Result<Trace, SideError> {
    let reader = open(files, name)?.take(MAX_TRACE_BYTES);
    let mut csv = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(reader);
    let bad = |line: u64, what: String| SideError {
        message: format!("line {line} of `{name}`: {what}"),
        help: COLUMNS.to_owned(),
    };
    let csv_bad = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let what = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} columns where {expected_len} are needed")
            }
            csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8".to_owned(),
            other => format!("{other:?}"),
        };
        bad(line, what)
    };
    let header: Vec<String> =
        csv.headers().map_err(csv_bad)?.iter().map(|h| h.trim_start_matches('\u{feff}').to_owned()).collect();
    let column = |wanted: &str| header.iter().position(|h| h == wanted);
    let (Some(at), Some(client), Some(address), 3) =
        (column("at_ms"), column("client"), column("address"), header.len())
    else {
        return Err(bad(1, format!("the header is `{}`", header.join(","))));
    };
    let mut clients: BTreeMap<String, u32> = BTreeMap::new();
    let mut requests: Vec<TraceRequest> = Vec::new();
    let mut record = csv::StringRecord::new();
    while csv.read_record(&mut record).map_err(csv_bad)? {
        let line = record.position().map_or(0, csv::Position::line);
        if requests.len() >= MAX_ROWS {
            return Err(bad(line, format!("there are more than {MAX_ROWS} rows")));
        }
        let (at_text, label, address_text) = (&record[at], &record[client], &record[address]);
        let Some(at) = milliseconds(at_text) else {
            return Err(bad(line, format!("`{at_text}` is not a time in milliseconds")));
        };
        let Ok(address) = address_text.parse::<IpAddr>() else {
            return Err(bad(line, format!("`{address_text}` is not an IPv4 or IPv6 address")));
        };
        if label.is_empty() {
            return Err(bad(line, "the client has no name".to_owned()));
        }
        if requests.last().is_some_and(|last| last.at > at) {
            return Err(bad(
                line,
                format!("the time {at_text} is before that of the row above; sort the rows by `at_ms`"),
            ));
        }
        let next = clients.len() as u32;
        let client = match clients.get(label) {
            Some(&client) => client,
            None => *clients.entry(label.to_owned()).or_insert(next),
        };
        requests.push(TraceRequest { at, client, address });
    }
    if requests.is_empty() {
        return Err(SideError { message: format!("`{name}` has no rows"), help: COLUMNS.to_owned() });
    }
    Ok(Trace { requests, clients: clients.len() as u32 })
}

/// `1250.5` as a span, exact to the nanosecond.
fn milliseconds(text: &str) -> Option<Span> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !plain {
        return None;
    }
    format!("{text}ms").parse().ok()
}

/// A trace as a file again; clients go by number.
pub fn trace_csv(trace: &Trace) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(trace.requests.len() * 32 + 24);
    out.push_str("at_ms,client,address\n");
    for request in &trace.requests {
        let _ = writeln!(out, "{},{},{}", request.at.to_millis_text(), request.client, request.address);
    }
    out
}

fn read_table(files: &dyn Files, name: &str) -> Result<Vec<Value>, SideError> {
    let help = "a table has rows `value[,weight]`, such as `5s,50%`";
    let reader = open(files, name)?.take(MAX_TABLE_BYTES);
    let mut csv = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .has_headers(false)
        .flexible(true)
        .from_reader(reader);
    let mut rows = Vec::new();
    for (number, record) in csv.records().enumerate() {
        let bad =
            |what: &str| SideError { message: format!("row {} of `{name}` {what}", number + 1), help: help.to_owned() };
        let record = record.map_err(|_| bad("is not readable text"))?;
        let value = record.get(0).unwrap_or("").trim_start_matches('\u{feff}');
        if number == 0 && value.starts_with(|c: char| c.is_alphabetic()) {
            continue; // a header
        }
        if !value.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Err(bad("has no value"));
        }
        if record.len() > 2 {
            return Err(bad("has more than two columns"));
        }
        if rows.len() >= MAX_TABLE_ROWS {
            return Err(bad("is one too many; a table has at most 100000 rows"));
        }
        rows.push(Value::Sequence(vec![plain(value), plain(record.get(1).unwrap_or("1"))]));
    }
    if rows.is_empty() {
        return Err(SideError { message: format!("`{name}` has no rows"), help: help.to_owned() });
    }
    Ok(rows)
}
