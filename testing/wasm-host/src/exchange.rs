//! One request as the host keeps it: what the filter may see now, and what has got past it.

use crate::{Action, Fields};

/// An answer that the filter gave in the upstream's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// The HTTP status.
    pub status: u32,
    /// What Envoy's `%RESPONSE_CODE_DETAILS%` shows.
    pub details: String,
    /// The fields that the filter gave.
    pub fields: Fields,
    /// The body.
    pub body: Vec<u8>,
}

/// What of a request the upstream has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The head, once it went on.
    pub fields: Option<Fields>,
    /// The body so far.
    pub body: Vec<u8>,
    /// The trailers, if there are some.
    pub trailers: Option<Fields>,
    /// Whether the end of the stream went on, too.
    pub is_whole: bool,
}

/// A request, and what the filter did to it.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// The head while it is held or shown: the time in which a filter may read and change it.
    pub(crate) fields: Option<Fields>,
    /// The chunk that is shown; of a held body all of it.
    pub(crate) body: Option<Vec<u8>>,
    /// The trailers while they are held or shown.
    pub(crate) trailers: Option<Fields>,
    pub(crate) passed: Passed,
    pub(crate) local_reply: Option<LocalReply>,
    has_ended: bool,
}

// === impl Exchange ===

impl Exchange {
    /// Whether the rest of the request is not shown: it was answered, or its head stays.
    pub(crate) const fn is_over(&self) -> bool {
        self.local_reply.is_some() || self.fields.is_some()
    }

    pub(crate) fn show_head(&mut self, fields: Fields, end: bool) {
        self.fields = Some(fields);
        self.has_ended = end;
    }

    /// Shows the next chunk, after those that are held; returns how many bytes there are to see.
    pub(crate) fn show_chunk(&mut self, chunk: &[u8], end: bool) -> usize {
        let body = self.body.get_or_insert_default();
        body.extend(chunk);
        self.has_ended = end;
        body.len()
    }

    pub(crate) fn show_trailers(&mut self, trailers: Fields) {
        self.trailers = Some(trailers);
        self.has_ended = true;
    }

    /// Does what the filter said: everything that is held goes on, or all of it stays. What was answered stays.
    pub(crate) fn settle(&mut self, action: Action) {
        if action == Action::Pause || self.local_reply.is_some() {
            return;
        }
        if let Some(fields) = self.fields.take() {
            self.passed.fields = Some(fields);
        }
        self.passed.body.extend(self.body.take().unwrap_or_default());
        if let Some(trailers) = self.trailers.take() {
            self.passed.trailers = Some(trailers);
        }
        self.passed.is_whole = self.has_ended;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(name: &str) -> Fields {
        Fields::from_iter([(name, "1")])
    }

    #[test]
    fn what_goes_on_is_out_of_the_filters_reach() {
        let mut exchange = Exchange::default();
        exchange.show_head(fields("head"), false);
        exchange.settle(Action::Continue);
        assert_eq!((&exchange.fields, exchange.passed.is_whole), (&None, false));
        assert_eq!(exchange.show_chunk(b"ab", false), 2);
        exchange.settle(Action::Continue);
        assert_eq!(exchange.show_chunk(b"c", true), 1, "a chunk that went on is not seen again");
        exchange.settle(Action::Continue);
        let expected =
            Passed { fields: Some(fields("head")), body: b"abc".to_vec(), trailers: None, is_whole: true };
        assert_eq!(exchange.passed, expected);
    }

    #[test]
    fn a_head_that_stays_is_the_last_that_is_shown() {
        let mut exchange = Exchange::default();
        exchange.show_head(fields("head"), false);
        exchange.settle(Action::Pause);
        assert!(exchange.is_over());
        assert_eq!(exchange.passed, Passed::default());
    }

    #[test]
    fn a_body_that_stays_adds_up_and_goes_on_together() {
        let mut exchange = Exchange::default();
        exchange.show_head(fields("head"), false);
        exchange.settle(Action::Continue);
        assert_eq!(exchange.show_chunk(b"ab", false), 2);
        exchange.settle(Action::Pause);
        assert_eq!(exchange.show_chunk(b"c", false), 3);
        exchange.settle(Action::Pause);
        assert_eq!(exchange.passed.body, b"");
        exchange.show_trailers(fields("trailer"));
        exchange.settle(Action::Continue);
        let expected = Passed {
            fields: Some(fields("head")),
            body: b"abc".to_vec(),
            trailers: Some(fields("trailer")),
            is_whole: true,
        };
        assert_eq!(exchange.passed, expected);
    }
}
