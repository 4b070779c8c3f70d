//! What the program holds in memory, whatever its clients send: at most 1.25 times `--in-flight-bytes`, and 64 MiB.
//!
//! `cargo test --release -p postmqtt-bridge --test memory -- --nocapture` prints what was measured.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use scripted_broker::{PATIENCE, ScriptedBroker, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// `--in-flight-bytes`.
const BUDGET: usize = 64 * MIB;

/// The most that the program may hold.
const BOUND: usize = BUDGET + BUDGET / 4 + 64 * MIB;

/// The payloads of the default limit that fit in the budget with the heads of their requests.
const LARGE: usize = BUDGET / (512 * KIB) - 1;

/// CONNACK with a Receive Maximum of 1 (MQTT 5.0, 3.2.2.3.3): the bridge keeps every message.
const CONNACK_ONE_AT_A_TIME: &[u8] = &[0x20, 6, 0, 0, 3, 0x21, 0, 1];

/// The bridge as a program, with a broker that acknowledges nothing.
struct Program {
    child: Child,
    address: SocketAddr,
    _peer: scripted_broker::Peer,
}

// === impl Program ===

impl Program {
    async fn start() -> Self {
        let broker = ScriptedBroker::start().await;
        let mut child = Command::new(env!("CARGO_BIN_EXE_postmqtt-bridge"))
            .args(["--listen", "127.0.0.1:0", "--sessions", "1", "--publish-timeout", "10m"])
            .args(["--broker", &format!("mqtt://{}", broker.address())])
            .args([
                "--in-flight-bytes",
                &BUDGET.to_string(),
                "--in-flight-limit",
                "1000000",
                "--client-share",
                "100%",
            ])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once("listening on http://")?.1.split('/').next()?.parse().ok()
        });
        // The rest of its log must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        let peer = broker.accept(CONNACK_ONE_AT_A_TIME).await;
        Self { child, address: address.unwrap(), _peer: peer }
    }

    async fn connect(&self) -> TcpStream {
        soon(TcpStream::connect(self.address)).await.unwrap()
    }

    /// Waits until this many bytes are in flight.
    async fn counts(&self, bytes: usize) {
        let start = Instant::now();
        loop {
            let mut stream = self.connect().await;
            stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n").await.unwrap();
            let mut metrics = String::new();
            soon(stream.read_to_string(&mut metrics)).await.unwrap();
            let value =
                metrics.lines().find_map(|line| line.strip_prefix("postmqtt_bridge_in_flight_bytes "));
            if value.unwrap().parse::<usize>().unwrap() >= bytes {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{value:?} bytes are in flight, not {bytes}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Checks the resident memory.
    fn is_within_the_bound(&self, what: &str) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let resident = line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * KIB;
        println!("{what}: {} MiB of {}", resident / MIB, BOUND / MIB);
        assert!(resident <= BOUND, "{what}: {} MiB are more than {}", resident / MIB, BOUND / MIB);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn head(query: &str, fields: &str) -> String {
    format!("POST /mqtt/messages?{query} HTTP/1.1\r\nhost: b\r\n{fields}\r\n")
}

#[tokio::test]
async fn large_payloads_over_http1() {
    let program = Program::start().await;
    let payload = vec![b'x'; 512 * KIB];
    let mut streams = Vec::new();
    for _ in 0..LARGE {
        let mut stream = program.connect().await;
        stream.write_all(head("topic=a", "content-length: 524288\r\n").as_bytes()).await.unwrap();
        stream.write_all(&payload).await.unwrap();
        streams.push(stream);
    }
    program.counts(LARGE * payload.len()).await;
    program.is_within_the_bound("payloads with Content-Length over HTTP/1.1");
}

#[tokio::test]
async fn large_payloads_in_chunks() {
    let program = Program::start().await;
    let chunks = format!("3e8\r\n{}\r\n", "x".repeat(1000)).repeat(524) + "0\r\n\r\n";
    let mut streams = Vec::new();
    for _ in 0..LARGE {
        let mut stream = program.connect().await;
        stream.write_all(head("topic=a", "transfer-encoding: chunked\r\n").as_bytes()).await.unwrap();
        stream.write_all(chunks.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    program.counts(LARGE * 524_000).await;
    program.is_within_the_bound("payloads in chunks over HTTP/1.1");
}

#[tokio::test]
async fn large_payloads_over_http2() {
    let program = Program::start().await;
    let payload = Bytes::from(vec![b'x'; 512 * KIB]);
    let stream = program.connect().await;
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..LARGE {
        let request = Request::post(format!("http://{}/mqtt/messages?topic=a", program.address));
        let request = request.body(Full::new(payload.clone())).unwrap();
        let mut client = client.clone();
        tokio::spawn(async move { client.send_request(request).await });
    }
    program.counts(LARGE * payload.len()).await;
    program.is_within_the_bound("payloads over HTTP/2");
}

#[tokio::test]
async fn small_messages_on_connections_that_had_large_ones() {
    let program = Program::start().await;
    let large = head("topic=a&dry-run=1", "content-length: 524288\r\n") + &"x".repeat(512 * KIB);
    let small = head("topic=a", "content-length: 100\r\n") + &"x".repeat(100);
    let mut streams = Vec::new();
    for _ in 0..1000 {
        let mut stream = program.connect().await;
        stream.write_all(large.as_bytes()).await.unwrap();
        let answered = soon(stream.read(&mut [0; 4 * KIB])).await.unwrap();
        assert!(answered > 0);
        stream.write_all(small.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    program.counts(streams.len() * 100).await;
    program.is_within_the_bound("small payloads after large ones");
}

/// Sends the same on 1,000 connections, for 2 s: the bridge does not read all of it.
async fn sent_on_1000_connections(program: &Program, data: &[u8]) -> Vec<TcpStream> {
    let writers = (0..1000).map(|_| {
        let (address, data) = (program.address, data.to_vec());
        tokio::spawn(async move {
            let mut stream = soon(TcpStream::connect(address)).await.unwrap();
            let _ = tokio::time::timeout(Duration::from_secs(2), stream.write_all(&data)).await;
            stream
        })
    });
    let mut streams = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        streams.push(writer.await.unwrap());
    }
    streams
}

#[tokio::test]
async fn heads_that_do_not_end() {
    let program = Program::start().await;
    let unfinished =
        format!("POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: b\r\nx: {}", "x".repeat(200 * KIB));
    let _streams = sent_on_1000_connections(&program, unfinished.as_bytes()).await;
    program.is_within_the_bound("1,000 heads of 200 KiB that do not end, over HTTP/1.1");
    // Small heads need no room.
    program.counts(0).await;
}

#[tokio::test]
async fn heads_that_do_not_end_over_http2() {
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;
    let frame = |kind, content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 1], content].concat()
    };
    // RFC 7541, C.2.1 and appendix A: `:method: POST`, `:scheme: http`, `:path: /`, then fields without indexing.
    let field = [&[0, 1, b'x', 100][..], &[b'x'; 100]].concat();
    let mut unfinished = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    unfinished.extend(frame(HEADERS, &[0x83, 0x86, 0x84]));
    unfinished.extend(frame(CONTINUATION, &field.repeat(150)).repeat(9));
    let program = Program::start().await;
    let _streams = sent_on_1000_connections(&program, &unfinished).await;
    program.is_within_the_bound("1,000 heads of 140 KiB that do not end, over HTTP/2");
    program.counts(0).await;
}

#[tokio::test]
async fn idle_connections_that_had_a_large_head() {
    let program = Program::start().await;
    let head = format!("GET /healthz HTTP/1.1\r\nhost: b\r\nx: {}\r\n\r\n", "x".repeat(200 * KIB));
    let mut streams = Vec::new();
    for _ in 0..1000 {
        let mut stream = program.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let answered = soon(stream.read(&mut [0; 4 * KIB])).await.unwrap();
        assert!(answered > 0);
        streams.push(stream);
    }
    program.is_within_the_bound("1,000 connections after a head of 200 KiB");
}

#[tokio::test]
async fn heads_of_messages_whose_payload_does_not_come() {
    let program = Program::start().await;
    let head = head("topic=a", &format!("x: {}\r\ncontent-length: 1\r\n", "x".repeat(200 * KIB)));
    let _streams = sent_on_1000_connections(&program, head.as_bytes()).await;
    program.counts(BUDGET - 512 * KIB).await;
    program.is_within_the_bound("1,000 messages with a head of 200 KiB, whose payload does not come");
}
