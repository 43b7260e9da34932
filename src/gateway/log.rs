//! A response body that writes its access line when it ends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use super::observed::Flight;
use crate::message::{Body, BodyError};
use crate::telemetry::{AccessLog, AccessRecord};

/// Counts what is sent and logs once: at the end of the body, or when it is dropped before.
#[derive(Debug)]
pub(super) struct Logged {
    body: Body,
    line: Line,
}

#[derive(Debug)]
struct Line {
    record: Option<AccessRecord>,
    started: Instant,
    log: AccessLog,
    flight: Option<Flight>,
}

impl Logged {
    /// `body`, after which `record` is logged with its size and time, and the flight ends.
    pub(super) fn around(
        body: Body,
        record: AccessRecord,
        started: Instant,
        log: AccessLog,
        flight: Option<Flight>,
    ) -> Body {
        let line = Line { record: Some(record), started, log, flight };
        if body.is_end_stream() {
            line.write(0);
            return body;
        }
        if let Some(length) = body.size_hint().exact().filter(|_| body.is_whole()) {
            line.write(length);
            return body;
        }
        Body::stream(Self { body, line })
    }
}

impl Line {
    /// Of a body of this length that is there already: it took no longer.
    fn write(mut self, bytes: u64) {
        if let Some(record) = self.record.take() {
            self.end(AccessRecord { bytes, ..record });
        }
    }

    fn end(&self, record: AccessRecord) {
        if let Some(flight) = &self.flight {
            flight.ended(record.took, record.bytes);
        }
        self.log.record(record);
    }
}

impl http_body::Body for Logged {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let (Some(data), Some(record)) = (frame.data_ref(), self.line.record.as_mut())
        {
            record.bytes += data.len() as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.end(AccessRecord { took: self.started.elapsed(), ..record });
        }
    }
}
