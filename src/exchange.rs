//! One request on its way through the filter.

use std::rc::Rc;

use http_publish::{
    CLIENT_ID, CONTENT_TYPE, Change, ClientId, Code, Decision, EDGE_ONLY, PayloadCheck, Problem, Purpose,
    REQUEST_ID, RequestHead, RequestId, read,
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
    /// It waits in Envoy until all of its payload was checked.
    Held(Held),
    /// The filter answered it.
    Answered,
}

/// A request that is not let go on before its end.
struct Held {
    check: PayloadCheck,
    purpose: Purpose,
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
        let config = self.config.clone().ok_or_else(no_configuration)?;
        if !config.rules.is_publish(head.target()) {
            return Ok(Stage::Passing);
        }
        head.request_id().map_or("", RequestId::as_str).clone_into(&mut self.request_id);

        let client_id = config.client_id.client_id_field()?;
        let publish = read(&head, &config.rules)?;
        publish.changes(&head, &config.rules, write).map_err(edge_failure)?;
        if let Some(client_id) = client_id {
            host::set_request_field(CLIENT_ID, &client_id).map_err(edge_failure)?;
        }

        let check = PayloadCheck::of(&publish, &config.rules.limits);
        let purpose = publish.purpose;
        if check.reads_bytes() || purpose == Purpose::DryRun {
            return Ok(Stage::Held(Held { check, purpose }));
        }
        Ok(Stage::Streaming(check))
    }

    /// The payload of a held request is whole: the request goes on, or a dry run is shown.
    fn release(&mut self) -> Action {
        let Stage::Held(Held { check, purpose }) = &self.stage else { return Action::Continue };
        let shown = check.finish().and_then(|()| match purpose {
            Purpose::Send => Ok(None),
            Purpose::DryRun => self.dry_run(check.seen()).map(Some),
        });
        match shown {
            Err(problem) => self.refuse(&problem),
            Ok(Some(body)) => self.answer(200, "DryRun", &[(CONTENT_TYPE, "application/json")], &body),
            Ok(None) => {
                self.stage = Stage::Passing;
                Action::Continue
            }
        }
    }

    /// Reads the request again, as it would leave: the fields of a held request are still there.
    fn dry_run(&self, payload_bytes: u64) -> Result<Vec<u8>, Problem> {
        let config = self.config.as_ref().ok_or_else(no_configuration)?;
        let fields = host::request_fields().map_err(edge_failure)?;
        let client_id = fields.iter().find(|(name, _)| *name == CLIENT_ID.as_bytes());
        let client_id = client_id.map(|(_, value)| ClientId::from_field(value)).transpose()?;
        let publish = read(&RequestHead::from_fields(fields.iter()), &config.rules)?;
        let decision =
            Decision { client_id: client_id.as_ref().map(ClientId::as_str), ..Decision::default() };
        Ok(publish.to_dry_run_json(payload_bytes, decision, self.request_id()))
    }

    fn refuse(&mut self, problem: &Problem) -> Action {
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
            Stage::Streaming(check) => check.count(size),
            Stage::Held(held) => held.check_up_to(size),
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
        match self.stage {
            Stage::Answered => Action::Pause,
            Stage::Held(_) => self.release(),
            Stage::Passing | Stage::Streaming(_) => Action::Continue,
        }
    }
}

// === impl Held ===

impl Held {
    /// Looks at the bytes that came since the last look, of `size` that the host holds.
    fn check_up_to(&mut self, size: usize) -> Result<(), Problem> {
        let seen = usize::try_from(self.check.seen()).unwrap_or(usize::MAX);
        let new = size.saturating_sub(seen);
        if new == 0 || !self.check.reads_bytes() {
            return self.check.count(new);
        }
        let bytes = host::request_body(seen, new).map_err(edge_failure)?;
        if bytes.len() != new {
            return Err(Problem::new(Code::EdgeFailure, "the host does not give the payload that it has"));
        }
        self.check.push(&bytes)
    }
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

fn no_configuration() -> Problem {
    Problem::new(Code::EdgeFailure, "the filter has no configuration")
}

fn edge_failure(error: HostError) -> Problem {
    Problem::new(Code::EdgeFailure, format!("a call to the host failed with status {}", error.0))
}
