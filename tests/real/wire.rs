//! As much of HTTP/1.1 as the tests speak.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Longest time that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What makes a tunnel of a connection: the example of RFC 6455, section 1.3.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
/// The answer to it.
pub const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The head of a request or of an answer.
#[derive(Debug)]
pub struct Head {
    /// Its first line.
    pub first: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// Reads it.
    ///
    /// # Errors
    /// When the connection ends before it does.
    pub fn read(stream: &mut TcpStream) -> io::Result<Head> {
        let (mut text, mut byte) = (Vec::new(), [0]);
        while !text.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            text.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.trim_end().split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Ok(Head { first, headers: lines.filter_map(header).collect() })
    }
    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
    /// The status of an answer.
    pub fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer begins with its status")
    }
}

/// Sends a request on a connection of its own. What comes back is read to its end, unless the connection became a tunnel:
/// then it is returned.
pub fn send(port: u16, headers: &[(&str, &str)], upgrade: bool) -> (Head, Option<TcpStream>) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the program listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
    stream.set_nodelay(true).expect("a TCP connection");
    let connection = if upgrade { UPGRADE } else { "Connection: close" };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!("GET / HTTP/1.1\r\nHost: pods\r\n{connection}\r\n{headers}\r\n");
    stream.write_all(text.as_bytes()).expect("the program reads");
    let head = Head::read(&mut stream).expect("the program answers");
    if head.status() == 101 {
        return (head, Some(stream));
    }
    // Only with its end all of the program's books are closed.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the answer ends");
    (head, None)
}
