//! Lists the retained messages that match a Topic Filter: `retained HOST PORT FILTER [QUIET_MS]`.

use std::num::NonZeroU16;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use mqtt_sessions::config::{BrokerAddress, Config};
use mqtt_sessions::retained::{ReadConfig, RetainedReader};
use mqtt_sessions::subscriber::IncomingLimits;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, topic_filter, rest @ ..] = arguments.as_slice() else {
        return Err("expected HOST PORT FILTER [QUIET_MS]".into());
    };
    let quiet = rest.first().map_or(Ok(100), |text| text.parse())?;
    let config = ReadConfig {
        incoming: IncomingLimits { maximum_packet_size: 1024 * 1024, receive_maximum: NonZeroU16::MAX },
        connections: 1,
        quiet: Duration::from_millis(quiet),
        timeout: Duration::from_secs(30),
    };
    let reader = RetainedReader::new(&Config::new(BrokerAddress::tcp(host, port.parse()?)), config)?;
    let (start, mut count) = (Instant::now(), 0);
    let read = reader.read(topic_filter, |message| {
        count += 1;
        println!("{} ({} bytes)", message.topic_name, message.payload.len());
        ControlFlow::Continue(())
    });
    read.await?;
    eprintln!("{count} retained messages in {} ms", start.elapsed().as_millis());
    Ok(())
}
