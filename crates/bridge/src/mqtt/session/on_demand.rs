//! The life of a client's session: it connects when there is something to publish, and goes when it is let go.
//!
//! Two things differ from a session of the bridge. It does nothing that nobody waits for: a connection that ends while no
//! publisher waits is not made again, and neither is one that another has taken over (DISCONNECT 0x8E), so that two who
//! claim one Client Identifier do not take it from each other for ever. And it ends only when its [`Member`] confirms that
//! nobody has a message for it: so none is lost on a session that is just closing.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::actor::{Absence, Actor, GOOD_CONNECTION, SHORT_ABSENCE, connect};
use super::end::End;
use crate::mqtt::backoff::Backoff;
use crate::mqtt::clients::{Admission, Member};
use crate::mqtt::codec::DecodeError;
use crate::mqtt::codec::connect::Start;
use crate::mqtt::connector::{ConnectError, Connection};
use crate::mqtt::error::PublishError;

/// How a wait ended.
enum Waited<T> {
    /// With what was waited for.
    For(T),
    /// The session was let go meanwhile; nobody waits for its messages.
    LetGo,
    /// The bridge is shutting down.
    Closing,
}

// === impl Actor ===

impl Actor {
    /// Runs until the session is let go, or the bridge shuts down.
    pub(super) async fn run_on_demand(mut self, member: Member) {
        let mut backoff = Backoff::new();
        while self.live(&member, &mut backoff).await.is_continue() {}
        let error = PublishError::BrokerUnavailable("the bridge is shutting down".to_owned());
        self.submissions.close();
        while let Ok(submission) = self.submissions.try_recv() {
            self.outbox.submit(submission);
        }
        self.outbox.fail_waiting(&error);
    }

    /// Waits until there is something to publish, and then through one connection, or the attempt to make one.
    async fn live(&mut self, member: &Member, backoff: &mut Backoff) -> ControlFlow<()> {
        if !self.outbox.is_awaited() {
            self.rest(member, backoff).await?;
        }
        let Admission { place, turn } = match self.unless_let_go(member, member.admission()).await {
            Waited::For(admission) => admission,
            Waited::LetGo => return self.leave(member),
            Waited::Closing => return ControlFlow::Break(()),
        };
        if !self.outbox.is_awaited() {
            // It took too long for whoever waited: there is nothing to connect for.
            return ControlFlow::Continue(());
        }
        // An attempt is not broken off when the session is let go: a broker might get to the CONNECT only after that of
        // the client's next session, and take that one over.
        let (options, start) = (self.options.clone(), self.start);
        let login = async { as_this_client(connect(&options, start).await?, &options.client_identifier) };
        let login = self.meanwhile(login).await;
        drop(turn);
        match login {
            None => ControlFlow::Break(()),
            Some(Err(error)) => {
                member.tally().add_failed_connect(&error);
                drop(place);
                self.absent(&error, error.to_publish_error());
                self.pause(member, backoff).await
            }
            Some(Ok(connection)) => {
                member.tally().add_connect();
                let since = Instant::now();
                let end = self.serve_member(connection, member).await;
                member.tally().add_disconnect(&end);
                drop(place);
                self.after(end, since, member, backoff).await
            }
        }
    }

    /// Nobody waits for anything: waits for the next message, and breaks when the session is let go.
    async fn rest(&mut self, member: &Member, backoff: &Backoff) -> ControlFlow<()> {
        self.forget();
        let closing = self.options.closing.clone();
        loop {
            // Without a connection, all that is left to keep is how long the broker is not to be asked again.
            if (backoff.is_fresh() || member.is_let_go()) && member.retire() {
                return ControlFlow::Break(());
            }
            tokio::select! {
                () = closing.cancelled() => return ControlFlow::Break(()),
                submission = self.submissions.recv() => {
                    let Some(submission) = submission else { return ControlFlow::Break(()) };
                    self.outbox.submit(submission);
                    self.absence = Absence::Short(Instant::now() + self.patience());
                    return ControlFlow::Continue(());
                }
                () = member.called() => {}
            }
        }
    }

    async fn serve_member(&mut self, connection: Connection, member: &Member) -> End {
        let closing = self.options.closing.clone();
        let stop = async {
            tokio::select! {
                () = closing.cancelled() => End::Closed,
                why = member.let_go() => End::LetGo(why),
            }
        };
        self.serve(connection, stop).await
    }

    /// What follows the end of a connection.
    async fn after(
        &mut self,
        end: End,
        since: Instant,
        member: &Member,
        backoff: &mut Backoff,
    ) -> ControlFlow<()> {
        match &end {
            End::Closed => return ControlFlow::Break(()),
            End::LetGo(_) => {
                *backoff = Backoff::new();
                return self.leave(member);
            }
            end if end.is_take_over() => {
                let why = "another connection has taken over the session of this client";
                self.outbox.give_up_in_flight(why);
                self.outbox.fail_waiting(&PublishError::BrokerUnavailable(why.to_owned()));
            }
            _ => {}
        }
        self.options.report.disconnected(&self.options.client_identifier, &end);
        if self.outbox.acknowledged() > 0 || since.elapsed() >= GOOD_CONNECTION {
            *backoff = Backoff::new();
            self.absence = Absence::Short(Instant::now() + self.patience());
            return ControlFlow::Continue(());
        }
        self.absent(&end, PublishError::BrokerUnavailable(end.to_string()));
        self.pause(member, backoff).await
    }

    /// Lets the broker alone for a while; publishes fail meanwhile.
    async fn pause(&mut self, member: &Member, backoff: &mut Backoff) -> ControlFlow<()> {
        match self.unless_let_go(member, sleep(backoff.next_wait())).await {
            Waited::For(()) => ControlFlow::Continue(()),
            Waited::LetGo => self.leave(member),
            Waited::Closing => ControlFlow::Break(()),
        }
    }

    /// The session was let go. It goes on where a message has come for it since.
    fn leave(&mut self, member: &Member) -> ControlFlow<()> {
        self.forget();
        if member.retire() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn forget(&mut self) {
        self.outbox.forget();
        self.start = Start::Clean;
    }

    /// Waits for something while there is no connection, and answers publishers meanwhile.
    async fn unless_let_go<T>(&mut self, member: &Member, future: impl Future<Output = T>) -> Waited<T> {
        let either = async {
            tokio::select! {
                output = future => Waited::For(output),
                _ = member.let_go() => Waited::LetGo,
            }
        };
        self.meanwhile(either).await.unwrap_or(Waited::Closing)
    }

    /// For how long publishers wait for a connection: for its turn, and then for the attempt.
    fn patience(&self) -> Duration {
        SHORT_ABSENCE + self.options.config.connect_timeout
    }
}

/// A broker that gives the session another Client Identifier would judge the client's messages by the rules for another.
fn as_this_client(connection: Connection, client_identifier: &str) -> Result<Connection, ConnectError> {
    match &connection.connack.assigned_client_identifier {
        Some(assigned) if assigned != client_identifier => {
            Err(DecodeError::Protocol("the broker assigned another Client Identifier").into())
        }
        _ => Ok(connection),
    }
}
