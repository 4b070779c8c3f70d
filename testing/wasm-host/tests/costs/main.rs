//! What a request costs in the filter, counted: executed WebAssembly operations, and hostcalls by name.
//!
//! What is counted is the filter as the compiler wrote it, before wasm-opt: a machine without npm has no other, and wasm-opt
//! hardly changes the counts (1 % less). They do not depend on the machine or its load, but on the compiler: those in
//! `baseline.txt` are of the toolchain that `rust-toolchain.toml` pins. A change of more than 3 % in operations, or any change in hostcalls, fails the test. If it is
//! meant, write the file anew with `POSTMQTT_WRITE_COSTS=1 cargo test -p wasm-host --test costs`, and say why in the commit.

mod situations;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use situations::{Situation, situations};
use wasm_host::Filter;

/// The cost of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cost {
    operations: u64,
    /// Names of hostcalls, each with how many there were.
    calls: BTreeMap<String, usize>,
}

/// By how much the operations may differ.
const TOLERANCE_PERCENT: u64 = 3;

const WRITE_VARIABLE: &str = "POSTMQTT_WRITE_COSTS";

/// Requests before the one that is counted: by then every buffer is as large as it will be.
const WARM: usize = 8;

fn baseline() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/costs/baseline.txt")
}

fn measure(filter: &Filter, situation: &Situation) -> Cost {
    let host = filter.start().unwrap();
    host.configure(situation.configuration).unwrap();
    situations::set_claims(&host);
    for _ in 0..WARM {
        host.send(&situation.request).unwrap();
    }
    let before = host.operations();
    host.watch_calls(&[]);
    let outcome = host.send(&situation.request).unwrap();
    let mut calls = BTreeMap::new();
    for call in host.watched_calls() {
        *calls.entry(call.to_owned()).or_default() += 1;
    }
    let status = outcome.local_reply.map(|reply| reply.status);
    assert_eq!(status, situation.status, "{}", situation.name);
    Cost { operations: host.operations() - before, calls }
}

/// One line: `NAME: OPERATIONS operations, CALL 1, CALL 2`.
fn line(name: &str, cost: &Cost) -> String {
    let mut line = format!("{name}: {} operations", cost.operations);
    for (call, count) in &cost.calls {
        let _ = write!(line, ", {call} {count}");
    }
    line
}

fn parse(line: &str) -> Option<(String, Cost)> {
    let (name, cost) = line.split_once(": ")?;
    let mut parts = cost.split(", ");
    let operations = parts.next()?.strip_suffix(" operations")?.parse().ok()?;
    let call = |part: &str| {
        let (call, count) = part.split_once(' ')?;
        Some((call.to_owned(), count.parse().ok()?))
    };
    Some((name.to_owned(), Cost { operations, calls: parts.map(call).collect::<Option<_>>()? }))
}

/// What is not as it was; `None` if nothing is.
fn change(name: &str, then: &Cost, now: &Cost) -> Option<String> {
    let difference = now.operations.abs_diff(then.operations);
    if difference * 100 <= then.operations * TOLERANCE_PERCENT && now.calls == then.calls {
        return None;
    }
    #[allow(clippy::cast_precision_loss)]
    let percent = (now.operations as f64 / then.operations as f64 - 1.0) * 100.0;
    Some(format!("{percent:+.1} %\n  was {}\n  is  {}", line(name, then), line(name, now)))
}

#[test]
fn each_request_costs_what_it_did() {
    let filter = Filter::compile_counted(&Filter::read_compiled().unwrap()).unwrap();
    let costs: Vec<_> =
        situations().iter().map(|situation| (situation.name, measure(&filter, situation))).collect();
    if std::env::var_os(WRITE_VARIABLE).is_some() {
        let lines: String = costs.iter().map(|(name, cost)| line(name, cost) + "\n").collect();
        std::fs::write(baseline(), lines).unwrap();
    }
    let stored = std::fs::read_to_string(baseline()).unwrap();
    let stored: BTreeMap<_, _> = stored.lines().map(|line| parse(line).unwrap()).collect();
    let names: Vec<_> = costs.iter().map(|(name, _)| *name).collect();
    assert!(stored.keys().all(|name| names.contains(&name.as_str())), "the baseline has costs of nothing");
    let changes: Vec<_> = costs
        .iter()
        .filter_map(|(name, cost)| match stored.get(*name) {
            Some(then) => change(name, then, cost),
            None => Some(format!("new\n  is  {}", line(name, cost))),
        })
        .collect();
    assert!(changes.is_empty(), "costs have changed:\n{}", changes.join("\n"));
}

#[test]
fn a_refusal_that_names_no_parameter_costs_less_than_what_it_refuses() {
    let filter = Filter::compile_counted(&Filter::read_compiled().unwrap()).unwrap();
    let all = situations();
    let cost = |name: &str| {
        let situation = all.iter().find(|situation| situation.name == name).unwrap();
        measure(&filter, situation).operations
    };
    let accepted = cost("example, shipped");
    for refused in ["refused, no token", "refused, not permitted", "refused, method"] {
        assert!(cost(refused) < accepted, "{refused}");
    }
}

#[test]
fn what_is_written_is_read_again_and_changes_are_told() {
    let cost = |operations, calls: &[(&str, usize)]| Cost {
        operations,
        calls: calls.iter().map(|&(call, count)| (call.to_owned(), count)).collect(),
    };
    let then = cost(1_000, &[("a", 1), ("b", 2)]);
    assert_eq!(line("x, y", &then), "x, y: 1000 operations, a 1, b 2");
    assert_eq!(parse(&line("x", &then)), Some(("x".to_owned(), then.clone())));
    let rows = [
        (cost(1_030, &[("a", 1), ("b", 2)]), None),
        (cost(1_031, &[("a", 1), ("b", 2)]), Some("+3.1 %")),
        (cost(969, &[("a", 1), ("b", 2)]), Some("-3.1 %")),
        (cost(1_000, &[("a", 1), ("b", 3)]), Some("+0.0 %")),
    ];
    for (now, expected) in rows {
        let told = change("x", &then, &now);
        assert_eq!(told.as_deref().and_then(|told| told.split('\n').next()), expected);
    }
}
