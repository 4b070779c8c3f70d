//! Bounds the memory of heads that are still arriving. They belong to no message yet, so no budget counts them.
//!
//! Almost every head is small: it fits in the first read of an HTTP/1.1 connection, or in one frame of HTTP/2. The rest of a
//! larger one needs room for the largest head there may be, from then until the budget counts it or its request is answered.
//! There is little of that room, and a head waits for it without being read, until its time limit.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

use super::config::MAX_HEAD_BYTES;
use super::frames::Frames;

/// The most that is read at once from an HTTP/1.1 connection, in bytes. hyper's buffer has 8 KiB and grows as soon as one
/// read fills it; the fields of a request are parts of that buffer and keep it in memory.
const PIECE: u64 = 8 * 1024 - 1;

/// The most that is read at once from an HTTP/2 connection, in bytes.
const FRAME: u64 = 16 * 1024;

/// The part of an HTTP/1.1 head in bytes that needs no room.
const SMALL: usize = 8 * 1024;

/// How many larger heads may arrive at the same time: 16 MiB at 256 KiB each.
const LARGE_HEADS: usize = 64;

/// The room for large heads, shared by all connections of a server.
#[derive(Clone, Debug)]
pub(super) struct HeadRoom(Arc<Semaphore>);

/// The head of the latest request of an HTTP/1.1 connection.
#[derive(Clone, Debug, Default)]
pub(super) struct LatestHead(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// It has arrived, and its request is not answered.
    in_progress: AtomicBool,
    /// This or an earlier one needed room.
    was_large: AtomicBool,
    room: Mutex<Option<OwnedSemaphorePermit>>,
}

/// A connection that reads no more of a head than it has room for.
#[derive(Debug)]
pub(super) struct BoundedHeads<S> {
    stream: Take<S>,
    head: LatestHead,
    progress: Progress,
    room: PollSemaphore,
}

/// How far a head has arrived.
#[derive(Debug)]
enum Progress {
    Http1 { unfinished: usize },
    Http2(Frames),
}

// === impl HeadRoom ===

impl HeadRoom {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_HEADS)))
    }
}

// === impl LatestHead ===

impl LatestHead {
    /// It has arrived.
    pub(super) fn arrived(&self) {
        self.0.in_progress.store(true, Ordering::Relaxed);
    }

    /// The budget counts it.
    pub(super) fn counted(&self) {
        self.release();
    }

    /// Its request was answered. What arrives now is the next head.
    pub(super) fn answered(&self) {
        self.0.in_progress.store(false, Ordering::Relaxed);
        self.release();
    }

    /// Whether this connection had a head that needed room. hyper keeps the buffer that has grown for it.
    pub(super) fn was_large(&self) -> bool {
        self.0.was_large.load(Ordering::Relaxed)
    }

    /// The memory that it keeps, if it needed room, in bytes.
    pub(super) fn room_length(&self) -> usize {
        if self.has_room() { MAX_HEAD_BYTES as usize } else { 0 }
    }

    fn is_in_progress(&self) -> bool {
        self.0.in_progress.load(Ordering::Relaxed)
    }

    fn has_room(&self) -> bool {
        self.room().is_some()
    }

    fn hold(&self, room: Option<OwnedSemaphorePermit>) {
        self.0.was_large.store(true, Ordering::Relaxed);
        *self.room() = room;
    }

    fn release(&self) {
        *self.room() = None;
    }

    fn room(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        // Nothing can panic while it is locked.
        self.0.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl BoundedHeads ===

impl<S: AsyncRead + Unpin> BoundedHeads<S> {
    pub(super) fn http1(stream: S, room: HeadRoom, head: LatestHead) -> Self {
        Self::new(stream, room, head, Progress::Http1 { unfinished: 0 })
    }

    pub(super) fn http2(stream: S, room: HeadRoom) -> Self {
        Self::new(stream, room, LatestHead::default(), Progress::Http2(Frames::default()))
    }

    fn new(stream: S, HeadRoom(room): HeadRoom, head: LatestHead, progress: Progress) -> Self {
        Self { stream: stream.take(0), head, progress, room: PollSemaphore::new(room) }
    }

    /// Waits until there is room for more of the head.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let needs_room = match &mut self.progress {
            Progress::Http1 { unfinished } if self.head.is_in_progress() => {
                *unfinished = 0;
                false
            }
            Progress::Http1 { unfinished } => *unfinished >= SMALL,
            Progress::Http2(frames) if !frames.is_head_unfinished() => {
                self.head.release();
                false
            }
            Progress::Http2(_) => true,
        };
        if needs_room && !self.head.has_room() {
            let room = ready!(self.room.poll_acquire(cx));
            self.head.hold(room);
        }
        Poll::Ready(())
    }

    fn received(&mut self, data: &[u8]) {
        match &mut self.progress {
            Progress::Http1 { .. } if self.head.is_in_progress() => {}
            Progress::Http1 { unfinished } => *unfinished += data.len(),
            Progress::Http2(frames) => frames.received(data),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BoundedHeads<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_room(cx));
        let before = buffer.filled().len();
        let most = match self.progress {
            Progress::Http1 { .. } => PIECE,
            Progress::Http2(_) => FRAME,
        };
        self.stream.set_limit(most);
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.received(buffer.filled().get(before..).unwrap_or_default());
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
