//! Answers: from the bridge after a publish, and from Envoy.

mod envoy;
mod publish;
mod seen;
