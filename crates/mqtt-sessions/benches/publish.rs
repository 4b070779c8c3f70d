//! The cost of a message: to encode it, and to publish it over a session to a broker that acknowledges at once.
//!
//! `cargo bench -p mqtt-sessions`. The broker is a minimal one in the same process, so that its cost is small and the same
//! on every run. It shares the machine with what is measured.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mqtt_sessions::budget::{Budget, InFlightLimits};
use mqtt_sessions::codec::publish::EncodedPublish;
use mqtt_sessions::config::{BrokerAddress, ClientLogin, ClientSessions, Config, Sessions};
use mqtt_sessions::{Message, Pool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

fn message(topic_name: &str, payload: Bytes) -> Message<'_> {
    Message {
        content_type: Some("application/json"),
        correlation_data: Some(b">U\xc2\xb1\xc2\xb6\xc2\xb6\xc2\xbb/"),
        user_properties: vec![("Urgency", "alert"), ("RequestId", "55f4a7ee")],
        ..Message::new(topic_name, payload)
    }
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for size in [256, 64 * 1024] {
        let message = message("devices/CXa-23112/prompt", Bytes::from(vec![b'x'; size]));
        group.bench_with_input(BenchmarkId::from_parameter(size), &message, |b, message| {
            b.iter(|| EncodedPublish::new(black_box(message)).unwrap());
        });
    }
    group.finish();
}

fn publish(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let address = runtime.block_on(start_broker());
    let mut group = c.benchmark_group("publish");
    for (sessions, concurrency) in [(1, 1), (1, 256), (4, 256)] {
        let pool = runtime.block_on(connect(address, Sessions::Shared(sessions)));
        let budget = Budget::new(InFlightLimits { messages: 10_000, bytes: 1 << 30 });
        group.throughput(Throughput::Elements(concurrency));
        group.bench_function(format!("{sessions} sessions, {concurrency} at a time"), |b| {
            b.to_async(&runtime).iter(|| publish_together(&pool, &budget, concurrency));
        });
        runtime.block_on(pool.close());
    }
    let sessions = ClientSessions {
        prefix: String::new(),
        limit: 64,
        idle_timeout: Duration::from_secs(600),
        connects: 64,
        login: ClientLogin::Configured,
    };
    let pool = runtime.block_on(connect(address, Sessions::PerClient(sessions)));
    let budget = Budget::new(InFlightLimits { messages: 10_000, bytes: 1 << 30 });
    group.throughput(Throughput::Elements(256));
    group.bench_function("64 clients, 256 at a time", |b| {
        b.to_async(&runtime).iter(|| publish_together(&pool, &budget, 256));
    });
    runtime.block_on(pool.close());
    group.finish();
}

async fn publish_together(pool: &Arc<Pool>, budget: &Arc<Budget>, concurrency: u64) {
    let tasks: Vec<_> = (0..concurrency)
        .map(|number| {
            let (pool, permit) = (Arc::clone(pool), budget.admit().unwrap());
            tokio::spawn(async move {
                let client = (number % 64).to_string();
                let topic = format!("bench/{client}");
                let message = message(&topic, Bytes::from_static(&[b'x'; 256]));
                pool.publish(&message, Some(client.as_str().into()), permit).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn connect(address: SocketAddr, sessions: Sessions) -> Arc<Pool> {
    let broker = BrokerAddress::tcp(address.ip().to_string(), address.port());
    let pool = Arc::new(Pool::start(Config { sessions, ..Config::new(broker) }).unwrap());
    pool.connected().await;
    pool
}

/// Acknowledges every PUBLISH.
async fn start_broker() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(acknowledge(stream));
        }
    });
    address
}

async fn acknowledge(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut received = BytesMut::with_capacity(64 * 1024);
    let mut answers = Vec::new();
    while stream.read_buf(&mut received).await.is_ok_and(|count| count > 0) {
        while let Some((first, body)) = frame(&received) {
            match first >> 4 {
                1 => answers.extend_from_slice(&[0x20, 3, 0, 0, 0]),
                3 => {
                    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                    answers.extend_from_slice(&[0x40, 2, body[2 + topic], body[3 + topic]]);
                }
                _ => {}
            }
            let end = body.as_ptr().addr() + body.len() - received.as_ptr().addr();
            received.advance(end);
        }
        if stream.write_all(&answers).await.is_err() {
            return;
        }
        answers.clear();
    }
}

/// The first byte and the body of the next packet.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let mut length = 0;
    for (position, byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            return Some((*first, rest.get(position + 1..position + 1 + length)?));
        }
    }
    None
}

criterion_group!(benches, encode, publish);
criterion_main!(benches);
