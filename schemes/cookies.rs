//! The cookies of a request (RFC 6265 §4.2), over all lines of `Cookie` as HTTP/2 clients send them (RFC 9113 §8.2.3).

use http::{HeaderMap, header};

/// The values of the cookies of this name, in order and as they stand there. Names are compared in their letter case.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines.flat_map(|line| line.as_bytes().split(|b| *b == b';')).filter_map(move |pair| {
        let mut parts = pair.trim_ascii().splitn(2, |b| *b == b'=');
        let is_meant = parts.next().is_some_and(|own| own.trim_ascii_end() == name.as_bytes());
        is_meant.then(|| parts.next().unwrap_or_default().trim_ascii_start())
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn found(lines: &[&[u8]]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        values(&headers, "tg").map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    #[test]
    fn web_06_a_cookie_is_found_in_any_line_and_under_its_own_name_alone() {
        assert_eq!(found(&[b"tg=a"]), ["a"]);
        assert_eq!(found(&[b"x=1;tg=a; y=2"]), ["a"]);
        assert_eq!(found(&[b"x=1", b" tg = a "]), ["a"]);
        assert_eq!(found(&[b"tg=a; tg=b", b"tg=c"]), ["a", "b", "c"]);
        assert_eq!(found(&[b"tg"]), [""]);
        assert_eq!(found(&[b"tg=a=b"]), ["a=b"]);
        assert_eq!(found(&[b"TG=a; tg2=b; x-tg=c; x=tg=d; =tg; \xff=1"]), Vec::<String>::new());
        assert_eq!(found(&[]), Vec::<String>::new());
    }
}
