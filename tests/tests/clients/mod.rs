//! The files of `clients/`, in the programs that they are for.

mod collections;
mod openapi;
