//! Parts of memories that hold very many small entries.
//!
//! Entries lie side by side in a [`Slab`]. What finds them are lists that run through the entries themselves: a
//! [`Chains`] for each thing by which they are looked for, and one [`Wheel`] by the time at which they end. A link is
//! the four bytes of an entry's place, so an entry that is found in four ways costs some 30 bytes more, and not four
//! copies of its name.
//!
//! Nothing here moves many entries at once: a table grows by one list for each entry, a slab by some entries. So the
//! longest pause does not grow with what is held.
//!
//! ```
//! use std::hash::{BuildHasher, RandomState};
//!
//! use trackgate_schemes::dense::{Chained, Chains, Slab};
//!
//! #[derive(Debug, Default)]
//! struct Rider { number: u64, next: u32 }
//!
//! impl Chained<0> for Rider {
//!     fn hash(&self, key: &RandomState) -> u64 { key.hash_one(self.number) }
//!     fn next(&self) -> u32 { self.next }
//!     fn next_mut(&mut self) -> &mut u32 { &mut self.next }
//! }
//!
//! let (mut riders, mut by_number) = (Slab::default(), Chains::<0>::new(1));
//! let place = riders.insert(Rider { number: 7, next: 0 });
//! by_number.insert(&mut riders, place);
//! let found = by_number.find(&riders, by_number.hash_of(&7_u64), |rider| rider.number == 7);
//! assert_eq!(found, Some(place));
//! ```

mod chains;
mod slab;
#[cfg(test)]
mod tests;
mod wheel;

pub use chains::{Chained, Chains};
pub use slab::Slab;
pub use wheel::{Timed, Wheel, WheelLinks};
