//! The OpenAPI document and its page: of what is mounted, and of nothing else.

use std::process::Command;

use crate::harness::{BINARY, Inside};

#[test]
fn the_document_tells_of_the_running_configuration_and_the_command_prints_the_same() {
    let mut inside = Inside::start("");
    let document = inside.ask("GET /api/openapi.json", "");
    assert_eq!((document.status, document.header("content-type")), (200, "application/json"));
    let told = document.json();
    assert_eq!(told["openapi"], "3.1.0");
    for path in ["/login", "/user/{username}", "/api/auth/login", "/api/v2/sessions.php"] {
        assert!(told["paths"][path].is_object(), "{path}");
    }
    let data = inside.folder.path().join("untouched");
    let said = Command::new(BINARY).arg("openapi").arg("--data-dir").arg(&data).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    assert_eq!(std::str::from_utf8(&said.stdout).unwrap().trim_end(), document.text());
    assert!(!data.exists(), "printing it makes no store");
    inside.reload("[[routes]]\nname = \"s\"\ntracker = \"sessions\"\n").unwrap();
    let after = inside.ask("GET /api/openapi.json", "").json();
    assert_eq!(after["paths"].as_object().unwrap().len(), 5);
    assert!(after["paths"]["/login"].is_null());
}

#[test]
fn the_document_is_sent_once_to_a_client_that_keeps_it() {
    let inside = Inside::start("");
    let first = inside.ask("GET /api/openapi.json", "");
    let tag = first.header("etag");
    assert!(tag.starts_with('"') && tag.len() > 40, "{tag}");
    let again = inside.ask(&format!("GET /api/openapi.json\nIf-None-Match: {tag}"), "");
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag));
    let head = inside.ask("HEAD /api/openapi.json", "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(inside.ask("POST /api/openapi.json", "").status, 405);
}

#[test]
fn the_page_runs_its_own_script_alone() {
    let inside = Inside::start("");
    let page = inside.ask("GET /api/docs", "");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.text().starts_with("<!doctype html>"));
}

#[test]
fn what_an_operator_has_at_the_same_path_comes_first() {
    let text = "[upstreams.u]\nurls = [\"http://127.0.0.1:1\"]\n\
                [[routes]]\nname = \"api\"\nmatch = \"/api/{*rest}\"\nupstream = \"u\"\nauth = \"none\"\npublic = \"test\"\n\
                [[routes]]\nname = \"live\"\ntracker = \"livetracking\"\n";
    let inside = Inside::start(text);
    assert_eq!(inside.ask("GET /api/openapi.json", "").status, 502);
    assert_eq!(inside.ask("GET /api/docs", "").status, 502);
    let nothing = Inside::start(
        "[upstreams.u]\nurls = [\"http://127.0.0.1:1\"]\n\
         [[routes]]\nname = \"a\"\nmatch = \"/a\"\nupstream = \"u\"\nauth = \"none\"\npublic = \"test\"\n",
    );
    assert_eq!(nothing.ask("GET /api/openapi.json", "").status, 404, "no tracker is mounted: there is nothing to tell");
}
