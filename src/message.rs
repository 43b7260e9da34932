//! Requests and responses as they travel inside: one body type for what is read, made or streamed.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Limited};
use trackgate_schemes::{Reason, Rejection};

/// A request or response body: empty, whole in memory, or a stream.
#[derive(Debug, Default)]
pub struct Body(Kind);

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Whole(Bytes),
    Stream(UnsyncBoxBody<Bytes, BodyError>),
}

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body that arrives piece by piece.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self(Kind::Stream(body.map_err(Into::into).boxed_unsync()))
    }

    /// Whether all of it is in memory.
    pub fn is_whole(&self) -> bool {
        !matches!(self.0, Kind::Stream(_))
    }

    /// Reads all of it, up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooLarge`] beyond the limit; else what the stream says.
    pub async fn read(self, limit: u64) -> Result<Bytes, BodyError> {
        match self.0 {
            Kind::Empty => Ok(Bytes::new()),
            Kind::Whole(bytes) if bytes.len() as u64 > limit => Err(BodyError::TooLarge),
            Kind::Whole(bytes) => Ok(bytes),
            Kind::Stream(stream) => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                match Limited::new(stream, limit).collect().await {
                    Ok(whole) => Ok(whole.to_bytes()),
                    Err(error) => Err(match error.downcast::<BodyError>() {
                        Ok(error) => *error,
                        Err(_limit) => BodyError::TooLarge,
                    }),
                }
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Kind::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(stream) => Pin::new(stream).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => stream.size_hint(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The peer broke off or framed it wrongly.
    #[error("the body broke off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// It stood still for too long.
    #[error("the body did not arrive in time")]
    TimedOut,
    /// It is larger than the limit.
    #[error("the body is larger than the limit")]
    TooLarge,
}

impl BodyError {
    /// The reason of the rejection that it amounts to.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Broken(_) => Reason::BadRequest,
            Self::TimedOut => Reason::BodyTimeout,
            Self::TooLarge => Reason::BodyTooLarge,
        }
    }
}

impl From<hyper::Error> for BodyError {
    fn from(error: hyper::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<std::convert::Infallible> for BodyError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// A JSON response of this status; `text` is the body as it goes on the wire.
pub fn json(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A name or value of a form or query, decoded once: percent escapes, and `+` for a blank (URL Standard §5.1). `None`
/// for a bad escape or what is no UTF-8.
pub fn form_decoded(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' => b' ',
            byte => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Leaves in an answer why it refuses, for the log; nothing of that goes to the client.
pub fn because<B>(why: &Rejection, mut answer: Response<B>) -> Response<B> {
    answer.extensions_mut().insert(why.clone());
    answer
}
