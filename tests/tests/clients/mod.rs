//! The files of `clients/`, in the programs that they are for, and pages in a browser.

mod browsers;
mod collections;
mod openapi;
