//! A workout from a GPX file: multipart, with the part `file` and the part `data`, which is JSON.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyDataStream, Full};
use multer::Multipart;
use trackgate_schemes::{Reason, Rejection};

use super::fields::refused;
use super::kept::Workout;
use super::own::Own;
use super::track::{Fastest, Fault, Measured, Speeds, Track};
use super::workouts;
use super::writing::{self, DESCRIPTION, Form, TITLE};
use crate::message::{Body, BodyError};
use crate::ports::Area;
use crate::trackers::Call;
use crate::trackers::fittrackee::wire::{self, Document, Stop};
use crate::trackers::fittrackee::{ID, Shared, leftovers};

pub(super) async fn upload(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let user = call.identity().name().to_owned();
    let now = workouts::microseconds(call.now);
    let parts = Parts::read(call.request).await?;
    let file = parts.track()?;
    let form = Form::read(parts.members()?)?;
    if !form.has_sport() {
        return Err(Stop::PAYLOAD);
    }
    let own = Own::load(&shared, account).await?;
    let sport = form.sport().map_err(|_unknown| refused(format!("Sport id: {} does not exist", form.sport_name())))?;
    let equipment = form.equipment(&own, sport)?;
    let speeds = Speeds {
        stopped_threshold: own.preference(sport).stopped_speed_threshold,
        fastest: if own.profile.use_raw_gpx_speed { Fastest::Any } else { Fastest::Likely },
    };
    // A file of a megabyte keeps a thread busy for longer than others should wait.
    let kept = file.clone();
    let read = move || Track::read(&file).and_then(|track| Ok((track.measure(speeds)?, track)));
    let read = tokio::task::spawn_blocking(read).await;
    let read: Result<(Measured, Track), Fault> = read.map_err(|_lost| Rejection::new(Reason::Internal, ID))?;
    let (measured, track) = read.map_err(|fault| refused(fault.message()))?;
    let cut = |text: Option<String>, most| text.map(|text| text.chars().take(most).collect::<String>());
    let named = |text: Option<String>, track, most| {
        text.filter(|text| !text.is_empty()).or_else(|| cut(track, most)).filter(|text| !text.is_empty())
    };
    let title = named(form.title, track.name, TITLE);
    let name = leftovers::new_name(account, "gpx");
    let workout = Workout {
        sport_id: sport.id,
        title: Some(title.unwrap_or_else(|| writing::title(&own, sport, measured.began))),
        notes: form.notes,
        description: named(form.description, track.description, DESCRIPTION),
        created_at: now,
        modified_at: None,
        measures: measured.whole,
        equipment,
        segments: measured.segments,
        bounds: Some(measured.bounds),
        gpx: Some(name.to_string()),
    };
    // If the workout cannot be stored, nobody knows whether it was: the file stays until it is swept.
    shared.files.put(Area::Tracks, &name, kept).await?;
    workouts::store(&shared, account, &user, measured.began, &workout).await
}

/// The two parts of a request.
#[derive(Debug, Default)]
struct Parts {
    /// The name that the client has for the file, and its bytes.
    file: Option<(String, Bytes)>,
    data: Option<Bytes>,
}

impl Parts {
    async fn read(request: Request<Body>) -> Result<Self, Stop> {
        let (head, body) = request.into_parts();
        let length = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > MAX_FILE) {
            return Err(too_large(length));
        }
        let mut types = head.headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(Ok(kind)), None) = (types.next().map(|value| value.to_str()), types.next()) else {
            return Err(failed("no file part"));
        };
        let boundary = multer::parse_boundary(kind).map_err(|_other| failed("no file part"))?;
        let bytes = body.read(MAX_FILE).await.map_err(|error| match error {
            BodyError::Broken(_) => Stop::Page(StatusCode::BAD_REQUEST),
            BodyError::TimedOut => Stop::from(Rejection::new(error.reason(), ID)),
            BodyError::TooLarge => too_large(None),
        })?;
        Self::of(bytes, boundary).await.ok_or_else(|| failed("no file part"))
    }

    /// The first part of each name; `None` for what is no multipart, or one of too many parts.
    async fn of(bytes: Bytes, boundary: String) -> Option<Self> {
        let mut parts = Self::default();
        let mut multipart = Multipart::new(BodyDataStream::new(Full::new(bytes)), boundary);
        for _ in 0..MOST_PARTS {
            let Some(field) = multipart.next_field().await.ok()? else { return Some(parts) };
            let (name, file_name) = (field.name().map(str::to_owned), field.file_name().map(str::to_owned));
            let bytes = field.bytes().await.ok()?;
            match (name.as_deref(), file_name) {
                (Some("file"), Some(file_name)) => _ = parts.file.get_or_insert((file_name, bytes)),
                (Some("data"), None) => _ = parts.data.get_or_insert(bytes),
                _ => {}
            }
        }
        None
    }

    /// The bytes of the file, if its name is that of a track.
    fn track(&self) -> Result<Bytes, Stop> {
        let (name, bytes) = self.file.as_ref().ok_or_else(|| failed("no file part"))?;
        if name.is_empty() {
            return Err(failed("no selected file"));
        }
        match name.rsplit_once('.') {
            Some((_, extension)) if extension.eq_ignore_ascii_case("gpx") => Ok(bytes.clone()),
            _ => Err(failed("file extension not allowed")),
        }
    }

    fn members(&self) -> Result<wire::Members, Stop> {
        let data = self.data.as_ref().ok_or(Stop::Page(StatusCode::BAD_REQUEST))?;
        match wire::document(data, writing::MEMBERS) {
            Some(Document::Object(members)) => Ok(members),
            _ => Err(Stop::PAYLOAD),
        }
    }
}

fn failed(message: &str) -> Stop {
    wire::error(StatusCode::BAD_REQUEST, &[("status", "fail"), ("message", message)]).into()
}

/// 413 of a body of so many bytes, if that is known.
fn too_large(length: Option<u64>) -> Stop {
    let size = length.map_or_else(String::new, |length| format!("({}) ", size(length)));
    let message = format!("Error during workout upload, file size {size}exceeds {}.", self::size(MAX_FILE));
    wire::error(StatusCode::PAYLOAD_TOO_LARGE, &[("status", "fail"), ("message", &message)]).into()
}

/// `500.0 bytes`, `1.0MB`: in steps of 1024, with one decimal.
fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut size = bytes as f64;
    for unit in [" bytes", "KB", "MB", "GB"] {
        if size < 1024.0 {
            return format!("{size:.1}{unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.1}TB")
}

/// The largest request with a file, in bytes.
pub(super) const MAX_FILE: u64 = 1024 * 1024;

/// More parts than any client sends.
const MOST_PARTS: usize = 16;
