use std::collections::HashMap;

use proptest::prelude::*;
use prost::Message as _;
use trackgate_schemes::Reason;

use super::messages::{Address, AttributeContext, AttributedRequest, HeaderLines, SocketAddress, Source};
use super::*;

fn question(http: HttpRequest, address: &str) -> CheckRequest {
    let socket_address = SocketAddress { address: address.to_owned() };
    let address = Address { socket_address: (!address.is_empty()).then_some(socket_address) };
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(Source { address: Some(address) }),
            request: Some(AttributedRequest { http: Some(http) }),
        }),
    }
}

fn request() -> HttpRequest {
    let lines = [(":method", "PUT"), (":path", "/a?b=c"), ("authorization", "Basic eA=="), ("x-a", "1,2")];
    HttpRequest {
        method: "PUT".to_owned(),
        headers: lines.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        path: "/a?b=c".to_owned(),
        host: "a.example".to_owned(),
        header_map: None,
    }
}

#[test]
fn envoy_names_the_original_request_in_a_message() {
    // As bytes, so that a field that moves is found.
    let wire = question(request(), "::ffff:198.51.100.7").encode_to_vec();
    assert!(wire.windows(5).any(|bytes| bytes == b"\x12\x03PUT"), "method has number 2");
    let original = read(CheckRequest::decode(&*wire).unwrap(), 100).unwrap();
    assert_eq!((original.method.as_str(), original.uri.to_string().as_str()), ("PUT", "/a?b=c"));
    assert_eq!(original.client, Some("198.51.100.7".parse().unwrap()));
    assert_eq!((original.headers.len(), &original.headers["host"]), (3, &HeaderValue::from_static("a.example")));
    assert_eq!(original.fault, None);
}

#[test]
fn ord_02_lines_of_one_name_stay_apart_when_envoy_sends_them_raw() {
    let line =
        |value: &[u8]| HeaderLine { key: "authorization".to_owned(), value: String::new(), raw_value: value.to_vec() };
    let lines = HeaderLines { headers: vec![line(b"Basic eA=="), line(b"Basic eQ==")] };
    let http = HttpRequest { headers: HashMap::new(), header_map: Some(lines), ..request() };
    let original = read(question(http, ""), 100).unwrap();
    assert_eq!(original.headers.get_all("authorization").iter().count(), 2);
    assert_eq!(original.client, None, "a client on a Unix socket has no address");
}

#[test]
fn a_message_that_names_no_request_is_no_question() {
    let unreadable = |question: CheckRequest| read(question, 100).unwrap_err() == Fault::Unreadable;
    assert!(unreadable(CheckRequest::default()));
    assert!(unreadable(CheckRequest { attributes: Some(AttributeContext::default()) }));
    for http in [
        HttpRequest { path: String::new(), ..request() },
        HttpRequest { method: String::new(), ..request() },
        HttpRequest { host: String::new(), ..request() },
        HttpRequest { headers: [("a b".to_owned(), "x".to_owned())].into(), ..request() },
        HttpRequest { headers: [("a".to_owned(), "x\r\ny: z".to_owned())].into(), ..request() },
    ] {
        assert!(unreadable(question(http.clone(), "192.0.2.1")), "{http:?}");
    }
    let mut no_source = question(request(), "192.0.2.1");
    no_source.attributes.as_mut().unwrap().source = None;
    assert!(unreadable(no_source));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..60),
        at in any::<prop::sample::Index>(),
    ) {
        drop(CheckRequest::decode(&*bytes).map(|question| read(question, 100)));
        let mut wire = question(request(), "192.0.2.1").encode_to_vec();
        let at = at.index(wire.len());
        wire.splice(at..at, bytes.drain(..bytes.len().min(3)));
        if let Ok(Ok(original)) = CheckRequest::decode(&*wire).map(|question| read(question, 100)) {
            prop_assert!(original.fault.is_some() || original.uri.path().starts_with('/'));
        }
    }
}

#[test]
fn hdr_03_a_name_that_cannot_be_overwritten_is_refused() {
    let http = HttpRequest { headers: [("x_trackgate_user".to_owned(), "root".to_owned())].into(), ..request() };
    let fault = read(question(http, "192.0.2.1"), 100).unwrap().fault;
    assert_eq!(fault.map(|why| why.reason), Some(Reason::BadRequest));
}

#[test]
fn hdr_01_empty_lines_are_kept_and_overwrite() {
    let mut headers = HeaderMap::new();
    headers.insert("x-trackgate-user", HeaderValue::from_static(""));
    headers.insert("x-request-id", HeaderValue::from_static("id"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    let Some(HttpResponse::Ok(ok)) = permitted(&headers).http_response else { panic!("it is permitted") };
    assert_eq!(ok.headers.len(), 2);
    assert!(
        ok.headers.iter().all(|option| option.keep_empty_value && option.append == Some(BoolValue { value: false }))
    );
}

#[tokio::test]
async fn a_refusal_goes_on_whole_and_is_never_consent() {
    let mut response = Response::new(Body::from("{}"));
    for challenge in ["Basic", "Bearer"] {
        response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    let answer = denied(response).await;
    assert_eq!(answer.status.unwrap().code, i32::from(Code::PermissionDenied), "although HTTP says 200");
    let Some(HttpResponse::Denied(denied)) = answer.http_response else { panic!("it is denied") };
    assert_eq!((denied.status.unwrap().code, denied.body.as_str()), (200, "{}"));
    let appended: Vec<_> = denied.headers.iter().map(|option| option.append.is_none()).collect();
    assert_eq!(appended, [false, true], "{:?}", denied.headers);
}
