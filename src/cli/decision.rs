//! `trackgate explain --id`: what the running gateway decided on a request, and why.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{CliError, Common, output};
use crate::assemble::AssembleError;
use crate::config::checked::Admin;

/// Prints the decision on the request of this id, which the admin listener at `url`, or else the one of the
/// configuration, still has.
pub(super) fn explain(common: &Common, id: &str, url: Option<&str>) -> Result<(), CliError> {
    if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(CliError::refused(format!("`{id}` is not what the gateway writes into X-Request-Id")));
    }
    let authority = match url {
        Some(url) => authority(url)?,
        None => configured(common.load(None)?.admin.as_ref())?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let asked =
        runtime.map_err(AssembleError::Runtime)?.block_on(async { timeout(PATIENCE, ask(&authority, id)).await });
    let asked = asked.map_err(|_late| CliError::refused(format!("nobody answers at http://{authority}")))?;
    let (status, told) = asked.map_err(CliError::io(format!("asking the admin listener at http://{authority}")))?;
    match status {
        StatusCode::OK if common.json => output::value(&told),
        StatusCode::OK => output::print(text(&told).trim_end()),
        StatusCode::NOT_FOUND => {
            let kept = told.get("kept").and_then(Value::as_u64).unwrap_or_default();
            let more = if kept == 0 { "; `admin.decisions` says how many are kept" } else { "" };
            Err(CliError::refused(format!("{id} is not among the last {kept} decisions that the gateway keeps{more}")))
        }
        status => Err(CliError::refused(format!("http://{authority} answers {status}: it is no admin listener"))),
    }
}

/// Where the admin listener of a configuration is.
fn configured(admin: Option<&Admin>) -> Result<String, CliError> {
    let Some(admin) = admin else {
        return Err(CliError::refused(
            "the configuration has no admin listener, so no decisions are kept: add the lines\n\n[admin]\n\
             address = \"127.0.0.1:9090\"\n\nand have it read anew (SIGHUP), or name another gateway's by --admin URL",
        ));
    };
    let ip = match admin.address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    match admin.address.port() {
        0 => {
            Err(CliError::refused("the configuration leaves the port of `admin.address` open; name it by --admin URL"))
        }
        port => Ok(SocketAddr::new(ip, port).to_string()),
    }
}

fn authority(url: &str) -> Result<String, CliError> {
    let not_one = || CliError::refused(format!("`{url}` is not an address such as http://127.0.0.1:9090"));
    let uri: Uri = url.parse().map_err(|_not_a_url| not_one())?;
    let authority = uri.authority().filter(|_| matches!(uri.scheme_str(), None | Some("http"))).ok_or_else(not_one)?;
    if authority.as_str().contains('@') || !matches!(uri.path(), "" | "/") {
        return Err(not_one());
    }
    Ok(match authority.port() {
        Some(_) => authority.to_string(),
        None => format!("{authority}:9090"),
    })
}

async fn ask(authority: &str, id: &str) -> std::io::Result<(StatusCode, Value)> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    let request = Request::get(format!("/decisions/{id}")).header(header::HOST, authority);
    let request = request.body(Empty::<Bytes>::new()).map_err(std::io::Error::other)?;
    let answered = async {
        let answer = sender.send_request(request).await.map_err(std::io::Error::other)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await.map_err(std::io::Error::other)?;
        Ok((status, serde_json::from_slice(&body.to_bytes()).unwrap_or_default()))
    };
    tokio::select! {
        answered = answered => answered,
        Err(broken) = connection => Err(std::io::Error::other(broken)),
    }
}

/// The decision as lines for people.
fn text(told: &Value) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: &str| writeln!(out, "{key:<14}{value}").expect("a String takes text");
    let word = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), printable);
    let of = |value: &Value, key: &str| value.get(key).map_or_else(|| "-".to_owned(), word);
    line("request", &format!("{} {}", of(told, "method"), of(told, "path")));
    line("id", &of(told, "id"));
    line("time", &of(told, "time"));
    line("listener", &of(told, "listener"));
    line("client", &of(told, "client"));
    line("route", if told["route"].is_null() { "none".to_owned() } else { of(told, "route") }.as_str());
    for said in told["schemes"].as_array().into_iter().flatten() {
        let reason = said["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        line("scheme", &format!("{} {}{reason}", of(said, "scheme"), of(said, "verdict")));
    }
    let who = &told["identity"];
    if who.is_object() {
        let account = who["account"].as_i64().map(|account| format!("account {account}, ")).unwrap_or_default();
        let service = who["service"].as_str().map(|name| format!(", service {}", printable(name))).unwrap_or_default();
        let credential = of(who, "credential");
        line("identity", &format!("{} ({account}credential {credential}{service})", of(who, "name")));
    }
    for said in told["policies"].as_array().into_iter().flatten() {
        line("policy", &format!("{}: {}", of(said, "policy"), of(said, "value")));
    }
    let upstream = &told["upstream"];
    if upstream.is_object() {
        let address = upstream["address"].as_str().map(|address| format!(" at {address}")).unwrap_or_default();
        line("upstream", &format!("{}{address}", of(upstream, "name")));
    }
    let outcome = &told["outcome"];
    let reason = match (outcome["reason"].as_str(), outcome["by"].as_str()) {
        (Some(reason), Some(by)) => format!(": {reason}, said by {by}"),
        _ => String::new(),
    };
    line("outcome", &format!("{} with status {}{reason}", of(outcome, "what"), outcome["status"]));
    let going_on = if told["ended"] == false { ", and goes on" } else { "" };
    line("took", &format!("{} ms, {} bytes{going_on}", told["ms"], told["bytes"]));
    out
}

/// Controls escaped, so that a terminal reads none from a request.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

const PATIENCE: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_or_without_its_scheme() {
        for (url, told) in [
            ("http://127.0.0.1:9191", Some("127.0.0.1:9191")),
            ("http://[::1]:9191/", Some("[::1]:9191")),
            ("localhost:9191", Some("localhost:9191")),
            ("http://gate.example", Some("gate.example:9090")),
            ("https://127.0.0.1:9090", None),
            ("http://a@b:1", None),
            ("http://b:1/metrics", None),
        ] {
            assert_eq!(authority(url).ok().as_deref(), told, "{url}");
        }
    }

    #[test]
    fn log_02_no_control_of_a_request_reaches_the_terminal() {
        let told = serde_json::json!({ "method": "GET", "path": "/a\u{1b}[31m", "outcome": { "status": 404 } });
        assert!(!text(&told).contains('\u{1b}'), "{}", text(&told));
    }
}
