//! The route table: from method, host and canonical path to the one route that answers.
//!
//! The most exact path wins; among routes of one path the first that fits method and host. The table is
//! built once and replaced whole.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use trackgate_schemes::{CanonicalPath, Reason, Rejection};

use crate::layer::{Dialect, Gate, PlainDialect};
use crate::proxy::{Sending, Upstream};
use crate::trackers::Handler;

/// What is answered for one kind of request, ready to run.
#[derive(Clone)]
pub struct Route {
    /// Its name in logs and explanations.
    pub name: Arc<str>,
    /// The methods that it takes; none for any.
    pub methods: Vec<Method>,
    /// The path with parameters in braces.
    pub path: String,
    /// The hosts for which it answers, lower case without port; none for any.
    pub hosts: Vec<String>,
    /// What stands before it.
    pub gate: Gate,
    /// Who answers.
    pub target: Target,
    /// The wording of its refusals.
    pub dialect: Arc<dyn Dialect>,
    /// Largest request body in bytes.
    pub max_body_bytes: u64,
    /// Whether it takes paths byte for byte.
    pub raw_path: bool,
}

/// Who answers.
#[derive(Clone)]
#[non_exhaustive]
pub enum Target {
    /// An upstream.
    Proxy {
        /// The upstream.
        upstream: Upstream,
        /// What the route sends on.
        sending: Arc<Sending>,
    },
    /// An in-process tracker's end point.
    Tracker(Arc<dyn Handler>),
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("name", &self.name)
            .field("methods", &self.methods)
            .field("path", &self.path)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proxy { upstream, .. } => write!(f, "upstream {}", upstream.name()),
            Self::Tracker(_) => f.write_str("tracker"),
        }
    }
}

/// All routes.
#[derive(Clone, Debug)]
pub struct RouteTable {
    routes: Vec<Route>,
    strict: matchit::Router<Vec<usize>>,
    raw: matchit::Router<Vec<usize>>,
    fallbacks: Vec<Fallback>,
}

/// Whose wording an unknown path gets when the request carries this header.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// The header that only this tracker's clients send.
    pub header: HeaderName,
    /// Its wording.
    pub dialect: Arc<dyn Dialect>,
}

/// Two routes whose paths cannot stand side by side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the route `{route}` cannot stand beside the others: {detail}")]
pub struct RouteError {
    route: Arc<str>,
    detail: String,
}

/// The route that answers, with the parameters of its path.
#[derive(Debug)]
pub struct Found<'a> {
    /// The route.
    pub route: &'a Route,
    /// Parameter names and values, decoded once.
    pub parameters: Vec<(Arc<str>, String)>,
    /// The path as matching, policy, logs and upstream see it.
    pub path: CanonicalPath<'a>,
}

/// A request that no route answers.
#[derive(Debug)]
pub struct Unrouted {
    /// Why.
    pub why: Rejection,
    /// The wording.
    pub dialect: Arc<dyn Dialect>,
    /// The methods that the path has, when only the method is at fault.
    pub allow: Option<HeaderValue>,
}

impl RouteTable {
    /// A table of these routes.
    ///
    /// # Errors
    ///
    /// [`RouteError`] if paths overlap in a way that has no most exact one.
    pub fn new(routes: Vec<Route>, fallbacks: Vec<Fallback>) -> Result<Self, RouteError> {
        let build = |raw: bool| {
            let mut shapes: HashMap<String, Vec<usize>> = HashMap::new();
            let mut order = Vec::new();
            for (index, route) in routes.iter().enumerate().filter(|(_, route)| route.raw_path == raw) {
                let shape = shape(&route.path);
                let known = shapes.entry(shape.clone()).or_default();
                if known.is_empty() {
                    order.push((shape, index));
                }
                known.push(index);
            }
            let mut router = matchit::Router::new();
            for (shape, index) in order {
                let here = shapes.remove(&shape).unwrap_or_default();
                router.insert(shape, here).map_err(|error| RouteError {
                    route: routes.get(index).map(|route| Arc::clone(&route.name)).unwrap_or_default(),
                    detail: error.to_string(),
                })?;
            }
            Ok(router)
        };
        let (strict, raw) = (build(false)?, build(true)?);
        Ok(Self { routes, strict, raw, fallbacks })
    }

    /// The same table with upstream connections of its own: one for each thread, so that work stays on it.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        let mut own = self.clone();
        for route in &mut own.routes {
            if let Target::Proxy { upstream, .. } = &mut route.target {
                *upstream = upstream.with_own_connections();
            }
        }
        own
    }

    /// All routes, in the order in which they were given.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The route that answers this request.
    ///
    /// # Errors
    ///
    /// [`Unrouted`] with the wording in which to say so.
    pub fn find<'a>(
        &'a self,
        method: &Method,
        host: Option<&str>,
        raw_path: &'a str,
        headers: &HeaderMap,
    ) -> Result<Found<'a>, Unrouted> {
        let strict = CanonicalPath::parse(raw_path);
        let (path, router) = match &strict {
            Ok(path) if self.strict.at(path.as_str()).is_ok() => (path.clone(), &self.strict),
            _ => match CanonicalPath::verbatim(raw_path) {
                Ok(path) if self.raw.at(path.as_str()).is_ok() => (path, &self.raw),
                _ => {
                    return Err(self.unrouted(
                        strict.err().map_or(Reason::NotFound, |_fault| Reason::BadPath),
                        raw_path,
                        headers,
                    ));
                }
            },
        };
        let (candidates, values) = match router.at(path.as_str()) {
            Ok(matched) => {
                let values = matched.params.iter().map(|(_, value)| decode(value)).collect::<Vec<_>>();
                (matched.value.as_slice(), values)
            }
            Err(_none) => return Err(self.unrouted(Reason::NotFound, raw_path, headers)),
        };
        let here =
            || candidates.iter().filter_map(|index| self.routes.get(*index)).filter(|route| fits_host(route, host));
        let exact = here().find(|route| takes(route, method));
        let found = exact
            .or_else(|| (*method == Method::HEAD).then(|| here().find(|route| takes(route, &Method::GET))).flatten());
        match found {
            Some(route) => {
                let parameters = parameter_names(&route.path).map(Arc::from).zip(values).collect();
                Ok(Found { route, parameters, path })
            }
            None => match here().next() {
                None => Err(self.unrouted(Reason::NotFound, raw_path, headers)),
                Some(first) => Err(Unrouted {
                    why: Rejection::new(Reason::MethodNotAllowed, GATEWAY),
                    dialect: Arc::clone(&first.dialect),
                    allow: allow(here()),
                }),
            },
        }
    }

    /// Why a route does not answer this request, for explanations; `None` if it could.
    pub fn why_not(route: &Route, method: &Method, host: Option<&str>, path: &str) -> Option<&'static str> {
        let mut alone = matchit::Router::new();
        if alone.insert(shape(&route.path), ()).is_err() || alone.at(path).is_err() {
            return Some("another path");
        }
        if !fits_host(route, host) {
            return Some("another host");
        }
        let head_as_get = *method == Method::HEAD && takes(route, &Method::GET);
        (!takes(route, method) && !head_as_get).then_some("another method")
    }

    /// The wording for a request that has no route: of the tracker whose header it carries, else of the
    /// routes with the most leading segments in common, else the plain one.
    pub fn nearest_dialect(&self, raw_path: &str, headers: &HeaderMap) -> Arc<dyn Dialect> {
        if let Some(fallback) = self.fallbacks.iter().find(|fallback| headers.contains_key(&fallback.header)) {
            return Arc::clone(&fallback.dialect);
        }
        let wanted: Vec<&str> = raw_path.split('/').skip(1).collect();
        let common = |route: &Route| {
            let own = route.path.split('/').skip(1);
            own.zip(&wanted).take_while(|(a, b)| a == *b && !a.is_empty()).count()
        };
        let nearest = self.routes.iter().map(|route| (common(route), route)).filter(|(common, _)| *common > 0);
        match nearest.reduce(|best, next| if next.0 > best.0 { next } else { best }) {
            Some((_, route)) => Arc::clone(&route.dialect),
            None => Arc::new(PlainDialect),
        }
    }

    fn unrouted(&self, reason: Reason, raw_path: &str, headers: &HeaderMap) -> Unrouted {
        Unrouted { why: Rejection::new(reason, GATEWAY), dialect: self.nearest_dialect(raw_path, headers), allow: None }
    }
}

/// A host as routes compare it: lower case, without port and final dot.
pub fn plain_host(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn takes(route: &Route, method: &Method) -> bool {
    route.methods.is_empty() || route.methods.contains(method)
}

fn fits_host(route: &Route, host: Option<&str>) -> bool {
    route.hosts.is_empty() || host.is_some_and(|host| route.hosts.iter().any(|own| own == host))
}

fn allow<'a>(routes: impl Iterator<Item = &'a Route>) -> Option<HeaderValue> {
    let mut methods: Vec<&str> = Vec::new();
    for method in routes.flat_map(|route| &route.methods).map(Method::as_str) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    HeaderValue::from_str(&methods.join(", ")).ok()
}

/// The path with parameters named by their place, so that one shape is one node whatever the names.
fn shape(path: &str) -> String {
    let mut place = 0;
    let segment = |segment: &str| {
        let (star, is_parameter) = (segment.starts_with("{*"), segment.starts_with('{') && !segment.starts_with("{{"));
        if !is_parameter {
            return segment.to_owned();
        }
        place += 1;
        format!("{{{}p{place}}}", if star { "*" } else { "" })
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn parameter_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.strip_prefix('*').unwrap_or(name))
    })
}

/// A parameter's value with its escapes decoded; it is UTF-8, or the path would not be canonical.
fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0);
                bytes.push(u8::try_from(digit(*high) << 4 | digit(*low)).unwrap_or(b'?'));
                rest = tail;
            }
            _ => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const GATEWAY: &str = "gateway";
