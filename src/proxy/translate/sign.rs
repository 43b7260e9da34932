//! How an upstream says that a session is over, or that a password is wrong.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

pub use crate::config::checked::Sign;
use crate::message::{Body, BodyError};

impl Sign {
    /// Whether bodies must be looked at.
    pub(super) fn is_in_bodies(&self) -> bool {
        self.pointer.is_some() || self.text.is_some()
    }

    /// Whether a whole answer bears it.
    pub(super) fn is_in(&self, status: StatusCode, body: &[u8]) -> bool {
        self.statuses.contains(&status) || self.is_in_body(body)
    }

    /// Whether an answer bears it, and the answer itself.
    ///
    /// A body is looked at when it can be JSON (or text, for a text), and at most its first [`PEEKED`] bytes: refusals
    /// are short. What comes piece by piece is not held up for longer than [`PATIENCE`] behind its first piece.
    pub(super) async fn read(&self, answer: Response<Body>) -> (bool, Response<Body>) {
        if self.statuses.contains(&answer.status()) {
            return (true, answer);
        }
        if !self.is_in_bodies() || !self.may_be_in(answer.headers(), answer.body()) {
            return (false, answer);
        }
        let (parts, body) = answer.into_parts();
        let (start, body) = peek(body).await;
        let is_there = start.is_some_and(|whole| self.is_in_body(&whole));
        (is_there, Response::from_parts(parts, body))
    }

    fn is_in_body(&self, body: &[u8]) -> bool {
        let has_text = |text: &String| body.windows(text.len()).any(|window| window == text.as_bytes());
        let has_value = |(pointer, wanted): &(String, Option<Value>)| {
            let json: Option<Value> = serde_json::from_slice(body).ok();
            let there = json.as_ref().and_then(|json| json.pointer(pointer));
            there.is_some_and(|there| wanted.as_ref().is_none_or(|wanted| wanted == there))
        };
        self.text.as_ref().is_some_and(has_text) || self.pointer.as_ref().is_some_and(has_value)
    }

    fn may_be_in(&self, headers: &HeaderMap, body: &Body) -> bool {
        let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
        let kind = kind.as_deref().unwrap_or(b"application/json");
        let holds = |word: &[u8]| kind.windows(word.len()).any(|window| window == word);
        let is_read = holds(b"json") || (self.text.is_some() && holds(b"text/") && !holds(b"event-stream"));
        is_read && !body.is_end_stream() && body.size_hint().lower() <= PEEKED && !is_coded(headers)
    }
}

/// Whether the body is compressed.
fn is_coded(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The whole of a short body, and the body as if nothing had been read of it.
async fn peek(mut body: Body) -> (Option<Vec<u8>>, Body) {
    let (mut seen, mut frames) = (Vec::new(), VecDeque::new());
    let mut deadline = None;
    loop {
        let frame = match deadline {
            None => body.frame().await,
            Some(deadline) => match timeout_at(deadline, body.frame()).await {
                Ok(frame) => frame,
                Err(_late) => return (None, Body::stream(Reread { frames, rest: body })),
            },
        };
        deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
        let Some(frame) = frame else {
            return (Some(seen), Body::stream(Reread { frames, rest: Body::empty() }));
        };
        let is_over = match &frame {
            Ok(frame) => {
                seen.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                seen.len() as u64 > PEEKED
            }
            Err(_broken) => true,
        };
        frames.push_back(frame);
        if is_over {
            return (None, Body::stream(Reread { frames, rest: body }));
        }
    }
}

/// What was read of a body, then the rest.
struct Reread {
    frames: VecDeque<Result<Frame<Bytes>, BodyError>>,
    rest: Body,
}

impl http_body::Body for Reread {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let data = |frame: &Result<Frame<Bytes>, _>| frame.as_ref().ok()?.data_ref().map(Bytes::len);
        let seen = self.frames.iter().filter_map(data).sum::<usize>() as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(seen + upper);
        }
        hint.set_lower(seen + rest.lower());
        hint
    }
}

/// Bytes of an answer that are looked at.
const PEEKED: u64 = 16 << 10;

/// How long the rest of a short answer may take.
const PATIENCE: Duration = Duration::from_millis(500);
