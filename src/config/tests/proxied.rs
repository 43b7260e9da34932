//! Servers behind the gateway, other proxies before it, and those who look after it.

use super::*;

#[test]
fn cfg_02_the_admin_listener_is_off_and_then_for_this_machine() {
    assert_eq!(read("").unwrap().admin, None);
    let admin = read("[admin]").unwrap().admin.unwrap();
    assert_eq!((admin.address.to_string().as_str(), admin.decisions), ("127.0.0.1:9090", 10_000));
    let admin = read("[admin]\naddress = \"10.0.0.1:9090\"\npeers = [\"10.0.0.0/8\"]\ndecisions = 0").unwrap();
    assert_eq!(admin.admin.unwrap().decisions, 0);
    for (text, told) in [
        ("address = \"10.0.0.1:9090\"", "t.toml:2:11: `admin.address`: 10.0.0.1:9090 is not a loopback address"),
        ("address = \"10.0.0.1:9090\"", "list who may in `peers`"),
        ("peers = [\"10.0.0.0/8\", \"::/0\"]", "t.toml:2:24: `admin.peers[1]`: a network that holds every address"),
        ("peers = [\"0.0.0.0/0\"]", "`admin.peers[0]`"),
        ("address = \"127.0.0.1:8080\"", "`admin.address`: 127.0.0.1:8080 is where everybody is served"),
        ("address = \"[::]:8080\"\npeers = [\"10.0.0.0/8\"]", "is where everybody is served"),
        ("decisions = 1000001", "`admin.decisions`: at most 1000000"),
        ("adress = \"127.0.0.1:1\"", "did you mean `address`?"),
    ] {
        let error = wrong(&format!("[admin]\n{text}"));
        assert!(error.contains(told), "{text}\n  gave {error}\n  not  {told}");
    }
}

#[test]
fn forward_auth_is_off_and_asked_by_loopback_alone_when_on() {
    assert!(read("").unwrap().forward_auth.is_none());
    let on = read("[forward_auth]").unwrap().forward_auth.unwrap();
    assert_eq!((on.address.to_string().as_str(), on.grpc, on.assertion), ("127.0.0.1:9091", None, true));
    assert_eq!(on.peers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.0/8", "::1/128"]);
    let wide = read("[forward_auth]\naddress = \"0.0.0.0:9091\"\nallow_plain = true").unwrap();
    assert!(wide.warnings.iter().any(|warning| warning.contains("forward-auth on 0.0.0.0:9091 without TLS")));
    for (text, told) in [
        ("peers = [\"10.0.0.0/8\", \"0.0.0.0/0\"]", "`forward_auth.peers[1]`: a network that holds every address"),
        ("peers = [\"::/0\"]", "`forward_auth.peers[0]`"),
        ("peers = []", "`forward_auth.peers`: an empty list"),
        ("address = \"192.0.2.1:9091\"", "`forward_auth.address`: 192.0.2.1:9091 is not a loopback address"),
        ("grpc = \"192.0.2.1:9092\"", "`forward_auth.grpc`: 192.0.2.1:9092 is not a loopback address"),
        ("grpc = \"127.0.0.1:9091\"", "`forward_auth.grpc`: that is `address` already"),
        ("audience = \"\"", "`forward_auth.audience`"),
        ("assertion = false\naudience = \"a\"", "`forward_auth.audience`: without an `assertion` there is nothing"),
        ("tls = { cert = \"none\", key = \"none\" }", "`forward_auth.tls.cert`: there is no file"),
        ("adress = \"127.0.0.1:1\"", "did you mean `address`?"),
    ] {
        let error = wrong(&format!("[forward_auth]\n{text}"));
        assert!(error.contains(told), "{text}\n  gave {error}\n  not  {told}");
    }
}

#[test]
fn a_route_for_forward_auth_has_no_other_target() {
    let route = |lines: &str| format!("[[routes]]\nname = \"r\"\nforward_auth = true\n{lines}");
    let config = read(&route("match = \"/a\"\nauth = [\"api\"]\nraw_path = true")).unwrap();
    assert_eq!(config.routes.first().unwrap().target, checked::Target::ForwardAuth);
    assert!(config.warnings.iter().any(|warning| warning.contains("nobody can ask for the route `r`")));
    for (lines, told) in [
        ("match = \"/a\"\nauth = [\"api\"]\ntracker = \"sessions\"", "`routes[0].forward_auth`: every route answers"),
        ("auth = [\"api\"]", "a route for forward-auth needs `match`"),
        ("match = \"/a\"", "a route needs `auth`"),
    ] {
        let error = wrong(&route(lines));
        assert!(error.contains(told), "{lines}\n  gave {error}\n  not  {told}");
    }
}

#[test]
fn cfg_01_mistakes_about_credentials_for_upstreams_are_told_with_their_key() {
    let upstream = "[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\n";
    let send = |auth: &str, send: &str| {
        format!("{upstream}[[routes]]\nname = \"r\"\nmatch = \"/a\"\nupstream = \"a\"\n{auth}\nsend = {{ {send} }}")
    };
    let (api, none) = ("auth = [\"api\"]", "auth = \"none\"\npublic = \"a test\"");
    for (auth, written, told) in [
        (
            api,
            "credentials = \"pass\", links = \"x\"",
            "`routes[0].send.links`: `credentials = \"pass\"` takes nothing",
        ),
        (api, "links = \"x\"", "`routes[0].send.links`: `credentials = \"drop\"` takes nothing else"),
        (api, "credentials = \"bearer\", account = \"x\"", "takes `secret`, `links`"),
        (api, "credentials = \"basic\"", "`routes[0].send.credentials`: `credentials = \"basic\"` needs `account` and"),
        (api, "credentials = \"basic\", secret = \"env:X\"", "`routes[0].send.secret`: `secret` needs `account`"),
        (api, "credentials = \"basic\", account = \"a:b\", secret = \"env:X\"", "a name with a colon"),
        (api, "credentials = \"basic\", account = \"a\", secret = \"word\"", "a secret is never written here"),
        (api, "credentials = \"bearer\", secret = \"env:X\", links = \"x\"", "not both"),
        (api, "credentials = \"bearer\", links = \"a/b\"", "`routes[0].send.links`: a set of links is named by"),
        (api, "credentials = \"header\", links = \"x\"", "needs `header`, its name"),
        (api, "credentials = \"header\", header = \"a b\", links = \"x\"", "`a b` is not the name of a header"),
        (api, "credentials = \"header\", header = \"Host\", links = \"x\"", "set by the gateway for something else"),
        (api, "credentials = \"jwt\"", "`routes[0].send.credentials`: `credentials = \"jwt\"` needs `key`"),
        (api, "credentials = \"jwt\", key = \"env:X\"", "needs to know whose number tokens name"),
        (api, "credentials = \"jwt\", key = \"env:X\", links = \"x\", subject = \"account\"", "not both"),
        (
            api,
            "credentials = \"jwt\", key = \"env:X\", links = \"x\", claims = \"fittrackee\", issuer = \"i\"",
            "`routes[0].send.issuer`: FitTrackee's tokens name none",
        ),
        (api, "credentials = \"jwt\", key = \"env:X\", links = \"x\", lifetime = \"1s\"", "from 10s to 365d"),
        (api, "credentials = \"session\", links = \"x\"", "give the upstream `a` a `login`"),
        (api, "credentials = \"sesion\", links = \"x\"", "unknown variant `sesion`"),
        (none, "credentials = \"basic\", links = \"x\"", "`routes[0].send.credentials`: nobody is known"),
        (none, "credentials = \"jwt\", key = \"env:X\", subject = \"account\"", "nobody is known"),
    ] {
        let error = wrong(&send(auth, written));
        assert!(error.contains(told), "{written}: {error}");
        assert!(error.starts_with("t.toml:"), "{error}");
    }
    let service = read(&send(none, "credentials = \"bearer\", secret = \"env:X\"")).unwrap();
    assert!(service.warnings.iter().any(|warning| warning.contains("the gateway's own account")));
}

#[test]
fn cfg_01_mistakes_about_logins_at_upstreams_are_told_with_their_key() {
    let login = |login: &str| format!("[upstreams.a]\nurls = [\"http://127.0.0.1:1\"]\nlogin = {{ {login} }}\n");
    let json = "kind = \"json\", path = \"/l\", token = \"/t\"";
    for (written, told) in [
        ("kind = \"json\"".to_owned(), "`upstreams.a.login`: a login of kind `json` needs `path`"),
        (json.to_owned(), "needs `body`, such as body = '{\"user\":{user},\"password\":{password}}'"),
        (format!("{json}, body = '{{user}}'"), "`upstreams.a.login.body`: `{user}` and `{password}` must stand in it"),
        (format!("{json}, body = '[\"{{user}}\", {{password}}]'"), "without quotes around `{user}`"),
        ("kind = \"lptracker\", token = \"t\"".to_owned(), "`t` is not a JSON pointer"),
        ("kind = \"lptracker\", path = \"/a/../b\"".to_owned(), "`/a/../b` is not a path in canonical form"),
        ("kind = \"fittrackee\", service = \"s\"".to_owned(), "`upstreams.a.login.service`: only a login of kind"),
        ("kind = \"lptracker\", expired = {}".to_owned(), "`upstreams.a.login.expired`: say it by"),
        ("kind = \"lptracker\", expired = { status = [401, 42] }".to_owned(), "expired.status[1]`: an answer has"),
        ("kind = \"lptracker\", refused = { value = 1 }".to_owned(), "refused.value`: `value` needs `pointer`"),
        ("kind = \"lptracker\", lifetime = \"1ms\"".to_owned(), "would be opened for each request"),
    ] {
        let error = wrong(&login(&written));
        assert!(error.contains(told) && error.starts_with("t.toml:3:"), "{written}: {error}");
    }
    let config = read(&login("kind = \"lptracker\", service = 'a \"b\"'")).unwrap();
    let login = config.upstreams[0].login.as_ref().unwrap();
    let body = login.body.replace("{user}", "\"u\"").replace("{password}", "\"p\"");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body, serde_json::json!({"login": "u", "password": "p", "service": "a \"b\"", "version": "1.0"}));
    assert_eq!((login.header.as_str(), &*login.prefix, &*login.token), ("token", "", "/result/token"));
    let error = wrong("[links]\nkey = \"word\"");
    assert!(error.contains("t.toml:2:7: `links.key`: a secret is never written here"), "{error}");
}

#[test]
fn cfg_01_mistakes_in_upstreams_are_told_with_their_key() {
    let upstream = |lines: &str| format!("[upstreams.a]\nurls = [\"https://127.0.0.1:1\"]\n{lines}");
    let route =
        |lines: &str| format!("{}[[routes]]\nname = \"r\"\nauth = [\"api\"]\nupstream = \"a\"\n{lines}", upstream(""));
    for (text, told) in [
        ("[upstreams.a]\nurls = []".to_owned(), "t.toml:2:8: `upstreams.a.urls`: an upstream has from 1 to 64"),
        ("[upstreams.a]\nurls = [\"http://a\", \"http://a\"]".to_owned(), "`upstreams.a.urls[1]`: `http://a` stands"),
        (
            "[upstreams.a]\nurls = [\"http://a/b/../c\"]".to_owned(),
            "t.toml:2:8: `http://a/b/../c` has a path that is not",
        ),
        ("[upstreams.a]\nurls = [\"unix:a.sock\"]".to_owned(), "names a socket without its whole path"),
        ("[upstreams.a]\nurls = [\"http://a\"]\ntls = { ca = \"x\" }".to_owned(), "none of the addresses is `https"),
        (upstream("tls = { ca = \"nowhere.pem\" }"), "`upstreams.a.tls.ca`: there is no file"),
        (upstream("tls = { cert = \"Cargo.toml\" }"), "a certificate needs its `key`"),
        (upstream("tls = { key = \"Cargo.toml\" }"), "a key needs its `cert`"),
        (upstream("tls = { cert = \"Cargo.toml\", key = \"nowhere.pem\" }"), "`upstreams.a.tls.key`: there is no file"),
        (upstream("tls = { server_name = \"a b\" }"), "is not a host name"),
        (upstream("tls = { verify = false }"), "unknown field `verify`"),
        (upstream("http = \"3\""), "unknown variant `3`"),
        (upstream("host = \"a/b\""), "`upstreams.a.host`: `a/b` is neither `upstream`, `client` nor a host name"),
        (upstream("timeout = { connect = \"0s\" }"), "`upstreams.a.timeout.connect`: 0 is no time"),
        (upstream("pool = { idle = \"0s\" }"), "`upstreams.a.pool.idle`: 0 is no time"),
        (upstream("health = { path = \"ping\" }"), "`ping` is not a path such as /ping"),
        (upstream("health = { path = \"/\", expect = [\"399-200\"] }"), "`upstreams.a.health.expect[0]`: a status is"),
        (upstream("health = { path = \"/\", expect = [] }"), "no address would ever be up"),
        (upstream("health = { path = \"/\", rise = 0 }"), "`upstreams.a.health.rise`: from 1 on"),
        (upstream("eject = { for = \"2h\" }"), "`upstreams.a.eject.for`: an address is left out"),
        (upstream("retries = 6"), "`upstreams.a.retries`: a request is sent again 5 times"),
        (upstream("limits = { requests = 0 }"), "`upstreams.a.limits.requests`: 0 requests"),
        (route("match = \"/a/{id}\"\nstrip_prefix = \"/b\""), "`routes[0].strip_prefix`: not every path"),
        (route("match = \"/a/{id}\"\nrewrite = \"/b/{x}\""), "`routes[0].rewrite`: `/a/{id}` has no parameter `{x}`"),
        (route("match = \"/a\"\nrewrite = \"/b\"\nstrip_prefix = \"/a\""), "`strip_prefix` or `rewrite`, not both"),
        (route("match = \"/a\"\nraw_path = true\nrewrite = \"/b\""), "byte for byte goes on as it is"),
        (
            "[[routes]]\nname = \"r\"\ntracker = \"sessions\"\nserver_timing = true".to_owned(),
            "`routes[0].server_timing`: only routes to an upstream",
        ),
    ] {
        assert!(wrong(&text).contains(told), "{text}\n gave {}", wrong(&text));
    }
}

#[test]
fn an_upstream_is_read_with_all_its_keys() {
    let config = read(
        "[upstreams.a]\nurls = [\"http://10.0.0.5:8086/base\", \"unix:/run/a.sock\"]\nhttp = \"2\"\nhost = \"a.example:81\"\n\
         timeout = { connect = \"1s\", response = \"2s\", idle = \"3s\" }\npool = { idle = \"5s\", connections = 6 }\n\
         health = { path = \"/ping\", every = \"7s\", timeout = \"8s\", expect = [204, \"300-302\"], rise = 9, fall = 10 }\n\
         eject = { failures = 0 }\nretries = 0\nlimits = { requests = 11, queue_timeout = \"12s\" }\n\
         [[routes]]\nname = \"r\"\nmatch = \"/a/{*rest}\"\nauth = [\"api\"]\nupstream = \"a\"\nstrip_prefix = \"/a\"\n\
         server_timing = true",
    )
    .unwrap();
    let upstream = &config.upstreams[0];
    assert_eq!(upstream.addresses.len(), 2);
    assert_eq!((upstream.http, &upstream.host), (checked::Http::Two, &checked::Host::Named("a.example:81".into())));
    assert_eq!((upstream.pool_idle.as_secs(), upstream.pool_connections), (5, 6));
    let health = upstream.health.as_ref().unwrap();
    assert_eq!((health.every.as_secs(), health.timeout.as_secs()), (7, 8));
    assert_eq!((&health.expect[..], health.rise.get(), health.fall.get()), (&[(204, 204), (300, 302)][..], 9, 10));
    assert_eq!((upstream.eject, upstream.retries), (None, 0));
    let limits = upstream.limits.unwrap();
    assert_eq!((limits.requests, limits.queue, limits.queue_timeout.as_secs()), (11, 11, 12));
    assert!(config.routes[0].rewrite.is_some() && config.routes[0].server_timing);
}
