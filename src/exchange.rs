//! One request on its way through the filter.

use std::rc::Rc;

use http_publish::{
    CONTENT_TYPE, Code, EDGE_ONLY, PayloadCheck, Problem, REQUEST_ID, RequestHead, RequestId,
};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host::{self, Fields, HostError};
use crate::judgement::{DryRun, Judgement, edge_failure, judge};
use crate::root::Setup;

/// A request, from its head to the end of its payload.
pub(crate) struct Exchange {
    /// `None` only where the host opens a request without having given a configuration.
    setup: Option<Rc<Setup>>,
    stage: Stage,
    request_id: String,
}

/// Where the request stands.
enum Stage {
    /// Nothing more is asked of it: it is not ours, or all of it was seen.
    Passing,
    /// Its head is on its way; its payload streams by and is counted.
    Streaming(PayloadCheck),
    /// It waits in Envoy until all of its payload was checked.
    Held(Judgement),
    /// The filter answered it.
    Answered,
}

// === impl Exchange ===

impl Exchange {
    pub(crate) fn new(setup: Option<Rc<Setup>>) -> Self {
        Self { setup, stage: Stage::Passing, request_id: String::new() }
    }

    /// Judges the head; what comes back says how the payload is to be watched.
    fn on_head(&mut self) -> Result<Stage, Problem> {
        let fields = host::request_fields().map_err(edge_failure)?;
        remove_edge_only(&fields).map_err(edge_failure)?;
        #[cfg(feature = "trap")]
        if fields.iter().any(|(name, _)| name == b"x-postmqtt-trap") {
            std::process::abort();
        }
        let head = RequestHead::from_fields(fields.iter());
        let setup = self.setup.clone().ok_or_else(no_configuration)?;
        if !setup.config.rules.is_publish(head.target()) {
            return Ok(Stage::Passing);
        }
        head.request_id().map_or("", RequestId::as_str).clone_into(&mut self.request_id);

        let judgement = judge(&head, &setup.config)?;
        if judgement.payload.reads_bytes() || judgement.dry_run.is_some() {
            return Ok(Stage::Held(judgement));
        }
        setup.metrics.count_sent(judgement.qos);
        Ok(Stage::Streaming(judgement.payload))
    }

    /// The payload is whole: a request that was held goes on, or its dry run is shown.
    fn release(&mut self) -> Action {
        let Stage::Held(judgement) = std::mem::replace(&mut self.stage, Stage::Passing) else {
            return Action::Continue;
        };
        let shown = judgement.payload.finish().and_then(|()| {
            judgement.dry_run.map(|dry_run| self.show(&dry_run, &judgement.payload)).transpose()
        });
        match (shown, &self.setup) {
            (Err(problem), _) => self.refuse(&problem),
            (Ok(None), setup) => {
                if let Some(setup) = setup {
                    setup.metrics.count_sent(judgement.qos);
                }
                Action::Continue
            }
            (Ok(Some(body)), setup) => {
                if let Some(setup) = setup {
                    setup.metrics.count_dry_run();
                }
                self.answer(200, "DryRun", &[(CONTENT_TYPE, "application/json")], &body)
            }
        }
    }

    /// The fields of a held request are still there, in normal form by now.
    fn show(&self, dry_run: &DryRun, payload: &PayloadCheck) -> Result<Vec<u8>, Problem> {
        let setup = self.setup.as_ref().ok_or_else(no_configuration)?;
        let fields = host::request_fields().map_err(edge_failure)?;
        dry_run.show(&RequestHead::from_fields(fields.iter()), &setup.config, payload)
    }

    fn refuse(&mut self, problem: &Problem) -> Action {
        if let Some(setup) = &self.setup {
            setup.metrics.count_refused(problem.code());
        }
        let fields: Vec<_> = problem.fields().collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let body = problem.to_json(self.request_id());
        self.answer(problem.status(), problem.code().as_str(), &fields, &body)
    }

    /// Answers the request, once. `reason` is for `%RESPONSE_CODE_DETAILS%`.
    fn answer(&mut self, status: u16, reason: &str, fields: &[(&str, &str)], body: &[u8]) -> Action {
        self.stage = Stage::Answered;
        let request_id = self.request_id().map(|id| (REQUEST_ID, id.as_str()));
        let fields: Vec<_> = fields.iter().copied().chain(request_id).collect();
        // Where the host cannot answer either, the request stays where it is: paused, and never sent on unchecked.
        let _ = host::send_local_response(status, &format!("postmqtt{{{reason}}}"), &fields, body);
        Action::Pause
    }

    fn request_id(&self) -> Option<RequestId<'_>> {
        RequestId::new(self.request_id.as_bytes())
    }
}

impl Context for Exchange {}

impl HttpContext for Exchange {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        self.stage = match self.on_head() {
            Ok(stage) => stage,
            Err(problem) => return self.refuse(&problem),
        };
        match self.stage {
            // Pausing here would be for ever: after the end nothing more comes.
            Stage::Held(_) if end_of_stream => self.release(),
            Stage::Held(_) => Action::Pause,
            _ => Action::Continue,
        }
    }

    /// `size` counts the bytes of this call while they stream, and all bytes so far while they are held.
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let checked = match &mut self.stage {
            Stage::Passing => return Action::Continue,
            Stage::Answered => return Action::Pause,
            Stage::Streaming(payload) => payload.count(size),
            Stage::Held(judgement) => check_up_to(size, &mut judgement.payload),
        };
        if let Err(problem) = checked {
            return self.refuse(&problem);
        }
        match self.stage {
            Stage::Held(_) if end_of_stream => self.release(),
            Stage::Held(_) => Action::Pause,
            _ => Action::Continue,
        }
    }

    /// Trailers end a payload too, and then no call about the body says so.
    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if matches!(self.stage, Stage::Answered) {
            return Action::Pause;
        }
        match EDGE_ONLY.into_iter().try_for_each(host::remove_request_trailer) {
            Ok(()) => self.release(),
            Err(error) => self.refuse(&edge_failure(error)),
        }
    }
}

/// Looks at the bytes of a held payload that came since the last look, of `size` that the host holds.
fn check_up_to(size: usize, payload: &mut PayloadCheck) -> Result<(), Problem> {
    let seen = usize::try_from(payload.seen()).unwrap_or(usize::MAX);
    let new = size.saturating_sub(seen);
    if new == 0 || !payload.reads_bytes() {
        return payload.count(new);
    }
    payload.push(&host::request_body(seen, new).map_err(edge_failure)?)
}

/// What only the edge may set is not taken from anybody, whatever the request is; nor are trailers of these names, which
/// an upstream might merge with the head (RFC 9110, 6.5).
fn remove_edge_only(fields: &Fields) -> Result<(), HostError> {
    for name in EDGE_ONLY {
        if fields.iter().any(|(field, _)| field == name.as_bytes()) {
            host::remove_request_field(name)?;
        }
    }
    Ok(())
}

fn no_configuration() -> Problem {
    Problem::new(Code::EdgeFailure, "the filter has no configuration")
}
