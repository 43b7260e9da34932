//! `trackgate explain`: what would become of a request, or what became of one, and why.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use http::Request;

use super::{CliError, Common, decision, output};
use crate::assemble::{self, AssembleError};
use crate::catalogue::Catalogue;
use crate::gateway::{Explanation, PolicySaid, Question, read_raw_head};

/// Explain what would become of a request, or what became of one.
///
/// With --id the running gateway is asked on its admin listener for the decision on a request whose answer carried
/// this X-Request-Id. Else the request comes from flags, or from a file that holds it as it goes on the wire. Schemes and policies
/// are asked as for live traffic: a wrong password counts as a guess.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The request target, such as /projects or /files/a?b=c
    #[arg(required_unless_present_any = ["raw", "id"])]
    target: Option<String>,
    /// The method
    #[arg(long, short = 'X', default_value = "GET")]
    method: String,
    /// A header line, `Name: value`; can be given several times
    #[arg(long = "header", short = 'H', value_name = "LINE")]
    headers: Vec<String>,
    /// A raw HTTP/1.1 request head, in a file or `-` for standard input; keeps credentials off the command line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "headers"])]
    raw: Option<PathBuf>,
    /// The client's address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    client: IpAddr,
    /// The X-Request-Id of an answer: explain what the running gateway decided then
    #[arg(long, value_name = "ID", conflicts_with_all = ["target", "headers", "raw"])]
    id: Option<String>,
    /// Where the admin listener of that gateway is [default: as configured]
    #[arg(long, value_name = "URL", requires = "id", conflicts_with_all = ["target", "headers", "raw"])]
    admin: Option<String>,
    /// As another proxy's question at the listener for that, whose routes are more
    #[arg(long)]
    forward_auth: bool,
}

impl Explain {
    pub(super) fn run(self, common: &Common) -> Result<(), CliError> {
        if let Some(id) = &self.id {
            return decision::explain(common, id, self.admin.as_deref());
        }
        let parts = self.parts()?;
        let config = common.load(None)?;
        let explanation = assemble::with_ground(&config, async |ground| {
            let catalogue = Catalogue::make(&config, &ground.services(), &ground.sign_in, None).await;
            let catalogue = catalogue.map_err(AssembleError::Catalogue)?;
            let question = Question { parts, client: Some(self.client), now: SystemTime::now() };
            let table = if self.forward_auth { &catalogue.forward_auth } else { &catalogue.table };
            Ok::<_, CliError>(table.explain(&question).await)
        })?;
        if common.json { output::value(&explanation) } else { output::print(text(&explanation).trim_end()) }
    }

    fn parts(&self) -> Result<http::request::Parts, CliError> {
        if let Some(file) = &self.raw {
            let bytes = if file.as_os_str() == "-" {
                let mut bytes = Vec::new();
                let read = std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes);
                read.map_err(CliError::io("reading the request"))?;
                bytes
            } else {
                std::fs::read(file).map_err(CliError::io(format!("reading {}", file.display())))?
            };
            return read_raw_head(&bytes).map_err(|why| CliError::refused(format!("the raw request: {why}")));
        }
        let target = self.target.as_deref().unwrap_or("/");
        let mut request = Request::builder().method(self.method.as_str()).uri(target);
        for line in &self.headers {
            let Some((name, value)) = line.split_once(':') else {
                return Err(CliError::refused(format!("`{line}` is not a header line `Name: value`")));
            };
            request = request.header(name.trim(), value.trim());
        }
        let request = request.body(()).map_err(|error| CliError::refused(format!("that is not a request: {error}")))?;
        Ok(request.into_parts().0)
    }
}

/// The explanation as lines for people.
fn text(told: &Explanation) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: &str| writeln!(out, "{key:<14}{value}").expect("a String takes text");
    line("request", &format!("{} {}", told.method, told.path));
    match (&told.canonical_path, &told.path_fault) {
        (Some(path), _) => line("path", path),
        (None, fault) => line("path", &format!("refused: {}", output::or_dash(fault.as_ref()))),
    }
    line("client", &output::or_dash(told.client));
    line("route", told.route.as_deref().unwrap_or("none"));
    for other in &told.other_routes {
        line("  not", &format!("{} ({}): {}", other.route, other.matches, other.because));
    }
    for said in &told.schemes {
        let reason = said.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        line("scheme", &format!("{} {}{reason}", said.scheme, said.verdict));
    }
    if let Some(who) = &told.identity {
        let name = if who.name.is_empty() { "nobody" } else { &who.name };
        let service = who.service.as_deref().map(|service| format!(", service {service}")).unwrap_or_default();
        line("identity", &format!("{name} (subject {}, grants {}{service})", who.subject, who.grants));
    }
    for said in &told.policies {
        policy(&mut line, said, "policy");
    }
    if let Some(headers) = &told.headers {
        line("credentials", &headers.credentials);
        line("adds", &headers.added.join(", "));
        line("drops", &headers.dropped.join(", "));
    }
    let outcome = &told.outcome;
    let status = outcome.status.map(|status| format!(" with status {status}")).unwrap_or_default();
    let reason = match (outcome.reason, outcome.by) {
        (Some(reason), Some(by)) => format!(": {reason}, said by {by}"),
        _ => String::new(),
    };
    line("outcome", &format!("{}{status}{reason}", outcome.what));
    for challenge in &outcome.challenges {
        line("  challenge", challenge);
    }
    out
}

fn policy(line: &mut impl FnMut(&str, &str), said: &PolicySaid, key: &str) {
    line(key, &format!("{} {}: {}", said.policy, said.rule, said.value));
    for part in &said.parts {
        policy(line, part, "  of");
    }
}
