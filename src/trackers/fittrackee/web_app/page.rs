//! One file of the application, with what browsers must know of it.

use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::encoding::{self, Coding};
use crate::trackers::served::tag_of;

#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) content_type: HeaderValue,
    pub(super) modified: SystemTime,
    /// For `Cache-Control`.
    pub(super) caching: &'static str,
    plain: Variant,
    brotli: Option<Variant>,
    gzip: Option<Variant>,
}

#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) bytes: Bytes,
    pub(super) tag: String,
}

impl Variant {
    fn of(bytes: Bytes) -> Self {
        Self { tag: tag_of(&bytes), bytes }
    }
}

impl Page {
    /// The file of this name below the folder.
    pub(super) fn new(name: &str, bytes: Bytes, modified: SystemTime) -> Self {
        let kind = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
        let content_type = match kind {
            text if text.starts_with("text/") => HeaderValue::try_from(format!("{text}; charset=utf-8")),
            other => HeaderValue::from_str(other).map_err(Into::into),
        };
        let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let caching = if is_hashed(name) { FOREVER } else { ASK_AGAIN };
        Self { content_type, modified, caching, plain: Variant::of(bytes), brotli: None, gzip: None }
    }

    /// With this file of the same name and `.br` or `.gz` behind it.
    pub(super) fn with(&mut self, coding: Coding, bytes: Bytes) {
        let variant = Some(Variant::of(bytes));
        match coding {
            Coding::Brotli => self.brotli = variant,
            Coding::Gzip => self.gzip = variant,
        }
    }

    pub(super) fn has_variants(&self) -> bool {
        self.brotli.is_some() || self.gzip.is_some()
    }

    /// The smallest that this request takes, with its name for `Content-Encoding`.
    pub(super) fn variant(&self, asked: &HeaderMap) -> (&Variant, Option<&'static str>) {
        for (coding, variant) in [(Coding::Brotli, &self.brotli), (Coding::Gzip, &self.gzip)] {
            if let Some(variant) = variant
                && encoding::takes(asked, coding)
            {
                return (variant, Some(coding.as_str()));
            }
        }
        (&self.plain, None)
    }
}

/// Whether a file's name changes with what is in it: below `static/` or `assets/`, eight characters of a hash at
/// its end, as bundlers write them. Others there, such as fonts, keep their names.
fn is_hashed(name: &str) -> bool {
    if !["static/", "assets/"].iter().any(|folder| name.starts_with(folder)) {
        return false;
    }
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let Some((before, hash)) = stem.len().checked_sub(HASH).and_then(|at| stem.split_at_checked(at)) else {
        return false;
    };
    before.ends_with(['-', '.'])
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && hash.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

const HASH: usize = 8;

const ASK_AGAIN: &str = "no-cache";
const FOREVER: &str = "public, max-age=31536000, immutable";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pth_10_only_names_with_a_hash_are_kept_without_asking() {
        for name in [
            "static/index-DDy7SB-Y.js",
            "static/css/index-B1RR-461.css",
            "static/fonts/pt-sans-v9-latin-700-BNHRiIhU.ttf",
            "assets/app.3f2a1b9c.js",
        ] {
            assert!(is_hashed(name), "{name}");
        }
        for name in [
            "index.html",
            "index-DDy7SB-Y.js",
            "img/index-DDy7SB-Y.js",
            "static/css/leaflet.css",
            "static/css/fork-awesome.min.css",
            "static/fonts/forkawesome-webfont.ttf",
            "static/app-settings.js",
            "static/DDy7SB-Y",
            "static/é-é-é-é-é.js",
            "static/",
        ] {
            assert!(!is_hashed(name), "{name}");
        }
    }

    #[test]
    fn each_kind_of_file_is_named() {
        for (name, kind) in [
            ("a/index.html", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.svg", "image/svg+xml"),
            ("a.woff2", "font/woff2"),
            ("a.json", "application/json"),
            ("a.what", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(Page::new(name, Bytes::new(), SystemTime::UNIX_EPOCH).content_type, kind, "{name}");
        }
    }
}
