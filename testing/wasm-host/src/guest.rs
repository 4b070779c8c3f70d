//! The filter as a hostcall sees it: the memory it names things in, and the host's state.

use wasmtime::Caller;

use crate::Status;
use crate::world::World;

/// The filter, while it waits in a hostcall.
pub(crate) struct Guest<'c, 'w> {
    caller: &'c mut Caller<'w, World>,
}

/// Why a hostcall does not do what it was asked.
pub(crate) enum Failure {
    /// The filter is told.
    Status(Status),
    /// The filter trapped while the host asked it for memory.
    Trap(wasmtime::Error),
}

/// What a hostcall comes to.
pub(crate) type Done = Result<(), Failure>;

/// Runs a hostcall, unless it is one that is to fail.
pub(crate) fn hostcall(
    mut caller: Caller<'_, World>,
    name: &'static str,
    body: impl FnOnce(&mut Guest<'_, '_>) -> Done,
) -> wasmtime::Result<u32> {
    if let Some(status) = caller.data_mut().calls.enter(name) {
        return Ok(status);
    }
    match body(&mut Guest { caller: &mut caller }) {
        Ok(()) => Ok(Status::Ok as u32),
        Err(Failure::Status(status)) => Ok(status as u32),
        Err(Failure::Trap(trap)) => Err(trap),
    }
}

// === impl Failure ===

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<wasmtime::Error> for Failure {
    fn from(trap: wasmtime::Error) -> Self {
        Self::Trap(trap)
    }
}

// === impl Guest ===

impl Guest<'_, '_> {
    pub(crate) fn world(&mut self) -> &mut World {
        self.caller.data_mut()
    }

    /// Bytes of the filter's memory.
    pub(crate) fn read(&self, at: u32, length: u32) -> Result<Vec<u8>, Failure> {
        let memory = self.caller.data().guest.as_ref().ok_or(Status::InternalFailure)?.memory;
        let start = index(at);
        let bytes = memory.data(&self.caller).get(start..start.saturating_add(index(length)));
        Ok(bytes.ok_or(Status::InvalidMemoryAccess)?.to_vec())
    }

    pub(crate) fn read_word(&self, at: u32) -> Result<u32, Failure> {
        let bytes = self.read(at, 4)?;
        let word = bytes.first_chunk().ok_or(Status::InvalidMemoryAccess)?;
        Ok(u32::from_le_bytes(*word))
    }

    /// Writes into memory that the filter set aside for it.
    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Done {
        let memory = self.caller.data().guest.as_ref().ok_or(Status::InternalFailure)?.memory;
        let start = index(at);
        let place = memory.data_mut(&mut self.caller).get_mut(start..start.saturating_add(bytes.len()));
        place.ok_or(Status::InvalidMemoryAccess)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn write_word(&mut self, at: u32, word: u32) -> Done {
        self.write(at, &word.to_le_bytes())
    }

    /// Returns bytes in memory that the filter allocates for them now; no bytes are no memory.
    pub(crate) fn give(&mut self, bytes: &[u8], data: u32, length: u32) -> Done {
        let size = u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
        let mut at = 0;
        if size > 0 {
            let guest = self.caller.data().guest.clone().ok_or(Status::InternalFailure)?;
            at = guest.allocate.call(&mut self.caller, size)?;
            self.write(at, bytes)?;
        }
        self.write_word(data, at)?;
        self.write_word(length, size)
    }
}

fn index(word: u32) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}
