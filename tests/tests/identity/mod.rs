//! Identity: the three ways in which the edge learns who publishes.

mod client_certificate;
mod providers;
mod token;
