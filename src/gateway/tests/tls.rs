//! TLS on whole connections.

use std::fs;
use std::path::PathBuf;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::gateway::TlsReloader;
use crate::gateway::testing::certificate;

/// A certificate on disk, and a gateway that uses it.
struct Secured {
    gateway: Gateway,
    tls: TlsReloader,
    folder: tempfile::TempDir,
    pem: String,
}

impl Secured {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pem = write(&folder);
        let [cert, key] = files(&folder);
        let tls = TlsReloader::load(cert, key).unwrap();
        let gateway = Gateway::with(short_limits(), loopback().with_tls(tls.clone()));
        Self { gateway, tls, folder, pem }
    }

    /// A client that trusts this certificate only and offers these protocols.
    fn client(&self, pem: &str, alpn: &[&str]) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut config = trust(pem);
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(session, self.gateway.connect().stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}

fn files(folder: &tempfile::TempDir) -> [PathBuf; 2] {
    [folder.path().join("cert.pem"), folder.path().join("key.pem")]
}

fn write(folder: &tempfile::TempDir) -> String {
    let [cert, key] = files(folder);
    let pair = certificate();
    fs::write(cert, &pair.0).unwrap();
    fs::write(key, &pair.1).unwrap();
    pair.0
}

fn trust(pem: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// One request on a kept connection.
fn ask(stream: &mut StreamOwned<ClientConnection, TcpStream>, path: &str) -> String {
    stream.write_all(get(path).as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let mut chunk = [0; 1024];
    while !bytes.ends_with(b"localhost") && !bytes.ends_with(b" 0") {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0);
        bytes.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_protocol_is_chosen_by_alpn() {
    let secured = Secured::new();
    for (offer, chosen) in [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)] {
        let stream = secured.client(&secured.pem, offer).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), chosen.map(str::as_bytes));
    }
    assert!(secured.client(&secured.pem, &["http/1.0"]).is_err());
    let mut stream = secured.client(&secured.pem, &["http/1.1"]).unwrap();
    assert!(ask(&mut stream, "/peer").ends_with("\r\n\r\n true localhost"));
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
}

#[test]
fn tls_07_a_new_certificate_is_for_new_connections() {
    let secured = Secured::new();
    let old = secured.pem.clone();
    let mut open = secured.client(&old, &["http/1.1"]).unwrap();
    ask(&mut open, "/before");
    let new = write(&secured.folder);
    assert!(secured.client(&new, &[]).is_err());
    secured.tls.reload().unwrap();
    ask(&mut open, "/after");
    let mut stream = secured.client(&new, &[]).unwrap();
    ask(&mut stream, "/new");
    assert!(secured.client(&old, &[]).is_err());
    assert_eq!(secured.gateway.witness.seen(), ["GET /before", "GET /after", "GET /new"]);
}

#[test]
fn tls_03_half_open_handshakes_are_ended_and_others_are_served() {
    let secured = Secured::new();
    let mut half: Vec<_> = (0..50).map(|_| secured.gateway.connect()).collect();
    for client in &mut half {
        client.send(b"\x16\x03\x01\x02\x00\x01");
    }
    let begun = Instant::now();
    let mut stream = secured.client(&secured.pem, &["http/1.1"]).unwrap();
    ask(&mut stream, "/");
    assert!(begun.elapsed() < Duration::from_secs(1));
    for client in &mut half {
        assert_eq!(client.more(), 0);
    }
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[test]
fn plain_http_to_a_tls_port_reaches_nobody() {
    let secured = Secured::new();
    let text = secured.gateway.talk(get("/"));
    assert_eq!(statuses(&text), [0; 0]);
    assert!(secured.gateway.witness.seen().is_empty());
}
