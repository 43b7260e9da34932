//! kill -9 at any instant loses nothing that was acknowledged.
