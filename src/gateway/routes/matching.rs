//! From a host and a path to the routes of the most exact pattern.
//!
//! Patterns and paths are compared in one form, their *key*, in which visible ASCII is never escaped: whoever
//! writes `/%40me` for `/@me` stands before the same route, as before the same page of the upstream.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Route;

/// Patterns of all routes: once for each host that a route names, and once for all others.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    of_host: HashMap<String, Node>,
    elsewhere: Node,
}

/// What may come behind the segments that lead here.
#[derive(Clone, Debug, Default)]
struct Node {
    texts: HashMap<Box<str>, Self>,
    parameter: Option<Box<Self>>,
    rest: Option<End>,
    end: Option<End>,
}

/// The routes of one pattern, in order.
#[derive(Clone, Debug)]
struct End {
    shape: Arc<str>,
    routes: Vec<usize>,
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
    pub(super) fn new(routes: &[Route]) -> Self {
        let hosts: HashSet<&String> = routes.iter().flat_map(|route| &route.hosts).collect();
        let here = |host: &String| Node::of(routes, |route| route.hosts.is_empty() || route.hosts.contains(host));
        Self {
            of_host: hosts.into_iter().map(|host| (host.clone(), here(host))).collect(),
            elsewhere: Node::of(routes, |route| route.hosts.is_empty()),
        }
    }

    /// What answers `key` on this host, which is in the form of [`plain_host`](super::plain_host).
    pub(super) fn at(&self, host: Option<&str>, key: &str) -> Option<Hit<'_>> {
        let paths = host.and_then(|host| self.of_host.get(host)).unwrap_or(&self.elsewhere);
        let (mut end, mut values) = paths.find(key)?;
        // A slash at the end is no way around a route: many servers do not see it.
        if let Some(bare) = key.strip_suffix('/')
            && let Some(without) = paths.find(bare)
            && is_more_exact(&without.0.shape, &end.shape)
        {
            (end, values) = without;
        }
        Some(Hit { routes: &end.routes, values: values.into_iter().map(decode).collect() })
    }
}

impl Node {
    fn of(routes: &[Route], here: impl Fn(&Route) -> bool) -> Self {
        let mut root = Self::default();
        for (index, route) in routes.iter().enumerate().filter(|(_, route)| here(route)) {
            let shape = shape(&route.path);
            root.end_of(shape.split('/').skip(1))
                .get_or_insert_with(|| End { shape: shape.as_str().into(), routes: Vec::new() })
                .routes
                .push(index);
        }
        root
    }

    fn end_of<'a>(&mut self, mut segments: impl Iterator<Item = &'a str>) -> &mut Option<End> {
        match segments.next() {
            None => &mut self.end,
            Some(segment) if is_rest(segment) => &mut self.rest,
            Some(segment) if is_parameter(segment) => self.parameter.get_or_insert_default().end_of(segments),
            Some(segment) => self.texts.entry(segment.into()).or_default().end_of(segments),
        }
    }

    /// The end of the most exact pattern, with the values of its parameters.
    fn find<'a>(&self, key: &'a str) -> Option<(&End, Vec<&'a str>)> {
        let mut values = Vec::new();
        let end = self.walk(key.strip_prefix('/'), &mut values)?;
        Some((end, values))
    }

    /// Looks at no node twice, since all ways to it are equally long: the time is bounded by the patterns.
    fn walk<'a>(&self, left: Option<&'a str>, values: &mut Vec<&'a str>) -> Option<&End> {
        let Some(left) = left else { return self.end.as_ref() };
        let (segment, behind) = left.split_once('/').map_or((left, None), |(one, behind)| (one, Some(behind)));
        if let Some(end) = self.texts.get(segment).and_then(|node| node.walk(behind, values)) {
            return Some(end);
        }
        let known = values.len();
        if let Some(node) = self.parameter.as_ref().filter(|_| !segment.is_empty()) {
            values.push(segment);
            if let Some(end) = node.walk(behind, values) {
                return Some(end);
            }
            values.truncate(known);
        }
        values.extend(self.rest.as_ref().map(|_| left));
        self.rest.as_ref()
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
pub(super) fn decode(value: &str) -> String {
    if !value.contains('%') {
        return value.to_owned();
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if let (b'%', [high, low, tail @ ..]) = (byte, tail) {
            let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0);
            bytes.push(u8::try_from(digit(*high) << 4 | digit(*low)).unwrap_or(b'?'));
            rest = tail;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
