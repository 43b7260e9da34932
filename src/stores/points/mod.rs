//! Points: what answers the port [`Points`](crate::ports::Points), in memory.

#[cfg(test)]
mod conformance;
mod deleted;
mod head;
mod layer;
mod memory;
mod merge;
mod piece;
mod runs;
mod types;
mod values;
mod view;
mod watchers;

pub use memory::MemoryPoints;
