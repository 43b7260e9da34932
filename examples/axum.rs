//! [`AuthLayer`] in front of an axum router: HTTP Basic or an API token, and a grant for each method.
//!
//! ```text
//! cargo run --example axum              asks itself some questions and ends
//! cargo run --example axum -- --stay    goes on, for you and curl
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use axum::{Extension, Router};
use trackgate::layer::{AuthLayer, Gate, Mode};
use trackgate_policies::RequireGrants;
use trackgate_schemes::Identity;

#[path = "shared/mod.rs"]
mod shared;
#[path = "shared/web.rs"]
mod web;

use shared::{Base, Failed};

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let base = Base::new().await?;
    let router = Router::new()
        .route("/points", get(read).layer(wanting("points:read", &base)?))
        .route("/points", post(write).layer(wanting("points:write", &base)?))
        // Behind no layer: open to everybody.
        .route("/ping", get(async || "pong"));

    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("listening on {url}\nyour token is {}", base.token);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await });

    web::ask_all(&url, &base).await?;
    assert_eq!(web::ask(http::Method::GET, &format!("{url}/ping"), None).await?, http::StatusCode::OK);
    shared::end().await
}

/// A layer that lets through whoever one of the schemes knows and who has this grant.
fn wanting(grant: &str, base: &Base) -> Result<AuthLayer, Failed> {
    let policy = RequireGrants::new(grant.parse()?);
    let gate = Gate::new(Mode::Required, base.schemes.clone(), vec![Arc::new(policy)]);
    // axum puts the client's address into a type of its own.
    Ok(AuthLayer::new(gate)
        .with_client(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())))
}

async fn read(Extension(who): Extension<Identity>) -> String {
    format!("{} reads, known by {}", who.name(), who.scheme())
}

async fn write(Extension(who): Extension<Identity>) -> String {
    format!("{} writes, known by {}", who.name(), who.scheme())
}
