//! The host: one virtual machine with its root contexts, configured, asked for streams, and questioned.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use wasmtime::InstancePre;

use crate::vm::Vm;
use crate::world::World;
use crate::{Callback, Fault, LogLevel, LogLine, Outcome, Property, Request, Stream, Trap};

/// A worker of Envoy's, as far as one filter can tell. Clones are the same worker.
#[derive(Clone)]
pub struct Host {
    worker: Rc<RefCell<Worker>>,
}

/// The machine, and which contexts there are.
pub(crate) struct Worker {
    pub(crate) vm: Vm,
    /// The root context whose configuration is in force.
    root: u32,
    last_context: u32,
}

/// The filter does not take a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigurationError {
    /// It said no; these are the errors that it logged.
    Refused(Vec<String>),
    /// It trapped.
    Trapped(Trap),
}

// === impl Host ===

impl Host {
    pub(crate) fn start(code: &InstancePre<World>) -> Result<Self, Trap> {
        let mut worker = Worker { vm: Vm::new(code)?, root: 0, last_context: 0 };
        worker.root = worker.create_context(0)?;
        Ok(Self { worker: Rc::new(RefCell::new(worker)) })
    }

    /// Gives the filter a configuration, in a root context of its own. The one before stays in force where it is
    /// refused, and for the streams that are open.
    ///
    /// # Errors
    /// Where the filter refuses it or traps.
    pub fn configure(&self, json: impl AsRef<[u8]>) -> Result<(), ConfigurationError> {
        let mut worker = self.borrow();
        let logged = worker.vm.world().log.len();
        json.as_ref().clone_into(&mut worker.vm.world().configuration);
        let root = worker.create_context(0)?;
        if worker.vm.call(root, Callback::Configure { size: size(json.as_ref()) })? == 0 {
            let errors = worker.vm.world().log.iter().skip(logged);
            let errors = errors.filter(|line| line.level >= LogLevel::Error).map(|line| line.text.clone());
            return Err(ConfigurationError::Refused(errors.collect()));
        }
        worker.root = root;
        Ok(())
    }

    /// Opens a stream: a request begins.
    ///
    /// # Errors
    /// Where the filter traps.
    pub fn open(&self) -> Result<Stream, Trap> {
        let context = {
            let mut worker = self.borrow();
            let root = worker.root;
            let context = worker.create_context(root)?;
            worker.vm.world().exchanges.insert(context, crate::exchange::Exchange::default());
            context
        };
        Ok(Stream::new(self.clone(), context))
    }

    /// Takes a whole request through the filter, in Envoy's order, from its opening to its end.
    ///
    /// # Errors
    /// Where the filter traps.
    pub fn send(&self, request: &Request) -> Result<Outcome, Trap> {
        request.send_through(self.open()?)
    }

    /// Sets a property of every request; `None` removes it.
    pub fn set_property(&self, path: &[&str], value: Option<Property>) {
        self.borrow().vm.world().properties.set(path, value);
    }

    /// From now on, notes hostcalls, and lets those fail that are named.
    pub fn watch_calls(&self, faults: &[Fault]) {
        self.borrow().vm.world().calls.start(faults);
    }

    /// The hostcalls since [`watch_calls`](Self::watch_calls), which ends here.
    #[must_use]
    pub fn watched_calls(&self) -> Vec<&'static str> {
        self.borrow().vm.world().calls.stop()
    }

    /// Takes what was logged so far.
    #[must_use]
    pub fn take_log(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.borrow().vm.world().log)
    }

    /// Every metric by its name.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, u64> {
        self.borrow().vm.world().metrics.to_map()
    }

    /// Bytes of the filter's linear memory, which never shrinks.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        self.borrow().vm.memory_size()
    }

    /// How many WebAssembly operations the filter has executed; 0 unless it was compiled with
    /// [`Filter::compile_counted`](crate::Filter::compile_counted).
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.borrow().vm.operations()
    }

    /// The root context whose configuration is in force.
    #[must_use]
    pub fn root_context(&self) -> u32 {
        self.borrow().root
    }

    /// Calls back in any context, at any time, with any argument.
    ///
    /// # Errors
    /// Where the filter traps.
    pub fn call(&self, context: u32, callback: Callback) -> Result<u32, Trap> {
        self.borrow().vm.call(context, callback)
    }

    pub(crate) fn borrow(&self) -> RefMut<'_, Worker> {
        self.worker.borrow_mut()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Host").finish_non_exhaustive()
    }
}

// === impl Worker ===

impl Worker {
    fn create_context(&mut self, parent: u32) -> Result<u32, Trap> {
        self.last_context += 1;
        self.vm.call(self.last_context, Callback::ContextCreate { parent })?;
        Ok(self.last_context)
    }
}

/// A length as the ABI passes it.
pub(crate) fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

// === impl ConfigurationError ===

impl From<Trap> for ConfigurationError {
    fn from(trap: Trap) -> Self {
        Self::Trapped(trap)
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(errors) => write!(formatter, "the configuration is refused: {}", errors.join("; ")),
            Self::Trapped(trap) => trap.fmt(formatter),
        }
    }
}

impl std::error::Error for ConfigurationError {}
