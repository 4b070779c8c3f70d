//! A proxy-wasm filter that does nothing, on the SDK as every such filter starts: the floor that `cargo xtask bench` compares
//! postmqtt with.
//!
//! Natively it is an empty library, since the SDK calls functions that only a proxy has.
#![cfg(target_arch = "wasm32")]
// The exports are the macro's.
#![allow(missing_docs)]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

struct Root;

struct Request;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root) });
}}

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Request {}

impl HttpContext for Request {}
