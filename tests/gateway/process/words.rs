//! Every sub-command with its exit code: 0 done, 1 refused or failed, 2 wrong usage.

use std::process::Command;

use super::{Place, run, token_id};
use crate::harness::BINARY;

/// Words, standard input, exit code, and what standard output (code 0) or standard error must hold.
type Line<'a> = (&'a [&'a str], &'a str, i32, &'a str);

fn play(place: &Place, lines: &[Line<'_>]) {
    for (words, input, code, told) in lines {
        let said = place.run(words, input);
        assert_eq!(said.code, *code, "{words:?}: {}{}", said.out, said.err);
        let (speaks, silent) = if *code == 0 { (&said.out, &said.err) } else { (&said.err, &said.out) };
        assert!(speaks.contains(told), "{words:?} said {speaks:?}, not {told:?}");
        assert_eq!(silent, "", "{words:?}");
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
}

#[test]
fn user_commands_end_with_their_codes() {
    play(
        &Place::new(),
        &[
            (&["user", "list"], "", 0, "there are no accounts yet"),
            (
                &["user", "add", "rider", "--email", "rider@example.org", "--password-stdin"],
                "correct-horse\n",
                0,
                "`rider` made",
            ),
            (
                &["user", "add", "rider", "--password-stdin"],
                "correct-horse\n",
                1,
                "there is already an account `rider`",
            ),
            (
                &["user", "add", "Rider", "--password-stdin"],
                "correct-horse\n",
                1,
                "there is already an account `Rider`",
            ),
            (
                &["user", "add", "other", "--email", "rider@example.org", "--password-stdin"],
                "correct-horse\n",
                1,
                "another account has the address `rider@example.org`",
            ),
            (
                &["user", "add", "other", "--email", "nowhere", "--password-stdin"],
                "correct-horse\n",
                1,
                "e-mail address",
            ),
            (&["user", "add", "a/b", "--password-stdin"], "correct-horse\n", 1, "name cannot be used"),
            (&["user", "add", "other", "--password-stdin"], "", 1, "password is empty"),
            (&["user", "add", "other", "--password-stdin"], "short\n", 1, "at least 8 characters"),
            (&["user", "add", "robot", "--no-password", "--admin"], "", 0, "`robot` made"),
            (&["user", "add"], "", 2, "<NAME>"),
            (&["user", "add", "other", "--no-password", "--password-stdin"], "", 2, "cannot be used with"),
            (&["user", "show", "RIDER@example.org"], "", 0, "rider"),
            (&["user", "show", "nobody"], "", 1, "there is no account `nobody`"),
            (&["user", "show"], "", 2, "<NAME>"),
            (&["user", "list"], "", 0, "rider@example.org"),
            (&["user", "list", "everybody"], "", 2, "everybody"),
            (&["user", "email", "rider", "next@example.org"], "", 0, "new address"),
            (&["user", "email", "nobody", "next@example.org"], "", 1, "there is no account `nobody`"),
            (
                &["user", "email", "robot", "next@example.org"],
                "",
                1,
                "another account has the address `next@example.org`",
            ),
            (&["user", "passwd", "rider", "--password-stdin"], "battery-staple\n", 0, "new password"),
            (&["user", "passwd", "nobody", "--password-stdin"], "battery-staple\n", 1, "there is no account `nobody`"),
            (&["user", "passwd", "--password-stdin"], "", 2, "<NAME>"),
            (&["user", "grants", "rider", "points:read profile:read"], "", 0, "`rider` has new grants"),
            (&["user", "show", "rider"], "", 0, "points:read profile:read"),
            (&["user", "grants", "rider", "everything"], "", 2, "everything"),
            (&["user", "grants", "nobody", "*"], "", 1, "there is no account `nobody`"),
            (&["user", "disable", "rider"], "", 0, "`rider` disabled"),
            (&["user", "disable", "nobody"], "", 1, "there is no account `nobody`"),
            (&["user", "enable", "rider"], "", 0, "`rider` enabled"),
            (&["user", "enable", "nobody"], "", 1, "there is no account `nobody`"),
            (&["user", "disable"], "", 2, "<NAME>"),
            (&["user", "enable"], "", 2, "<NAME>"),
            (&["user", "delete", "rider"], "", 0, "`rider` deleted"),
            (&["user", "delete", "rider"], "", 1, "there is no account `rider`"),
            (&["user", "delete"], "", 2, "<NAME>"),
            (&["audit"], "", 0, "account.delete"),
            (&["audit", "--user", "nobody"], "", 1, "there is no account `nobody`"),
            (&["audit", "--limit", "many"], "", 2, "many"),
        ],
    );
}

#[test]
fn token_commands_end_with_their_codes() {
    let place = Place::new();
    place.account("rider");
    let text = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read", "--name", "phone"], "");
    let id = token_id(&text);
    play(
        &place,
        &[
            (&["token", "new", "--user", "rider", "--grant", "points:write", "--expires", "180d"], "", 0, "tg_"),
            (&["token", "new", "--user", "nobody", "--grant", "points:write"], "", 1, "there is no account `nobody`"),
            (&["token", "new", "--user", "rider", "--grant", "points"], "", 1, "area:action"),
            (&["token", "new", "--user", "rider", "--grant", "account:admin"], "", 1, "does not have"),
            (&["token", "new", "--user", "rider"], "", 2, "--grant"),
            (&["token", "new", "--grant", "points:write"], "", 2, "--user"),
            (
                &["token", "new", "--user", "rider", "--grant", "points:write", "--expires", "soon"],
                "",
                2,
                "`soon` is not a time",
            ),
            (&["token", "list"], "", 0, "phone"),
            (&["token", "list", "--user", "rider"], "", 0, id),
            (&["token", "list", "--user", "nobody"], "", 1, "there is no account `nobody`"),
            (&["token", "rotate", id, "--overlap", "1h"], "", 0, "tg_"),
            (&["token", "rotate", "nothing"], "", 1, "there is no token `nothing`"),
            (&["token", "rotate"], "", 2, "<ID>"),
            (&["token", "revoke", id], "", 0, "revoked"),
            (&["token", "revoke", id], "", 1, "there is no token"),
            (&["token", "revoke"], "", 2, "<ID>"),
        ],
    );
}

#[test]
fn session_commands_end_with_their_codes() {
    let place = Place::new();
    place.account("rider");
    let served = place.serve();
    let token = served.sliding_token("rider");
    let listed = place.done(&["session", "list", "--user", "rider", "--json"], "");
    let sessions: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert!(!listed.contains(&token));
    let id = sessions[0]["id"].as_str().unwrap();
    play(
        &place,
        &[
            (&["session", "list"], "", 0, "process"),
            (&["session", "list", "--user", "nobody"], "", 1, "there is no account `nobody`"),
            (&["session", "revoke", id], "", 0, "ended"),
            (&["session", "revoke", id], "", 1, "there is no session"),
            (&["session", "revoke", "--user", "rider"], "", 0, "`rider` ended"),
            (&["session", "revoke", "--user", "nobody"], "", 1, "there is no account `nobody`"),
            (&["session", "revoke"], "", 2, "<ID>"),
            (&["session", "list"], "", 0, "nobody is signed in"),
            (&["session", "list", "--since"], "", 2, "--since"),
        ],
    );
}

#[test]
fn commands_without_a_store_end_with_their_codes() {
    let place = Place::new();
    play(
        &place,
        &[
            (&["hash", "--password-stdin"], "correct-horse\n", 0, "$argon2id$"),
            (&["hash", "--password-stdin"], "", 1, "password is empty"),
            (&["hash", "correct-horse"], "", 2, "unexpected argument"),
            (&["config", "schema"], "", 0, "json-schema.org"),
            (&["config", "example"], "", 0, "[listen]"),
            (&["config"], "", 2, "schema"),
            (&["config", "schemer"], "", 2, "schemer"),
            (&["completions", "bash"], "", 0, "trackgate"),
            (&["completions", "zsh"], "", 0, "#compdef trackgate"),
            (&["completions", "fish"], "", 0, "complete -c trackgate"),
            (&["completions", "tcsh"], "", 2, "tcsh"),
            (&["completions"], "", 2, "<SHELL>"),
            (&["man"], "", 0, ".TH trackgate 1"),
            (&["man", "2"], "", 2, "2"),
            (&["--version"], "", 0, "trackgate "),
            (&["--help"], "", 0, "Usage: trackgate"),
            (&["user", "add", "--help"], "", 0, "--password-stdin"),
            (&["frobnicate"], "", 2, "frobnicate"),
        ],
    );
    assert!(!place.path("data").exists(), "none of these needs a data folder");
}

#[test]
fn check_routes_and_explain_end_with_their_codes() {
    let place = Place::new();
    place.account("rider");
    play(
        &place,
        &[
            (&["check"], "", 0, "the configuration is good"),
            (&["check", "more"], "", 2, "more"),
            (&["routes"], "", 0, "/api/liveinsert.php"),
            (&["routes", "--privat"], "", 2, "--privat"),
            (&["explain", "/ping"], "", 0, "livetracking"),
            (&["explain", "/ping", "-H", "no colon"], "", 1, "is not a header line"),
            (&["explain"], "", 2, "<TARGET>"),
            (&["explain", "/ping", "--raw", "-"], "", 2, "cannot be used with"),
            (&["explain", "--raw", "-"], "nothing like a request\r\n\r\n", 1, "the raw request"),
            (&["explain", "--raw", "not-there"], "", 1, "not-there"),
            (&["check", "--config", "not-there.toml"], "", 1, "not-there.toml: cannot be read"),
        ],
    );
    let open = place.done(&["routes", "--public"], "");
    assert!(open.contains("public: ") && open.contains("/ping") && !open.contains("/projects"), "{open}");
    place.configure("[listen]\nadress = \"127.0.0.1:0\"\n");
    for words in [["check"], ["routes"]] {
        let said = place.run(&words, "");
        assert_eq!((said.code, &*said.out), (1, ""));
        assert!(said.err.contains("trackgate.toml:2:1: unknown field `adress`"), "{}", said.err);
    }
}

#[test]
fn without_words_it_tells_its_usage() {
    let said = run(Command::new(BINARY), "");
    assert_eq!((said.code, &*said.out), (2, ""));
    assert!(said.err.contains("Usage: trackgate"), "{}", said.err);
}

#[test]
fn a_token_is_printed_alone() {
    let place = Place::new();
    place.account("rider");
    let told = place.run(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    let text = told.out.strip_suffix('\n').unwrap();
    assert!(text.starts_with("tg_") && text.len() > 40, "{text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{text}");
    assert_eq!(told.err, "");
}

#[test]
fn a_token_given_for_its_id_is_told_so_and_not_repeated() {
    let place = Place::new();
    place.account("rider");
    let text = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    for command in ["revoke", "rotate"] {
        let said = place.run(&["token", command, text.trim()], "");
        assert_eq!(said.code, 1);
        assert!(said.err.contains("not its id"), "{}", said.err);
        assert!(!said.err.contains(text.trim()), "{}", said.err);
    }
}

#[test]
fn a_password_is_never_an_argument() {
    let place = Place::new();
    for words in [
        &["user", "add", "rider", "--password", "correct-horse"][..],
        &["user", "add", "rider", "correct-horse"],
        &["user", "add", "rider", "--password-stdin=correct-horse"],
        &["user", "passwd", "rider", "--password", "correct-horse"],
        &["user", "passwd", "rider", "correct-horse"],
        &["hash", "--password", "correct-horse"],
    ] {
        assert_eq!(place.run(words, "").code, 2, "{words:?}");
    }
}

#[test]
fn json_is_json_and_holds_no_password() {
    let place = Place::new();
    place.account("rider");
    let issued = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read", "--json"], "");
    let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
    let (id, text) = (issued["id"].as_str().unwrap(), issued["token"].as_str().unwrap());
    assert_eq!(text.split_at(3 + id.len()).0, format!("tg_{id}"));
    let served = place.serve();
    served.sliding_token("rider");
    let sessions: serde_json::Value = serde_json::from_str(&place.done(&["session", "list", "--json"], "")).unwrap();
    let session = sessions[0]["id"].as_str().unwrap();
    for words in [
        &["user", "list"][..],
        &["user", "show", "rider"],
        &["user", "add", "robot", "--no-password"],
        &["user", "email", "robot", "robot@example.org"],
        &["user", "grants", "robot", "points:write"],
        &["user", "disable", "robot"],
        &["user", "enable", "robot"],
        &["user", "delete", "robot"],
        &["token", "list"],
        &["token", "rotate", id, "--overlap", "1h"],
        &["token", "revoke", id],
        &["session", "list"],
        &["session", "revoke", session],
        &["session", "revoke", "--user", "rider"],
        &["audit"],
        &["check"],
        &["routes"],
        &["routes", "--public"],
        &["explain", "/projects"],
        &["config", "schema"],
        &["hash", "--password-stdin"],
    ] {
        let mut words = words.to_vec();
        words.push("--json");
        let out = place.done(&words, "correct-horse");
        let value: Result<serde_json::Value, _> = serde_json::from_str(&out);
        assert!(value.is_ok(), "{words:?} printed {out}");
        assert!(!out.contains("correct-horse") && !out.contains(text), "{words:?}: {out}");
        assert!(words[0] == "hash" || !out.contains("argon2"), "{words:?}: {out}");
    }
}
