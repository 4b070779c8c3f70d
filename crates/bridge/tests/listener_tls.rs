//! TLS of the bridge's own port: HTTP versions by ALPN, certificates of clients, and files that change.

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use postmqtt_bridge::bridge::Bridge;
use postmqtt_bridge::http::{ListenerFiles, ListenerTls};
use postmqtt_bridge::reload::Reloader;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use scripted_broker::{CONNACK, Peer, ScriptedBroker, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tokio_util::sync::CancellationToken;

use support::{Answer, Running, settings};

/// A directory with `ca.pem`, and a certificate with its key for each side.
struct Files(PathBuf);

/// A bridge with TLS that is connected to its broker.
struct Secure {
    running: Running,
    reloader: Reloader,
    peer: Peer,
}

// === impl Files ===

impl Files {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("postmqtt-listener-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let files = Self(directory);
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(files.path("ca.pem"), authority.pem()).unwrap();
        for side in ["bridge", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            std::fs::write(files.path(&format!("{side}.pem")), certificate.pem()).unwrap();
            std::fs::write(files.path(&format!("{side}.key")), key.serialize_pem()).unwrap();
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn listener(&self, client_ca: Option<&str>) -> ListenerFiles {
        let client_ca = client_ca.map(|name| self.path(name));
        ListenerFiles { certificate: self.path("bridge.pem"), key: self.path("bridge.key"), client_ca }
    }

    /// A client that trusts `ca.pem` and speaks these protocols, with a certificate or without.
    fn client(&self, protocols: &[&[u8]], has_certificate: bool) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = if has_certificate {
            let certificate = CertificateDer::from_pem_file(self.path("client.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(self.path("client.key")).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

// === impl Secure ===

impl Secure {
    async fn start(broker: &ScriptedBroker, files: ListenerFiles) -> Self {
        let mut settings = settings(broker);
        settings.tls = Some(files);
        let bridge = Bridge::start(settings).await.unwrap();
        let peer = broker.accept(CONNACK).await;
        soon(bridge.pool().connected()).await;
        let (address, reloader, stop) = (bridge.address(), bridge.reloader(), CancellationToken::new());
        let task = tokio::spawn(bridge.run(stop.clone()));
        Self { running: Running { address, stop, task }, reloader, peer }
    }

    async fn connect(&self, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.running.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        soon(client.connect(name, stream)).await
    }

    /// Asks over HTTP/1.1. `None`: the connection ended without an answer.
    async fn get(&self, client: &TlsConnector, path: &str) -> Option<Answer> {
        let mut stream = self.connect(client).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.ok()?;
        Some(Answer::parse(&answer))
    }

    async fn is_trusted_by(&self, client: &TlsConnector) -> bool {
        self.get(client, "/readyz").await.is_some_and(|answer| answer.status == 200)
    }
}

#[tokio::test]
async fn a_message_is_published_over_tls() {
    let files = Files::new("publish");
    let broker = ScriptedBroker::start().await;
    let mut bridge = Secure::start(&broker, files.listener(None)).await;
    let mut stream = bridge.connect(&files.client(&[b"http/1.1"], false)).await.unwrap();
    let request =
        "POST /mqtt/messages?topic=a HTTP/1.1\r\nhost: b\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx";
    stream.write_all(request.as_bytes()).await.unwrap();
    bridge.peer.expect_publish(b"x").await;
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 204);
    // Without TLS there is no HTTP.
    assert_eq!(bridge.running.get("/readyz").await.status, 0);
}

#[tokio::test]
async fn alpn_chooses_the_version_of_http_and_http_1_1_is_the_default() {
    let files = Files::new("alpn");
    let broker = ScriptedBroker::start().await;
    let bridge = Secure::start(&broker, files.listener(None)).await;
    // RFC 9113, 3.4 and 6.5: the preface and an empty SETTINGS frame; the server's first frame is SETTINGS (type 4).
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let rows: [(&[&[u8]], Option<&[u8]>); 3] =
        [(&[b"h2", b"http/1.1"], Some(b"h2")), (&[b"http/1.1"], Some(b"http/1.1")), (&[], None)];
    for (offered, expected) in rows {
        let client = files.client(offered, false);
        let mut stream = bridge.connect(&client).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), expected);
        if expected == Some(b"h2") {
            stream.write_all(preface).await.unwrap();
            let mut frame = [0; 9];
            soon(stream.read_exact(&mut frame)).await.unwrap();
            assert_eq!(frame[3], 4);
        } else {
            assert!(bridge.is_trusted_by(&client).await);
        }
    }
}

#[tokio::test]
async fn clients_need_a_certificate_where_their_authority_is_configured() {
    let (files, strangers) = (Files::new("clients"), Files::new("strangers"));
    let broker = ScriptedBroker::start().await;
    let bridge = Secure::start(&broker, files.listener(Some("ca.pem"))).await;
    assert!(bridge.is_trusted_by(&files.client(&[], true)).await);
    assert!(!bridge.is_trusted_by(&files.client(&[], false)).await);
    for name in ["client.pem", "client.key"] {
        std::fs::copy(strangers.path(name), files.path(name)).unwrap();
    }
    assert!(!bridge.is_trusted_by(&files.client(&[], true)).await);
}

#[tokio::test]
async fn a_new_certificate_is_used_after_a_reload_and_an_invalid_one_is_not() {
    let (files, renewed) = (Files::new("reload"), Files::new("renewed"));
    let broker = ScriptedBroker::start().await;
    let bridge = Secure::start(&broker, files.listener(None)).await;
    let (before, after) = (files.client(&[], false), renewed.client(&[], false));
    let mut open = bridge.connect(&before).await.unwrap();

    // The key of another certificate.
    std::fs::copy(renewed.path("bridge.key"), files.path("bridge.key")).unwrap();
    bridge.reloader.reload();
    assert!(bridge.is_trusted_by(&before).await);
    let metrics = bridge.get(&before, "/metrics").await.unwrap();
    assert!(metrics.body.contains("\npostmqtt_bridge_stale_files 1\n"), "{}", metrics.body);

    std::fs::copy(renewed.path("bridge.pem"), files.path("bridge.pem")).unwrap();
    bridge.reloader.reload();
    assert!(bridge.is_trusted_by(&after).await);
    assert!(!bridge.is_trusted_by(&before).await);
    assert!(!bridge.reloader.has_stale_files());

    // The connection that was open before has stayed open.
    open.write_all(b"GET /readyz HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon(open.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(Answer::parse(&answer).status, 200);
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_bridge_from_stopping() {
    let files = Files::new("idle");
    let broker = ScriptedBroker::start().await;
    let bridge = Secure::start(&broker, files.listener(None)).await;
    let _idle = bridge.connect(&files.client(&[b"h2"], false)).await.unwrap();
    bridge.running.stop.cancel();
    soon(bridge.running.task).await.unwrap();
}

#[test]
fn invalid_files_are_found_at_start() {
    let files = Files::new("invalid");
    let usual = files.listener(None);
    let rows = [
        (
            ListenerFiles { certificate: files.path("missing.pem"), ..usual.clone() },
            "missing.pem should contain",
        ),
        (
            ListenerFiles { certificate: files.path("bridge.key"), ..usual.clone() },
            "should contain certificates",
        ),
        (ListenerFiles { key: files.path("bridge.pem"), ..usual.clone() }, "should contain a private key"),
        (ListenerFiles { key: files.path("client.key"), ..usual.clone() }, "cannot be used"),
        (
            ListenerFiles { client_ca: Some(files.path("client.key")), ..usual },
            "should contain CA certificates",
        ),
    ];
    for (given, expected) in rows {
        let error = ListenerTls::open(given).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
