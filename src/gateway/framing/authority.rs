//! The host and port of a request (RFC 9110 section 4.2, RFC 9112 section 3.2).

/// Whether this is a host with an optional port as a `Host` line may have it: a name of letters, digits,
/// `-`, `_` and `.`, an IPv4 address or a bracketed IPv6 address; no user information, no percent sign.
pub(crate) fn is_valid(value: &[u8]) -> bool {
    if value.len() > 255 + 6 {
        return false;
    }
    let (host, port) = split(value);
    let host_is_good = match host {
        [b'[', inside @ .., b']'] => {
            std::str::from_utf8(inside).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
        }
        _ => {
            !host.is_empty()
                && host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    };
    host_is_good && port.is_none_or(|port| number(port).is_some())
}

/// Whether two authorities name the same place: the host in any case, the port or the default of a scheme
/// that is `https` or not.
pub(crate) fn same(one: &[u8], other: &[u8], https: bool) -> bool {
    let default = if https { 443 } else { 80 };
    let place = |value| {
        let (host, port) = split(value);
        (host, port.map_or(Some(default), number))
    };
    let (one, other) = (place(one), place(other));
    one.0.eq_ignore_ascii_case(other.0) && one.1 == other.1
}

/// Host and port, at the last colon that is not inside brackets.
pub(crate) fn split(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let from = value.iter().rposition(|&byte| byte == b']').unwrap_or(0);
    let colon = value.iter().skip(from).position(|&byte| byte == b':');
    match colon.and_then(|colon| value.split_at_checked(from + colon)) {
        Some((host, port)) => (host, port.get(1..)),
        None => (value, None),
    }
}

fn number(port: &[u8]) -> Option<u16> {
    if port.is_empty() || port.len() > 5 || !port.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(port).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hdr_12_hosts_have_one_form() {
        for good in ["a", "a.b-c.example", "a_b", "192.0.2.1", "a:1", "a:65535", "[::1]", "[2001:db8::1]:8080", "a."] {
            assert!(is_valid(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a:",
            "a:65536",
            "a:+1",
            "a:8 0",
            "a/b",
            "u@a",
            "a,b",
            "a b",
            "a%41",
            "[::1",
            "::1",
            "[::1]a",
            "[fe80::1%25eth0]",
            "[a]",
            "a:1:2",
            "a?b",
            "a#b",
            "a\\b",
            "\u{e4}",
        ] {
            assert!(!is_valid(bad.as_bytes()), "{bad}");
        }
        assert!(!is_valid("a".repeat(300).as_bytes()));
    }

    #[test]
    fn hdr_13_default_port_and_case_do_not_matter() {
        assert!(same(b"A.example:80", b"a.EXAMPLE", false));
        assert!(same(b"a:443", b"a", true));
        assert!(!same(b"a:443", b"a", false));
        assert!(!same(b"a", b"b", false));
        assert!(same(b"[::1]:80", b"[::1]", false));
    }
}
