//! `cluster-node PLUGIN NUMBER MQTT GRPC RAFT`: one node of an RMQTT cluster, as `rmqttd` starts it with one of its two cluster
//! plugins, `broadcast` or, if the feature `raft` is switched on, `raft`. It keeps everything in memory and accepts every client.
//!
//! MQTT, GRPC and RAFT are the addresses of all nodes in their order, separated by commas. NUMBER, counted from 1, says which
//! of them are this node's. `rmqttd` itself has two hundred dependencies more, among them clients of Kafka, Pulsar and NATS.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::process::ExitCode;
use std::time::Duration;

use rmqtt::context::ServerContext;
use rmqtt::net::{Builder, Listener, Result};
use rmqtt::node::Node;
use rmqtt::server::MqttServer;

/// How long a node waits for another one. By default 60 s, in which PUBACK and CONNACK wait for a node that was killed.
const NODE_TIMEOUT: &str = "500ms";

const USAGE: &str = "usage: cluster-node raft|broadcast NUMBER MQTT,MQTT,… GRPC,GRPC,… RAFT,RAFT,…";

/// What the command line says.
struct Arguments {
    plugin: Plugin,
    number: u64,
    mqtt: Vec<SocketAddr>,
    grpc: Vec<SocketAddr>,
    #[cfg_attr(not(feature = "raft"), expect(dead_code, reason = "only Raft uses them"))]
    raft: Vec<SocketAddr>,
}

/// How the nodes share subscriptions and sessions.
#[derive(Clone, Copy)]
enum Plugin {
    /// Each node has all of them, agreed upon with Raft.
    #[cfg(feature = "raft")]
    Raft,
    /// Each node has its own, and asks the others for theirs.
    Broadcast,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(arguments) = Arguments::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

// === impl Arguments ===

impl Arguments {
    fn read(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let words: Vec<String> = arguments.collect();
        let [plugin, number, mqtt, grpc, raft] = words.as_slice() else { return None };
        let plugin = match plugin.as_str() {
            #[cfg(feature = "raft")]
            "raft" => Plugin::Raft,
            "broadcast" => Plugin::Broadcast,
            _ => return None,
        };
        Some(Self {
            plugin,
            number: number.parse().ok()?,
            mqtt: addresses(mqtt)?,
            grpc: addresses(grpc)?,
            raft: addresses(raft)?,
        })
    }

    /// The node's own address of these.
    fn own(&self, addresses: &[SocketAddr]) -> Result<SocketAddr> {
        let index = usize::try_from(self.number)?.checked_sub(1);
        let own = index.and_then(|index| addresses.get(index)).copied();
        own.ok_or_else(|| std::io::Error::other("there is no address with this node's number").into())
    }

    /// The plugin's configuration file.
    fn plugin_configuration(&self) -> String {
        let grpc = format!(
            "node_grpc_addrs = {}\nnode_grpc_client_timeout = \"{NODE_TIMEOUT}\"\n",
            listed(&self.grpc)
        );
        match self.plugin {
            Plugin::Broadcast => grpc,
            #[cfg(feature = "raft")]
            Plugin::Raft => format!("{grpc}raft_peer_addrs = {}\nleader_id = 1\n", listed(&self.raft)),
        }
    }
}

/// Addresses that are separated by commas.
fn addresses(text: &str) -> Option<Vec<SocketAddr>> {
    text.split(',').map(|address| address.parse().ok()).collect()
}

async fn run(arguments: &Arguments) -> Result<()> {
    // A busy machine must not make the broker refuse connections, which is its default.
    let context = ServerContext::new()
        .node(Node::new(arguments.number, 80.0, 90.0, Duration::from_secs(2)))
        .busy_check_enable(false)
        .plugins_config_map_add(arguments.plugin.name(), arguments.plugin_configuration())
        .build()
        .await;
    context.node.start_grpc_server(context.clone(), arguments.own(&arguments.grpc)?, true, false);
    match arguments.plugin {
        #[cfg(feature = "raft")]
        Plugin::Raft => rmqtt_cluster_raft::register(&context, true, true).await?,
        Plugin::Broadcast => rmqtt_cluster_broadcast::register(&context, true, true).await?,
    }
    let listener = bind(arguments.own(&arguments.mqtt)?)?;
    MqttServer::new(context).listener(listener).build().run().await
}

/// No limit here is reached: what is missing in the end was lost, and not dropped from a full queue.
fn bind(address: SocketAddr) -> Result<Listener> {
    Builder::new()
        .name("mqtt")
        .laddr(address)
        .reuseaddr(Some(true))
        .nodelay(true)
        .max_inflight(NonZeroU16::MAX)
        .max_mqueue_len(10_000_000)
        .message_expiry_interval(Duration::ZERO)
        .bind()?
        .tcp()
}

/// As TOML: `["1@127.0.0.1:1", "2@127.0.0.1:2"]`.
fn listed(addresses: &[SocketAddr]) -> String {
    let nodes: Vec<_> = (1..).zip(addresses).map(|(number, address)| format!("{number}@{address}")).collect();
    format!("{nodes:?}")
}

// === impl Plugin ===

impl Plugin {
    const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "raft")]
            Self::Raft => "rmqtt-cluster-raft",
            Self::Broadcast => "rmqtt-cluster-broadcast",
        }
    }
}
