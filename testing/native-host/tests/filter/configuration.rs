//! Configurations.

use native_host::Config;

use crate::support::CLOSED_MESH;

#[test]
fn a_configuration_that_is_not_valid_is_refused_and_the_log_says_why() {
    let rows: &[(&[u8], &str)] = &[
        (b"{", "EOF while parsing"),
        (b"\xff\xfe", "expected value"),
        (br#"{"pfad": "/"}"#, "unknown field `pfad`"),
        (br#"{"limits": {"topicBytes": 65536}}"#, "limits.topicBytes"),
        (br#"{"clientId": {"from": "header"}}"#, "unknown variant `header`"),
    ];
    for (json, expected) in rows {
        let errors = Config::load(json).unwrap_err();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(error.starts_with("postmqtt: the configuration is wrong: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn no_configuration_is_the_default_one() {
    assert!(Config::load("").is_ok());
    assert!(Config::load_null(0).is_ok());
}

#[test]
fn a_configuration_that_envoy_does_not_show_is_refused() {
    for length in [1, usize::MAX] {
        assert_eq!(Config::load_null(length).unwrap_err(), ["postmqtt: Envoy gives no configuration"]);
    }
}

#[test]
fn a_filter_without_counters_is_refused() {
    let errors = Config::load_without_counters(CLOSED_MESH).unwrap_err();
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(error.contains("define_counter failed with status 3"), "{error}");
}
