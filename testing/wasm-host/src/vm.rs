//! A virtual machine: the filter's instance and the world that its hostcalls act on.

use std::collections::HashMap;

use wasmtime::{Engine, Instance, InstancePre, Memory, Store, TypedFunc, WasmParams, WasmResults};

use crate::fault::Calls;
use crate::metrics::Metrics;
use crate::property::Properties;
use crate::world::{GuestExports, World};
use crate::{Action, Callback, Trap};

/// An instance that can be called.
pub(crate) struct Vm {
    store: Store<World>,
    memory: Memory,
    exports: Exports,
}

/// The callbacks that the filter exports.
struct Exports {
    context_create: TypedFunc<(u32, u32), ()>,
    configure: TypedFunc<(u32, u32), u32>,
    request_headers: TypedFunc<(u32, u32, u32), u32>,
    request_body: TypedFunc<(u32, u32, u32), u32>,
    request_trailers: TypedFunc<(u32, u32), u32>,
    delete: TypedFunc<u32, ()>,
}

/// How many of the log's last lines a trap tells.
const TOLD_LINES: usize = 8;

// === impl Vm ===

impl Vm {
    /// Instantiates the code and runs its constructors.
    pub(crate) fn new(code: &InstancePre<World>) -> Result<Self, Trap> {
        let mut store = new_store(code.module().engine());
        let in_start =
            |error: wasmtime::Error| Trap { callback: "start".to_owned(), cause: format!("{error:#}") };
        let instance = code.instantiate(&mut store).map_err(in_start)?;
        let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| Trap {
            callback: "start".to_owned(),
            cause: "the filter exports no memory".to_owned(),
        })?;
        let allocate = find(&instance, &mut store, "proxy_on_memory_allocate").map_err(in_start)?;
        store.data_mut().guest = Some(GuestExports { memory, allocate });
        let exports = Exports::of(&instance, &mut store).map_err(in_start)?;
        let initialize = find::<(), ()>(&instance, &mut store, "_initialize").map_err(in_start)?;
        let initialized = initialize.call(&mut store, ());
        let vm = Self { store, memory, exports };
        initialized.map_err(|error| vm.trap("_initialize", &error))?;
        Ok(vm)
    }

    pub(crate) fn world(&mut self) -> &mut World {
        self.store.data_mut()
    }

    /// Bytes of linear memory.
    pub(crate) fn memory_size(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// Operations that were executed, if they are counted.
    pub(crate) fn operations(&self) -> u64 {
        self.store.get_fuel().map_or(0, |left| u64::MAX - left)
    }

    /// Calls back in a context; a callback that returns nothing returns 0.
    pub(crate) fn call(&mut self, context: u32, callback: Callback) -> Result<u32, Trap> {
        self.store.data_mut().context = context;
        let Self { store, exports, .. } = self;
        let returned = match callback {
            Callback::ContextCreate { parent } => {
                exports.context_create.call(store, (context, parent)).map(|()| 0)
            }
            Callback::Configure { size } => exports.configure.call(store, (context, size)),
            Callback::RequestHeaders { count, end } => {
                exports.request_headers.call(store, (context, count, end.into()))
            }
            Callback::RequestBody { size, end } => {
                exports.request_body.call(store, (context, size, end.into()))
            }
            Callback::RequestTrailers { count } => exports.request_trailers.call(store, (context, count)),
            Callback::Delete => exports.delete.call(store, context).map(|()| 0),
        };
        returned.map_err(|error| self.trap(callback.export(), &error))
    }

    /// Calls back, and reads what comes back as an action.
    pub(crate) fn act(&mut self, context: u32, callback: Callback) -> Result<Action, Trap> {
        let returned = self.call(context, callback)?;
        Action::from_abi(returned).ok_or_else(|| Trap {
            callback: callback.export().to_owned(),
            cause: format!("it returns {returned}, which is no action"),
        })
    }

    fn trap(&self, callback: &str, error: &wasmtime::Error) -> Trap {
        let log = &self.store.data().log;
        let told = log.iter().skip(log.len().saturating_sub(TOLD_LINES));
        let told: String = told.map(|line| format!("\n  log: {}", line.text.trim_end())).collect();
        Trap { callback: callback.to_owned(), cause: format!("{error:#}{told}") }
    }
}

fn new_store(engine: &Engine) -> Store<World> {
    let world = World {
        guest: None,
        context: 0,
        exchanges: HashMap::new(),
        configuration: Vec::new(),
        properties: Properties::default(),
        metrics: Metrics::default(),
        calls: Calls::default(),
        log: Vec::new(),
    };
    let mut store = Store::new(engine, world);
    // An engine that does not count says so, which is no error.
    let _ = store.set_fuel(u64::MAX);
    store
}

// === impl Exports ===

impl Exports {
    fn of(instance: &Instance, store: &mut Store<World>) -> wasmtime::Result<Self> {
        Ok(Self {
            context_create: find(instance, store, "proxy_on_context_create")?,
            configure: find(instance, store, "proxy_on_configure")?,
            request_headers: find(instance, store, "proxy_on_request_headers")?,
            request_body: find(instance, store, "proxy_on_request_body")?,
            request_trailers: find(instance, store, "proxy_on_request_trailers")?,
            delete: find(instance, store, "proxy_on_delete")?,
        })
    }
}

fn find<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<World>,
    name: &str,
) -> wasmtime::Result<TypedFunc<P, R>> {
    instance.get_typed_func(store, name)
}
