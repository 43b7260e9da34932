//! Which header lines go on, and which are ours. Groups HDR and FRM of the security cases.

use super::recorder::{OK, Recorder, header, headers};
use super::{Front, PUBLIC, route};
use crate::harness::{Inside, basic};

/// The lines of a head whose name could be read as this one.
fn like(message: &str, name: &str) -> Vec<String> {
    let head = message.split("\r\n\r\n").next().unwrap();
    let lines = head.split("\r\n").skip(1);
    let named = lines.filter(|line| {
        let own = line.split(':').next().unwrap().to_ascii_lowercase().replace(['_', '.'], "-");
        own == name
    });
    named.map(ToOwned::to_owned).collect()
}

/// Our lines for nobody: no scheme can be named `none`.
const OURS: [(&str, &str); 5] = [
    ("x-trackgate-grants", ""),
    ("x-trackgate-scheme", "none"),
    ("x-trackgate-service", ""),
    ("x-trackgate-subject", ""),
    ("x-trackgate-user", ""),
];

#[test]
fn hdr_01_and_hdr_02_our_names_stand_there_once_whatever_the_client_sends() {
    let front = Front::open();
    let forged = "GET /\nX-Trackgate-User: root\nx-trackgate-user: admin\nX-TRACKGATE-GRANTS: *\nX_Trackgate_User: root\n\
        x.trackgate.user: root\nX-Trackgate_Subject: 1\nx_trackgate-scheme: basic\nX-Trackgate-Service: s\n\
        X-Trackgate-Assertion: e30\nX_Trackgate_Assertion: e30\nX-Trackgate-Anything: 1";
    let (answer, got) = front.passes(forged, "");
    assert_eq!(answer.status, 200);
    for (name, value) in OURS {
        assert_eq!(like(&got, name), [format!("{name}: {value}")], "{got}");
    }
    for name in ["x-trackgate-assertion", "x-trackgate-anything"] {
        assert_eq!(like(&got, name), [""; 0]);
    }
}

#[test]
fn hdr_03_a_connection_line_takes_nothing_of_ours_away() {
    let front = Front::start(Recorder::ok(), &route("in", "/{*rest}", "auth = [\"basic\"]"));
    front.inside.account("testrider");
    let login = basic("testrider", "correct-horse");
    let listed = "close, X-Trackgate-User, X-Forwarded-For, X-Real-IP, Authorization, X-Private, Host, Content-Length";
    let head = format!("POST /\n{login}\nConnection: {listed}\nX-Private: 1\nX_Private: 2\nX-Public: 1");
    let (answer, got) = front.passes(&head, "body");
    assert_eq!(answer.status, 200);
    assert_eq!(header(&got, "x-trackgate-user"), Some("testrider"));
    assert_eq!(header(&got, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(header(&got, "x-real-ip"), Some("127.0.0.1"));
    assert_eq!(header(&got, "host"), Some(front.up.address.to_string().as_str()));
    assert_eq!(header(&got, "content-length"), Some("4"));
    assert_eq!(header(&got, "x-public"), Some("1"));
    for name in ["connection", "x-private", "authorization"] {
        assert_eq!(like(&got, name), [""; 0], "{got}");
    }
}

#[test]
fn hdr_04_and_hdr_11_forwarding_names_of_an_unlisted_peer_reach_nobody() {
    let front = Front::open();
    let names = [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X_Forwarded_For",
        "x.forwarded.for",
        "Forwarded",
        "X-Real-IP",
        "X_Real.IP",
        "X-Original-URL",
        "X-Original-Host",
        "X-Original-Forwarded-For",
        "X-Rewrite-URL",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "Via",
        "X-Remote-User",
        "Remote-User",
        "X-Auth-Request-User",
        "X-Authenticated-User",
        "X-Request-Id",
        "X-Scheme",
        // HDR-11.
        "X-Client-Cert",
        "X-SSL-Client-Cert",
        "SSL-Client-S-DN",
        "Client-Cert",
        "X-Forwarded-Client-Cert",
        "X-Client-Verify",
        "X-ARR-ClientCert",
    ];
    for name in names {
        let (answer, got) = front.passes(&format!("GET /\n{name}: forged-6.6.6.6"), "");
        assert_eq!(answer.status, 200, "{name}");
        assert!(!got.contains("forged"), "{name}: {got}");
        assert_eq!(like(&got, "x-forwarded-for"), ["x-forwarded-for: 127.0.0.1"], "{name}");
        assert_eq!(header(&got, "x-forwarded-proto"), Some("http"));
        assert_eq!(header(&got, "x-forwarded-host"), Some(front.inside.address().to_string().as_str()));
        assert_eq!(header(&got, "via"), Some("1.1 trackgate"));
    }
}

#[test]
fn hdr_04_forged_addresses_reach_neither_policy_nor_log() {
    let up = Recorder::ok();
    let config = super::with_upstream(
        &up,
        &route("far", "/far", &format!("{PUBLIC}\nallow = {{ networks = [\"6.6.6.0/24\"] }}")),
    );
    let sink = Sink::default();
    let log = trackgate::telemetry::AccessLog::to(sink.clone(), trackgate::telemetry::Form::Json);
    let inside = Inside::start_in(tempfile::tempdir().unwrap(), &config, log);
    for line in ["X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "True-Client-IP: 6.6.6.6"]
    {
        assert_eq!(inside.ask(&format!("GET /far\n{line}"), "").status, 403, "{line}");
    }
    assert_eq!(up.all(), "");
    let logged = sink.wait_for_lines(4);
    assert!(!logged.contains("6.6.6.6") && logged.contains("\"127.0.0.1\""), "{logged}");
}

#[test]
fn hdr_05_other_ways_to_name_a_path_or_method_change_neither_route_nor_policy() {
    let config = route("open", "/open", PUBLIC) + &route("closed", "GET /closed", "auth = [\"basic\"]");
    let front = Front::start(Recorder::ok(), &config);
    for line in [
        "X-Original-URL: /open",
        "X-Rewrite-URL: /open",
        "X-Forwarded-Uri: /open",
        "X-Forwarded-Prefix: /open/..",
        "X-Original-Method: POST",
        "X-Forwarded-Method: POST",
        "Content-Location: /open",
        "Referer: /open",
    ] {
        let (answer, got) = front.passes(&format!("GET /closed\n{line}"), "");
        assert_eq!((answer.status, got.as_str()), (401, ""), "{line}");
    }
    for line in
        ["X-HTTP-Method-Override: GET", "X-HTTP-Method: GET", "X-Method-Override: GET", "X_HTTP_Method_Override: GET"]
    {
        let (answer, got) = front.passes(&format!("POST /closed\n{line}"), "");
        assert_eq!((answer.status, got.as_str()), (405, ""), "{line}");
        let (_, got) = front.passes(&format!("POST /open\n{line}"), "");
        assert!(got.starts_with("POST /open HTTP/1.1\r\n") && !got.to_ascii_lowercase().contains("override"), "{got}");
        assert_eq!(like(&got, "x-http-method"), [""; 0]);
    }
}

#[test]
fn hdr_06_nobody_is_let_in_for_looking_like_one_of_us() {
    let front = Front::start(Recorder::ok(), &route("in", "/{*rest}", "auth = [\"basic\", \"api\", \"lp\", \"fit\"]"));
    for line in [
        "User-Agent: kube-probe/1.30",
        "User-Agent: ELB-HealthChecker/2.0",
        "User-Agent: GoogleHC/1.0",
        "X-Internal: 1",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-For: 10.0.0.1",
        "Forwarded: for=127.0.0.1",
        "X-Trackgate-User: root",
        "X-Remote-User: root",
        "Cookie: session=1; token=1",
        "Host: localhost",
    ] {
        let wire = format!(
            "GET /health HTTP/1.1\r\n{}{line}\r\nConnection: close\r\n\r\n",
            if line.starts_with("Host") { "" } else { "Host: a\r\n" }
        );
        assert_eq!(crate::harness::send(front.inside.address(), wire.as_bytes()).status, 401, "{line}");
    }
    assert_eq!(front.up.all(), "");
}

#[test]
fn hdr_07_credentials_stay_here_unless_the_route_says_otherwise() {
    let config = route("drop", "/drop", "auth = [\"basic\", \"lp\"]")
        + &route("open", "/open", PUBLIC)
        + &route("pass", "/pass", "auth = [\"basic\", \"lp\"]\nsend = { credentials = \"pass\" }");
    let front = Front::start(Recorder::ok(), &config);
    front.inside.account("testrider");
    let login = basic("testrider", "correct-horse");
    let secret = login.rsplit(' ').next().unwrap();

    let (answer, got) = front.passes(&format!("GET /drop\n{login}\nCookie: theirs=1\nTo_ken: x"), "");
    assert_eq!(answer.status, 200);
    assert!(!got.contains(secret) && like(&got, "authorization").is_empty(), "{got}");
    assert_eq!(header(&got, "cookie"), Some("theirs=1"));
    // Neither does one that another route would take.
    let (answer, got) = front.passes(&format!("GET /open\n{login}\ntoken: live-token\nX-Watch-Share: of-a-ride"), "");
    assert_eq!(answer.status, 200);
    assert!(!got.contains(secret) && !got.contains("live-token") && !got.contains("of-a-ride"), "{got}");

    let (answer, got) = front.passes(&format!("GET /pass\n{login}\nauthori.zation: x"), "");
    assert_eq!((answer.status, header(&got, "authorization")), (200, login.strip_prefix("Authorization: ")));
    assert_eq!(like(&got, "authorization").len(), 1);
}

#[test]
fn hdr_08_and_frm_15_lines_of_one_hop_end_here() {
    let front = Front::open();
    let head = "GET /\nProxy: http://evil\nProxy-Authorization: Basic eDp5\nProxy-Connection: keep-alive\nKeep-Alive: timeout=5\n\
        TE: gzip\nTrailer: X-A\nUpgrade: h2c, websocket\nHTTP2-Settings: AAMAAABkAAQAAP__\n\
        Connection: upgrade, http2-settings\nExpect: 100-continue\nAccept: x/y";
    let (answer, got) = front.passes(head, "");
    assert_eq!(answer.status, 200, "no 101");
    for name in [
        "proxy",
        "proxy-authorization",
        "proxy-connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "connection",
        "expect",
    ] {
        assert_eq!(like(&got, name), [""; 0], "{got}");
    }
    assert_eq!(header(&got, "accept"), Some("x/y"));
}

#[test]
fn hdr_09_trailers_of_identity_length_host_and_credentials_do_not_go_on() {
    let up = Recorder::start(|mut line| {
        line.until(b"\r\n0\r\nx-sum: 1\r\n\r\n");
        line.write(OK);
    });
    let front = Front::start(up, &route("open", "/{*rest}", PUBLIC));
    let mut client = front.client();
    let trailers =
        "X-Trackgate-User: root\r\nContent-Length: 9\r\nHost: evil\r\nAuthorization: x\r\nX-Sum: 1\r\nX-More: 1\r\n";
    let answer = client.ask(&format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Trackgate-User, Host\r\n\r\n\
         3\r\nabc\r\n0\r\n{trailers}\r\n"
    ));
    assert_eq!(answer.status, 200);
    let got = front.up.all();
    assert_eq!(header(&got, "trailer"), Some("x-sum"));
    assert!(got.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n"), "{got}");
    assert!(!got.contains("root") && !got.contains("evil") && !got.to_ascii_lowercase().contains("x-more"), "{got}");
}

#[test]
fn hdr_12_a_request_for_no_one_host_is_refused() {
    let front = Front::open();
    for hosts in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nHost: b\r\n",
        "Host: \r\n",
        "Host: a/b\r\n",
        "Host: u@a\r\n",
        "Host: u:p@a\r\n",
        "Host: a,b\r\n",
        "Host: a:port\r\n",
        "Host: a:99999\r\n",
        "Host: a b\r\n",
        "Host: a?b\r\n",
        "Host: [::1\r\n",
    ] {
        let wire = format!("GET / HTTP/1.1\r\n{hosts}\r\n");
        assert_eq!(front.refuses_and_closes(wire.as_bytes()).status, 400, "{hosts:?}");
    }
    let differ = b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n";
    assert_eq!(front.refuses_and_closes(differ).status, 400);
}

#[test]
fn hdr_13_one_host_has_one_route_in_every_spelling() {
    let hosts = |list: &str| format!("{PUBLIC}\nhosts = [{list}]");
    let config = route("one", "/{*rest}", &hosts("\"One.Example.\""))
        + &route("two", "/two", "auth = [\"basic\"]\nhosts = [\"two.example\"]")
        + &route("six", "/{*rest}", &hosts("\"[::1]\""));
    let front = Front::start(Recorder::ok(), &config);
    let status = |target: &str, host: &str| {
        let wire = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        crate::harness::send(front.inside.address(), wire.as_bytes()).status
    };
    for host in
        ["one.example", "ONE.example", "one.example.", "One.Example:80", "one.example.:8080", "[::1]", "[::1]:80"]
    {
        assert_eq!(status("/a", host), 200, "{host}");
    }
    assert_eq!(status("http://ONE.example/a", "one.EXAMPLE"), 200);
    for host in ["two.example", "TWO.example.:443"] {
        assert_eq!((status("/two", host), status("/other", host)), (401, 404), "{host}");
    }
    for host in ["elsewhere.example", "one.example.evil", "xone.example", "127.0.0.1"] {
        assert_eq!(status("/a", host), 404, "{host}");
    }
}

#[test]
fn the_host_goes_on_as_the_upstream_wants_it() {
    let up = Recorder::ok();
    let client = format!("[upstreams.same]\nurls = [\"http://{}\"]\nhost = \"client\"\n", up.address);
    let to_client = route("b", "/b", PUBLIC).replace("\"up\"", "\"same\"");
    let front = Front::start(up, &(client + &route("a", "/a", PUBLIC) + &to_client));
    let ask = |path: &str| {
        let wire = format!("GET {path} HTTP/1.1\r\nHost: Tracker.example:8443\r\nConnection: close\r\n\r\n");
        let before = front.up.all().len();
        assert_eq!(crate::harness::send(front.inside.address(), wire.as_bytes()).status, 200);
        let all = front.up.tapes();
        let got = all.into_iter().find(|tape| tape.contains(&format!("GET {path} "))).unwrap();
        assert!(front.up.all().len() > before);
        got
    };
    let got = ask("/a");
    assert_eq!(header(&got, "host"), Some(front.up.address.to_string().as_str()));
    assert_eq!(header(&got, "x-forwarded-host"), Some("Tracker.example:8443"));
    let got = ask("/b");
    assert_eq!(header(&got, "host"), Some("Tracker.example:8443"));
}

#[test]
fn hdr_14_our_names_and_hop_lines_of_an_answer_are_not_shown() {
    let answer = "HTTP/1.1 200 Fine\r\ncontent-length: 2\r\nX-Trackgate-User: root\r\nX_Trackgate_Grants: *\r\n\
        Connection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\n\
        Upgrade: h2c\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Domain=elsewhere.example\r\nX-Theirs: 1\r\n\r\nok";
    let front = Front::start(Recorder::answering(answer), &route("open", "/{*rest}", PUBLIC));
    let answer = front.ask("GET /", "");
    assert_eq!((answer.status, answer.text()), (200, "ok"));
    for name in ["x-trackgate-user", "x_trackgate_grants", "x-private", "keep-alive", "proxy-authenticate", "upgrade"] {
        assert!(!answer.headers.contains_key(name), "{answer:?}");
    }
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert_eq!(answer.header("x-theirs"), "1");
    assert!(!answer.header("x-request-id").is_empty());
}

#[test]
fn hdr_14_and_frm_19_framing_of_an_answer_with_two_readings_is_502() {
    for framing in [
        "content-length: 2\r\ncontent-length: 3",
        "content-length: 2\r\ntransfer-encoding: chunked",
        "content-length: +2",
        "content-length: x",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\nok");
        let front = Front::start(Recorder::answering(&answer), &route("open", "/{*rest}", PUBLIC));
        let mut client = front.client();
        for _twice in 0..2 {
            let answer = client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(answer.status, 502, "{framing}");
            assert_eq!(answer.text(), "{\"error\":\"bad gateway\"}\n");
        }
        assert_eq!(front.up.tapes().len(), 2, "{framing}: such a connection is not used again");
    }
}

#[test]
fn names_with_an_underscore_or_a_dot_do_not_go_on() {
    let front = Front::open();
    let (_, got) = front.passes("GET /\nX_Odd: 1\nx.odd: 2\nX-Fine: 3\nX-Fine: 4\nAccept: */*", "");
    assert_eq!(like(&got, "x-odd"), [""; 0]);
    assert_eq!(headers(&got, "x-fine"), ["3", "4"]);
}

/// Somewhere to log to.
#[derive(Clone, Default)]
struct Sink(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Sink {
    fn wait_for_lines(&self, count: usize) -> String {
        for _try in 0..500 {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            if text.lines().count() >= count {
                return text;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{count} lines were not logged");
    }
}

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
