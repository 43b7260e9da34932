//! One request as it comes in and as it goes on: what a browser sends, eleven lines.

use http::{HeaderMap, Request};
use trackgate::gateway::read_raw_head;
use trackgate::message::Body;
use trackgate::proxy::{Forward, Peer, Sending, Settings, Transport, Upstream};
use trackgate_schemes::{CanonicalPath, Carrier};

use super::{CLIENT, now};

/// The bytes of its head, with this credential.
pub(crate) fn head(authorization: &str) -> Vec<u8> {
    HEAD.replace('\n', "\r\n").replace("AUTHORIZATION", authorization).into_bytes()
}

/// Its header lines.
pub(crate) fn lines(authorization: &str) -> HeaderMap {
    read_raw_head(&head(authorization)).unwrap().headers
}

/// Where it goes.
pub(crate) fn upstream() -> Upstream {
    Upstream::new(Settings::new("points", "http://10.0.0.5:8086".parse().unwrap())).unwrap()
}

/// What a route with the usual schemes sends on.
pub(crate) fn sending() -> Sending {
    let carriers =
        [Carrier::Header(http::header::AUTHORIZATION), Carrier::Header(http::HeaderName::from_static("token"))];
    Sending { carriers: carriers.into(), own_cookies: [Box::from("trackgate")].into(), ..Sending::default() }
}

/// The request on its way, with these lines.
pub(crate) fn forward<'a>(path: &'a CanonicalPath<'a>, sending: &'a Sending, lines: HeaderMap) -> Forward<'a> {
    let mut parts = Request::post("/write?db=rider").body(()).unwrap().into_parts().0;
    parts.headers = lines;
    Forward {
        parts,
        body: Body::empty(),
        path,
        client: Some(CLIENT),
        peer: Peer { transport: Transport::Tls, host: Some("track.example.org") },
        request_id: "0192f0c1-7a0b-7cc4-8f1e-6d2b3c4d5e6f",
        now: now(),
        sending,
        credential: None,
    }
}

const HEAD: &str = "\
POST /write?db=rider HTTP/1.1
Host: track.example.org
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0
Accept: application/json, text/plain, */*
Accept-Language: en-US,en;q=0.5
Accept-Encoding: gzip, deflate, br
Authorization: AUTHORIZATION
Content-Type: text/plain
Content-Length: 12
Origin: https://track.example.org
Connection: keep-alive
Cookie: trackgate=own; theme=dark

";
