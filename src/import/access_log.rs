//! Reading an access log of any size from any reader.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::line::{self, BrokenReason};
use super::profile::Profile;
use super::tally::Tally;
use crate::cluster::spec::Trace;

/// What shall be made of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Also keep every request, to play the log again.
    pub replay: bool,
    /// Refuse to keep more requests than this (16 bytes each while reading, 32 in the trace).
    pub max_replay_requests: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { replay: false, max_replay_requests: 20_000_000 }
    }
}

/// What a log held.
#[derive(Clone, Debug)]
pub struct AccessLog {
    /// Who was there, from where, how often.
    pub profile: Profile,
    /// Every request, when [`Options::replay`] asked for it.
    pub trace: Option<Trace>,
}

/// Why nothing can be made of a log.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No line at all, or only blank ones.
    #[error("the access log is empty: there is no line to read in it; check the path, and whether the log was rotated")]
    Empty,
    /// Hardly any line is a request.
    #[error(
        "this is not an access log: only {requests} of {lines} lines could be read as requests.\n\
         Most frequent trouble, in {frequent_lines} lines: {frequent}.\n\
         Line {first_number}, the first that could not be read: {first_line}\n\
         Expected are lines in the combined or common log format of Apache and nginx, as they are or compressed with \
         gzip, such as\n  \
         192.0.2.7 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0\""
    )]
    NotAnAccessLog {
        /// Lines that were read as requests.
        requests: u64,
        /// Lines that are not blank.
        lines: u64,
        /// The most frequent reason.
        frequent: BrokenReason,
        /// How many lines it holds for.
        frequent_lines: u64,
        /// Number of the first broken line.
        first_number: u64,
        /// That line, shortened and with odd bytes escaped.
        first_line: String,
    },
    /// The reader failed.
    #[error("reading the access log failed after line {after_line}: {source}{}", gzip_hint(*.gzip))]
    Read {
        /// Lines that were read before.
        after_line: u64,
        /// True when the log is compressed.
        gzip: bool,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// More clients than the model can number.
    #[error("line {line} brings the {}th client; no more can be told apart: import a part of the log", u32::MAX)]
    TooManyClients {
        /// Where.
        line: u64,
    },
    /// More requests than shall be kept.
    #[error(
        "the log has more than {limit} requests (line {line} is one more), too many to replay from memory; cut out a part, such as one hour, or import without --replay"
    )]
    TooManyRequests {
        /// Where.
        line: u64,
        /// How many are allowed.
        limit: u64,
    },
}

fn gzip_hint(gzip: bool) -> &'static str {
    if gzip { " (the gzip data is cut off or damaged: `gzip -t` tells; unpack what is left with `zcat`)" } else { "" }
}

/// Lines longer than this are broken; their rest is skipped without being kept.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Reads an access log in the combined or common log format, plain or gzip.
///
/// Memory grows with the number of different clients, addresses and agents, not with the number of lines, unless
/// [`Options::replay`] keeps each request. Lines that cannot be read are counted and skipped.
///
/// # Errors
/// When the reader fails, when fewer than one line in ten is a request, or when a limit is exceeded.
pub fn read(mut reader: impl Read, options: &Options) -> Result<AccessLog, ImportError> {
    let failed = |source| ImportError::Read { after_line: 0, gzip: false, source };
    let mut start = Vec::with_capacity(2);
    reader.by_ref().take(2).read_to_end(&mut start).map_err(failed)?;
    let gzip = start == [0x1f, 0x8b];
    let whole = Cursor::new(start).chain(reader);
    let tally = if gzip { scan(MultiGzDecoder::new(whole), options, true) } else { scan(whole, options, false) }?;
    tally.finish()
}

/// Reads all lines.
fn scan(reader: impl Read, options: &Options, gzip: bool) -> Result<Tally, ImportError> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let mut tally = Tally::new(options);
    let mut line = Vec::new();
    loop {
        match next_line(&mut reader, &mut line) {
            Ok(Next::End) => return Ok(tally),
            Ok(Next::TooLong) => tally.broken(BrokenReason::TooLong, &line),
            Ok(Next::Line) => {
                if tally.lines() == 0 && line.starts_with(b"\xef\xbb\xbf") {
                    line.drain(..3);
                }
                if line.iter().all(u8::is_ascii_whitespace) {
                    tally.blank();
                    continue;
                }
                match line::parse(&line) {
                    Ok(request) => tally.request(&request)?,
                    Err(reason) => tally.broken(reason, &line),
                }
            }
            Err(source) => return Err(ImportError::Read { after_line: tally.lines(), gzip, source }),
        }
    }
}

/// What [`next_line`] found.
enum Next {
    /// A line.
    Line,
    /// A line beyond the limit; its start is kept.
    TooLong,
    /// No more.
    End,
}

/// Reads one line without its end into `line`.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Next> {
    line.clear();
    // One byte more than allowed, and one for the line's end.
    reader.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', line)?;
    if line.is_empty() {
        return Ok(Next::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() as u64 > MAX_LINE_BYTES {
        reader.skip_until(b'\n')?;
        line.truncate(SHOWN_BYTES + 1);
        return Ok(Next::TooLong);
    }
    Ok(Next::Line)
}

/// How much of a broken line an error shows.
const SHOWN_BYTES: usize = 120;

/// A line as an error shows it: short, and safe for a terminal.
pub(super) fn shown(line: &[u8]) -> String {
    let start = &line[..line.len().min(SHOWN_BYTES)];
    let mut text = String::new();
    for c in String::from_utf8_lossy(start).chars() {
        if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
    }
    if line.len() > SHOWN_BYTES {
        text.push('…');
    }
    text
}
