use bytes::Bytes;
use http::Response;
use proptest::prelude::*;
use trackgate_schemes::CanonicalPath;

use super::*;
use crate::layer::Mode;
use crate::message::Body;
use crate::trackers::{Call, Reach};

/// A route named by its own text: `GET,POST /a/{b}`, with `raw` or hosts behind it.
fn route(text: &str) -> Route {
    let mut words = text.split(' ');
    let methods = words.next().unwrap().split(',').filter(|word| *word != "any");
    let methods = methods.map(|method| method.parse().unwrap()).collect();
    let path = words.next().unwrap().to_owned();
    let (raw, hosts): (Vec<&str>, Vec<&str>) = words.partition(|word| *word == "raw");
    let answer = async |_call: Call| Response::new(Body::from(Bytes::new()));
    Route {
        name: text.into(),
        methods,
        path,
        hosts: hosts.into_iter().map(ToOwned::to_owned).collect(),
        gate: Gate::new(Mode::Public { reason: "a test".into() }, Vec::new(), Vec::new()),
        target: Target::Tracker(Arc::new(answer)),
        dialect: Arc::new(PlainDialect),
        max_body_bytes: 0,
        raw_path: !raw.is_empty(),
    }
}

fn table(routes: &[&str]) -> RouteTable {
    RouteTable::new(routes.iter().map(|text| route(text)).collect(), Vec::new()).unwrap()
}

/// The name of the route that answers `METHOD PATH [HOST]`, or the reason why none does.
fn answers(table: &RouteTable, request: &str) -> String {
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap().parse().unwrap(), words.next().unwrap());
    match table.find(&method, words.next(), path, &HeaderMap::new()) {
        Ok(found) => found.route.name.to_string(),
        Err(unrouted) => unrouted.why.reason.to_string(),
    }
}

#[test]
fn the_most_exact_path_wins_whatever_the_order() {
    let texts = ["GET /{*rest}", "GET /a/{id}", "GET /a/b", "GET /a/{id}/c"];
    for table in [table(&texts), table(&texts.into_iter().rev().collect::<Vec<_>>())] {
        for (request, answer) in [
            ("GET /a/b", "GET /a/b"),
            ("GET /a/bb", "GET /a/{id}"),
            ("GET /a/b/c", "GET /a/{id}/c"),
            ("GET /a/b/d", "GET /{*rest}"),
            ("GET /x", "GET /{*rest}"),
            ("GET /", "GET /{*rest}"),
        ] {
            assert_eq!(answers(&table, request), answer, "{request}");
        }
    }
}

#[test]
fn among_routes_of_one_path_the_first_that_takes_method_and_host_answers() {
    let table = table(&["GET /a one.example", "any /a one.example two.example", "GET /a", "POST /a"]);
    for (request, answer) in [
        ("GET /a one.example", "GET /a one.example"),
        ("POST /a one.example", "any /a one.example two.example"),
        ("GET /a two.example", "any /a one.example two.example"),
        ("GET /a three.example", "GET /a"),
        ("GET /a", "GET /a"),
        ("POST /a", "POST /a"),
    ] {
        assert_eq!(answers(&table, request), answer, "{request}");
    }
}

#[test]
fn a_path_of_another_host_hides_nothing() {
    let table = table(&["GET /a/b one.example", "GET /a/{id} two.example", "GET /{*rest}"]);
    assert_eq!(answers(&table, "GET /a/b one.example"), "GET /a/b one.example");
    assert_eq!(answers(&table, "GET /a/c one.example"), "GET /{*rest}");
    assert_eq!(answers(&table, "GET /a/b two.example"), "GET /a/{id} two.example");
    assert_eq!(answers(&table, "GET /a/b three.example"), "GET /{*rest}");
}

#[test]
fn only_the_method_at_fault_is_405_and_names_all_methods_of_the_path() {
    let table = table(&["GET /a/{x}", "POST,PUT /a/{y}", "DELETE,PUT /a/{z} one.example", "DELETE /b"]);
    let fault = |host, path| table.find(&Method::PATCH, host, path, &HeaderMap::new()).unwrap_err();
    let unrouted = fault(None, "/a/1");
    assert_eq!(unrouted.why.reason, Reason::MethodNotAllowed);
    assert_eq!(unrouted.allow.unwrap(), "GET, POST, PUT");
    assert_eq!(fault(Some("one.example"), "/a/1").allow.unwrap(), "GET, POST, PUT, DELETE");
    assert_eq!(fault(None, "/b").allow.unwrap(), "DELETE");
    let unrouted = fault(None, "/c");
    assert_eq!((unrouted.why.reason, unrouted.allow), (Reason::NotFound, None));
}

#[test]
fn a_head_is_answered_where_a_get_is_unless_it_has_a_route_of_its_own() {
    let table = table(&["GET /a", "GET /b", "HEAD /b", "POST /c"]);
    assert_eq!(answers(&table, "HEAD /a"), "GET /a");
    assert_eq!(answers(&table, "HEAD /b"), "HEAD /b");
    assert_eq!(answers(&table, "HEAD /c"), "method_not_allowed");
}

/// With pages beyond them, on these hosts.
fn table_and_beyond(routes: &[&str], hosts: &str) -> RouteTable {
    let beyond = |reach, text: &str| Beyond { reach, route: route(format!("{text} /{{*rest}} {hosts}").trim_end()) };
    table(routes).and_beyond(vec![
        beyond(Reach::Elsewhere, "GET"),
        beyond(Reach::Elsewhere, "HEAD"),
        beyond(Reach::DoubleSlash, "any"),
    ])
}

#[test]
fn pages_answer_where_no_route_does() {
    let table = table_and_beyond(&["GET /a", "POST /b", "GET,POST /c/{id}"], "");
    for (request, answer) in [
        ("GET /a", "GET /a"),
        ("HEAD /a", "GET /a"),
        ("GET /a/", "GET /{*rest}"),
        ("GET /A", "GET /{*rest}"),
        ("GET /", "GET /{*rest}"),
        ("HEAD /x/y", "HEAD /{*rest}"),
        ("GET /b", "GET /{*rest}"),
        ("HEAD /b", "HEAD /{*rest}"),
        ("POST /b", "POST /b"),
        ("GET /c/1", "GET,POST /c/{id}"),
        ("POST /x", "method_not_allowed"),
        ("POST /a", "method_not_allowed"),
        ("GET /a/../b", "bad_path"),
        ("GET /a;b", "bad_path"),
        ("GET /%zz", "bad_path"),
    ] {
        assert_eq!(answers(&table, request), answer, "{request}");
    }
    let fault = |path| table.find(&Method::PUT, None, path, &HeaderMap::new()).unwrap_err().allow.unwrap();
    assert_eq!(
        (fault("/a"), fault("/b"), fault("/x")),
        ("GET, HEAD".parse().unwrap(), "POST, GET, HEAD".parse().unwrap(), "GET, HEAD".parse().unwrap())
    );
    let found = table.find(&Method::GET, None, "/x/%C3%A9%2541", &HeaderMap::new()).unwrap();
    assert_eq!(found.parameters, [("rest".into(), "x/é%41".to_owned())]);
}

#[test]
fn pages_answer_on_their_hosts_alone() {
    let table = table_and_beyond(&["POST /b"], "one.example");
    for (request, answer) in [
        ("GET /x one.example", "GET /{*rest} one.example"),
        ("GET /b one.example", "GET /{*rest} one.example"),
        ("GET //x one.example", "any /{*rest} one.example"),
        ("GET /x two.example", "not_found"),
        ("GET /b two.example", "method_not_allowed"),
        ("GET //x two.example", "bad_path"),
        ("GET /x", "not_found"),
    ] {
        assert_eq!(answers(&table, request), answer, "{request}");
    }
}

#[test]
fn pth_03_only_a_double_slash_is_sent_on_and_only_to_a_path_of_nobody() {
    let table = table_and_beyond(&["GET /a", "GET /r/{*rest} raw"], "");
    for (request, answer) in [
        ("GET //x", "any /{*rest}"),
        ("PUT /x//y/", "any /{*rest}"),
        ("GET //a", "bad_path"),
        ("GET /r//x", "GET /r/{*rest} raw"),
        ("GET //../x", "bad_path"),
        ("GET //x;y", "bad_path"),
        ("GET //x%2Fy", "bad_path"),
    ] {
        assert_eq!(answers(&table, request), answer, "{request}");
    }
    let found = table.find(&Method::GET, None, "//x///%61%20/", &HeaderMap::new()).unwrap();
    assert_eq!(
        (found.path.as_str(), &found.parameters[..]),
        ("/x/a%20/", &[("rest".into(), "x/a%20/".to_owned())][..])
    );
}

#[test]
fn pth_04_parameters_are_decoded_once() {
    let table = table(&["GET /a/{x}/{y}", "GET /f/{*rest}", "GET /r/{*rest} raw"]);
    for (path, values) in [
        ("/a/%C3%A9/%2541", &[("x", "é"), ("y", "%41")][..]),
        ("/a/%40/@", &[("x", "@"), ("y", "@")]),
        ("/a/%7b/%25%32%66", &[("x", "{"), ("y", "%2f")]),
        ("/f/a/b%20c", &[("rest", "a/b c")]),
        ("/f/", &[("rest", "")]),
        ("/r/a%2fb;c", &[("rest", "a/b;c")]),
        ("/r/%252f", &[("rest", "%2f")]),
    ] {
        let found = table.find(&Method::GET, None, path, &HeaderMap::new()).unwrap();
        let found: Vec<_> = found.parameters.iter().map(|(name, value)| (&**name, value.as_str())).collect();
        assert_eq!(found, values, "{path}");
    }
}

#[test]
fn pth_02_only_the_most_exact_route_can_take_a_path_byte_for_byte() {
    let table =
        table(&["GET /s3/{*rest} raw", "GET /s3/admin/{*rest}", "GET /open/{*rest}", "GET /open/raw/{*rest} raw"]);
    for (request, answer) in [
        ("GET /s3/a;b%2fc//d", "GET /s3/{*rest} raw"),
        ("GET /s3/plain", "GET /s3/{*rest} raw"),
        // Never past the stricter route, nor past the raw one by being plain.
        ("GET /s3/admin/a;b", "bad_path"),
        ("GET /s3/%61dmin/a;b", "bad_path"),
        ("GET /open/raw/plain", "GET /open/raw/{*rest} raw"),
        ("GET /open/raw/a;b", "GET /open/raw/{*rest} raw"),
        ("GET /open/a;b", "bad_path"),
        ("GET /s3/../x;", "bad_path"),
        ("GET /none/a;b", "bad_path"),
        ("POST /s3/a;b", "method_not_allowed"),
        ("POST /open/a;b", "bad_path"),
    ] {
        assert_eq!(answers(&table, request), answer, "{request}");
    }
    let path = |raw| table.find(&Method::GET, None, raw, &HeaderMap::new()).unwrap().path.to_string();
    assert_eq!(path("/s3/%7ea%2f;"), "/s3/~a%2F;");
    assert_eq!(path("/s3/%7e%c3%a9"), "/s3/~%C3%A9");
    assert_eq!(path("/s3/admin/%7e%c3%a9"), "/s3/admin/~%C3%A9");
}

#[test]
fn pth_03_a_slash_at_the_end_is_no_way_to_a_wider_route() {
    let texts = ["any /admin", "any /user/{id}", "any /list/", "any /d/{*rest}", "any /d", "any /{*rest}"];
    let table = table(&texts);
    for (request, answer) in [
        ("GET /admin/", "any /admin"),
        ("GET /user/7/", "any /user/{id}"),
        ("GET /list/", "any /list/"),
        ("GET /list", "any /{*rest}"),
        ("GET /d", "any /d"),
        ("GET /d/", "any /d/{*rest}"),
        ("GET /other/", "any /{*rest}"),
        ("GET //admin", "bad_path"),
        ("GET /admin//", "bad_path"),
        ("GET /./admin", "bad_path"),
    ] {
        assert_eq!(answers(&table, request), answer, "{request}");
    }
    assert_eq!(answers(&self::table(&texts[..2]), "GET /admin/"), "not_found");
}

#[test]
fn pth_08_a_path_and_its_coded_forms_stand_before_one_route() {
    let table = table(&["any /@me", "any /a:b!c", "any /x%20y", "any /{*rest}"]);
    for (request, answer) in [
        ("GET /%40me", "any /@me"),
        ("GET /%40%6de", "any /@me"),
        ("GET /%4", "bad_path"),
        ("GET /a%3Ab%21c", "any /a:b!c"),
        ("GET /a%3ab!c", "any /a:b!c"),
        ("GET /x%20y", "any /x%20y"),
        ("GET /%2540me", "any /{*rest}"),
        ("GET /{p1}", "any /{*rest}"),
    ] {
        assert_eq!(answers(&table, request), answer, "{request}");
    }
}

#[test]
fn a_parameter_is_more_exact_than_a_rest_and_a_text_more_than_both() {
    let texts = ["any /{a}/{b}/c", "any /{a}/{*rest}", "any /x/{b}", "any /x/y/z", "any /{a}", "any /"];
    for table in [table(&texts), table(&texts.into_iter().rev().collect::<Vec<_>>())] {
        for (request, answer) in [
            ("GET /x/y/z", "any /x/y/z"),
            ("GET /x/y/c", "any /{a}/{b}/c"),
            ("GET /x/y/d", "any /{a}/{*rest}"),
            ("GET /x/y", "any /x/{b}"),
            ("GET /q/y", "any /{a}/{*rest}"),
            ("GET /q/", "any /{a}/{*rest}"),
            ("GET /q", "any /{a}"),
            ("GET /", "any /"),
        ] {
            assert_eq!(answers(&table, request), answer, "{request}");
        }
    }
    let table = table(&texts);
    let found = table.find(&Method::GET, None, "/x/y/d/e", &HeaderMap::new()).unwrap();
    assert_eq!(found.parameters, [("a".into(), "x".to_owned()), ("rest".into(), "y/d/e".to_owned())]);
}

#[test]
fn cfg_01_a_route_that_no_request_reaches_is_told_with_those_before_it() {
    let error = |texts: &[&str]| {
        let routes = texts.iter().map(|text| route(text)).collect();
        RouteTable::new(routes, Vec::new()).map(drop).map_err(|error| error.to_string())
    };
    let told = "no request reaches the route `GET /{b}`: `any /{a}` before it answer them all";
    assert_eq!(error(&["any /{a}", "GET /{b}"]), Err(told.to_owned()));
    assert!(error(&["GET /a", "POST /a", "GET,POST /a"]).unwrap_err().contains("`GET /a`, `POST /a`"));
    assert!(error(&["GET /@", "GET /%40"]).is_err());
    assert!(error(&["any /a", "any /a one.example"]).is_err());
    for reachable in [
        &["GET /a", "any /a"][..],
        &["GET /a", "HEAD /a"],
        &["GET /a", "GET,POST /a"],
        &["any /a one.example", "any /a"],
        &["any /a one.example", "any /a one.example two.example"],
        &["any /{*rest}", "GET /a"],
        &["GET /{a}", "GET /a"],
    ] {
        assert_eq!(error(reachable), Ok(()), "{reachable:?}");
    }
    // One end point of two may be taken.
    let of = |name: &str, text: &str| Route { name: name.into(), ..route(text) };
    let tracker = [of("tracker", "GET /a"), of("tracker", "GET /b")];
    let new = |routes: Vec<Route>| RouteTable::new(routes, Vec::new());
    assert!(new([vec![route("any /a")], tracker.to_vec()].concat()).is_ok());
    let told = new([vec![route("any /a"), route("GET /b")], tracker.to_vec()].concat()).unwrap_err().to_string();
    assert!(told.contains("the route `tracker`") && told.contains("`GET /b`, `any /a`"), "{told}");
}

#[test]
fn why_not_names_the_first_thing_that_does_not_fit() {
    let why_not =
        |text: &str, method: &str, host, path| RouteTable::why_not(&route(text), &method.parse().unwrap(), host, path);
    assert_eq!(why_not("GET /a/{id}", "GET", None, "/a/b"), None);
    assert_eq!(why_not("GET /a/{id}", "HEAD", None, "/a/b"), None);
    assert_eq!(why_not("GET /@", "GET", None, "/%40"), None);
    assert_eq!(why_not("GET /a/{id}", "GET", None, "/b"), Some("another path"));
    assert_eq!(why_not("POST /b one.example", "GET", None, "/a"), Some("another path"));
    assert_eq!(why_not("POST /a one.example", "GET", Some("two.example"), "/a"), Some("another host"));
    assert_eq!(why_not("POST /a one.example", "GET", Some("one.example"), "/a"), Some("another method"));
    assert_eq!(why_not("POST /a", "HEAD", None, "/a"), Some("another method"));
    assert_eq!(why_not("GET /a", "GET", None, "/../a"), Some("the path has no one reading"));
    let none_raw = Some("the path has no one reading, and the route takes none byte for byte");
    assert_eq!(why_not("GET /{a}", "GET", None, "/a;b"), none_raw);
    assert_eq!(why_not("GET /{a} raw", "GET", None, "/a;b"), None);
}

#[test]
fn hdr_13_a_host_is_compared_without_case_port_and_final_dot() {
    for (host, plain) in [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("example.org:80", "example.org"),
        ("example.org.:8080", "example.org"),
        ("[::1]:80", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
    ] {
        assert_eq!(plain_host(host), plain);
    }
}

#[test]
fn an_unknown_path_is_answered_in_the_wording_of_its_neighbours() {
    #[derive(Debug)]
    struct Loud;
    impl Dialect for Loud {
        fn render(&self, _refusal: &crate::layer::Refusal<'_>) -> Response<Bytes> {
            Response::new(Bytes::from_static(b"LOUD"))
        }
    }
    let loud = Route { dialect: Arc::new(Loud), ..route("GET /api/v1/a") };
    let fallback = Fallback { header: HeaderName::from_static("token"), dialect: Arc::new(Loud) };
    let table = RouteTable::new(vec![route("GET /api/v2/b"), loud], vec![fallback]).unwrap();
    let is_loud = |path: &str, headers: &HeaderMap| {
        let unrouted = table.find(&Method::GET, None, path, headers).unwrap_err();
        unrouted.dialect.render(&crate::layer::Refusal::new(&unrouted.why)).body() == "LOUD"
    };
    let plain = HeaderMap::new();
    assert!(is_loud("/api/v1/x", &plain) && is_loud("/api/v1/a;", &plain));
    assert!(!is_loud("/api/v2/x", &plain) && !is_loud("/api/x", &plain) && !is_loud("/", &plain));
    let with_token = [(HeaderName::from_static("token"), HeaderValue::from_static("x"))].into_iter().collect();
    assert!(is_loud("/", &with_token));
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    let pattern = "(GET|any) (/(a|b|@|\\{x\\})){0,3}(/|/\\{\\*r\\})( raw)?( one.example)?";
    proptest::collection::vec(pattern, 1..6).prop_map(|texts| {
        // What the configuration refuses: two parameters of one name.
        let unlike = |text: String| {
            let mut parts = text.split("{x}");
            let first = parts.next().unwrap_or_default().to_owned();
            parts.enumerate().fold(first, |text, (place, part)| format!("{text}{{x{place}}}{part}"))
        };
        texts.into_iter().map(unlike).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pth_12_the_route_found_is_the_route_of_the_path_that_is_sent_on(
        texts in patterns(),
        path in "(/|//|a|b|@|%40|%61|%2f|%5C|%2e|\\.|;|%3b|%25|%C3%A9|%c3%a9|\\{|%7b|%00|x){0,8}",
    ) {
        let routes: Vec<Route> = texts.iter().map(|text| route(text)).collect();
        let Ok(table) = RouteTable::new(routes, Vec::new()) else { return Ok(()) };
        let path = format!("/{path}");
        for host in [None, Some("one.example")] {
            let Ok(found) = table.find(&Method::GET, host, &path, &HeaderMap::new()) else { continue };
            let again = table.find(&Method::GET, host, found.path.as_str(), &HeaderMap::new()).unwrap();
            prop_assert!(std::ptr::eq(found.route, again.route), "{path}");
            prop_assert_eq!(&found.path, &again.path);
            prop_assert_eq!(&found.parameters, &again.parameters);
            if !found.route.raw_path {
                prop_assert_eq!(Ok(found.path), CanonicalPath::parse(&path));
            }
        }
    }
}
