//! Envoy's questions, by a tonic client.

use http::uri::PathAndQuery;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::CONFIG;
use crate::harness::{Inside, basic};

#[path = "../../../src/gateway/forward_auth/grpc/messages.rs"]
mod messages;

use messages::{
    Address, AttributeContext, AttributedRequest, CheckRequest, CheckResponse, HttpRequest, HttpResponse,
    SocketAddress, Source,
};

fn start(more: &str) -> Inside {
    Inside::start(&CONFIG.replacen("[forward_auth]", &format!("[forward_auth]\ngrpc = \"127.0.0.1:0\"\n{more}"), 1))
}

fn check(inside: &Inside, target: &str, headers: &[(&str, &str)]) -> Result<CheckResponse, Status> {
    let http = HttpRequest {
        method: "GET".to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        path: target.to_owned(),
        host: "a.example".to_owned(),
        header_map: None,
    };
    let address = SocketAddress { address: "198.51.100.7".to_owned() };
    let source = Source { address: Some(Address { socket_address: Some(address) }) };
    let attributes = AttributeContext { source: Some(source), request: Some(AttributedRequest { http: Some(http) }) };
    call(inside, CheckRequest { attributes: Some(attributes) })
}

fn call(inside: &Inside, question: CheckRequest) -> Result<CheckResponse, Status> {
    let url = format!("http://{}", inside.gateway().forward_auth_addresses()[1]);
    inside.wait(async move {
        let http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let mut client = tonic::client::Grpc::with_origin(http, url.parse().unwrap());
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/envoy.service.auth.v3.Authorization/Check");
        let codec = ProstCodec::<CheckRequest, CheckResponse>::default();
        let answer = client.unary(tonic::Request::new(question), path, codec).await;
        answer.map(tonic::Response::into_inner)
    })
}

fn code(answer: &CheckResponse) -> i32 {
    answer.status.as_ref().unwrap().code
}

fn authorization(name: &str, password: &str) -> String {
    basic(name, password).split_once(": ").unwrap().1.to_owned()
}

#[test]
fn envoy_is_told_who_is_asking() {
    let inside = start("");
    inside.account("rider");
    let right = authorization("rider", "correct-horse");
    let answer = check(&inside, "/riders/a?b=c", &[("authorization", &right), (":path", "/riders/a?b=c")]).unwrap();
    assert_eq!(code(&answer), 0);
    let Some(HttpResponse::Ok(ok)) = answer.http_response else { panic!("{answer:?}") };
    let value = |name: &str| {
        let mut lines = ok.headers.iter().filter_map(|option| option.header.as_ref()).filter(|line| line.key == name);
        let line = lines.next().unwrap_or_else(|| panic!("no {name} in {ok:?}"));
        assert!(lines.next().is_none(), "{name} twice");
        line.value.clone()
    };
    assert_eq!((value("x-trackgate-user").as_str(), value("x-trackgate-service").as_str()), ("rider", ""));
    assert_eq!(value("x-trackgate-assertion").split('.').count(), 3);
    assert!(!value("x-request-id").is_empty());
    assert!(ok.headers.iter().all(|option| option.keep_empty_value));
}

#[test]
fn envoy_passes_refusals_on_as_they_are() {
    let inside = start("");
    for (target, rpc, status) in [
        ("/riders/a", Code::Unauthenticated, 401),
        ("/nothing", Code::PermissionDenied, 404),
        ("/riders/../maybe", Code::InvalidArgument, 400),
        ("/riders/%2e%2e/maybe", Code::InvalidArgument, 400),
        ("/projects", Code::PermissionDenied, 200),
    ] {
        let answer = check(&inside, target, &[]).unwrap();
        assert_eq!(code(&answer), i32::from(rpc), "{target}");
        let Some(HttpResponse::Denied(denied)) = answer.http_response else { panic!("{answer:?}") };
        assert_eq!(denied.status.unwrap().code, status, "{target}");
        assert!(denied.body.contains("\"error"), "{target}: {}", denied.body);
        let challenges =
            denied.headers.iter().filter(|option| option.header.as_ref().unwrap().key == "www-authenticate");
        assert_eq!(challenges.count(), if status == 401 { 2 } else { 0 }, "{target}");
    }
}

#[test]
fn ord_02_two_credentials_that_envoy_joins_are_refused() {
    let inside = start("");
    inside.account("rider");
    let right = authorization("rider", "correct-horse");
    let both = format!("{right},{right}");
    assert_eq!(
        code(&check(&inside, "/riders/a", &[("authorization", &both)]).unwrap()),
        i32::from(Code::Unauthenticated)
    );
}

#[test]
fn net_only_listed_peers_may_call() {
    let inside = start("peers = [\"192.0.2.0/24\"]");
    assert!(check(&inside, "/maybe", &[]).is_err());
}

#[test]
fn a_call_without_a_request_is_no_consent() {
    let inside = start("");
    let answer = call(&inside, CheckRequest::default()).unwrap();
    assert_eq!(code(&answer), i32::from(Code::InvalidArgument));
    assert!(matches!(answer.http_response, Some(HttpResponse::Denied(_))));
}
