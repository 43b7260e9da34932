//! What pages load: one style, one script, one picture, all in the binary.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, header};

use crate::message::Body;
use crate::served::{Served, tag_of};

/// One of them, under a name that changes with its bytes: whoever has it never asks again.
#[derive(Debug)]
pub(super) struct Asset {
    /// Its path.
    pub(super) path: String,
    content_type: &'static str,
    bytes: &'static [u8],
}

/// All of them.
#[derive(Debug)]
pub(super) struct Assets {
    pub(super) logo: Asset,
    pub(super) script: Asset,
    pub(super) style: Asset,
}

/// The assets of this binary.
pub(super) fn assets() -> &'static Assets {
    static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
        logo: Asset::new("logo", "svg", "image/svg+xml", include_bytes!("assets/logo.svg")),
        script: Asset::new("script", "js", "text/javascript; charset=utf-8", include_bytes!("assets/script.js")),
        style: Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("assets/style.css")),
    });
    &ASSETS
}

impl Assets {
    /// The one of this name in the folder; `None` also for one of another version.
    pub(super) fn find(&self, name: &str) -> Option<&Asset> {
        let own = |asset: &&Asset| asset.path.strip_prefix(FOLDER) == Some(name);
        [&self.logo, &self.script, &self.style].into_iter().find(own)
    }
}

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let tag = tag_of(bytes);
        let tag = tag.trim_matches('"');
        Self { path: format!("{FOLDER}{name}-{tag}.{extension}"), content_type, bytes }
    }

    /// The answer to a request for it.
    pub(super) fn answer(&self, method: &Method, asked: &HeaderMap, now: std::time::SystemTime) -> Response<Body> {
        let content_type = HeaderValue::from_static(self.content_type);
        let served = Served::whole(content_type, Bytes::from_static(self.bytes), tag_of(self.bytes), None);
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        served
            .with(header::CACHE_CONTROL, forever)
            // Opened as a page, none of them does anything.
            .with(header::CONTENT_SECURITY_POLICY, NOTHING)
            .answer(method, asked, now)
    }
}

/// The folder that they stand in.
pub(super) const FOLDER: &str = "/account/assets/";
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");
