//! One request and its response as the host keeps them: what the filter may see now, and what has got past it.

use std::collections::HashMap;

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

/// What got past the filter: of a request what the upstream has, of a response what the client has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The head, once it went on.
    pub fields: Option<Fields>,
    /// The body so far.
    pub body: Vec<u8>,
    /// The trailers, where there are some.
    pub trailers: Option<Fields>,
    /// Whether the end of the stream went on, too.
    pub is_whole: bool,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Way {
    /// The head while it is held, or shown for the first time: the time in which a filter may read and change it.
    pub(crate) fields: Option<Fields>,
    /// The chunk that is shown; of a held body all of it.
    pub(crate) body: Option<Vec<u8>>,
    /// The trailers while they are held or shown.
    pub(crate) trailers: Option<Fields>,
    pub(crate) passed: Passed,
    has_ended: bool,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// Both directions, and what the filter did to them.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) request: Way,
    pub(crate) response: Way,
    pub(crate) local_reply: Option<LocalReply>,
    /// Properties that the filter set on the request, by path.
    pub(crate) properties: HashMap<Vec<u8>, Vec<u8>>,
    /// Whether the access log is written, when what has passed can be read once more.
    pub(crate) is_logging: bool,
}

// === impl Exchange ===

impl Exchange {
    pub(crate) const fn way(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

// === impl Way ===

impl Way {
    pub(crate) fn show_head(&mut self, fields: Fields, end: bool) {
        self.fields = Some(fields);
        self.has_ended = end;
    }

    /// Shows the next chunk, behind those that are held; returns how many bytes there are to see.
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

    /// Does what the filter said: everything that is held goes on, or all of it stays.
    pub(crate) fn settle(&mut self, action: Action) {
        if action == Action::Pause {
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
    fn what_is_let_go_on_is_out_of_the_filters_reach() {
        let mut way = Way::default();
        way.show_head(fields("head"), false);
        way.settle(Action::Continue);
        assert_eq!((&way.fields, way.passed.is_whole), (&None, false));
        assert_eq!(way.show_chunk(b"ab", false), 2);
        way.settle(Action::Continue);
        assert_eq!(way.show_chunk(b"c", true), 1, "a chunk that went on is not seen again");
        way.settle(Action::Continue);
        let expected =
            Passed { fields: Some(fields("head")), body: b"abc".to_vec(), trailers: None, is_whole: true };
        assert_eq!(way.passed, expected);
    }

    #[test]
    fn what_is_held_adds_up_and_goes_on_together() {
        let mut way = Way::default();
        way.show_head(fields("head"), false);
        way.settle(Action::Pause);
        assert_eq!(way.show_chunk(b"ab", false), 2);
        way.settle(Action::Pause);
        assert_eq!(way.show_chunk(b"c", false), 3);
        way.settle(Action::Pause);
        assert_eq!(way.passed, Passed::default());
        way.show_trailers(fields("trailer"));
        way.settle(Action::Continue);
        let expected = Passed {
            fields: Some(fields("head")),
            body: b"abc".to_vec(),
            trailers: Some(fields("trailer")),
            is_whole: true,
        };
        assert_eq!(way.passed, expected);
    }
}
