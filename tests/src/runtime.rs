//! The one asynchronous runtime behind the tests, which are plain functions.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::PATIENCE;

/// Runs a future to its end.
///
/// # Panics
/// Where it takes longer than [`PATIENCE`].
pub fn block_on<F: Future>(future: F) -> F::Output {
    block_on_for(PATIENCE, future)
}

/// Runs a future to its end, with a patience of its own.
///
/// # Panics
/// Where it takes longer.
pub fn block_on_for<F: Future>(patience: Duration, future: F) -> F::Output {
    runtime().block_on(async {
        let Ok(output) = tokio::time::timeout(patience, future).await else {
            panic!("this took longer than {patience:?}");
        };
        output
    })
}

/// Lets a future run beside the test.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    runtime().spawn(future)
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime can be made"))
}
