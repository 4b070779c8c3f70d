//! A page in a browser, on a separate origin: it runs a script and posts what it found to where it came from.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, server::conn::http1};
use hyper_util::rt::TokioIo;
use rig::tools;
use serde_json::Value;

use crate::{PATIENCE, spawn};

/// The server of a page.
#[derive(Debug)]
pub struct Page {
    port: u16,
    html: Arc<Mutex<Bytes>>,
    found: Receiver<Value>,
}

// === impl Page ===

impl Page {
    /// Starts it, with an empty page.
    ///
    /// # Panics
    /// Panics if no port is free.
    #[must_use]
    pub fn start() -> Self {
        let html = Arc::new(Mutex::new(Bytes::new()));
        let served = Arc::clone(&html);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket option");
        let port = listener.local_addr().expect("an address").port();
        let (tell, found) = channel();
        spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (served, tell) = (Arc::clone(&served), tell.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (served, tell) = (Arc::clone(&served), tell.clone());
                    async move {
                        let reported = request.uri().path() == "/found";
                        let body = request.into_body().collect().await?.to_bytes();
                        if reported {
                            // The test may be over.
                            let _ = tell.send(serde_json::from_slice(&body).unwrap_or_default());
                        }
                        let page = served.lock().unwrap_or_else(PoisonError::into_inner).clone();
                        Ok::<_, hyper::Error>(Response::new(Full::new(page)))
                    }
                });
                // However a connection ends, it is over.
                spawn(
                    async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await },
                );
            }
        });
        Self { port, html, found }
    }

    /// Its origin, as a browser sends it.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Opens a page with this script in headless Chromium; what the script found. It is the body of an async function.
    ///
    /// # Panics
    /// Panics if there is no Chromium, or the script finds nothing in time.
    #[must_use]
    pub fn open(&self, script: &str) -> Value {
        *self.html.lock().unwrap_or_else(PoisonError::into_inner) = Bytes::from(format!(
            "<!doctype html><meta charset=\"utf-8\"><script>(async () => {{ {script} }})()\
             .catch(error => ({{ failed: String(error) }}))\
             .then(found => fetch('/found', {{ method: 'POST', body: JSON.stringify(found) }}))</script>"
        ));
        let profile =
            std::env::temp_dir().join(format!("postmqtt-page-{}-{}", std::process::id(), self.port));
        let browser = Command::new(tools::chromium().unwrap_or_else(|error| panic!("{error}")))
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(self.origin())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let browser = Browser { process: browser.expect("Chromium starts"), profile };
        let found = self.found.recv_timeout(PATIENCE);
        drop(browser);
        found.unwrap_or_else(|_| panic!("the page at {} found nothing in {PATIENCE:?}", self.origin()))
    }
}

/// A browser that ends with this value, and its profile with it.
struct Browser {
    process: Child,
    profile: PathBuf,
}

// === impl Browser ===

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself; and what it leaves is in the temporary directory.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
