//! TODO basic
