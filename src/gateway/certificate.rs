//! The one field of a certificate that we read ourselves: when it expires (RFC 5280 section 4.1.2.5).

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// When this certificate expires; `None` when it is not DER as it should be.
pub(crate) fn expires_at(der: &[u8]) -> Option<SystemTime> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    // The version is left out in version 1.
    if let Some((_version, rest)) = element(fields, VERSION) {
        fields = rest;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        // Serial number, signature algorithm, issuer.
        fields = element(fields, tag)?.1;
    }
    let (validity, _) = element(fields, SEQUENCE)?;
    let (_not_before, rest) = first(validity)?;
    let ((tag, not_after), _) = first(rest)?;
    let text = std::str::from_utf8(not_after).ok()?;
    let full = match tag {
        GENERALIZED_TIME => text.to_owned(),
        UTC_TIME => {
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", &full).ok()?;
    Some(SystemTime::from(time.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

/// The content of the element with this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let ((found, content), rest) = first(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Tag and content of the first element, and what follows it.
#[expect(clippy::type_complexity, reason = "used three times, right above")]
fn first(bytes: &[u8]) -> Option<((u8, &[u8]), &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some(((tag, content), rest))
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    use super::*;
    use crate::gateway::testing::{certificate_until, expired_certificate};

    fn end(pem: &str) -> Option<SystemTime> {
        expires_at(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        // 2049 is the last year of the short form.
        assert_eq!(end(&certificate_until(2049, 12, 31).0), Some(at(2_524_521_600)));
        assert_eq!(end(&certificate_until(2051, 1, 1).0), Some(at(2_556_144_000)));
        assert!(end(&expired_certificate().0).unwrap() < SystemTime::now());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(0_u8.., 0..100)) {
            let _end = expires_at(&bytes);
        }
    }
}
