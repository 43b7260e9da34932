//! The command line: links made by hand and by file, and what `explain` says.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::harness::BINARY;

const CONFIG: &str = "[upstreams.up]\nurls = [\"http://127.0.0.1:9\"]\n[[routes]]\nname = \"crm\"\nmatch = \"/crm/{*rest}\"\n\
                      upstream = \"up\"\nauth = [\"api\"]\nsend = { credentials = \"basic\", links = \"crm\" }\n";

fn run(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let config = folder.join("t.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let mut child = Command::new(BINARY)
        .args(["--config", config.to_str().unwrap(), "--data-dir", folder.join("data").to_str().unwrap()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn good(folder: &Path, args: &[&str], stdin: &str) -> String {
    let output = run(folder, args, stdin);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

fn bad(folder: &Path, args: &[&str], stdin: &str) -> String {
    let output = run(folder, args, stdin);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn links_are_made_listed_and_removed_at_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["anna", "bert"] {
        good(folder, &["user", "add", name, "--no-password"], "");
    }
    good(folder, &["link", "set", "anna", "crm", "--user", "anna@there"], "hunter2\n");
    let list = good(folder, &["link", "list"], "");
    assert!(list.contains("anna@there") && list.contains("good") && !list.contains("hunter2"), "{list}");
    let told = bad(folder, &["link", "set", "anna", "crn", "--user", "a"], "hunter2\n");
    assert!(told.contains("no route sends `credentials` by `links = \"crn\"` (there are `crm`)"), "{told}");

    let file = folder.join("links.csv");
    std::fs::write(&file, "account,tracker,user,secret\nbert,crm,bert@there,hunter3\nnobody,crm,x,hunter4\n").unwrap();
    let told = bad(folder, &["link", "import", file.to_str().unwrap()], "");
    assert!(told.contains("line 3: there is no account `nobody`") && !told.contains("hunter"), "{told}");
    assert!(!good(folder, &["link", "list"], "").contains("bert@there"));
    std::fs::write(&file, "account,tracker,user,secret\nbert,crm,bert@there,hunter3\n").unwrap();
    assert!(good(folder, &["link", "import", file.to_str().unwrap()], "").contains("1 links"));
    assert!(good(folder, &["link", "list", "--user", "bert"], "").contains("bert@there"));
    assert!(good(folder, &["link", "reseal"], "").contains("0 links"));

    good(folder, &["link", "remove", "anna", "crm"], "");
    let told = bad(folder, &["link", "remove", "anna", "crm"], "");
    assert!(told.contains("`anna` has no link in `crm`"), "{told}");
}

#[test]
fn explain_tells_what_goes_on_instead_and_whether_there_is_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    good(folder, &["user", "add", "anna", "--no-password"], "");
    let token = good(folder, &["token", "new", "--user", "anna", "--grant", "points:read"], "");
    let header = format!("Authorization: Bearer {}", token.trim());
    let explain = ["explain", "/crm/a", "--header", &header];
    let told = good(folder, &explain, "");
    assert!(told.contains("refused with status 403: not_linked, said by proxy"), "{told}");
    good(folder, &["link", "set", "anna", "crm", "--user", "anna@there"], "hunter2\n");
    let told = good(folder, &explain, "");
    assert!(told.contains("credentials   basic by links `crm`") && told.contains("authorization"), "{told}");
    assert!(!told.contains("hunter2") && !told.contains(token.trim()), "{told}");
}
