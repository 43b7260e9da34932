//! gRPC through the gateway: HTTP/2 in clear text on both sides, trailers, and errors that are trailers alone.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::{Buf as _, BufMut as _};
use http::uri::PathAndQuery;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};
use tower::service_fn;

use super::{PUBLIC, route};
use crate::harness::{Inside, basic};

#[test]
fn a_grpc_call_goes_through_with_its_status_in_trailers() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let up = runtime.block_on(serve());
    let config = format!(
        "[upstreams.up]\nurls = [\"http://{up}\"]\nhttp = \"2\"\n{}",
        route("talk", "POST /example.Talk/{method}", "auth = [\"basic\"]")
            + &route("open", "POST /example.Open/{method}", PUBLIC)
    );
    let inside = Inside::start(&config);
    inside.account("rider");
    let url = format!("http://{}", inside.address());
    let login = basic("rider", "correct-horse");
    let login = login.strip_prefix("Authorization: ").unwrap();
    for _ in 0..3 {
        let said = runtime.block_on(say(&url, "/example.Talk/Say", Some(login), "hello"));
        assert_eq!(said.unwrap(), "rider says hello");
    }
    let failed = runtime.block_on(say(&url, "/example.Talk/Say", Some(login), "fail")).unwrap_err();
    assert_eq!((failed.code(), failed.message()), (Code::FailedPrecondition, "as asked"));
    let unknown = runtime.block_on(say(&url, "/example.Open/Nothing", None, "hello")).unwrap_err();
    assert_eq!(unknown.code(), Code::Unimplemented);
    // The gateway's own refusal is plain HTTP: an error, whatever a client makes of it.
    assert!(runtime.block_on(say(&url, "/example.Talk/Say", None, "hello")).is_err());
}

async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            let service = TowerToHyperService::new(service_fn(talk));
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                drop(server.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    address
}

async fn talk(request: Request<Incoming>) -> Result<Response<tonic::body::Body>, Infallible> {
    Ok(match request.uri().path() {
        "/example.Talk/Say" => tonic::server::Grpc::new(Text).unary(service_fn(on_say), request).await,
        _ => Status::unimplemented("there is no such method").into_http(),
    })
}

async fn on_say(request: tonic::Request<String>) -> Result<tonic::Response<String>, Status> {
    if request.get_ref() == "fail" {
        return Err(Status::failed_precondition("as asked"));
    }
    let who = request.metadata().get("x-trackgate-user").and_then(|who| who.to_str().ok()).unwrap_or("nobody");
    Ok(tonic::Response::new(format!("{who} says {}", request.get_ref())))
}

async fn say(url: &str, path: &'static str, login: Option<&str>, text: &str) -> Result<String, Status> {
    let http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mut client = tonic::client::Grpc::with_origin(http, url.parse().unwrap());
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(text.to_owned());
    if let Some(login) = login {
        request.metadata_mut().insert("authorization", login.parse().unwrap());
    }
    client.unary(request, PathAndQuery::from_static(path), Text).await.map(tonic::Response::into_inner)
}

/// Messages that are plain text, where others use protobuf.
#[derive(Clone, Copy)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, input: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = input.copy_to_bytes(input.remaining());
        String::from_utf8(bytes.into()).map(Some).map_err(|_| Status::invalid_argument("text is UTF-8"))
    }
}
