//! What stands in for an identity provider and a certificate authority while developing.

pub mod certificate;
pub mod keys;
pub mod token;
