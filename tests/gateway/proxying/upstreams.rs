//! Upstreams as an operator writes them: several addresses, TLS, sockets, limits, health checks, other paths.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use trackgate::telemetry::AccessLog;

use super::recorder::{OK, Recorder, header};
use super::{Front, PUBLIC, route};
use crate::harness::Inside;

/// A gateway whose upstream `up` has these keys besides.
fn gateway(keys: &str, routes: &str) -> Inside {
    Inside::start(&with(keys, routes))
}

fn with(keys: &str, routes: &str) -> String {
    format!("listen.threads = 2\n[upstreams.up]\n{keys}\n{routes}")
}

fn everything() -> String {
    route("open", "/{*rest}", PUBLIC)
}

fn nobody() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until `done`, for ten seconds at most.
fn wait_until(mut done: impl FnMut() -> bool) {
    let late = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < late, "it never happens");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn dos_08_one_of_two_addresses_is_dead_and_no_client_sees_it() {
    let up = Recorder::ok();
    let urls = format!("urls = [\"http://{}\", \"http://{}/base\"]", nobody(), up.address);
    let inside = gateway(&urls, &everything());
    for n in 0..20 {
        let (method, body) = if n % 2 == 0 { ("POST", "abc") } else { ("GET", "") };
        let answer = inside.ask(&format!("{method} /a?{n}"), body);
        assert_eq!((answer.status, answer.text()), (200, "ok"), "{n}");
    }
    assert_eq!(up.all().matches(" /base/a?").count(), 20, "each came once");
}

#[test]
fn an_upstream_over_tls_is_verified_and_knows_the_gateway_by_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let certify = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let (own, gate) = (certify("up.example"), certify("gate"));
    for (file, text) in [("ca.pem", &ca), ("gate.pem", &gate.0), ("gate.key", &gate.1)] {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(folder.path().join("gate.key"), private).unwrap();
    let address = tls_server(&ca, &own);

    let routes = everything();
    let tls = |keys: &str| with(&format!("urls = [\"https://{address}\"]\ntls = {{ {keys} }}"), &routes);
    let whole = "ca = \"ca.pem\", cert = \"gate.pem\", key = \"gate.key\", server_name = \"up.example\"";
    let mut inside = Inside::start_in(folder, &tls(whole), AccessLog::off());
    for _ in 0..3 {
        let answer = inside.ask("GET /a", "");
        assert_eq!((answer.status, answer.text()), (200, "ok"));
    }
    for keys in [
        "ca = \"ca.pem\", cert = \"gate.pem\", key = \"gate.key\"",
        "ca = \"ca.pem\", server_name = \"up.example\"",
        "ca = \"gate.pem\", cert = \"gate.pem\", key = \"gate.key\", server_name = \"up.example\"",
    ] {
        inside.reload(&tls(keys)).unwrap();
        assert_eq!(inside.ask("GET /a", "").status, 502, "{keys}");
    }
    inside.reload(&tls(whole)).unwrap();
    // What was counted before goes on: it may take until the next trial.
    wait_until(|| inside.ask("GET /a", "").status == 200);
}

/// Answers `ok` over TLS to whom the authority knows.
fn tls_server(ca: &str, (chain, key): &(String, String)) -> std::net::SocketAddr {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let (config, listener) = (Arc::new(config), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            std::thread::spawn(move || answer_ok(StreamOwned::new(session, stream)));
        }
    });
    address
}

fn answer_ok(mut stream: impl std::io::Read + std::io::Write) {
    let mut buffer = vec![0; 65536];
    while let Ok(1..) = stream.read(&mut buffer) {
        if stream.write_all(OK.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

#[test]
fn an_upstream_behind_a_socket_in_the_file_system_answers() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("up.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            std::thread::spawn(move || answer_ok(stream));
        }
    });
    let inside = gateway(&format!("urls = [\"unix:{}:/base\"]", socket.display()), &everything());
    let answer = inside.ask("GET /a", "");
    assert_eq!((answer.status, answer.text()), (200, "ok"));
}

#[test]
fn dos_08_who_waits_in_line_for_too_long_gets_503_in_the_wording_of_the_route() {
    let up = Recorder::start(|mut line| {
        line.head();
        line.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc");
        line.ends();
    });
    let keys = format!(
        "urls = [\"http://{}\"]\nlimits = {{ requests = 1, queue = 1, queue_timeout = \"200ms\" }}",
        up.address
    );
    let routes = everything() + &route("lp", "/lp", &format!("{PUBLIC}\ndialect = \"livetracking\""));
    let inside = gateway(&keys, &routes);
    let mut held = crate::harness::connect(inside.address());
    held.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    up.wait_for(|all| all.contains("GET /held "));
    let started = Instant::now();
    let refused = inside.ask("GET /a", "");
    assert!(started.elapsed() >= Duration::from_millis(190), "it waited");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(refused.text(), "{\"error\":\"service unavailable\"}\n");
    let refused = inside.ask("GET /lp", "");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert!(refused.text().contains("\"DB\""), "{}", refused.text());
    assert_eq!(up.all().matches("GET ").count(), 1, "the upstream saw none of them");
    // The client that held the place leaves.
    drop(held);
    wait_until(|| {
        let mut next = crate::harness::connect(inside.address());
        next.write_all(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(30));
        up.all().contains("GET /next ")
    });
}

#[test]
fn dos_08_health_checks_take_an_address_out_and_bring_it_back() {
    let is_well = Arc::new(AtomicBool::new(true));
    let well = Arc::clone(&is_well);
    let up = Recorder::start(move |mut line| {
        while let Some(request) = line.request() {
            let is_ill = request.starts_with("GET /ping ") && !well.load(Ordering::SeqCst);
            line.write(if is_ill { "HTTP/1.1 500 Ill\r\ncontent-length: 0\r\n\r\n" } else { OK });
        }
    });
    let keys = format!(
        "urls = [\"http://{}\"]\nhealth = {{ path = \"/ping\", every = \"20ms\", expect = [200], rise = 1, fall = 2 }}",
        up.address
    );
    let text = with(&keys, &everything());
    let mut inside = Inside::start(&text);
    assert_eq!(inside.ask("GET /a", "").status, 200);
    is_well.store(false, Ordering::SeqCst);
    wait_until(|| inside.ask("GET /b", "").status == 502);
    let refused = inside.ask("GET /b", "");
    assert_eq!((refused.status, refused.header("retry-after")), (502, "5"));
    // A reload with the same addresses knows what was known.
    inside.reload(&text).unwrap();
    assert_eq!(inside.ask("GET /b", "").status, 502);
    is_well.store(true, Ordering::SeqCst);
    wait_until(|| inside.ask("GET /c", "").status == 200);
    // Without checks in the configuration nobody asks any more.
    inside.reload(&with(&format!("urls = [\"http://{}\"]", up.address), &everything())).unwrap();
    std::thread::sleep(Duration::from_millis(60));
    let before = up.all().matches("GET /ping ").count();
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(up.all().matches("GET /ping ").count(), before);
}

#[test]
fn pth_12_the_upstream_gets_the_path_that_the_route_makes_of_it() {
    let routes = route("old", "/old/{*rest}", &format!("{PUBLIC}\nstrip_prefix = \"/old\""))
        + &route("user", "/users/{id}/files/{*rest}", &format!("{PUBLIC}\nrewrite = \"/f/{{id}}/{{rest}}\""));
    let front = Front::start(Recorder::ok(), &routes);
    for (asked, sent) in [
        ("/old/a/%2Bb?x=/old", "/a/%2Bb?x=/old"),
        ("/%6Fld/", "/"),
        // Decoded once, as everywhere: what is behind the escape stays text.
        ("/old/%25%32%65", "/%252e"),
        ("/users/a%20b/files/c/d%2Be", "/f/a%20b/c/d%2Be"),
        ("/users/7/files/", "/f/7/"),
    ] {
        let (answer, got) = front.passes(&format!("GET {asked}"), "");
        assert_eq!(answer.status, 200, "{asked}");
        assert!(got.starts_with(&format!("GET {sent} HTTP/1.1\r\n")), "{asked}: {got}");
    }
    for asked in ["/old/../a", "/old/%2e%2e/a", "/old//a", "/users/a%2Fb/files/c"] {
        assert_eq!(front.ask(&format!("GET {asked}"), "").status, 400, "{asked}");
    }
}

#[test]
fn an_answer_tells_the_gateways_own_time_where_it_is_asked_to() {
    let up = Recorder::start(|mut line| {
        while line.request().is_some() {
            std::thread::sleep(Duration::from_millis(300));
            line.write(OK);
        }
    });
    let routes =
        route("told", "/told", &format!("{PUBLIC}\nserver_timing = true")) + &route("untold", "/untold", PUBLIC);
    let front = Front::start(up, &routes);
    let answer = front.ask("GET /told", "");
    let own: f64 = answer.header("server-timing").strip_prefix("gateway;dur=").unwrap().parse().unwrap();
    assert!(own > 0.0 && own < 250.0, "{own} ms without the upstream's 300");
    assert!(!front.ask("GET /untold", "").headers.contains_key("server-timing"));
}

#[test]
fn a_host_name_of_the_configuration_is_sent() {
    let up = Recorder::ok();
    let inside = gateway(&format!("urls = [\"http://{}\"]\nhost = \"own.example:81\"", up.address), &everything());
    assert_eq!(inside.ask("GET /a", "").status, 200);
    let (all, forwarded) = (up.all(), inside.address().to_string());
    assert_eq!(header(&all, "host"), Some("own.example:81"));
    assert_eq!(header(&all, "x-forwarded-host"), Some(forwarded.as_str()));
}
