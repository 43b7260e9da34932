//! Files: what answers the port [`Files`](crate::ports::Files), in a folder or in memory.

use trackgate_schemes::store::{StoreError, StoreErrorKind};

mod folder;
mod memory;
#[cfg(test)]
mod tests;

pub use folder::FolderFiles;
pub use memory::MemoryFiles;

/// Runs this on a blocking thread of the runtime around it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|lost| Err(StoreError::new(StoreErrorKind::Unavailable, lost)))
}
