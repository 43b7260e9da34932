//! [`AuthLayer`] in front of a plain tower service, served by hyper: no framework at all.
//!
//! ```text
//! cargo run --example tower              asks itself some questions and ends
//! cargo run --example tower -- --stay    goes on, for you and curl
//! ```

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _, service_fn};
use trackgate::layer::{AuthLayer, Gate, Mode};
use trackgate_policies::{All, Any, Methods, Networks, RequireGrants};
use trackgate_schemes::Identity;

#[path = "shared/mod.rs"]
mod shared;
#[path = "shared/web.rs"]
mod web;

use shared::{Base, Failed};

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let base = Base::new().await?;
    let near: Networks = "127.0.0.0/8 ::1".parse()?;
    // One service for all methods: whoever reads needs the one grant, whoever writes the other.
    let reading = All::new([
        Arc::new(Methods::new([Method::GET])) as _,
        Arc::new(RequireGrants::new("points:read".parse()?)) as _,
    ]);
    let writing = Arc::new(RequireGrants::new("points:write".parse()?));
    let rules = Any::new([Arc::new(reading) as _, writing as _]);
    let gate = Gate::new(Mode::Required, base.schemes.clone(), vec![Arc::new(near), Arc::new(rules)]);
    let layer = AuthLayer::new(gate);

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("listening on {url}\nyour token is {}", base.token);
    tokio::spawn(serve(listener, layer));

    web::ask_all(&url, &base).await?;
    shared::end().await
}

async fn serve(listener: TcpListener, layer: AuthLayer) -> Result<(), Failed> {
    loop {
        let (stream, peer) = listener.accept().await?;
        // The policy about networks wants to know from where a request comes.
        let service = layer.layer(service_fn(answer)).map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        });
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            if let Err(error) = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

/// Only reached with a permit; who that was issued for stands in the extensions.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = match request.extensions().get::<Identity>() {
        Some(who) => format!("{} sent {}, known by {}", who.name(), request.method(), who.scheme()),
        None => unreachable!("the layer lets nobody through without an identity"),
    };
    Ok(Response::new(Full::from(text)))
}
