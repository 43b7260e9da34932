//! The original's web application behind FitTrackee's paths (contract section 2.2).

use std::fs;
use std::path::Path;

use trackgate::telemetry::AccessLog;

use super::harness::{Answer, Inside, basic};

const CONFIG: &str = "[trackers.fittrackee]\nweb_app = \"dist\"\n";
const INDEX: &str = "<!doctype html><title>the app</title>\n";
const SCRIPT: &str = "console.log('the app')\n";

fn dist(folder: &Path) {
    let dist = folder.join("dist");
    for (name, text) in [
        ("index.html", INDEX),
        ("favicon.ico", "icon"),
        ("static/index-DDy7SB-Y.js", SCRIPT),
        ("static/index-DDy7SB-Y.js.gz", "not really gzip"),
        ("static/css/plain.css", "a{}"),
        ("img/caf\u{e9} 1.svg", "<svg/>"),
        (".env", "SECRET=1"),
        (".git/config", "SECRET=1"),
    ] {
        let path = dist.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn with_app(routes: &str) -> Inside {
    let folder = tempfile::tempdir().unwrap();
    dist(folder.path());
    Inside::start_in(folder, &format!("{CONFIG}{routes}"), AccessLog::off())
}

/// FitTrackee and LPTracker alone, so that `/` is nobody's.
const TWO: &str =
    "[[routes]]\nname = \"fit\"\ntracker = \"fittrackee\"\n[[routes]]\nname = \"lp\"\ntracker = \"lptracker\"\n";

fn sorted(answer: &Answer) -> Vec<&str> {
    let mut methods: Vec<_> = answer.header("allow").split(", ").collect();
    methods.sort_unstable();
    methods
}

fn is_index(answer: &Answer) -> bool {
    let lines = ["content-type", "cache-control", "x-content-type-options"].map(|name| answer.header(name));
    answer.status == 200 && answer.text() == INDEX && lines == ["text/html; charset=utf-8", "no-cache", "nosniff"]
}

#[test]
fn a_get_that_nobody_answers_is_the_index_page() {
    let inside = with_app(TWO);
    for path in [
        "/",
        "/?a=//b",
        "/dashboard",
        "/users/anna",
        "/account-confirmation?token=abc",
        "/api",
        "/api/",
        "/api/auth/nothing",
        "/api/auth/login",
        "/api/auth/register",
        "/api/auth/picture",
        "/api/auth/profile/",
        "/API/auth/profile",
        "/api/auth/Profile",
        "/static/none-DDy7SB-Y.js",
        "/static/css",
        "/login",
        "/.env",
        "/.git/config",
        "/index.html",
        "/%7Bname%7D",
    ] {
        assert!(is_index(&inside.ask(&format!("GET {path}"), "")), "{path}");
        let head = inside.ask(&format!("HEAD {path}\nRange: bytes=0-1"), "");
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), INDEX.len().to_string(), "{path}");
    }
    // A credential, good or bad, changes nothing.
    assert!(is_index(&inside.ask("GET /dashboard\nAuthorization: Bearer junk", "")));
}

#[test]
fn a_get_that_somebody_answers_is_theirs() {
    let inside = with_app("");
    let anna = inside.account("anna");
    let token = inside.token(&anna, "profile:read");
    let profile = |credential: &str| inside.ask(&format!("GET /api/auth/profile\n{credential}"), "");
    assert_eq!((profile("").status, profile("").header("content-type")), (401, "application/json"));
    assert_eq!(profile(&format!("Authorization: Bearer {token}")).json()["data"]["username"], "anna");
    for (path, status) in [("/users", 401), ("/user/anna", 401), ("/projects", 200), ("/ping", 204), ("/", 200)] {
        let answer = inside.ask(&format!("GET {path}"), "");
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.text().contains("the app"), "{path}");
    }
    assert_eq!(inside.ask(&format!("GET /user\n{}", basic("anna", "correct-horse")), "").status, 200);
    assert_eq!(
        inside.ask("GET /.well-known/jwks.json", "").header("content-type").split(';').next(),
        Some("application/json")
    );
    // Paths of other trackers that take no GET are pages of the app: people reload them.
    assert!(is_index(&inside.ask("GET /login", "")));
    assert!(is_index(&inside.ask("GET /register", "")));
    // A client that is known by its header gets its tracker's words.
    let lost = inside.ask("GET /nowhere\ntoken: abc", "");
    assert_eq!((lost.status, lost.json()["status"].as_str()), (200, Some("error")), "{lost:?}");
}

#[test]
fn other_methods_are_told_which_there_are() {
    let inside = with_app(TWO);
    for (request, methods) in [
        ("PUT /api/auth/login", vec!["GET", "HEAD", "OPTIONS", "POST"]),
        ("POST /api/auth/profile", vec!["GET", "HEAD", "OPTIONS"]),
        ("PUT /api/auth/picture", vec!["DELETE", "GET", "HEAD", "OPTIONS", "POST"]),
        ("POST /api/auth/nothing", vec!["GET", "HEAD", "OPTIONS"]),
        ("DELETE /dashboard", vec!["GET", "HEAD", "OPTIONS"]),
        ("POST /", vec!["GET", "HEAD", "OPTIONS"]),
    ] {
        let answer = inside.ask(request, "{}");
        assert_eq!((answer.status, answer.header("content-type")), (405, "text/html; charset=utf-8"), "{request}");
        assert_eq!(sorted(&answer), methods, "{request}");
        assert!(answer.text().starts_with("<!doctype html>") && !answer.text().contains("the app"), "{request}");
        let path = request.split(' ').nth(1).unwrap();
        let options = inside.ask(&format!("OPTIONS {path}"), "");
        assert_eq!((options.status, options.body.len(), sorted(&options)), (200, 0, methods), "{request}");
    }
    // LPTracker's own words, and the page that GET would give.
    let answer = inside.ask("DELETE /login", "");
    assert!(sorted(&answer).is_empty() || sorted(&answer).contains(&"GET") || answer.status == 200, "{answer:?}");
}

#[test]
fn files_are_served_with_their_types_and_only_hashed_ones_for_ever() {
    let inside = with_app(TWO);
    for (path, kind, caching, body) in [
        ("/static/index-DDy7SB-Y.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", SCRIPT),
        ("/static/css/plain.css", "text/css; charset=utf-8", "no-cache", "a{}"),
        ("/favicon.ico", "image/x-icon", "no-cache", "icon"),
        ("/img/caf%C3%A9%201.svg", "image/svg+xml", "no-cache", "<svg/>"),
    ] {
        let answer = inside.ask(&format!("GET {path}"), "");
        assert_eq!((answer.status, answer.text()), (200, body), "{path}");
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (kind, caching), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let known = inside.ask(&format!("GET {path}\nIf-None-Match: {}", answer.header("etag")), "");
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
        let since = inside.ask(&format!("GET {path}\nIf-Modified-Since: {}", answer.header("last-modified")), "");
        assert_eq!(since.status, 304, "{path}");
    }
    let part = inside.ask("GET /static/index-DDy7SB-Y.js\nRange: bytes=0-6", "");
    assert_eq!((part.status, part.text(), part.header("content-range")), (206, "console", "bytes 0-6/23"));
    let beyond = inside.ask("GET /static/index-DDy7SB-Y.js\nRange: bytes=99-", "");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */23"));
    let packed = inside.ask("GET /static/index-DDy7SB-Y.js\nAccept-Encoding: br, gzip", "");
    assert_eq!((packed.text(), packed.header("content-encoding")), ("not really gzip", "gzip"));
    assert_eq!(
        (packed.header("vary"), packed.header("content-type")),
        ("accept-encoding", "text/javascript; charset=utf-8")
    );
    let plain = inside.ask("GET /static/index-DDy7SB-Y.js\nAccept-Encoding: gzip;q=0", "");
    assert_eq!((plain.text(), plain.header("content-encoding")), (SCRIPT, ""));
    assert_ne!(plain.header("etag"), packed.header("etag"));
}

#[test]
fn pth_03_a_double_slash_is_sent_on_to_the_clean_path() {
    let inside = with_app(TWO);
    for (path, location) in [
        ("//api/auth/profile", "/api/auth/profile"),
        ("/api//auth///profile?a=b//c", "/api/auth/profile?a=b//c"),
        ("//evil.example/x", "/evil.example/x"),
        ("///", "/"),
        ("/dashboard//", "/dashboard/"),
        ("//a%c3%a9%20b", "/a%C3%A9%20b"),
    ] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let answer = inside.ask(&format!("{method} {path}"), "");
            assert_eq!((answer.status, answer.header("location")), (308, location), "{method} {path}");
        }
    }
    // Every other fault of a path, and other trackers' paths, stay 400.
    for path in
        ["//../a", "/a//%2e%2e", "//a%2fb", "//a;b", "/\\evil.example", "//a\\b", "//%00", "//projects", "//login"]
    {
        assert_eq!(inside.ask(&format!("GET {path}"), "").status, 400, "{path}");
    }
    assert_eq!(inside.ask("GET //x\ntoken: abc", "").header("location"), "");
}

#[test]
fn without_an_application_everything_stays_as_it_is() {
    let inside = Inside::start(TWO);
    for (request, status) in [
        ("GET /", 404),
        ("GET /dashboard", 404),
        ("GET /api/auth/nothing", 404),
        ("GET /api/auth/login", 405),
        ("POST /api/auth/nothing", 404),
        ("OPTIONS /dashboard", 404),
        ("GET //api/auth/profile", 400),
    ] {
        assert_eq!(inside.ask(request, "").status, status, "{request}");
    }
    assert_eq!(inside.ask("OPTIONS /api/auth/login", "").header("allow"), "OPTIONS, POST");
}

#[test]
fn the_application_is_there_for_its_hosts_alone_and_never_before_an_upstream() {
    let routes = "[upstreams.up]\nurls = [\"http://127.0.0.1:9\"]\n\
        [[routes]]\nname = \"fit\"\ntracker = \"fittrackee\"\nhosts = [\"fit.example\"]\n\
        [[routes]]\nname = \"up\"\nmatch = \"POST /points\"\nauth = \"none\"\npublic = \"a test\"\nupstream = \"up\"\n";
    let inside = with_app(routes);
    let ask = |request: &str, host: &str| {
        let wire = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        super::harness::send(inside.address(), wire.as_bytes())
    };
    assert!(is_index(&ask("GET /dashboard", "fit.example")));
    assert_eq!(ask("GET /dashboard", "other.example").status, 404);
    assert_eq!(ask("GET //dashboard", "other.example").status, 400);
    assert_eq!(ask("GET /points", "fit.example").status, 405, "an upstream's path is the upstream's");
    assert_eq!(ask("GET //points", "fit.example").status, 400);
}

#[test]
fn a_reload_reads_the_folder_anew_and_one_without_index_changes_nothing() {
    let mut inside = with_app(TWO);
    let index = inside.folder.path().join("dist/index.html");
    let config = format!("{CONFIG}{TWO}");
    fs::write(&index, "new").unwrap();
    assert!(is_index(&inside.ask("GET /", "")), "it is read once");
    inside.reload(&config).unwrap();
    assert_eq!(inside.ask("GET /", "").text(), "new");
    let link = inside.folder.path().join("dist/link");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
    assert!(inside.reload(&config).is_err());
    assert_eq!(inside.ask("GET /", "").text(), "new");
    fs::remove_file(&link).unwrap();
    inside.reload(TWO).unwrap();
    assert_eq!(inside.ask("GET /", "").status, 404);
}
