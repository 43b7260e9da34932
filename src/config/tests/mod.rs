use std::path::Path;

use super::*;

mod proxied;

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, Path::new("."), &Overrides::default(), "t.toml")
}

fn wrong(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

const UI_URL: &str = "[trackers.fittrackee]\nui_url = \"https://fit.example.org/\"";

#[test]
fn an_empty_file_runs_all_four_trackers_and_the_pages_on_loopback() {
    let config = read("").unwrap();
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:8080");
    let names: Vec<_> = config.routes.iter().map(|route| &*route.name).collect();
    assert_eq!(names, ["fittrackee", "livetracking", "lptracker", "sessions", "account"]);
    assert!(config.routes.iter().all(|route| route.access == checked::Access::Contract));
    assert!(config.warnings.is_empty());
}

#[test]
fn the_example_loads_and_the_schema_is_json() {
    assert_eq!(read(EXAMPLE).unwrap().routes.len(), 3);
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    assert_eq!(schema["properties"]["listen"]["$ref"], "#/$defs/Listen");
}

#[test]
fn upgrades_are_in_lower_case_and_tunnels_may_be_idle_for_an_hour_or_ever() {
    let config = "[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\n[[routes]]\nname = \"r\"\nmatch = \"/a\"\n\
        auth = [\"api\"]\nupstream = \"a\"\nupgrades = [\"WebSocket\", \"Tunnel/1.0\"]";
    let config = read(config).unwrap();
    assert_eq!(config.routes[0].upgrades, ["websocket", "tunnel/1.0"]);
    assert_eq!(config.limits.tunnel_idle, Some(std::time::Duration::from_hours(1)));
    assert_eq!(read("limits.tunnel_idle = \"0s\"").unwrap().limits.tunnel_idle, None);
}

#[test]
fn flags_win_over_the_file() {
    let overrides = Overrides { listen: Some("127.0.0.1:0".parse().unwrap()), data_dir: Some("here".into()) };
    let config = parse("[listen]\naddress = \"127.0.0.1:1\"", Path::new("."), &overrides, "t.toml").unwrap();
    assert_eq!(config.listen.address.port(), 0);
    assert_eq!(config.data_dir, Path::new("here"));
}

#[test]
fn cfg_01_mistakes_are_told_with_file_line_and_what_was_meant() {
    let upstream = "[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\n";
    let route = |lines: &str| format!("{upstream}[[routes]]\nname = \"r\"\n{lines}");
    for (text, told) in [
        ("[listen]\nadress = \"127.0.0.1:1\"".to_owned(), "t.toml:2:1: unknown field `adress`"),
        ("[listen]\nadress = \"127.0.0.1:1\"".to_owned(), "did you mean `address`?"),
        ("[lisen]\n".to_owned(), "did you mean `listen`?"),
        ("[limits]\nbody = \"5\"".to_owned(), "t.toml:2:8: `5` is not a size"),
        ("[limits]\nbody = 5".to_owned(), "t.toml:2:8: "),
        ("[limits]\nhead_timeout = \"0s\"".to_owned(), "t.toml:2:16: `limits.head_timeout`: 0 is no time"),
        (
            route("match = \"/a\"\nauth = [\"bsic\"]\nupstream = \"a\""),
            "t.toml:6:9: `routes[0].auth[0]`: there is no scheme `bsic`",
        ),
        (route("match = \"/a\"\nauth = [\"bsic\"]\nupstream = \"a\""), "did you mean `basic`?"),
        (route("match = \"/a\"\nauth = [\"api\"]\nupstream = \"b\""), "there is no upstream `b` (there are `a`)"),
        (route("match = \"/a\"\nauth = [\"api\"]\ntracker = \"livetraking\""), "did you mean `livetracking`?"),
        (
            route("match = \"/a\"\nauth = [\"api\"]\nupstream = \"a\"\nupgrades = [\"H2C\"]"),
            "t.toml:8:13: `routes[0].upgrades[0]`: `H2C` would carry requests past the gate",
        ),
        (
            route("match = \"/a\"\nauth = [\"api\"]\nupstream = \"a\"\nupgrades = [\"HTTP2-Settings\"]"),
            "it can never be listed",
        ),
        (
            route("match = \"/a\"\nauth = [\"api\"]\nupstream = \"a\"\nupgrades = [\"web socket\"]"),
            "`web socket` is not a protocol such as `websocket`",
        ),
        (
            route("match = \"/a\"\nauth = [\"api\"]\nupstream = \"a\"\nupgrades = [\"a\", \"A\"]"),
            "`routes[0].upgrades[1]`: `a` stands there twice",
        ),
        (
            route("match = \"POST /a\"\nauth = [\"api\"]\nupstream = \"a\"\nupgrades = [\"websocket\"]"),
            "is a `GET`; the route's `match` leaves it out",
        ),
        (
            route("tracker = \"sessions\"\nupgrades = [\"websocket\"]"),
            "only routes to an upstream can switch protocols",
        ),
        (route("match = \"get /a\"\nauth = [\"api\"]\nupstream = \"a\""), "`get` is not a method that can be routed"),
        (route("match = \"/a/../b\"\nauth = [\"api\"]\nupstream = \"a\""), "dot segment"),
        (route("match = \"/a/{x\"\nauth = [\"api\"]\nupstream = \"a\""), "`routes[0].match`"),
        (
            route("match = \"/a\"\nauth = [\"api\"]\nallow = { rate = \"often\" }\nupstream = \"a\""),
            "`routes[0].allow.rate`",
        ),
        (route("match = \"/a\"\nauth = [\"api\"]\nallow = { grants = [\"x\"] }\nupstream = \"a\""), "area:action"),
        (route("auth = [\"api\"]\nupstream = \"a\""), "needs `match`"),
        (route("match = \"/a\"\nauth = [\"api\"]\nupstream = \"a\"\ntracker = \"sessions\""), "not both"),
        (route("match = \"/a\"\nauth = [\"api\"]"), "needs an `upstream`, a `tracker` or `pages`"),
        ("[upstreams.a]\nurls = [\"a.example\"]".to_owned(), "is not a URL"),
        ("[store]\nurl = \"mysql://x\"".to_owned(), "neither `sqlite:FILE` nor `postgres://"),
        (
            route("match = \"/a\"\nhosts = [\"b\", \"a:80\"]\nauth = [\"api\"]\nupstream = \"a\""),
            "`routes[0].hosts[1]`: `a:80` is not a host without a port",
        ),
        (
            format!("[schemes.api]\nkind = \"bearer\"\nrealm = \"{}\"", "r".repeat(65)),
            "`schemes.api.realm`: a realm is printable ASCII",
        ),
        (
            "[trackers.fittrackee]\nweb_app = \"nowhere\"".to_owned(),
            "t.toml:2:11: `trackers.fittrackee.web_app`: there is no index.html in a folder ./nowhere",
        ),
        (
            "[trackers.fittrackee]\npicture_limit = \"11MiB\"".to_owned(),
            "`trackers.fittrackee.picture_limit`: from 1KiB to 10MiB fit here",
        ),
        ("= 1".to_owned(), "t.toml:1:1"),
    ] {
        let error = wrong(&text);
        assert!(error.contains(told), "{text}\n  gave {error}\n  not  {told}");
    }
}

#[test]
fn cfg_01_two_routes_for_the_same_requests_do_not_load() {
    let text = "[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\n\
        [[routes]]\nname = \"r\"\nmatch = \"GET /a/{id}\"\nauth = [\"api\"]\nupstream = \"a\"\n\
        [[routes]]\nname = \"s\"\nmatch = \"GET,POST /a/{name}\"\nauth = [\"api\"]\nupstream = \"a\"";
    assert!(wrong(text).contains("`routes[1].match`: the route `r` answers the same requests"));
}

#[test]
fn cfg_01_a_route_behind_a_wider_one_of_the_same_path_does_not_load() {
    let two = |first: &str, second: &str| {
        let route = |lines: &str| format!("[[routes]]\n{lines}\nauth = [\"api\"]\nupstream = \"a\"\n");
        let upstream = "[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\n";
        read(&format!(
            "{upstream}{}{}",
            route(&format!("name = \"r\"\n{first}")),
            route(&format!("name = \"s\"\n{second}"))
        ))
    };
    for (first, second) in [
        ("match = \"/a\"", "match = \"GET /a\""),
        ("match = \"/a/{x}\"", "match = \"/a/{y}\"\nhosts = [\"a.example\"]"),
        ("match = \"/a\"\nhosts = [\"A.example.\"]", "match = \"/a\"\nhosts = [\"a.example\"]"),
    ] {
        let error = two(first, second).unwrap_err().to_string();
        assert!(error.contains("`routes[1].match`: the route `r` answers the same requests"), "{error}");
    }
    for (first, second) in [
        ("match = \"GET /a\"", "match = \"/a\""),
        ("match = \"/a\"\nhosts = [\"a.example\"]", "match = \"/a\""),
        ("match = \"GET /a\"", "match = \"POST /a\""),
        ("match = \"/a/{x}\"", "match = \"/a/b\""),
    ] {
        assert!(two(first, second).is_ok(), "{first} {second}");
    }
}

#[test]
fn a_pattern_that_no_canonical_path_can_match_does_not_load() {
    for (path, told) in [
        ("/a{id}", "a parameter is a whole segment, such as {id} or {*rest}; `a{id}` is not"),
        ("/{id}.json", "a parameter is a whole segment"),
        ("/files/*", "a parameter is a whole segment"),
        ("/{{x}}", "`{{x}}` is not a parameter"),
        ("/{}", "`{}` is not a parameter"),
        ("/{*rest}/a", "only the last segment can be a rest"),
        ("/{id}/{id}", "`{id}` stands there twice"),
        ("/%61", "write `%61` as `a`"),
        ("/a//b", "the path holds an empty segment: no request would match"),
        ("/a;b", "semicolon"),
        ("/é", "must be escaped"),
    ] {
        let error = wrong(&format!(
            "[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\n[[routes]]\nname = \"r\"\nmatch = \"{path}\"\nauth = [\"api\"]\nupstream = \"a\""
        ));
        assert!(error.contains(told), "{path}: {error}");
    }
}

#[test]
fn a_route_can_set_the_realm_of_schemes_that_have_one() {
    let route = |lines: &str| {
        let text = "[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\n[[routes]]\nname = \"r\"\nmatch = \"GET /auth\"\n";
        read(&format!("{text}{lines}"))
    };
    let config = route("upstream = \"a\"\nauth = [\"lp\", \"basic\"]\nrealm = \"Harbour\"").unwrap();
    let checked::Access::Schemes { realm, .. } = &config.routes[0].access else { panic!("{config:?}") };
    assert_eq!(realm.as_deref(), Some("Harbour"));
    for (lines, told) in [
        ("upstream = \"a\"\nauth = [\"lp\", \"fit\"]\nrealm = \"x\"", "of kind `basic` or `bearer`"),
        ("upstream = \"a\"\nauth = [\"basic\"]\nrealm = \"a\\\"b\"", "`routes[0].realm`: a realm is printable ASCII"),
        ("upstream = \"a\"\nauth = [\"basic\"]\nrealm = \"\"", "a realm is printable ASCII"),
        ("upstream = \"a\"\nauth = \"none\"\npublic = \"why\"\nrealm = \"x\"", "challenges nobody"),
        ("tracker = \"livetracking\"\nrealm = \"x\"", "the tracker's contract sets the realm"),
    ] {
        let error = route(lines).unwrap_err().to_string();
        assert!(error.contains(told), "{lines}: {error}");
    }
}

#[test]
fn cfg_02_unsafe_settings_need_their_loosening_flag() {
    for (text, told) in [
        ("[listen]\naddress = \"0.0.0.0:8080\"", "allow_plain = true"),
        ("[listen]\ntrusted_proxies = [\"0.0.0.0/0\"]", "every address"),
        ("[listen]\ntrusted_proxies = [\"10.0.0.1/32\", \"::/0\"]", "`listen.trusted_proxies[1]`"),
        ("[listen]\nproxy_protocol = [\"::/0\"]", "every address"),
        (
            "[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\n[[routes]]\nname = \"r\"\nmatch = \"/a\"\nupstream = \"a\"",
            "needs `auth`",
        ),
        ("[[routes]]\nname = \"r\"\ntracker = \"sessions\"\nauth = \"none\"", "needs `public = "),
        ("[[routes]]\nname = \"r\"\ntracker = \"sessions\"\nauth = []", "would let nobody in"),
    ] {
        assert!(wrong(text).contains(told), "{text}: {}", wrong(text));
    }
    let allowed = read("[listen]\naddress = \"0.0.0.0:8080\"\nallow_plain = true").unwrap();
    assert_eq!(allowed.warnings.len(), 1);
}

#[test]
fn cfg_03_secrets_are_never_written_inline() {
    assert!(wrong("[schemes.fit]\nkind = \"jwt\"\nkey = \"hunter2hunter2\"").contains("never written here"));
    assert!(wrong("[store]\nurl = \"postgres://u:secret@h/d\"").contains("holds a password"));
    assert!(!wrong("[store]\nurl = \"postgres://u:secret@h/d\"").contains("secret@"));
}

#[test]
fn mail_is_off_unless_written_and_encrypted_unless_on_this_machine() {
    let mail = |lines: &str| read(&format!("[mail]\nfrom = \"a@example.org\"\n{lines}\n{UI_URL}")).unwrap();
    assert!(read("").unwrap().mail.is_none());
    let login = "password = \"env:MAIL_PASSWORD\"\n";
    for (lines, tls, port) in [
        ("url = \"smtp://mail.example.org\"".to_owned(), checked::MailTls::StartTls, 587),
        ("url = \"smtps://mail.example.org\"".to_owned(), checked::MailTls::Implicit, 465),
        ("url = \"smtp://127.0.0.1:1025\"".to_owned(), checked::MailTls::Off, 1025),
        ("url = \"smtp://localhost:1025\"".to_owned(), checked::MailTls::Off, 1025),
        (format!("{login}url = \"smtp://me@[::1]:1025\""), checked::MailTls::StartTls, 1025),
        (format!("{login}url = \"smtp+plain://me@127.0.0.1\""), checked::MailTls::Off, 25),
    ] {
        let config = mail(&lines);
        assert!(config.warnings.is_empty(), "{lines}");
        let mail = config.mail.unwrap();
        assert_eq!((mail.tls, mail.port), (tls, port), "{lines}");
    }
    let plain = mail("url = \"smtp+plain://10.0.0.1\"\nallow_plain = true");
    assert!(plain.warnings.iter().any(|warning| warning.contains("letters travel in clear")));
}

#[test]
fn cfg_01_mistakes_about_mail_are_told_with_line_and_what_was_meant() {
    let mail = |lines: &str| wrong(&format!("[mail]\nfrom = \"a@example.org\"\n{lines}"));
    for (lines, told) in [
        ("", "missing field `url`"),
        ("url = \"smtp://h\"\npasword = \"env:X\"", "did you mean `password`?"),
        (
            "url = \"stmp://h\"",
            "t.toml:3:7: `mail.url`: there is `smtp://`, `smtps://` and `smtp+plain://`; did you mean `smtp://`?",
        ),
        ("url = \"mail.example.org\"", "`mail.url`: a mail server is written as"),
        ("url = \"smtp://me@h\"", "`mail.url`: the URL names a user: add `password = "),
        ("url = \"smtp://h\"\npassword = \"env:X\"", "t.toml:4:12: `mail.password`: whose password is it?"),
        ("url = \"smtp://me@h\"\npassword = \"hunter2\"", "`mail.password`: a secret is never written here"),
        ("url = \"smtp+plain://10.0.0.1\"", "`mail.url`: 10.0.0.1 is not this machine: letters would travel in clear"),
        ("url = \"smtp://h\"\ntimeout = \"1h\"", "`mail.timeout`: from 1s to 5m"),
        ("url = \"smtp://h\"\nca = \"nowhere.pem\"", "`mail.ca`: there is no file ./nowhere.pem"),
        ("url = \"smtp+plain://127.0.0.1\"\nca = \"nowhere.pem\"", "`mail.ca`: there is no TLS"),
    ] {
        let error = mail(lines);
        assert!(error.contains(told), "{lines}\n  gave {error}\n  not  {told}");
    }
    let sender = wrong("[mail]\nurl = \"smtp://h\"\nfrom = \"nobody\"");
    assert!(sender.contains("t.toml:3:8: `mail.from`: `nobody` is not `Name <address@host>`"), "{sender}");
}

#[test]
fn cfg_01_letters_with_links_need_an_address_for_them() {
    let mail = "[mail]\nfrom = \"a@example.org\"\nurl = \"smtp://h\"\n";
    let error = wrong(mail);
    assert!(error.contains("`trackers.fittrackee.ui_url`: mail is on, and letters hold links"), "{error}");
    let other = "[[routes]]\nname = \"lp\"\ntracker = \"lptracker\"\n";
    assert_eq!(read(&format!("{mail}{other}")).unwrap().trackers.fittrackee.ui_url, None);
    let config = read(&format!("{mail}{UI_URL}")).unwrap();
    assert_eq!(config.trackers.fittrackee.ui_url.as_deref(), Some("https://fit.example.org"));
    let error = wrong("[trackers.fittrackee]\nui_url = \"fit.example.org\"");
    assert!(
        error.contains("t.toml:2:10: `trackers.fittrackee.ui_url`: `fit.example.org` is not the address"),
        "{error}"
    );
}

#[test]
fn cfg_01_a_privacy_policy_has_a_text_and_a_date() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.md"), "We keep nothing.").unwrap();
    let read =
        |lines: &str| parse(&format!("[trackers.fittrackee]\n{lines}"), folder.path(), &Overrides::default(), "t.toml");
    let (file, date) = ("privacy_policy = \"policy.md\"\n", "privacy_policy_date = \"2026-11-22\"\n");
    let policy = read(&format!("{file}{date}")).unwrap().trackers.fittrackee.privacy_policy.unwrap();
    assert_eq!(policy.text, "We keep nothing.");
    assert_eq!(jiff::Timestamp::try_from(policy.date).unwrap().to_string(), "2026-11-22T00:00:00Z");
    for (lines, told) in [
        (file.to_owned(), "`trackers.fittrackee.privacy_policy`: say since when with `privacy_policy_date`"),
        (date.to_owned(), "`trackers.fittrackee.privacy_policy_date`: there is no `privacy_policy`"),
        (format!("privacy_policy = \"nowhere.md\"\n{date}"), "nowhere.md"),
        (format!("{file}privacy_policy_date = \"today\""), "`today` is neither a date"),
        ("max_users = 1000000".to_owned(), "`trackers.fittrackee.max_users`: from 0, for any number, to 100000"),
    ] {
        let error = read(&lines).expect_err(&lines).to_string();
        assert!(error.contains(told), "{lines}\n  gave {error}\n  not  {told}");
    }
}

#[test]
fn cfg_03_a_password_in_the_mail_url_is_refused_unseen_and_its_key_is_named() {
    let error = wrong("[mail]\nfrom = \"a@example.org\"\nurl = \"smtp://me:hunter2@h\"");
    assert!(error.contains("`mail.url`: the URL holds a password") && error.contains("`password = \"file:PATH\"`"));
    assert!(!error.contains("hunter2"));
}

#[test]
fn cfg_04_missing_and_empty_secrets_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let secret = || {
        let text = format!("[schemes.j]\nkind = \"jwt\"\nkey = \"file:{}\"", file.display());
        let config = read(&text).unwrap();
        let scheme = config.schemes.into_iter().find(|scheme| scheme.name == "j").unwrap();
        match scheme.kind {
            checked::SchemeKind::Jwt { key: Some(key), .. } => key.read(),
            other => panic!("{other:?}"),
        }
    };
    assert!(secret().is_err());
    std::fs::write(&file, "\n").unwrap();
    make_private(&file);
    assert!(secret().unwrap_err().to_string().contains("is empty"));
    std::fs::write(&file, "0123456789\r\n").unwrap();
    assert_eq!(secret().unwrap().expose(), b"0123456789");
}

#[test]
fn cfg_02_a_secret_file_that_everybody_reads_does_not_load() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "postgres://u:secret@h/d").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let config = read(&format!("[store]\nurl = \"file:{}\"", file.display())).unwrap();
    let error = config.store.resolve(Path::new(".")).unwrap_err().to_string();
    assert!(error.contains("can be read by everybody") && !error.contains("secret"));
}

#[test]
fn cfg_06_the_checked_configuration_prints_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "opensesame-opensesame").unwrap();
    make_private(&file);
    let config = read(&format!("[schemes.j]\nkind = \"jwt\"\nkey = \"file:{}\"", file.display())).unwrap();
    assert!(!format!("{config:?}").contains("opensesame"));
}

fn make_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

proptest::proptest! {
    #[test]
    fn cfg_07_any_text_is_an_error_or_a_gateway_without_open_routes(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "[[routes]]", "name = \"r\"", "match = \"/a\"", "tracker = \"sessions\"", "auth = \"none\"",
                "auth = [\"api\"]", "optional = true", "[listen]", "address = \"127.0.0.1:1\"", "[schemes.x]",
                "kind = \"basic\"", "[limits]", "body = \"1MiB\"", "=", "[[", "name = \"s\"",
            ]),
            0..12,
        ),
    ) {
        if let Ok(config) = read(&words.join("\n")) {
            let open = config.routes.iter().any(|route| matches!(route.access, checked::Access::Public { .. }));
            proptest::prop_assert!(!open, "no route says public here");
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(text in proptest::prelude::any::<String>()) {
        drop(read(&text));
    }
}
