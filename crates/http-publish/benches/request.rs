//! What one request costs the protocol: reading its head, finding what is not in normal form, and watching its payload.

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http_publish::{Limits, PayloadCheck, PayloadFormatIndicator, RequestHead, Rules, example, read};

type Fields = Vec<(&'static str, String)>;

/// The example of Azure's documentation, which is in normal form.
fn seed() -> Fields {
    let start = [(":method", "POST"), (":path", example::PATH_AND_QUERY)];
    let end = [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("content-length", "46")];
    let fields = start.into_iter().chain(example::HEADERS).chain(end);
    fields.map(|(name, value)| (name, value.to_owned())).collect()
}

/// Every part as large as it may be, and none of them in normal form.
fn large() -> Fields {
    let pair = format!(r#"{{"{}":"{}"}}"#, "n".repeat(62), "v".repeat(62));
    vec![
        (":method", "POST".to_owned()),
        (":path", format!("/mqtt/messages?topic={}&qos=0&utm=1", "%61".repeat(256))),
        ("mqtt-response-topic", "b/".repeat(128)),
        ("mqtt-correlation-data", "-_-_".repeat(85)),
        ("mqtt-user-properties", format!("[{}]", vec![pair; 260].join(", "))),
        ("mqtt-message-expiry", "0060".to_owned()),
        ("mqtt-payload-format-indicator", "1".to_owned()),
        ("content-type", format!("text/plain; x=\"{}\"", "x".repeat(200))),
    ]
}

/// Everything is wrong with it.
fn wrong() -> Fields {
    [
        (":method", "POST"),
        (":path", "/mqtt/messages?topic=a%2F%23&qos=2&api-version=1"),
        ("mqtt-retain", "2"),
        ("mqtt-response-topic", "+"),
        ("mqtt-correlation-data", "?"),
        ("mqtt-user-properties", r#"[{"a":1},{"b":2}]"#),
        ("content-type", "a/b,c/d"),
        ("mqtt-message-expiry", "soon"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

fn head(fields: &Fields) -> RequestHead<'_> {
    RequestHead::from_fields(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

fn heads(criterion: &mut Criterion) {
    let rules = Rules::default();
    for (name, fields) in [("seed", seed()), ("large", large())] {
        criterion.bench_function(&format!("read/{name}"), |bencher| {
            bencher.iter(|| read(&head(black_box(&fields)), &rules).unwrap());
        });
        let head = head(&fields);
        let publish = read(&head, &rules).unwrap();
        criterion.bench_function(&format!("changes/{name}"), |bencher| {
            bencher.iter(|| {
                publish.changes(black_box(&head), &rules, |change| {
                    black_box(change);
                    Ok::<(), Infallible>(())
                })
            });
        });
    }
    let fields = wrong();
    criterion.bench_function("read and refuse/wrong", |bencher| {
        bencher.iter(|| read(&head(black_box(&fields)), &rules).unwrap_err().to_json(None));
    });
}

fn payloads(criterion: &mut Criterion) {
    let limits = Limits::default();
    let ascii = "x".repeat(512 * 1024);
    let umlauts = "\u{e4}".repeat(256 * 1024);
    let mut group = criterion.benchmark_group("payload of 512 KiB in chunks of 16 KiB");
    group.throughput(Throughput::Bytes(512 * 1024));
    for (name, format, payload) in [
        ("bytes", PayloadFormatIndicator::UnspecifiedBytes, &ascii),
        ("ASCII", PayloadFormatIndicator::Utf8, &ascii),
        ("two-byte characters", PayloadFormatIndicator::Utf8, &umlauts),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || PayloadCheck::new(format, &limits),
                |mut check| {
                    for chunk in black_box(payload).as_bytes().chunks(16 * 1024) {
                        check.push(chunk).unwrap();
                    }
                    check.finish().unwrap();
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, heads, payloads);
criterion_main!(benches);
