//! Follows the frames that a client sends over HTTP/2 (RFC 9113, 4.1), to see whether a head is unfinished.

/// The client's connection preface in bytes (RFC 9113, 3.4).
const PREFACE: usize = 24;

/// The types of the frames that carry a head, and their flag END_HEADERS (RFC 9113, 6.2 and 6.10).
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// The frames of a connection.
#[derive(Debug)]
pub(super) struct Frames {
    /// What is left of the preface or of the payload of a frame, in bytes.
    rest: usize,
    /// The header of the next frame, and how much of it has arrived.
    header: [u8; 9],
    arrived: usize,
    head_unfinished: bool,
}

// === impl Frames ===

impl Default for Frames {
    fn default() -> Self {
        Self { rest: PREFACE, header: [0; 9], arrived: 0, head_unfinished: false }
    }
}

impl Frames {
    /// Whether CONTINUATION frames have to follow.
    pub(super) const fn is_head_unfinished(&self) -> bool {
        self.head_unfinished
    }

    pub(super) fn received(&mut self, mut data: &[u8]) {
        loop {
            let skipped = data.split_off(..self.rest.min(data.len())).map_or(0, <[u8]>::len);
            self.rest -= skipped;
            let Some((byte, rest)) = data.split_first() else { return };
            data = rest;
            if let Some(place) = self.header.get_mut(self.arrived) {
                *place = *byte;
            }
            self.arrived += 1;
            if self.arrived == self.header.len() {
                self.begin();
            }
        }
    }

    /// The header of a frame is complete.
    fn begin(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.header;
        self.rest = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.arrived = 0;
        if matches!(kind, HEADERS | CONTINUATION) {
            self.head_unfinished = flags & END_HEADERS == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        // Content that would end a head, were it a header.
        frame.resize(9 + usize::from(length), END_HEADERS);
        frame
    }

    #[test]
    fn a_head_is_unfinished_from_headers_until_end_headers_however_it_arrives() {
        const DATA: u8 = 0;
        let rows: &[(&[Vec<u8>], bool)] = &[
            (&[], false),
            (&[frame(4, 0, 30)], false),
            (&[frame(HEADERS, END_HEADERS, 20)], false),
            (&[frame(HEADERS, 0, 20)], true),
            (&[frame(HEADERS, 0, 0), frame(CONTINUATION, 0, 255)], true),
            (&[frame(HEADERS, 1, 20), frame(CONTINUATION, 0, 5), frame(CONTINUATION, END_HEADERS, 0)], false),
            (&[frame(HEADERS, END_HEADERS | 1, 20), frame(DATA, 0, 200), frame(HEADERS, 1, 9)], true),
        ];
        for (frames, expected) in rows {
            let received = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frames.concat()].concat();
            for pieces in [1, 2, 7, 1000] {
                let mut frames = Frames::default();
                received.chunks(pieces).for_each(|piece| frames.received(piece));
                assert_eq!(frames.is_head_unfinished(), *expected, "{received:?} in pieces of {pieces}");
            }
        }
    }
}
