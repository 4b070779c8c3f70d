//! TLS towards the broker: trusted authorities and the client certificate.

mod support;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mqtt_sessions::config::{BrokerAddress, Config, TlsFiles, TlsIdentity};
use mqtt_sessions::{Chain, Delivery, Pool, PublishError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use scripted_broker::{CONNACK, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use support::{Target, error, expect_acknowledged, outcome, publish};

/// A directory with `ca.pem`, and a certificate with its key for each side.
struct Files(PathBuf);

// === impl Files ===

impl Files {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("postmqtt-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let files = Self(directory);
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(files.path("ca.pem"), authority.pem()).unwrap();
        for side in ["broker", "publisher"] {
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

    fn identity(&self) -> TlsIdentity {
        TlsIdentity { certificate: self.path("publisher.pem"), key: self.path("publisher.key") }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Acknowledges every PUBLISH of clients with a certificate, and closes the connection at the payload `q`. Topic and payload
/// have one byte each.
async fn start_broker(files: &Files) -> SocketAddr {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.path("ca.pem")) {
        roots.add(certificate).unwrap();
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            certificates(&files.path("broker.pem")),
            PrivateKeyDer::from_pem_file(files.path("broker.key")).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            tokio::spawn(async move {
                let mut bytes = [0; 1024];
                assert!(stream.read(&mut bytes).await.unwrap() > 0);
                stream.write_all(CONNACK).await.unwrap();
                // Fixed header, length of the topic, topic, Packet Identifier, no properties, payload.
                let mut publish = [0; 9];
                while stream.read_exact(&mut publish).await.is_ok() && publish[8] != b'q' {
                    stream.write_all(&[0x40, 2, publish[5], publish[6]]).await.unwrap();
                }
            });
        }
    });
    address
}

fn config(address: SocketAddr, host: &str, tls: TlsFiles) -> Config {
    let broker = BrokerAddress::tls(host, address.port());
    Config {
        brokers: broker.into(),
        tls,
        publish_timeout: Duration::from_secs(10),
        ..support::config(address)
    }
}

#[tokio::test]
async fn messages_are_published_over_mutual_tls() {
    let files = Files::new("mutual");
    let address = start_broker(&files).await;
    let tls = TlsFiles { ca: Some(files.path("ca.pem")), identity: Some(files.identity()) };
    let pool = Arc::new(Pool::start(config(address, "localhost", tls)).unwrap());
    for _ in 0..20 {
        expect_acknowledged(publish(&pool, "t", "x")).await;
    }
    assert_eq!(outcome(publish(&pool, Target::at_most_once("t"), "x")).await.unwrap(), Delivery::Written);
    pool.close().await;
}

#[tokio::test]
async fn a_broker_is_unavailable_if_either_side_does_not_trust_the_other() {
    let files = Files::new("untrusted");
    let others = Files::new("others");
    let address = start_broker(&files).await;
    let identity = Some(files.identity());
    let rows = [
        (
            "another authority",
            "localhost",
            TlsFiles { ca: Some(others.path("ca.pem")), identity: identity.clone() },
        ),
        ("another name", "127.0.0.1", TlsFiles { ca: Some(files.path("ca.pem")), identity }),
        ("no client certificate", "localhost", TlsFiles { ca: Some(files.path("ca.pem")), identity: None }),
    ];
    for (what, host, tls) in rows {
        let pool = Arc::new(Pool::start(config(address, host, tls)).unwrap());
        let error = error(publish(&pool, "t", "x")).await;
        assert!(matches!(error, PublishError::BrokerUnavailable(_)), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn the_files_are_read_at_each_connect() {
    let files = Files::new("renewed");
    let old = Files::new("expired");
    let address = start_broker(&files).await;
    let tls = TlsFiles { ca: Some(old.path("ca.pem")), identity: Some(old.identity()) };
    let pool = Arc::new(Pool::start(config(address, "localhost", tls)).unwrap());
    let refused = error(publish(&pool, "t", "x")).await;
    assert!(matches!(refused, PublishError::BrokerUnavailable(_)), "{refused:?}");

    for name in ["ca.pem", "publisher.pem", "publisher.key"] {
        std::fs::copy(files.path(name), old.path(name)).unwrap();
    }
    soon(pool.connected()).await;
    expect_acknowledged(publish(&pool, "t", "x")).await;
}

#[tokio::test]
async fn tls_files_that_cannot_be_used_leave_the_previous_ones_in_use() {
    let files = Files::new("kept");
    let address = start_broker(&files).await;
    let tls = TlsFiles { ca: Some(files.path("ca.pem")), identity: Some(files.identity()) };
    let pool = Arc::new(Pool::start(config(address, "localhost", tls)).unwrap());
    soon(pool.connected()).await;

    // The key of another certificate, as in the middle of a renewal.
    std::fs::copy(files.path("publisher.key"), files.path("kept.key")).unwrap();
    std::fs::copy(files.path("broker.key"), files.path("publisher.key")).unwrap();
    pool.reload();
    assert!(pool.has_stale_files());
    let lost = error(publish(&pool, "t", "q")).await;
    assert!(matches!(lost, PublishError::ConnectionLost(_)), "{lost:?}");
    expect_acknowledged(publish(&pool, "t", "x")).await;

    std::fs::copy(files.path("kept.key"), files.path("publisher.key")).unwrap();
    pool.reload();
    assert!(!pool.has_stale_files());
}

#[tokio::test]
async fn invalid_tls_files_are_found_at_start() {
    let files = Files::new("wrong");
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let identity = files.identity();
    let key_as_certificate =
        TlsIdentity { certificate: files.path("publisher.key"), key: files.path("publisher.key") };
    let other_key = TlsIdentity { key: files.path("broker.key"), ..identity };
    let rows = [
        (
            TlsFiles { ca: Some(files.path("missing.pem")), identity: None },
            "missing.pem should contain certificates",
        ),
        (TlsFiles { ca: Some(files.path("publisher.key")), identity: None }, "the file contains none"),
        (
            TlsFiles { ca: Some(files.path("ca.pem")), identity: Some(key_as_certificate) },
            "publisher.key should contain certificates",
        ),
        (TlsFiles { ca: Some(files.path("ca.pem")), identity: Some(other_key) }, "cannot be used"),
    ];
    for (tls, expected) in rows {
        let error = Pool::start(config(address, "localhost", tls)).unwrap_err();
        let error = Chain(&error).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
