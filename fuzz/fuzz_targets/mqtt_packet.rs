//! Bytes from a broker: the decoder does not panic, returns a packet only if it is complete, and reads the same packet
//! whatever follows it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqtt_sessions::codec::decode;

/// The Maximum Packet Size.
const MAXIMUM: usize = 64 * 1024;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(decoded)) = decode(bytes, MAXIMUM) else { return };
    assert!(decoded.length <= bytes.len().min(MAXIMUM));
    let packet = &bytes[..decoded.length];
    assert_eq!(decode(packet, MAXIMUM), Ok(Some(decoded.clone())));
    assert_eq!(decode(&packet[..packet.len() - 1], MAXIMUM), Ok(None));
    assert_eq!(decode(&[packet, packet].concat(), MAXIMUM), Ok(Some(decoded)));
});
