//! The wording of a picture that is too large, also where the gateway sees it before the body is read.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use trackgate_schemes::Reason;

use super::fail;
use crate::layer::{Dialect, Refusal};
use crate::trackers::fittrackee::FitTrackeeDialect;

/// FitTrackee's wording, but for bodies over the limit of all bodies.
#[derive(Debug)]
pub(super) struct PictureDialect {
    inner: Arc<FitTrackeeDialect>,
    limit: u64,
}

impl PictureDialect {
    /// Bodies over `limit` bytes are refused by the gateway.
    pub(super) fn new(inner: Arc<FitTrackeeDialect>, limit: u64) -> Self {
        Self { inner, limit }
    }
}

impl Dialect for PictureDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        if refusal.why.reason != Reason::BodyTooLarge {
            return self.inner.render(refusal);
        }
        let declared = refusal.headers.and_then(|headers| headers.get(header::CONTENT_LENGTH));
        let declared = declared.and_then(|line| line.to_str().ok()?.parse().ok());
        let mut response = too_large(declared.unwrap_or(self.limit), self.limit);
        refusal.add_headers(response.headers_mut());
        response
    }
}

/// 413 with both sizes.
pub(super) fn too_large(size: u64, limit: u64) -> Response<Bytes> {
    let message = format!("Error during picture upload, file size ({}) exceeds {}.", size_text(size), size_text(limit));
    fail(StatusCode::PAYLOAD_TOO_LARGE, &message)
}

/// One decimal and a unit, in steps of 1024.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(super) fn size_text(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in [" bytes", "KB", "MB", "GB"] {
        if size < 1024.0 {
            return format!("{size:.1}{unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.1}TB")
}
