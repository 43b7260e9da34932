//! The upload of a picture: multipart form data (RFC 7578) with a part `file`.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use trackgate_schemes::Rejection;

use super::Kind;
use crate::message::{Body, BodyError};
use crate::trackers::fittrackee::ID;

/// A file as it was sent: it begins like the kind that its name says.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) kind: Kind,
    pub(super) bytes: Bytes,
}

/// Why there is no picture in a request.
#[derive(Debug)]
pub(super) enum Refused {
    /// The body did not arrive.
    Body(Rejection),
    /// 400.
    Fault(Fault),
    /// The whole body is larger than a picture may be, or than any body.
    TooLarge { size: u64, limit: u64 },
}

/// What is wrong with it, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NoFilePart,
    NoSelectedFile,
    Extension,
    InvalidFile,
}

impl Fault {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::NoFilePart => "no file part",
            Self::NoSelectedFile => "no selected file",
            Self::Extension => "file extension not allowed",
            Self::InvalidFile => "invalid file",
        }
    }
}

impl Upload {
    /// Reads a body of up to `most` bytes, of which no more than `limit` are kept.
    ///
    /// # Errors
    ///
    /// [`Refused`] by the first check that fails: the name's extension comes before the size, as in the original.
    pub(super) async fn read(headers: &HeaderMap, body: Body, limit: u64, most: u64) -> Result<Self, Refused> {
        let boundary = boundary(headers).ok_or(Refused::Fault(Fault::NoFilePart));
        let taken = Taken::take(body, limit).await.map_err(|stopped| match stopped {
            (size, BodyError::TooLarge) => Refused::TooLarge { size: size.max(most), limit: most },
            (_, error) => Refused::Body(Rejection::new(error.reason(), ID)),
        })?;
        let is_whole = taken.size <= limit;
        match parts(taken.first, &boundary?).await {
            Ok(Part::Whole { kind, bytes }) if is_whole => Ok(Self { kind, bytes }),
            // Where the file was cut off at the limit, its name was there and told nothing against it.
            Ok(Part::Whole { .. } | Part::CutOff) if !is_whole => Err(Refused::TooLarge { size: taken.size, limit }),
            Ok(Part::None) if !is_whole => Err(Refused::TooLarge { size: taken.size, limit }),
            Ok(_broken) => Err(Refused::Fault(Fault::NoFilePart)),
            Err(fault @ (Fault::Extension | Fault::NoSelectedFile)) => Err(Refused::Fault(fault)),
            Err(_) if !is_whole => Err(Refused::TooLarge { size: taken.size, limit }),
            Err(fault) => Err(Refused::Fault(fault)),
        }
    }
}

/// A body up to a limit, and how large all of it was.
struct Taken {
    first: Bytes,
    size: u64,
}

impl Taken {
    /// Reads to the end, so that the client has sent everything when it reads our answer.
    async fn take(mut body: Body, limit: u64) -> Result<Self, (u64, BodyError)> {
        let mut first = BytesMut::new();
        let mut size = 0_u64;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| (size, error))?.into_data() else { continue };
            let room = usize::try_from(limit.saturating_sub(size)).unwrap_or(usize::MAX);
            first.extend_from_slice(data.get(..room).unwrap_or(&data));
            size = size.saturating_add(data.len() as u64);
        }
        Ok(Self { first: first.freeze(), size })
    }
}

enum Part {
    /// The file came to its end.
    Whole { kind: Kind, bytes: Bytes },
    /// It did not.
    CutOff,
    /// There was none up to where the body ended.
    None,
}

/// Looks for the file among the parts.
async fn parts(body: Bytes, boundary: &str) -> Result<Part, Fault> {
    let stream = http_body_util::BodyDataStream::new(Body::from(body));
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut file = None;
    for _ in 0..MAX_PARTS {
        let mut part = match parts.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(file.unwrap_or(Part::None)),
            Err(_broken) => return Ok(if file.is_some() { Part::CutOff } else { Part::None }),
        };
        let (Some("file"), Some(name)) = (part.name(), part.file_name()) else {
            // What is no file is skipped; so is a `file` that is only text.
            while let Ok(Some(_)) = part.chunk().await {}
            continue;
        };
        // Of two, another reader could have meant the other one.
        if file.is_some() {
            return Err(Fault::InvalidFile);
        }
        let kind = kind_of_name(name)?;
        file = Some(match part.bytes().await {
            Ok(bytes) if !kind.begins(&bytes) => return Err(Fault::InvalidFile),
            Ok(bytes) => Part::Whole { kind, bytes },
            Err(_broken) => Part::CutOff,
        });
    }
    Err(Fault::NoFilePart)
}

/// The name says the kind, and nothing else of it is used.
fn kind_of_name(name: &str) -> Result<Kind, Fault> {
    if name.is_empty() {
        return Err(Fault::NoSelectedFile);
    }
    let (_, extension) = name.rsplit_once('.').ok_or(Fault::Extension)?;
    Kind::of_extension(extension).ok_or(Fault::Extension)
}

/// The boundary of a body that says it is multipart form data, on one line.
fn boundary(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let boundary = multer::parse_boundary(line.to_str().ok()?).ok()?;
    // RFC 2046 section 5.1.1.
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// More parts than any form for pictures has.
const MAX_PARTS: usize = 32;
