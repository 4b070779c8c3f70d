//! Bytes that wait to be written to the socket. Small packets are gathered into one write; a large payload is not copied.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::Instant;

use super::submission::Submission;
use crate::codec::publish::EncodedPublish;
use crate::delivery::Delivery;
use crate::error::PublishError;

/// Bytes in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    chunks: VecDeque<Bytes>,
    /// Comes after the chunks. Small packets are gathered here.
    tail: BytesMut,
    length: usize,
    /// How many bytes were consumed in total.
    consumed: u64,
    receipts: VecDeque<Receipt>,
}

/// A message of QoS 0, which is finished once it is written.
#[derive(Debug)]
struct Receipt {
    /// The total number of consumed bytes once the message is written.
    end: u64,
    submission: Submission,
}

/// A payload of at least this many bytes is written from where it is.
const LARGE_PAYLOAD: usize = 16 * 1024;

// === impl WriteQueue ===

impl WriteQueue {
    /// How many bytes are queued.
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

    /// Pushes a message of QoS 0, and answers its publisher once it is [written](Self::flushed).
    pub(super) fn push_with_receipt(&mut self, submission: Submission) {
        self.push(&submission.packet);
        let end = self.consumed + self.length as u64;
        self.receipts.push_back(Receipt { end, submission });
    }

    /// Answers the publishers of QoS 0 whose deadline has passed. The messages may still be written.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(receipt) = self.receipts.pop_front_if(|receipt| receipt.submission.deadline <= now) {
            receipt.submission.finish(Err(PublishError::WriteTimeout));
        }
    }

    /// When [`expire`](Self::expire) has something to do next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.receipts.front().map(|receipt| receipt.submission.deadline)
    }

    /// The socket has all consumed bytes. Answers the publishers of the messages in them, and returns their number.
    pub(super) fn flushed(&mut self) -> u64 {
        let consumed = self.consumed;
        let mut messages = 0;
        while let Some(receipt) = self.receipts.pop_front_if(|receipt| receipt.end <= consumed) {
            receipt.submission.finish(Ok(Delivery::Written));
            messages += 1;
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
        self.consumed += left as u64;
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
    use super::super::reply::{self, LatePubAck};
    use super::*;
    use crate::budget::{Budget, InFlightLimits};
    use crate::message::{Message, QoS};

    fn packet(payload: &[u8]) -> EncodedPublish {
        let payload = Bytes::copy_from_slice(payload);
        EncodedPublish::new(&Message { qos: QoS::AtMostOnce, ..Message::new("t", payload) }).unwrap()
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
    fn a_large_payload_is_not_copied() {
        let packet = packet(&[b'x'; LARGE_PAYLOAD]);
        let mut queue = WriteQueue::default();
        queue.push(&packet);
        queue.advance(packet.head().len());
        assert_eq!(queue.chunk().as_ptr(), packet.payload().as_ptr());
    }

    #[test]
    fn a_qos_0_message_is_finished_when_its_last_byte_is_written() {
        let budget = Budget::new(InFlightLimits { messages: 10, bytes: 1000 });
        let mut queue = WriteQueue::default();
        let length = packet(b"payload").length();
        let push = |queue: &mut WriteQueue| {
            let (reply, outcome) = reply::channel(LatePubAck::Ignored);
            let (permit, deadline) = (budget.admit().unwrap(), Instant::now());
            queue.push_with_receipt(Submission { packet: packet(b"payload"), permit, deadline, reply });
            outcome
        };
        let (mut first, mut second) = (push(&mut queue), push(&mut queue));

        queue.advance(2 * length - 1);
        assert_eq!(queue.flushed(), 1);
        assert_eq!(first.try_outcome().unwrap().unwrap(), Delivery::Written);
        assert!(second.try_outcome().is_none());

        queue.advance(1);
        assert_eq!(queue.flushed(), 1);
        assert_eq!(second.try_outcome().unwrap().unwrap(), Delivery::Written);
        assert_eq!(budget.messages(), 0);
    }
}
