//! Users of a real FitTrackee 0.8.13 come here, by the command line alone.
//!
//! `.ci/with-fittrackee` runs one and names it. Without it these tests are skipped aloud, and fail if
//! `TRACKGATE_TEST_REQUIRE` names `fittrackee`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helper functions of tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

#[path = "shared/skipped.rs"]
mod skipped;

use skipped::skipped;

/// The real server.
struct Original {
    address: String,
    database: String,
    secret: String,
    ftcli: String,
    uploads: String,
    /// So that names of one test are not those of another.
    suffix: String,
}

impl Original {
    /// `None` where none is named.
    fn find(suffix: &str) -> Option<Self> {
        let named = |name: &str| std::env::var(name).ok();
        let (Some(url), Some(database), Some(secret), Some(ftcli), Some(uploads)) = (
            named("FITTRACKEE_URL"),
            named("FITTRACKEE_DATABASE_URL"),
            named("FITTRACKEE_SECRET"),
            named("FITTRACKEE_FTCLI"),
            named("FITTRACKEE_UPLOADS"),
        ) else {
            skipped("fittrackee");
            return None;
        };
        let address = url.strip_prefix("http://").unwrap().to_owned();
        Some(Self { address, database, secret, ftcli, uploads, suffix: suffix.to_owned() })
    }

    fn name(&self, name: &str) -> String {
        format!("{name}_{}", self.suffix)
    }

    fn email(&self, name: &str) -> String {
        format!("{}@Example.org", self.name(name))
    }

    /// Somebody registers and an operator lets him in.
    fn user(&self, name: &str) {
        self.register(name);
        self.operator(&["users", "update", &self.name(name), "--activate"]);
    }

    fn register(&self, name: &str) {
        let body = json!({
            "username": self.name(name), "email": self.email(name), "password": PASSWORD, "accepted_policy": true,
            "language": "fr",
        });
        let answer = ask(&self.address, "POST", "/api/auth/register", None, Some(&body));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    fn operator(&self, arguments: &[&str]) {
        let output = Command::new(&self.ftcli).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn sign_in(&self, name: &str) -> String {
        sign_in(&self.address, &self.email(name), PASSWORD).unwrap()
    }

    /// Runs a statement in its database and gives the first column of the first row.
    fn tell(&self, statement: &str) -> Option<i32> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.database).await.unwrap();
            let statement = AssertSqlSafe(statement.to_owned());
            let answer = sqlx::query_scalar(statement).fetch_optional(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            answer
        })
    }

    fn number(&self, name: &str) -> i32 {
        self.tell(&format!("SELECT id FROM users WHERE username = '{}'", self.name(name))).unwrap()
    }
}

/// A data folder with a configuration that has the key of the real server.
struct Here {
    folder: tempfile::TempDir,
}

impl Here {
    fn new(original: &Original) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("fittrackee.key");
        fs::write(&key, &original.secret).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let config = "[schemes.fit]\nkind = \"jwt\"\nalgorithm = \"HS256\"\nkey = \"file:fittrackee.key\"\n";
        fs::write(folder.path().join("trackgate.toml"), config).unwrap();
        Self { folder }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trackgate"));
        command.args(arguments).arg("--config").arg(self.folder.path().join("trackgate.toml"));
        command.arg("--data-dir").arg(self.data());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Imports with these flags; the exit code and the report.
    fn import(&self, original: &Original, flags: &[&str]) -> (i32, Value) {
        let mut arguments = vec!["import", "fittrackee", "--json", "--from", &original.database];
        arguments.extend(flags);
        let output = self.run(&arguments);
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code().unwrap(), report)
    }

    /// The account of this name, as the command line shows it.
    fn account(&self, name: &str) -> Option<Value> {
        let output = self.run(&["user", "show", name, "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    fn accounts(&self) -> Value {
        serde_json::from_slice(&self.run(&["user", "list", "--json"]).stdout).unwrap()
    }

    fn serve(&self) -> Gateway {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("//").unwrap_or_else(|| panic!("{line:?}")).1.to_owned();
        Gateway { child, address }
    }
}

struct Gateway {
    child: Child,
    address: String,
}

impl Gateway {
    fn profile(&self, token: &str) -> Answer {
        ask(&self.address, "GET", "/api/auth/profile", Some(token), None)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
}

/// Asks one question on a connection of its own.
fn ask(address: &str, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string).unwrap_or_default();
    send(address, method, path, token, "application/json", body.as_bytes())
}

fn send(address: &str, method: &str, path: &str, token: Option<&str>, kind: &str, body: &[u8]) -> Answer {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{token}Content-Type: {kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

/// A form with a small picture, and its type.
fn picture() -> (String, Vec<u8>) {
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(4, 4).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let mut body = b"--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"me.png\"\r\n\r\n".to_vec();
    body.extend(png.into_inner());
    body.extend(b"\r\n--cut--\r\n");
    ("multipart/form-data; boundary=cut".to_owned(), body)
}

fn sign_in(address: &str, email: &str, password: &str) -> Option<String> {
    let body = json!({ "email": email, "password": password });
    let answer = ask(address, "POST", "/api/auth/login", None, Some(&body));
    answer.body["auth_token"].as_str().map(ToOwned::to_owned)
}

/// What became of one user.
fn line<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["users"].as_array().unwrap().iter().find(|line| line["name"] == name).unwrap_or(&Value::Null)
}

#[test]
fn users_of_a_real_server_come_with_passwords_tokens_and_preferences() {
    let Some(original) = Original::find("whole") else { return };
    original.user("anna");
    original.user("berta");
    original.register("carla");
    original.operator(&["users", "update", &original.name("berta"), "--set-admin", "true"]);
    let (anna, berta) = (original.name("anna"), original.name("berta"));
    let gone = original.sign_in("anna");
    // Two tokens of one second are one.
    sleep(Duration::from_millis(1100));
    let kept = original.sign_in("anna");
    let at_original = |method, path, body| ask(&original.address, method, path, Some(&kept), Some(body));
    let preferences = json!({
        "date_format": "yyyy-MM-dd", "display_ascent": false, "imperial_units": true, "language": "de",
        "start_elevation_at_zero": false, "timezone": "America/New_York", "use_dark_mode": null,
        "use_raw_gpx_speed": true, "weekm": true,
    });
    assert_eq!(at_original("POST", "/api/auth/profile/edit/preferences", &preferences).status, 200);
    let about = json!({
        "first_name": "Änna", "last_name": "B", "bio": "rides\nfar", "birth_date": "1980-02-29", "location": "",
    });
    assert_eq!(at_original("POST", "/api/auth/profile/edit", &about).status, 200);
    let bike = json!({ "label": "Bike", "equipment_type_id": 2, "description": "old", "default_for_sport_ids": [1] });
    assert_eq!(at_original("POST", "/api/equipments", &bike).status, 201);
    let ride = json!({
        "sport_id": 1, "workout_date": "2026-11-01 08:00", "duration": 3600, "distance": 25.5, "title": "Ride",
    });
    assert_eq!(at_original("POST", "/api/workouts/no_gpx", &ride).status, 201);
    let (kind, form) = picture();
    assert_eq!(send(&original.address, "POST", "/api/auth/picture", Some(&kept), &kind, &form).status, 200);
    assert_eq!(ask(&original.address, "POST", "/api/auth/logout", Some(&gone), None).status, 200);
    let before = ask(&original.address, "GET", "/api/auth/profile", Some(&kept), None).body["data"].clone();

    let here = Here::new(&original);
    let (_code, dry) = here.import(&original, &["--dry-run", "--pictures", &original.uploads]);
    assert_eq!(line(&dry, &anna)["outcome"], "imported");
    assert!(!here.data().exists(), "a dry run makes nothing");

    let (_code, report) = here.import(&original, &["--pictures", &original.uploads]);
    assert_eq!(report["end"], "complete");
    for name in [&anna, &berta] {
        assert_eq!(line(&report, name), line(&dry, name), "what the dry run told");
    }
    let came = line(&report, &anna);
    assert_eq!((&came["outcome"], &came["workouts"], &came["equipments"]), (&json!("imported"), &json!(1), &json!(1)));
    assert_eq!(came["account"], original.number("anna"));
    assert_eq!(here.account(&berta).unwrap()["grants"], "* account:admin");
    assert_eq!(here.account(&original.name("carla")).unwrap()["state"], "unconfirmed");

    let gateway = here.serve();
    // The old server's tokens: the one that lives, and the one that was signed out.
    let profile = gateway.profile(&kept);
    assert_eq!(profile.status, 200, "{profile:?}");
    for member in SAME_MEMBERS {
        assert_eq!(profile.body["data"][member], before[member], "{member}");
    }
    let shown = ask(&gateway.address, "GET", &format!("/api/users/{anna}/picture"), None, None);
    assert_eq!(shown.status, 200);
    for dead in [gone.clone(), format!("{gone}="), format!("{kept}=")] {
        assert_eq!(gateway.profile(&dead).status, 401);
    }
    // The old password, twice: it is stored anew in between.
    for _ in 0..2 {
        let fresh = sign_in(&gateway.address, &original.email("anna").to_lowercase(), PASSWORD).unwrap();
        assert_eq!(gateway.profile(&fresh).status, 200);
    }
    assert_eq!(sign_in(&gateway.address, &original.email("anna"), "another password"), None);
    assert_eq!(sign_in(&gateway.address, &original.email("carla"), PASSWORD), None, "not confirmed yet");
    // Signing out here ends it here.
    assert_eq!(ask(&gateway.address, "POST", "/api/auth/logout", Some(&kept), None).status, 200);
    assert_eq!(gateway.profile(&kept).status, 401);

    let accounts = here.accounts();
    let (_code, again) = here.import(&original, &[]);
    for name in ["anna", "berta", "carla"] {
        assert_eq!(line(&again, &original.name(name))["outcome"], "already-there");
    }
    assert_eq!(again["signed_out"]["imported"], 0);
    assert_eq!(here.accounts(), accounts, "a second run changes nothing");
    // Who comes later comes with the next run, also while the gateway runs.
    original.user("dora");
    let late = original.sign_in("dora");
    assert_eq!(gateway.profile(&late).status, 401);
    here.import(&original, &[]);
    assert_eq!(gateway.profile(&late).status, 200);
}

#[test]
fn an_old_token_never_signs_in_whoever_has_its_number_here() {
    let Some(original) = Original::find("numbers") else { return };
    original.user("emil");
    let token = original.sign_in("emil");
    let number = original.number("emil");
    let here = Here::new(&original);
    for taken in 1..=number {
        let added = here.run(&["user", "add", &format!("native{taken}"), "--no-password"]);
        assert!(added.status.success(), "{added:?}");
    }
    let native = here.account(&format!("native{number}")).unwrap();
    assert_eq!(native["id"], number);
    let gateway = here.serve();
    assert_eq!(gateway.profile(&token).status, 401, "issued before that account was made");
    // The old server runs on, and issues tokens after that account was made.
    sleep(Duration::from_millis(1100));
    let later = original.sign_in("emil");
    assert_ne!(later, token);
    assert_eq!(gateway.profile(&later).status, 401, "issued after it was made");

    let emil = original.name("emil");
    let (code, report) = here.import(&original, &[]);
    assert_eq!((code, &line(&report, &emil)["outcome"]), (1, &json!("left-out")), "{report}");
    assert!(here.account(&emil).is_none());
    let (_code, report) = here.import(&original, &["--renumber"]);
    assert_eq!(line(&report, &emil)["outcome"], "imported", "{report}");
    let account = here.account(&emil).unwrap();
    assert!(account["id"].as_i64().unwrap() > i64::from(number));
    sleep(Duration::from_millis(1100));
    for old in [&token, &later, &original.sign_in("emil")] {
        assert_eq!(gateway.profile(old).status, 401);
    }
    let fresh = sign_in(&gateway.address, &original.email("emil"), PASSWORD).unwrap();
    assert_eq!(gateway.profile(&fresh).body["data"]["username"], emil);
    assert_eq!(here.account(&format!("native{number}")).unwrap(), native);
}

#[test]
fn what_cannot_come_is_named_and_stops_nobody() {
    let Some(original) = Original::find("odd") else { return };
    original.user("frida");
    let (frida, email) = (original.name("frida"), original.email("frida"));
    original.tell(&format!(
        "INSERT INTO users (username, email, password, created_at, admin, weekm, imperial_units, is_active, \
         display_ascent, start_elevation_at_zero, use_raw_gpx_speed) VALUES \
         ('an odd name', 'odd@example.org', 'x', '0044-03-15 BC', false, false, false, true, true, true, false), \
         ('{frida}2', '{}', 'x', now(), false, false, false, true, true, true, false) \
         RETURNING id",
        email.to_lowercase()
    ));
    let here = Here::new(&original);
    let (code, report) = here.import(&original, &[]);
    assert_eq!((code, &report["end"]), (1, &json!("complete")));
    assert_eq!(line(&report, &frida)["outcome"], "imported");
    assert_eq!(line(&report, "an odd name")["outcome"], "left-out");
    assert_eq!(line(&report, &format!("{frida}2"))["outcome"], "left-out");
    let told = here.run(&["import", "fittrackee", "--from", &original.database]);
    let (out, err) = (String::from_utf8(told.stdout).unwrap(), String::from_utf8(told.stderr).unwrap());
    assert!(out.contains("an odd name") && out.contains("already there"), "{out}");
    assert!(err.contains("something was left out"), "{err}");
    assert!(!format!("{out}{err}").contains("$2b$"), "no password is shown");

    let wrong = |url: &str| {
        let output = here.run(&["import", "fittrackee", "--from", url]);
        assert_eq!(output.status.code(), Some(1), "{url}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(wrong("mysql://localhost/db").contains("must begin with postgres://"));
    let secret = wrong("postgres://someone:hunter2@127.0.0.1:1/none");
    assert!(!secret.contains("hunter2"), "{secret}");
    let other = original.database.replace("/postgres?", "/template1?");
    assert!(wrong(&other).contains("FitTrackee 0.8.13"));
}

#[test]
fn the_help_tells_how_tokens_stay_good() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_trackgate")).args(["import", "fittrackee", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["--from", "--dry-run", "--renumber", "[schemes.fit]", "Ctrl-C"] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

const PASSWORD: &str = "correct horse battery";

/// Members of the profile that hang on nothing but what came along.
const SAME_MEMBERS: [&str; 26] = [
    "accepted_privacy_policy",
    "bio",
    "birth_date",
    "created_at",
    "date_format",
    "display_ascent",
    "email",
    "email_to_confirm",
    "first_name",
    "imperial_units",
    "is_active",
    "language",
    "last_name",
    "location",
    "nb_sports",
    "nb_workouts",
    "picture",
    "sports_list",
    "start_elevation_at_zero",
    "timezone",
    "total_distance",
    "total_duration",
    "use_dark_mode",
    "use_raw_gpx_speed",
    "username",
    "weekm",
];
