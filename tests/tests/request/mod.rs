//! Requests: what a client may send, what is refused, and what happens to a request that is cut off.

mod accepted;
mod batch;
mod cut_off;
mod hostile;
mod payload;
mod refused;
mod versions;
