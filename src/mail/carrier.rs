//! Speaking SMTP (RFC 5321) with the server that takes letters.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Letter;
use super::compose::{Composed, compose, message_id};
use super::lines::Lines;
use crate::config::checked::{Mail, MailTls, SecretError};

/// Hands letters to the configured server, one connection for each.
#[derive(Clone)]
pub struct Carrier(Arc<Ready>);

struct Ready {
    settings: Mail,
    credentials: Option<Credentials>,
    tls: Option<TlsParameters>,
}

/// Why no letter can be carried by these settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CarrierError {
    /// The certificates to trust.
    #[error("the certificates of `mail.ca` cannot be read")]
    Ca(#[source] io::Error),
    /// The password.
    #[error("the password for mail cannot be read")]
    Password(#[from] SecretError),
    /// TLS cannot be had at all.
    #[error("TLS to the mail server cannot be had")]
    Tls(#[source] smtp::Error),
}

/// A letter that was not taken. The texts are for the operator and hold nothing of the letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Undelivered {
    /// It may be taken later: the server is down, busy, or does not let us in.
    #[error("{0}")]
    Later(String),
    /// It will never be taken.
    #[error("{0}")]
    Never(String),
}

impl Carrier {
    /// Reads the password and the certificates that the settings name. Connects to nobody yet.
    ///
    /// # Errors
    ///
    /// [`CarrierError`] if one of them cannot be read.
    pub fn new(settings: &Mail) -> Result<Self, CarrierError> {
        let credentials = match &settings.login {
            Some(login) => Some(Credentials::new(login.user.clone(), login.password.read_text()?)),
            None => None,
        };
        let tls = match settings.tls {
            MailTls::Implicit | MailTls::StartTls => Some(tls(settings)?),
            MailTls::Off => None,
        };
        Ok(Self(Arc::new(Ready { settings: settings.clone(), credentials, tls })))
    }

    /// Hands over the letter of job `job`, which was promised at `at`; the answer is what the server said.
    ///
    /// Takes no longer than the configured time-out and 2 s.
    ///
    /// # Errors
    ///
    /// [`Undelivered`] with whether it is worth another try.
    pub async fn carry(&self, letter: &Letter, job: i64, at: SystemTime) -> Result<String, Undelivered> {
        let from = &self.0.settings.from;
        let composed = compose(letter, from, &message_id(job, at, from), at).map_err(Undelivered::Never)?;
        let within = self.0.settings.timeout;
        let sent = timeout(within, self.0.hand_over(&composed)).await;
        let (mut connection, said) = sent.map_err(|_late| {
            Undelivered::Later(format!("the mail server was not done within {} s", within.as_secs()))
        })??;
        // It is sent; a server that does not say goodbye changes nothing.
        drop(timeout(GOODBYE, connection.quit()).await);
        Ok(words(&said))
    }

    /// The longest time that [`Carrier::carry`] takes.
    pub(super) fn longest(&self) -> Duration {
        self.0.settings.timeout + GOODBYE
    }
}

impl Ready {
    async fn hand_over(&self, composed: &Composed) -> Result<(AsyncSmtpConnection, Response), Undelivered> {
        let mut connection = self.connect().await?;
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(|error| later("signing in", &error))?;
        }
        let ascii = composed.envelope.to().iter().all(|address| AsRef::<str>::as_ref(address).is_ascii());
        if !ascii && !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Undelivered::Never("the mail server takes no address beyond ASCII".to_owned()));
        }
        let said = connection.send(&composed.envelope, &composed.bytes).await.map_err(|error| refused(&error))?;
        Ok((connection, said))
    }

    /// A connection as the settings want it: encrypted if they say so, or none.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Undelivered> {
        let Mail { host, port, timeout, .. } = &self.settings;
        let (name, each) = (ClientId::default(), *timeout / 3);
        if self.settings.tls == MailTls::Implicit {
            let server = (host.as_str(), *port);
            return AsyncSmtpConnection::connect_tokio1(server, Some(each), &name, self.tls.clone(), None)
                .await
                .map_err(|error| later("connecting", &error));
        }
        let stream = Box::new(Lines::new(dial(host, *port, each).await?));
        let connection = AsyncSmtpConnection::connect_with_transport(stream, &name).await;
        let mut connection = connection.map_err(|error| later("greeting", &error))?;
        if let Some(tls) = &self.tls {
            connection.starttls(tls.clone(), &name).await.map_err(|error| later("STARTTLS", &error))?;
        }
        Ok(connection)
    }
}

/// The first of the host's addresses that answers, each within this time.
async fn dial(host: &str, port: u16, each: Duration) -> Result<TcpStream, Undelivered> {
    let failed = |error: io::Error| Undelivered::Later(clean(&format!("connecting: {error}")));
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in tokio::net::lookup_host((host, port)).await.map_err(failed)? {
        match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_late) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed(last))
}

fn tls(settings: &Mail) -> Result<TlsParameters, CarrierError> {
    let mut tls = TlsParametersBuilder::new(settings.host.clone());
    if let Some(file) = &settings.ca {
        let pem = std::fs::read(file).map_err(CarrierError::Ca)?;
        // Only these are trusted then: a private relay's name can mean nothing to a public authority.
        tls = tls.certificate_store(CertificateStore::None);
        if !pem.windows(BEGIN.len()).any(|part| part == BEGIN) {
            return Err(CarrierError::Ca(io::Error::new(io::ErrorKind::InvalidData, "it holds no certificate")));
        }
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(CarrierError::Tls)?);
    }
    tls.build().map_err(CarrierError::Tls)
}

/// A failure that says nothing about the letter.
fn later(doing: &str, error: &smtp::Error) -> Undelivered {
    Undelivered::Later(clean(&format!("{doing}: {error}")))
}

/// What became of a letter that was offered.
fn refused(error: &smtp::Error) -> Undelivered {
    let told = clean(&error.to_string());
    // These ask for a sign-in (RFC 4954 §6): the operator's settings are wrong, not the letter.
    let sign_in = error.status().is_some_and(|code| matches!(code.to_string().as_str(), "530" | "534" | "535" | "538"));
    if error.is_permanent() && !sign_in { Undelivered::Never(told) } else { Undelivered::Later(told) }
}

fn words(said: &Response) -> String {
    clean(&format!("{} {}", said.code(), said.message().collect::<Vec<_>>().join(" ")))
}

/// A server's words in one short line. A server that quotes the letter must bring neither its link nor an
/// address into a log, so what is as long as a token or holds an `@` is left out.
fn clean(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|letter: char| letter.is_control() || letter == ' ').filter(|word| !word.is_empty()) {
        let parts = word.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
        let is_quoted = word.contains('@') || parts.map(str::len).max().unwrap_or_default() >= TOKEN_LETTERS;
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(if is_quoted { "[…]" } else { word });
    }
    line.chars().take(MAX_TOLD).collect()
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Carrier").field(&self.0.settings).finish()
    }
}

/// How long a server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What each PEM certificate begins with (RFC 7468 §5.1).
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Mailed tokens have 40 letters.
const TOKEN_LETTERS: usize = 36;

/// The most letters that are kept of a server's words.
const MAX_TOLD: usize = 300;
