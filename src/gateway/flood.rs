//! HTTP/2 frames that cost work and carry nothing: PING, SETTINGS, PRIORITY, resets, empty data
//! (CVE-2019-9511 and its family, CVE-2023-44487).
//!
//! hyper bounds memory and resets; the plain count of such frames is bounded here. Only frame headers are
//! looked at (RFC 9113 section 4.1), payloads are skipped.

use std::io;
use std::time::Instant;

use super::limits::Limits;

/// Counts the control frames of one connection in a bucket that fills with time.
#[derive(Debug)]
pub(crate) struct Flood {
    /// Bytes to skip: the rest of the preface or of a payload.
    skip: usize,
    header: [u8; HEADER],
    got: usize,
    /// Frames that may still come.
    left: u32,
    filled: Instant,
    burst: u32,
    per_second: u32,
    /// Window updates are paid by what was asked for: so many are free.
    windows: u32,
}

impl Flood {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            skip: PREFACE.len(),
            header: [0; HEADER],
            got: 0,
            left: limits.control_burst,
            filled: Instant::now(),
            burst: limits.control_burst,
            per_second: limits.control_rate,
            windows: 0,
        }
    }

    /// Looks at the bytes that came in.
    ///
    /// # Errors
    ///
    /// When there are more control frames than the limits allow; the connection should end.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            let skip = self.skip.min(bytes.len());
            self.skip -= skip;
            bytes = bytes.get(skip..).unwrap_or_default();
            while self.got < HEADER {
                let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
                if let Some(place) = self.header.get_mut(self.got) {
                    *place = byte;
                }
                self.got += 1;
                bytes = rest;
            }
            self.got = 0;
            let [high, middle, low, kind, flags, ..] = self.header;
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            self.skip = length;
            if !self.frame(kind, flags, length) {
                tracing::debug!(kind, "too many HTTP/2 control frames");
                return Err(io::Error::new(io::ErrorKind::InvalidData, "too many HTTP/2 control frames"));
            }
        }
    }

    /// Whether this frame may come.
    fn frame(&mut self, kind: u8, flags: u8, length: usize) -> bool {
        match kind {
            // An answer to a frame of ours is none of the client's doing.
            SETTINGS | PING if flags & ACK != 0 => true,
            HEADERS => true,
            DATA if length > 0 || flags & END_STREAM != 0 => true,
            // A client that reads a large answer sends many; they count as one in thirty-two.
            WINDOW_UPDATE => {
                self.windows += 1;
                !self.windows.is_multiple_of(WINDOWS_PER_CONTROL) || self.take()
            }
            _ => self.take(),
        }
    }

    fn take(&mut self) -> bool {
        if self.left == 0 {
            let earned = self.filled.elapsed().as_millis() * u128::from(self.per_second) / 1000;
            self.left = u32::try_from(earned).unwrap_or(u32::MAX).min(self.burst);
            if self.left == 0 {
                return false;
            }
            self.filled = Instant::now();
        }
        self.left -= 1;
        true
    }
}

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADER: usize = 9;
const WINDOWS_PER_CONTROL: u32 = 32;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn flood() -> Flood {
        let limits = Limits { control_burst: 10, control_rate: 0, ..Limits::default() };
        Flood::new(&limits)
    }

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, u8::try_from(payload.len()).unwrap(), kind, flags, 0, 0, 0, 1];
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn h2_06_ping_settings_priority_and_empty_data_run_out() {
        for (kind, payload) in [(PING, &[0; 8][..]), (SETTINGS, &[]), (2, &[0; 5]), (DATA, &[]), (9, &[1])] {
            let mut flood = flood();
            flood.read(PREFACE).unwrap();
            for _ in 0..10 {
                flood.read(&frame(kind, 0, payload)).unwrap();
            }
            assert!(flood.read(&frame(kind, 0, payload)).is_err(), "{kind}");
        }
    }

    #[test]
    fn h2_06_honest_frames_do_not_run_out() {
        let mut flood = flood();
        flood.read(PREFACE).unwrap();
        for _ in 0..1000 {
            flood.read(&frame(HEADERS, 4, b"abc")).unwrap();
            flood.read(&frame(DATA, 0, b"abc")).unwrap();
            flood.read(&frame(DATA, END_STREAM, b"")).unwrap();
            flood.read(&frame(PING, ACK, &[0; 8])).unwrap();
        }
    }

    #[test]
    fn h2_06_frames_are_counted_however_they_are_cut() {
        let mut bytes = PREFACE.to_vec();
        for _ in 0..10 {
            bytes.extend(frame(PING, 0, &[0; 8]));
        }
        let mut flood = flood();
        for byte in &bytes {
            flood.read(std::slice::from_ref(byte)).unwrap();
        }
        assert!(flood.read(&frame(PING, 0, &[])).is_err());
    }
}
