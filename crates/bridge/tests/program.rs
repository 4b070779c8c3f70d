//! The program `postmqtt-bridge`: its exit statuses, and what it prints.

use std::path::PathBuf;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_postmqtt-bridge")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn file(name: &str, content: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("postmqtt-program-{}-{name}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn the_version_is_the_packages_and_may_have_a_revision_of_twelve_digits() {
    let (status, printed, _) = run(&["--version"]);
    assert_eq!(status, Some(0));
    let version = printed.trim_end().strip_prefix("postmqtt-bridge ").unwrap();
    let revision = version.strip_prefix(env!("CARGO_PKG_VERSION")).unwrap();
    let is_revision = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = revision.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
    assert!(revision.is_empty() || digits.is_some_and(is_revision), "{printed}");
}

#[test]
fn check_config_prints_what_a_bridge_would_do_without_its_password() {
    let arguments =
        ["--check-config", "--broker", "mqtt://me:s3cret@broker.example", "--admin-listen", "127.0.0.1:9000"];
    let (status, printed, errors) = run(&arguments);
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    for expected in [
        "The settings are valid.",
        "http://127.0.0.1:8081/mqtt/messages",
        "http://127.0.0.1:9000",
        "mqtt://broker.example:1883",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[test]
fn check_config_says_over_whose_sessions_and_to_which_brokers_messages_go() {
    let rows: &[(&[&str], &[&str])] = &[
        (&[], &["Messages are published over 2 sessions with mqtt://127.0.0.1:1883."]),
        (&["--sessions", "1"], &["Messages are published over one session with"]),
        (
            &["--sessions-of", "client", "--client-sessions-limit", "7"],
            &["Each client has its own session with mqtt://127.0.0.1:1883.", "At most 7 clients have one"],
        ),
        (
            &["--broker", "mqtt://a,mqtts://b", "--follow-server-reference"],
            &[
                "mqtt://a:1883, mqtts://b:8883",
                "the next one while",
                "goes to the server that its broker names",
            ],
        ),
    ];
    for (arguments, expected) in rows {
        let (status, printed, errors) = run(&[&["--check-config"], *arguments].concat());
        assert_eq!((status, errors.as_str()), (Some(0), ""), "{arguments:?}");
        for expected in *expected {
            assert!(printed.contains(expected), "{expected}: {printed}");
        }
    }
}

#[test]
fn check_config_names_the_file_that_cannot_be_used_in_one_line() {
    let no_certificate = file("ca.pem", "nothing");
    let no_certificate = no_certificate.to_str().unwrap();
    let rows: &[(&[&str], &str)] = &[
        (&["--broker", "mqtts://b", "--broker-ca-file", "/nonexistent/ca.pem"], "/nonexistent/ca.pem"),
        (&["--broker", "mqtts://b", "--broker-ca-file", no_certificate], no_certificate),
        (&["--password-file", "/nonexistent/password"], "--password-file"),
        (&["--tls-cert-file", no_certificate, "--tls-key-file", no_certificate], no_certificate),
        (&["--client-id-prefix", "a\nb"], "--client-id-prefix"),
    ];
    for (arguments, expected) in rows {
        let (status, printed, errors) = run(&[&["--check-config"], *arguments].concat());
        assert_eq!((status, printed.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(errors.starts_with("error: ") && errors.contains(expected), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    std::fs::remove_file(no_certificate).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_is_told_when_the_bridge_listens_and_when_it_stops() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::time::Duration;

    let path = std::env::temp_dir().join(format!("postmqtt-program-{}-notify", std::process::id()));
    let name = format!("postmqtt-program-{}", std::process::id());
    let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
    let sockets = [
        (path.to_str().unwrap().to_owned(), UnixDatagram::bind(&path).unwrap()),
        (format!("@{name}"), UnixDatagram::bind_addr(&abstract_address).unwrap()),
    ];
    for (name, socket) in sockets {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let told = || {
            let mut datagram = [0; 100];
            let length = socket.recv(&mut datagram).unwrap();
            String::from_utf8(datagram[..length].to_vec()).unwrap()
        };
        let mut bridge = Command::new(env!("CARGO_BIN_EXE_postmqtt-bridge"))
            .args(["--listen", "127.0.0.1:0", "--broker", "mqtt://127.0.0.1:1", "--lame-duck", "0s"])
            .env("NOTIFY_SOCKET", name)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(told(), "READY=1");
        let terminated = Command::new("kill").args(["-TERM", &bridge.id().to_string()]).status();
        assert!(terminated.unwrap().success());
        assert_eq!(told(), "STOPPING=1");
        assert!(bridge.wait().unwrap().success());
    }
    std::fs::remove_file(path).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_open_files_that_is_too_low_is_one_warning_at_start() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    // The limit, the settings, and what the warning says is needed: connections, sessions, one session for
    // replies, and 32.
    let rows: &[(&str, &[&str], Option<&str>)] = &[
        ("256", &[], Some("the settings need 4131")),
        ("256", &["--max-connections", "100"], None),
        ("256", &["--max-connections", "100", "--sessions-of", "client"], Some("the settings need 1134")),
        ("256", &["--max-connections", "222", "--sessions", "2"], Some("the settings need 257")),
        ("256", &["--max-connections", "221", "--sessions", "2"], None),
    ];
    for (limit, settings, expected) in rows {
        let mut bridge = Command::new("sh")
            .args(["-c", "ulimit -n $0 && exec \"$@\"", limit, env!("CARGO_BIN_EXE_postmqtt-bridge")])
            .args(["--listen", "127.0.0.1:0", "--broker", "mqtt://127.0.0.1:1"])
            .args(*settings)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(bridge.stderr.take().unwrap()).lines().map(Result::unwrap);
        let before: Vec<_> = lines.take_while(|line| !line.contains("listening on")).collect();
        bridge.kill().unwrap();
        bridge.wait().unwrap();
        let warnings: Vec<_> = before.iter().filter(|line| line.contains("ulimit -n")).collect();
        assert_eq!(warnings.len(), usize::from(expected.is_some()), "{settings:?}: {before:?}");
        assert!(warnings.iter().all(|line| line.contains(expected.unwrap_or_default())), "{warnings:?}");
    }
}
