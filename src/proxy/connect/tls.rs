//! TLS towards upstreams: whose certificates are good, and which one is shown.
//!
//! TLS 1.2 and 1.3 with the suites of rustls. A certificate is always verified; without an authority of its own it
//! must rest on one that the system trusts.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use trackgate_schemes::Secret;

use super::{Protocol, Wanted};

/// Settings of TLS to an upstream; those of the system by default.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Tls {
    /// Certificates in PEM of the authorities that are trusted instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// What the gateway shows of itself.
    pub certificate: Option<ClientCertificate>,
    /// The name that is asked for (SNI) and that the certificate must have, instead of the URL's host.
    pub server_name: Option<Box<str>>,
}

/// A certificate by which an upstream knows the gateway.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The chain in PEM, the end entity first.
    pub chain: Vec<u8>,
    /// Its private key in PEM.
    pub key: Secret,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.as_ref().map(Vec::len))
            .field("certificate", &self.certificate.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// Settings with which no handshake can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// No certificate of an authority can be read.
    #[error("there is no certificate that can be used among the authorities")]
    Authorities,
    /// Certificate and key are not there, or do not belong together.
    #[error("the client certificate and its key cannot be used")]
    Certificate,
    /// Not a name.
    #[error("the server name is neither a host name nor an address")]
    ServerName(#[source] InvalidDnsNameError),
    /// What rustls says.
    #[error("TLS cannot be set up")]
    Settings(#[source] rustls::Error),
}

/// Makes handshakes.
#[derive(Clone)]
pub(in crate::proxy) struct Client {
    config: Arc<ClientConfig>,
    /// The same for connections on which HTTP/1.1 alone will do.
    http1: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl Client {
    pub(in crate::proxy) fn new(tls: &Tls, protocol: Protocol) -> Result<Self, TlsFault> {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsFault::Settings)?;
        let builder = match &tls.authorities {
            Some(pem) => builder.with_root_certificates(roots(pem)?),
            None => builder.with_platform_verifier().map_err(TlsFault::Settings)?,
        };
        let mut config = match &tls.certificate {
            None => builder.with_no_client_auth(),
            Some(certificate) => {
                let chain = certificates(&certificate.chain).ok_or(TlsFault::Certificate)?;
                // What is wrong with a key is not told: it is secret.
                let key = PrivateKeyDer::from_pem_slice(certificate.key.expose());
                let key = key.map_err(|_secret| TlsFault::Certificate)?;
                builder.with_client_auth_cert(chain, key).map_err(|_secret| TlsFault::Certificate)?
            }
        };
        config.alpn_protocols = match protocol {
            Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::Http2 => vec![b"h2".to_vec()],
        };
        let server_name = tls.server_name.as_deref().map(name).transpose().map_err(TlsFault::ServerName)?;
        let mut http1 = config.clone();
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), http1: Arc::new(http1), server_name })
    }

    /// # Errors
    ///
    /// What is wrong with the other side's certificate, or with the connection.
    pub(super) async fn shake_hands(
        &self,
        host: &str,
        stream: TcpStream,
        wanted: Wanted,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => name(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        let config = if wanted == Wanted::Http1 { &self.http1 } else { &self.config };
        TlsConnector::from(Arc::clone(config)).connect(name, stream).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, TlsFault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).ok_or(TlsFault::Authorities)? {
        roots.add(certificate).map_err(|_not_a_certificate| TlsFault::Authorities)?;
    }
    Ok(roots)
}

/// At least one.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    Some(all).filter(|all| !all.is_empty())
}

fn name(host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned())
}
