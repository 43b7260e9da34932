//! Letters: what a gateway promised it sends, also after it was killed; and the commands about them.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use trackgate::config::{self, Overrides};
use trackgate::mail::Letter;
use trackgate::{assemble, mail};
use trackgate_schemes::SystemClock;

use super::{Place, eventually};

/// A mail server that takes letters, or refuses recipients while it is told to.
struct Sink {
    address: SocketAddr,
    letters: Arc<Mutex<Vec<String>>>,
    refuses: Arc<AtomicBool>,
}

impl Sink {
    fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let sink = Self { address: listener.local_addr().unwrap(), letters: Arc::default(), refuses: Arc::default() };
        let (letters, refuses) = (Arc::clone(&sink.letters), Arc::clone(&sink.refuses));
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &letters, &refuses);
            }
        });
        sink
    }

    fn count(&self) -> usize {
        self.letters.lock().unwrap().len()
    }

    /// A place whose gateway sends here.
    fn place(&self) -> Place {
        place_of(self.address)
    }
}

/// A place whose gateway sends to this address.
fn place_of(sink: SocketAddr) -> Place {
    let from = "from = \"Riders <riders@example.org>\"";
    Place::with(&format!("[mail]\nurl = \"smtp://{sink}\"\n{from}\n{LINKS}"))
}

/// Talks with one client until it leaves.
fn serve(stream: TcpStream, letters: &Mutex<Vec<String>>, refuses: &AtomicBool) {
    let mut out = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut say = |text: &str| out.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    say("220 sink");
    while let Some(Ok(line)) = lines.next() {
        let went_on = match line.split(' ').next().unwrap() {
            "RCPT" if refuses.load(Ordering::SeqCst) => say("550 5.1.1 nobody here"),
            "DATA" => {
                say("354 go on");
                let data: Vec<_> = lines.by_ref().map(Result::unwrap).take_while(|line| line != ".").collect();
                letters.lock().unwrap().push(data.join("\n"));
                say("250 taken as 1A2B")
            }
            "QUIT" => {
                say("221 bye");
                false
            }
            _ => say("250 ok"),
        };
        if !went_on {
            return;
        }
    }
}

/// Puts a letter into the outbox of a place, as a tracker does.
fn post(place: &Place, subject: &str) {
    let overrides = Overrides { data_dir: Some(place.path("data")), listen: None };
    let config = config::load(Some(&place.path("trackgate.toml")), &overrides).unwrap();
    let letter = Letter {
        to: "anna@example.org".to_owned(),
        subject: subject.to_owned(),
        text: "https://ui.example.org/x?token=opensesame\n".to_owned(),
        html: "<p>opensesame</p>".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let ground = assemble::ground(&config, Arc::new(SystemClock)).await.unwrap();
        ground.outbox.as_ref().unwrap().post(None, &letter).await.unwrap();
        ground.accounts.store().close().await.unwrap();
    });
}

/// The listed letters.
fn listed(place: &Place, more: &[&str]) -> Vec<serde_json::Value> {
    let out = place.done(&[&["mail", "list", "--json"], more].concat(), "");
    assert!(!out.contains("opensesame"), "what a letter says is nobody's: {out}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn a_letter_that_was_promised_before_a_crash_is_sent_once_after_it() {
    let sink = Sink::start();
    let place = sink.place();
    drop(place.serve());
    post(&place, "first");
    let mut served = place.serve();
    eventually("the letter arrives", || sink.count() == 1);
    eventually("the letter is done", || listed(&place, &[]).is_empty());
    served.child.kill().unwrap();
    served.child.wait().unwrap();
    let again = place.serve();
    post(&place, "second");
    eventually("the next letter arrives", || sink.count() == 2);
    again.stop();
    let letters = sink.letters.lock().unwrap();
    assert!(letters[0].contains("Subject: first\n") && letters[1].contains("Subject: second\n"));
    assert!(!place.log().contains("opensesame"));
}

#[test]
fn what_was_given_up_is_listed_retried_and_deleted_beside_the_gateway() {
    let sink = Sink::start();
    sink.refuses.store(true, Ordering::SeqCst);
    let place = sink.place();
    let served = place.serve();
    post(&place, "one");
    post(&place, "two");
    eventually("both are given up", || listed(&place, &["--dead"]).len() == 2);
    let rows = listed(&place, &[]);
    let row = &rows[0];
    assert_eq!((&row["to"], &row["subject"]), (&"anna@example.org".into(), &"one".into()));
    assert_eq!((&row["state"], &row["attempts"], &row["next_try_at"]), (&"dead".into(), &1.into(), &().into()));
    assert!(row["error"].as_str().unwrap().contains("nobody here"));
    let table = place.done(&["mail", "list"], "");
    assert!(table.contains("LAST ERROR") && table.contains("nobody here") && !table.contains("opensesame"));
    sink.refuses.store(false, Ordering::SeqCst);
    let id = row["id"].to_string();
    assert_eq!(place.done(&["mail", "delete", &id], ""), "1 letter deleted\n");
    assert_eq!(place.done(&["mail", "retry", "--all-dead"], ""), "1 letter retried\n");
    eventually("the other arrives", || sink.count() == 1);
    eventually("nothing is left", || listed(&place, &[]).is_empty());
    assert!(sink.letters.lock().unwrap()[0].contains("Subject: two\n"));
    served.stop();
    for words in [["mail", "retry", &id], ["mail", "delete", &id]] {
        let said = place.run(&words, "");
        assert_eq!((said.code, said.err.contains("there is no letter")), (1, true), "{}", said.err);
    }
    assert_eq!(place.done(&["mail", "list"], ""), "there are no letters\n");
    assert_eq!(place.run(&["mail", "retry"], "").code, 2);
    assert_eq!(mail::KIND, "mail");
}

#[test]
fn a_letter_that_waits_is_not_retried_by_hand() {
    let sink = Sink::start();
    let place = sink.place();
    post(&place, "waits");
    let id = listed(&place, &[])[0]["id"].to_string();
    let said = place.run(&["mail", "retry", &id], "");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("was not given up"), "{}", said.err);
}

#[test]
fn a_test_letter_is_sent_at_once_and_the_servers_words_are_told() {
    let sink = Sink::start();
    let place = sink.place();
    let out = place.done(&["mail", "test", "anna@example.org"], "");
    assert_eq!(out, "the mail server took it: 250 taken as 1A2B\n");
    assert!(sink.letters.lock().unwrap()[0].contains("To: anna@example.org\n"));
    sink.refuses.store(true, Ordering::SeqCst);
    for (to, told) in [("anna@example.org", "nobody here"), ("a@b.c,d@e.f", "the address is none")] {
        let said = place.run(&["mail", "test", to], "");
        assert_eq!((said.code, said.err.contains(told)), (1, true), "{}", said.err);
    }
    let said = Place::new().run(&["mail", "test", "anna@example.org"], "");
    assert_eq!((said.code, said.err.contains("mail is off")), (1, true), "{}", said.err);
}

/// The token of the link to this page in the letter of this place.
fn token(sink: &Sink, index: usize, page: &str) -> String {
    let letter = sink.letters.lock().unwrap()[index].clone();
    // Quoted-printable (RFC 2045 §6.7) breaks long lines and writes `=` as `=3D`.
    let plain = letter.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let link = format!("https://fit.example.org{page}?token=");
    let (_, rest) = plain.split_once(&link).unwrap_or_else(|| panic!("no {link} in {letter}"));
    rest.chars().take(40).collect()
}

#[test]
fn pwd_08_links_of_letters_confirm_and_reset_also_after_a_crash_and_once() {
    let sink = Sink::start();
    let place = sink.place();
    let mut served = place.serve();
    let post = |served: &super::Served, path: &str, body: &str| {
        served.ask(&format!("POST /api/auth/{path}\nContent-Type: application/json"), body).status
    };
    let form = r#"{"username":"anna","email":"anna@example.org","password":"correct-horse","accepted_policy":true}"#;
    assert_eq!(post(&served, "register", form), 200);
    eventually("the link to confirm arrives", || sink.count() == 1);
    let with_token = |token: &str| format!(r#"{{"token":"{token}","password":"battery-staple"}}"#);
    let confirm = with_token(&token(&sink, 0, "/account-confirmation"));
    assert_eq!(post(&served, "password/reset-request", r#"{"email":"anna@example.org"}"#), 200);
    assert_eq!(post(&served, "password/reset-request", r#"{"email":"nobody@example.org"}"#), 200);
    eventually("the link to reset arrives", || sink.count() == 2);
    let reset = with_token(&token(&sink, 1, "/password-reset"));
    served.child.kill().unwrap();
    served.child.wait().unwrap();
    let served = place.serve();
    assert_eq!(post(&served, "account/confirm", &reset), 400);
    assert_eq!((post(&served, "account/confirm", &confirm), post(&served, "account/confirm", &confirm)), (200, 400));
    let signed = served.jwt("anna");
    assert_eq!((post(&served, "password/update", &reset), post(&served, "password/update", &reset)), (200, 401));
    assert!(served.knows("anna", "battery-staple") && !served.knows("anna", "correct-horse"));
    assert!(served.knows_bearer(&signed), "signed tokens stay (contract section 3.2)");
    eventually("the change is told", || sink.count() == 3);
    served.stop();
    for secret in [&confirm, &reset] {
        assert!(!place.log().contains(secret.split('"').nth(3).unwrap()));
    }
}

#[test]
fn crs_01_a_letter_and_an_archive_that_were_promised_before_kill_9_come_after_it() {
    // Nobody listens there until the gateway was killed.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = place_of(address);
    place.account("anna");
    let mut served = place.serve();
    let signed = format!("Authorization: Bearer {}", served.jwt("anna"));
    let reset = "POST /api/auth/password/reset-request\nContent-Type: application/json";
    assert_eq!(served.ask(reset, r#"{"email":"anna@example.org"}"#).status, 200);
    let export = "/api/auth/account/export";
    assert_eq!(served.ask(&format!("POST {export}/request\n{signed}"), "").status, 200);
    served.child.kill().unwrap();
    served.child.wait().unwrap();

    let sink = Sink::start_at(address);
    let served = place.serve();
    // A claim of the dead process lasts half a minute, and so long a letter waits that nobody took.
    let begun = Instant::now();
    while sink.count() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(90), "{}", place.log());
        thread::sleep(Duration::from_millis(50));
    }
    eventually("nothing is left to be sent", || listed(&place, &[]).is_empty());
    let letters = sink.letters.lock().unwrap().clone();
    let of_reset = letters.iter().filter(|letter| letter.contains("Subject: FitTrackee - Password reset request"));
    assert_eq!((letters.len(), of_reset.count()), (2, 1));
    let told = served.ask(&format!("GET {export}\n{signed}"), "").json();
    assert_eq!(told["request"]["status"], "successful");
    let name = told["request"]["file_name"].as_str().unwrap();
    let archive = served.ask(&format!("GET {export}/{name}\n{signed}"), "");
    assert_eq!((archive.status, archive.body.starts_with(b"PK")), (200, true));
    served.stop();
}

#[test]
fn a_gateway_whose_mail_password_is_missing_does_not_start() {
    let text = "[mail]\nurl = \"smtps://me@127.0.0.1\"\nfrom = \"a@example.org\"\npassword = \"file:nowhere\"\n";
    let place = Place::with(&format!("{text}{LINKS}"));
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["check"]] {
        let said = place.run(words, "");
        assert_eq!(said.code, 1, "{words:?}");
        assert!(said.err.contains("the password for mail cannot be read"), "{}", said.err);
    }
}

/// Where letters lead.
const LINKS: &str = "[trackers.fittrackee]\nui_url = \"https://fit.example.org\"\n";
