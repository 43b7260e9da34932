//! A request head from a file, read as strictly as from a connection.

use http::Request;
use http::request::Parts;
use trackgate_schemes::Reason;

use super::Limits;
use super::framing::HeadScan;

/// Reads a raw HTTP/1.1 request head. Line ends may be those of a text file; a body behind is not looked at.
///
/// # Errors
///
/// The [`Reason`] for which a connection would have refused it.
pub fn read_raw_head(bytes: &[u8]) -> Result<Parts, Reason> {
    let text = std::str::from_utf8(bytes).map_err(|_| Reason::BadRequest)?;
    let mut wire = if text.contains("\r\n") { text.to_owned() } else { text.replace('\n', "\r\n") };
    if !wire.contains("\r\n\r\n") {
        // An editor's last line end is the one before the blank line.
        wire = format!("{}\r\n\r\n", wire.trim_end_matches("\r\n"));
    }
    let head = HeadScan::default().read(wire.as_bytes(), &Limits::default())?.ok_or(Reason::BadRequest)?;
    let wire = wire.get(..head.length).ok_or(Reason::BadRequest)?;
    let mut lines = wire.split("\r\n");
    let first = lines.next().ok_or(Reason::BadRequest)?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(Reason::BadRequest) };
    let mut request = Request::builder().method(method).uri(target);
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(Reason::BadRequest)?;
        request = request.header(name, value.trim_matches([' ', '\t']));
    }
    Ok(request.body(()).map_err(|_| Reason::BadRequest)?.into_parts().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_from_a_text_file_or_from_the_wire() {
        for raw in
            ["GET /a?b=c HTTP/1.1\nHost: x\nToken: t\n", "GET /a?b=c HTTP/1.1\r\nHost: x\r\nToken: t\r\n\r\nbody"]
        {
            let parts = read_raw_head(raw.as_bytes()).unwrap();
            assert_eq!((parts.uri.path(), parts.uri.query()), ("/a", Some("b=c")));
            assert_eq!(parts.headers["token"], "t");
        }
    }

    #[test]
    fn what_a_connection_refuses_is_refused() {
        for raw in ["", "GET / HTTP/1.1", "get / HTTP/1.1\nHost: x", "GET / HTTP/1.1\nHost: x\nHost: y", "\u{0}"] {
            assert!(read_raw_head(raw.as_bytes()).is_err(), "{raw}");
        }
    }
}
