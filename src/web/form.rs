//! Fields of a form or a query (`application/x-www-form-urlencoded`).

use std::fmt;

use crate::message::form_decoded;

/// Names and values in order, decoded once.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form; `None` if it is none: a bad percent escape, bytes that are not UTF-8, a NUL, too many fields.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let mut fields = Vec::new();
        for pair in pairs {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(parts.next().unwrap_or_default())?;
            let value = decode(parts.next().unwrap_or_default())?;
            fields.push((name, value));
            if fields.len() > MAX_FIELDS {
                return None;
            }
        }
        Some(Self(fields))
    }

    /// The value of a field, empty if it is not there; of several the first.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// The same without blanks around it.
    pub(super) fn trimmed(&self, name: &str) -> &str {
        self.get(name).trim()
    }

    /// All values of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Fields {
    /// How many there are: one may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fields", self.0.len())
    }
}

/// A text as a value of a query or form.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(
                [byte >> 4, byte & 15]
                    .into_iter()
                    .filter_map(|digit| char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase())),
            );
        }
    }
    out
}

fn decode(text: &[u8]) -> Option<String> {
    form_decoded(text).filter(|text| !text.contains('\0'))
}

const MAX_FIELDS: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_decoded_once_and_the_first_of_a_name_counts() {
        let fields = Fields::parse(b"a=1+2&b=%252b&a=3&c&=x&&d=%C3%A4").unwrap();
        assert_eq!([fields.get("a"), fields.get("b"), fields.get("c")], ["1 2", "%2b", ""]);
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1 2", "3"]);
        assert_eq!([fields.get("d"), fields.get("none")], ["\u{e4}", ""]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let many = vec![b'a'; 1].into_iter().chain(b"&a".repeat(MAX_FIELDS)).collect::<Vec<_>>();
        for bad in [&b"a=%"[..], b"a=%1", b"a=%zz", b"a=%ff", b"a=\xff", b"a=%00", &many] {
            assert_eq!(Fields::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Fields::parse(b""), Some(Fields::default()));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[^\0]*") {
            let fields = Fields::parse(format!("a={}&b=1", encode(&text)).as_bytes()).unwrap();
            prop_assert_eq!(fields.get("a"), text);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _read = Fields::parse(&bytes);
        }
    }
}
