//! Where WebSocket frames end (RFC 6455 section 5.2), without a look at what is in them.

use bytes::{BufMut, Bytes, BytesMut};

/// Where one direction of a WebSocket stands in its frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames {
    at: At,
    /// The frame that is being read is a Close frame.
    is_close: bool,
    has_closed: bool,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// Lost: a length that the standard does not allow.
    Astray,
    /// In an extended length of which this many bytes are to come.
    Length { to_come: u8, so_far: u64, mask: u64 },
    /// In mask key and payload, of which this many bytes are to come.
    Rest(u64),
    /// Before the second byte of a header.
    Second,
    /// Between two frames.
    Start,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { at: At::Start, is_close: false, has_closed: false }
    }

    /// Reads on.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.at {
                At::Astray => return,
                At::Rest(to_come) => {
                    let here = to_come.min(bytes.len() as u64);
                    self.rest(to_come - here);
                    // Cannot be cut: it is at most the length of a slice.
                    bytes = bytes.get(usize::try_from(here).unwrap_or(bytes.len())..).unwrap_or_default();
                    continue;
                }
                At::Start => {
                    self.is_close = byte & OPCODE == CLOSE;
                    self.at = At::Second;
                }
                At::Second => {
                    let mask = if byte & MASKED == 0 { 0 } else { MASK_BYTES };
                    match byte & !MASKED {
                        126 => self.at = At::Length { to_come: 2, so_far: 0, mask },
                        127 => self.at = At::Length { to_come: 8, so_far: 0, mask },
                        length => self.rest(u64::from(length) + mask),
                    }
                }
                At::Length { to_come, so_far, mask } => {
                    let so_far = so_far << 8 | u64::from(byte);
                    match to_come {
                        1 if so_far >> 63 != 0 => self.at = At::Astray,
                        1 => self.rest(so_far + mask),
                        _ => self.at = At::Length { to_come: to_come - 1, so_far, mask },
                    }
                }
            }
            bytes = rest;
        }
    }

    /// How many bytes can be read without going beyond the end of the frame: 0 only between two frames.
    /// `None` when that cannot be known.
    pub(super) fn remaining(self) -> Option<u64> {
        match self.at {
            At::Astray => None,
            At::Length { to_come, .. } => Some(u64::from(to_come)),
            At::Rest(to_come) => Some(to_come),
            At::Second => Some(1),
            At::Start => Some(0),
        }
    }

    /// Whether a whole Close frame has passed: no other frame may follow it (RFC 6455 section 5.5.1).
    pub(super) fn has_closed(self) -> bool {
        self.has_closed
    }

    fn rest(&mut self, to_come: u64) {
        if to_come > 0 {
            self.at = At::Rest(to_come);
            return;
        }
        self.at = At::Start;
        self.has_closed |= self.is_close;
    }
}

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A client masks its frames (RFC 6455 section 5.3).
    Client,
    Server,
}

/// A Close frame (RFC 6455 section 5.5.1) with a code and up to 123 bytes of words about it.
pub(super) fn close(code: u16, words: &str, sender: Sender) -> Bytes {
    let words = words.get(..words.floor_char_boundary(MOST_WORDS)).unwrap_or_default();
    let payload = code.to_be_bytes().into_iter().chain(words.bytes());
    let length = u8::try_from(words.len() + 2).unwrap_or(MOST_PAYLOAD);
    let mut frame = BytesMut::with_capacity(usize::from(MOST_PAYLOAD) + 6);
    frame.put_u8(FINAL | CLOSE);
    match sender {
        Sender::Server => {
            frame.put_u8(length);
            frame.extend(payload);
        }
        Sender::Client => {
            frame.put_u8(MASKED | length);
            let key = rand::random::<[u8; 4]>();
            frame.extend(key);
            frame.extend(payload.zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
    frame.freeze()
}

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const CLOSE: u8 = 0x8;
const MASK_BYTES: u64 = 4;
const MOST_PAYLOAD: u8 = 125;
const MOST_WORDS: usize = 123;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    struct Frame {
        first: u8,
        mask: Option<[u8; 4]>,
        length: usize,
        /// 0, 2 or 8 bytes of extended length, at least what is needed.
        form: u8,
    }

    impl Frame {
        fn bytes(&self) -> Vec<u8> {
            let masked = if self.mask.is_some() { MASKED } else { 0 };
            let mut bytes = vec![self.first];
            match (self.form, self.length) {
                (0, length @ ..126) => bytes.push(masked | u8::try_from(length).unwrap()),
                (0 | 2, length @ ..65_536) => {
                    bytes.push(masked | 0x7e);
                    bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
                }
                (_, length) => {
                    bytes.push(masked | 0x7f);
                    bytes.extend((length as u64).to_be_bytes());
                }
            }
            bytes.extend(self.mask.iter().flatten());
            bytes.extend(std::iter::repeat_n(0x88, self.length));
            bytes
        }
    }

    fn frame() -> impl Strategy<Value = Frame> {
        let length = prop_oneof![4 => 0..200_usize, 1 => 65_000..66_000_usize];
        let form = prop_oneof![Just(0_u8), Just(2), Just(8)];
        (any::<u8>(), any::<Option<[u8; 4]>>(), length, form).prop_map(|(first, mask, length, form)| Frame {
            first,
            mask,
            length,
            form,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_ends_of_frames_are_found_however_they_arrive(
            frames in proptest::collection::vec(frame(), 1..6),
            pieces in proptest::collection::vec(1..300_usize, 1..40),
        ) {
            let mut ends = vec![0];
            let mut stream = Vec::new();
            for frame in &frames {
                stream.extend(frame.bytes());
                ends.push(stream.len());
            }
            let (mut seen, mut at, mut pieces) = (Frames::new(), 0, pieces.into_iter().cycle());
            while at < stream.len() {
                let next = stream.len().min(at + pieces.next().unwrap());
                seen.advance(&stream[at..next]);
                at = next;
                let to_come = usize::try_from(seen.remaining().unwrap()).unwrap();
                prop_assert_eq!(to_come == 0, ends.contains(&at), "at {} of {:?}", at, ends);
                let end = ends.iter().find(|end| **end >= at).unwrap();
                prop_assert!(at + to_come <= *end, "{} more at {} of {:?}", to_come, at, ends);
            }
            let closes = frames.iter().any(|frame| frame.first & OPCODE == CLOSE);
            prop_assert_eq!(seen.has_closed(), closes);
        }

        #[test]
        fn any_bytes_can_be_followed(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let (mut whole, mut single) = (Frames::new(), Frames::new());
            whole.advance(&bytes);
            for byte in &bytes {
                single.advance(std::slice::from_ref(byte));
            }
            prop_assert_eq!(whole.remaining(), single.remaining());
            prop_assert_eq!(whole.has_closed(), single.has_closed());
        }

        #[test]
        fn a_close_frame_is_one_frame(code in 1000_u16..5000, words in ".{0,200}") {
            for sender in [Sender::Client, Sender::Server] {
                let frame = close(code, &words, sender);
                prop_assert!(frame.len() <= 131);
                let mut seen = Frames::new();
                seen.advance(&frame[..frame.len() - 1]);
                prop_assert!(!seen.has_closed() && seen.remaining() != Some(0));
                seen.advance(&frame[frame.len() - 1..]);
                prop_assert!(seen.has_closed() && seen.remaining() == Some(0));
            }
        }
    }

    #[test]
    fn a_close_frame_as_it_stands_in_the_standard() {
        assert_eq!(close(1008, "credential ended", Sender::Server)[..], *b"\x88\x12\x03\xf0credential ended");
        let masked = close(1001, "", Sender::Client);
        assert_eq!(masked[..2], [0x88, 0x82]);
        let code: Vec<u8> = masked[6..].iter().zip(&masked[2..6]).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(code, 1001_u16.to_be_bytes());
    }

    #[test]
    fn a_length_of_64_bits_with_the_highest_set_is_astray() {
        let mut seen = Frames::new();
        seen.advance(b"\x82\x7f\x80\0\0\0\0\0\0\0rest");
        assert_eq!(seen.remaining(), None);
    }
}
