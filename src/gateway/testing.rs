//! What the tests of this room share.

use rcgen::{CertificateParams, KeyPair};

/// A certificate for `localhost` and its key, as PEM.
pub(crate) fn certificate() -> (String, String) {
    certificate_until(2096, 1, 1)
}

pub(crate) fn expired_certificate() -> (String, String) {
    certificate_until(2020, 1, 1)
}

pub(crate) fn certificate_until(year: i32, month: u8, day: u8) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, month, day);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}
