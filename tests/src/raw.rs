//! HTTP/1.1 as bytes: for requests that no well-behaved client would send.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::{Answer, PATIENCE};

/// A connection on which anything can be written.
#[derive(Debug)]
pub struct RawConnection(BufReader<TcpStream>);

/// Writes these bytes on a connection of its own, and reads the answer; `None` where the connection ends without one.
///
/// # Panics
/// Where there is neither an answer nor an end in time.
#[must_use]
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut connection = RawConnection::open(address);
    connection.write(bytes);
    connection.read_answer()
}

// === impl RawConnection ===

impl RawConnection {
    /// Connects.
    ///
    /// # Panics
    /// Where that fails.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_nodelay(true).expect("a socket option");
        Self(BufReader::new(stream))
    }

    /// Writes bytes. The server may have answered and closed already: then they are lost.
    ///
    /// # Panics
    /// Where the server neither takes them nor closes.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Err(error) = self.0.get_mut().write_all(bytes) {
            assert!(is_end(error.kind()), "writing: {error}");
        }
    }

    /// Says that no more comes, and keeps listening.
    pub fn finish_writing(&self) {
        // Where the server has closed already, nothing more comes either.
        let _ = self.0.get_ref().shutdown(Shutdown::Write);
    }

    /// Reads an interim answer, like 100; `None` where the connection ended.
    pub fn read_interim(&mut self) -> Option<u16> {
        let (status, _) = self.read_head()?;
        assert!((100..200).contains(&status), "{status} is no interim answer");
        Some(status)
    }

    /// Reads an answer, past interim ones; `None` where the connection ended.
    ///
    /// # Panics
    /// Where there is neither in time, or what comes is not HTTP/1.1.
    pub fn read_answer(&mut self) -> Option<Answer> {
        loop {
            let (status, headers) = self.read_head()?;
            if status >= 200 {
                let mut answer = Answer { status, headers, body: Vec::new() };
                answer.body = self.read_body(&answer);
                return Some(answer);
            }
        }
    }

    fn read_head(&mut self) -> Option<(u16, Vec<(String, String)>)> {
        let status_line = self.read_line()?;
        let mut words = status_line.split(' ');
        assert!(words.next().is_some_and(|version| version.starts_with("HTTP/1.")), "{status_line}");
        let status = words.next().and_then(|status| status.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        while let Some(line) = self.read_line().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line}"));
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some((status, headers))
    }

    fn read_body(&mut self, answer: &Answer) -> Vec<u8> {
        let mut body = Vec::new();
        if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(size) = self.read_line() {
                let size = usize::from_str_radix(&size, 16).expect("a chunk's size");
                self.read_exactly(size, &mut body);
                self.read_line();
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = answer.header("content-length") {
            self.read_exactly(length.parse().expect("a length"), &mut body);
        }
        body
    }

    fn read_exactly(&mut self, count: usize, body: &mut Vec<u8>) {
        let start = body.len();
        body.resize(start + count, 0);
        self.0.read_exact(&mut body[start..]).expect("the whole answer");
    }

    /// A line without its end; `None` at the end of the connection.
    fn read_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.0.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) if is_end(error.kind()) => None,
            Err(error) => panic!("reading: {error}"),
        }
    }
}

/// Whether the other side is gone.
fn is_end(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
