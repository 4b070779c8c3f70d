//! Giving other tasks their turn.
//!
//! A task that is woken by another one of the same thread runs next, before those that were ready earlier. So a session that
//! wrote as soon as it is woken would write each message alone.

use std::future::poll_fn;
use std::mem::replace;
use std::task::Poll;

/// Lets the tasks run that are ready now, once. Unlike `tokio::task::yield_now`, it does not look for new input.
pub(crate) async fn let_others_run() {
    let mut have_run = false;
    poll_fn(|cx| {
        if replace(&mut have_run, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
