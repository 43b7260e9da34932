//! The route table: from method, host and canonical path to the one route that answers.
//!
//! The most exact path wins; among routes of one path the first that fits method and host. The table is
//! built once and replaced whole.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use trackgate_schemes::{CanonicalPath, Reason, Rejection};

use crate::layer::{Dialect, Gate, PlainDialect};
use crate::proxy::{Sending, Upstream};
use crate::trackers::Handler;

mod beyond;
mod matching;
mod nearest;
#[cfg(test)]
mod tests;

pub use beyond::Beyond;
use matching::{Hit, Paths, key, parameter_names, shape};
use nearest::Nearest;

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
    /// Another proxy, which asks whether it may: no request comes here.
    ForwardAuth,
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
            Self::ForwardAuth => f.write_str("forward-auth"),
            Self::Proxy { upstream, .. } => write!(f, "upstream {}", upstream.name()),
            Self::Tracker(_) => f.write_str("tracker"),
        }
    }
}

/// All routes.
#[derive(Clone, Debug)]
pub struct RouteTable {
    routes: Vec<Route>,
    /// The names of the parameters in the path of each.
    names: Arc<[Box<[Arc<str>]>]>,
    paths: Arc<Paths>,
    nearest: Arc<Nearest>,
    fallbacks: Vec<Fallback>,
    beyond: Vec<Beyond>,
}

/// Whose wording an unknown path gets when the request carries this header.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// The header that only this tracker's clients send.
    pub header: HeaderName,
    /// Its wording.
    pub dialect: Arc<dyn Dialect>,
}

/// A route that no request reaches, since routes before it answer them all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no request reaches the route `{route}`: {} before it answer them all", taken_by.join(", "))]
pub struct RouteError {
    route: Arc<str>,
    taken_by: Vec<String>,
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
    /// [`RouteError`] for a route that no request reaches.
    pub fn new(routes: Vec<Route>, fallbacks: Vec<Fallback>) -> Result<Self, RouteError> {
        if let Some(error) = unreachable(&routes) {
            return Err(error);
        }
        let names = routes.iter().map(|route| parameter_names(&route.path).map(Arc::from).collect()).collect();
        let (paths, nearest) = (Arc::new(Paths::new(&routes)), Arc::new(Nearest::new(&routes)));
        Ok(Self { paths, nearest, names, routes, fallbacks, beyond: Vec::new() })
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
        let unread = if strict.is_ok() { Reason::NotFound } else { Reason::BadPath };
        let unrouted = |reason| self.unrouted(reason, raw_path, headers);
        let path = strict.clone().or_else(|_fault| CanonicalPath::verbatim(raw_path));
        let path = path.map_err(|_fault| unrouted(Reason::BadPath))?;
        let hit = self.paths.at(host, &key(path.as_str()));
        let is_raw = |hit: &Hit<'_>| self.at(hit.routes).any(|route| route.raw_path);
        if strict.is_err()
            && !hit.as_ref().is_some_and(is_raw)
            && let Some(found) = self.for_slashes(host, raw_path, headers)
        {
            return Ok(found);
        }
        let Some(hit) = hit else {
            let beyond = if strict.is_ok() { self.for_unknown(method, host, path, headers) } else { None };
            return beyond.unwrap_or_else(|| Err(unrouted(unread)));
        };
        let routes = hit.routes;
        let here = || self.at(routes);
        let of = |method| {
            let all = routes.iter().filter_map(|index| Some((self.routes.get(*index)?, self.names.get(*index)?)));
            { all }.find(|(route, _)| takes(route, method))
        };
        let found = of(method).or_else(|| if *method == Method::HEAD { of(&Method::GET) } else { None });
        match found {
            // The most exact route decides, not a wider one behind it that would take it byte for byte.
            Some((route, _)) if strict.is_err() && !route.raw_path => Err(unrouted(Reason::BadPath)),
            None if strict.is_err() && !here().any(|route| route.raw_path) => Err(unrouted(Reason::BadPath)),
            Some((route, names)) => {
                let parameters = names.iter().cloned().zip(hit.values).collect();
                let verbatim = route.raw_path.then(|| CanonicalPath::verbatim(raw_path).ok()).flatten();
                Ok(Found { route, parameters, path: verbatim.unwrap_or(path) })
            }
            None => match self.for_page(method, host, here()) {
                Some(page) => Ok(beyond::found(page, path)),
                None => Err(self.wrong_method(host, routes)),
            },
        }
    }

    /// The routes of a pattern.
    fn at<'a>(&'a self, routes: &'a [usize]) -> impl Iterator<Item = &'a Route> {
        routes.iter().filter_map(|index| self.routes.get(*index))
    }

    fn wrong_method(&self, host: Option<&str>, routes: &[usize]) -> Unrouted {
        let first = self.at(routes).next();
        Unrouted {
            why: Rejection::new(Reason::MethodNotAllowed, GATEWAY),
            dialect: first.map_or_else(|| Arc::new(PlainDialect) as _, |first| Arc::clone(&first.dialect)),
            allow: self.allowed(host, routes),
        }
    }

    /// The methods of a pattern, with those that a page behind it answers.
    fn allowed(&self, host: Option<&str>, routes: &[usize]) -> Option<HeaderValue> {
        let pages = [Method::GET, Method::HEAD];
        let pages = pages.iter().filter(|method| self.for_page(method, host, self.at(routes)).is_some());
        allow(self.at(routes), pages)
    }

    /// The methods of a path, for the refusal of one that no path takes: `Allow` must be there, and may be
    /// empty (RFC 9110 sections 10.2.1 and 15.5.6).
    pub fn methods_at(&self, host: Option<&str>, raw_path: &str) -> HeaderValue {
        let path = CanonicalPath::parse(raw_path).or_else(|_fault| CanonicalPath::verbatim(raw_path)).ok();
        let hit = path.and_then(|path| self.paths.at(host, &key(path.as_str())));
        let Some(hit) = hit else { return HeaderValue::from_static("") };
        if self.at(hit.routes).any(|route| route.methods.is_empty()) {
            return HeaderValue::from_static(ANY_METHOD);
        }
        self.allowed(host, hit.routes).unwrap_or(HeaderValue::from_static(""))
    }

    /// Why a route does not answer this request, for explanations; `None` if it could.
    pub fn why_not(route: &Route, method: &Method, host: Option<&str>, raw_path: &str) -> Option<&'static str> {
        let strict = CanonicalPath::parse(raw_path);
        let Ok(path) = strict.clone().or_else(|_fault| CanonicalPath::verbatim(raw_path)) else {
            return Some("the path has no one reading");
        };
        let alone = Route { hosts: Vec::new(), ..route.clone() };
        if Paths::new(&[alone]).at(None, &key(path.as_str())).is_none() {
            return Some("another path");
        }
        if strict.is_err() && !route.raw_path {
            return Some("the path has no one reading, and the route takes none byte for byte");
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
        self.nearest(raw_path).unwrap_or_else(|| Arc::new(PlainDialect))
    }

    /// The wording of the routes with the most leading segments in common, if there are any.
    fn nearest(&self, raw_path: &str) -> Option<Arc<dyn Dialect>> {
        self.nearest.to(raw_path).and_then(|index| self.routes.get(index)).map(|route| Arc::clone(&route.dialect))
    }

    fn unrouted(&self, reason: Reason, raw_path: &str, headers: &HeaderMap) -> Unrouted {
        Unrouted { why: Rejection::new(reason, GATEWAY), dialect: self.nearest_dialect(raw_path, headers), allow: None }
    }
}

/// A host as routes compare it: lower case, without port and final dot.
pub fn plain_host(authority: &str) -> Cow<'_, str> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_end_matches('.');
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

/// The first name all of whose routes stand behind others that answer the same requests. A part of them may:
/// so an operator puts a route of their own in the place of one end point of a tracker.
fn unreachable(routes: &[Route]) -> Option<RouteError> {
    let mut of_shape = HashMap::<String, Vec<&Route>>::new();
    let mut names: Vec<&Arc<str>> = Vec::new();
    // Who takes a route's requests; only those of its shape that stand before it can.
    let mut taken = HashMap::<&Arc<str>, Vec<Option<Vec<Arc<str>>>>>::new();
    for route in routes {
        let earlier = of_shape.entry(shape(&route.path)).or_default();
        let of_name = taken.entry(&route.name).or_default();
        if of_name.is_empty() {
            names.push(&route.name);
        }
        of_name.push(takers(route, earlier));
        earlier.push(route);
    }
    for name in names {
        if let Some(takers) = taken.remove(name).and_then(|taken| taken.into_iter().collect::<Option<Vec<_>>>()) {
            let mut takers: Vec<String> = takers.concat().into_iter().map(|name| format!("`{name}`")).collect();
            takers.sort_unstable();
            takers.dedup();
            return Some(RouteError { route: Arc::clone(name), taken_by: takers });
        }
    }
    None
}

/// The names of those earlier routes of its shape that together take every request from `own`; `None` if some are left.
fn takers(own: &Route, earlier: &[&Route]) -> Option<Vec<Arc<str>>> {
    let earlier: Vec<&&Route> = earlier.iter().filter(|other| other.name != own.name).collect();
    let hosts = own.hosts.iter().map(Some).chain(own.hosts.is_empty().then_some(None));
    let methods = || own.methods.iter().map(Some).chain(own.methods.is_empty().then_some(None));
    let requests = hosts.flat_map(|host| methods().map(move |method| (host, method)));
    let taker = |(host, method): (Option<&String>, Option<&Method>)| {
        let taker = earlier.iter().find(|other| {
            let takes = method.map_or(other.methods.is_empty(), |method| takes(other, method));
            takes && host.map_or(other.hosts.is_empty(), |host| fits_host(other, Some(host)))
        });
        taker.map(|taker| Arc::clone(&taker.name))
    };
    requests.map(taker).collect()
}

fn takes(route: &Route, method: &Method) -> bool {
    route.methods.is_empty() || route.methods.contains(method)
}

fn fits_host(route: &Route, host: Option<&str>) -> bool {
    route.hosts.is_empty() || host.is_some_and(|host| route.hosts.iter().any(|own| own == host))
}

/// The methods of a path, and more. `HEAD` is answered wherever a `GET` is, but a tracker's contract names its
/// methods.
fn allow<'a>(
    routes: impl Iterator<Item = &'a Route>,
    more: impl IntoIterator<Item = &'a Method>,
) -> Option<HeaderValue> {
    let of_route = |route: &'a Route| {
        let implied = !matches!(route.target, Target::Tracker(_)) && route.methods.contains(&Method::GET);
        route.methods.iter().chain(implied.then_some(&Method::HEAD))
    };
    let mut methods: Vec<&str> = Vec::new();
    for method in routes.flat_map(of_route).chain(more).map(Method::as_str) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    HeaderValue::from_str(&methods.join(", ")).ok()
}

/// What a route takes that names no methods, as far as there are names for it.
const ANY_METHOD: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

const GATEWAY: &str = "gateway";
