//! Parameters of a request, as Go reads them.

/// Names and values in their order.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of the text behind `?`.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        Self(pairs(query.unwrap_or_default().as_bytes()).collect())
    }

    /// The first value of this name; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// The pairs of a query or form. One that cannot be read, or holds a `;`, is none; what is not UTF-8 becomes
/// U+FFFD.
fn pairs(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    text.split(|b| *b == b'&').filter(|pair| !pair.is_empty() && !pair.contains(&b';')).filter_map(|pair| {
        let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at_checked(equals)?;
        Some((decoded(name)?, decoded(value.get(1..).unwrap_or_default())?))
    })
}

/// A `+` is a blank, `%41` is `A`; `None` if an escape is none.
pub(in crate::trackers::livetracking) fn decoded(text: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [b, behind @ ..] = rest {
        rest = behind;
        plain.push(match b {
            b'+' => b' ',
            b'%' => {
                let (hex, after) = behind.split_at_checked(2)?;
                rest = after;
                let digit = |b: &u8| char::from(*b).to_digit(16);
                let value = hex.iter().try_fold(0, |value, b| Some(value * 16 + digit(b)?))?;
                u8::try_from(value).ok()?
            }
            b => *b,
        });
    }
    Some(String::from_utf8_lossy(&plain).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_readable_value_of_a_name_counts() {
        let read = |query| Parameters::of_query(Some(query));
        assert_eq!(read("db=a&db=b").get("db"), "a");
        assert_eq!(read("db=%zz&db=b").get("db"), "b");
        assert_eq!(read("db=a;x=1&db=b").get("db"), "b");
        assert_eq!(read("&&=x&%64b=a+b%2bc&e").get("db"), "a b+c");
        assert_eq!(read("db=%").get("db"), "");
        assert_eq!(read("e&db=%ff").get("db"), "\u{fffd}");
        assert_eq!(Parameters::of_query(None).get("db"), "");
    }
}
