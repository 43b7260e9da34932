//! The OpenAPI 3.1 document of what is mounted.
//!
//! What each operation takes and answers stands in its tracker's manual; here is added what is the same for
//! all: the credentials that its gate accepts, and what is answered before its handler is reached.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use utoipa::openapi::info::LicenseBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, Paths};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder};

use super::schemes::Schemes;
use crate::gateway::{Route, RouteTable};
use crate::layer::Mode;
use crate::trackers::{Manual, Tracker};

mod refusals;
mod security;
#[cfg(test)]
mod tests;

use refusals::Shared;
pub(super) use security::Tokens;

/// A route to an endpoint of a tracker.
pub(super) struct Described {
    pub(super) tracker: Arc<dyn Tracker>,
    pub(super) route: Route,
}

/// An OpenAPI document as JSON text.
#[derive(Clone, PartialEq, Eq)]
pub struct Document(Arc<str>);

impl Document {
    /// The text.
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Debug for Document {
    /// Without the text, which is long and has examples of passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("bytes", &self.0.len()).finish()
    }
}

/// The document of those of these routes that requests reach by this table, as JSON.
pub(super) fn document(described: &[Described], table: &RouteTable, schemes: &Schemes) -> Document {
    let mut maker = Maker { schemes, components: Components::new(), shared: Shared::default(), paths: Paths::new() };
    let mut manuals: BTreeMap<&str, Manual> = BTreeMap::new();
    let mut listed = Vec::new();
    for each in described.iter().filter(|each| reached(&each.route, table)) {
        let id = each.tracker.id();
        let manual = manuals.entry(id).or_insert_with(|| each.tracker.manual());
        for method in each.route.methods.iter().filter(|method| **method != Method::OPTIONS) {
            let path = plain(&each.route.path);
            let (Some(kind), false) = (kind(method), listed.contains(&(method.clone(), path.clone()))) else {
                continue;
            };
            if let Some(operation) = manual.operation(method, &each.route.path) {
                let operation = maker.whole(id, method, &each.route, operation);
                maker.paths.add_path_operation(&path, vec![kind], operation);
                listed.push((method.clone(), path));
            }
        }
    }
    for (name, schema) in manuals.values().flat_map(Manual::schemas) {
        maker.components.schemas.insert(name.to_owned(), schema.clone());
    }
    let text = serde_json::to_string_pretty(&maker.finish(&manuals));
    Document(text.expect("the document has text keys alone, and nothing in it fails to be written").into())
}

struct Maker<'a> {
    schemes: &'a Schemes,
    components: Components,
    shared: Shared,
    paths: Paths,
}

impl Maker<'_> {
    /// What a manual tells, with what the gateway adds.
    fn whole(&mut self, tracker: &str, method: &Method, route: &Route, mut operation: Operation) -> Operation {
        operation.tags = Some(vec![tracker.to_owned()]);
        operation.operation_id = Some(operation_id(tracker, method, &route.path));
        operation.security = Some(self.security(route));
        let mut more = Vec::new();
        if let Mode::Public { reason } = route.gate.mode() {
            more.push(format!("Open to everybody: {reason}."));
        }
        let rules: Vec<String> = route.gate.policies().iter().map(|policy| policy.describe()).collect();
        if !rules.is_empty() {
            more.push(format!("Only for: `{}`.", rules.join("`, `")));
        }
        if !route.hosts.is_empty() {
            more.push(format!("Only on the hosts {}.", route.hosts.join(", ")));
        }
        if operation.request_body.is_some() {
            more.push(format!("The body has up to {} bytes.", route.max_body_bytes));
        }
        let told = operation.description.take();
        operation.description = Some(told.into_iter().chain(more).collect::<Vec<_>>().join("\n\n"));
        self.shared.add(tracker, method, route, &mut operation);
        operation
    }

    /// Any one of the gate's schemes.
    fn security(&mut self, route: &Route) -> Vec<SecurityRequirement> {
        if matches!(route.gate.mode(), Mode::Public { .. }) {
            return Vec::new();
        }
        let mut accepted = Vec::new();
        for scheme in route.gate.schemes() {
            let described = security::described(&**scheme, self.schemes.signs(scheme.id()));
            let named = self.components.security_schemes.iter();
            let known = |name: &String| *name == *scheme.id() || name.starts_with(&format!("{}.", scheme.id()));
            let same = named.filter(|(name, _)| known(name)).find(|(_, other)| **other == described.clone().into());
            let name = match same {
                Some((name, _)) => name.clone(),
                None => free_name(scheme.id(), |name| self.components.security_schemes.contains_key(name)),
            };
            self.components.security_schemes.insert(name.clone(), described.into());
            accepted.push(SecurityRequirement::new(name, Vec::<String>::new()));
        }
        if matches!(route.gate.mode(), Mode::Optional) {
            accepted.push(SecurityRequirement::default());
        }
        accepted
    }

    fn finish(mut self, manuals: &BTreeMap<&str, Manual>) -> OpenApi {
        self.components.responses = self.shared.responses;
        let tags = manuals.iter().map(|(id, manual)| {
            TagBuilder::new().name(*id).description(Some(format!("{}: {}", manual.title, manual.about))).build()
        });
        let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
        let info = InfoBuilder::new()
            .title("trackgate")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some("What is mounted here: every end point, by tracker. All doors share one account base."))
            .license(Some(license))
            .build();
        OpenApiBuilder::new()
            .info(info)
            .servers(Some([ServerBuilder::new().url("/").build()]))
            .paths(self.paths)
            .components(Some(self.components))
            .tags(Some(tags.collect::<Vec<_>>()))
            .build()
    }
}

/// Whether no other route takes what this one is for.
fn reached(route: &Route, table: &RouteTable) -> bool {
    let sample: Vec<&str> = route.path.split('/').map(|each| if each.starts_with('{') { "x" } else { each }).collect();
    let sample = sample.join("/");
    let host = route.hosts.first().map(String::as_str);
    route.methods.iter().all(|method| {
        let found = table.find(method, host, &sample, &HeaderMap::new());
        found.is_ok_and(|found| found.route.name == route.name && found.route.path == route.path)
    })
}

/// The path as OpenAPI writes it, which has no mark for a rest of several segments.
fn plain(path: &str) -> String {
    path.replace("{*", "{")
}

/// `livetracking_get_user_by_username`: a name that is free, for it is made of method and path.
fn operation_id(tracker: &str, method: &Method, path: &str) -> String {
    let mut id = format!("{tracker}_{}", method.as_str().to_lowercase());
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let name = part.trim_matches(['{', '}', '*']);
        id.push_str(if part.starts_with('{') { "_by_" } else { "_" });
        id.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    }
    id
}

/// This name, or with a number behind it.
fn free_name(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2_u32..).map(|number| format!("{wanted}.{number}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    names.find(|name| !is_taken(name)).expect("numbers do not end")
}

fn kind(method: &Method) -> Option<HttpMethod> {
    Some(match *method {
        Method::DELETE => HttpMethod::Delete,
        Method::GET => HttpMethod::Get,
        Method::HEAD => HttpMethod::Head,
        Method::PATCH => HttpMethod::Patch,
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        _ => return None,
    })
}
