//! The target of the request line that the upstream gets.

use std::borrow::Cow;

use http::Uri;
use http::uri::PathAndQuery;
use trackgate_schemes::{CanonicalPath, Carrier, Reason, Rejection};

use super::PROXY;
use super::sending::{Credentials, Sending};

/// The upstream's own prefix, the canonical path, and the query as received, less the route's
/// credentials in it when those stay here.
///
/// # Errors
///
/// [`Reason::BadPath`] if that is no request target: the path then was not read by a server before.
pub(super) fn build(
    prefix: &str,
    path: &CanonicalPath<'_>,
    received: &Uri,
    sending: &Sending,
) -> Result<PathAndQuery, Rejection> {
    let query = received.query().map(|query| filter(query, sending));
    if let Some(same) = received.path_and_query()
        && prefix.is_empty()
        && same.path() == path.as_str()
        && same.query() == query.as_deref()
    {
        return Ok(same.clone());
    }
    let path = path.as_str();
    let mut target = String::with_capacity(prefix.len() + path.len() + query.as_ref().map_or(0, |q| q.len() + 1));
    target.push_str(prefix);
    target.push_str(path);
    if let Some(query) = query {
        target.push('?');
        target.push_str(&query);
    }
    PathAndQuery::try_from(target).map_err(|_not_a_target| Rejection::new(Reason::BadPath, PROXY))
}

fn filter<'a>(query: &'a str, sending: &Sending) -> Cow<'a, str> {
    let carries = |pair: &str| {
        let key = pair.split('=').next().unwrap_or_default();
        sending.carriers.iter().any(|carrier| match carrier {
            Carrier::Query(name) => decodes_to(key, name),
            _ => false,
        })
    };
    if sending.credentials == Credentials::Pass || !query.split('&').any(carries) {
        return Cow::Borrowed(query);
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !carries(pair)).collect();
    Cow::Owned(kept.join("&"))
}

/// Whether an upstream that decodes the key of a pair would read this name.
fn decodes_to(key: &str, name: &str) -> bool {
    let mut bytes = key.bytes();
    let mut wanted = name.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
            match (digit(), digit()) {
                (Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
                _ => None,
            }
        } else {
            Some(byte)
        };
        if byte.is_none() || byte != wanted.next() {
            return false;
        }
    }
    wanted.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn target(prefix: &str, received: &str, sending: &Sending) -> String {
        let uri: Uri = received.parse().unwrap();
        let path = CanonicalPath::parse(uri.path()).unwrap();
        build(prefix, &path, &uri, sending).unwrap().to_string()
    }

    #[test]
    fn the_upstream_gets_the_canonical_path_and_the_query_as_received() {
        let sending = Sending::default();
        for (prefix, received, sent) in [
            ("", "/a?b=%20&c", "/a?b=%20&c"),
            ("", "/%61?b", "/a?b"),
            ("", "/a?", "/a?"),
            ("/base", "/%c3%a9", "/base/%C3%A9"),
            ("/base", "/?%2e%2e/x=/../", "/base/?%2e%2e/x=/../"),
            ("", "http://elsewhere/a?b", "/a?b"),
        ] {
            assert_eq!(target(prefix, received, &sending), sent, "{received}");
        }
    }

    #[test]
    fn hdr_07_a_credential_in_the_query_stays_here() {
        let mut sending = Sending { carriers: Arc::new([Carrier::Query("token")]), ..Sending::default() };
        assert_eq!(target("", "/a?x=1&token=s&y=token", &sending), "/a?x=1&y=token");
        assert_eq!(target("", "/a?%74oke%6E=s&tokens=2&%7=1", &sending), "/a?tokens=2&%7=1");
        assert_eq!(target("", "/a?token", &sending), "/a?");
        sending.credentials = Credentials::Pass;
        assert_eq!(target("", "/a?x=1&token=s", &sending), "/a?x=1&token=s");
    }

    proptest! {
        #[test]
        fn pth_12_the_target_sent_is_the_path_that_was_judged(received in "/([ -~]|%[0-9a-fA-F]{2}){0,16}(\\?[ -~]{0,16})?") {
            let Ok(uri) = received.parse::<Uri>() else { return Ok(()) };
            let Ok(path) = CanonicalPath::parse(uri.path()) else { return Ok(()) };
            let sending = Sending { carriers: Arc::new([Carrier::Query("token")]), ..Sending::default() };
            for prefix in ["", "/base"] {
                let sent = build(prefix, &path, &uri, &sending).unwrap();
                prop_assert_eq!(sent.path().strip_prefix(prefix), Some(path.as_str()));
                prop_assert_eq!(sent.query().is_some(), uri.query().is_some());
                prop_assert!(sent.query().is_none_or(|query| query.split('&').all(|pair| pair.split('=').next() != Some("token"))));
            }
        }
    }
}
