//! A query on a thread of its own, and its answer on the way to the client.
//!
//! The two are joined by a channel of a few pieces: a client that reads slowly slows the query down, and one that
//! goes away ends it.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::answers::Packing;
use super::sources::Databases;
use crate::message::{Body, BodyError};
use crate::trackers::livetracking::influxql::Parsed;
use crate::trackers::livetracking::influxql::ast::Budget;
use crate::trackers::livetracking::query::{self, Output};

/// A query that may run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) statements: Arc<Vec<Parsed>>,
    pub(super) databases: Databases,
    pub(super) database: String,
    pub(super) retention_policy: String,
    /// Nanoseconds since 1970.
    pub(super) now: i64,
    pub(super) budget: Budget,
    pub(super) read_only: bool,
    pub(super) output: Output,
    pub(super) packing: Packing,
    /// Given back when it ends.
    pub(super) turn: OwnedSemaphorePermit,
}

/// Starts it; what it says is the body.
pub(super) fn run(run: Run) -> Body {
    let (pieces, coming) = mpsc::channel(PIECES);
    let cancelled = Arc::new(AtomicBool::new(false));
    let answer = Answer { coming, cancelled: Arc::clone(&cancelled) };
    // Nobody waits for it: it ends by itself, or when nobody reads any more.
    drop(tokio::task::spawn_blocking(move || run.finish(&cancelled, pieces)));
    Body::stream(answer)
}

impl Run {
    fn finish(self, cancelled: &AtomicBool, pieces: mpsc::Sender<Piece>) {
        let context = query::Context {
            now: self.now,
            database: &self.database,
            retention_policy: &self.retention_policy,
            budget: self.budget,
            cancelled,
            read_only: self.read_only,
        };
        let flush = if self.output.chunk.is_some() { Flush::EachPiece } else { Flush::WhenFull };
        let mut sink = Sink { pieces, packer: (self.packing == Packing::Gzip).then(|| Packer::new(flush)) };
        query::answer(&self.statements, &self.databases, &context, self.output, &mut |bytes| sink.put(bytes));
        sink.end();
        drop(self.turn);
    }
}

/// A part of an answer, or the word that nothing more comes: one that breaks off has not got it.
#[derive(Debug)]
enum Piece {
    Data(Bytes),
    End,
}

/// Where the query puts its answer.
struct Sink {
    pieces: mpsc::Sender<Piece>,
    packer: Option<Packer>,
}

impl Sink {
    fn put(&mut self, bytes: Bytes) -> ControlFlow<()> {
        match &mut self.packer {
            Some(packer) => match packer.put(&bytes) {
                Some(piece) => send(&self.pieces, Piece::Data(piece)),
                None => ControlFlow::Continue(()),
            },
            None => send(&self.pieces, Piece::Data(bytes)),
        }
    }

    fn end(self) {
        let last =
            self.packer.map_or(ControlFlow::Continue(()), |packer| send(&self.pieces, Piece::Data(packer.end())));
        if last.is_continue() {
            // Nobody reads any more if this does not arrive.
            let _read = send(&self.pieces, Piece::End);
        }
    }
}

fn send(pieces: &mpsc::Sender<Piece>, piece: Piece) -> ControlFlow<()> {
    match pieces.blocking_send(piece) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_gone) => ControlFlow::Break(()),
    }
}

/// When packed bytes go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flush {
    EachPiece,
    WhenFull,
}

struct Packer {
    encoder: GzEncoder<Vec<u8>>,
    flush: Flush,
}

impl Packer {
    fn new(flush: Flush) -> Self {
        Self { encoder: GzEncoder::new(Vec::new(), Compression::fast()), flush }
    }

    /// Packs more; gives what is to go out, if there is enough.
    fn put(&mut self, bytes: &[u8]) -> Option<Bytes> {
        self.encoder.write_all(bytes).expect("a Vec takes bytes");
        if self.flush == Flush::EachPiece {
            self.encoder.flush().expect("a Vec takes bytes");
        }
        let packed = self.encoder.get_mut();
        let is_enough = !packed.is_empty() && (self.flush == Flush::EachPiece || packed.len() >= PACKED_PIECE);
        is_enough.then(|| std::mem::take(packed).into())
    }

    fn end(self) -> Bytes {
        self.encoder.finish().expect("a Vec takes bytes").into()
    }
}

/// The answer as it comes.
struct Answer {
    coming: mpsc::Receiver<Piece>,
    cancelled: Arc<AtomicBool>,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(match ready!(self.coming.poll_recv(context)) {
            Some(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => None,
            None => Some(Err(BodyError::Broken("the query broke off".into()))),
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

/// How many pieces may wait for the client.
const PIECES: usize = 4;

const PACKED_PIECE: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_packed_comes_out_whole_and_goes_out_in_time() {
        for flush in [Flush::EachPiece, Flush::WhenFull] {
            let mut packer = Packer::new(flush);
            let mut gzip = Vec::new();
            for piece in 0..3000_u32 {
                let sent = packer.put(piece.wrapping_mul(2_654_435_761).to_string().as_bytes());
                assert!(flush == Flush::WhenFull || sent.is_some());
                gzip.extend(sent.unwrap_or_default());
            }
            assert!(gzip.len() > PACKED_PIECE);
            gzip.extend(packer.end());
            let mut plain = String::new();
            GzDecoder::new(&*gzip).read_to_string(&mut plain).unwrap();
            let expected: String = (0..3000_u32).map(|piece| piece.wrapping_mul(2_654_435_761).to_string()).collect();
            assert_eq!(plain, expected);
        }
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_no_whole_one() {
        use http_body_util::BodyExt as _;
        let answer = |pieces: Vec<Piece>| async {
            let (sender, coming) = mpsc::channel(8);
            for piece in pieces {
                sender.send(piece).await.unwrap();
            }
            drop(sender);
            Body::stream(Answer { coming, cancelled: Arc::default() })
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
        };
        assert_eq!(answer(vec![Piece::Data("a".into()), Piece::End]).await.unwrap(), "a");
        assert!(answer(vec![Piece::Data("a".into())]).await.is_err());
    }

    #[test]
    fn a_query_learns_that_its_client_went() {
        let (pieces, coming) = mpsc::channel(1);
        let cancelled = Arc::new(AtomicBool::new(false));
        let answer = Answer { coming, cancelled: Arc::clone(&cancelled) };
        let mut sink = Sink { pieces, packer: None };
        assert!(sink.put("a".into()).is_continue());
        drop(answer);
        assert!(sink.put("b".into()).is_break());
        assert!(cancelled.load(Ordering::Relaxed));
    }
}
