//! The faults, and how each begins and ends.

use std::time::Duration;

use end_to_end::authority::Identity;
use end_to_end::{AutomaticBroker, Conduct, Edge, Link};
use scripted_broker::{connack_refused, disconnect};

use crate::packets::{self, Loss};

/// What a fault happens to.
pub(crate) struct Scene {
    pub(crate) edge: Edge,
    pub(crate) broker: AutomaticBroker,
    pub(crate) link: Link,
    pub(crate) trusted: Identity,
    pub(crate) untrusted: Identity,
}

/// Something that goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The connections are cut, and may be made again at once.
    ConnectionsCut,
    /// The broker is away, and has its sessions when it comes back.
    BrokerAway,
    /// The broker is killed, and its sessions with it.
    BrokerKilled,
    /// The broker neither reads nor answers.
    BrokerFrozen,
    /// The broker answers PINGREQ and acknowledges nothing.
    BrokerSilent,
    /// The broker refuses every login: CONNACK 0x87 Not authorized.
    LoginsDenied,
    /// The broker refuses every login for now: CONNACK 0x97 Quota exceeded.
    LoginsThrottled,
    /// The broker refuses every message: PUBACK 0x87.
    MessagesDenied,
    /// Something that does not speak MQTT answers CONNECT.
    ConnackGarbage,
    /// The broker answers CONNECT with DISCONNECT 0x8B Server shutting down.
    ShuttingDown,
    /// The broker's certificate is signed by an unknown authority.
    CertificateUntrusted,
    /// A bridge is killed, and started again.
    BridgeKilled,
    /// A bridge is told to end, and started again.
    BridgeStopped,
    /// A bridge hangs.
    BridgeFrozen,
    /// 10 % of the packets between bridges and broker are lost, in both directions.
    PacketsLost,
    /// All of them are lost, and no side learns of it.
    PacketsBlackHoled,
}

// === impl Fault ===

impl Fault {
    /// Those that can happen on this machine.
    pub(crate) fn possible() -> Vec<Self> {
        let below_tcp: &[Self] = if packets::can_be_dropped() { &Self::BELOW_TCP } else { &[] };
        [&Self::ABOVE_TCP, below_tcp].concat()
    }

    const BELOW_TCP: [Self; 2] = [Self::PacketsLost, Self::PacketsBlackHoled];

    const ABOVE_TCP: [Self; 14] = [
        Self::ConnectionsCut,
        Self::BrokerAway,
        Self::BrokerKilled,
        Self::BrokerFrozen,
        Self::BrokerSilent,
        Self::LoginsDenied,
        Self::LoginsThrottled,
        Self::MessagesDenied,
        Self::ConnackGarbage,
        Self::ShuttingDown,
        Self::CertificateUntrusted,
        Self::BridgeKilled,
        Self::BridgeStopped,
        Self::BridgeFrozen,
    ];

    /// Lets the fault happen for this long. `bridge` is the bridge that it happens to, if it happens to one.
    pub(crate) fn happen(self, scene: &Scene, bridge: usize, duration: Duration) {
        let Scene { edge, broker, link, trusted, untrusted } = scene;
        let bridge = &edge.stack().bridges()[bridge];
        let wait = || std::thread::sleep(duration);
        let refusal = |bytes| Conduct { refusal: Some(bytes), ..Conduct::default() };
        match self {
            Self::ConnectionsCut => link.cut(),
            Self::BrokerAway => {
                link.close();
                wait();
                link.open();
            }
            Self::BrokerKilled => {
                link.close();
                broker.lose_sessions();
                wait();
                link.open();
            }
            Self::BrokerFrozen => behave(broker, Conduct { is_frozen: true, ..Conduct::default() }, wait),
            Self::BrokerSilent => behave(broker, Conduct { is_silent: true, ..Conduct::default() }, wait),
            Self::MessagesDenied => behave(broker, Conduct { reason_code: 0x87, ..Conduct::default() }, wait),
            Self::LoginsDenied => cut_and_behave(broker, refusal(connack_refused(0x87, "")), wait),
            Self::LoginsThrottled => cut_and_behave(broker, refusal(connack_refused(0x97, "")), wait),
            Self::ConnackGarbage => {
                cut_and_behave(broker, refusal(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), wait);
            }
            Self::ShuttingDown => cut_and_behave(broker, refusal(disconnect(0x8B, "")), wait),
            Self::CertificateUntrusted => {
                link.show(untrusted);
                wait();
                link.show(trusted);
            }
            Self::BridgeKilled => {
                bridge.kill();
                wait();
                bridge.start().expect("the bridge starts again");
            }
            Self::BridgeStopped => bridge.restart().expect("the bridge starts again"),
            Self::BridgeFrozen => {
                bridge.freeze();
                wait();
                bridge.thaw();
            }
            Self::PacketsLost => lose(link, "numgen random mod 100 < 10", wait),
            Self::PacketsBlackHoled => lose(link, "", wait),
        }
    }
}

fn lose(link: &Link, condition: &str, wait: impl Fn()) {
    let _loss = Loss::start(link.port(), condition);
    wait();
}

fn behave(broker: &AutomaticBroker, conduct: Conduct, wait: impl Fn()) {
    broker.behave(conduct);
    wait();
    broker.behave(Conduct::default());
}

fn cut_and_behave(broker: &AutomaticBroker, conduct: Conduct, wait: impl Fn()) {
    broker.behave(conduct);
    broker.cut();
    wait();
    broker.behave(Conduct::default());
}
