//! Writes the answers of several streams of an HTTP/2 connection with one system call.
//!
//! Each stream is a task. One that has its answer wakes the task of the connection, which runs next and would write that answer
//! alone. While many streams are not answered, a flush here first lets the tasks run that are ready, once: their answers are
//! written together.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that is written to when it is flushed, or has more to write than [`CAPACITY`].
#[derive(Debug)]
pub(super) struct CoalescedWrites<S> {
    stream: S,
    /// Bytes to be written.
    output: BytesMut,
    turn: Turn,
    streams: OpenStreams,
}

/// How many streams of a connection are not answered.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenStreams(Arc<AtomicUsize>);

/// A stream that is not answered, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream(OpenStreams);

/// Whether other tasks had their turn since there is something to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Due,
    Given,
}

/// The most that waits for a flush, in bytes.
const CAPACITY: usize = 16 * 1024;

/// With fewer streams than this, few answers come together, and a turn costs more than a system call for each.
const MANY: usize = 8;

// === impl OpenStreams ===

impl OpenStreams {
    /// A request has arrived.
    pub(super) fn open(&self) -> OpenStream {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenStream(self.clone())
    }

    fn are_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MANY
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let OpenStream(OpenStreams(count)) = self;
        count.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl CoalescedWrites ===

impl<S: AsyncWrite + Unpin> CoalescedWrites<S> {
    pub(super) fn new(stream: S, streams: OpenStreams) -> Self {
        Self { stream, output: BytesMut::new(), turn: Turn::Due, streams }
    }

    /// Writes the output and some of `data`. Returns how much of that: 0 only if it is empty.
    fn poll_write_all(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        while !self.output.is_empty() {
            let slices = [IoSlice::new(&self.output), IoSlice::new(data)];
            let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let own = written.min(self.output.len());
            self.output.advance(own);
            if written > own {
                return Poll::Ready(Ok(written - own));
            }
        }
        // An idle connection keeps no memory for it.
        self.output = BytesMut::new();
        if data.is_empty() { Poll::Ready(Ok(0)) } else { Pin::new(&mut self.stream).poll_write(cx, data) }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CoalescedWrites<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.output.len() + data.len() > CAPACITY {
            return self.poll_write_all(cx, data);
        }
        self.output.extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    /// h2 then copies DATA frames of up to 1 KiB into one buffer with others, and does not flush after each.
    fn is_write_vectored(&self) -> bool {
        false
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.output.is_empty() {
            if self.turn == Turn::Due && self.streams.are_many() {
                self.turn = Turn::Given;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            ready!(self.poll_write_all(cx, &[]))?;
        }
        self.turn = Turn::Due;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_all(cx, &[]))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CoalescedWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Wake, Waker};

    use super::*;

    /// A stream that accepts at most this many bytes at a time, and what was written to it.
    struct Narrow(usize, Vec<Vec<u8>>);

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
            let accepted = data.len().min(self.0);
            self.1.push(data[..accepted].to_vec());
            Poll::Ready(Ok(accepted))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let data: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            self.poll_write(cx, &data)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_flush_gives_others_their_turn_and_then_writes_all_at_once() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let cx = &mut Context::from_waker(&waker);
        let streams = OpenStreams::default();
        let _open: Vec<_> = (0..MANY).map(|_| streams.open()).collect();
        let mut stream = CoalescedWrites::new(Narrow(usize::MAX, Vec::new()), streams);
        let mut pinned = Pin::new(&mut stream);
        for (round, data) in [b"first ", b"second"].into_iter().enumerate() {
            assert!(matches!(pinned.as_mut().poll_write(cx, data), Poll::Ready(Ok(6))));
            assert!(pinned.as_mut().poll_flush(cx).is_pending());
            assert_eq!(wakes.0.load(Ordering::Relaxed), round + 1);
            assert!(matches!(pinned.as_mut().poll_write(cx, b" more"), Poll::Ready(Ok(5))));
            assert!(pinned.as_mut().poll_flush(cx).is_ready());
            // There is nothing to wait for.
            assert!(pinned.as_mut().poll_flush(cx).is_ready());
        }
        assert_eq!(stream.stream.1, [b"first  more", b"second more"]);
    }

    #[test]
    fn a_flush_writes_at_once_while_few_streams_are_open() {
        let cx = &mut Context::from_waker(Waker::noop());
        let streams = OpenStreams::default();
        let mut open: Vec<_> = (0..MANY).map(|_| streams.open()).collect();
        open.pop();
        let mut stream = CoalescedWrites::new(Narrow(usize::MAX, Vec::new()), streams);
        assert!(matches!(Pin::new(&mut stream).poll_write(cx, b"answer"), Poll::Ready(Ok(6))));
        assert!(Pin::new(&mut stream).poll_flush(cx).is_ready());
        assert_eq!(stream.stream.1, [b"answer"]);
    }

    #[test]
    fn all_bytes_are_written_in_order_however_many_the_stream_accepts() {
        let cx = &mut Context::from_waker(Waker::noop());
        for accepted in [100, CAPACITY - 1, CAPACITY, usize::MAX] {
            let mut stream = CoalescedWrites::new(Narrow(accepted, Vec::new()), OpenStreams::default());
            let mut expected = Vec::new();
            for length in [1, 300, CAPACITY, 5, CAPACITY + 1, 3 * CAPACITY, 0, 100] {
                let data: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
                let mut rest = data.as_slice();
                while !rest.is_empty() {
                    let Poll::Ready(Ok(count)) = Pin::new(&mut stream).poll_write(cx, rest) else { panic!() };
                    assert!(count > 0 && stream.output.len() <= CAPACITY);
                    rest = &rest[count..];
                }
                expected.extend(data);
            }
            assert!(Pin::new(&mut stream).poll_shutdown(cx).is_ready());
            assert_eq!(stream.stream.1.concat(), expected, "{accepted} at a time");
        }
    }
}
