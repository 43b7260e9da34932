//! TLS with a certificate that can be replaced while connections are open.
//!
//! TLS 1.2 and 1.3 with the suites of rustls (no static RSA, no CBC), ALPN `h2` and `http/1.1`, no early
//! data. A running connection keeps the certificate it was opened with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate;

/// A certificate and its key from two PEM files, and the settings of TLS around them.
#[derive(Clone, Debug)]
pub struct TlsReloader {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    files: Arc<Files>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl TlsReloader {
    /// Reads the certificate chain, the end entity first, and its key (PKCS #8, PKCS #1 or SEC 1).
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn load(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.into(), key: key.into() };
        let current = Arc::new(Current(ArcSwap::from_pointee(files.read(SystemTime::now())?)));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&current) as _;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Settings)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![H2.to_vec(), HTTP_11.to_vec()];
        Ok(Self { config: Arc::new(config), current, files: Arc::new(files) })
    }

    /// Reads both files again. New handshakes see the new certificate at once.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; the old certificate stays in use then.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.0.store(Arc::new(self.files.read(SystemTime::now())?));
        Ok(())
    }

    /// When the certificate in use expires; `None` when that cannot be told.
    pub fn expires_at(&self) -> Option<SystemTime> {
        certificate::expires_at(self.current.0.load().cert.first()?)
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl Files {
    fn read(&self, now: SystemTime) -> Result<CertifiedKey, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|source| TlsError::read(&self.certificate, source))?;
        let Some(end_entity) = chain.first() else {
            return Err(TlsError::NoCertificate { file: self.certificate.clone() });
        };
        if certificate::expires_at(end_entity).is_some_and(|end| end <= now) {
            return Err(TlsError::Expired { file: self.certificate.clone() });
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|source| TlsError::read(&self.key, source))?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|source| match source {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: self.certificate.clone(), key: self.key.clone() }
            }
            rustls::Error::InvalidCertificate(_) => TlsError::Certificate { file: self.certificate.clone(), source },
            _ => TlsError::Key { file: self.key.clone() },
        })
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate cannot be understood.
    #[error("{}: not a certificate that can be used", file.display())]
    Certificate {
        /// The certificate's file.
        file: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// The certificate's time is over.
    #[error("{}: the certificate has expired", file.display())]
    Expired {
        /// The certificate's file.
        file: PathBuf,
    },
    /// The key cannot be understood. What is wrong with it is not told: it is secret.
    #[error("{}: not a private key that can be used", file.display())]
    Key {
        /// The key's file.
        file: PathBuf,
    },
    /// The key belongs to another certificate.
    #[error("{}: not the key of the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The file has no PEM section of a certificate.
    #[error("{}: no certificate in it", file.display())]
    NoCertificate {
        /// The certificate's file.
        file: PathBuf,
    },
    /// The file cannot be read as PEM.
    #[error("{}: cannot be read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        #[source]
        source: pem::Error,
    },
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up")]
    Settings(#[source] rustls::Error),
}

impl TlsError {
    fn read(file: &Path, source: pem::Error) -> Self {
        Self::Read { file: file.to_owned(), source }
    }
}

pub(crate) const H2: &[u8] = b"h2";
const HTTP_11: &[u8] = b"http/1.1";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::gateway::testing::{certificate, expired_certificate};

    #[test]
    fn tls_07_faults_name_their_file_and_reload_keeps_the_old_pair() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let load = || TlsReloader::load(&cert, &key).map_err(|error| error.to_string());
        assert!(load().unwrap_err().contains("cert.pem: cannot be read"));

        let pair = certificate();
        fs::write(&cert, &pair.0).unwrap();
        assert!(load().unwrap_err().contains("key.pem: cannot be read"));
        fs::write(&key, certificate().1).unwrap();
        assert!(load().unwrap_err().contains("not the key of the certificate"));
        fs::write(&key, &pair.1).unwrap();
        fs::write(&cert, &pair.1).unwrap();
        assert!(load().unwrap_err().contains("no certificate in it"));
        let expired = expired_certificate();
        fs::write(&cert, expired.0).unwrap();
        fs::write(&key, expired.1).unwrap();
        assert!(load().unwrap_err().contains("has expired"));

        fs::write(&cert, &pair.0).unwrap();
        fs::write(&key, &pair.1).unwrap();
        let tls = TlsReloader::load(&cert, &key).unwrap();
        let before = tls.current.0.load_full();
        assert!(tls.expires_at().unwrap() > SystemTime::now());
        fs::write(&key, certificate().1).unwrap();
        assert!(matches!(tls.reload(), Err(TlsError::Mismatch { .. })));
        assert!(Arc::ptr_eq(&before, &tls.current.0.load_full()));
        let next = certificate();
        fs::write(&cert, next.0).unwrap();
        fs::write(&key, next.1).unwrap();
        tls.reload().unwrap();
        assert!(!Arc::ptr_eq(&before, &tls.current.0.load_full()));
    }
}
