//! One request on its way through the filter.
//!
//! The head of a request that is not refused goes on at once, and its payload streams by. What the payload has to pass
//! is known only at its end, so the *end* waits for the verdict: a request that is refused, or was a dry run, never reaches
//! the upstream whole, and an upstream publishes nothing that is not whole. No part of a request is held longer than the
//! call that brings it, so the filter needs no option of Envoy's, and no buffer.
//!
//! Over HTTP/1.1 a request with a Content-Length is whole as soon as that many bytes have passed, although Envoy tells the
//! filter of the end only afterwards, with a call without bytes. The verdict is therefore reached with the last announced
//! byte, before it goes on. A Content-Length that is not true is for Envoy to refuse.
//!
//! A batch whose lines have to be judged is the exception: the host holds its payload, and nothing of it goes on before all
//! of it has come.

use std::borrow::Cow;

use http_publish::{
    CONTENT_TYPE, Code, EDGE_ONLY, PayloadCheck, Problem, REQUEST_ID, RequestHead, RequestId,
};

use crate::changes::Changes;
use crate::config::Config;
use crate::decision::{Decision, End, decide, decide_batch};
use crate::host::{Attribute, Chunk, Fields, Host, HostError, LocalResponse};
use crate::identity::{edge_failure, identify};
use crate::lines::Lines;
use crate::message_policy::Sender;
use crate::outcome::Outcome;
use crate::retained::permit_read;

/// A request, from its head to the end of its payload.
#[derive(Debug, Default)]
pub struct Exchange {
    stage: Stage,
    request_id: String,
}

/// What the host does with the part of the request that it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It goes on to the upstream.
    Continue,
    /// It stays until more of the request has come: a part of a payload, never a head or trailers.
    Hold,
    /// It stays: the filter has answered the request.
    Stop,
}

/// What has become of the request so far.
#[derive(Debug, Default)]
enum Stage {
    /// It goes on, and the filter has nothing more to decide: it is not to the configured path, or has gone on whole.
    #[default]
    Passing,
    /// Its head has gone on; its payload streams by.
    Streaming(Payload),
    /// The filter answered it.
    Answered,
}

/// A payload that streams by.
#[derive(Debug)]
struct Payload {
    check: PayloadCheck,
    /// Its Content-Length.
    announced: Option<u64>,
    end: End,
}

/// How far a payload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// More is to come.
    Underway,
    /// With what is shown now an upstream may have it all; the end itself has not come yet.
    Announced,
    /// The end has come.
    Ended,
}

/// What decides about the head of a request with messages.
type Decide = fn(&RequestHead<'_>, Sender<'_>, &Config, &mut Changes) -> Result<Decision, Problem>;

/// Refuses a request for which the host has no configuration. The host stops every part of it.
pub fn refuse_without_configuration(host: &mut impl Host) {
    Exchange::default().refuse(host, &Problem::new(Code::EdgeFailure, "the filter has no configuration"));
}

// === impl Exchange ===

impl Exchange {
    /// The head of the request came; with `end_of_stream` it is the whole request.
    pub fn on_request_headers<H: Host>(
        &mut self,
        host: &mut H,
        config: &Config,
        end_of_stream: bool,
    ) -> Flow {
        self.stage = match self.on_head(host, config) {
            Ok(stage) => stage,
            Err(problem) => return self.refuse(host, &problem),
        };
        match self.settle(host, config, end_of_stream) {
            Flow::Hold => Flow::Continue,
            flow => flow,
        }
    }

    /// `size` bytes of the payload came; with `end_of_stream` they are the last.
    pub fn on_request_body<H: Host>(
        &mut self,
        host: &mut H,
        config: &Config,
        size: usize,
        end_of_stream: bool,
    ) -> Flow {
        let Stage::Streaming(payload) = &mut self.stage else { return self.flow() };
        match payload.take(host, size) {
            Ok(()) => self.settle(host, config, end_of_stream),
            Err(problem) => self.refuse(host, &problem),
        }
    }

    /// The trailers of the request came: they end it, and no call about its payload says so.
    pub fn on_request_trailers<H: Host>(&mut self, host: &mut H, config: &Config) -> Flow {
        if matches!(self.stage, Stage::Answered) {
            return Flow::Stop;
        }
        // An upstream may merge trailers with the head (RFC 9110, 6.5).
        match host.remove_request_trailers(&EDGE_ONLY) {
            Ok(()) => self.settle(host, config, true),
            Err(error) => self.refuse(host, &edge_failure(error)),
        }
    }

    /// Decides about the head, and has it changed.
    fn on_head<H: Host>(&mut self, host: &mut H, config: &Config) -> Result<Stage, Problem> {
        let mut changes = Changes::default();
        let stage = self.judge(host, config, &mut changes)?;
        if !changes.is_empty() {
            host.change_request_head(&changes).map_err(edge_failure)?;
        }
        Ok(stage)
    }

    fn judge<H: Host>(&mut self, host: &H, config: &Config, changes: &mut Changes) -> Result<Stage, Problem> {
        let fields = host.request_head().map_err(edge_failure)?;
        let mut forged = EDGE_ONLY.map(|name| (name, false));
        let head = RequestHead::from_fields(fields.pairs().inspect(|(name, _)| {
            for (edge_only, is_there) in &mut forged {
                *is_there |= *name == edge_only.as_bytes();
            }
        }));
        forged.iter().filter(|(_, is_there)| *is_there).for_each(|(name, _)| changes.remove(name));
        let decide: Option<Decide> = match head.target() {
            target if config.rules.is_publish(target) => Some(decide),
            target if config.rules.is_batch(target) => Some(decide_batch),
            target if config.rules.is_retained(target) => None,
            _ => return Ok(Stage::Passing),
        };
        head.request_id().map_or("", RequestId::as_str).clone_into(&mut self.request_id);

        let identity = identify(host, &config.client_id)?;
        let Some(decide) = decide else {
            let decision = permit_read(&head, &identity, config, changes);
            identity.completed()?;
            decision?;
            count(host, Outcome::Read);
            return Ok(Stage::Passing);
        };
        let address = wanted_address(host, config)?;
        let sender = Sender {
            client_id: identity.client_id.as_ref(),
            client: identity.client(),
            address: &address,
            request_id: &self.request_id,
        };
        let decision = decide(&head, sender, config, changes);
        identity.completed()?;
        let Decision { payload, end } = decision?;
        Ok(Stage::Streaming(Payload { check: payload, announced: head.content_length(), end }))
    }

    /// Reaches the verdict where the request has come far enough for one.
    fn settle<H: Host>(&mut self, host: &mut H, config: &Config, end_of_stream: bool) -> Flow {
        let Stage::Streaming(payload) = &self.stage else { return self.flow() };
        let progress = payload.progress(end_of_stream);
        if progress == Progress::Underway {
            return self.flow();
        }
        if let Err(problem) = payload.check.finish() {
            return self.refuse(host, &problem);
        }
        match std::mem::take(&mut self.stage) {
            Stage::Streaming(Payload { check, end: End::Show(dry_run), .. }) => {
                count(host, Outcome::DryRun);
                let document = dry_run.into_json(check.seen());
                self.answer(host, 200, "DryRun", &[(CONTENT_TYPE, "application/json")], &document)
            }
            Stage::Streaming(Payload { end: End::Send(qos), .. }) if progress == Progress::Ended => {
                count(host, Outcome::Sent(qos));
                Flow::Continue
            }
            Stage::Streaming(Payload { end: End::SendBatch, .. }) if progress == Progress::Ended => {
                count(host, Outcome::SentBatch);
                Flow::Continue
            }
            Stage::Streaming(Payload { check, end: End::JudgeLines(lines), .. })
                if progress == Progress::Ended =>
            {
                match self.replace_lines(host, config, check.seen(), &lines) {
                    Ok(()) => {
                        count(host, Outcome::SentBatch);
                        Flow::Continue
                    }
                    Err(problem) => self.refuse(host, &problem),
                }
            }
            stage => {
                self.stage = stage;
                self.flow()
            }
        }
    }

    /// Judges the lines of a payload that has come whole. Who sent it is asked again: what the head's call borrowed from the
    /// host is gone.
    fn replace_lines<H: Host>(
        &self,
        host: &mut H,
        config: &Config,
        size: u64,
        lines: &Lines,
    ) -> Result<(), Problem> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let judged = {
            let identity = identify(host, &config.client_id)?;
            let address = wanted_address(host, config)?;
            let sender = Sender {
                client_id: identity.client_id.as_ref(),
                client: identity.client(),
                address: &address,
                request_id: &self.request_id,
            };
            // Of a request without a payload the host has none to show.
            let chunk = if size == 0 { None } else { Some(host.held_payload(size).map_err(edge_failure)?) };
            let payload = chunk.as_ref().map(whole).unwrap_or_default();
            let judged = lines.judge(&payload, sender, config);
            identity.completed()?;
            judged?
        };
        host.replace_held_payload(size, &judged).map_err(edge_failure)
    }

    fn refuse(&mut self, host: &mut impl Host, problem: &Problem) -> Flow {
        count(host, Outcome::Refused(problem.code()));
        let fields: Vec<_> = problem.fields().collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let body = problem.to_json(self.request_id());
        self.answer(host, problem.status(), problem.code().as_str(), &fields, &body)
    }

    /// Answers the request, once. `reason` is for `%RESPONSE_CODE_DETAILS%`.
    fn answer(
        &mut self,
        host: &mut impl Host,
        status: u16,
        reason: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Flow {
        self.stage = Stage::Answered;
        let request_id = self.request_id().map(|id| (REQUEST_ID, id.as_str()));
        let fields: Vec<_> = fields.iter().copied().chain(request_id).collect();
        let details = format!("postmqtt{{{reason}}}");
        let response = LocalResponse { status, details: &details, fields: &fields, body };
        // If the host cannot answer either, the request stops where it is: it never goes on unchecked.
        let _ = host.send_local_response(&response);
        Flow::Stop
    }

    const fn flow(&self) -> Flow {
        match self.stage {
            Stage::Streaming(Payload { end: End::JudgeLines(_), .. }) => Flow::Hold,
            Stage::Passing | Stage::Streaming(_) => Flow::Continue,
            Stage::Answered => Flow::Stop,
        }
    }

    fn request_id(&self) -> Option<RequestId<'_>> {
        RequestId::new(self.request_id.as_bytes())
    }
}

/// A count that is lost harms no request.
fn count(host: &impl Host, outcome: Outcome) {
    let _ = host.count(outcome);
}

/// All bytes of a payload in one piece: copied, if the host has it in several.
fn whole(chunk: &impl Chunk) -> Cow<'_, [u8]> {
    let mut slices = chunk.slices();
    let first = slices.next().unwrap_or_default();
    match slices.next() {
        None => Cow::Borrowed(first),
        Some(second) => {
            let mut bytes = [first, second].concat();
            slices.for_each(|slice| bytes.extend_from_slice(slice));
            Cow::Owned(bytes)
        }
    }
}

/// The client's address, if a property that is added asks for it.
fn wanted_address(host: &impl Host, config: &Config) -> Result<String, Problem> {
    if config.enrichment.wants_source_address() {
        source_address(host).map_err(edge_failure)
    } else {
        Ok(String::new())
    }
}

/// The client's address without its port; empty if the host knows none.
fn source_address(host: &impl Host) -> Result<String, HostError> {
    let address = host.attribute(Attribute::SourceAddress)?.unwrap_or_default();
    let address = String::from_utf8(address).unwrap_or_default();
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    Ok(host.trim_matches(['[', ']']).to_owned())
}

// === impl Payload ===

impl Payload {
    fn take(&mut self, host: &impl Host, size: usize) -> Result<(), Problem> {
        if size == 0 || !self.check.reads_bytes() {
            return self.check.count(size);
        }
        let chunk = host.request_chunk(size).map_err(edge_failure)?;
        chunk.slices().try_for_each(|slice| self.check.push(slice))
    }

    fn progress(&self, end_of_stream: bool) -> Progress {
        if end_of_stream {
            return Progress::Ended;
        }
        match self.announced {
            Some(announced) if self.check.seen() >= announced => Progress::Announced,
            _ => Progress::Underway,
        }
    }
}
