//! Floating-point numbers in a row, to the bit.
//!
//! Measured values mostly have few decimals: then they are whole numbers over one power of ten, and those are
//! written down. Of others each is compared to the one before, and the bytes that differ are kept.

use super::super::bytes::Reader;
use super::integers;

/// Writes numbers down.
pub(super) fn encode(numbers: &[f64], out: &mut Vec<u8>) {
    if let Some((places, whole)) = decimals(numbers) {
        out.push(places);
        integers::encode(&whole, out);
    } else {
        out.push(DIFFERING_BYTES);
        encode_bytes(numbers, out);
    }
}

/// Reads `count` numbers.
pub(super) fn decode(reader: &mut Reader<'_>, count: usize) -> Option<Vec<f64>> {
    let places = reader.byte()?;
    if places == DIFFERING_BYTES {
        return decode_bytes(reader, count);
    }
    let scale = *POWERS.get(usize::from(places))?;
    let whole = integers::decode(reader, count)?;
    Some(whole.into_iter().map(|whole| unscaled(whole, scale)).collect())
}

/// The numbers as whole ones over a power of ten, if each of them is exactly that.
fn decimals(numbers: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut places = 0;
    // What is exact with some places is so with more, as long as it fits.
    for number in numbers {
        while scaled(*number, *POWERS.get(places)?).is_none() {
            places += 1;
        }
    }
    let scale = *POWERS.get(places)?;
    let whole: Option<Vec<_>> = numbers.iter().map(|number| scaled(*number, scale)).collect();
    Some((u8::try_from(places).ok()?, whole?))
}

fn scaled(number: f64, scale: f64) -> Option<i64> {
    let whole = (number * scale).round();
    if whole.abs() > EXACT {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
    let whole = whole as i64;
    (unscaled(whole, scale).to_bits() == number.to_bits()).then_some(whole)
}

#[expect(clippy::cast_precision_loss, reason = "what is beyond 53 bits is not written in this way")]
fn unscaled(whole: i64, scale: f64) -> f64 {
    whole as f64 / scale
}

/// Each number by what differs from the one before: a byte that says where, and those bytes.
fn encode_bytes(numbers: &[f64], out: &mut Vec<u8>) {
    let mut last = 0u64;
    for number in numbers {
        let bits = number.to_bits();
        let differing = bits ^ last;
        last = bits;
        if differing == 0 {
            out.push(0);
            continue;
        }
        let skipped = differing.trailing_zeros() / 8;
        let used = 8 - differing.leading_zeros() / 8 - skipped;
        let [place, ..] = (skipped << 4 | used).to_le_bytes();
        out.push(place);
        let bytes = (differing >> (8 * skipped)).to_le_bytes();
        out.extend(bytes.into_iter().take(used as usize));
    }
}

fn decode_bytes(reader: &mut Reader<'_>, count: usize) -> Option<Vec<f64>> {
    if count > reader.len() {
        return None;
    }
    let mut numbers = Vec::with_capacity(count);
    let mut last = 0u64;
    for _ in 0..count {
        let place = reader.byte()?;
        let (skipped, used) = (place >> 4, place & 15);
        if skipped + used > 8 {
            return None;
        }
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(reader.take(usize::from(used))?) {
            *to = *from;
        }
        last ^= u64::from_le_bytes(bytes).checked_shl(8 * u32::from(skipped)).unwrap_or(0);
        numbers.push(f64::from_bits(last));
    }
    Some(numbers)
}

/// Stands for no power of ten.
const DIFFERING_BYTES: u8 = 255;

/// Beyond this not every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
