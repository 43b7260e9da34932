//! Who is asking at the paths of samples (contract section 3): HTTP Basic, or `u` and `p` in the query.
//!
//! Both are answered by the tracker's Basic scheme, and so cost and count the same. The name `public` with the
//! password that the original gave away is nobody's account: it reads what is not private, and no more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;
use trackgate_schemes::{
    Carrier, Credential, CredentialKind, Grants, Head, Identity, Reason, Rejection, Scheme, Secret, Step, Subject,
    Unaccepted, Verdict,
};

use super::ID;
use super::samples::{READER, decoded};

/// Whether `public` reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicReader {
    /// It is unknown.
    Off,
    /// It reads what is not private.
    #[default]
    On,
}

/// HTTP Basic with the reader.
#[derive(Debug)]
pub(super) struct InHeader {
    basic: Arc<dyn Scheme>,
    reader: PublicReader,
}

/// The same pair in the query.
#[derive(Debug)]
pub(super) struct InQuery {
    basic: Arc<dyn Scheme>,
    reader: PublicReader,
}

impl InHeader {
    pub(super) fn new(basic: Arc<dyn Scheme>, reader: PublicReader) -> Self {
        Self { basic, reader }
    }
}

impl InQuery {
    pub(super) fn new(basic: Arc<dyn Scheme>, reader: PublicReader) -> Self {
        Self { basic, reader }
    }
}

impl Scheme for InHeader {
    fn id(&self) -> &'static str {
        self.basic.id()
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(AUTHORIZATION)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let line = head.headers.get(AUTHORIZATION).and_then(|line| line.to_str().ok()).unwrap_or_default();
        let pair = line.split_once(' ').filter(|(word, _)| word.eq_ignore_ascii_case("basic"));
        if self.reader == PublicReader::On && pair.is_some_and(|(_, pair)| is_reader(pair.trim())) {
            return Step::Done(Verdict::Known(reader()));
        }
        if pair.is_some_and(|(_, pair)| is_nameless(pair.trim())) {
            return Step::refused(Rejection::new(Reason::Malformed, NAMELESS));
        }
        self.basic.authenticate(head)
    }

    fn accept(&self, who: &Identity, head: &Head<'_>) -> Result<(), Unaccepted> {
        self.basic.accept(who, head)
    }

    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        self.basic.challenge(why)
    }
}

impl Scheme for InQuery {
    fn id(&self) -> &'static str {
        "basic-query"
    }

    /// A `u` alone is no credential.
    fn carrier(&self) -> Carrier {
        Carrier::Query("p")
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let Some((name, password)) = pair(head.query.unwrap_or_default()) else { return Step::ABSENT };
        // Such a name would be read as another name and a part of the password.
        if name.contains(':') {
            return Step::refused(Rejection::new(Reason::Unknown, self.id()));
        }
        let plain = Secret::from(format!("{name}:{}", password.expose_text().unwrap_or_default()));
        let encoded = Secret::from(STANDARD.encode(plain.expose()));
        let encoded = encoded.expose_text().unwrap_or_default();
        if self.reader == PublicReader::On && is_reader(encoded) {
            return Step::Done(Verdict::Known(reader()));
        }
        let Ok(mut line) = HeaderValue::from_str(&format!("Basic {encoded}")) else { return Step::ABSENT };
        line.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, line)]);
        let head = Head::new(head.method, head.path, &headers).with_client(head.client).with_now(head.now);
        self.basic.authenticate(&head)
    }

    fn accept(&self, who: &Identity, head: &Head<'_>) -> Result<(), Unaccepted> {
        self.basic.accept(who, head)
    }

    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        self.basic.challenge(why)
    }
}

/// `u` and `p` of a query; neither is empty or stands twice.
fn pair(query: &str) -> Option<(String, Secret)> {
    let value = |wanted: &str| {
        let mut values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == wanted);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => decoded(value.as_bytes()).filter(|value| !value.is_empty()),
            _ => None,
        }
    };
    Some((value("u")?, value("p")?.into()))
}

fn is_reader(encoded: &str) -> bool {
    // Nothing to hide: the manual prints it.
    encoded == READER_PAIR
}

/// Whether this pair has no name before its colon.
fn is_nameless(encoded: &str) -> bool {
    STANDARD.decode(encoded).is_ok_and(|pair| Secret::new(pair).expose().starts_with(b":"))
}

fn reader() -> Identity {
    let subject = Subject::External(READER.into());
    let credential = Credential::new(CredentialKind::Other, READER);
    let grants = Grants::of(["points:read".parse().expect("it is area:action")]);
    Identity::new(subject, READER, ID, credential).with_grants(grants)
}

/// Who refuses a pair without a name, which the original tells from a wrong one.
pub(super) const NAMELESS: &str = "basic-nameless";

/// `public:livetracking`
const READER_PAIR: &str = "cHVibGljOmxpdmV0cmFja2luZw==";
