//! A scheme of one's own: `X-Ticket`, 32 hex digits, handed out at the gate of a race.
#![forbid(unsafe_code)]

use std::collections::HashMap;

use http::HeaderName;
use trackgate_schemes::{
    Carrier, Credential, CredentialKind, Digest, Grants, Head, Identity, Reason, Rejection, Scheme, Step, Subject,
    Verdict,
};

/// Accepts the tickets of one race; keeps only their digests.
#[derive(Debug)]
pub struct Tickets {
    holders: HashMap<Digest, Identity>,
}

impl Tickets {
    /// `tickets` are texts of 32 lower-case hex digits with the number of the racer who holds each.
    pub fn new<'a>(tickets: impl IntoIterator<Item = (&'a str, &'a str)>, grants: &Grants) -> Self {
        let holder = |(ticket, racer): (&str, &str)| {
            let credential = Credential::new(CredentialKind::Other, format!("ticket of {racer}"));
            let identity = Identity::new(Subject::External(racer.into()), racer, ID, credential);
            (Digest::sha256(ticket.as_bytes()), identity.with_grants(grants.clone()))
        };
        Self { holders: tickets.into_iter().map(holder).collect() }
    }
}

impl Scheme for Tickets {
    fn id(&self) -> &'static str {
        ID
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(TICKET)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let Some(ticket) = head.headers.get(TICKET) else { return Step::ABSENT };
        let is_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if ticket.len() != 32 || !ticket.as_bytes().iter().all(is_hex) {
            return Step::refused(Rejection::new(Reason::Malformed, ID));
        }
        match self.holders.get(&Digest::sha256(ticket.as_bytes())) {
            Some(identity) => Step::Done(Verdict::Known(identity.clone())),
            None => Step::refused(Rejection::new(Reason::Unknown, ID)),
        }
    }
}

const ID: &str = "ticket";
const TICKET: HeaderName = HeaderName::from_static("x-ticket");
