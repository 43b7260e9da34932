//! Envoy's questions over gRPC: `envoy.service.auth.v3.Authorization/Check`.
//!
//! A refusal goes on to the client as it is, also one that the route's dialect words with 200: Envoy takes consent
//! from another field.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::original::{Fault, Named, Original};
use super::{Answered, Answering, Asking};
use crate::gateway::Peer;
use crate::message::{Body, BodyError};

mod messages;
#[cfg(test)]
mod tests;

use messages::{
    BoolValue, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderLine, HeaderValueOption, HttpRequest,
    HttpResponse, HttpStatus, OkHttpResponse, RpcStatus,
};

/// Whether Envoy asks, over gRPC.
pub(super) fn is_question(request: &Request<Body>) -> bool {
    request.uri().path() == CHECK
}

/// Answers a call.
pub(super) async fn answer(
    answering: &Answering,
    asking: &Asking,
    request: Request<Body>,
    peer: &Peer,
) -> Response<Body> {
    let mut grpc = Grpc::new(ProstCodec::<CheckResponse, CheckRequest>::default());
    let response = grpc.unary(Check { answering, asking, peer }, request).await;
    response.map(|body| Body::stream(Framed(body)))
}

/// The method, for one call.
struct Check<'a> {
    answering: &'a Answering,
    asking: &'a Asking,
    peer: &'a Peer,
}

impl<'a> UnaryService<CheckRequest> for Check<'a> {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<CheckResponse>, Status>> + Send + 'a>>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let Self { answering, asking, peer } = *self;
        Box::pin(async move {
            let response = match read(request.into_inner(), answering.target_bytes) {
                Ok(original) => {
                    let Answered { why, response } = answering.judge(asking, &original, peer).await;
                    if why.is_none() { permitted(response.headers()) } else { denied(response).await }
                }
                Err(fault) => denied(answering.complain(peer, fault)).await,
            };
            Ok(tonic::Response::new(response))
        })
    }
}

/// The original request.
///
/// # Errors
///
/// [`Fault::Unreadable`] if it, or the address of its client, is not there.
fn read(question: CheckRequest, target_bytes: usize) -> Result<Original, Fault> {
    let attributes = question.attributes.ok_or(Fault::Unreadable)?;
    let source = attributes.source.and_then(|source| source.address).ok_or(Fault::Unreadable)?;
    let http = attributes.request.and_then(|request| request.http).ok_or(Fault::Unreadable)?;
    if http.path.is_empty() || http.method.is_empty() || http.host.is_empty() {
        return Err(Fault::Unreadable);
    }
    // A client on a Unix socket has no address.
    let client = source.socket_address.and_then(|place| place.address.parse::<IpAddr>().ok());
    let headers = headers(&http).ok_or(Fault::Unreadable)?;
    let named = Named { method: http.method.as_bytes(), target: http.path.as_bytes(), host: http.host.as_bytes() };
    Ok(Original::new(named, headers, client.map(|client| client.to_canonical()), target_bytes))
}

/// The header lines, without those that only HTTP/2 has; `None` if they are none that HTTP allows.
fn headers(http: &HttpRequest) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &[u8]| {
        if !name.starts_with(':') {
            headers
                .try_append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?)
                .ok()?;
        }
        Some(())
    };
    for line in http.header_map.iter().flat_map(|lines| &lines.headers) {
        add(&line.key, if line.raw_value.is_empty() { line.value.as_bytes() } else { &line.raw_value })?;
    }
    for (name, value) in &http.headers {
        add(name, value.as_bytes())?;
    }
    Some(headers)
}

fn permitted(headers: &HeaderMap) -> CheckResponse {
    let ours = |name: &HeaderName| name.as_str().starts_with("x-trackgate-") || name.as_str() == "x-request-id";
    let headers = headers.iter().filter(|(name, _)| ours(name)).map(|(name, value)| option(name, value, Line::Only));
    CheckResponse {
        status: Some(RpcStatus { code: Code::Ok.into(), message: String::new() }),
        http_response: Some(HttpResponse::Ok(OkHttpResponse { headers: headers.collect() })),
    }
}

async fn denied(response: Response<Body>) -> CheckResponse {
    let (parts, body) = response.into_parts();
    let is_of_message = |name: &HeaderName| matches!(*name, header::CONNECTION | header::CONTENT_LENGTH);
    let mut headers: Vec<HeaderValueOption> = Vec::new();
    for name in parts.headers.keys().filter(|name| !is_of_message(name)) {
        for (index, value) in parts.headers.get_all(name).iter().enumerate() {
            headers.push(option(name, value, if index == 0 { Line::Only } else { Line::Further }));
        }
    }
    let body = body.read(BODY_BYTES).await.unwrap_or_default();
    let code = match parts.status {
        StatusCode::BAD_REQUEST => Code::InvalidArgument,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        status if status.is_server_error() => Code::Unavailable,
        _ => Code::PermissionDenied,
    };
    CheckResponse {
        status: Some(RpcStatus { code: code.into(), message: "refused".to_owned() }),
        http_response: Some(HttpResponse::Denied(DeniedHttpResponse {
            status: Some(HttpStatus { code: parts.status.as_u16().into() }),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })),
    }
}

/// Where a header line stands among those of its name.
#[derive(Clone, Copy, Debug)]
enum Line {
    Further,
    Only,
}

fn option(name: &HeaderName, value: &HeaderValue, line: Line) -> HeaderValueOption {
    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
    HeaderValueOption {
        header: Some(HeaderLine { key: name.as_str().to_owned(), value, raw_value: Vec::new() }),
        append: match line {
            Line::Further => None,
            Line::Only => Some(BoolValue { value: false }),
        },
        keep_empty_value: true,
    }
}

/// tonic's body as one of ours, trailers and all.
struct Framed(tonic::body::Body);

impl http_body::Body for Framed {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.0).poll_frame(context);
        polled.map(|frame| frame.map(|frame| frame.map_err(|status| BodyError::Broken(status.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The longest refusal that goes on.
const BODY_BYTES: u64 = 64 * 1024;
