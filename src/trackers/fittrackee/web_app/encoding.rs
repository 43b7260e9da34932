//! Which content codings a request takes (RFC 9110 section 12.5.3).

use http::{HeaderMap, header};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// Its name in headers.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The coding of a file with this extension behind its own.
    pub(super) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "br" => Some(Self::Brotli),
            "gz" => Some(Self::Gzip),
            _ => None,
        }
    }
}

/// Whether the request names this coding, or any, and does not refuse it.
pub(super) fn takes(asked: &HeaderMap, coding: Coding) -> bool {
    let mut by_star = false;
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    for item in lines.flat_map(|line| line.split(',')) {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let (name, is_wanted) = (name.trim(), !is_zero(weight));
        if name.eq_ignore_ascii_case(coding.as_str()) {
            return is_wanted;
        }
        by_star |= name == "*" && is_wanted;
    }
    by_star
}

/// `q=0`, `q=0.0` …
fn is_zero(weight: &str) -> bool {
    let value = weight.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
    value.is_some_and(|value| value.trim().parse::<f32>().is_ok_and(|value| value <= 0.0))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_coding_is_taken_if_it_is_named_and_not_refused() {
        for (line, brotli, gzip) in [
            ("gzip, deflate, br, zstd", true, true),
            ("GZIP;q=0.5", false, true),
            ("br;q=0, gzip; q=1", false, true),
            ("br; Q = 0.000, *", false, true),
            ("*", true, true),
            ("*;q=0", false, false),
            ("identity", false, false),
            ("gzipped", false, false),
            ("", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("accept-encoding", HeaderValue::from_str(line).unwrap());
            assert_eq!((takes(&headers, Coding::Brotli), takes(&headers, Coding::Gzip)), (brotli, gzip), "{line}");
        }
        assert!(!takes(&HeaderMap::new(), Coding::Gzip));
    }
}
