//! A response body that writes its access line when it ends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use trackgate_schemes::Reason;

use super::observed::Flight;
use crate::message::{Body, BodyError};
use crate::telemetry::{AccessLog, AccessRecord};

/// Counts what is sent and logs once: at the end of the body, or when it is dropped before.
#[derive(Debug)]
pub(super) struct Logged {
    body: Body,
    line: Line,
}

/// An access line that is written once, when this is dropped.
#[derive(Debug)]
pub(super) struct Line {
    record: Option<AccessRecord>,
    started: Instant,
    log: AccessLog,
    flight: Option<Flight>,
}

impl Logged {
    /// `body`, after which `line` is written with its size.
    pub(super) fn around(body: Body, line: Line) -> Body {
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
    /// `record`, with the time since `started` when it is written; the flight ends with it.
    pub(super) fn new(record: AccessRecord, started: Instant, log: AccessLog, flight: Option<Flight>) -> Self {
        Self { record: Some(record), started, log, flight }
    }

    /// What was sent so far.
    pub(super) fn bytes(&mut self, bytes: u64) {
        if let Some(record) = &mut self.record {
            record.bytes = bytes;
        }
    }

    /// Why it ends, and who says so.
    pub(super) fn because(&mut self, reason: Reason, by: &'static str) {
        if let Some(record) = &mut self.record {
            (record.reason, record.by) = (Some(reason.code()), Some(by));
        }
    }

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
