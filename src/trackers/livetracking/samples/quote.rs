//! Texts as Go quotes them.

use std::fmt::Write as _;

/// As a JSON string with its quotes, as `encoding/json` writes it; what is not UTF-8 becomes U+FFFD.
pub(super) fn json(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\0'..=' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if letter != ' ' => escape(&mut out, letter),
                letter => out.push(letter),
            }
        }
        out.extend(chunk.invalid().iter().map(|_byte| "\\ufffd"));
    }
    out.push('"');
    out
}

/// As `%q` does: a text that a person reads.
pub(super) fn go(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            letter if letter.is_ascii_control() => {
                write!(out, "\\x{:02x}", u32::from(letter)).expect("a String takes text");
            }
            letter if letter.is_control() => escape(&mut out, letter),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// As a header can carry it: visible ASCII and blanks, and not too much of it.
pub(super) fn header(text: &[u8]) -> String {
    let plain = |b: &u8| match b {
        b'\n' | b'\r' => ' ',
        b'\t' | b' '..=b'~' => char::from(*b),
        _ => '?',
    };
    let text: String = text.iter().take(MAX_HEADER_BYTES).map(plain).collect();
    text.trim().to_owned()
}

fn escape(out: &mut String, letter: char) {
    write!(out, "\\u{:04x}", u32::from(letter)).expect("a String takes text");
}

const MAX_HEADER_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_recorded() {
        for (text, quoted) in [
            (&b"unable to parse 'a\x00b\tc\x7f'"[..], r#""unable to parse 'a\u0000b\tc"#.to_owned() + "\u{7f}'\""),
            (
                "say \"hi\" \\ <&> ü\u{2028}\r\n".as_bytes(),
                r#""say \"hi\" \\ \u003c\u0026\u003e ü\u2028\r\n""#.to_owned(),
            ),
            (b"\x1f\xff\xfe", r#""\u001f\ufffd\ufffd""#.to_owned()),
        ] {
            assert_eq!(json(text), quoted);
        }
        assert_eq!(go("no\"db\nü\u{7f}\u{85}"), r#""no\"db\nü\x7f\u0085""#);
    }

    #[test]
    fn tsd_04_a_header_holds_nothing_raw_and_not_much() {
        assert_eq!(header("a\nb\0c\r\u{fc}\x7f".as_bytes()), "a b?c ???");
        assert_eq!(header(&[b'x'; 10_000]).len(), 1024);
    }
}
