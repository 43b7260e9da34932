//! A look at XML before it is parsed: the parser takes time by the square of the depth and of the attributes
//! of an element, and the reader of tracks memory by the number of points.

/// Whether a text has no document type, and elements in a number and depth, and tags of a length, that a
/// track has. A text that is no XML may pass: that is for the parser to find out.
pub(super) fn is_modest(text: &str) -> bool {
    let (mut rest, mut depth, mut points) = (text, 0_usize, 0_usize);
    while let Some((_, tag)) = rest.split_once('<') {
        // What looks like tags in these is none.
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")].iter().find_map(|(start, end)| {
            let inside = tag.strip_prefix(start)?;
            Some(inside.split_once(end).map_or("", |(_, behind)| behind))
        });
        if let Some(behind) = skipped {
            rest = behind;
            continue;
        }
        // A document type, where alone entities are declared.
        if tag.starts_with('!') {
            return false;
        }
        let Some(length) = length(tag) else { return false };
        let Some((inside, behind)) = tag.split_at_checked(length) else { return false };
        rest = behind;
        if inside.starts_with('/') {
            depth = depth.saturating_sub(1);
            continue;
        }
        if !inside.ends_with("/>") {
            depth += 1;
        }
        let name = inside.split([' ', '\t', '\r', '\n', '/', '>']).next().unwrap_or_default();
        if name.ends_with("pt") {
            points += 1;
        }
        if depth > DEEPEST || points > MOST_POINTS {
            return false;
        }
    }
    true
}

/// The bytes of a tag, its `>` included; `None` if that are more than a tag has.
fn length(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate().take(LONGEST_TAG) {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

/// A point lies at a depth of four; extensions go a little deeper.
const DEEPEST: usize = 32;

/// In bytes. The longest tag of a track is the first, which names schemas.
const LONGEST_TAG: usize = 2048;

/// More than a file of the largest size that is taken has of those with a time.
const MOST_POINTS: usize = 30_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upl_09_depth_is_counted_whatever_hides_it() {
        let nested = |open: &str, times| open.repeat(times);
        assert!(is_modest(&nested("<a>", 32)) && !is_modest(&nested("<a>", 33)));
        assert!(is_modest(&nested("<a></a>", 1000)) && is_modest(&nested("<a/>", 1000)));
        for open in [
            "<a b=\"/>\">",
            "<a b='/>'>",
            "<a b=\">\" >",
            "<a b='\"' c=\"'/>\">",
            "<a><!--</a>-->",
            "<a><![CDATA[</a>]]>",
            "<a><?p </a>?>",
            "<a\n>",
        ] {
            assert!(!is_modest(&nested(open, 33)), "{open}");
        }
    }

    #[test]
    fn upl_09_long_tags_document_types_and_many_points_are_not_modest() {
        assert!(!is_modest(&format!("<a {}>", "b='' ".repeat(500))));
        assert!(!is_modest("<!DOCTYPE a>") && !is_modest("<!doctype a>") && !is_modest("<!ENTITY a 'b'>"));
        assert!(is_modest(&"<trkpt/>".repeat(30_000)) && !is_modest(&"<x:wpt lat='1'/>".repeat(30_001)));
        assert!(is_modest("") && is_modest("text") && is_modest("<!-- <!DOCTYPE a> -->"));
        assert!(!is_modest("<") && !is_modest("<a"));
    }
}
