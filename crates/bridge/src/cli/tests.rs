use std::io::Write;
use std::time::Duration;

use clap::CommandFactory;
use mqtt_sessions::config::{ClientLogin, ClientSessions};

use super::*;

fn settings(arguments: &[&str]) -> Result<Settings, String> {
    let arguments = std::iter::once("postmqtt-bridge").chain(arguments.iter().copied());
    let cli = Cli::try_parse_from(arguments).map_err(|error| error.to_string())?;
    cli.into_settings().map_err(|error| error.to_string())
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn without_flags_it_listens_on_this_machine_and_connects_to_a_broker_on_this_machine() {
    let settings = settings(&[]).unwrap();
    assert_eq!(settings.listen, SocketAddr::from(([127, 0, 0, 1], 8081)));
    assert_eq!(settings.rules, Rules::default());
    assert_eq!(settings.mqtt.brokers.to_string(), "mqtt://127.0.0.1:1883");
    assert_eq!(settings.mqtt.publish_timeout, Duration::from_secs(10));
}

#[test]
fn the_payload_limit_overrides_the_profile() {
    let settings = settings(&["--limits", "aws", "--payload-limit", "1MiB"]).unwrap();
    assert_eq!(settings.rules.limits.topic_segments, 8);
    assert_eq!(settings.rules.limits.payload_bytes, 1_048_576);
}

#[test]
fn the_share_of_a_client_is_a_part_of_what_may_be_in_flight_and_at_least_one_message() {
    let rows: &[(&[&str], Option<InFlightLimits>)] = &[
        (&[], Some(InFlightLimits { messages: 5000, bytes: 134_217_728 })),
        (&["--client-share", "10%"], Some(InFlightLimits { messages: 1000, bytes: 26_843_545 })),
        (
            &["--client-share", "1%", "--in-flight-limit", "7"],
            Some(InFlightLimits { messages: 1, bytes: 2_684_354 }),
        ),
        (&["--client-share", "100%"], None),
    ];
    for (arguments, expected) in rows {
        assert_eq!(settings(arguments).unwrap().client_share, *expected, "{arguments:?}");
    }
}

#[test]
fn the_trace_context_is_passed_on_only_with_its_flag() {
    for (arguments, expected) in [(&[][..], false), (&["--trace-context"], true)] {
        assert_eq!(settings(arguments).unwrap().http.trace_context, expected);
    }
}

#[test]
fn sessions_are_shared_or_one_for_each_client() {
    let mqtt = |arguments: &[&str]| settings(arguments).unwrap().mqtt;
    assert_eq!(mqtt(&["--sessions", "7"]).sessions, Sessions::Shared(7));

    let clients = mqtt(&["--sessions", "7", "--sessions-of", "client"]);
    let defaults = ClientSessions {
        prefix: String::new(),
        limit: 1000,
        idle_timeout: Duration::from_secs(300),
        connects: 32,
        login: ClientLogin::Configured,
    };
    assert_eq!(clients.sessions, Sessions::PerClient(defaults.clone()));

    let own = mqtt(&["--sessions-of", "client", "--client-password", "token"]);
    assert_eq!(own.sessions, Sessions::PerClient(ClientSessions { login: ClientLogin::Own, ..defaults }));
}

#[test]
fn brokers_are_separated_by_commas() {
    let mqtt = settings(&["--broker", "mqtt://a,mqtts://me:p%2Cq@b"]).unwrap().mqtt;
    assert_eq!(mqtt.brokers.to_string(), "mqtt://a:1883, mqtts://b:8883");
    assert_eq!(mqtt.credentials.password.as_deref(), Some("p,q"));
    assert_eq!(mqtt.server_references, ServerReferences::Ignored);
    let mqtt = settings(&["--broker", "mqtt://a", "--follow-server-reference"]).unwrap().mqtt;
    assert_eq!(mqtt.server_references, ServerReferences::Followed);
}

#[test]
fn an_invalid_value_is_answered_with_what_was_expected() {
    let rows: &[(&[&str], &str)] = &[
        (&["--listen", "8081"], "expected an IP address and a port"),
        (&["--listen", "localhost:8081"], "expected an IP address and a port"),
        (&["--broker", "broker"], "expected mqtt://"),
        (&["--broker", "mqtt://a,b"], "expected mqtt://"),
        (&["--broker", "mqtt://a@b,mqtt://c@d"], "expected the same user and password"),
        (&["--publish-timeout", "10"], "expected a number and a unit"),
        (&["--payload-limit", "512kilobytes"], "expected a number of bytes"),
        (&["--limits", "gcp"], "expected azure, aws or mqtt5"),
        (&["--path", "messages"], "expected a path"),
        (&["--path", "/healthz"], "expected a path"),
        (&["--path", "/metrics"], "expected a path"),
        (&["--retained-path", "retained"], "expected a path"),
        (&["--retained-path", "/mqtt/messages"], "expected another path for --retained-path"),
        (&["--max-connections", "0"], "expected a whole number of at least 1"),
        (&["--client-share", "50"], "expected a whole percentage from 1% to 100%"),
        (&["--client-share", "0%"], "expected a whole percentage from 1% to 100%"),
        (&["--client-share", "101%"], "expected a whole percentage from 1% to 100%"),
        (&["--backlog", "0"], "expected a whole number from 1 to 65535"),
        (&["--admin-listen", "8082"], "expected an IP address and a port"),
        (&["--lame-duck", "5"], "expected a number and a unit"),
        (&["--sessions", "1001"], "expected a whole number from 1 to 1000"),
        (&["--keep-alive", "0"], "seconds from 1 to 65535"),
        (&["--session-expiry", "4294967296"], "seconds from 0 to 4294967295"),
        (&["--password-file", "/nonexistent"], "--password-file"),
        (&["--broker-cert-file", "cert.pem"], "--broker-key-file"),
        (&["--tls-cert-file", "cert.pem"], "--tls-key-file"),
        (&["--tls-key-file", "key.pem"], "--tls-cert-file"),
        (&["--tls-client-ca-file", "ca.pem"], "--tls-cert-file"),
        (&["--client-id-prefix", "a\nb"], "--client-id-prefix"),
        (&["--otlp-endpoint", "otel-collector:4317"], "expected the base URL of a collector"),
        (&["--sessions-of", "topic"], "possible values: bridge, client"),
        (&["--client-sessions-limit", "0"], "expected a whole number of at least 1"),
        (&["--client-session-idle", "60"], "expected a number and a unit"),
        (&["--client-connects-limit", "many"], "expected a whole number of at least 1"),
        (&["--client-password", "token"], "expected --sessions-of client"),
        (&["--client-session-prefix", "a\nb"], "--client-session-prefix"),
    ];
    for (given, expected) in rows {
        let error = settings(given).unwrap_err();
        assert!(error.contains(expected), "{given:?}: {error}");
    }
}

#[test]
fn a_password_comes_from_a_file_and_is_not_shown() {
    let path = std::env::temp_dir().join(format!("postmqtt-bridge-{}", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"s3cret \n").unwrap();
    let settings = settings(&["--username", "me", "--password-file", path.to_str().unwrap()]).unwrap();
    assert_eq!(settings.mqtt.credentials.read_password().unwrap().as_deref(), Some("s3cret "));
    std::fs::remove_file(&path).unwrap();
    assert!(!format!("{settings:?}").contains("s3cret"));
}
