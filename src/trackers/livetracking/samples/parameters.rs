//! Parameters of a request, as Go reads them.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};
use http_body_util::BodyDataStream;
use multer::Multipart;
use trackgate_schemes::Rejection;

use crate::message::Body;
use crate::trackers::livetracking::ID;

/// Names and values in their order. They may hold `u` and `p`: nothing prints them.
#[derive(Default)]
pub(super) struct Parameters {
    values: Vec<(String, String)>,
    /// The file `q` of a multipart body.
    file: String,
}

impl Parameters {
    /// Those of the text behind `?`.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        Self { values: pairs(query.unwrap_or_default().as_bytes()).collect(), file: String::new() }
    }

    /// Those of a form, then those of the query, then the parts of multipart form data, as Go joins them.
    ///
    /// # Errors
    ///
    /// The body does not arrive, or is too large.
    pub(super) async fn of_request(head: &Parts, body: Body) -> Result<Self, Rejection> {
        let mut of_query = Self::of_query(head.uri.query());
        if head.method != Method::POST {
            return Ok(of_query);
        }
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let media_type = kind.split(';').next().unwrap_or_default().trim();
        let body = body.read(MAX_BYTES).await.map_err(|error| Rejection::new(error.reason(), ID))?;
        if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let values = pairs(&body).chain(of_query.values).collect();
            return Ok(Self { values, file: String::new() });
        }
        if let Ok(boundary) = multer::parse_boundary(kind) {
            of_query.add_parts(body, boundary).await;
        }
        Ok(of_query)
    }

    /// The parts of multipart form data, as far as they can be read.
    async fn add_parts(&mut self, body: Bytes, boundary: String) {
        let mut parts = Multipart::new(BodyDataStream::new(Body::from(body)), boundary);
        for _ in 0..MAX_PARTS {
            let Ok(Some(part)) = parts.next_field().await else { return };
            let (name, is_file) = (part.name().unwrap_or_default().to_owned(), part.file_name().is_some());
            let Ok(value) = part.bytes().await else { return };
            let value = String::from_utf8_lossy(&value).into_owned();
            match (is_file, name.as_str()) {
                (false, _) => self.values.push((name, value)),
                (true, "q") if self.file.is_empty() => self.file = value,
                (true, _) => {}
            }
        }
    }

    /// The first value of this name; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.values.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// `q`, or what is in the file of that name, without blanks around.
    pub(super) fn statements(&self) -> &str {
        match self.get("q").trim() {
            "" => self.file.trim(),
            text => text,
        }
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

/// The longest text of statements, as a form writes it at its worst.
pub(super) const MAX_BYTES: u64 = 4 << 20;

const MAX_PARTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    async fn posted(query: &str, kind: &str, body: &str) -> Parameters {
        let uri = format!("/query?{query}");
        let request = http::Request::post(uri).header("content-type", kind).body(()).unwrap();
        Parameters::of_request(&request.into_parts().0, Body::from(body.to_owned())).await.unwrap()
    }

    #[tokio::test]
    async fn a_form_comes_before_the_query_and_parts_behind_it() {
        let form = posted("db=a&x=1", "application/x-www-form-urlencoded; charset=utf-8", "db=b&q=+SHOW%20x+").await;
        assert_eq!((form.get("db"), form.get("x"), form.statements()), ("b", "1", "SHOW x"));
        let parts = "--B\r\nContent-Disposition: form-data; name=\"db\"\r\n\r\nb\r\n\
            --B\r\nContent-Disposition: form-data; name=\"q\"; filename=\"q.txt\"\r\n\r\nSHOW y\n\r\n--B--\r\n";
        let read = posted("db=a", "multipart/form-data; boundary=B", parts).await;
        assert_eq!((read.get("db"), read.statements()), ("a", "SHOW y"));
        let read = posted("q=SHOW+z", "multipart/form-data; boundary=B", parts).await;
        assert_eq!((read.get("db"), read.statements()), ("b", "SHOW z"));
        let json = posted("", "application/json", "{\"q\":\"SHOW x\"}").await;
        assert_eq!(json.statements(), "");
        let cut = posted("", "multipart/form-data; boundary=B", "--B\r\nContent-Disp").await;
        assert_eq!(cut.statements(), "");
    }

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
