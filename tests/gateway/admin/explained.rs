//! `trackgate explain --id`: the decision as the command line tells it.

use std::process::Command;

use super::Watched;
use crate::harness::{BINARY, basic};

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn explain(words: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let said = Command::new(BINARY).arg("explain").args(words).arg("--data-dir").arg(folder.path()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: said.status.code().unwrap(), out: text(said.stdout), err: text(said.stderr) }
}

#[test]
fn a_decision_is_found_by_its_id() {
    let watched = Watched::start();
    watched.inside.account("testrider");
    let answer = watched.inside.ask(&format!("POST /points/7\n{}", basic("testrider", "wrong")), "x");
    let (id, url) = (answer.header("x-request-id"), watched.inside.gateway().admin_url().unwrap());
    let said = explain(&["--id", id, "--admin", &url]);
    assert_eq!(said.code, 0, "{}", said.err);
    for line in [
        "request       POST /points/7\n",
        "route         points\n",
        "scheme        basic refused: wrong_secret\n",
        "outcome       refused with status 401: wrong_secret, said by basic\n",
    ] {
        assert!(said.out.contains(line), "{line}{}", said.out);
    }
    let said = explain(&["--id", id, "--admin", &url, "--json"]);
    let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&told["id"], &told["outcome"]["reason"]), (&id.into(), &"wrong_secret".into()));
    // As configured, from a file.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.toml");
    std::fs::write(&file, format!("[admin]\naddress = \"{}\"\n", watched.admin())).unwrap();
    let said = explain(&["--id", id, "--config", file.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn what_is_missing_is_told() {
    let watched = Watched::start_with("decisions = 7");
    let url = watched.inside.gateway().admin_url().unwrap();
    let said = explain(&["--id", "0c0ffee0", "--admin", &url]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("0c0ffee0 is not among the last 7 decisions"), "{}", said.err);
    let said = explain(&["--id", "0c0ffee0"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("[admin]\naddress = \"127.0.0.1:9090\""), "{}", said.err);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = explain(&["--id", "0c0ffee0", "--admin", &format!("http://{gone}")]);
    assert!(said.code == 1 && said.err.contains("asking the admin listener"), "{}", said.err);
    assert_eq!(explain(&["--id", "../metrics", "--admin", &url]).code, 1);
    assert_eq!(explain(&["--admin", &url, "/a"]).code, 2);
}
