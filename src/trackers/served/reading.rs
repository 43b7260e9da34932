//! A body that is read from a file piece by piece, as the client takes it.

use std::fmt;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::message::BodyError;
use crate::ports::Contents;

/// Reads one piece at a time on a blocking thread, and none while the client does not ask: a slow one holds no
/// thread, and one that leaves ends it.
pub(super) struct Reading {
    state: State,
    left: u64,
}

enum State {
    Between(Box<dyn Contents>),
    Busy(JoinHandle<io::Result<(Box<dyn Contents>, Bytes)>>),
    Done,
}

impl Reading {
    /// Reads `len` bytes from this place on.
    pub(super) fn new(contents: Box<dyn Contents>, from: SeekFrom, len: u64) -> Self {
        let state = if len == 0 { State::Done } else { Self::read(contents, Some(from), len) };
        Self { state, left: len }
    }

    fn read(mut contents: Box<dyn Contents>, from: Option<SeekFrom>, left: u64) -> State {
        State::Busy(tokio::task::spawn_blocking(move || {
            if let Some(place) = from {
                contents.seek(place)?;
            }
            let mut piece = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES)];
            let read = contents.read(&mut piece)?;
            piece.truncate(read);
            Ok((contents, piece.into()))
        }))
    }
}

impl http_body::Body for Reading {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let State::Between(_) = this.state
            && let State::Between(contents) = std::mem::replace(&mut this.state, State::Done)
        {
            this.state = Self::read(contents, None, this.left);
        }
        let State::Busy(reading) = &mut this.state else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(context)).unwrap_or_else(|lost| Err(io::Error::other(lost)));
        this.state = State::Done;
        Poll::Ready(Some(match read {
            // Shorter than it was: the client must not take it for the whole.
            Ok((_, piece)) if piece.is_empty() => Err(BodyError::Broken("the file ended early".into())),
            Ok((contents, piece)) => {
                this.left = this.left.saturating_sub(piece.len() as u64);
                if this.left > 0 {
                    this.state = State::Between(contents);
                }
                Ok(Frame::data(piece))
            }
            Err(error) => {
                tracing::error!(%error, "a file cannot be read");
                Err(BodyError::Broken(error.into()))
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("left", &self.left).finish_non_exhaustive()
    }
}

const PIECE_BYTES: usize = 64 << 10;
