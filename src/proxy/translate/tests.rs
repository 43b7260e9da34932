use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderName, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt as _;
use serde_json::json;
use trackgate_schemes::jwt::{Algorithm, Keys};
use trackgate_schemes::{AccountId, Credential, CredentialKind, Identity, Secret, Subject};

use super::*;

fn rider() -> Identity {
    Identity::new(Subject::Account(AccountId(1)), "rider", "basic", Credential::new(CredentialKind::Password, "1"))
}

fn key(text: &str) -> Keys {
    Keys::secret(Algorithm::HS256, &Secret::from(text)).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The golden vector of the contract, section 3.2: issued by the real server.
#[test]
fn fittrackee_s_token_is_minted_to_the_letter() {
    let mut settings = MintSettings::new(key("trackgate-reference-secret-key-0123456789abcdef"));
    (settings.claims, settings.lifetime) = (Claims::FitTrackee, Duration::from_hours(30 * 24));
    let mint = Mint::new(settings);
    let subject = mint::Subject::of(&rider(), None).unwrap();
    let (name, value) = mint.line(&subject, at(1_795_311_849)).unwrap();
    assert_eq!(
        (name.as_str(), value.to_str().unwrap()),
        (
            "authorization",
            "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTc5MDM4NDksImlhdCI6MTc5NTMxMTg0OSwic3ViIjoiMSJ9.\
             R8DHu9r94uyx8Gq-amUXQc5ZiAN5hj7IJPVp6kIEg6k"
        )
    );
    assert!(value.is_sensitive());
}

#[test]
fn a_minted_token_is_remembered_until_shortly_before_its_end() {
    let mint = Mint::new(MintSettings::new(key("0123456789abcdef0123456789ABCDEF")));
    let subject = mint::Subject::of(&rider(), None).unwrap();
    let first = mint.line(&subject, at(1000)).unwrap();
    assert_eq!(mint.line(&subject, at(1000 + 3539)).unwrap(), first);
    assert_ne!(mint.line(&subject, at(1000 + 3540)).unwrap(), first);
    assert_eq!(mint::Subject::of(&Identity::anonymous(), None).unwrap_err().reason, Reason::NotLinked);
}

#[test]
fn credentials_that_cannot_stand_in_a_header_are_refused() {
    let token = Form::Token { header: HeaderName::from_static("token"), prefix: "".into() };
    assert_eq!(Form::Basic.line("anna", &"wörd".into()).unwrap().1, "Basic YW5uYTp3w7ZyZA==");
    assert!(Form::Basic.line("an:na", &"word".into()).is_none());
    assert!(Form::Basic.line("anna", &"word".into()).unwrap().1.is_sensitive());
    assert_eq!(token.line("", &"abc".into()).unwrap().1, "abc");
    for bad in ["a\r\nb", "ö", "a ", "\0", ""] {
        assert!(token.line("", &bad.into()).is_none(), "{bad:?}");
    }
    let service = Translator::service(Form::Basic, "anna", &"hunter2".into()).unwrap();
    assert_eq!(service.to_string(), "basic of the gateway's own account");
    assert!(!format!("{service:?}").contains("aHVudGVyMg"), "{service:?}");
}

/// These pieces, and then the end or nothing.
struct Pieces {
    left: VecDeque<Bytes>,
    is_endless: bool,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.left.pop_front() {
            None if self.is_endless => Poll::Pending,
            piece => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }
}

fn sign() -> Sign {
    Sign {
        statuses: vec![StatusCode::UNAUTHORIZED],
        pointer: Some(("/errors/0/code".to_owned(), Some(json!(401)))),
        text: None,
    }
}

fn answer(status: u16, kind: &str, body: Body) -> Response<Body> {
    Response::builder().status(status).header("content-type", kind).body(body).unwrap()
}

#[tokio::test]
async fn a_body_that_was_looked_at_goes_on_whole() {
    let expired = r#"{"status":"error","errors":[{"code":401,"message":"Invalid token"}]}"#;
    let large = format!("[\"{}\"]", "x".repeat(100_000));
    for (status, kind, body, is_over) in [
        (200, "application/json", expired, true),
        (200, "application/json; charset=utf-8", r#"{"errors":[{"code":404}]}"#, false),
        (200, "application/json", r#"{"errors":["401"]}"#, false),
        (200, "text/html", expired, false),
        (401, "text/html", "no", true),
        (200, "application/json", &*large, false),
        (200, "application/json", "{\"errors\":", false),
        (204, "application/json", "", false),
    ] {
        let pieces = body.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
        let stream = Body::stream(Pieces { left: pieces, is_endless: false });
        for sent in [Body::from(body.to_owned()), stream] {
            let (found, answer) = sign().read(answer(status, kind, sent)).await;
            assert_eq!(found, is_over, "{status} {kind} {body:.80}");
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body, "{kind}");
        }
    }
}

#[tokio::test]
async fn what_comes_piece_by_piece_is_not_held_up() {
    let endless = Body::stream(Pieces { left: VecDeque::from(["{\"a\":".into()]), is_endless: true });
    let (found, answer) = sign().read(answer(200, "application/json", endless)).await;
    assert!(!found);
    let mut body = answer.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "{\"a\":");
}

#[test]
fn names_and_passwords_are_filled_in_as_json_and_hold_no_place_of_each_other() {
    let login = login();
    let body = login.body_of("a\"b{password}", &"p\\{user}".into());
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({ "who": "a\"b{password}", "word": "p\\{user}", "again": "a\"b{password}" }));
}

fn login() -> Login {
    Login {
        path: "/login".into(),
        body: r#"{"who":{user},"word":{password},"again":{user}}"#.into(),
        token: "/token".into(),
        form: Form::Token { header: HeaderName::from_static("token"), prefix: "".into() },
        expired: sign(),
        refused: sign(),
        lifetime: None,
        token_has_number: false,
    }
}
