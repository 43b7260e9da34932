//! The PROXY protocol, version 1 and 2, from listed peers.
//!
//! A listed peer must send the header; from any other peer the same bytes are read as a request, which they
//! are not. Additional fields of version 2 (TLV) are skipped; its checksum field is not checked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::peer::canonical;

/// The header could not be read.
#[derive(Debug, thiserror::Error)]

pub(crate) enum ProxyHeaderError {
    /// The connection broke or ended.
    #[error("the connection ended before the PROXY header")]
    Broken(#[source] std::io::Error),
    /// This is no PROXY header.
    #[error("the PROXY header is malformed")]
    Malformed,
}

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    length: usize,
    /// The client; `None` when the proxy speaks for itself or does not know.
    client: Option<SocketAddr>,
}

/// Reads the header, and not one byte behind it.
///
/// # Errors
///
/// When the connection ends or something else comes.
pub(crate) async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut seen: Vec<u8> = Vec::with_capacity(V1_BYTES);
    loop {
        let before = seen.len();
        let mut chunk = [0; V1_BYTES];
        let peeked = stream.peek(&mut chunk).await.map_err(ProxyHeaderError::Broken)?;
        seen.extend_from_slice(chunk.get(..peeked).unwrap_or_default());
        let header = parse(&seen).ok_or(ProxyHeaderError::Malformed)?;
        if peeked == 0 {
            return Err(ProxyHeaderError::Broken(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let take = header.map_or(peeked, |header| header.length - before);
        stream.read_exact(chunk.get_mut(..take).unwrap_or_default()).await.map_err(ProxyHeaderError::Broken)?;
        if let Some(header) = header {
            return Ok(header.client.map(canonical));
        }
    }
}

/// Reads a header: `None` is malformed, `Some(None)` is not yet whole.
#[expect(clippy::option_option, reason = "malformed and incomplete are two things, and there is no third")]
fn parse(bytes: &[u8]) -> Option<Option<Header>> {
    if starts_like(bytes, V2_SIGNATURE) {
        return version_2(bytes);
    }
    if starts_like(bytes, b"PROXY ") {
        return version_1(bytes);
    }
    None
}

fn starts_like(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.iter().zip(prefix).all(|(one, other)| one == other)
}

#[expect(clippy::option_option, reason = "see `parse`")]
fn version_1(bytes: &[u8]) -> Option<Option<Header>> {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        return (bytes.len() < V1_BYTES).then_some(None);
    };
    if end >= V1_BYTES {
        return None;
    }
    let line = std::str::from_utf8(bytes.get(..end)?).ok()?.strip_suffix('\r')?.strip_prefix("PROXY ")?;
    let length = end + 1;
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Some(Some(Header { length, client: None }));
    }
    let mut parts = line.split(' ');
    let family = parts.next()?;
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse().ok().map(IpAddr::V4),
            "TCP6" => text.parse().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let client = address(parts.next()?)?;
    let _destination = address(parts.next()?)?;
    let port = port(parts.next()?)?;
    let _destination = self::port(parts.next()?)?;
    if parts.next().is_some() {
        return None;
    }
    Some(Some(Header { length, client: Some(SocketAddr::new(client, port)) }))
}

#[expect(clippy::option_option, reason = "see `parse`")]
fn version_2(bytes: &[u8]) -> Option<Option<Header>> {
    let Some((head, rest)) = bytes.split_first_chunk::<V2_HEAD>() else { return Some(None) };
    let &[.., command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if !matches!(command, 0x20 | 0x21) || length > V2_BYTES {
        return None;
    }
    let Some(addresses) = rest.get(..length) else { return Some(None) };
    let client = match (command, family) {
        // LOCAL is a health check of the proxy itself; the others are not TCP over IP.
        (0x20, _) | (_, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => None,
        (_, 0x11) => {
            let (ip, rest) = addresses.split_first_chunk::<4>()?;
            let (_destination, ports) = rest.split_first_chunk::<4>()?;
            Some(SocketAddr::new(Ipv4Addr::from(*ip).into(), v2_port(ports)?))
        }
        (_, 0x21) => {
            let (ip, rest) = addresses.split_first_chunk::<16>()?;
            let (_destination, ports) = rest.split_first_chunk::<16>()?;
            Some(SocketAddr::new(Ipv6Addr::from(*ip).into(), v2_port(ports)?))
        }
        _ => return None,
    };
    Some(Some(Header { length: V2_HEAD + length, client }))
}

fn v2_port(ports: &[u8]) -> Option<u16> {
    let (source, rest) = ports.split_first_chunk::<2>()?;
    (rest.len() >= 2).then(|| u16::from_be_bytes(*source))
}

fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V2_HEAD: usize = 16;
/// Addresses and additional fields; far more than any proxy sends.
const V2_BYTES: usize = 4096;
/// Version 1, CR LF included.
const V1_BYTES: usize = 107;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let mut bytes = V2_SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(addresses.len()).unwrap().to_be_bytes());
        bytes.extend(addresses);
        bytes
    }

    fn client(bytes: &[u8]) -> Option<SocketAddr> {
        let header = parse(bytes).unwrap().unwrap();
        assert_eq!(header.length, bytes.len());
        header.client
    }

    #[test]
    fn version_1_is_read() {
        let client = |text: &str| client(text.as_bytes()).map(|client| client.to_string());
        assert_eq!(client("PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n").unwrap(), "192.0.2.1:56324");
        assert_eq!(client("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n").unwrap(), "[2001:db8::1]:1");
        assert_eq!(client("PROXY UNKNOWN\r\n"), None);
        assert_eq!(client("PROXY UNKNOWN ffff:f::f ffff::1 65535 65535\r\n"), None);
    }

    #[test]
    fn version_1_malformed_is_refused() {
        for bad in [
            "GET / HTTP/1.1\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 56324\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 056 443\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 65536 443\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 +1 443\r\n",
            "PROXY TCP4 2001:db8::1 192.0.2.9 1 443\r\n",
            "PROXY TCP4 192.0.2.1  192.0.2.9 1 443\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.9 1 443 9\r\n",
            "PROXY TCP6 fe80::1%eth0 ::1 1 443\r\n",
            "PROXY UDP4 192.0.2.1 192.0.2.9 1 443\r\n",
            "proxy TCP4 192.0.2.1 192.0.2.9 1 443\r\n",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
        let long = format!("PROXY UNKNOWN {}", "x".repeat(100));
        assert_eq!(parse(long.as_bytes()), None);
        assert_eq!(parse(format!("{long}\r\n").as_bytes()), None);
    }

    #[test]
    fn version_2_is_read_and_fields_are_skipped() {
        let mut four = vec![192, 0, 2, 1, 192, 0, 2, 9, 0xdc, 4, 1, 187];
        assert_eq!(client(&v2(0x21, 0x11, &four)).unwrap().to_string(), "192.0.2.1:56324");
        four.extend([0x03, 0, 4, 1, 2, 3, 4]);
        assert_eq!(client(&v2(0x21, 0x11, &four)).unwrap().to_string(), "192.0.2.1:56324");
        let mut six = [0; 36];
        six[15] = 1;
        six[33] = 7;
        assert_eq!(client(&v2(0x21, 0x21, &six)).unwrap().to_string(), "[::1]:7");
        assert_eq!(client(&v2(0x20, 0x00, &[])), None);
        assert_eq!(client(&v2(0x20, 0x11, &four)), None);
        assert_eq!(client(&v2(0x21, 0x00, &[])), None);
    }

    #[test]
    fn version_2_malformed_is_refused() {
        assert_eq!(parse(&v2(0x21, 0x11, &[0; 11])), None);
        assert_eq!(parse(&v2(0x21, 0x21, &[0; 35])), None);
        assert_eq!(parse(&v2(0x11, 0x11, &[0; 12])), None);
        assert_eq!(parse(&v2(0x22, 0x11, &[0; 12])), None);
        assert_eq!(parse(&v2(0x21, 0x41, &[0; 12])), None);
        assert_eq!(parse(&v2(0x21, 0x11, &[0; 5000])), None);
        assert_eq!(parse(b"\r\n\r\n\0\r\nQUIX"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(Some(header)) = parse(&bytes) {
                prop_assert!(header.length <= bytes.len());
            }
            for start in [V2_SIGNATURE, b"PROXY TCP4 "] {
                let whole: Vec<u8> = start.iter().chain(&bytes).copied().collect();
                if let Some(Some(header)) = parse(&whole) {
                    prop_assert!(header.length <= whole.len());
                }
            }
        }

        #[test]
        fn a_prefix_is_incomplete_never_malformed(cut in 0_usize..44, port in any::<u16>()) {
            let whole = format!("PROXY TCP4 192.0.2.100 192.0.2.200 {port} 44321\r\n").into_bytes();
            prop_assert_eq!(parse(&whole[..cut.min(whole.len() - 1)]), Some(None));
            let whole = v2(0x21, 0x21, &[7; 36]);
            prop_assert_eq!(parse(&whole[..cut]), Some(None));
        }
    }
}
