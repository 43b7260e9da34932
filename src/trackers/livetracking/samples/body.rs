//! Bodies of writes: whole in memory, unpacked, and never too much of them at once.

use std::io::{ErrorKind, Read as _};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trackgate_schemes::{Reason, Rejection};

use super::write::Failure;
use crate::message::{Body, BodyError};
use crate::trackers::livetracking::ID;

/// The memory that large bodies share, in pieces of [`PIECE`].
#[derive(Clone, Debug)]
pub(in crate::trackers::livetracking) struct Room(Arc<Semaphore>);

impl Room {
    pub(in crate::trackers::livetracking) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / PIECE)))
    }

    /// Takes what `bytes` need above what `held` already is for; small bodies need nothing.
    fn take(&self, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Rejection> {
        let has = held.as_ref().map_or(1, |held| held.num_permits() + 1);
        let Some(more) = bytes.div_ceil(PIECE).checked_sub(has).filter(|more| *more > 0) else { return Ok(()) };
        let full = || Rejection::new(Reason::Overloaded, ID).after(std::time::Duration::from_secs(1));
        // Those that grow would wait for one another.
        let more = u32::try_from(more).map_err(|_too_many| full())?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(more).map_err(|_taken| full())?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// A body, with the room that it takes.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Reads a body of up to [`MAX_BYTES`].
pub(super) async fn read(mut body: Body, room: &Room) -> Result<Held, Rejection> {
    let mut held = None;
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error: BodyError| Rejection::new(error.reason(), ID))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len();
        if length > MAX_BYTES {
            return Err(Rejection::new(Reason::BodyTooLarge, ID));
        }
        room.take(&mut held, length)?;
        // Most bodies come in one piece, and need no copy.
        match first.take() {
            None if whole.is_empty() => first = Some(data),
            before => {
                whole.extend(before);
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(Held { bytes: first.unwrap_or_else(|| whole.freeze()), _room: held })
}

/// Reads what is left of a body that nobody wants, if it is not much: the connection can go on then.
pub(super) async fn drain(body: Body) {
    drop(body.read(DRAINED_BYTES).await);
}

/// Unpacks what was packed by gzip, up to [`MAX_BYTES`]. Takes its time.
pub(super) fn unpack(packed: &Held, room: &Room) -> Result<Held, Failure> {
    let said = |text: &str| Failure::bad_request(text);
    match &*packed.bytes {
        [] => return Err(said("EOF")),
        short if short.len() < GZIP_HEADER_BYTES => return Err(said("unexpected EOF")),
        [0x1f, 0x8b, ..] => {}
        _ => return Err(said("gzip: invalid header")),
    }
    let mut held = None;
    let mut whole = Vec::new();
    let mut packed = MultiGzDecoder::new(&*packed.bytes).take(MAX_BYTES as u64 + 1);
    loop {
        room.take(&mut held, whole.len() + PIECE)?;
        match packed.by_ref().take(PIECE as u64).read_to_end(&mut whole) {
            Ok(_) if whole.len() > MAX_BYTES => return Err(Rejection::new(Reason::BodyTooLarge, ID).into()),
            Ok(0) => return Ok(Held { bytes: whole.into(), _room: held }),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(said("unexpected EOF")),
            // The decoder tells these apart by their texts alone.
            Err(error) if error.to_string().contains("checksum") => return Err(said("gzip: invalid checksum")),
            Err(error) if error.to_string().contains("header") => return Err(said("gzip: invalid header")),
            Err(_corrupt) => return Err(said("flate: corrupt input")),
        }
    }
}

/// The longest body, unpacked too.
pub(super) const MAX_BYTES: usize = 25_000_000;

/// What a body may take without asking.
const PIECE: usize = 64 << 10;

/// What all others may take together.
const ROOM: usize = 256 << 20;

/// As much as the original reads.
const DRAINED_BYTES: u64 = 256 << 10;

const GZIP_HEADER_BYTES: usize = 10;
