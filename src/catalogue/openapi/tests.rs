use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use http::Method;
use serde_json::Value;

use crate::assemble::{self, AssembleError};
use crate::catalogue::Catalogue;
use crate::catalogue::schemes::Schemes;
use crate::catalogue::trackers::mount;
use crate::config::{self, Config, Overrides};

const TRACKERS: [&str; 4] = ["fittrackee", "livetracking", "lptracker", "sessions"];

/// As an operator may set the trackers otherwise.
const OTHERWISE: &str = "[trackers.lptracker]\nreal_status = true\n[trackers.fittrackee]\nregistration = false\n";

fn config(text: &str) -> Config {
    config::parse(text, Path::new("."), &Overrides::default(), "test.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn document(text: &str) -> Value {
    let config = config(text);
    let document = assemble::with_scratch(&config, async |ground| {
        let catalogue = Catalogue::make(&config, &ground.services(), &ground.sign_in, None).await;
        Ok::<_, AssembleError>(catalogue?.document)
    });
    serde_json::from_str(document.unwrap().text()).unwrap()
}

/// The operations of a document: path, method in capitals, operation.
fn operations(document: &Value) -> impl Iterator<Item = (&str, String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, told)| (path.as_str(), method.to_uppercase(), told))
    })
}

#[test]
fn every_end_point_of_every_tracker_is_described() {
    for text in ["", OTHERWISE] {
        let config = config(text);
        let missing = assemble::with_scratch(&config, async |ground| {
            let schemes = Schemes::make(&config, &ground.accounts, &ground.sign_in, None).await;
            let schemes = schemes.map_err(AssembleError::Catalogue)?;
            let mut missing = Vec::new();
            for name in TRACKERS {
                let mounted = mount(name, &config, &ground.services(), &schemes).map_err(AssembleError::Catalogue)?;
                let (manual, endpoints) = (mounted.tracker.manual(), mounted.tracker.endpoints());
                assert!(!endpoints.is_empty());
                for endpoint in endpoints.iter().filter(|endpoint| endpoint.method != Method::OPTIONS) {
                    match manual.operation(&endpoint.method, endpoint.path) {
                        Some(told) if !told.responses.responses.is_empty() => {}
                        _ => missing.push(format!("{name}: {} {}", endpoint.method, endpoint.path)),
                    }
                }
            }
            Ok::<_, AssembleError>(missing)
        });
        let missing = missing.unwrap();
        assert!(missing.is_empty(), "say in `operations` of the tracker what these take and answer:\n{missing:#?}");
    }
}

#[test]
fn every_manual_names_the_schemas_that_it_refers_to() {
    let config = config("");
    let unknown = assemble::with_scratch(&config, async |ground| {
        let schemes = Schemes::make(&config, &ground.accounts, &ground.sign_in, None).await;
        let schemes = schemes.map_err(AssembleError::Catalogue)?;
        let mut unknown = Vec::new();
        for name in TRACKERS {
            let mounted = mount(name, &config, &ground.services(), &schemes).map_err(AssembleError::Catalogue)?;
            let manual = mounted.tracker.manual();
            let known: Vec<_> = manual.schemas().map(|(name, _)| format!("#/components/schemas/{name}")).collect();
            let mut references = BTreeSet::new();
            for (method, path) in manual.told() {
                gather(&serde_json::to_value(manual.operation(method, path)).unwrap(), &mut references);
            }
            for (_, schema) in manual.schemas() {
                gather(&serde_json::to_value(schema).unwrap(), &mut references);
            }
            unknown.extend(references.into_iter().filter(|reference| !known.contains(reference)));
        }
        Ok::<_, AssembleError>(unknown)
    });
    assert_eq!(unknown.unwrap(), Vec::<String>::new());
}

#[test]
fn every_status_that_a_transcript_records_is_documented() {
    let documents = [document(""), document(OTHERWISE)];
    let mut missing = BTreeSet::new();
    let mut found = 0;
    for file in transcripts() {
        for (method, path, status) in exchanges(&fs::read_to_string(&file).unwrap()) {
            let told: Vec<&Value> = documents.iter().filter_map(|each| operation_at(each, &method, &path)).collect();
            // Another method or path: refused by the gateway, and no operation of the document.
            let Some(first) = told.first() else { continue };
            found += 1;
            if !told.iter().any(|operation| operation["responses"].get(&status).is_some()) {
                missing.insert(format!("{}: {status} of {}", file.display(), first["operationId"]));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(found > 200, "the transcripts were not found: {found}");
}

/// The operation at a path as a request has it; a path without parameters before one that has some.
fn operation_at<'a>(document: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let method = if method == "HEAD" { "GET" } else { method };
    let fits = |template: &str| {
        let (wanted, here): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        let alike = |(a, b): (&&str, &&str)| a == b || (a.starts_with('{') && !b.is_empty());
        wanted.len() == here.len() && wanted.iter().zip(&here).all(alike)
    };
    let mut all: Vec<_> = operations(document).filter(|(template, _, _)| fits(template)).collect();
    all.sort_by_key(|(template, _, _)| template.matches('{').count());
    let best = all.first()?.0;
    all.into_iter().find(|(template, kind, _)| *template == best && kind == method).map(|(_, _, operation)| operation)
}

fn transcripts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let trackers = TRACKERS.iter().map(|name| root.join("src/trackers").join(name).join("transcripts"));
    let folders = trackers.chain([root.join("tests/gateway/doors/transcripts")]);
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
    files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "txt")).collect()
}

/// Method, path and status of each exchange, in either notation.
fn exchanges(transcript: &str) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    let mut asked = None;
    let mut before = "";
    for line in transcript.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            [method, target, ..]
                if method.parse::<Method>().is_ok_and(|method| KNOWN.contains(&method))
                    && target.starts_with('/')
                    && (before.starts_with("===") || before.starts_with(">>>") || words.len() == 3) =>
            {
                let path = target.split('?').next().unwrap();
                asked = Some((method.to_owned(), path.to_owned()));
            }
            ["HTTP/1.1", status, ..] => all.extend(asked.take().map(|(m, p)| (m, p, status.to_owned()))),
            [status] if before == "---" => all.extend(asked.take().map(|(m, p)| (m, p, status.to_owned()))),
            _ => {}
        }
        before = line;
    }
    all
}

const KNOWN: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

#[test]
fn only_what_is_mounted_is_listed() {
    let one = document("[[routes]]\nname = \"s\"\ntracker = \"sessions\"\n");
    let paths: Vec<_> = operations(&one).map(|(path, method, _)| format!("{method} {path}")).collect();
    assert_eq!(
        paths,
        [
            "POST /api/liveinsert.php",
            "POST /api/sesinsert.php",
            "GET /api/userstats.php",
            "GET /api/v2/sessions.php",
            "GET /api/v2/stats.php"
        ]
    );
    assert_eq!(one["tags"].as_array().unwrap().len(), 1);
    let part = document("[[routes]]\nname = \"t\"\ntracker = \"livetracking\"\nmatch = \"GET /time\"\n");
    let paths: Vec<_> = operations(&part).map(|(path, method, _)| format!("{method} {path}")).collect();
    assert_eq!(paths, ["GET /time"]);
}

#[test]
fn an_end_point_behind_a_route_of_the_operators_own_is_not_listed() {
    let text = "[upstreams.u]\nurls = [\"http://127.0.0.1:1\"]\n\
                [[routes]]\nname = \"own\"\nmatch = \"GET /time\"\nupstream = \"u\"\nauth = \"none\"\npublic = \"a clock\"\n\
                [[routes]]\nname = \"live\"\ntracker = \"livetracking\"\n";
    let document = document(text);
    let paths: Vec<_> = operations(&document).map(|(path, _, _)| path).collect();
    assert!(!paths.contains(&"/time") && paths.contains(&"/ping"), "{paths:?}");
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    for text in ["", OTHERWISE] {
        let document = document(text);
        let mut references = BTreeSet::new();
        gather(&document, &mut references);
        assert!(references.len() > 20);
        for reference in references {
            assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
        let mut names = BTreeMap::new();
        for (path, method, operation) in operations(&document) {
            let before = names.insert(operation["operationId"].as_str().unwrap().to_owned(), (path.to_owned(), method));
            assert_eq!(before, None);
        }
    }
}

fn gather(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, inside) in members {
                match inside {
                    Value::String(text) if name == "$ref" => drop(references.insert(text.clone())),
                    inside => gather(inside, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, references)),
        _ => {}
    }
}

#[test]
fn a_protected_operation_names_its_credentials_and_its_refusals() {
    let document = document("");
    let security = |path: &str, method: &str| document["paths"][path][method]["security"].clone();
    assert_eq!(security("/user", "get"), serde_json::json!([{ "basic": [] }]));
    assert_eq!(security("/projects", "get"), serde_json::json!([{ "lp": [] }]));
    assert_eq!(security("/api/auth/profile", "get"), serde_json::json!([{ "api": [] }, { "fit": [] }]));
    assert_eq!(security("/time", "get"), serde_json::json!([]));
    let statuses = |path: &str, method: &str| -> Vec<String> {
        document["paths"][path][method]["responses"].as_object().unwrap().keys().cloned().collect()
    };
    let user = ["200", "400", "401", "403", "413", "414", "417", "431", "500", "503"];
    assert_eq!(statuses("/user", "get"), user);
    assert_eq!(statuses("/projects", "get"), ["200"], "errors are HTTP 200 too");
    assert_eq!(document["components"]["securitySchemes"]["fit"]["bearerFormat"], "JWT");
    let limited = "[[routes]]\nname = \"s\"\ntracker = \"livetracking\"\nallow = { rate = \"5/s\" }\n";
    let limited = self::document(limited);
    assert!(limited["paths"]["/user"]["get"]["responses"]["429"].is_object());
}
