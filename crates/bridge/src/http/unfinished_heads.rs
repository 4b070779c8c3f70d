//! Bounds the memory of HTTP/1.1 heads that are still arriving. They belong to no message yet, so no budget counts them.
//!
//! A connection reads small pieces, and the first of them need no permission: almost every head fits. A head that goes on
//! needs room for the largest head there may be. There is little of that room, and a head waits for it without being read,
//! until its own time limit.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// The most that is read at once, in bytes. hyper's buffer has 8 KiB and grows as soon as one read fills it; the fields of a
/// request are parts of that buffer and keep it in memory.
const PIECE: usize = 8 * 1024 - 1;

/// The part of a head in bytes that needs no room.
const SMALL: usize = 8 * 1024;

/// How many larger heads may arrive at the same time: 16 MiB at 256 KiB each.
const LARGE_HEADS: usize = 64;

/// The room for large heads, shared by all connections of a server.
#[derive(Clone, Debug)]
pub(super) struct HeadRoom(Arc<Semaphore>);

/// Whether a connection has a request in progress, the head of which has arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct InProgress(Arc<AtomicBool>);

/// A connection that reads no more of a head than it has room for.
#[derive(Debug)]
pub(super) struct BoundedHeads<S> {
    stream: Take<S>,
    in_progress: InProgress,
    /// What has arrived of a head, in bytes.
    unfinished: usize,
    room: PollSemaphore,
    held: Option<OwnedSemaphorePermit>,
}

// === impl HeadRoom ===

impl HeadRoom {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_HEADS)))
    }
}

// === impl InProgress ===

impl InProgress {
    /// A head has arrived.
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The request was answered. What arrives now is the next head.
    pub(super) fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl BoundedHeads ===

impl<S: AsyncRead + Unpin> BoundedHeads<S> {
    pub(super) fn new(stream: S, room: HeadRoom, in_progress: InProgress) -> Self {
        let HeadRoom(room) = room;
        let (stream, room) = (stream.take(0), PollSemaphore::new(room));
        Self { stream, in_progress, unfinished: 0, room, held: None }
    }

    /// Waits until there is room for more of the head.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.in_progress.get() {
            (self.unfinished, self.held) = (0, None);
        }
        if self.unfinished >= SMALL && self.held.is_none() {
            self.held = ready!(self.room.poll_acquire(cx));
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BoundedHeads<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_room(cx));
        self.stream.set_limit(PIECE as u64);
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if !self.in_progress.get() {
            self.unfinished += buffer.filled().len() - before;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for BoundedHeads<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }
}
