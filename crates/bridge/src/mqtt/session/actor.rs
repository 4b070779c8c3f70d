//! The life of a session: connect, serve the connection, and when it ends connect again. A client's session lives the same
//! way, but only while it is wanted ([`on_demand`](super::on_demand)).

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::end::End;
use super::outbox::{Outbox, Submission};
use super::serve::Serve;
use super::{SessionOptions, Status};
use crate::mqtt::backoff::Backoff;
use crate::mqtt::codec::DecodeError;
use crate::mqtt::codec::connack::SessionPresent;
use crate::mqtt::codec::connect::{Connect, Start};
use crate::mqtt::connector::{ConnectError, Connection, MAXIMUM_INCOMING_PACKET};
use crate::mqtt::error::PublishError;

/// Owns the session.
pub(super) struct Actor {
    pub(super) options: SessionOptions,
    pub(super) submissions: mpsc::UnboundedReceiver<Submission>,
    status: watch::Sender<Status>,
    pub(super) outbox: Outbox,
    /// Whether the broker may know the session.
    pub(super) start: Start,
    pub(super) absence: Absence,
}

/// What a publish meets while there is no connection.
#[derive(Debug)]
pub(super) enum Absence {
    /// A connection is just being made or made again, until this time: publishes wait for it.
    Short(Instant),
    /// There is no broker to be reached, and this is why: publishes fail with it.
    Lasting(PublishError),
}

/// For how long publishes wait for the first attempt to connect, or to connect again.
///
/// A broker may cut a connection for one client's message (Mosquitto 2.0.11 with `max_queued_messages 0` does so after a
/// denied publish), and the others' should not fail for it.
pub(super) const SHORT_ABSENCE: Duration = Duration::from_secs(1);

/// A connection that lived so long, or had a message acknowledged, was a good one: the next attempt comes at once.
pub(super) const GOOD_CONNECTION: Duration = Duration::from_secs(5);

// === impl Actor ===

impl Actor {
    pub(super) fn new(
        options: SessionOptions,
        submissions: mpsc::UnboundedReceiver<Submission>,
        status: watch::Sender<Status>,
    ) -> Self {
        let outbox = Outbox::new(Arc::clone(&options.tally));
        Self {
            options,
            submissions,
            status,
            outbox,
            start: Start::Clean,
            absence: Absence::Short(Instant::now() + SHORT_ABSENCE),
        }
    }

    /// Keeps a connection until the session is closed.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            let options = self.options.clone();
            let connect = connect(&options, self.start);
            match self.meanwhile(connect).await {
                None => return,
                Some(Ok(connection)) => {
                    let since = Instant::now();
                    let closing = options.closing.clone();
                    let stop = async move {
                        closing.cancelled().await;
                        End::Closed
                    };
                    let end = self.serve(connection, stop).await;
                    if matches!(end, End::Closed) {
                        return;
                    }
                    options.report.disconnected(&options.client_identifier, &end);
                    if self.outbox.acknowledged() > 0 || since.elapsed() >= GOOD_CONNECTION {
                        backoff = Backoff::new();
                        self.absence = Absence::Short(Instant::now() + SHORT_ABSENCE);
                        continue;
                    }
                    self.absent(&end, PublishError::BrokerUnavailable(end.to_string()));
                }
                Some(Err(error)) => {
                    self.absent(&error, error.to_publish_error());
                }
            }
            let wait = backoff.next_wait();
            if self.meanwhile(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Serves a connection until it ends, or `stop` ends it.
    pub(super) async fn serve(&mut self, mut connection: Connection, stop: impl Future<Output = End>) -> End {
        if let Some(assigned) = connection.connack.assigned_client_identifier.take() {
            // The broker knows the session by this name from now on.
            self.options.client_identifier = assigned;
        }
        if connection.connack.session_present == SessionPresent::No {
            self.outbox.give_up_in_flight("the connection to the broker was lost, and the session with it");
        }
        if self.start == Start::Resume {
            self.options.tally.add_reconnect();
        }
        self.start = Start::Resume;
        self.outbox.connected(connection.connack.limits);
        self.options.report.connected(&self.options.client_identifier);
        self.status.send_replace(Status::Connected);
        let end = Serve::new(connection, &self.options.config, &mut self.outbox, &mut self.submissions)
            .run(stop)
            .await;
        self.status.send_replace(Status::Disconnected);
        self.outbox.disconnected();
        end
    }

    /// Waits for something while there is no connection, and answers publishers meanwhile; `None` when the session closes.
    pub(super) async fn meanwhile<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let closing = self.options.closing.clone();
        let mut future = pin!(future);
        loop {
            let tick = self.next_tick();
            tokio::select! {
                () = closing.cancelled() => return None,
                output = &mut future => return Some(output),
                submission = self.submissions.recv() => match submission {
                    Some(submission) => self.submit(submission),
                    None => return None,
                },
                () = sleep_until(tick) => self.tick(),
            }
        }
    }

    fn submit(&mut self, submission: Submission) {
        self.outbox.submit(submission);
        if let Absence::Lasting(why) = &self.absence {
            self.outbox.fail_waiting(why);
        }
    }

    fn next_tick(&self) -> Instant {
        let end_of_absence = match self.absence {
            Absence::Short(until) => Some(until),
            Absence::Lasting(_) => None,
        };
        let far = Instant::now() + Duration::from_secs(3600);
        end_of_absence.into_iter().chain(self.outbox.next_deadline()).min().unwrap_or(far)
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.outbox.expire(now);
        match self.absence {
            Absence::Short(until) if until <= now => {
                let why = "connecting takes long";
                self.absent(&why, PublishError::BrokerUnavailable(why.to_owned()));
            }
            Absence::Short(_) | Absence::Lasting(_) => {}
        }
    }

    pub(super) fn absent(&mut self, why: &dyn std::fmt::Display, error: PublishError) {
        self.options.report.absent(&self.options.client_identifier, why);
        self.outbox.fail_waiting(&error);
        self.absence = Absence::Lasting(error);
    }
}

/// Logs in as the session.
pub(super) async fn connect(options: &SessionOptions, start: Start) -> Result<Connection, ConnectError> {
    let SessionOptions { connector, config, client_identifier, .. } = options;
    let connection = connector
        .connect(&Connect {
            start,
            client_identifier,
            user_name: config.credentials.user_name.as_deref(),
            password: config.credentials.password.as_deref().map(str::as_bytes),
            keep_alive: config.keep_alive,
            session_expiry_interval: config.session_expiry_interval,
            maximum_packet_size: MAXIMUM_INCOMING_PACKET,
        })
        .await?;
    match (start, connection.connack.session_present) {
        (Start::Clean, SessionPresent::Yes) => {
            Err(DecodeError::Protocol("Session Present after Clean Start").into())
        }
        _ => Ok(connection),
    }
}
