//! Secrets stand in no store but as digests, and in no print, log, error or answer.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trackgate::accounts::{Origin, Registration};
use trackgate::ports::{AccountChange, AuditFilter, NewAccount};
use trackgate::telemetry::{AccessLog, Form};
use trackgate_schemes::jwt::{Algorithm, Keys};
use trackgate_schemes::store::AccountState;
use trackgate_schemes::{AccountName, Digest, DigestKey, Grants, Secret};

use super::{credentials, status};
use crate::harness::{Inside, basic};

/// What stands behind the last blank or colon: the credential itself.
fn credential(head: &str) -> &str {
    head.trim_end().rsplit([' ', ':']).next().unwrap()
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

fn search(folder: &Path, needles: &[&str]) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += search(&path, needles);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for needle in needles {
            assert!(!contains(&bytes, needle.as_bytes()), "{} holds a credential", path.display());
        }
        files += 1;
    }
    files
}

#[test]
fn brt_11_no_credential_stands_in_the_files_of_the_store() {
    let inside = Inside::start("");
    let rider = inside.account("rider");
    let credentials = credentials(&inside, &rider);
    for (scheme, head) in &credentials {
        assert_eq!(status(&inside.ask(head, "")), 200, "{scheme}");
    }
    let [_, (_, api), (_, lp), (_, fit)] = &credentials;
    let (api, lp, fit) = (credential(api), credential(lp), credential(fit));
    // The id of a token is no secret; the rest of it is, and so is a signature.
    let needles = [
        "correct-horse",
        api,
        api.split_at(api.len() / 2).1,
        lp,
        fit,
        fit.rsplit('.').next().unwrap(),
        "Y29ycmVjdC1ob3JzZ",
    ];
    for needle in needles {
        assert!(needle.len() >= 13, "{needle} could stand there by chance");
    }
    // Beside the write-ahead log, then in what is left after an orderly end.
    assert!(search(inside.folder.path(), &needles) > 0);
    inside.wait(inside.gateway().accounts().store().close()).unwrap();
    assert!(search(inside.folder.path(), &needles) > 0);
}

/// Keeps what is logged.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn log_05_nothing_prints_a_secret() {
    let log = Kept::default();
    let folder = tempfile::tempdir().unwrap();
    let inside = Inside::start_in(folder, "", AccessLog::to(log.clone(), Form::Json));
    let rider = inside.account("rider");
    let credentials = credentials(&inside, &rider);
    let mut secrets = vec!["correct-horse".to_owned(), "marked-horse".to_owned()];
    for (scheme, head) in &credentials {
        let answer = inside.ask(head, "");
        assert_eq!(status(&answer), 200, "{scheme}");
        let secret = credential(head).to_owned();
        assert!(!contains(&answer.body, secret.as_bytes()), "{scheme}: an answer repeats the credential");
        // Wrong ones are no better to print.
        drop(inside.ask(&format!("{}\n{}", head.lines().next().unwrap(), basic("rider", "marked-horse")), ""));
        drop(inside.ask(&format!("GET /ping?password={secret}&token=marked-horse"), ""));
        secrets.push(secret);
    }
    secrets.push("bWFya2VkLWhvcnNl".to_owned());
    let form = "password=correct-horse&new_password=marked-horse";
    let head = format!(
        "POST /user/change-password\nContent-Type: application/x-www-form-urlencoded\n{}",
        basic("rider", "marked")
    );
    drop(inside.ask(&head, form));

    let gateway = format!("{:?}", inside.gateway());
    assert!(gateway.len() > 100, "{gateway}");
    let begun = std::time::Instant::now();
    while log.0.lock().unwrap().split(|byte| *byte == b'\n').count() <= 15 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the log is not written");
        std::thread::sleep(Duration::from_millis(5));
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let audit = inside.gateway().accounts().store().audit(AuditFilter { limit: 1000, ..AuditFilter::default() });
    let audit = format!("{:?}", inside.wait(audit).unwrap());
    for secret in &secrets {
        assert!(!gateway.contains(secret), "the gateway prints {secret}");
        assert!(!log.contains(secret), "the log holds {secret}");
        assert!(!audit.contains(secret), "the audit trail holds {secret}");
    }
}

#[test]
fn log_05_every_type_that_holds_a_secret_prints_it_as_redacted() {
    const MARK: &str = "0123456789-marked-horse-0123456789-marked";
    let inside = Inside::start("");
    let secret = || Secret::from(MARK);
    let registration = Registration {
        name: "rider".to_owned(),
        email: None,
        password: Some(secret()),
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
    };
    let new = NewAccount {
        name: "rider".into(),
        canonical: AccountName::parse("rider").unwrap(),
        email: None,
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
        password: Some(secret()),
        created_at: inside.now(),
    };
    let change = AccountChange { password: Some(secret()), ..AccountChange::default() };
    let mut account = inside.account("rider");
    let origin = Origin::operator();
    let issued = inside.gateway().accounts().issue_token(&account, "test", Grants::NONE, None, &origin);
    let issued = inside.wait(issued).unwrap();
    account.password = Some(secret());
    let keys = Keys::secret(Algorithm::HS256, &secret()).unwrap();
    let (digest, key) = (Digest::sha256(MARK.as_bytes()), DigestKey::random());
    let printed = [
        format!("{:?} {:#?}", secret(), secret()),
        format!("{registration:?} {registration:#?}"),
        format!("{new:?} {new:#?}"),
        format!("{change:?} {change:#?}"),
        format!("{account:?} {account:#?}"),
        format!("{keys:?} {keys:#?}"),
        format!("{issued:?} {issued:#?}"),
        format!("{digest:?} {key:?}"),
    ];
    let text = issued.text.expose_text().unwrap();
    let digest: String = digest
        .as_bytes()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap()))
        .collect();
    let numbers = format!("{:?}", MARK.as_bytes());
    let numbers = numbers.trim_matches(['[', ']']);
    for printed in printed {
        for needle in [MARK, "marked-horse", text, &digest, numbers] {
            assert!(!printed.contains(needle), "{printed}");
        }
    }
}
