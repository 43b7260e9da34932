//! The answer on its way out: tables and rows become bytes, and bytes leave in pieces.

use std::ops::ControlFlow;
use std::time::Instant;

use bytes::Bytes;

use super::meter::{Meter, Outcome, Stop};
use super::output::Output;
use super::value::Value;
use super::writer::{Ending, Head, Writer, writer};

/// Bytes of a piece.
const PIECE: usize = 32 * 1024;

/// How the tables of a statement are spread over the documents of a chunked answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// A document for each table, which do not know of each other.
    Apart,
    /// So many rows in a document, and one table.
    Rows,
    /// All in one.
    Whole,
}

/// Takes what statements give.
pub(crate) struct Stream<'a> {
    emit: &'a mut dyn FnMut(Bytes) -> ControlFlow<()>,
    meter: &'a Meter<'a>,
    writer: Box<dyn Writer>,
    output: Output,
    out: Vec<u8>,
    /// What the writer is known to hold.
    held: usize,
    statement: usize,
    spread: Spread,
    /// Of the document that is being written.
    tables: usize,
    /// The table that is being written.
    head: Option<Head>,
    /// Of that table and document.
    rows: usize,
}

impl std::fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("output", &self.output).finish_non_exhaustive()
    }
}

impl<'a> Stream<'a> {
    pub(crate) fn new(output: Output, meter: &'a Meter<'a>, emit: &'a mut dyn FnMut(Bytes) -> ControlFlow<()>) -> Self {
        Self {
            emit,
            meter,
            writer: writer(output),
            output,
            out: Vec::new(),
            held: 0,
            statement: 0,
            spread: Spread::Rows,
            tables: 0,
            head: None,
            rows: 0,
        }
    }

    /// A statement begins.
    pub(crate) fn statement(&mut self, id: usize) {
        self.statement = id;
        self.spread = Spread::Rows;
        self.tables = 0;
        self.writer.statement(&mut self.out, id);
    }

    /// How the tables that follow are spread.
    pub(crate) fn spread(&mut self, spread: Spread) {
        self.spread = spread;
    }

    /// A table begins.
    ///
    /// # Errors
    ///
    /// [`Stop`] if nobody reads, or too much is held.
    pub(crate) fn table(&mut self, head: Head) -> Outcome<()> {
        self.close_table(Partial::No);
        if self.output.chunk.is_some() && self.tables > 0 && self.spread != Spread::Whole {
            self.next_document(if self.spread == Spread::Rows { Partial::Yes } else { Partial::No });
        }
        self.open_table(head);
        self.leave()
    }

    /// A row of it.
    ///
    /// # Errors
    ///
    /// As [`table`](Self::table).
    pub(crate) fn row(&mut self, cells: &[Value]) -> Outcome<()> {
        let full = self.output.chunk.is_some_and(|chunk| self.rows >= chunk.get());
        if full
            && self.spread == Spread::Rows
            && let Some(head) = self.head.clone()
        {
            self.close_table(Partial::Yes);
            self.next_document(Partial::Yes);
            self.open_table(head);
        }
        self.rows += 1;
        self.writer.row(&mut self.out, cells);
        if self.out.len() >= PIECE || self.rows.is_multiple_of(1024) {
            return self.leave();
        }
        Ok(())
    }

    /// The statement ends.
    ///
    /// # Errors
    ///
    /// As [`table`](Self::table).
    pub(crate) fn end_statement(&mut self, ending: &Ending) -> Outcome<()> {
        self.close_table(Partial::No);
        self.writer.end_statement(&mut self.out, ending);
        if self.output.chunk.is_some() {
            self.writer.end_document(&mut self.out);
        }
        self.leave()
    }

    /// The statement fails, and so many behind it are not run. As in the original the reason is lost then, unless
    /// the answer is chunked.
    ///
    /// # Errors
    ///
    /// As [`table`](Self::table).
    pub(crate) fn fail(&mut self, error: String, id: usize, behind: usize) -> Outcome<()> {
        const NOT_EXECUTED: &str = "not executed";
        if self.output.chunk.is_none() {
            let error = if behind == 0 { error } else { NOT_EXECUTED.to_owned() };
            return self.end_statement(&Ending { error: Some(error), ..Ending::default() });
        }
        self.end_statement(&Ending { error: Some(error), ..Ending::default() })?;
        for _ in 0..behind {
            self.statement(id);
            self.end_statement(&Ending { error: Some(NOT_EXECUTED.to_owned()), ..Ending::default() })?;
        }
        Ok(())
    }

    /// The answer ends.
    ///
    /// # Errors
    ///
    /// [`Stop`] if nobody reads.
    pub(crate) fn end(mut self) -> Outcome<()> {
        if self.output.chunk.is_none() {
            self.writer.end_document(&mut self.out);
        }
        self.push()
    }

    fn open_table(&mut self, head: Head) {
        self.writer.table(&mut self.out, &head);
        self.tables += 1;
        self.rows = 0;
        self.head = Some(head);
    }

    fn close_table(&mut self, partial: Partial) {
        if self.head.take().is_some() {
            self.writer.end_table(&mut self.out, partial == Partial::Yes);
        }
    }

    fn next_document(&mut self, partial: Partial) {
        self.writer.end_statement(&mut self.out, &Ending { partial: partial == Partial::Yes, ..Ending::default() });
        self.writer.end_document(&mut self.out);
        self.writer.statement(&mut self.out, self.statement);
        self.tables = 0;
    }

    /// Lets a piece go if there is enough, and counts what is kept.
    fn leave(&mut self) -> Outcome<()> {
        let held = self.writer.held();
        if held > self.held {
            self.meter.hold(held - self.held)?;
            self.held = held;
        }
        if self.out.len() >= PIECE { self.push() } else { Ok(()) }
    }

    fn push(&mut self) -> Outcome<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        if self.meter.is_cancelled() {
            return Err(Stop::Gone);
        }
        let piece = Bytes::from(std::mem::replace(&mut self.out, Vec::with_capacity(PIECE + PIECE / 4)));
        let before = Instant::now();
        let read = (self.emit)(piece);
        self.meter.waited(before.elapsed());
        if read.is_break() { Err(Stop::Gone) } else { Ok(()) }
    }
}

/// Whether a table, or a statement, goes on in another document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Partial {
    No,
    Yes,
}
