//! From a path that no route answers to the route that is most like it.

use std::collections::HashMap;

use super::Route;

/// What routes begin with, segment by segment: so an unknown path costs no more with many routes.
#[derive(Debug, Default)]
pub(super) struct Nearest {
    behind: HashMap<Box<str>, Self>,
    /// The first route that begins like this.
    first: usize,
}

impl Nearest {
    pub(super) fn new(routes: &[Route]) -> Self {
        let mut root = Self::default();
        for (index, route) in routes.iter().enumerate() {
            let mut node = &mut root;
            for segment in segments(&route.path) {
                if !node.behind.contains_key(segment) {
                    node.behind.insert(segment.into(), Self { first: index, ..Self::default() });
                }
                node = node.behind.get_mut(segment).expect("it was put there");
            }
        }
        root
    }

    /// The first of the routes with the most leading segments in common, if there are any.
    pub(super) fn to(&self, raw_path: &str) -> Option<usize> {
        let (mut node, mut nearest) = (self, None);
        for segment in segments(raw_path) {
            let Some(next) = node.behind.get(segment) else { break };
            (node, nearest) = (next, Some(next.first));
        }
        nearest
    }
}

/// Up to the first empty one.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1).take_while(|segment| !segment.is_empty())
}
