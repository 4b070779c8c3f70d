//! A stream: the request as Envoy has it, and the hooks in the order in which a test calls them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;

use envoy_module::abi::{
    Attribute, BodyStatus, FilterInEnvoy, FilterInModule, HeadersStatus, TrailersStatus,
};
use envoy_module::hooks;

use crate::Fault;
use crate::config::{Config, Counters};

/// A request on its way through the filter.
#[derive(Debug)]
pub struct Stream {
    in_module: FilterInModule,
    state: Box<RefCell<State>>,
}

/// What Envoy knows of a stream. Names and values are vectors: moving one does not move its bytes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) fault: Option<Fault>,
    pub(crate) counters: *const RefCell<Counters>,
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) trailers: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    /// What the body hook is called for, in chunks.
    pub(crate) received: Vec<Vec<u8>>,
    /// What is held back, in chunks.
    pub(crate) held: Vec<Vec<u8>>,
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) attributes: Vec<(Attribute, Vec<u8>)>,
    pub(crate) metadata_keys: usize,
    pub(crate) answer: Option<Answer>,
    pub(crate) answers: usize,
    pub(crate) routes_chosen_anew: usize,
    later_filter_holds: bool,
    shows_last_part_apart: bool,
    /// What of the body has gone on.
    passed: Vec<u8>,
}

/// What becomes of a part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It goes on.
    Continues,
    /// It is held, with what follows.
    Holds,
    /// It stops.
    Stops,
}

/// What the filter answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u32,
    /// The fields.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// `%RESPONSE_CODE_DETAILS%`.
    pub details: String,
}

// === impl Stream ===

impl Stream {
    /// Opens a stream.
    ///
    /// # Panics
    /// Panics if the filter refuses.
    #[must_use]
    pub fn open(config: &Config) -> Self {
        let state = Box::new(RefCell::new(State {
            fault: None,
            counters: config.counters(),
            fields: Vec::new(),
            trailers: None,
            received: Vec::new(),
            held: Vec::new(),
            filter_state: BTreeMap::new(),
            attributes: Vec::new(),
            metadata_keys: 0,
            answer: None,
            answers: 0,
            routes_chosen_anew: 0,
            later_filter_holds: false,
            shows_last_part_apart: false,
            passed: Vec::new(),
        }));
        // SAFETY: the configuration is the filter's own, and not destroyed.
        let in_module =
            unsafe { hooks::envoy_dynamic_module_on_http_filter_new(config.in_module, in_envoy(&state)) };
        assert!(!in_module.is_null(), "the filter opens no stream");
        Self { in_module, state }
    }

    /// Breaks one promise from now on.
    pub fn fault(&mut self, fault: Fault) -> &mut Self {
        self.state.borrow_mut().fault = Some(fault);
        self
    }

    /// Adds a field to the head.
    pub fn field(&mut self, name: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.state.borrow_mut().fields.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Adds a trailer.
    pub fn trailer(&mut self, name: &str, value: &str) -> &mut Self {
        let mut state = self.state.borrow_mut();
        state.trailers.get_or_insert_default().push((name.into(), value.into()));
        drop(state);
        self
    }

    /// Sets filter state.
    pub fn filter_state(&mut self, key: &str, value: &str) -> &mut Self {
        self.state.borrow_mut().filter_state.insert(key.into(), value.into());
        self
    }

    /// Sets an attribute.
    pub fn attribute(&mut self, attribute: Attribute, value: &str) -> &mut Self {
        self.state.borrow_mut().attributes.push((attribute, value.into()));
        self
    }

    /// `jwt_authn` verified a token: its metadata has a key.
    pub fn verified_token(&mut self) -> &mut Self {
        self.state.borrow_mut().metadata_keys = 1;
        self
    }

    /// A filter after this one holds the body back until its end.
    pub fn later_filter_holds(&mut self) -> &mut Self {
        self.state.borrow_mut().later_filter_holds = true;
        self
    }

    /// Envoy does not add the last part of the body to what is held.
    pub fn shows_last_part_apart(&mut self) -> &mut Self {
        self.state.borrow_mut().shows_last_part_apart = true;
        self
    }

    /// The head comes.
    pub fn head(&mut self, end_of_stream: bool) -> Step {
        // SAFETY: the stream is open on both sides.
        let status = unsafe {
            hooks::envoy_dynamic_module_on_http_filter_request_headers(
                in_envoy(&self.state),
                self.in_module,
                end_of_stream,
            )
        };
        if status == HeadersStatus::CONTINUE { Step::Continues } else { Step::Stops }
    }

    /// A part of the body comes, in chunks.
    pub fn body(&mut self, chunks: &[&[u8]], end_of_stream: bool) -> Step {
        let chunks: Vec<Vec<u8>> = chunks.iter().map(|chunk| chunk.to_vec()).collect();
        {
            let mut state = self.state.borrow_mut();
            if end_of_stream && !state.held.is_empty() && !state.shows_last_part_apart {
                state.held.extend(chunks);
            } else {
                state.received = chunks;
            }
        }
        // SAFETY: the stream is open on both sides.
        let status = unsafe {
            hooks::envoy_dynamic_module_on_http_filter_request_body(
                in_envoy(&self.state),
                self.in_module,
                end_of_stream,
            )
        };
        let mut state = self.state.borrow_mut();
        let passed = std::mem::take(&mut state.received);
        match status {
            BodyStatus::CONTINUE if state.later_filter_holds => {
                state.held.extend(passed);
                Step::Continues
            }
            BodyStatus::CONTINUE => {
                state.pass_held();
                state.passed.extend(passed.concat());
                Step::Continues
            }
            BodyStatus::STOP_ITERATION_AND_BUFFER => {
                state.held.extend(passed);
                Step::Holds
            }
            _ => Step::Stops,
        }
    }

    /// The trailers come.
    pub fn end_with_trailers(&mut self) -> Step {
        self.state.borrow_mut().trailers.get_or_insert_default();
        // SAFETY: the stream is open on both sides.
        let status = unsafe {
            hooks::envoy_dynamic_module_on_http_filter_request_trailers(in_envoy(&self.state), self.in_module)
        };
        if status != TrailersStatus::CONTINUE {
            return Step::Stops;
        }
        self.state.borrow_mut().pass_held();
        Step::Continues
    }

    /// What of the body has gone on.
    #[must_use]
    pub fn passed(&self) -> Vec<u8> {
        self.state.borrow().passed.clone()
    }

    /// The value of a field, as it is now; `None` if there is none, or more than one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        let state = self.state.borrow();
        let mut values = state.fields.iter().filter(|(field, _)| field == name.as_bytes());
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(String::from_utf8_lossy(value).into_owned()),
            _ => None,
        }
    }

    /// The names of the trailers, as they are now.
    #[must_use]
    pub fn trailer_names(&self) -> Vec<String> {
        let state = self.state.borrow();
        let names =
            state.trailers.iter().flatten().map(|(name, _)| String::from_utf8_lossy(name).into_owned());
        names.collect()
    }

    /// What the filter answered.
    ///
    /// # Panics
    /// Panics if it answered more than once: Envoy does not allow it.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        let state = self.state.borrow();
        assert!(state.answers <= 1, "the filter answered {} times", state.answers);
        state.answer.clone()
    }

    /// How often the filter had the route chosen anew.
    #[must_use]
    pub fn routes_chosen_anew(&self) -> usize {
        self.state.borrow().routes_chosen_anew
    }
}

// === impl State ===

impl State {
    fn pass_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.passed.extend(held.concat());
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        hooks::envoy_dynamic_module_on_http_filter_stream_complete(in_envoy(&self.state), self.in_module);
        // SAFETY: the filter made it, and it is used no more.
        unsafe { hooks::envoy_dynamic_module_on_http_filter_destroy(self.in_module) };
    }
}

fn in_envoy(state: &RefCell<State>) -> FilterInEnvoy {
    (&raw const *state).cast_mut().cast::<c_void>()
}
