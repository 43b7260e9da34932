//! The page: a shell that is the same for every name, in the reader's language, and the files that it loads.
//!
//! Nothing of a rider is in it, so that it tells nobody who is registered or private. Its files carry a digest of
//! all of them in their path and are kept for ever; the page itself is asked for each time.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::event;
use crate::message::Body;
use crate::served::{Served, tag_of};

/// The page and its files.
#[derive(Debug)]
pub(super) struct Page {
    /// By language; the rider's name is missing.
    shells: Vec<(&'static str, String)>,
    /// The part of the path that changes with the files.
    version: String,
    policy: HeaderValue,
    referrer: HeaderValue,
}

/// A file of the page.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

impl Page {
    /// A page that shows rides of the last `window`, on tiles from `tile_url` if there is one.
    pub(super) fn new(window: Duration, tile_url: Option<&str>) -> Self {
        let all: String = ASSETS.iter().flat_map(|asset| [asset.name, "\0", asset.text, "\0"]).collect();
        let version: String =
            tag_of(all.as_bytes()).chars().filter(char::is_ascii_alphanumeric).take(VERSION).collect();
        let shell = |(language, words): &(&'static str, &str)| {
            let words = words.trim();
            let named = words_of(words);
            let mut text = SHELL.to_owned();
            for (key, word) in &named {
                text = text.replace(&format!("{{{{word.{key}}}}}"), &escaped(word));
            }
            let text = text
                .replace("{{language}}", language)
                .replace("{{assets}}", &format!("{ASSETS_PATH}/{version}"))
                .replace("{{hours}}", &event::hours(window).to_string())
                .replace("{{tiles}}", &escaped(tile_url.unwrap_or_default()))
                .replace("{{words}}", &escaped(words));
            (*language, text)
        };
        let shells = LANGUAGES.iter().map(shell).collect();
        let tiles = tile_url.and_then(origin_of);
        let (image_sources, referrer) = match &tiles {
            // Who gives tiles wants to know for whom; the path with the rider's name stays here.
            Some(origin) => (format!("'self' {origin}"), "strict-origin"),
            None => ("'self'".to_owned(), "no-referrer"),
        };
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src {image_sources}; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
        );
        let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { shells, version, policy, referrer: HeaderValue::from_static(referrer) }
    }

    /// The page of this name, which has the form of one.
    pub(super) fn of(&self, name: &str, asked: &HeaderMap) -> Response<Bytes> {
        let language = language(asked);
        let shell = self.shells.iter().find(|(known, _)| *known == language).or(self.shells.first());
        let text = shell.map(|(_, text)| text.replace("{{name}}", &escaped(name))).unwrap_or_default();
        let mut response = html(StatusCode::OK, text);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(header::REFERRER_POLICY, self.referrer.clone());
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
        headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        response
    }

    /// A file of the page; `None` if there is none of this name, or not in this version.
    pub(super) fn asset(
        &self,
        version: &str,
        name: &str,
        method: &Method,
        asked: &HeaderMap,
        now: SystemTime,
    ) -> Option<Response<Body>> {
        let asset = ASSETS.iter().find(|asset| asset.name == name).filter(|_| version == self.version)?;
        let bytes = Bytes::from_static(asset.text.as_bytes());
        let served =
            Served::whole(HeaderValue::from_static(asset.content_type), bytes, tag_of(asset.text.as_bytes()), None)
                .with(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        Some(served.answer(method, asked, now))
    }
}

/// What stands where a name has not the form of one (contract section 5).
pub(super) fn not_found() -> Response<Bytes> {
    html(StatusCode::NOT_FOUND, "<h1>User Not Found</h1>".to_owned())
}

fn html(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The language that a reader likes best among those there are (RFC 9110 section 12.5.4); the first if none.
fn language(asked: &HeaderMap) -> &'static str {
    let lines = asked.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    let mut best: (&'static str, f32) = (LANGUAGES[0].0, 0.0);
    for item in lines.flat_map(|line| line.split(',')) {
        let (range, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        let primary = range.trim().split('-').next().unwrap_or_default();
        let known = LANGUAGES.iter().find(|(language, _)| language.eq_ignore_ascii_case(primary));
        if let Some((language, _)) = known
            && weight > best.1
        {
            best = (language, weight);
        }
    }
    best.0
}

/// Texts by key.
fn words_of(json: &str) -> Vec<(String, String)> {
    let words: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).expect("a test reads them all");
    words.into_iter().filter_map(|(key, word)| Some((key, word.as_str()?.to_owned()))).collect()
}

/// `scheme://host:port` of a URL.
fn origin_of(url: &str) -> Option<String> {
    let url: http::Uri = url.replace(['{', '}'], "").parse().ok()?;
    Some(format!("{}://{}", url.scheme_str()?, url.authority()?))
}

/// Text in markup, between quotes too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Where the files are.
pub(super) const ASSETS_PATH: &str = "/watch-assets";

/// Characters of the version.
const VERSION: usize = 16;

const SHELL: &str = include_str!("page/page.html");

/// The first is for those who read none of them.
const LANGUAGES: [(&str, &str); 2] = [("en", include_str!("page/en.json")), ("de", include_str!("page/de.json"))];

const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: [Asset; 9] = [
    Asset { name: "icon.svg", content_type: "image/svg+xml", text: include_str!("page/icon.svg") },
    Asset { name: "page.css", content_type: "text/css; charset=utf-8", text: include_str!("page/page.css") },
    Asset { name: "map.js", content_type: SCRIPT, text: include_str!("page/map.js") },
    Asset { name: "page.js", content_type: SCRIPT, text: include_str!("page/page.js") },
    Asset { name: "plots.js", content_type: SCRIPT, text: include_str!("page/plots.js") },
    Asset { name: "ride.js", content_type: SCRIPT, text: include_str!("page/ride.js") },
    Asset { name: "source.js", content_type: SCRIPT, text: include_str!("page/source.js") },
    Asset { name: "values.js", content_type: SCRIPT, text: include_str!("page/values.js") },
    Asset { name: "words.js", content_type: SCRIPT, text: include_str!("page/words.js") },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn liked(line: &'static str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(line));
        language(&headers)
    }

    #[test]
    fn the_language_is_the_one_liked_best() {
        assert_eq!(language(&HeaderMap::new()), "en");
        let all =
            ["de", "de-AT,en;q=0.5", "en;q=0.3, de;q=0.4", "fr, de;q=0.1", "fr", "en,de", "de;q=0", "de;q=x", "*"];
        assert_eq!(all.map(liked), ["de", "de", "de", "de", "en", "en", "en", "en", "en"]);
    }

    #[test]
    fn every_language_has_every_text_and_no_more() {
        let keys = |json| words_of(json).into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>();
        let first = keys(LANGUAGES[0].1);
        assert!(first.len() > 20);
        for (language, words) in LANGUAGES {
            assert_eq!(keys(words), first, "{language}");
            assert!(words_of(words).iter().all(|(_, word)| !word.trim().is_empty()), "{language}");
        }
    }

    #[test]
    fn every_placeholder_is_filled_and_every_text_is_used() {
        let page = Page::new(Duration::from_hours(8), Some("https://tiles.example.org/{z}/{x}/{y}.png"));
        for (language, shell) in &page.shells {
            let rest = shell.replace("{{name}}", "rider");
            assert!(!rest.contains("{{"), "{language}");
        }
        let scripts: String = ASSETS.iter().map(|asset| asset.text).collect();
        for (key, _) in words_of(LANGUAGES[0].1) {
            let is_composed = ["end_", "state_"].iter().any(|start| key.starts_with(start))
                || ["_text", "_title"].iter().any(|end| key.ends_with(end));
            let used = SHELL.contains(&format!("{{{{word.{key}}}}}")) || scripts.contains(&format!("\"{key}\""));
            assert!(used || is_composed, "{key} is nowhere");
        }
    }

    #[test]
    fn web_05_the_policy_names_this_host_and_that_of_the_tiles_alone() {
        let plain = Page::new(Duration::from_hours(8), None);
        let policy = plain.policy.to_str().unwrap();
        assert!(policy.contains("img-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        let tiled = Page::new(Duration::from_hours(8), Some("https://tiles.example.org:8443/{z}/{x}/{y}.png?k=1"));
        assert!(tiled.policy.to_str().unwrap().contains("img-src 'self' https://tiles.example.org:8443;"));
        assert_eq!(
            (plain.referrer.to_str().unwrap(), tiled.referrer.to_str().unwrap()),
            ("no-referrer", "strict-origin")
        );
    }

    #[test]
    fn web_04_web_05_the_page_has_no_script_of_its_own_and_makes_no_markup() {
        assert_eq!(SHELL.matches("<script").count(), 1);
        assert!(SHELL.contains("<script type=\"module\" src=\"{{assets}}/page.js\"></script>"));
        for asset in ASSETS {
            for forbidden in
                ["https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "Function(", ".style ="]
            {
                assert!(!asset.text.contains(forbidden), "{}: {forbidden}", asset.name);
            }
        }
        assert!(!SHELL.contains("style=\"") && !SHELL.contains("onclick"));
    }
}
