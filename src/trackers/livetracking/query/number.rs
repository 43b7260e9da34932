//! Numbers as the original prints them: the shortest text that reads back as the same number.

use std::io::Write as _;

/// Appends a number as JSON has it: with an exponent below a millionth and from 10²¹ on (`1e-7`, `1e+21`), else
/// without. What is not a number of JSON is `null`.
pub(crate) fn json(out: &mut Vec<u8>, number: f64) {
    if !number.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        scientific(out, number);
    } else {
        plain(out, number);
    }
}

/// Appends a number without exponent, however long it gets.
#[expect(clippy::cast_possible_truncation, reason = "whole and small enough, as was looked at")]
pub(crate) fn plain(out: &mut Vec<u8>, number: f64) {
    if number.fract() == 0.0 && number.abs() < 1e15 && (number != 0.0 || number.is_sign_positive()) {
        integer(out, number as i64);
        return;
    }
    // The encoder at hand is several times as fast as `Display`, but turns to exponents earlier.
    let before = out.len();
    let written = serde_json::to_writer(&mut *out, &number).is_ok();
    if !written || out.get(before..).is_none_or(|text| text.contains(&b'e') || text.ends_with(b".0")) {
        out.truncate(before);
        write!(out, "{number}").expect("a vector takes everything");
    }
}

/// Appends a whole number.
pub(crate) fn integer(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        at -= 1;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

fn scientific(out: &mut Vec<u8>, number: f64) {
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => {
            out.extend_from_slice(digits.as_bytes());
            out.extend_from_slice(b"e+");
            out.extend_from_slice(exponent.as_bytes());
        }
        _ => out.extend_from_slice(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_the_original_prints_them() {
        for (number, text) in [
            (120.0, "120"),
            (20.5, "20.5"),
            (128.833_333_333_333_34, "128.83333333333334"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-7, "1e-7"),
            (1e-6, "0.000001"),
            (-2.5e-9, "-2.5e-9"),
            (0.0, "0"),
            (-0.0, "-0"),
            (-7.0, "-7"),
            (1.428_571_428_571_428_6e20, "142857142857142860000"),
            (f64::INFINITY, "null"),
        ] {
            let mut out = Vec::new();
            json(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn whole_numbers_of_every_size_are_printed() {
        for number in [0, 9, 10, -1, 1_795_311_540, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            integer(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
