//! `postmqtt-bridge healthcheck`: asks a running program over HTTP whether it is ready, for images without a shell.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use hyper::Uri;

/// What `healthcheck` is given.
#[derive(clap::Args)]
pub struct Healthcheck {
    /// The URL to ask, with http:// and a port; healthy means that it is answered 200
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8081/readyz")]
    url: Uri,
}

/// How long to wait for the connection, and again for the answer. Docker's own limit is the image's `--timeout`.
const TIMEOUT: Duration = Duration::from_secs(3);

// === impl Healthcheck ===

impl Healthcheck {
    /// Asks once.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is not `http://host:port/path`, there is no answer within 3 seconds, or the answer is
    /// not 200.
    pub fn run(&self) -> io::Result<()> {
        let invalid = || {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not http://host:port/path", self.url))
        };
        let (Some("http"), Some(host), Some(port)) =
            (self.url.scheme_str(), self.url.host(), self.url.port_u16())
        else {
            return Err(invalid());
        };
        let address = (host, port).to_socket_addrs()?.next().ok_or_else(invalid)?;
        let mut connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        let path = self.url.path();
        // One write: a server that answers the first of several may have closed the connection before the next.
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n");
        connection.write_all(head.as_bytes())?;
        let mut status_line = String::new();
        BufReader::new(connection).read_line(&mut status_line)?;
        if status_line.split(' ').nth(1) == Some("200") {
            return Ok(());
        }
        Err(io::Error::other(format!("{} answers {:?}", self.url, status_line.trim_end())))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Asks a server that answers this.
    fn answered(answer: &'static str) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let lines = BufReader::new(&connection).lines().map_while(io::Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            assert_eq!(head[0], "GET /readyz HTTP/1.1");
            connection.write_all(answer.as_bytes()).unwrap();
        });
        let outcome = Healthcheck { url: format!("http://127.0.0.1:{port}/readyz").parse().unwrap() }.run();
        server.join().unwrap();
        outcome
    }

    #[test]
    fn only_200_is_healthy() {
        assert!(answered("HTTP/1.1 200 OK\r\n\r\n").is_ok());
        for unhealthy in
            ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "200\r\n", ""]
        {
            assert!(answered(unhealthy).is_err(), "{unhealthy:?}");
        }
    }

    #[test]
    fn a_program_that_does_not_listen_and_a_url_without_a_port_are_errors() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for url in
            [format!("http://127.0.0.1:{port}/readyz"), "http://localhost/".to_owned(), "/readyz".to_owned()]
        {
            assert!(Healthcheck { url: url.parse().unwrap() }.run().is_err(), "{url}");
        }
    }
}
