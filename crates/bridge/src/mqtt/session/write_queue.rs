//! What waits to be written to the socket: many small packets become one write, and a large payload is never copied.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use super::outbox::Reply;
use crate::budget::Permit;
use crate::mqtt::codec::publish::EncodedPublish;
use crate::mqtt::error::Published;

/// Bytes in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    chunks: VecDeque<Bytes>,
    /// Behind the chunks; small packets are gathered here.
    tail: BytesMut,
    length: usize,
    /// Of all bytes ever pushed, how many have been taken.
    taken: u64,
    receipts: VecDeque<Receipt>,
}

/// A message that counts as published once it is written (QoS 0).
#[derive(Debug)]
struct Receipt {
    /// The number of bytes that have been taken when its last one has.
    end: u64,
    reply: Reply,
    _permit: Permit,
}

/// A payload from this size on is written from where it is.
const LARGE_PAYLOAD: usize = 16 * 1024;

// === impl WriteQueue ===

impl WriteQueue {
    /// How many bytes wait.
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        self.length += bytes.len();
    }

    pub(super) fn push(&mut self, packet: &EncodedPublish) {
        self.push_bytes(packet.head());
        let payload = packet.payload();
        if payload.len() < LARGE_PAYLOAD {
            return self.push_bytes(payload);
        }
        self.chunks.push_back(self.tail.split().freeze());
        self.chunks.push_back(payload.clone());
        self.length += payload.len();
    }

    /// Pushes a message and whom to tell when it is written.
    pub(super) fn push_with_receipt(&mut self, packet: &EncodedPublish, reply: Reply, permit: Permit) {
        self.push(packet);
        let end = self.taken + self.length as u64;
        self.receipts.push_back(Receipt { end, reply, _permit: permit });
    }

    /// The socket has all bytes that were taken: tells whoever waits for that, and says for how many messages.
    pub(super) fn flushed(&mut self) -> u64 {
        let taken = self.taken;
        let mut messages = 0;
        while self.receipts.front().is_some_and(|receipt| receipt.end <= taken) {
            if let Some(Receipt { reply, .. }) = self.receipts.pop_front() {
                // A publisher that has gone needs no answer.
                let _ = reply.send(Ok(Published::Sent));
                messages += 1;
            }
        }
        messages
    }
}

impl Buf for WriteQueue {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        self.chunks.front().map_or(&self.tail, |chunk| chunk)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let parts = self.chunks.iter().map(|chunk| &**chunk).chain([&*self.tail]);
        let mut used = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            used += 1;
        }
        used
    }

    fn advance(&mut self, count: usize) {
        let mut left = count.min(self.length);
        self.length -= left;
        self.taken += left as u64;
        while let Some(chunk) = self.chunks.front_mut() {
            if left < chunk.len() {
                return chunk.advance(left);
            }
            left -= chunk.len();
            self.chunks.pop_front();
        }
        self.tail.advance(left.min(self.tail.len()));
    }
}

#[cfg(test)]
mod tests {
    use http_publish::{RequestHead, Rules, read};
    use tokio::sync::oneshot;

    use super::*;
    use crate::budget::{Budget, InFlightLimits};

    fn packet(payload: &[u8]) -> EncodedPublish {
        let head = RequestHead::from_fields([
            (&b":method"[..], &b"POST"[..]),
            (b":path", b"/mqtt/messages?topic=t&qos=0"),
        ]);
        let rules = Rules::default();
        EncodedPublish::new(&read(&head, &rules).unwrap(), Bytes::copy_from_slice(payload)).unwrap()
    }

    fn drain(queue: &mut WriteQueue, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while queue.has_remaining() {
            let mut slices = [IoSlice::new(&[]); 4];
            let used = queue.chunks_vectored(&mut slices);
            let bytes: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect();
            let count = step.min(bytes.len());
            out.extend_from_slice(&bytes[..count]);
            queue.advance(count);
        }
        out
    }

    #[test]
    fn bytes_come_out_in_the_order_in_which_they_went_in() {
        for step in [999, 5000, 20_000, 1_000_000] {
            let mut queue = WriteQueue::default();
            let mut expected = Vec::new();
            for size in [0, 10, LARGE_PAYLOAD, 5, LARGE_PAYLOAD + 1, 3] {
                let packet = packet(&vec![b'x'; size]);
                queue.push(&packet);
                expected.extend_from_slice(packet.head());
                expected.extend_from_slice(packet.payload());
            }
            assert_eq!(queue.len(), expected.len());
            assert_eq!(drain(&mut queue, step), expected, "{step} bytes a write");
            assert!(queue.is_empty());
        }
    }

    #[test]
    fn a_qos_0_message_is_published_when_its_last_byte_is_written() {
        let budget = Budget::new(InFlightLimits { messages: 10, bytes: 1000 });
        let mut queue = WriteQueue::default();
        let packet = packet(b"payload");
        let (first, mut first_outcome) = oneshot::channel();
        let (second, mut second_outcome) = oneshot::channel();
        queue.push_with_receipt(&packet, first, budget.admit().unwrap());
        queue.push_with_receipt(&packet, second, budget.admit().unwrap());

        queue.advance(2 * packet.length() - 1);
        queue.flushed();
        assert_eq!(first_outcome.try_recv().unwrap(), Ok(Published::Sent));
        assert!(second_outcome.try_recv().is_err());

        queue.advance(1);
        queue.flushed();
        assert_eq!(second_outcome.try_recv().unwrap(), Ok(Published::Sent));
        assert_eq!(budget.messages(), 0);
    }
}
