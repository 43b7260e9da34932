//! TODO sliding
