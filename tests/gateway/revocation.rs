//! Signing out, blacklists and races.
