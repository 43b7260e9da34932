//! Where rows go.

use super::meter::Outcome;
use super::stream::Stream;
use super::value::Value;
use super::writer::Head;

/// Takes tables: into the answer, or into a store.
pub(crate) trait Sink {
    /// A table begins.
    ///
    /// # Errors
    ///
    /// [`Stop`](super::meter::Stop) if it takes no more.
    fn table(&mut self, head: Head) -> Outcome<()>;

    /// A row of it.
    ///
    /// # Errors
    ///
    /// As [`table`](Self::table).
    fn row(&mut self, cells: &[Value]) -> Outcome<()>;
}

impl Sink for Stream<'_> {
    fn table(&mut self, head: Head) -> Outcome<()> {
        Stream::table(self, head)
    }

    fn row(&mut self, cells: &[Value]) -> Outcome<()> {
        Stream::row(self, cells)
    }
}
