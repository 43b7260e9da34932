//! Stores: what answers the ports.
//!
//! [`open`] opens the store of a URL: `sqlite:` and a path for the embedded one, `postgres://…` for a
//! server that several gateways share, `memory:` for one that ends with the process. All of them hold
//! the same suite of rules, [`conformance`].

use std::sync::Arc;

use crate::ports::Store;

#[doc(hidden)]
pub mod conformance;
mod files;
mod foreign;
mod kept;
mod memory;
mod open_error;
mod points;
mod sql;

pub use files::{FolderFiles, MemoryFiles};
pub use foreign::{FitTrackeeDatabase, ForeignError};
pub use memory::MemoryStore;
pub use open_error::{OpenError, OpenErrorKind};
pub use points::{FolderPoints, MemoryPoints, PointsSettings};
pub use sql::{SqlOptions, SqlStore};

/// Opens the store of this URL, making or upgrading it where needed.
///
/// Its work runs on the tokio runtime that this is called on; whoever asks it may be on another.
///
/// # Errors
///
/// [`OpenError`] if the URL names no store, or what it names cannot be used; nothing was changed then.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    if url == "memory:" {
        return Ok(Arc::new(MemoryStore::default()));
    }
    Ok(Arc::new(SqlStore::open(url, SqlOptions::default()).await?))
}
