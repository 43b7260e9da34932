//! From a host and a path to the routes of the most exact pattern.
//!
//! Patterns and paths are compared in one form, their *key*, in which visible ASCII is never escaped: whoever
//! writes `/%40me` for `/@me` stands before the same route, as before the same page of the upstream.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use matchit::Router;

use super::{Route, RouteError};

/// Patterns of all routes: once for each host that a route names, and once for all others.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    of_host: HashMap<String, Router<Node>>,
    elsewhere: Router<Node>,
}

/// The routes of one pattern, in order.
#[derive(Clone, Debug)]
struct Node {
    shape: Arc<str>,
    routes: Arc<[usize]>,
}

/// The pattern that a path matches.
#[derive(Debug)]
pub(super) struct Hit<'a> {
    /// Its routes, in the order in which they were given.
    pub(super) routes: &'a [usize],
    /// The values of its parameters, decoded once.
    pub(super) values: Vec<String>,
}

impl Paths {
    /// # Errors
    ///
    /// [`RouteError`] if two patterns overlap and neither is more exact.
    pub(super) fn new(routes: &[Route]) -> Result<Self, RouteError> {
        let mut of_host = HashMap::new();
        for host in routes.iter().flat_map(|route| &route.hosts) {
            if !of_host.contains_key(host) {
                let here = |route: &Route| route.hosts.is_empty() || route.hosts.contains(host);
                of_host.insert(host.clone(), router(routes, here)?);
            }
        }
        Ok(Self { of_host, elsewhere: router(routes, |route| route.hosts.is_empty())? })
    }

    /// What answers `key` on this host, which is in the form of [`plain_host`](super::plain_host).
    pub(super) fn at(&self, host: Option<&str>, key: &str) -> Option<Hit<'_>> {
        let router = host.and_then(|host| self.of_host.get(host)).unwrap_or(&self.elsewhere);
        let mut matched = router.at(key).ok()?;
        // A slash at the end is no way around a route: many servers do not see it.
        if let Some(bare) = key.strip_suffix('/')
            && let Ok(without) = router.at(bare)
            && is_more_exact(&without.value.shape, &matched.value.shape)
        {
            matched = without;
        }
        let mut values: Vec<String> = matched.params.iter().map(|(_, value)| decode(value)).collect();
        // Nothing behind the last slash is a rest, too.
        values.resize(parameter_names(&matched.value.shape).count(), String::new());
        Some(Hit { routes: &matched.value.routes, values })
    }
}

/// The key of a path; see the top of this file.
pub(super) fn key(path: &str) -> Cow<'_, str> {
    if !path.contains(['%', '{', '}']) {
        return Cow::Borrowed(path);
    }
    let mut key = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(letter) = rest.chars().next() {
        let (escape, plain) = rest.split_at_checked(3).unwrap_or((rest, ""));
        let byte = escape.strip_prefix('%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            // Those stay apart: `%` so that nothing is decoded twice, the slashes so that segments stay, the
            // braces so that no path looks like a pattern.
            Some(byte) if byte.is_ascii_graphic() && !matches!(byte, b'%' | b'/' | b'\\' | b'{' | b'}') => {
                key.push(char::from(byte));
            }
            Some(_) => key.push_str(&escape.to_ascii_uppercase()),
            None => {
                match letter {
                    '{' => key.push_str("%7B"),
                    '}' => key.push_str("%7D"),
                    letter => key.push(letter),
                }
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
                continue;
            }
        }
        rest = plain;
    }
    Cow::Owned(key)
}

/// A pattern with its parameters named by their place, so that one shape is one node whatever the names, and
/// all else in the form of a key.
pub(super) fn shape(pattern: &str) -> String {
    let mut place = 0;
    let segment = |segment: &str| {
        if !is_parameter(segment) {
            return key(segment).into_owned();
        }
        place += 1;
        format!("{{{}p{place}}}", if is_rest(segment) { "*" } else { "" })
    };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}

pub(super) fn parameter_names(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('/').filter(|segment| is_parameter(segment)).map(|name| name.trim_matches(['{', '}', '*']))
}

fn router(routes: &[Route], here: impl Fn(&Route) -> bool) -> Result<Router<Node>, RouteError> {
    let mut nodes: Vec<(String, Vec<usize>)> = Vec::new();
    for (index, route) in routes.iter().enumerate().filter(|(_, route)| here(route)) {
        let shape = shape(&route.path);
        match nodes.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, known)) => known.push(index),
            None => nodes.push((shape, vec![index])),
        }
    }
    let mut router = Router::new();
    let mut insert = |at: &str, shape: &str, here: &[usize]| {
        router.insert(at, Node { shape: shape.into(), routes: here.into() }).map_err(|error| {
            let first = |here: &[usize]| here.first().and_then(|index| routes.get(*index));
            let with = match &error {
                matchit::InsertError::Conflict { with } => nodes.iter().find(|(shape, _)| shape == with),
                _ => None,
            };
            RouteError::new(first(here), with.and_then(|(_, here)| first(here)), &error)
        })
    };
    for (shape, here) in &nodes {
        insert(shape, shape, here)?;
    }
    for (shape, here) in &nodes {
        let folder = shape.split_once("{*").map(|(folder, _rest)| folder);
        if let Some(folder) = folder.filter(|folder| !nodes.iter().any(|(shape, _)| shape == folder)) {
            insert(folder, shape, here)?;
        }
    }
    Ok(router)
}

/// Whether the first pattern says more than the second in the first segment in which they differ.
fn is_more_exact(one: &str, other: &str) -> bool {
    let openness = |segment: &str| u8::from(is_parameter(segment)) + u8::from(is_rest(segment));
    let pairs = one.split('/').zip(other.split('/')).map(|(one, other)| (openness(one), openness(other)));
    pairs.into_iter().find(|(one, other)| one != other).is_some_and(|(one, other)| one < other)
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

fn is_rest(segment: &str) -> bool {
    segment.starts_with("{*")
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
