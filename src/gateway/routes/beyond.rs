//! What answers where no route does: a web application behind the paths of its API.

use std::sync::Arc;

use http::{HeaderMap, Method};
use trackgate_schemes::{CanonicalPath, PathFault, Reason, Rejection};

use super::matching::{decode, key};
use super::{Found, GATEWAY, Route, RouteTable, Target, Unrouted, allow, fits_host, takes};
use crate::trackers::Reach;

/// A route that answers no path of its own. It never stands before a route of any path, nor does it change which
/// route a path has.
#[derive(Clone, Debug)]
pub struct Beyond {
    /// What it answers instead.
    pub reach: Reach,
    /// The route.
    pub route: Route,
}

impl RouteTable {
    /// The same table with what answers beyond its routes.
    #[must_use]
    pub fn and_beyond(mut self, beyond: Vec<Beyond>) -> Self {
        self.beyond = beyond;
        self
    }

    /// Everything that answers, in the order in which it was given.
    pub fn all(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().chain(self.beyond.iter().map(|beyond| &beyond.route))
    }

    /// Who answers for a path that nobody has; `None` if that is as unknown as the path. A tracker that is known by
    /// its header words its own.
    pub(super) fn for_unknown<'a>(
        &'a self,
        method: &Method,
        host: Option<&str>,
        path: CanonicalPath<'a>,
        headers: &HeaderMap,
    ) -> Option<Result<Found<'a>, Unrouted>> {
        let elsewhere = || self.of(Reach::Elsewhere, host);
        let first = elsewhere().next()?;
        if self.known_by_header(headers) {
            return None;
        }
        Some(match elsewhere().find(|route| takes(route, method)) {
            Some(route) => Ok(found(route, path)),
            None => Err(Unrouted {
                why: Rejection::new(Reason::MethodNotAllowed, GATEWAY),
                dialect: self.nearest(path.as_str()).unwrap_or_else(|| Arc::clone(&first.dialect)),
                allow: allow(elsewhere(), []),
            }),
        })
    }

    /// Who answers `GET` and `HEAD` for a path whose routes, these, do not take them. What goes to an upstream is
    /// the upstream's.
    pub(super) fn for_page<'a>(
        &'a self,
        method: &Method,
        host: Option<&str>,
        here: impl Iterator<Item = &'a Route>,
    ) -> Option<&'a Route> {
        let is_page = *method == Method::GET || *method == Method::HEAD;
        if !is_page || here.into_iter().any(|route| !matches!(route.target, Target::Tracker(_))) {
            return None;
        }
        self.of(Reach::Elsewhere, host).find(|route| takes(route, method))
    }

    /// Who answers a path whose only fault is `//`: if the clean one is nobody's, or the same tracker's.
    pub(super) fn for_slashes<'a>(
        &'a self,
        host: Option<&str>,
        raw_path: &str,
        headers: &HeaderMap,
    ) -> Option<Found<'a>> {
        let route = self.of(Reach::DoubleSlash, host).next()?;
        if CanonicalPath::parse(raw_path) != Err(PathFault::EmptySegment) || self.known_by_header(headers) {
            return None;
        }
        let mut clean: String =
            raw_path.split('/').filter(|part| !part.is_empty()).flat_map(|part| ["/", part]).collect();
        if raw_path.ends_with('/') {
            clean.push('/');
        }
        let path = CanonicalPath::parse(&clean).ok()?.into_owned();
        let hit = self.paths.at(host, &key(path.as_str()));
        let mut theirs = hit.iter().flat_map(|hit| hit.routes).filter_map(|index| self.routes.get(*index));
        if theirs.any(|other| other.name != route.name) {
            return None;
        }
        let rest = path.as_str().trim_start_matches('/').to_owned();
        Some(Found { route, parameters: vec![("rest".into(), rest)], path })
    }

    fn of(&self, reach: Reach, host: Option<&str>) -> impl Iterator<Item = &Route> {
        let here = self.beyond.iter().filter(move |beyond| beyond.reach == reach).map(|beyond| &beyond.route);
        here.filter(move |route| fits_host(route, host))
    }

    fn known_by_header(&self, headers: &HeaderMap) -> bool {
        self.fallbacks.iter().any(|fallback| headers.contains_key(&fallback.header))
    }
}

/// This path, answered by a route beyond it.
pub(super) fn found<'a>(route: &'a Route, path: CanonicalPath<'a>) -> Found<'a> {
    let rest = decode(key(path.as_str()).trim_start_matches('/'));
    Found { route, parameters: vec![("rest".into(), rest)], path }
}
