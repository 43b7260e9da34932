//! [`AuthLayer`] in front of a gRPC service: refusals become gRPC statuses by a dialect.
//!
//! The service is written by hand, so that the example needs no protobuf compiler; a generated one is
//! put behind the layer by `tonic::transport::Server::builder().layer(layer)`.
//!
//! ```text
//! cargo run --example tonic              asks itself some questions and ends
//! cargo run --example tonic -- --stay    goes on, for you and a client of yours
//! ```

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};
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
use tower::{Layer as _, service_fn};
use trackgate::layer::{AuthLayer, Dialect, Gate, Mode, Refusal};
use trackgate_policies::RequireGrants;
use trackgate_schemes::{Class, Identity};

#[path = "shared/mod.rs"]
mod shared;

use shared::{Base, Failed, PASSWORD, basic};

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let base = Base::new().await?;
    let policy = RequireGrants::new("points:write".parse()?);
    let gate = Gate::new(Mode::Required, base.schemes.clone(), vec![Arc::new(policy)]);
    let layer = AuthLayer::new(gate).with_dialect(Arc::new(GrpcDialect));

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("listening on {url}\nyour token is {}", base.token);
    tokio::spawn(serve(listener, layer));

    let rows = [
        (None, Err(Code::Unauthenticated)),
        (Some(basic("rider", "wrong")), Err(Code::Unauthenticated)),
        (Some(basic("rider", PASSWORD)), Ok("rider says hello".to_owned())),
        (Some(format!("Bearer {}", base.token)), Err(Code::PermissionDenied)),
    ];
    for (credential, expected) in rows {
        let shown = credential.as_deref().and_then(|text| text.split_once(' ')).map_or("nothing", |(scheme, _)| scheme);
        println!("\n/example.Talk/Say with {shown}");
        let said = say(&url, credential.as_deref(), "hello").await?;
        println!("  {said:?}");
        assert_eq!(said.map_err(|status| status.code()), expected);
    }
    shared::end().await
}

/// A refusal as gRPC tells it: HTTP 200, and the status in the headers.
#[derive(Debug)]
struct GrpcDialect;

impl Dialect for GrpcDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let code = match refusal.why.reason.class() {
            Class::BadCredential | Class::Unauthenticated => Code::Unauthenticated,
            Class::Denied => Code::PermissionDenied,
            Class::Request => Code::InvalidArgument,
            _ => Code::Unavailable,
        };
        let mut response = Status::new(code, code.description()).into_http();
        refusal.add_headers(response.headers_mut());
        response
    }
}

async fn serve(listener: TcpListener, layer: AuthLayer) -> Result<(), Failed> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        let service = TowerToHyperService::new(layer.layer(service_fn(talk)));
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

/// What `tonic-build` would write for a service of one method.
async fn talk(request: Request<Incoming>) -> Result<Response<tonic::body::Body>, Infallible> {
    Ok(match request.uri().path() {
        "/example.Talk/Say" => tonic::server::Grpc::new(Text).unary(service_fn(on_say), request).await,
        _ => Status::unimplemented("there is no such method").into_http(),
    })
}

/// The method itself: tonic hands on the extensions in which the layer put the identity.
async fn on_say(request: tonic::Request<String>) -> Result<tonic::Response<String>, Status> {
    let who = request.extensions().get::<Identity>().ok_or_else(|| Status::internal("nobody was let through"))?;
    Ok(tonic::Response::new(format!("{} says {}", who.name(), request.get_ref())))
}

/// Calls the method as a client.
async fn say(url: &str, credential: Option<&str>, text: &str) -> Result<Result<String, Status>, Failed> {
    let http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let mut client = tonic::client::Grpc::with_origin(http, url.parse()?);
    client.ready().await?;
    let mut request = tonic::Request::new(text.to_owned());
    if let Some(credential) = credential {
        request.metadata_mut().insert("authorization", credential.parse()?);
    }
    let path = PathAndQuery::from_static("/example.Talk/Say");
    Ok(client.unary(request, path, Text).await.map(tonic::Response::into_inner))
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
