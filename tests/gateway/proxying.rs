//! A route to an upstream: paths, headers, framing.
