//! `trackgate explain`: the same routes, schemes and policies as live traffic, and no secret in what it says.

use std::net::IpAddr;
use std::time::SystemTime;

use http::Request;
use serde_json::Value;
use trackgate::assemble::{self, AssembleError};
use trackgate::catalogue::Catalogue;
use trackgate::config::{self, Overrides};
use trackgate::gateway::Question;

use super::recorder::Recorder;
use super::{Front, PUBLIC, route};
use crate::harness::basic;

/// A gateway that runs, to sign in at, and its explanations.
struct Explained {
    front: Front,
    config: config::Config,
}

impl Explained {
    fn start(routes: &str) -> Self {
        let front = Front::start(Recorder::ok(), routes);
        let overrides = Overrides { data_dir: Some(front.inside.folder.path().join("data")), listen: None };
        let text = super::with_upstream(&front.up, routes);
        let config = config::parse(&text, front.inside.folder.path(), &overrides, "t.toml").unwrap();
        Self { front, config }
    }

    /// The explanation of a request in the form of the test harness, next to its live status.
    fn ask(&self, head: &str) -> Value {
        let mut lines = head.lines();
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target).header("host", "a.example");
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let client: IpAddr = "127.0.0.1".parse().unwrap();
        let told = assemble::with_ground(&self.config, async |ground| {
            let catalogue = Catalogue::make(&self.config, &ground.services(), &ground.sign_in, None).await?;
            let question = Question { parts, client: Some(client), now: SystemTime::now() };
            Ok::<_, AssembleError>(catalogue.table.explain(&question).await)
        });
        let told = serde_json::to_value(told.unwrap()).unwrap();
        let live = self.front.ask(head, "");
        let status = told["outcome"]["status"].as_u64().unwrap_or(200);
        assert_eq!(u64::from(live.status), status, "{head}: {told}");
        told
    }
}

fn config() -> String {
    route(
        "write",
        "POST /points/{id}",
        "auth = [\"basic\", \"api\", \"lp\"]\nallow = { grants = [\"points:write\"], methods = [\"POST\"] }\nsend = { identity = \"signed\" }",
    ) + &route("read", "GET /points/{*rest}", PUBLIC)
        + &route("hosted", "GET /points/x", &format!("{PUBLIC}\nhosts = [\"elsewhere.example\"]"))
        + &route("raw", "/raw/{*rest}", &format!("{PUBLIC}\nraw_path = true"))
}

#[test]
fn it_tells_route_schemes_policies_and_headers() {
    let explained = Explained::start(&config());
    explained.front.inside.account("testrider");
    let told = explained.ask(&format!(
        "POST /points/%37\n{}\nX-Forwarded-For: 6.6.6.6\nX-Mine: 1",
        basic("testrider", "correct-horse")
    ));
    assert_eq!(told["canonical_path"], "/points/7");
    assert_eq!(told["route"], "write");
    assert_eq!(told["schemes"], serde_json::json!([{ "scheme": "basic", "verdict": "known", "reason": null }]));
    assert_eq!((&told["identity"]["name"], &told["identity"]["scheme"]), (&"testrider".into(), &"basic".into()));
    let policies: Vec<_> =
        told["policies"].as_array().unwrap().iter().map(|policy| (&policy["rule"], &policy["value"])).collect();
    assert_eq!(policies, [(&"POST".into(), &"allow".into()), (&"points:write".into(), &"allow".into())]);
    let names = |key: &str| {
        told["headers"][key]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for name in ["x-trackgate-user", "x-trackgate-assertion", "x-forwarded-for", "host", "via"] {
        assert!(names("added").contains(&name.to_owned()), "{name}: {told}");
    }
    assert_eq!(names("dropped"), ["authorization"]);
    assert_eq!(told["outcome"]["what"], "forwarded to the upstream up");
}

#[test]
fn it_tells_why_other_routes_do_not_answer() {
    let explained = Explained::start(&config());
    let told = explained.ask("GET /points/x");
    assert_eq!((&told["route"], &told["outcome"]["reason"]), (&Value::Null, &"method_not_allowed".into()));
    let because = |told: &Value, name: &str| {
        let others = told["other_routes"].as_array().unwrap().iter();
        others.filter(|other| other["route"] == name).map(|other| other["because"].as_str().unwrap().to_owned()).next()
    };
    assert_eq!(because(&told, "write").as_deref(), Some("another method"));
    assert_eq!(because(&told, "hosted").as_deref(), Some("another host"));
    assert_eq!(because(&told, "raw"), None, "it is somewhere else altogether");
    let told = explained.ask("GET /points/x/y");
    assert_eq!(told["route"], "read");
    assert_eq!(because(&told, "write").as_deref(), Some("another path"));
    let told = explained.ask("POST /points/a/b");
    assert_eq!((&told["route"], &told["outcome"]["reason"]), (&Value::Null, &"method_not_allowed".into()));
    let told = explained.ask("GET /points/a;b");
    assert_eq!((&told["outcome"]["reason"], &told["outcome"]["status"]), (&"bad_path".into(), &400.into()));
    assert_eq!(told["path_fault"], "the path holds a semicolon");
    assert_eq!(because(&told, "read"), None, "without a path no route was looked for");
    let told = explained.ask("GET /raw/a;b%2f");
    assert_eq!((&told["route"], &told["canonical_path"]), (&"raw".into(), &"/raw/a;b%2F".into()));
    assert_eq!(explained.ask("GET /nowhere")["outcome"]["reason"], "not_found");
}

#[test]
fn it_tells_refusals_with_their_reason_and_challenges() {
    let explained = Explained::start(&config());
    let account = explained.front.inside.account("testrider");
    let told = explained.ask("POST /points/7");
    assert_eq!((&told["outcome"]["reason"], &told["outcome"]["by"]), (&"no_credential".into(), &"gate".into()));
    assert_eq!(told["outcome"]["challenges"].as_array().unwrap().len(), 2);
    assert_eq!(told["schemes"].as_array().unwrap().len(), 3, "each was asked: {told}");
    let told = explained.ask(&format!("POST /points/7\n{}", basic("testrider", "wrong")));
    assert_eq!(
        (&told["outcome"]["reason"], &told["schemes"][0]["verdict"]),
        (&"wrong_secret".into(), &"refused".into())
    );
    let token = explained.front.inside.token(&account, "sessions:read");
    let told = explained.ask(&format!("POST /points/7\nAuthorization: Bearer {token}"));
    assert_eq!((&told["outcome"]["reason"], &told["outcome"]["status"]), (&"insufficient_grant".into(), &403.into()));
    assert_eq!(told["policies"][1]["value"], "insufficient_grant");
    let told = explained.ask(&format!("POST /points/7\n{}\ntoken: x", basic("testrider", "correct-horse")));
    assert_eq!(
        (&told["outcome"]["reason"], &told["schemes"]),
        (&"ambiguous_credentials".into(), &serde_json::json!([]))
    );
}

#[test]
fn log_01_no_explanation_holds_a_secret() {
    let explained = Explained::start(&config());
    let account = explained.front.inside.account("testrider");
    let token = explained.front.inside.token(&account, "points:write");
    for line in [
        basic("testrider", "correct-horse"),
        basic("testrider", "wrong-marked-secret"),
        format!("Authorization: Bearer {token}"),
        format!("Authorization: Bearer {token}x"),
        "Authorization: Marked marked-secret".to_owned(),
        "token: marked-secret".to_owned(),
        "Cookie: session=marked-secret".to_owned(),
        "X-Own: marked-secret".to_owned(),
    ] {
        for target in
            ["POST /points/7?key=marked-secret", "GET /points/7?key=marked-secret", "GET /nowhere?key=marked-secret"]
        {
            let told = explained.ask(&format!("{target}\n{line}")).to_string();
            let value = line.rsplit(' ').next().unwrap();
            for secret in [value, "correct-horse", "marked-secret", &token] {
                assert!(!told.contains(secret), "{target} {line}: {told}");
            }
        }
    }
}
