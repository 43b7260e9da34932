//! The chunked transfer coding (RFC 9112 section 7.1), strictly.

use super::head::is_token;
use crate::gateway::limits::Limits;

/// Where a chunked body stands.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    at: At,
    /// Size of the chunk, while its digits are read; then how much of it is to come.
    size: u64,
    digits: u8,
    /// Bytes of all extensions so far.
    extensions: usize,
    /// Bytes and lines of the trailers so far.
    trailer_bytes: usize,
    trailer_lines: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    #[default]
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
}

impl Chunked {
    /// Reads on: how many bytes are good, and whether the body ended with the last of them.
    ///
    /// # Errors
    ///
    /// How many bytes were good before the one that breaks the framing.
    pub(super) fn read(&mut self, bytes: &[u8], limits: &Limits) -> Result<(usize, bool), usize> {
        let mut good = 0;
        while let Some(&byte) = bytes.get(good) {
            if matches!(self.at, At::Data) {
                let here = ((bytes.len() - good) as u64).min(self.size);
                self.size -= here;
                good += usize::try_from(here).unwrap_or(bytes.len() - good);
                if self.size == 0 {
                    self.at = At::DataCr;
                }
                continue;
            }
            match self.step(byte, limits) {
                Some(true) => return Ok((good + 1, true)),
                Some(false) => good += 1,
                None => return Err(good),
            }
        }
        Ok((good, false))
    }

    /// Takes one byte that is not data: whether it ends the body, or `None` when it is at fault.
    fn step(&mut self, byte: u8, limits: &Limits) -> Option<bool> {
        self.at = match (self.at, byte) {
            (At::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if self.digits < 16 => {
                let digit = char::from(byte).to_digit(16)?;
                self.size = self.size << 4 | u64::from(digit);
                self.digits += 1;
                At::Size
            }
            (At::Size | At::Extension, b'\r') if self.digits > 0 => At::SizeLf,
            (At::Size, b';') if self.digits > 0 => self.extension(limits)?,
            (At::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.extension(limits)?,
            (At::SizeLf, b'\n') => {
                self.digits = 0;
                if self.size == 0 { At::TrailerStart } else { At::Data }
            }
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size,
            (At::TrailerStart, b'\r') => At::EndLf,
            (At::EndLf, b'\n') => return Some(true),
            (At::TrailerStart, _) if is_token(byte) && self.trailer_lines < limits.head_lines => {
                self.trailer_lines += 1;
                self.trailer(At::TrailerName, limits)?
            }
            (At::TrailerName, _) if is_token(byte) => self.trailer(At::TrailerName, limits)?,
            (At::TrailerValue, b'\r') => At::TrailerLf,
            (At::TrailerName, b':') | (At::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => {
                self.trailer(At::TrailerValue, limits)?
            }
            (At::TrailerLf, b'\n') => At::TrailerStart,
            _ => return None,
        };
        Some(false)
    }

    fn extension(&mut self, limits: &Limits) -> Option<At> {
        self.extensions += 1;
        (self.extensions <= limits.extension_bytes).then_some(At::Extension)
    }

    fn trailer(&mut self, next: At, limits: &Limits) -> Option<At> {
        self.trailer_bytes += 1;
        // hyper reads at most 16 KiB of them, line ends included.
        (self.trailer_bytes + 4 * self.trailer_lines < limits.head_bytes.min(TRAILER_BYTES)).then_some(next)
    }
}

const TRAILER_BYTES: usize = 8 * 1024;
