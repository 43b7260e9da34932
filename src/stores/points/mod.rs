//! Points: what answers the port [`Points`](crate::ports::Points), in a folder or in memory.
//!
//! In a folder, what is written goes to the end of a *log*, is durable then, and is kept in memory, in the *heads*
//! of the accounts. When the log is long or old the heads are *frozen* and made into *files of blocks*, one for
//! each window of time, so that whole files leave when their time is over. A *view* puts these layers together.

mod bytes;
mod cache;
mod codec;
#[cfg(test)]
mod conformance;
mod deleted;
mod file;
mod folder;
mod frame;
mod head;
mod header;
mod keeper;
mod layer;
mod log;
mod manifest;
mod memory;
mod merge;
mod piece;
mod record;
mod runs;
mod settings;
mod state;
mod types;
mod values;
mod view;
mod watchers;
mod writer;

pub use folder::FolderPoints;
pub use memory::MemoryPoints;
pub use settings::Settings as PointsSettings;
