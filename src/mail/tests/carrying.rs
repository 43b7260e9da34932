use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use base64::Engine as _;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A carrier that signs in as `me` with the password `opensesame`.
pub(super) fn with_login(folder: &TempDir, scheme: &str, server: SocketAddr) -> Carrier {
    let file = folder.path().join("password");
    std::fs::write(&file, "opensesame\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (file, ca) = (file.display(), folder.path().join("ca.pem"));
    let ca = if ca.is_file() { format!("ca = \"{}\"", ca.display()) } else { String::new() };
    let lines = format!("url = \"{scheme}://me@{server}\"\npassword = \"file:{file}\"\ntimeout = \"5s\"\n{ca}");
    Carrier::new(&settings(&lines)).unwrap()
}

/// A server's TLS for 127.0.0.1, whose certificate goes into the folder as `ca.pem`.
fn tls(folder: &TempDir) -> TlsAcceptor {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.path().join("ca.pem"), cert.pem()).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn carried(carrier: &Carrier) -> Result<String, Undelivered> {
    carrier.carry(&letter(), 7, SystemTime::UNIX_EPOCH + Duration::from_secs(5)).await
}

#[tokio::test]
async fn the_answer_is_what_the_server_said() {
    let sink = Sink::start(&[], None).await;
    let carrier = Carrier::new(&settings(&format!("url = \"smtp://{}\"", sink.address))).unwrap();
    assert_eq!(carried(&carrier).await.unwrap(), "250 taken as 1A2B");
    let commands = sink.heard()[0].commands.clone();
    assert_eq!(commands[1], "MAIL FROM:<riders@example.org>");
    assert_eq!(commands[2], "RCPT TO:<anna@example.org>");
    assert_eq!(commands.last().unwrap(), "QUIT");
    assert!(!commands.iter().any(|command| command.starts_with("AUTH")));
}

#[tokio::test]
async fn eml_05_without_starttls_neither_letter_nor_credential_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(&[], None).await;
    let failed = carried(&with_login(&folder, "smtp", sink.address)).await.unwrap_err();
    assert!(matches!(failed, Undelivered::Later(ref why) if why.contains("STARTTLS")), "{failed}");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let heard = sink.heard();
    assert!(heard.iter().all(|heard| heard.data.is_none()));
    let commands: Vec<_> = heard.iter().flat_map(|heard| &heard.commands).collect();
    assert!(commands.iter().all(|command| command.starts_with("EHLO ") || *command == "QUIT"), "{commands:?}");
}

#[tokio::test]
async fn starttls_to_a_server_with_a_known_certificate_signs_in_and_sends() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(&[Does::StartTls("")], Some(tls(&folder))).await;
    carried(&with_login(&folder, "smtp", sink.address)).await.unwrap();
    let heard = sink.heard().pop().unwrap();
    let place = |word: &str| heard.commands.iter().position(|command| command.starts_with(word)).unwrap();
    assert!(place("STARTTLS") < place("AUTH") && place("AUTH") < place("MAIL"));
    let pair = base64::engine::general_purpose::STANDARD.encode("\0me\0opensesame");
    assert_eq!(heard.commands[place("AUTH")], format!("AUTH PLAIN {pair}"));
    assert!(heard.data.is_some());
}

#[tokio::test]
async fn tls_from_the_first_byte_signs_in_and_sends() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(&[Does::TlsFirst], Some(tls(&folder))).await;
    carried(&with_login(&folder, "smtps", sink.address)).await.unwrap();
    let heard = sink.heard().pop().unwrap();
    assert!(heard.data.is_some() && heard.commands.iter().any(|command| command.starts_with("AUTH PLAIN ")));
}

#[tokio::test]
async fn a_file_without_a_certificate_is_told_at_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = format!("url = \"smtps://127.0.0.1\"\nca = \"{}\"", file.path().display());
    assert!(matches!(Carrier::new(&settings(&lines)), Err(CarrierError::Ca(_))));
}

#[tokio::test]
async fn eml_05_a_certificate_of_somebody_else_ends_it_before_the_credential() {
    let folder = tempfile::tempdir().unwrap();
    let server = tls(&folder);
    // Another certificate is trusted than the one that the server shows.
    drop(tls(&folder));
    let sink = Sink::start(&[Does::StartTls("")], Some(server)).await;
    let failed = carried(&with_login(&folder, "smtp", sink.address)).await.unwrap_err();
    assert!(matches!(failed, Undelivered::Later(ref why) if why.contains("STARTTLS")), "{failed}");
    assert!(!sink.heard()[0].commands.iter().any(|command| command.starts_with("AUTH")));
}

#[tokio::test]
async fn eml_05_lines_that_were_slipped_in_before_tls_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let slipped = "250-sink\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 taken\r\n";
    let sink = Sink::start(&[Does::StartTls(slipped)], Some(tls(&folder))).await;
    let failed = carried(&with_login(&folder, "smtp", sink.address)).await.unwrap_err();
    assert!(matches!(failed, Undelivered::Later(ref why) if why.contains("STARTTLS")), "{failed}");
    assert!(sink.letters().is_empty());
}

#[tokio::test]
async fn nobody_who_listens_is_worth_another_try() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let carrier = Carrier::new(&settings(&format!("url = \"smtp://{free}\""))).unwrap();
    let failed = carried(&carrier).await.unwrap_err();
    assert!(matches!(failed, Undelivered::Later(ref why) if why.starts_with("connecting: ")), "{failed}");
}

#[tokio::test]
async fn log_05_a_server_that_quotes_the_link_does_not_bring_it_into_the_log() {
    let token = "fqPXSB1ZiCPqTa1iBlMvL2vG3uwhmUbRwr5vInU7";
    let answer = "554 5.7.1 blocked: https://ui.example.org/x?token=fqPXSB1ZiCPqTa1iBlMvL2vG3uwhmUbRwr5vInU7 is spam to <anna@example.org>";
    let sink = Sink::start(&[Does::Rcpt(answer)], None).await;
    let carrier = Carrier::new(&settings(&format!("url = \"smtp://{}\"", sink.address))).unwrap();
    let Undelivered::Never(why) = carried(&carrier).await.unwrap_err() else { panic!("it was permanent") };
    assert!(why.contains("5.7.1 blocked: […] is spam to […]") && !why.contains(token), "{why}");
}

#[tokio::test]
async fn log_05_neither_carrier_nor_letter_prints_what_is_secret() {
    let folder = tempfile::tempdir().unwrap();
    let carrier = with_login(&folder, "smtp+plain", "127.0.0.1:1".parse().unwrap());
    let printed = format!("{carrier:?} {:?}", letter());
    assert!(!printed.contains("opensesame") && !printed.contains("Read this"), "{printed}");
}
