//! What an upstream gets in place of a path: whole segments of the path as it was judged, never decoded again.

use std::collections::HashMap;

use trackgate_schemes::{CanonicalPath, PathFault};

/// Makes one canonical path of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// All segments from this one on, slashes between them.
    Rest(usize),
    /// The segment at this place.
    Segment(usize),
    /// As written.
    Text(Box<str>),
}

impl Rewrite {
    /// Takes `prefix` off the paths that `pattern` matches.
    ///
    /// # Errors
    ///
    /// Words for the operator, if not every such path begins with it.
    pub(super) fn without(prefix: &str, pattern: &str) -> Result<Self, String> {
        let bare = prefix.strip_suffix('/').unwrap_or(prefix);
        is_canonical(bare)?;
        let segments = bare.split('/').skip(1);
        let count = segments.clone().count();
        if count == 0 || !pattern.split('/').skip(1).take(count).eq(segments) {
            return Err(format!("not every path that matches `{pattern}` begins with `{prefix}`"));
        }
        Ok(Self { pieces: vec![Piece::Rest(count)] })
    }

    /// Puts the parameters of `pattern` into `template`, such as `/new/{rest}`.
    ///
    /// # Errors
    ///
    /// Words for the operator.
    pub(super) fn of(template: &str, pattern: &str) -> Result<Self, String> {
        let mut known = HashMap::new();
        for (place, segment) in pattern.split('/').skip(1).enumerate() {
            if let Some(name) = parameter(segment) {
                let is_rest = segment.starts_with("{*");
                known.insert(name, if is_rest { Piece::Rest(place) } else { Piece::Segment(place) });
            }
        }
        let Some(inside) = template.strip_prefix('/') else {
            return Err(format!("`{template}` does not begin with a slash"));
        };
        let mut pieces = Vec::new();
        let mut segments = inside.split('/').peekable();
        while let Some(segment) = segments.next() {
            let Some(name) = parameter(segment) else {
                if segment.contains(['{', '}']) {
                    return Err(format!("a parameter is a whole segment, such as {{id}}; `{segment}` is not"));
                }
                if segment.is_empty() && segments.peek().is_some() {
                    return Err(format!("`{template}` has an empty segment"));
                }
                is_canonical(&format!("/{segment}"))?;
                pieces.push(Piece::Text(segment.into()));
                continue;
            };
            let Some(piece) = known.get(name) else {
                return Err(format!("`{pattern}` has no parameter `{{{name}}}`"));
            };
            if matches!(piece, Piece::Rest(_)) && segments.peek().is_some() {
                return Err(format!("`{{{name}}}` may be empty, so it can only stand at the end"));
            }
            pieces.push(piece.clone());
        }
        Ok(Self { pieces })
    }

    /// The path in place of `path`, which is one that the route's pattern matches.
    ///
    /// # Errors
    ///
    /// [`PathFault`] if that is not canonical again: no such case is known, and none may pass.
    pub fn apply(&self, path: &CanonicalPath<'_>) -> Result<CanonicalPath<'static>, PathFault> {
        let mut made = String::with_capacity(path.as_str().len());
        for piece in &self.pieces {
            made.push('/');
            match piece {
                Piece::Rest(first) => made.push_str(path.as_str().splitn(first + 2, '/').nth(first + 1).unwrap_or("")),
                Piece::Segment(place) => made.push_str(path.as_str().split('/').nth(place + 1).unwrap_or("")),
                Piece::Text(text) => made.push_str(text),
            }
        }
        let canonical = CanonicalPath::parse(&made)?;
        if canonical.as_str() == made { Ok(canonical.into_owned()) } else { Err(PathFault::BadEscape) }
    }
}

/// The name of a parameter, `*` or not.
fn parameter(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_prefix('*').unwrap_or(name))
}

fn is_canonical(path: &str) -> Result<(), String> {
    if path.contains('?') {
        return Err(format!("`{path}` has a query; a request's own query goes on as it is"));
    }
    let canonical = CanonicalPath::parse(path).map_err(|fault| format!("`{path}`: {fault}"))?;
    if canonical.as_str() == path { Ok(()) } else { Err(format!("write `{path}` as `{canonical}`")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn applied(rewrite: &Rewrite, path: &str) -> String {
        rewrite.apply(&CanonicalPath::parse(path).unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_prefix_is_taken_off() {
        let rewrite = Rewrite::without("/old/api", "/old/api/{*rest}").unwrap();
        for (path, sent) in [("/old/api/", "/"), ("/old/api/a/%2Bb/", "/a/%2Bb/"), ("/old/%61pi/x%25y", "/x%25y")] {
            assert_eq!(applied(&rewrite, path), sent, "{path}");
        }
        let whole = Rewrite::without("/old/", "/old").unwrap();
        assert_eq!([applied(&whole, "/old"), applied(&whole, "/old/")], ["/", "/"]);
        for (prefix, pattern) in
            [("/", "/a"), ("", "/a"), ("/a", "/ab/{id}"), ("/a/b", "/a/{id}"), ("a", "/a"), ("/a/../b", "/a")]
        {
            assert!(Rewrite::without(prefix, pattern).is_err(), "{prefix} {pattern}");
        }
    }

    #[test]
    fn parameters_go_where_the_template_has_them() {
        let pattern = "/users/{id}/files/{*rest}";
        for (template, sent) in [
            ("/new/{rest}", "/new/a/b%20c"),
            ("/{*rest}", "/a/b%20c"),
            ("/f/{id}/{rest}", "/f/x%2By/a/b%20c"),
            ("/{id}/{id}", "/x%2By/x%2By"),
            ("/fixed/", "/fixed/"),
            ("/", "/"),
        ] {
            let rewrite = Rewrite::of(template, pattern).unwrap();
            assert_eq!(applied(&rewrite, "/users/x%2By/files/a/b%20c"), sent, "{template}");
        }
        let rewrite = Rewrite::of("/new/{rest}", pattern).unwrap();
        assert_eq!(applied(&rewrite, "/users/7/files/"), "/new/");
        for template in
            ["new", "/{rest}/x", "/{other}", "/a{id}", "/a//b", "/../x", "/%61", "/{id", "/a;b", "/{rest}/", "/?x"]
        {
            assert!(Rewrite::of(template, pattern).is_err(), "{template}");
        }
    }

    proptest! {
        #[test]
        fn pth_12_a_path_that_is_rewritten_is_canonical_and_keeps_its_segments(
            id in "([ -~]|%[0-9a-fA-F]{2}){1,8}", rest in "([ -~]|%[0-9a-fA-F]{2}){0,16}",
        ) {
            let text = format!("/old/{id}/{rest}");
            let Ok(path) = CanonicalPath::parse(&text) else { return Ok(()) };
            let (id, rest) = path.as_str().strip_prefix("/old/").unwrap().split_once('/').unwrap();
            let pattern = "/old/{id}/{*rest}";
            for (rewrite, sent) in [
                (Rewrite::without("/old", pattern), format!("/{id}/{rest}")),
                (Rewrite::of("/new/{rest}", pattern), format!("/new/{rest}")),
                (Rewrite::of("/{id}/new/{id}/{rest}", pattern), format!("/{id}/new/{id}/{rest}")),
            ] {
                let made = rewrite.unwrap().apply(&path).unwrap();
                prop_assert_eq!(made.as_str(), sent.as_str());
                let again = CanonicalPath::parse(&sent).unwrap();
                prop_assert_eq!(again.as_str(), sent.as_str());
            }
        }
    }
}
