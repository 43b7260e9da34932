//! What the gateway says of itself to everybody: the keys that check its assertions.

use std::sync::Arc;

use http::{HeaderValue, Method, Response, StatusCode, header};

use super::routes::{Route, Target};
use crate::layer::{Gate, Mode, PlainDialect};
use crate::message::{self, Body};
use crate::proxy::AssertionKey;
use crate::trackers::Call;

/// The route to the JWK set (RFC 7517) of the key that signs assertions.
pub fn well_known(key: &Arc<AssertionKey>) -> Route {
    let set = key.jwks();
    let handler = move |_call: Call| {
        let mut response = message::json(StatusCode::OK, set.clone());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
        let response: Response<Body> = response.map(Body::from);
        std::future::ready(response)
    };
    let reason = "public keys: upstreams check assertions by them";
    Route {
        name: "assertion-keys".into(),
        methods: vec![Method::GET],
        path: "/.well-known/trackgate/jwks.json".to_owned(),
        hosts: Vec::new(),
        gate: Gate::new(Mode::Public { reason: reason.into() }, Vec::new(), Vec::new()),
        target: Target::Tracker(Arc::new(handler)),
        dialect: Arc::new(PlainDialect),
        max_body_bytes: 0,
        raw_path: false,
    }
}
