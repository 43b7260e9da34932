//! What reaches upstream and client of the other side's header lines.

use proptest::prelude::*;
use trackgate_schemes::{Reason, Secret};

use super::super::headers::Filter;
use super::super::{AssertionKey, Credentials, HostHeader, IdentityForm};
use super::*;

/// The header lines that the upstream got, in order, for a request with these.
async fn received(lines: &[(&str, &str)]) -> Vec<String> {
    received_with(&rider(), &Sending::default(), lines).await
}

async fn received_with(who: &Identity, sending: &Sending, lines: &[(&str, &str)]) -> Vec<String> {
    in_time(async {
        let recorder = Recorder::answering(OK).await;
        let request = ask(Method::GET, "/a", lines, Body::empty());
        let answer = send_with(&recorder.upstream(), &permit(who).await, sending, request).await.unwrap();
        assert_eq!(text(answer).await, "ok");
        let tape = recorder.tape();
        let (head, rest) = tape.split_once("\r\n\r\n").unwrap();
        assert_eq!(rest, "");
        head.lines().skip(1).map(str::to_owned).filter(|line| !line.starts_with("host: ")).collect()
    })
    .await
}

/// The lines that every request of the rider has.
const OURS: [&str; 11] = [
    "x-forwarded-for: 192.0.2.7",
    "x-real-ip: 192.0.2.7",
    "x-forwarded-proto: https",
    "x-forwarded-host: tracker.example:8443",
    "x-request-id: id-1",
    "via: 1.1 trackgate",
    "x-trackgate-user: rider",
    "x-trackgate-subject: 7",
    "x-trackgate-grants: *",
    "x-trackgate-scheme: fixed",
    "x-trackgate-service: ",
];

#[tokio::test]
async fn a_request_reaches_the_upstream_byte_for_byte() {
    let recorder = Recorder::answering(OK).await;
    let settings =
        Settings::new("points", format!("http://localhost:{}/base/", recorder.address.port()).parse().unwrap());
    let request = ask(Method::POST, "/%77rite?db=%20x", &[("Content-Type", "text/plain"), ("X-A", "1")], "a b".into());
    let answer = in_time(send(&Upstream::new(settings).unwrap(), request)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let ours = OURS.join("\r\n");
    let expected = format!(
        "POST /base/write?db=%20x HTTP/1.1\r\nhost: localhost:{}\r\ncontent-type: text/plain\r\nx-a: 1\r\n{ours}\r\n\
         content-length: 3\r\n\r\na b",
        recorder.address.port(),
    );
    assert_eq!(recorder.tape(), expected);
}

#[tokio::test]
async fn the_host_is_the_upstreams_unless_set_otherwise() {
    let recorder = Recorder::answering(OK).await;
    in_time(send(&recorder.upstream(), ask(Method::GET, "/", &[("Host", "evil")], Body::empty()))).await.unwrap();
    assert!(recorder.tape().contains(&format!("\r\nhost: {}\r\n", recorder.address)));

    let recorder = Recorder::answering(OK).await;
    let mut settings = recorder.settings();
    settings.host = HostHeader::Client;
    let upstream = Upstream::new(settings).unwrap();
    in_time(send(&upstream, ask(Method::GET, "/", &[("Host", "evil")], Body::empty()))).await.unwrap();
    assert!(recorder.tape().contains("\r\nhost: tracker.example:8443\r\n"));
    assert_eq!(recorder.tape().matches("\r\nhost: ").count(), 1);
}

#[tokio::test]
async fn hdr_01_the_upstream_sees_our_identity_lines_alone_and_once() {
    let lines = [
        ("X-Trackgate-User", "root"),
        ("x-trackgate-user", "admin"),
        ("X-TRACKGATE-GRANTS", "account:admin"),
        ("X-Trackgate-Assertion", "e30.e30."),
        ("X-Trackgate-Anything", "1"),
        ("Remote-User", "root"),
        ("X-Auth-Request-User", "root"),
        ("X-User", "root"),
        ("X-Forwarded-User", "root"),
    ];
    assert_eq!(received(&lines).await, OURS);

    let nobody = Identity::new(Subject::Anonymous, "", "none", Credential::new(CredentialKind::None, ""));
    let got = received_with(&nobody, &Sending::default(), &lines).await;
    let empty = ["x-trackgate-user: ", "x-trackgate-subject: ", "x-trackgate-grants: ", "x-trackgate-scheme: none"];
    assert_eq!(got[6..10], empty);
    assert_eq!(got.len(), OURS.len());
}

#[tokio::test]
async fn hdr_02_underscores_and_dots_hide_no_name() {
    let lines = [
        ("X_Trackgate_User", "root"),
        ("X-Trackgate_User", "root"),
        ("x.trackgate.user", "root"),
        ("X_Forwarded-For", "127.0.0.1"),
        ("remote_user", "root"),
        ("Transfer_Encoding", "chunked"),
        ("content.length", "5"),
        ("x_harmless", "1"),
        ("x.harmless", "1"),
    ];
    assert_eq!(received(&lines).await, OURS);

    // A route can let names through, but not names of the families.
    let odd = ["x_harmless", "x_forwarded-for", "x_trackgate_user", "transfer_encoding"];
    let sending = Sending { odd_names: odd.map(HeaderName::from_static).into(), ..Sending::default() };
    let got = received_with(&rider(), &sending, &lines).await;
    assert_eq!(got[0], "x_harmless: 1");
    assert_eq!(got[1..], OURS);
}

#[tokio::test]
async fn hdr_03_connection_takes_none_of_ours_away() {
    let lines = [
        ("Connection", "close, X-Trackgate-User, x-forwarded-for,Authorization , X-Private"),
        ("Connection", "X_Other, ,via"),
        ("X-Private", "1"),
        ("X-Other", "1"),
        ("X-Kept", "1"),
    ];
    let got = received(&lines).await;
    assert_eq!(got[0], "x-kept: 1");
    assert_eq!(got[1..], OURS);
}

#[tokio::test]
async fn hdr_04_and_hdr_05_what_the_client_says_of_its_way_and_method_is_dropped() {
    let lines = [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "evil"),
        ("X-Forwarded-Uri", "/admin"),
        ("X-Forwarded-Prefix", "/admin"),
        ("X-Forwarded", "for=127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Original-URL", "/admin"),
        ("X-Original-Method", "DELETE"),
        ("X-Rewrite-URL", "/admin"),
        ("True-Client-IP", "127.0.0.1"),
        ("CF-Connecting-IP", "127.0.0.1"),
        ("X-Client-IP", "127.0.0.1"),
        ("X-Cluster-Client-IP", "127.0.0.1"),
        ("Via", "1.1 friend"),
        ("X-Request-Id", "forged"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Method-Override", "DELETE"),
        ("X-HTTP-Method", "DELETE"),
    ];
    assert_eq!(received(&lines).await, OURS);
}

#[tokio::test]
async fn hdr_06_no_header_stands_for_a_credential() {
    let gate = Gate::new(Mode::Required, vec![Arc::new(Fixed(rider()))], Vec::new());
    let request = ask(
        Method::GET,
        "/",
        &[("User-Agent", "kube-probe/1.30"), ("X-Internal", "1"), ("X-Forwarded-For", "127.0.0.1")],
        Body::empty(),
    );
    let path = CanonicalPath::parse("/").unwrap();
    let refused = gate.enter(&Head::new(request.method(), &path, request.headers())).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Missing);
}

#[tokio::test]
async fn hdr_07_credentials_stay_here_unless_the_route_passes_them() {
    let lines = [
        ("Authorization", "Basic eDp5"),
        ("token", "good"),
        ("X-Auth-Token", "good"),
        ("x_auth_token", "good"),
        ("Cookie", "a=1; __Host-tg=s"),
        ("Cookie", "b=2"),
    ];
    let carriers = ["token", "x-auth-token"].map(|name| Carrier::Header(HeaderName::from_static(name)));
    let mut sending =
        Sending { carriers: carriers.into(), own_cookies: Arc::new(["__Host-tg".into()]), ..Sending::default() };
    let got = received_with(&rider(), &sending, &lines).await;
    assert_eq!(got[0], "cookie: a=1; b=2");
    assert_eq!(got[1..], OURS);

    sending.credentials = Credentials::Pass;
    let got = received_with(&rider(), &sending, &lines).await;
    assert_eq!(got[..4], ["authorization: Basic eDp5", "token: good", "x-auth-token: good", "cookie: a=1; b=2"]);
    assert_eq!(got[4..], OURS);

    let unfit =
        ["connection", "te", "host", "x-trackgate-user"].map(|name| Carrier::Header(HeaderName::from_static(name)));
    let sending = Sending { credentials: Credentials::Pass, carriers: unfit.into(), ..Sending::default() };
    let lines = [("Connection", "close"), ("TE", "gzip"), ("Host", "evil"), ("X-Trackgate-User", "root")];
    assert_eq!(received_with(&rider(), &sending, &lines).await, OURS);
}

#[tokio::test]
async fn hdr_08_hdr_11_and_frm_15_lines_of_the_hop_and_client_certificates_are_dropped() {
    let lines = [
        ("Proxy", "http://evil"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Proxy-Connection", "keep-alive"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "gzip"),
        ("Trailer", "X-A"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Expect", "100-continue"),
        ("X-SSL-Client-Verify", "SUCCESS"),
        ("SSL-Client-Cert", "MII"),
        ("X-Client-Cert", "MII"),
        ("X-Client-Certificate", "MII"),
        ("X-Forwarded-Client-Cert", "Hash=1"),
        ("Client-Cert", ":MII:"),
    ];
    assert_eq!(received(&lines).await, OURS);
}

#[tokio::test]
async fn hdr_09_trailers_of_our_names_end_here_in_both_directions() {
    let recorder = Recorder::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Trackgate-User, X-Sum\r\n\r\n\
         2\r\nok\r\n0\r\nX-Trackgate-User: root\r\nX-Sum: 7\r\n\r\n",
    )
    .await;
    let (sender, body) = pieces(None);
    sender.send(data("abc")).unwrap();
    let trailers = ask(Method::GET, "/", &[("X-Trackgate-User", "root")], Body::empty()).headers().clone();
    sender.send(Ok(Frame::trailers(trailers))).unwrap();
    drop(sender);
    let request = ask(Method::POST, "/a", &[("Trailer", "X-Trackgate-User")], body);
    let answer = in_time(send(&recorder.upstream(), request)).await.unwrap();
    assert_eq!(answer.headers()["trailer"], "x-sum");

    let whole = in_time(http_body_util::BodyExt::collect(answer.into_body())).await.unwrap();
    let trailers = whole.trailers().unwrap().clone();
    assert_eq!(
        (trailers.len(), &trailers["x-sum"], whole.to_bytes()),
        (1, &HeaderValue::from_static("7"), "ok".into())
    );
    let tape = recorder.tape();
    assert!(tape.ends_with("\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "{tape}");
    assert!(!tape.contains("root") && !tape.contains("\r\ntrailer:"), "{tape}");
}

#[tokio::test]
async fn hdr_10_and_jwt_29_no_claim_is_sent_raw() {
    let credential = Credential::new(CredentialKind::Jwt, "k");
    let subject = Subject::External("a\0b".into());
    let who = Identity::new(subject, "J\u{e9}r\r\nX-Trackgate-Grants: account:admin", "fixed", credential)
        .with_grants("* account:admin".parse().unwrap())
        .with_service(Some("<b>100%</b>".into()));
    let got = received_with(&who, &Sending::default(), &[]).await;
    assert_eq!(
        got[6..],
        [
            "x-trackgate-user: J%C3%A9r%0D%0AX-Trackgate-Grants:%20account:admin",
            "x-trackgate-subject: a%00b",
            "x-trackgate-grants: * account:admin",
            "x-trackgate-scheme: fixed",
            "x-trackgate-service: <b>100%25</b>",
        ]
    );
}

#[tokio::test]
async fn a_signed_route_adds_one_assertion_for_its_upstream() {
    let key = AssertionKey::from_secret(&Secret::new([7; 32])).unwrap();
    let sending = Sending { identity: IdentityForm::Signed(Arc::new(key.clone())), ..Sending::default() };
    let got = received_with(&rider(), &sending, &[("X-Trackgate-Assertion", "forged")]).await;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let value = key.assert(&rider(), "points", "id-1", now);
    assert_eq!(got[..11], OURS);
    assert_eq!(got[11..], [format!("x-trackgate-assertion: {}", value.to_str().unwrap())]);
}

#[tokio::test]
async fn hdr_14_the_client_sees_none_of_our_names_and_no_line_of_the_hop() {
    let recorder = Recorder::answering(
        "HTTP/1.1 201 Made It\r\nX-Trackgate-User: root\r\nx_trackgate_grants: *\r\nConnection: keep-alive, X-Hop\r\n\
         X-Hop: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Domain=elsewhere.example\r\n\
         Server: old/1.0\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let answer = in_time(send(&recorder.upstream(), get("/"))).await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.extensions().get::<hyper::ext::ReasonPhrase>().unwrap().as_bytes(), b"Made It");
    let lines: Vec<_> = answer.headers().iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    for line in ["set-cookie: a=1", "set-cookie: b=2; Domain=elsewhere.example", "server: old/1.0", "content-length: 2"]
    {
        assert!(lines.iter().any(|got| got == line), "{lines:?}");
    }
    assert_eq!(lines.len(), 4, "{lines:?}");
}

/// Says in its own words which names must not go on.
fn is_in_a_family(name: &str) -> bool {
    let name: String = name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c }).collect();
    let hop = ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "proxy"];
    let forwarding = ["forwarded", "via", "true-client-ip", "x-real-ip", "x-rewrite-url", "cf-connecting-ip"];
    let identity = ["remote-user", "x-user", "authorization", "token"];
    let prefixes =
        ["x-trackgate-", "x-auth-", "x-forwarded-", "x-original-", "x-ssl-", "ssl-", "x-client-cert", "proxy-"];
    hop.iter().chain(&forwarding).chain(&identity).any(|family| *family == name)
        || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

proptest! {
    #[test]
    fn hdr_02_no_name_that_goes_on_reads_as_one_of_a_family(
        name in prop_oneof![
            "[a-z0-9_.-]{1,24}",
            "(x|proxy|ssl|remote|true|http2|keep|transfer|cf)[_.-](trackgate|auth|forwarded|original|ssl|user|real|client|\
             alive|encoding|settings|connecting|rewrite)([_.-](for|user|ip|url|cert|grants))?",
        ],
        listed in "[A-Za-z_.-]{1,12}",
        odd in any::<bool>(),
    ) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let sending = Sending {
            odd_names: odd.then(|| name.clone()).into_iter().collect(),
            carriers: Arc::new([Carrier::Header(HeaderName::from_static("token"))]),
            ..Sending::default()
        };
        let mut received = HeaderMap::new();
        received.insert("connection", HeaderValue::from_str(&format!("close, {listed}")).unwrap());
        let filter = Filter::new(&received, &sending);
        let keeps = filter.keeps(&name);
        prop_assert!(!(keeps && is_in_a_family(name.as_str())), "{name}");
        let is_listed = name.as_str().replace(['_', '.'], "-") == listed.to_lowercase().replace(['_', '.'], "-");
        prop_assert!(!(keeps && is_listed), "{name} {listed}");
        prop_assert!(odd || !(keeps && name.as_str().contains(['_', '.'])), "{name}");
    }
}

#[test]
fn ordinary_names_go_on() {
    let (received, sending) = (HeaderMap::new(), Sending::default());
    let filter = Filter::new(&received, &sending);
    for name in
        ["accept", "content-type", "cookie", "range", "user-agent", "x-csrf-token", "x-requested-with", "origin"]
    {
        assert!(filter.keeps(&HeaderName::from_static(name)), "{name}");
    }
}
