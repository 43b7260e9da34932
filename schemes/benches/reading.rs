//! What reading a credential takes by the clock, without memory, store and signature:
//! `cargo bench -p trackgate-schemes --bench reading`.
#![expect(clippy::unwrap_used, reason = "what is measured is made by hand: it cannot fail, or the figure is void")]

use divan::{Bencher, black_box};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use trackgate_schemes::bearer::NewToken;
use trackgate_schemes::testing::reading;

fn main() {
    divan::main();
}

/// `rider:correct horse`.
#[divan::bench]
fn basic(bencher: Bencher<'_, '_>) {
    let lines = lines("Basic cmlkZXI6Y29ycmVjdCBob3JzZQ==");
    bencher.bench_local(|| assert!(reading::basic(black_box(&lines))));
}

/// The word, the letters and the checksum of an API token.
#[divan::bench]
fn bearer(bencher: Bencher<'_, '_>) {
    let token = NewToken::random().text;
    let lines = lines(&format!("Bearer {}", token.expose_text().unwrap()));
    bencher.bench_local(|| assert!(reading::bearer(black_box(&lines))));
}

/// The three parts decoded, and the header read as JSON.
#[divan::bench]
fn jwt_compact(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| assert!(reading::jwt(black_box(JWT))));
}

fn lines(authorization: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
}

/// `{"alg":"HS256","typ":"JWT"}`, what a sign-in here says, and 32 zero bytes.
const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOjEsImlhdCI6MTc5NTAwMDAwMCwiZXhwIjoxNzk3NTkyMDAwLCJqdGkiOiIwMTkyZjBjMS03YTBiLTdjYzQtOGYxZS02ZDJiM2M0ZDVlNmYifQ.\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
