//! One request on its way through the filter.

use std::rc::Rc;

use http_publish::{
    Change, Code, EDGE_ONLY, PayloadCheck, Problem, REQUEST_ID, RequestHead, RequestId, read,
};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::config::Config;
use crate::host::{self, Fields, HostError};

/// A request, from its head to the end of its payload.
pub(crate) struct Exchange {
    /// `None` only where the host opens a request without having given a configuration.
    config: Option<Rc<Config>>,
    stage: Stage,
    request_id: String,
}

/// Where the request stands.
enum Stage {
    /// Nothing more is asked of it: it is not ours, or all of it was seen.
    Passing,
    /// Its head is on its way; its payload streams by and is counted.
    Streaming(PayloadCheck),
    /// It waits in Envoy until its payload is known to be UTF-8; `seen` bytes of it were checked.
    Held { check: PayloadCheck, seen: usize },
    /// The filter answered it.
    Refused,
}

// === impl Exchange ===

impl Exchange {
    pub(crate) fn new(config: Option<Rc<Config>>) -> Self {
        Self { config, stage: Stage::Passing, request_id: String::new() }
    }

    /// Judges the head; what comes back says how the payload is to be watched.
    fn on_head(&mut self) -> Result<Stage, Problem> {
        let fields = host::request_fields().map_err(edge_failure)?;
        remove_edge_only(&fields).map_err(edge_failure)?;
        let head = RequestHead::from_fields(fields.iter());
        let Some(config) = self.config.clone() else {
            return Err(Problem::new(Code::EdgeFailure, "the filter has no configuration"));
        };
        if !config.rules.is_publish(head.target()) {
            return Ok(Stage::Passing);
        }
        head.request_id().map_or("", RequestId::as_str).clone_into(&mut self.request_id);

        let client_id = config.client_id.client_id_field()?;
        let publish = read(&head, &config.rules)?;
        publish.changes(&head, &config.rules, write).map_err(edge_failure)?;
        if let Some(client_id) = client_id {
            host::set_request_field(http_publish::CLIENT_ID, &client_id).map_err(edge_failure)?;
        }

        let check = PayloadCheck::of(&publish, &config.rules.limits);
        if check.reads_bytes() { Ok(Stage::Held { check, seen: 0 }) } else { Ok(Stage::Streaming(check)) }
    }

    /// Answers the request, once.
    fn refuse(&mut self, problem: &Problem) -> Action {
        self.stage = Stage::Refused;
        let request_id = RequestId::new(self.request_id.as_bytes());
        let body = problem.to_json(request_id);
        let details = format!("postmqtt{{{}}}", problem.code().as_str());
        let own: Vec<_> = problem.fields().collect();
        let mut fields: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        fields.extend(request_id.map(|id| (REQUEST_ID, id.as_str())));
        // Where the host cannot answer either, the request stays where it is: paused, and never sent on unchecked.
        let _ = host::send_local_response(problem.status(), &details, &fields, &body);
        Action::Pause
    }

    /// Lets a held request go on, its payload being whole.
    fn release(&mut self) -> Action {
        if let Stage::Held { check, .. } = &self.stage
            && let Err(problem) = check.finish()
        {
            return self.refuse(&problem);
        }
        self.stage = Stage::Passing;
        Action::Continue
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
            Stage::Held { .. } if !end_of_stream => Action::Pause,
            _ => Action::Continue,
        }
    }

    /// `size` counts the bytes of this call while they stream, and all bytes so far while they are held.
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let checked = match &mut self.stage {
            Stage::Passing => return Action::Continue,
            Stage::Refused => return Action::Pause,
            Stage::Streaming(check) => check.count(size),
            Stage::Held { check, seen } => check_new_bytes(check, seen, size),
        };
        match (checked, &self.stage) {
            (Err(problem), _) => self.refuse(&problem),
            (Ok(()), Stage::Held { .. }) if !end_of_stream => Action::Pause,
            (Ok(()), Stage::Held { .. }) => self.release(),
            (Ok(()), _) => Action::Continue,
        }
    }

    /// Trailers end a payload too, and then no call about the body says so.
    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        match self.stage {
            Stage::Refused => Action::Pause,
            Stage::Held { .. } => self.release(),
            Stage::Passing | Stage::Streaming(_) => Action::Continue,
        }
    }
}

/// Looks at the bytes that came since the last look.
fn check_new_bytes(check: &mut PayloadCheck, seen: &mut usize, size: usize) -> Result<(), Problem> {
    let new = size.saturating_sub(*seen);
    if new == 0 {
        return Ok(());
    }
    let bytes = host::request_body(*seen, new).map_err(edge_failure)?;
    if bytes.len() != new {
        return Err(Problem::new(Code::EdgeFailure, "the host does not give the payload that it has"));
    }
    *seen = size;
    check.push(&bytes)
}

/// What only the edge may set is not taken from anybody, whatever the request is.
fn remove_edge_only(fields: &Fields) -> Result<(), HostError> {
    for name in EDGE_ONLY {
        if fields.iter().any(|(field, _)| field == name.as_bytes()) {
            host::remove_request_field(name)?;
        }
    }
    Ok(())
}

fn write(change: Change<'_>) -> Result<(), HostError> {
    match change {
        Change::Set { name, value } => host::set_request_field(name, value),
        Change::Remove { name } => host::remove_request_field(name),
    }
}

fn edge_failure(error: HostError) -> Problem {
    Problem::new(Code::EdgeFailure, format!("a call to the host failed with status {}", error.0))
}
