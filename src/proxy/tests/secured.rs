//! TLS to upstreams, and HTTP/2 with and without it.

use std::convert::Infallible;

use http::Version;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use trackgate_schemes::{Reason, Secret};

use super::*;
use crate::proxy::connect::{Connector, TlsClient, Wanted};
use crate::proxy::{ClientCertificate, HostHeader, Protocol, SettingsError, TlsFault};

/// An authority, and certificates by it.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key in PEM.
struct Pair {
    chain: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn certify(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { chain, key: key.serialize_pem() }
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        Arc::new(roots)
    }
}

/// A server that tells in header lines what it was asked, and echoes bodies with their trailers.
struct Server {
    address: SocketAddr,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    async fn start(tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(0));
        let counted = connections.clone();
        let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
        tokio::spawn(async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                let (acceptor, counted) = (acceptor.clone(), counted.clone());
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    let outcome = match acceptor {
                        None => {
                            *counted.lock().unwrap() += 1;
                            server.serve_connection(TokioIo::new(stream), service_fn(echo)).await
                        }
                        Some(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            *counted.lock().unwrap() += 1;
                            server.serve_connection(TokioIo::new(stream), service_fn(echo)).await
                        }
                    };
                    drop(outcome);
                });
            }
        });
        Self { address, connections }
    }

    fn settings(&self, scheme: &str) -> Settings {
        Settings::new("points", format!("{scheme}://localhost:{}", self.address.port()).parse().unwrap())
    }

    fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Incoming>, Infallible> {
    let (parts, body) = request.into_parts();
    let mut response = Response::new(body);
    let told = [
        ("x-version", format!("{:?}", parts.version)),
        ("x-uri", parts.uri.to_string()),
        ("x-host", parts.headers.get("host").map_or("none", |host| host.to_str().unwrap()).to_owned()),
        ("x-te", parts.headers.get("te").map_or("none", |te| te.to_str().unwrap()).to_owned()),
    ];
    for (name, value) in told {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    if let Some(trailer) = parts.headers.get("trailer") {
        response.headers_mut().insert("trailer", trailer.clone());
    }
    Ok(response)
}

fn server_tls(pair: &Pair, alpn: &[&str], clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(authority.roots(), provider).build().unwrap(),
        ),
    };
    let chain = vec![CertificateDer::from_pem_slice(pair.chain.as_bytes()).unwrap()];
    let mut config =
        builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap()).unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn told<'a>(answer: &'a Response<Body>, name: &str) -> &'a str {
    answer.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn an_upstream_over_tls_is_known_by_its_authority_and_speaks_what_was_agreed() {
    let authority = Authority::new();
    for (alpn, protocol, spoken) in [
        (&["h2", "http/1.1"][..], Protocol::Auto, "HTTP/2.0"),
        (&["http/1.1"], Protocol::Auto, "HTTP/1.1"),
        (&[], Protocol::Auto, "HTTP/1.1"),
        (&["h2", "http/1.1"], Protocol::Http1, "HTTP/1.1"),
        (&["h2", "http/1.1"], Protocol::Http2, "HTTP/2.0"),
    ] {
        let server = Server::start(Some(server_tls(&authority.certify("localhost"), alpn, None))).await;
        let mut settings = server.settings("https");
        settings.tls.authorities = Some(authority.pem.clone().into());
        settings.protocol = protocol;
        let upstream = Upstream::new(settings).unwrap();
        for _ in 0..3 {
            let answer = in_time(send(&upstream, ask(Method::POST, "/a?b", &[], "abc".into()))).await.unwrap();
            assert_eq!(told(&answer, "x-version"), spoken, "{alpn:?} {protocol:?}");
            assert_eq!(in_time(text(answer)).await, "abc");
        }
        assert_eq!(server.connections(), 1, "{alpn:?} {protocol:?}");
    }
}

#[tokio::test]
async fn a_wrong_certificate_is_502_and_the_log_can_say_why() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (pair, name, protocol) in [
        (stranger.certify("localhost"), None, Protocol::Auto),
        (authority.certify("elsewhere.example"), None, Protocol::Auto),
        (authority.certify("localhost"), Some("elsewhere.example"), Protocol::Auto),
        // It is good, but HTTP/2 was wanted.
        (authority.certify("localhost"), None, Protocol::Http2),
    ] {
        let server = Server::start(Some(server_tls(&pair, &["http/1.1"], None))).await;
        let mut settings = server.settings("https");
        settings.tls.authorities = Some(authority.pem.clone().into());
        settings.tls.server_name = name.map(Into::into);
        settings.protocol = protocol;
        let refused = in_time(send(&Upstream::new(settings).unwrap(), get("/"))).await.unwrap_err();
        assert_eq!((refused.reason, refused.by), (Reason::UpstreamDown, "proxy"));
    }
    let server = Server::start(Some(server_tls(&authority.certify("localhost"), &[], None))).await;
    // Nobody made this authority known to the system.
    if let Ok(upstream) = Upstream::new(server.settings("https")) {
        assert_eq!(in_time(send(&upstream, get("/"))).await.unwrap_err().reason, Reason::UpstreamDown);
    }
    // TLS to a server that speaks none.
    let plain = Server::start(None).await;
    let mut settings = plain.settings("https");
    settings.tls.authorities = Some(authority.pem.clone().into());
    assert_eq!(
        in_time(send(&Upstream::new(settings).unwrap(), get("/"))).await.unwrap_err().reason,
        Reason::UpstreamDown
    );
}

#[tokio::test]
async fn a_connection_that_is_refused_for_its_certificate_says_so() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (pair, why) in [(stranger.certify("localhost"), "invalid"), (authority.certify("a.example"), "localhost")] {
        let server = Server::start(Some(server_tls(&pair, &[], None))).await;
        let mut settings = server.settings("https");
        settings.tls.authorities = Some(authority.pem.clone().into());
        let tls = TlsClient::new(&settings.tls, Protocol::Auto).unwrap();
        let limit = Duration::from_secs(5);
        let connector = Connector::new(&settings.addresses[0], Some(&tls), Protocol::Auto, limit, limit);
        let error = in_time(connector.connect(Wanted::Any)).await.unwrap_err();
        let told = std::error::Error::source(&error).unwrap().to_string();
        assert!(told.contains("invalid peer certificate") && told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn the_server_name_of_the_settings_is_the_one_that_counts() {
    let authority = Authority::new();
    let server = Server::start(Some(server_tls(&authority.certify("inside.example"), &[], None))).await;
    let mut settings = server.settings("https");
    settings.tls.authorities = Some(authority.pem.clone().into());
    settings.tls.server_name = Some("inside.example".into());
    let answer = in_time(send(&Upstream::new(settings).unwrap(), get("/"))).await.unwrap();
    assert_eq!(told(&answer, "x-host"), format!("localhost:{}", server.address.port()));
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_certificate_gets_it() {
    let authority = Authority::new();
    let server = Server::start(Some(server_tls(&authority.certify("localhost"), &["h2"], Some(&authority)))).await;
    let mut settings = server.settings("https");
    settings.tls.authorities = Some(authority.pem.clone().into());
    let without = Upstream::new(settings.clone()).unwrap();
    assert_eq!(in_time(send(&without, get("/"))).await.unwrap_err().reason, Reason::UpstreamDown);
    let own = authority.certify("gate");
    let key = Secret::new(own.key.into_bytes());
    settings.tls.certificate = Some(ClientCertificate { chain: own.chain.into(), key });
    let answer = in_time(send(&Upstream::new(settings.clone()).unwrap(), get("/"))).await.unwrap();
    assert_eq!(answer.status(), 200);

    settings.tls.certificate.as_mut().unwrap().key = Secret::new(authority.certify("other").key.into_bytes());
    let fault = Upstream::new(settings).unwrap_err();
    assert!(matches!(fault, SettingsError::Tls(TlsFault::Certificate)), "{fault:?}");
}

#[tokio::test]
async fn http_2_in_clear_text_shares_one_connection_and_names_the_host_once() {
    let server = Server::start(None).await;
    let mut settings = server.settings("http");
    settings.protocol = Protocol::Http2;
    for (host, named) in [
        (HostHeader::Upstream, format!("localhost:{}", server.address.port())),
        (HostHeader::Client, "tracker.example:8443".to_owned()),
        (HostHeader::Named(HeaderValue::from_static("own.example")), "own.example".to_owned()),
    ] {
        settings.host = host;
        let upstream = Upstream::new(settings.clone()).unwrap();
        let before = server.connections();
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let upstream = upstream.clone();
            asking.spawn(async move { send(&upstream, get("/a?b")).await.unwrap() });
        }
        for answer in in_time(asking.join_all()).await {
            assert_eq!(told(&answer, "x-version"), "HTTP/2.0");
            assert_eq!(told(&answer, "x-uri"), format!("http://{named}/a?b"));
            assert_eq!(told(&answer, "x-host"), "none", "it stands in :authority alone");
            assert_eq!(answer.version(), Version::HTTP_11);
        }
        assert_eq!(server.connections() - before, 1, "20 requests wait for one handshake");
        assert_eq!(upstream.snapshot().in_flight, 0);
    }
}

/// Sends a body with trailers and gives those of the answer.
async fn echoed(upstream: &Upstream, trailers: &[(&str, &str)], lines: &[(&str, &str)]) -> HeaderMap {
    let (sender, body) = pieces(None);
    sender.send(data("abc")).unwrap();
    sender.send(Ok(Frame::trailers(ask(Method::GET, "/", trailers, Body::empty()).headers().clone()))).unwrap();
    drop(sender);
    let answer = in_time(send(upstream, ask(Method::POST, "/", lines, body))).await.unwrap();
    let whole = in_time(answer.into_body().collect()).await.unwrap();
    let trailers = whole.trailers().cloned().unwrap_or_default();
    assert_eq!(whole.to_bytes(), "abc");
    trailers
}

#[tokio::test]
async fn hdr_09_trailers_pass_both_ways_without_those_of_identity_length_host_and_credentials() {
    let server = Server::start(None).await;
    let trailers = [
        ("x-sum", "7"),
        ("grpc-status", "0"),
        ("x-trackgate-user", "root"),
        ("authorization", "Basic eDp5"),
        ("content-length", "9"),
        ("host", "evil"),
        ("token", "good"),
    ];
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut settings = server.settings("http");
        settings.protocol = protocol;
        let upstream = Upstream::new(settings).unwrap();
        let announced = "X-Sum, X-Trackgate-User, grpc-status, Content-Length";
        let got = echoed(&upstream, &trailers, &[("TE", "trailers"), ("Trailer", announced)]).await;
        let mut names: Vec<_> = got.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        // The route of this test looks for no credential in `token`.
        assert_eq!(
            names.iter().filter(|name| **name != "token").collect::<Vec<_>>(),
            [&"grpc-status", &"x-sum"],
            "{protocol:?}"
        );
        // HTTP/1.1 carries only what was announced, to a reader that takes it.
        let unannounced = echoed(&upstream, &trailers[..2], &[("TE", "trailers")]).await;
        assert_eq!(unannounced.len(), if protocol == Protocol::Http1 { 0 } else { 2 }, "{protocol:?}");
    }
}

#[tokio::test]
async fn an_upstream_hears_whether_trailers_are_taken() {
    let server = Server::start(None).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut settings = server.settings("http");
        settings.protocol = protocol;
        let upstream = Upstream::new(settings).unwrap();
        let answer = in_time(send(&upstream, ask(Method::GET, "/", &[("TE", "gzip, trailers")], Body::empty()))).await;
        assert_eq!(told(&answer.unwrap(), "x-te"), "trailers");
        assert_eq!(told(&in_time(send(&upstream, get("/"))).await.unwrap(), "x-te"), "none");
    }
}

#[tokio::test]
async fn an_upstream_of_http_2_that_goes_away_costs_no_get() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (closing, closed) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let (stream, _peer) = listener.accept().await.unwrap();
        let server = auto::Builder::new(TokioExecutor::new());
        let serving = server.serve_connection(TokioIo::new(stream), service_fn(echo)).into_owned();
        tokio::select! {
            _ = serving => {}
            _ = closed => {}
        }
        while let Ok((stream, _peer)) = listener.accept().await {
            let server = auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move { server.serve_connection(TokioIo::new(stream), service_fn(echo)).await.unwrap() });
        }
    });
    let mut settings = Settings::new("points", format!("http://{address}").parse().unwrap());
    settings.protocol = Protocol::Http2;
    let upstream = Upstream::new(settings).unwrap();
    assert_eq!(in_time(send(&upstream, get("/"))).await.unwrap().status(), 200);
    closing.send(()).unwrap();
    for _ in 0..3 {
        assert_eq!(in_time(send(&upstream, get("/"))).await.unwrap().status(), 200);
    }
}
