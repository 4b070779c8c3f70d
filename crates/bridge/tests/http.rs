//! The bridge over loopback HTTP, with a scripted broker.

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use http_publish::CLIENT_ID;
use hyper::body::Frame;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mqtt_sessions::budget::InFlightLimits;
use postmqtt_bridge::bridge::Bridge;
use rumqttc::v5::mqttbytes::v5::Packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use scripted_broker::{CONNACK, ScriptedBroker, soon};

use support::{Answer, Running, connected, settings, start};

/// The Reason Codes of a PUBACK (MQTT 5.0, 3.4.2.1) that have their own answer.
const PUBACK_ANSWERS: &[(u8, u16, &str)] = &[
    (0x00, 204, ""),
    (0x10, 202, ""),
    (0x80, 500, "UnspecifiedError"),
    (0x83, 500, "ImplementationSpecificError"),
    (0x87, 403, "NotAuthorized"),
    (0x90, 400, "TopicNameInvalid"),
    (0x91, 503, "PacketIdentifierInUse"),
    (0x97, 429, "QuotaExceeded"),
    (0x99, 400, "PayloadFormatInvalid"),
    // Not for PUBACK: codes of DISCONNECT (3.14.2.1) that brokers use in a PUBACK nevertheless.
    (0x95, 413, "PacketTooLarge"),
    (0x9A, 400, "RetainNotSupported"),
    (0x9B, 400, "QosNotSupported"),
];

#[tokio::test]
async fn each_of_the_256_reason_codes_of_a_puback_has_its_answer_and_an_undefined_one_is_502() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    for reason_code in 0..=u8::MAX {
        let known = PUBACK_ANSWERS.iter().find(|(known, ..)| *known == reason_code);
        let (_, status, code) = *known.unwrap_or(&(reason_code, 502, "BrokerProtocolError"));
        let task = bridge.post("topic=a", "", "hello");
        let sent = peer.publish().await;
        assert_eq!(&sent.payload[..], b"hello");
        peer.refuse(&sent, reason_code, "words").await;
        let answer = soon(task).await.unwrap();
        assert_eq!(answer.status, status, "{reason_code:#04x}");
        assert_eq!(answer.field("mqtt-reason-code"), Some(reason_code.to_string().as_str()));
        assert!(answer.field("x-request-id").is_some());
        if code.is_empty() {
            assert_eq!(answer.body, "");
        } else {
            assert_eq!(answer.code(), code, "{reason_code:#04x}");
            assert!(answer.body.contains("\"mqttReasonString\":\"words\""), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_qos_0_message_is_202() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _peer) = connected(&broker, |_| {}).await;
    let answer = soon(bridge.post("topic=a&qos=0", "", "hello")).await.unwrap();
    assert_eq!((answer.status, answer.field("mqtt-reason-code")), (202, Some("0")));
}

#[tokio::test]
async fn a_valid_request_id_is_returned_and_any_other_is_replaced() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _peer) = connected(&broker, |_| {}).await;
    let long = "x".repeat(129);
    let rows = [("x-request-id: abc\r\n", Some("abc")), ("x-request-id: a b\r\n", None), ("", None)];
    let too_long = format!("x-request-id: {long}\r\n");
    let twice = "x-request-id: a\r\nx-request-id: b\r\n";
    for (fields, expected) in rows.into_iter().chain([(too_long.as_str(), None), (twice, None)]) {
        let answer = soon(bridge.post("topic=a&qos=0", fields, "")).await.unwrap();
        let id = answer.field("x-request-id").unwrap();
        match expected {
            Some(expected) => assert_eq!(id, expected),
            None => assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}"),
        }
    }
}

#[tokio::test]
async fn requests_that_publish_nothing_never_reach_the_broker() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    assert_eq!(bridge.get("/healthz").await.status, 200);
    assert_eq!(bridge.get("/readyz").await.status, 200);
    assert_eq!(bridge.get("/").await.code(), "NotFound");
    assert_eq!(bridge.get("/mqtt/messages/x").await.code(), "NotFound");
    let answer = bridge.get("/mqtt/messages?topic=a").await;
    assert_eq!((answer.code().as_str(), answer.field("allow")), ("MethodNotAllowed", Some("POST")));
    let answer = soon(bridge.post("topic=%23&qos=7", "", "")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidQos"));
    let answer = soon(bridge.post("topic=a&dry-run=1", "", "four")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\"payloadBytes\":4"), "{}", answer.body);
    assert!(peer.is_quiet().await);
}

#[tokio::test]
async fn without_a_broker_the_bridge_is_alive_and_not_ready() {
    let broker = ScriptedBroker::start().await;
    let settings = settings(&broker);
    drop(broker);
    let bridge = start(settings).await;
    assert_eq!(bridge.get("/healthz").await.status, 200);
    let answer = bridge.get("/readyz").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "BrokerUnavailable"));
    // The bridge has tried to connect when this is answered.
    let answer = soon(bridge.post("topic=a", "", "x")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (503, "BrokerUnavailable"));
    assert_eq!(answer.field("retry-after"), Some("1"));
    let answer = bridge.get("/readyz").await;
    assert!(answer.body.contains("no session is connected to the broker: "), "{}", answer.body);
    assert!(answer.body.contains("refused"), "{}", answer.body);
}

#[tokio::test]
async fn an_http1_request_that_ends_early_publishes_nothing() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    for (fields, part) in [("content-length: 10", "12345"), ("transfer-encoding: chunked", "5\r\n12345\r\n")]
    {
        let mut stream = TcpStream::connect(bridge.address).await.unwrap();
        let head = format!("POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: b\r\n{fields}\r\n\r\n{part}");
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        // The server may as well just close.
        let _ = soon(stream.read_to_string(&mut answer)).await;
        assert!(answer.is_empty() || Answer::parse(&answer).code() == "IncompletePayload", "{answer}");
        assert!(peer.is_quiet().await, "{fields}");
    }
}

/// Posts over HTTP/2 with a body that comes from a channel; a body that is dropped before its end resets the stream.
async fn post_http2(
    address: SocketAddr,
) -> (mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>, JoinHandle<Option<Response<hyper::body::Incoming>>>)
{
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(10);
    let body = StreamBody::new(ReceiverStream(receiver));
    let request = Request::post(format!("http://{address}/mqtt/messages?topic=a")).body(body).unwrap();
    (sender, tokio::spawn(async move { client.send_request(request).await.ok() }))
}

struct ReceiverStream<T>(mpsc::Receiver<T>);

impl<T> futures_core::Stream for ReceiverStream<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        self.0.poll_recv(cx)
    }
}

#[tokio::test]
async fn an_http2_stream_that_is_reset_publishes_nothing() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;

    let (body, _request) = post_http2(bridge.address).await;
    body.send(Ok(Frame::data(Bytes::from_static(b"half")))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    body.send(Err(std::io::Error::other("reset"))).await.unwrap();
    assert!(peer.is_quiet().await);

    let (body, request) = post_http2(bridge.address).await;
    body.send(Ok(Frame::data(Bytes::from_static(b"who")))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    request.abort();
    drop(request);
    drop(body);

    let (body, request) = post_http2(bridge.address).await;
    body.send(Ok(Frame::data(Bytes::from_static(b"wh")))).await.unwrap();
    body.send(Ok(Frame::data(Bytes::from_static(b"ole")))).await.unwrap();
    drop(body);
    let sent = peer.publish().await;
    assert_eq!(&sent.payload[..], b"whole");
    peer.acknowledge(&sent).await;
    assert_eq!(soon(request).await.unwrap().unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_payload_over_the_limit_is_refused_with_and_without_content_length() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| settings.rules.limits.payload_bytes = 10).await;
    let answer = soon(bridge.post("topic=a", "", "12345678901")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (413, "PayloadTooLarge"));
    let answer = bridge
        .send("POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: b\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n")
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "PayloadTooLarge"));
    assert!(peer.is_quiet().await);

    let task = bridge.post("topic=a", "", "1234567890");
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(soon(task).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_payload_that_does_not_arrive_in_time_is_refused() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| {
        settings.http.body_timeout = Duration::from_millis(200);
    })
    .await;
    let mut stream = TcpStream::connect(bridge.address).await.unwrap();
    stream
        .write_all(b"POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: b\r\ncontent-length: 5\r\n\r\n1")
        .await
        .unwrap();
    let mut answer = String::new();
    let _ = soon(stream.read_to_string(&mut answer)).await;
    assert_eq!(Answer::parse(&answer).code(), "RequestTimeout");
    assert!(peer.is_quiet().await);
}

#[tokio::test]
async fn a_connection_that_sends_no_request_is_closed() {
    let broker = ScriptedBroker::start().await;
    let (bridge, _peer) = connected(&broker, |settings| {
        settings.http.idle_timeout = Duration::from_millis(200);
    })
    .await;
    for start in ["", "PRI", "POST /mqtt/messages?topic=a HTTP/1.1\r\n"] {
        let mut stream = TcpStream::connect(bridge.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let _ = soon(stream.read_to_end(&mut rest)).await;
    }
}

#[tokio::test]
async fn messages_over_the_in_flight_limits_are_refused_at_once() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| {
        settings.in_flight = InFlightLimits { messages: 2, bytes: 1500 };
    })
    .await;
    let large = bridge.post("topic=a", "", &"x".repeat(900));
    let sent = peer.publish().await;
    let answer = soon(bridge.post("topic=a", "", &"x".repeat(600))).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (503, "Overloaded"));
    let small = bridge.post("topic=a", "", "x");
    let second = peer.publish().await;
    let answer = soon(bridge.post("topic=a", "", "x")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (503, "Overloaded"));
    peer.acknowledge(&sent).await;
    peer.acknowledge(&second).await;
    assert_eq!(soon(large).await.unwrap().status, 204);
    assert_eq!(soon(small).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_client_over_its_share_is_429_and_others_have_room() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| {
        settings.in_flight = InFlightLimits { messages: 4, bytes: 10_000 };
        settings.client_share = Some(InFlightLimits { messages: 2, bytes: 5_000 });
    })
    .await;
    let pump = format!("{CLIENT_ID}: pump\r\n");
    let mut waiting = Vec::new();
    for _ in 0..2 {
        waiting.push((bridge.post("topic=a", &pump, "x"), peer.publish().await));
    }
    let answer = soon(bridge.post("topic=a", &pump, "x")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (429, "ClientShareExceeded"));
    assert!(answer.field("retry-after").is_some());
    for fields in [format!("{CLIENT_ID}: valve\r\n"), String::new()] {
        waiting.push((bridge.post("topic=a", &fields, "x"), peer.publish().await));
    }
    let answer = soon(bridge.post("topic=a", "", "x")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (503, "Overloaded"));
    for (task, sent) in waiting {
        peer.acknowledge(&sent).await;
        assert_eq!(soon(task).await.unwrap().status, 204);
    }
}

#[tokio::test]
async fn a_topic_that_is_not_acknowledged_leaves_room_for_others_if_no_client_is_named() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| {
        settings.in_flight = InFlightLimits { messages: 4, bytes: 10_000 };
        settings.client_share = Some(InFlightLimits { messages: 2, bytes: 5_000 });
    })
    .await;
    for _ in 0..2 {
        bridge.post("topic=stuck", "", "x");
        peer.publish().await;
    }
    let answer = soon(bridge.post("topic=stuck", "", "x")).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (429, "ClientShareExceeded"));
    let task = bridge.post("topic=other", "", "x");
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(soon(task).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_full_bridge_says_to_retry_when_what_is_in_flight_has_left() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| {
        settings.in_flight = InFlightLimits { messages: 10, bytes: 10_000 };
    })
    .await;
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..10 {
        waiting.push_back((bridge.post("topic=a", "", "x"), peer.publish().await));
    }
    // One message leaves in about 1.2 s, so that 10 leave in about 12 s.
    let mut advice = Vec::new();
    for _ in 0..2 {
        let answer = soon(bridge.post("topic=a", "", "x")).await.unwrap();
        advice.push(answer.field("retry-after").unwrap().parse::<u32>().unwrap());
        let (task, sent) = waiting.pop_front().unwrap();
        peer.acknowledge(&sent).await;
        soon(task).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        waiting.push_back((bridge.post("topic=a", "", "x"), peer.publish().await));
    }
    let answer = soon(bridge.post("topic=a", "", "x")).await.unwrap();
    advice.push(answer.field("retry-after").unwrap().parse().unwrap());
    let &[_, second, third] = advice.as_slice() else { panic!("{advice:?}") };
    for seconds in [second, third] {
        assert!((11..=30).contains(&seconds), "{advice:?}");
    }
}

/// 32 KiB of User Properties in Base64, as one header field.
fn large_user_properties() -> String {
    use base64::Engine as _;
    let pairs: Vec<_> =
        (0..64).map(|number| format!("{{\"name-{number:02}\":\"{}\"}}", "v".repeat(505))).collect();
    base64::engine::general_purpose::STANDARD.encode(format!("[{}]", pairs.join(",")))
}

#[tokio::test]
async fn user_properties_of_32_kib_are_published_from_http1_and_http2() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let value = large_user_properties();
    let task = bridge.post("topic=a", &format!("mqtt-user-properties: {value}\r\n"), "");
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(soon(task).await.unwrap().status, 204);
    assert_eq!(sent.properties.unwrap().user_properties.len(), 64);

    let stream = TcpStream::connect(bridge.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://{}/mqtt/messages?topic=a", bridge.address))
        .header("mqtt-user-properties", value)
        .body(Full::<Bytes>::default().map_err(|never: Infallible| match never {}))
        .unwrap();
    let answer = tokio::spawn(async move { client.send_request(request).await.unwrap().status() });
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(soon(answer).await.unwrap(), StatusCode::NO_CONTENT);
    assert_eq!(sent.properties.unwrap().user_properties.len(), 64);
}

#[tokio::test]
async fn a_bridge_that_stops_finishes_the_requests_in_progress_and_disconnects() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |_| {}).await;
    let task = bridge.post("topic=a", "", "x");
    let sent = peer.publish().await;
    let mut idle = TcpStream::connect(bridge.address).await.unwrap();
    bridge.stop.cancel();

    // New connections are refused once the listener is gone.
    while TcpStream::connect(bridge.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(soon(idle.read(&mut [0; 1])).await.unwrap_or(0), 0, "an idle connection is closed");
    assert!(!bridge.task.is_finished());

    peer.acknowledge(&sent).await;
    assert_eq!(soon(task).await.unwrap().status, 204);
    assert!(matches!(peer.packet().await, Some(Packet::Disconnect(_))));
    soon(bridge.task).await.unwrap();
}

#[tokio::test]
async fn a_bridge_that_stops_accepts_connections_for_the_lame_duck_time_and_is_not_ready() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) =
        connected(&broker, |settings| settings.http.lame_duck = Duration::from_secs(3)).await;
    bridge.stop.cancel();
    while bridge.get("/readyz").await.status == 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let task = bridge.post("topic=a", "", "x");
    let sent = peer.publish().await;
    peer.acknowledge(&sent).await;
    assert_eq!(soon(task).await.unwrap().status, 204);
    soon(bridge.task).await.unwrap();
    assert!(TcpStream::connect(bridge.address).await.is_err());
}

#[tokio::test]
async fn requests_that_the_drain_time_out_ends_are_answered() {
    let broker = ScriptedBroker::start().await;
    let (bridge, mut peer) = connected(&broker, |settings| {
        settings.http.drain_timeout = Duration::from_millis(500);
    })
    .await;
    let mut unfinished = TcpStream::connect(bridge.address).await.unwrap();
    let head = "POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: b\r\ncontent-length: 5\r\n\r\n1";
    unfinished.write_all(head.as_bytes()).await.unwrap();
    let unacknowledged = bridge.post("topic=a", "", "x");
    peer.publish().await;
    bridge.stop.cancel();

    let mut answer = String::new();
    soon(unfinished.read_to_string(&mut answer)).await.unwrap();
    let answer = Answer::parse(&answer);
    assert_eq!((answer.status, answer.code().as_str()), (503, "BrokerUnavailable"));
    let answer = soon(unacknowledged).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (503, "ConnectionLost"));
    soon(bridge.task).await.unwrap();
}

#[tokio::test]
async fn a_full_bridge_answers_health_checks_at_its_own_address_for_them() {
    let broker = ScriptedBroker::start().await;
    let mut settings = settings(&broker);
    settings.http.max_connections = 1;
    settings.admin_listen = Some(settings.listen);
    let bridge = Bridge::start(settings).await.unwrap();
    let _peer = broker.accept(CONNACK).await;
    soon(bridge.pool().connected()).await;
    let (address, admin) = (bridge.address(), bridge.admin_address().unwrap());
    let stop = CancellationToken::new();
    let task = tokio::spawn(bridge.run(stop.clone()));
    let _full = TcpStream::connect(address).await.unwrap();

    let admin = Running { address: admin, stop, task };
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
    }
    let answer = soon(admin.post("topic=a", "", "x")).await.unwrap();
    assert_eq!(answer.status, 404, "messages are published elsewhere");
}
