//! Other programs that take messages over HTTP and publish them over MQTT, beside a bridge.
//!
//! What is measured is on one core; broker and load are on another. All take turns within a round.

mod node_red;
mod peer;
mod rabbitmq;
mod rmqtt;

use peer::Peer;
use rig::stack::Mosquitto;
use rig::{Result, tools};

use crate::report::Report;
use crate::requests::Requests;
use crate::run::Run;
use crate::stats::{median, ratio};
use crate::table::Table;
use crate::workload::Workload;

/// What one program showed, a value for each round.
#[derive(Default)]
struct Series {
    per_second: Vec<f64>,
    /// In microseconds a message.
    cpu: Vec<f64>,
}

const WORKLOAD: Workload = Workload::FEW;

pub(crate) fn measure(run: &Run) -> Result<Report> {
    let broker =
        run.others.mosquitto("bench/broker", &Mosquitto::new().setting("max_inflight_messages 0"))?;
    broker.service.start()?;
    let bridge = run.measured.bridge("bench/bridge", broker.port)?;
    bridge.service.start()?;
    let node_red = node_red::start(run, broker.port)?;
    let (rabbitmq, version) = rabbitmq::start(run)?;
    let rmqtt = run.rmqtt.then(|| rmqtt::start(run)).transpose()?;
    let publish = Requests::of(&WORKLOAD, &run.token);
    let mut peers = vec![
        Peer {
            name: "postmqtt-bridge".to_owned(),
            server: &bridge,
            requests: publish.clone(),
            due: WORKLOAD.due(),
            broker: broker.port,
        },
        Peer {
            name: "Node-RED".to_owned(),
            server: &node_red,
            requests: publish,
            due: 204,
            broker: broker.port,
        },
        Peer {
            name: format!("RabbitMQ {version}"),
            server: &rabbitmq.management,
            requests: rabbitmq::requests(&WORKLOAD),
            due: 200,
            broker: rabbitmq.mqtt,
        },
    ];
    peers.extend(rmqtt.as_ref().map(|(server, mqtt)| Peer {
        name: "RMQTT 0.24".to_owned(),
        server,
        requests: rmqtt::requests(&WORKLOAD),
        due: 200,
        broker: *mqtt,
    }));
    let all = in_turn(run, &peers)?;
    Ok(Report::new(vec![table(&peers, &all)]).plot("peers.svg", 2))
}

/// One of each program's, in its order.
fn in_turn(run: &Run, peers: &[Peer<'_>]) -> Result<Vec<Series>> {
    let h2load = run.h2load("bench/bridge").on(run.others);
    let subscriber = tools::mosquitto_sub()?;
    let payload = WORKLOAD.payload();
    for peer in peers {
        peer.prove(&h2load, &subscriber, &payload)?;
        // Warms up.
        peer.send(&h2load)?;
    }
    let mut all: Vec<Series> = peers.iter().map(|_| Series::default()).collect();
    for _ in 0..run.rounds {
        for (peer, series) in peers.iter().zip(&mut all) {
            let (elapsed, cpu) = peer.send(&h2load)?;
            let messages = f64::from(peer.requests.count);
            series.per_second.push(messages / elapsed.as_secs_f64());
            series.cpu.push(cpu.as_secs_f64() * 1e6 / messages);
        }
    }
    Ok(all)
}

/// The first one is the bridge.
fn table(peers: &[Peer<'_>], all: &[Series]) -> Table {
    let columns = ["program", "a second", "CPU each, µs", "× the bridge"];
    let title = format!("Publishes with QoS 1 and 256 bytes, {} at a time", WORKLOAD.connections);
    let mut table = Table::new(title, &columns);
    for (peer, Series { per_second, cpu }) in peers.iter().zip(all) {
        let figures =
            [median(per_second.iter().copied()), median(cpu.iter().copied()), ratio(cpu, &all[0].cpu)];
        let [rate, cpu, times] = figures;
        table.row(&peer.name, vec![format!("{rate:.0}"), format!("{cpu:.1}"), format!("{times:.1}")]);
    }
    table
}
