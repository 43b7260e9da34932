//! TODO jwt
