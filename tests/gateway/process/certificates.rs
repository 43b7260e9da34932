//! TLS: both protocols over it, and a new certificate without a restart.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{KEPT, Place, RELOADED, Served};
use crate::skipped::skipped;

/// A certificate for `localhost` and its key, as PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }
}

fn started() -> (Place, Pair, Served) {
    let place = Place::with("[listen]\ntls = { cert = \"cert.pem\", key = \"key.pem\" }\n");
    let pair = Pair::new();
    put(&place, &pair.certificate, &pair.key);
    let served = place.serve();
    (place, pair, served)
}

fn put(place: &Place, certificate: &str, key: &str) {
    std::fs::write(place.path("cert.pem"), certificate).unwrap();
    std::fs::write(place.path("key.pem"), key).unwrap();
}

/// A connection to a gateway that has this very certificate; an error for any other.
async fn handshake(address: SocketAddr, pair: &Pair, alpn: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Status and body of `GET /time` with this protocol.
async fn time(address: SocketAddr, pair: &Pair, alpn: &str) -> std::io::Result<(u16, Bytes)> {
    let stream = handshake(address, pair, alpn).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(alpn.as_bytes()));
    let io = TokioIo::new(stream);
    let request = http::Request::get("https://localhost/time").header("host", "localhost");
    let answer = if alpn == "h2" {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("https://localhost/time").body(Empty::<Bytes>::new()).unwrap();
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request.uri("/time").body(Empty::<Bytes>::new()).unwrap()).await.unwrap()
    };
    let status = answer.status().as_u16();
    Ok((status, answer.into_body().collect().await.unwrap().to_bytes()))
}

/// Whether the gateway shows this certificate.
fn shows(served: &Served, pair: &Pair) -> bool {
    wait(time(served.address, pair, "http/1.1")).is_ok()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn both_protocols_are_spoken_over_tls() {
    let (_place, pair, served) = started();
    assert_eq!(served.line, format!("listening on https://{}\n", served.address));
    for alpn in ["http/1.1", "h2"] {
        let (status, body) = wait(time(served.address, &pair, alpn)).unwrap();
        assert_eq!(status, 200, "{alpn}");
        assert!(body.starts_with(br#"{"seconds":"#), "{alpn}: {body:?}");
    }
    served.stop();
}

#[test]
fn curl_speaks_both_protocols() {
    let has_curl = Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_curl {
        return skipped("curl");
    }
    let (place, _pair, served) = started();
    place.account("rider");
    let url = format!("https://{}/auth", served.address);
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let output = Command::new("curl")
            .args(["-sS", "-k", flag, "--max-time", "20", "-u", "rider:correct-horse"])
            .args(["-w", " %{http_version} %{http_code}", &url])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, format!(r#"{{"username":"rider","status":"OK"}} {version} 200"#), "{:?}", output.stderr);
    }
}

#[test]
fn a_hangup_loads_a_new_certificate_under_open_connections() {
    let (place, old, served) = started();
    wait(async {
        let io = TokioIo::new(handshake(served.address, &old, "h2").await.unwrap());
        let (mut open, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let request = || http::Request::get("https://localhost/time").body(Empty::<Bytes>::new()).unwrap();
        assert_eq!(open.send_request(request()).await.unwrap().status(), 200);
        let new = Pair::new();
        put(&place, &new.certificate, &new.key);
        place.reload(&served);
        assert_eq!(place.times_said(RELOADED), 1, "{}", place.log());
        assert!(time(served.address, &old, "h2").await.is_err());
        assert_eq!(time(served.address, &new, "h2").await.unwrap().0, 200);
        assert_eq!(open.send_request(request()).await.unwrap().status(), 200);
    });
}

#[test]
fn tls_07_a_pair_that_cannot_be_used_leaves_the_old_one_and_is_told() {
    let (place, old, served) = started();
    let other = Pair::new();
    let expired = {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        Pair { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    };
    for (certificate, key, told) in [
        (&*other.certificate, &*old.key, "key.pem: not the key of the certificate in"),
        ("nothing", &old.key, "cert.pem: no certificate in it"),
        (&old.certificate, "nothing", "key.pem: cannot be read"),
        (&expired.certificate, &expired.key, "cert.pem: the certificate has expired"),
    ] {
        put(&place, certificate, key);
        let before = place.log().len();
        place.reload(&served);
        let said = place.log().split_off(before);
        assert!(said.contains(told) && said.contains(KEPT), "{told} in {said}");
        assert!(!said.contains("PRIVATE KEY"), "{said}");
        assert!(shows(&served, &old) && !shows(&served, &other) && !shows(&served, &expired));
    }
    std::fs::remove_file(place.path("key.pem")).unwrap();
    place.reload(&served);
    assert!(shows(&served, &old));
    assert_eq!(place.times_said(KEPT), 5);
    put(&place, &other.certificate, &other.key);
    place.reload(&served);
    assert!(shows(&served, &other) && !shows(&served, &old));
    served.stop();

    // The same faults keep it from starting, and `check` finds them too.
    put(&place, &old.certificate, &other.key);
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"]] {
        let said = place.run(words, "");
        assert_eq!((said.code, &*said.out), (1, ""), "{words:?}");
        assert!(said.err.contains("key.pem: not the key of the certificate"), "{}", said.err);
    }
}
