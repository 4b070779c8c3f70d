//! A host in memory, which does what Envoy does with what the filter says.

use std::cell::RefCell;
use std::collections::HashMap;

use edge::{
    Attribute, Changes, Chunk, Config, Exchange, Fields, Flow, Host, HostError, LocalResponse, Outcome,
    TokenClaims,
};
use http_publish::Change;
use policy::{ClaimPath, Claims, Presence};
use serde_json::Value;

/// A call that the filter makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    RequestHead,
    ChangeRequestHead,
    RequestChunk,
    HeldPayload,
    ReplaceHeldPayload,
    RemoveRequestTrailers,
    Claims,
    /// A claim that is read only when it is asked for.
    Claim,
    Attribute(Attribute),
    Count,
    SendLocalResponse,
}

/// A request, and what Envoy knows of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    head: Vec<(Vec<u8>, Vec<u8>)>,
    /// Each is shown in one call, in as many slices as it has.
    chunks: Vec<Vec<Vec<u8>>>,
    trailers: Option<Vec<&'static str>>,
    claims: Value,
    attributes: HashMap<Attribute, Vec<u8>>,
    failing: Option<Call>,
    is_cut: bool,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    /// What the upstream has: the head, the body, the names of trailers, and whether that is all of it.
    pub(crate) head: Option<Vec<(String, String)>>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<&'static str>,
    pub(crate) is_whole: bool,
    /// What the client was answered, by the filter.
    pub(crate) answer: Option<Answer>,
    pub(crate) outcomes: Vec<Outcome>,
    /// The changes that were made to the head.
    pub(crate) changes: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) details: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Value,
}

struct FakeHost {
    request: Request,
    /// Of a payload that is held all of it.
    shown: Vec<Vec<u8>>,
    answer: Option<Answer>,
    outcomes: RefCell<Vec<Outcome>>,
    changes: Vec<String>,
}

pub(crate) struct Pairs<'a>(&'a [(Vec<u8>, Vec<u8>)]);
pub(crate) struct Slices<'a>(&'a [Vec<u8>]);
pub(crate) struct Token<'a>(&'a Value, Result<(), HostError>);

// === impl Request ===

impl Request {
    pub(crate) fn post(target: &str) -> Self {
        Self::default().field(":method", "POST").field(":path", target)
    }

    pub(crate) fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.head.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn chunks<const N: usize>(mut self, chunks: [&[u8]; N]) -> Self {
        self.chunks = chunks.iter().map(|chunk| vec![chunk.to_vec()]).collect();
        self
    }

    pub(crate) fn in_chunks(mut self, chunks: &[&[u8]]) -> Self {
        self.chunks = chunks.iter().map(|chunk| vec![chunk.to_vec()]).collect();
        self
    }

    /// Without an end: the client goes away.
    pub(crate) fn without_end(mut self) -> Self {
        self.is_cut = true;
        self
    }

    /// One chunk, in slices of this many bytes.
    pub(crate) fn sliced(mut self, chunk: &[u8], size: usize) -> Self {
        self.chunks = vec![chunk.chunks(size).map(<[u8]>::to_vec).collect()];
        self
    }

    pub(crate) fn trailers(mut self, names: &[&'static str]) -> Self {
        self.trailers = Some(names.to_vec());
        self
    }

    pub(crate) fn claims(mut self, claims: Value) -> Self {
        self.claims = claims;
        self
    }

    pub(crate) fn attribute(mut self, attribute: Attribute, value: &str) -> Self {
        self.attributes.insert(attribute, value.into());
        self
    }

    pub(crate) fn failing(mut self, call: Call) -> Self {
        self.failing = Some(call);
        self
    }

    /// Takes it through the filter in Envoy's order: what the filter lets go on reaches the upstream.
    pub(crate) fn send(&self, config: &Config) -> Fate {
        let mut host = FakeHost {
            request: self.clone(),
            shown: Vec::new(),
            answer: None,
            outcomes: RefCell::default(),
            changes: Vec::new(),
        };
        let mut exchange = Exchange::default();
        let mut fate = Fate::default();
        let has_trailers = self.trailers.is_some();
        let ends = self.chunks.is_empty() && !has_trailers;
        let mut flow = exchange.on_request_headers(&mut host, config, ends);
        if flow == Flow::Continue {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            fate.head =
                Some(host.request.head.iter().map(|(name, value)| (text(name), text(value))).collect());
            fate.is_whole = ends;
        }
        for (index, chunk) in self.chunks.iter().enumerate() {
            if host.answer.is_some() {
                break;
            }
            if flow == Flow::Continue {
                host.shown.clear();
            }
            host.shown.extend(chunk.iter().cloned());
            let ends = index + 1 == self.chunks.len() && !has_trailers && !self.is_cut;
            flow = exchange.on_request_body(&mut host, config, chunk.iter().map(Vec::len).sum(), ends);
            if flow == Flow::Continue {
                fate.body.extend(host.shown.concat());
                fate.is_whole = ends;
            }
        }
        if has_trailers && host.answer.is_none() {
            let is_held = flow == Flow::Hold;
            flow = exchange.on_request_trailers(&mut host, config);
            if flow == Flow::Continue {
                if is_held {
                    fate.body.extend(host.shown.concat());
                }
                fate.trailers = host.request.trailers.take().unwrap_or_default();
                fate.is_whole = true;
            }
        }
        assert!(host.answer.is_none() || flow == Flow::Stop, "what is answered does not go on");
        Fate { answer: host.answer, outcomes: host.outcomes.take(), changes: host.changes, ..fate }
    }
}

// === impl Fate ===

impl Fate {
    /// Whether the upstream has a whole request and the client no answer of the filter's.
    pub(crate) fn is_sent(&self) -> bool {
        self.is_whole && self.answer.is_none()
    }

    /// The value of a field that reached the upstream.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.head.as_ref()?.iter().filter(|(field, _)| field == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert_eq!(values.next(), None, "{name} is there more than once");
        value
    }

    /// Status and code of the refusal.
    pub(crate) fn refusal(&self) -> Option<(u16, &str)> {
        let answer = self.answer.as_ref()?;
        Some((answer.status, answer.body["code"].as_str()?))
    }
}

// === impl FakeHost ===

impl FakeHost {
    fn call(&self, call: Call) -> Result<(), HostError> {
        match self.request.failing {
            Some(failing) if failing == call => Err(HostError { call: "fake_call", status: Some(2) }),
            _ => Ok(()),
        }
    }
}

impl Host for FakeHost {
    type Fields<'a> = Pairs<'a>;
    type Chunk<'a> = Slices<'a>;
    type Claims<'a> = Token<'a>;

    fn request_head(&self) -> Result<Pairs<'_>, HostError> {
        self.call(Call::RequestHead).map(|()| Pairs(&self.request.head))
    }

    fn change_request_head(&mut self, changes: &Changes) -> Result<(), HostError> {
        self.call(Call::ChangeRequestHead)?;
        for change in changes.iter() {
            let (name, value) = match change {
                Change::Set { name, value } => (name, Some(value)),
                Change::Remove { name } => (name, None),
            };
            self.changes.push(format!("{name}={}", value.unwrap_or("-")));
            let head = &mut self.request.head;
            let first = head.iter().position(|(field, _)| field == name.as_bytes()).unwrap_or(head.len());
            head.retain(|(field, _)| field != name.as_bytes());
            if let Some(value) = value {
                head.insert(first.min(head.len()), (name.into(), value.into()));
            }
        }
        Ok(())
    }

    fn request_chunk(&self, size: usize) -> Result<Slices<'_>, HostError> {
        self.call(Call::RequestChunk)?;
        assert_eq!(size, self.shown.iter().map(Vec::len).sum::<usize>());
        Ok(Slices(&self.shown))
    }

    fn held_payload(&self, size: usize) -> Result<Slices<'_>, HostError> {
        self.call(Call::HeldPayload)?;
        assert_eq!(size, self.shown.iter().map(Vec::len).sum::<usize>());
        Ok(Slices(&self.shown))
    }

    fn replace_held_payload(&mut self, size: usize, payload: &[u8]) -> Result<(), HostError> {
        self.call(Call::ReplaceHeldPayload)?;
        assert_eq!(size, self.shown.iter().map(Vec::len).sum::<usize>());
        self.shown = vec![payload.to_vec()];
        Ok(())
    }

    fn remove_request_trailers(&mut self, names: &[&'static str]) -> Result<(), HostError> {
        self.call(Call::RemoveRequestTrailers)?;
        let trailers = self.request.trailers.as_mut().expect("the request has trailers");
        trailers.retain(|name| !names.contains(name));
        Ok(())
    }

    fn claims<'a>(&'a self, metadata_key: &'a str) -> Result<Token<'a>, HostError> {
        self.call(Call::Claims)?;
        Ok(Token(&self.request.claims[metadata_key], self.call(Call::Claim)))
    }

    fn attribute(&self, attribute: Attribute) -> Result<Option<Vec<u8>>, HostError> {
        self.call(Call::Attribute(attribute))?;
        Ok(self.request.attributes.get(&attribute).cloned())
    }

    fn count(&self, outcome: Outcome) -> Result<(), HostError> {
        self.call(Call::Count)?;
        self.outcomes.borrow_mut().push(outcome);
        Ok(())
    }

    fn send_local_response(&mut self, response: &LocalResponse<'_>) -> Result<(), HostError> {
        self.call(Call::SendLocalResponse)?;
        assert!(self.answer.is_none(), "a request is answered once");
        self.answer = Some(Answer {
            status: response.status,
            details: response.details.to_owned(),
            fields: response.fields.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            body: serde_json::from_slice(response.body).expect("JSON"),
        });
        Ok(())
    }
}

impl Fields for Pairs<'_> {
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

impl Chunk for Slices<'_> {
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
}

// === impl Token ===

impl Token<'_> {
    /// A claim that cannot be read looks like one that is not there, until the host is asked.
    fn find(&self, path: &ClaimPath) -> Option<&Value> {
        self.1.ok()?;
        path.names().try_fold(self.0, |value, name| value.get(name))
    }
}

impl TokenClaims for Token<'_> {
    fn completed(&self) -> Result<(), HostError> {
        self.1
    }
}

impl Claims for Token<'_> {
    fn text(&self, path: &ClaimPath) -> Option<String> {
        self.find(path)?.as_str().map(str::to_owned)
    }

    fn number(&self, path: &ClaimPath) -> Option<f64> {
        self.find(path)?.as_f64()
    }

    fn boolean(&self, path: &ClaimPath) -> Option<bool> {
        self.find(path)?.as_bool()
    }

    fn list(&self, path: &ClaimPath) -> Option<Vec<String>> {
        let list = self.find(path)?.as_array()?;
        Some(list.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect())
    }

    fn presence(&self, path: &ClaimPath) -> Presence {
        match self.find(path) {
            None => Presence::Absent,
            Some(Value::Null) => Presence::Null,
            Some(value) if value.as_str() == Some("") => Presence::Absent,
            Some(_) => Presence::Present,
        }
    }
}
