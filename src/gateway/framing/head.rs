//! One request head: where it ends, and whether it is good.

use memchr::memchr;
use trackgate_schemes::Reason;

use super::authority;
use crate::gateway::limits::Limits;

/// A good head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Head {
    /// Its bytes, blank line included.
    pub(in crate::gateway) length: usize,
    pub(super) body: BodyLength,
    /// It has an `Upgrade` line that HTTP allows to be honoured.
    pub(super) upgrade: bool,
}

/// How the end of a request body is found (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyLength {
    Chunked,
    Fixed(u64),
}

/// A search for the end of a head that looks at each byte once, however it arrives.
#[derive(Debug, Default)]
pub(in crate::gateway) struct HeadScan {
    at: usize,
    after_cr: bool,
    /// Where the lines start; the last entry is the line that is being read.
    starts: Vec<usize>,
    /// A blank line stood before the request line.
    blank: bool,
}

impl HeadScan {
    pub(super) fn reset(&mut self) {
        self.at = 0;
        self.after_cr = false;
        self.starts.clear();
        self.blank = false;
    }

    /// Reads on; `bytes` is the head from its first byte on, as far as it is there.
    ///
    /// # Errors
    ///
    /// What is wrong with the head, as soon as that can be seen.
    pub(in crate::gateway) fn read(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<Head>, Reason> {
        match self.find_end(bytes, limits)? {
            None => Ok(None),
            Some(length) => self.check(bytes, length, limits).map(Some),
        }
    }

    /// The length of the head, if its end is here. Finds all control bytes on the way.
    fn find_end(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Reason> {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        let mut start = self.starts.last().copied().unwrap_or_default();
        while let Some((&byte, _)) = bytes.get(self.at..).and_then(<[u8]>::split_first) {
            if !self.after_cr {
                self.text(bytes)?;
                continue;
            }
            self.after_cr = false;
            if byte != b'\n' {
                return Err(Reason::BadRequest);
            }
            let blank = self.at == start + 1;
            self.at += 1;
            if self.starts.len() == 1 {
                check_length(bytes.get(start..self.at).unwrap_or_default(), limits)?;
            }
            start = self.at;
            if blank && self.starts.len() == 1 {
                // RFC 9112 section 2.2: one is forgiven, for old clients send it behind a body.
                if std::mem::replace(&mut self.blank, true) {
                    return Err(Reason::BadRequest);
                }
                self.starts.clear();
            } else if blank {
                return if start > limits.head_bytes { Err(Reason::HeadTooLarge) } else { Ok(Some(start)) };
            } else if self.starts.len() > limits.head_lines + 1 {
                return Err(Reason::HeadTooLarge);
            }
            self.starts.push(start);
        }
        let line = bytes.get(start..).unwrap_or_default();
        if self.starts.len() == 1 {
            check_length(line, limits)?;
        }
        if bytes.len() > limits.head_bytes { Err(Reason::HeadTooLarge) } else { Ok(None) }
    }

    /// Reads up to the next CR, and that too.
    fn text(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        let rest = bytes.get(self.at..).unwrap_or_default();
        let end = memchr(b'\r', rest);
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        // Without a way out in the middle, many bytes are looked at with one instruction.
        if text.iter().fold(false, |found, &byte| found | is_control(byte)) {
            return Err(Reason::BadRequest);
        }
        self.after_cr = end.is_some();
        self.at += text.len() + usize::from(self.after_cr);
        Ok(())
    }

    fn check(&self, bytes: &[u8], length: usize, limits: &Limits) -> Result<Head, Reason> {
        let ends = self.starts.iter().skip(1);
        let mut lines = self.starts.iter().zip(ends).filter_map(|(&start, &end)| bytes.get(start..end - 2));
        let line = request_line(lines.next().ok_or(Reason::BadRequest)?, limits)?;
        let mut found = Found::default();
        for header in lines {
            found.header(header)?;
        }
        let body = found.body(line.version)?;
        found.host(&line)?;
        Ok(Head { length, body, upgrade: found.upgrade && line.version == Version::Http11 })
    }
}

/// The header lines that framing is about.
#[derive(Debug, Default)]
struct Found<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

impl<'a> Found<'a> {
    fn header(&mut self, line: &'a [u8]) -> Result<(), Reason> {
        let colon = line.iter().position(|&byte| !is_token(byte)).ok_or(Reason::BadRequest)?;
        let (name, value) = line.split_at_checked(colon).ok_or(Reason::BadRequest)?;
        // No colon here also is a folded line, an empty name, and a blank before the colon.
        let (Some(value), false) = (value.strip_prefix(b":"), name.is_empty()) else {
            return Err(Reason::BadRequest);
        };
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => once(&mut self.host, blanks_off(value)),
            6 if name.eq_ignore_ascii_case(b"expect") => {
                if blanks_off(value).eq_ignore_ascii_case(b"100-continue") {
                    Ok(())
                } else {
                    Err(Reason::Expectation)
                }
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade = true;
                Ok(())
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                once(&mut self.length, number(blanks_off(value)).ok_or(Reason::BadRequest)?)
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !blanks_off(value).eq_ignore_ascii_case(b"chunked") {
                    return Err(Reason::BadRequest);
                }
                self.chunked = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn body(&self, version: Version) -> Result<BodyLength, Reason> {
        match (self.chunked, self.length, version) {
            (false, length, _) => Ok(BodyLength::Fixed(length.unwrap_or(0))),
            (true, None, Version::Http11) => Ok(BodyLength::Chunked),
            (true, _, _) => Err(Reason::BadRequest),
        }
    }

    fn host(&self, line: &RequestLine<'_>) -> Result<(), Reason> {
        match (self.host, line.version) {
            (None, Version::Http11) => return Err(Reason::BadRequest),
            (Some(host), _) if !authority::is_valid(host) => return Err(Reason::BadRequest),
            (None, Version::Http10) | (Some(_), _) => {}
        }
        match (line.authority, self.host) {
            (Some((place, https)), Some(host)) if !authority::same(place, host, https) => Err(Reason::BadRequest),
            _ => Ok(()),
        }
    }
}

/// Method and path of the head that these bytes begin, when its request line is good: what is refused for the
/// lines behind it is refused in the words of that path.
pub(in crate::gateway) fn method_and_path<'a>(bytes: &'a [u8], limits: &Limits) -> Option<(&'a str, &'a str)> {
    let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = bytes.get(..end)?;
    request_line(line, limits).ok()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next().filter(|path| path.starts_with('/'))?;
    path.parse::<http::uri::PathAndQuery>().ok().map(|_good| (method, path))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

#[derive(Debug)]
struct RequestLine<'a> {
    version: Version,
    /// The authority of an absolute target, and whether its scheme is `https`.
    authority: Option<(&'a [u8], bool)>,
}

/// Whether a request line, whole or not, is too long already.
fn check_length(line: &[u8], limits: &Limits) -> Result<(), Reason> {
    if line.len() <= limits.target_bytes + METHOD_BYTES + VERSION_BYTES {
        return Ok(());
    }
    Err(request_line(line, limits).err().unwrap_or(Reason::TargetTooLong))
}

/// Reads the request line (RFC 9112 section 3): one blank between its parts, nothing more.
fn request_line<'a>(line: &'a [u8], limits: &Limits) -> Result<RequestLine<'a>, Reason> {
    let mut parts = line.splitn(3, |&byte| byte == b' ');
    let (Some(method), Some(target)) = (parts.next(), parts.next()) else {
        return Err(Reason::BadRequest);
    };
    if !is_method(method) || method == b"PRI" {
        return Err(Reason::BadRequest);
    }
    if target.len() > limits.target_bytes {
        return Err(Reason::TargetTooLong);
    }
    let version = match parts.next() {
        Some(b"HTTP/1.1") => Version::Http11,
        Some(b"HTTP/1.0") => Version::Http10,
        _ => return Err(Reason::BadRequest),
    };
    // What follows could be meant for a tunnel, so the connection ends here.
    if method == b"CONNECT" {
        return Err(Reason::MethodNotAllowed);
    }
    let authority = target_authority(method, target).ok_or(Reason::BadRequest)?;
    Ok(RequestLine { version, authority })
}

/// The authority in the target, if it has one; the outer `None` is a target that nobody should read.
#[expect(clippy::option_option, reason = "bad and absent are two things, and there is no third")]
fn target_authority<'a>(method: &[u8], target: &'a [u8]) -> Option<Option<(&'a [u8], bool)>> {
    if !target.iter().all(|&byte| is_target(byte)) {
        return None;
    }
    if target.starts_with(b"/") || (target == b"*" && method == b"OPTIONS") {
        return Some(None);
    }
    let (scheme, rest) = target.split_at_checked(target.iter().position(|&byte| byte == b':')?)?;
    let https = scheme.eq_ignore_ascii_case(b"https");
    if !https && !scheme.eq_ignore_ascii_case(b"http") {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let (authority, _path) = rest.split_at_checked(rest.iter().position(|&byte| byte == b'/')?)?;
    authority::is_valid(authority).then_some(Some((authority, https)))
}

/// Whether this is a method as clients of ours write it: upper case, at most 32 bytes.
pub(in crate::gateway) fn is_method(method: &[u8]) -> bool {
    (1..=METHOD_BYTES).contains(&method.len())
        && method.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'))
        && method.first().is_some_and(u8::is_ascii_uppercase)
}

const fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// Whether a header name may have this byte (RFC 9110 section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether this is a target in origin form (RFC 9112 section 3.2.1) that a request line could have.
pub(in crate::gateway) fn is_origin_form(target: &[u8]) -> bool {
    target.starts_with(b"/") && target.iter().all(|&byte| is_target(byte))
}

fn is_target(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'~')
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Reason> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Reason::BadRequest),
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| number.checked_mul(10)?.checked_add(u64::from(byte - b'0')))?
    })
}

fn blanks_off(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

const METHOD_BYTES: usize = 32;
const VERSION_BYTES: usize = " HTTP/1.1\r\n ".len();

#[expect(clippy::indexing_slicing, reason = "the compiler runs it, and an index out of range would not compile")]
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        // The cast widens; `From` is not const.
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        byte += 1;
    }
    table
};
