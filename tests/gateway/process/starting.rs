//! How `serve` starts, and why it does not.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::Connection;

use super::{Place, Said};

/// Runs `serve` that must end by itself, with code 1 and not a word on standard output.
fn refused(place: &Place, words: &[&str]) -> String {
    let Said { code, out, err } = place.run(&[&["serve"], words].concat(), "");
    assert_eq!((code, &*out), (1, ""), "{err}");
    assert!(!err.contains("panicked"), "{err}");
    err
}

/// Runs statements on a database file, which is made when it is not there.
fn sql(file: &Path, statements: &'static str) {
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn it_prints_one_line_when_it_is_ready_and_nothing_else() {
    let place = Place::new();
    place.account("rider");
    let mut served = place.serve();
    assert_eq!(served.line, format!("listening on http://{}\n", served.address));
    assert_ne!(served.address.port(), 0);
    assert!(served.knows("rider", "correct-horse") && !served.knows("rider", "wrong-horse"));
    place.reload(&served);
    served.signal("TERM");
    let (status, rest) = served.ended();
    assert_eq!((status.code(), &*rest), (Some(0), ""));
    assert!(place.log().contains("/auth"), "the access log goes to standard error");
}

#[test]
fn every_request_that_was_answered_is_in_the_log_when_it_has_stopped() {
    let place = Place::new();
    let served = place.serve();
    for count in 0..50 {
        assert_eq!(served.ask(&format!("GET /time?{count}"), "").status, 200);
    }
    served.stop();
    assert_eq!(place.times_said(r#""path":"/time""#), 50);
}

#[test]
fn flags_win_over_the_file() {
    // The port of the file is taken, so that it could not be used.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::with(&format!("[listen]\naddress = \"{}\"\n", taken.local_addr().unwrap()));
    let served = place.serve();
    assert_ne!(served.address, taken.local_addr().unwrap());
    assert!(place.path("data/trackgate.db").exists());
}

#[test]
fn without_a_flag_the_data_folder_is_trackgate_data_and_only_its_owner_reads_it() {
    let place = Place::new();
    let mut command = std::process::Command::new(crate::harness::BINARY);
    command.env_remove("TRACKGATE_DATA_DIR").env_remove("TRACKGATE_CONFIG").current_dir(place.folder.path());
    command.args(["user", "add", "robot", "--no-password"]);
    assert_eq!(super::run(command, "").code, 0);
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("trackgate-data"), mode("trackgate-data/trackgate.db")), (0o700, 0o600));
}

#[test]
fn a_busy_port_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let told = refused(&Place::new(), &["--listen", &address]);
    assert!(told.contains(&address) && told.contains("in use"), "{told}");
}

#[test]
fn cfg_01_a_mistake_in_the_file_is_told_with_its_place_and_the_nearest_key() {
    let place = Place::with("[limits]\nhead = \"32KiB\"\n  conections = 5\n");
    let told = refused(&place, &[]);
    let file = place.path("trackgate.toml");
    assert!(told.contains(&format!("{}:3:3: unknown field `conections`", file.display())), "{told}");
    assert!(told.contains("did you mean `connections`?"), "{told}");
    assert!(!place.path("data").exists(), "nothing is made before the file was checked");
    let told = refused(&Place::new(), &["--config", "absent.toml"]);
    assert!(told.contains("absent.toml: cannot be read"), "{told}");
    let usage = Place::new().run(&["serve", "--listen", "everywhere"], "");
    assert_eq!(usage.code, 2);
}

#[test]
fn a_file_that_nobody_named_is_not_read_and_that_is_told() {
    let place = Place::with("[limits]\nconections = 5\n");
    let mut command = std::process::Command::new(crate::harness::BINARY);
    command.env_remove("TRACKGATE_CONFIG").current_dir(place.folder.path()).arg("check");
    let said = super::run(command, "");
    assert_eq!((said.code, &*said.err), (0, ""));
    let told = "warning: trackgate.toml lies here and is not read: name it with `--config trackgate.toml`\n";
    assert!(said.out.contains(told) && said.out.contains(" 1 warnings"), "{}", said.out);
}

#[test]
fn cfg_02_tls_02_a_plain_listener_beyond_loopback_needs_its_loosening_flag() {
    let told = refused(&Place::new(), &["--listen", "0.0.0.0:0"]);
    assert!(told.contains("0.0.0.0:0 is not a loopback address") && told.contains("allow_plain"), "{told}");
    let told = refused(&Place::with("[listen]\naddress = \"[::]:0\"\n"), &[]);
    assert!(told.contains("trackgate.toml:2:11") && told.contains("allow_plain"), "{told}");
    let place = Place::with("[listen]\nallow_plain = true\n");
    let checked = place.run(&["check"], "");
    assert_eq!(checked.code, 0, "{}", checked.err);
}

#[test]
fn sto_08_a_database_of_a_newer_version_is_refused_and_left_alone() {
    let place = Place::new();
    place.account("rider");
    let file = place.path("data/trackgate.db");
    sql(&file, "UPDATE meta SET value = '99' WHERE name = 'version'");
    let before = std::fs::read(&file).unwrap();
    let told = refused(&place, &["--listen", "127.0.0.1:0"]);
    assert!(told.contains("newer version") && told.contains("version 99"), "{told}");
    let said = place.run(&["user", "list"], "");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("newer version"), "{}", said.err);
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn sto_08_a_strangers_database_is_refused_and_left_alone() {
    let place = Place::new();
    let file = place.path("data/trackgate.db");
    std::fs::create_dir(place.path("data")).unwrap();
    sql(&file, "CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')");
    let before = std::fs::read(&file).unwrap();
    let told = refused(&place, &["--listen", "127.0.0.1:0"]);
    assert!(told.contains("something else"), "{told}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn sto_08_what_is_no_database_or_open_to_others_is_refused_and_left_alone() {
    let place = Place::new();
    let file = place.path("data/trackgate.db");
    std::fs::create_dir(place.path("data")).unwrap();
    let text = "this is not a database, but it is long enough to be taken for the head of one ".repeat(20);
    std::fs::write(&file, &text).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let told = refused(&place, &["--listen", "127.0.0.1:0"]);
    assert!(told.contains("the store cannot be opened"), "{told}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    let place = Place::new();
    place.account("rider");
    std::fs::set_permissions(place.path("data/trackgate.db"), PermissionsExt::from_mode(0o644)).unwrap();
    let told = refused(&place, &["--listen", "127.0.0.1:0"]);
    assert!(told.contains("chmod 600"), "{told}");
}

#[test]
fn a_key_file_that_is_not_there_is_made_for_its_owner_alone_and_kept() {
    let place = Place::with("[schemes.fit]\nkind = \"jwt\"\nkey = \"file:keys/jwt.key\"\n");
    place.account("rider");
    let served = place.serve();
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("keys"), mode("keys/jwt.key")), (0o700, 0o600));
    let key = std::fs::read(place.path("keys/jwt.key")).unwrap();
    assert!(key.len() >= 64);
    let jwt = served.jwt("rider");
    served.stop();
    let served = place.serve();
    assert!(served.knows_bearer(&jwt));
    assert_eq!(std::fs::read(place.path("keys/jwt.key")).unwrap(), key);
    served.stop();
    std::fs::set_permissions(place.path("keys/jwt.key"), PermissionsExt::from_mode(0o644)).unwrap();
    let told = refused(&place, &["--listen", "127.0.0.1:0"]);
    assert!(told.contains("jwt.key can be read by everybody"), "{told}");
}

#[test]
fn another_issuer_speaks_for_no_account_here_unless_the_operator_says_so() {
    use trackgate::proxy::AssertionKey;
    let place = Place::new();
    let issuer = AssertionKey::from_secret(&AssertionKey::generate()).unwrap();
    let file = place.path("keys.json");
    std::fs::write(&file, issuer.jwks()).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    for (more, loads) in
        [("", false), ("local_accounts = true\n", true), ("external_grants = [\"points:read\"]\n", true)]
    {
        place.configure(&format!("[schemes.sso]\nkind = \"jwt\"\njwks = \"file:keys.json\"\n{more}"));
        let said = place.run(&["check"], "");
        assert_eq!(said.code, i32::from(!loads), "{more}: {}", said.err);
        assert_eq!(said.err.contains("external_grants"), !loads, "{}", said.err);
    }
}
