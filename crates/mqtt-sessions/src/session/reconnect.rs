//! The life of a session: a state machine that connects, serves the connection, and reconnects when it ends.
//!
//! Shared sessions and sessions of clients run the same machine. A client's session does only what a publisher waits for: a
//! connection that ends while no publisher waits is not replaced, and neither is one that another connection has taken over
//! (DISCONNECT 0x8E), so that two owners of one Client Identifier do not take it from each other for ever. It ends only
//! when its [`Lifecycle`] confirms that no publish uses it, so that no message is lost on a session that is closing.

use std::error::Error;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::availability::{Absence, Availability, RECONNECT_PATIENCE};
use super::connection::Connection;
use super::end::End;
use super::homecoming::Homecoming;
use super::lifecycle::{Admission, Event, Kind, Lifecycle, Retirement};
use super::options::SessionOptions;
use super::outbox::Outbox;
use super::status::Status;
use super::submission::Submission;
use crate::backoff::Backoff;
use crate::codec::DecodeError;
use crate::codec::connack::SessionPresent;
use crate::codec::connect::Start;
use crate::connector::{Accepted, ConnectError, Login};
use crate::error::{Loss, PublishError};
use crate::login::OwnLogin;
use crate::route::{Route, Turn};

/// Owns a session.
pub(super) struct Reconnect<L> {
    options: SessionOptions,
    lifecycle: Arc<L>,
    submissions: mpsc::UnboundedReceiver<Submission>,
    status: watch::Sender<Status>,
    outbox: Outbox,
    route: Route,
    /// Whether the broker may have the session.
    start: Start,
    availability: Availability,
    backoff: Backoff,
    /// How many connections in a row were short and finished no message.
    fruitless: u32,
}

/// The states of a session.
enum State {
    /// No connection, and none is wanted.
    Idle,
    /// Waits for the right to connect.
    Queued,
    Connecting(Admission),
    Connected(Accepted, Option<OwnedSemaphorePermit>),
    /// Waits before the next attempt to connect. Publishes fail.
    BackingOff,
    /// Evicted. The session continues if a publish has used it since.
    Evicted,
    Closed,
}

/// How a wait without a connection ended.
enum Waited<T> {
    Done(T),
    Evicted,
    Closing,
}

/// The wait of a session that nothing happens to.
const NO_DEADLINE: Duration = Duration::from_secs(3600);

/// After a connection that lived this long, or finished a message, the next attempt is made at once.
const STABLE_CONNECTION: Duration = Duration::from_secs(5);

/// While the message that makes the broker close connections is being searched for, this many fruitless connections in a row
/// are replaced at once, and publishes wait for the next one.
const FRUITLESS_CONNECTIONS: u32 = 3;

// === impl Reconnect ===

impl<L: Lifecycle> Reconnect<L> {
    pub(super) fn new(
        options: SessionOptions,
        lifecycle: Arc<L>,
        submissions: mpsc::UnboundedReceiver<Submission>,
        status: watch::Sender<Status>,
    ) -> Self {
        let outbox = Outbox::new(Arc::clone(&options.tally));
        let availability = Availability::Expected(Instant::now() + RECONNECT_PATIENCE);
        let route = options.connector.route(options.number);
        Self {
            options,
            lifecycle,
            submissions,
            status,
            outbox,
            route,
            start: Start::Clean,
            availability,
            backoff: Backoff::new(),
            fruitless: 0,
        }
    }

    /// Runs until the session retires or the pool is closed.
    pub(super) async fn run(mut self) {
        let mut state = State::Idle;
        loop {
            state = match state {
                State::Idle => self.wait_for_demand().await,
                State::Queued => self.wait_for_admission().await,
                State::Connecting(admission) => self.connect(admission).await,
                State::Connected(accepted, permit) => self.serve(accepted, permit).await,
                State::BackingOff => self.back_off().await,
                State::Evicted => self.retire(),
                State::Closed => return self.close(),
            }
        }
    }

    /// Waits until a connection is wanted.
    async fn wait_for_demand(&mut self) -> State {
        if self.is_connection_wanted() {
            return State::Queued;
        }
        self.discard_session();
        let closing = self.options.closing.clone();
        loop {
            // The back-off is all that an idle session has to keep: how long the broker is not to be asked again.
            let may_retire = self.backoff.is_fresh() || self.lifecycle.is_evicted();
            if may_retire && self.lifecycle.retire() == Retirement::Retired {
                return State::Closed;
            }
            tokio::select! {
                () = closing.cancelled() => return State::Closed,
                submission = self.submissions.recv() => {
                    let Some(submission) = submission else { return State::Closed };
                    self.outbox.submit(submission);
                    self.expect_connection();
                    return State::Queued;
                }
                () = self.lifecycle.released() => {}
            }
        }
    }

    async fn wait_for_admission(&mut self) -> State {
        let lifecycle = Arc::clone(&self.lifecycle);
        match self.unless_evicted(lifecycle.admission()).await {
            // The publishers may have stopped waiting meanwhile.
            Waited::Done(admission) if self.is_connection_wanted() => State::Connecting(admission),
            Waited::Done(_) => State::Idle,
            Waited::Evicted => State::Evicted,
            Waited::Closing => State::Closed,
        }
    }

    /// Connects. An eviction does not cancel the attempt: the broker might process its CONNECT after that of the client's
    /// next session, and take that one over.
    async fn connect(&mut self, Admission { connection, attempt }: Admission) -> State {
        let own =
            self.options.login.as_mut().map(|login| (Arc::clone(&login.user_name), login.take_password()));
        let login = match &own {
            None => Login::Configured,
            Some((user_name, password)) => Login::Own { user_name, password },
        };
        let (options, start) = (self.options.clone(), self.start);
        // It comes back with the broker that was reached.
        let mut route = self.route.clone();
        let connecting = options.connector.connect(&options.client_identifier, login, start, &mut route);
        let connected = self.meanwhile(connecting).await;
        drop(attempt);
        self.route = route;
        match connected.map(|connected| connected.and_then(|accepted| self.check_identifier(accepted))) {
            None => State::Closed,
            Some(Ok(accepted)) => {
                self.lifecycle.record(Event::Connected);
                State::Connected(accepted, connection)
            }
            Some(Err(error)) => {
                self.lifecycle.record(Event::ConnectFailed(&error));
                let error = Arc::new(error);
                let seen = match PublishError::from(Arc::clone(&error)) {
                    PublishError::ConnectionRefused(reason)
                        if own.is_some() && reason.reason_code.refuses_login() =>
                    {
                        PublishError::ClientRefused(reason)
                    }
                    seen => seen,
                };
                if matches!(seen, PublishError::ClientRefused(_)) && self.has_new_password() {
                    // Messages that came with another Password meanwhile are not answered with what this one has met.
                    self.expect_connection();
                    return State::Idle;
                }
                self.unavailable(&*error, seen);
                State::BackingOff
            }
        }
    }

    /// Serves a connection until it ends.
    async fn serve(&mut self, accepted: Accepted, permit: Option<OwnedSemaphorePermit>) -> State {
        let since = Instant::now();
        let end = self.exchange(accepted).await;
        self.lifecycle.record(Event::Disconnected(&end));
        drop(permit);
        match &end {
            End::Closed => return State::Closed,
            End::Evicted(_) => {
                self.backoff = Backoff::new();
                return State::Evicted;
            }
            End::Renewed => {
                self.start = Start::Clean;
                self.options.tally.add_renewal();
            }
            End::Returning => {
                self.start = Start::Clean;
                self.route = self.route.homeward().unwrap_or_else(|| self.route.clone());
            }
            end if L::KIND == Kind::Client && end.is_take_over() => {
                self.outbox.give_up_in_flight(Loss::TakenOver);
                self.outbox.fail_waiting(&PublishError::unavailable(Loss::TakenOver));
            }
            _ => {}
        }
        self.options.report.disconnected(&self.options.client_identifier, &end);
        let turn = match &end {
            End::Disconnected(disconnect) => self.route.disconnected(disconnect),
            _ => Turn::Straight,
        };
        if matches!(end, End::Renewed | End::Returning)
            || self.outbox.finished() > 0
            || since.elapsed() >= STABLE_CONNECTION
        {
            self.backoff = Backoff::new();
            self.fruitless = 0;
            self.route.reset_hops();
            self.expect_connection();
            return State::Idle;
        }
        if turn == Turn::Taken {
            self.expect_connection();
            return State::Idle;
        }
        self.fruitless = self.fruitless.saturating_add(1);
        if self.outbox.is_isolating() && self.fruitless <= FRUITLESS_CONNECTIONS {
            self.expect_connection();
            return State::Idle;
        }
        self.route.advance();
        let end = Arc::new(end);
        let error = match &*end {
            End::Disconnected(disconnect) if !end.is_take_over() => {
                PublishError::ConnectionClosed(disconnect.reason.clone())
            }
            _ => PublishError::BrokerUnavailable(Arc::<End>::clone(&end)),
        };
        self.unavailable(&*end, error);
        State::BackingOff
    }

    async fn exchange(&mut self, mut accepted: Accepted) -> End {
        if let Some(assigned) = accepted.connack.assigned_client_identifier.take() {
            // The session has this name from now on.
            self.options.client_identifier = assigned;
        }
        if accepted.connack.session_present == SessionPresent::No {
            self.outbox.give_up_in_flight(Loss::Session);
        }
        if self.start == Start::Resume {
            self.options.tally.add_reconnect();
        }
        self.start = Start::Resume;
        self.outbox.connected(accepted.connack.limits);
        self.options.report.connected(&self.options.client_identifier);
        let destination = self.route.destination();
        self.options.tally.add_connection(destination);
        self.status.send_replace(Status::Connected);

        let homecoming = match L::KIND {
            Kind::Shared => Homecoming::new(&self.options, self.route.homeward()),
            // It is closed when its client is idle, and the next one starts at the first broker.
            Kind::Client => Homecoming::never(),
        };
        let closing = self.options.closing.clone();
        let lifecycle = Arc::clone(&self.lifecycle);
        let stop = async {
            tokio::select! {
                () = closing.cancelled() => End::Closed,
                reason = lifecycle.evicted() => End::Evicted(reason),
            }
        };
        let end = Connection::new(accepted, &self.options.config, &mut self.outbox, &mut self.submissions)
            .run(stop, || homecoming.wait())
            .await;
        self.options.tally.remove_connection(destination);
        self.status.send_replace(Status::Connecting);
        self.outbox.disconnected(&end);
        end
    }

    async fn back_off(&mut self) -> State {
        let wait = self.backoff.next_wait();
        let login = self.options.login.clone();
        let waiting = async {
            tokio::select! {
                () = sleep(wait) => {}
                // What another Password has met says nothing about this one.
                () = new_password(login) => {}
            }
        };
        match self.unless_evicted(waiting).await {
            Waited::Done(()) => {
                if self.has_new_password() {
                    self.expect_connection();
                }
                self.route.reset_hops();
                State::Idle
            }
            Waited::Evicted => State::Evicted,
            Waited::Closing => State::Closed,
        }
    }

    fn retire(&mut self) -> State {
        self.discard_session();
        match self.lifecycle.retire() {
            Retirement::Retired => State::Closed,
            Retirement::InUse => State::Idle,
        }
    }

    /// Answers every publisher that still waits.
    fn close(mut self) {
        self.submissions.close();
        while let Ok(submission) = self.submissions.try_recv() {
            self.outbox.submit(submission);
        }
        self.outbox.fail_waiting(&PublishError::unavailable(Absence::Closed));
        self.outbox.give_up_in_flight(Loss::Closed);
    }

    fn is_connection_wanted(&self) -> bool {
        match L::KIND {
            Kind::Shared => true,
            Kind::Client => self.outbox.is_awaited(),
        }
    }

    /// Drops messages that no publisher waits for, and with them the need to resume the session.
    fn discard_session(&mut self) {
        self.outbox.clear();
        self.start = Start::Clean;
    }

    /// A broker that assigns another Client Identifier would apply the rules for another client.
    fn check_identifier(&self, accepted: Accepted) -> Result<Accepted, ConnectError> {
        match (L::KIND, &accepted.connack.assigned_client_identifier) {
            (Kind::Client, Some(assigned)) if *assigned != self.options.client_identifier => {
                Err(DecodeError::Protocol("it assigned another Client Identifier").into())
            }
            _ => Ok(accepted),
        }
    }

    /// Publishes wait for the connection that is being made.
    fn expect_connection(&mut self) {
        let patience = match L::KIND {
            Kind::Shared => RECONNECT_PATIENCE,
            // A client's session may have to wait for its admission first, and then for the whole attempt.
            Kind::Client => RECONNECT_PATIENCE + self.options.config.connect_timeout,
        };
        self.availability = Availability::Expected(Instant::now() + patience);
    }

    /// Publishes fail with `error` until there is a connection, unless another session takes them.
    fn unavailable(&mut self, cause: &(dyn Error + 'static), error: PublishError) {
        self.options.report.unavailable(&self.options.client_identifier, cause);
        let lifecycle = Arc::clone(&self.lifecycle);
        let unsent = lifecycle.hand_over(|| {
            // What comes to a client's session meanwhile may have another Password.
            while L::KIND == Kind::Shared
                && let Ok(submission) = self.submissions.try_recv()
            {
                self.outbox.submit(submission);
            }
            self.status.send_replace(Status::Unavailable);
            self.outbox.take_waiting()
        });
        unsent.into_iter().for_each(|submission| submission.finish(Err(error.clone())));
        self.availability = Availability::Unavailable(error);
    }

    async fn unless_evicted<T>(&mut self, future: impl Future<Output = T>) -> Waited<T> {
        let lifecycle = Arc::clone(&self.lifecycle);
        let either = async {
            tokio::select! {
                output = future => Waited::Done(output),
                _reason = lifecycle.evicted() => Waited::Evicted,
            }
        };
        self.meanwhile(either).await.unwrap_or(Waited::Closing)
    }

    /// Awaits something while there is no connection, and answers publishers meanwhile. `None`: the pool is closing.
    async fn meanwhile<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let closing = self.options.closing.clone();
        let mut future = pin!(future);
        loop {
            let tick = self.next_tick();
            tokio::select! {
                () = closing.cancelled() => return None,
                output = &mut future => return Some(output),
                submission = self.submissions.recv() => self.submit(submission?),
                () = sleep_until(tick) => self.tick(),
            }
        }
    }

    fn submit(&mut self, submission: Submission) {
        self.outbox.submit(submission);
        match &self.availability {
            Availability::Unavailable(error) if !self.has_new_password() => self.outbox.fail_waiting(error),
            Availability::Unavailable(_) | Availability::Expected(_) => {}
        }
    }

    fn has_new_password(&self) -> bool {
        self.options.login.as_ref().is_some_and(OwnLogin::has_new_password)
    }

    fn next_tick(&self) -> Instant {
        let end_of_patience = match self.availability {
            Availability::Expected(until) => Some(until),
            Availability::Unavailable(_) => None,
        };
        let ticks = end_of_patience.into_iter().chain(self.outbox.next_deadline());
        ticks.min().unwrap_or_else(|| Instant::now() + NO_DEADLINE)
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.outbox.expire(now);
        match self.availability {
            Availability::Expected(until) if until <= now => {
                self.unavailable(&Absence::Slow, PublishError::unavailable(Absence::Slow));
            }
            Availability::Expected(_) | Availability::Unavailable(_) => {}
        }
    }
}

/// Waits for a Password that was not tried, which only an own login can have.
async fn new_password(login: Option<OwnLogin>) {
    match login {
        Some(mut login) => login.new_password().await,
        None => pending().await,
    }
}
