//! Tables with so many routes.

use std::future::ready;
use std::sync::Arc;

use http::{Method, Response};
use trackgate::gateway::{Route, RouteTable, Target};
use trackgate::layer::{Gate, Mode, PlainDialect};
use trackgate::message::Body;
use trackgate::trackers::Call;

/// Nine fixed paths for each path with two parameters. All routes have one name: whether a route can be reached is
/// looked up for each name among all routes before it, which is no matter of this bench.
pub(crate) fn table(routes: usize) -> RouteTable {
    let path = |n: usize| if n % 10 == 5 { format!("/area{n}/{{name}}/point/{{id}}") } else { fixed(n) };
    RouteTable::new((0..routes).map(|n| route("one", &path(n))).collect(), Vec::new()).unwrap()
}

/// The paths that are asked for: of the first route, the last one, the last with parameters, and of none.
pub(crate) fn asked(routes: usize) -> [(&'static str, String); 4] {
    let last_with_parameters = routes - 5;
    [
        ("first", fixed(0)),
        ("last", fixed(routes - 1)),
        ("parameters", format!("/area{last_with_parameters}/rider/point/17")),
        ("none", format!("/area{last_with_parameters}/rider/points/17")),
    ]
}

fn fixed(n: usize) -> String {
    format!("/area{n}/sessions/list")
}

pub(crate) fn route(name: &str, path: &str) -> Route {
    Route {
        name: name.into(),
        methods: vec![Method::POST],
        path: path.to_owned(),
        hosts: Vec::new(),
        gate: Gate::new(Mode::Required, Vec::new(), Vec::new()),
        target: Target::Tracker(Arc::new(|_call: Call| ready(Response::new(Body::empty())))),
        dialect: Arc::new(PlainDialect),
        max_body_bytes: 0,
        raw_path: false,
    }
}
