//! The rules of the design that do not bend.
