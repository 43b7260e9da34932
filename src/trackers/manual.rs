//! Manuals: what the endpoints of a tracker take and answer, in the terms of OpenAPI 3.1.
//!
//! A manual stands beside a tracker's endpoints and is joined to them by method and path. It tells what
//! the handlers answer; what the gate and the gateway answer before them is added where the document is made.

use std::fmt;

use http::Method;
use utoipa::openapi::encoding::EncodingBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::{Content, RefOr, Required, Response, Schema};

use super::schema::{self, Shape};

/// What a tracker tells of its endpoints.
#[derive(Clone)]
pub struct Manual {
    /// Its name for people.
    pub title: &'static str,
    /// What it is, in a sentence or two.
    pub about: &'static str,
    operations: Vec<(Method, &'static str, Operation)>,
    schemas: Vec<(&'static str, RefOr<Schema>)>,
}

impl Manual {
    /// A manual that tells of no endpoint yet.
    pub(super) fn new(title: &'static str, about: &'static str) -> Self {
        Self { title, about, operations: Vec::new(), schemas: Vec::new() }
    }

    /// With an operation.
    #[must_use]
    pub(super) fn with(mut self, method: Method, path: &'static str, draft: Draft) -> Self {
        self.operations.push((method, path, draft.0));
        self
    }

    /// With all these operations.
    #[must_use]
    pub(super) fn with_all(mut self, drafts: impl IntoIterator<Item = (Method, &'static str, Draft)>) -> Self {
        self.operations.extend(drafts.into_iter().map(|(method, path, draft)| (method, path, draft.0)));
        self
    }

    /// With a schema to which operations refer by name.
    #[must_use]
    pub(super) fn naming(mut self, name: &'static str, shape: impl Into<Shape>) -> Self {
        self.schemas.push((name, shape.into()));
        self
    }

    /// What it tells of this method and path, with the path's parameters called as the path calls them.
    pub fn operation(&self, method: &Method, path: &str) -> Option<Operation> {
        let mut all = self.operations.iter();
        let (_, told, operation) = all.find(|(here, at, _)| here == method && same_shape(at, path))?;
        let mut operation = operation.clone();
        for (old, new) in parameters(told).zip(parameters(path)) {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter
                    && matches!(parameter.parameter_in, ParameterIn::Path)
                    && parameter.name == old
                {
                    new.clone_into(&mut parameter.name);
                }
            }
        }
        Some(operation)
    }

    /// The methods and paths that it tells of.
    pub fn told(&self) -> impl Iterator<Item = (&Method, &'static str)> {
        self.operations.iter().map(|(method, path, _)| (method, *path))
    }

    /// The schemas to which its operations refer, by name.
    pub fn schemas(&self) -> impl Iterator<Item = (&'static str, &RefOr<Schema>)> {
        self.schemas.iter().map(|(name, schema)| (*name, schema))
    }
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manual").field("title", &self.title).finish_non_exhaustive()
    }
}

/// Whether two paths differ in nothing but the names of their parameters.
fn same_shape(one: &str, other: &str) -> bool {
    let alike = |(a, b): (&str, &str)| a == b || (a.starts_with('{') && b.starts_with('{'));
    one.split('/').count() == other.split('/').count() && one.split('/').zip(other.split('/')).all(alike)
}

/// The names of a path's parameters in order.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|each| each.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| name.trim_start_matches('*'))
}

/// An operation in the making.
pub(super) struct Draft(Operation);

/// An operation of which nothing but this is told yet.
pub(super) fn operation(summary: &str) -> Draft {
    let mut operation = Operation::new();
    operation.summary = Some(summary.to_owned());
    Draft(operation)
}

impl Draft {
    /// With more words.
    pub(super) fn about(mut self, text: &str) -> Self {
        self.0.description = Some(text.to_owned());
        self
    }

    /// With a parameter of the path.
    pub(super) fn path(self, name: &str, about: &str, shape: impl Into<Shape>) -> Self {
        self.parameter(ParameterIn::Path, Required::True, name, about, shape.into())
    }

    /// With a parameter of the query, which may be missing.
    pub(super) fn query(self, name: &str, about: &str, shape: impl Into<Shape>) -> Self {
        self.parameter(ParameterIn::Query, Required::False, name, about, shape.into())
    }

    /// With a header line of the request, which may be missing.
    pub(super) fn request_header(self, name: &str, about: &str, shape: impl Into<Shape>) -> Self {
        self.parameter(ParameterIn::Header, Required::False, name, about, shape.into())
    }

    fn parameter(mut self, place: ParameterIn, required: Required, name: &str, about: &str, shape: Shape) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(required);
        let parameter = parameter.description(Some(about)).schema(Some(shape)).build();
        self.0.parameters.get_or_insert_default().push(parameter.into());
        self
    }

    /// With a JSON body that must be there.
    pub(super) fn json(self, shape: impl Into<Shape>) -> Self {
        self.body("application/json", shape)
    }

    /// With a body of this media type; of several types, any will do.
    pub(super) fn body(mut self, media_type: &str, shape: impl Into<Shape>) -> Self {
        let mut body = match self.0.request_body.take() {
            Some(RefOr::T(body)) => body,
            _ => RequestBody::new(),
        };
        body.required = Some(Required::True);
        body.content.insert(media_type.to_owned(), Content::new(Some(shape)).into());
        self.0.request_body = Some(body.into());
        self
    }

    /// With a name as an example for the file that a part of the multipart body carries.
    pub(super) fn called(mut self, part: &str, file_name: &str) -> Self {
        let line = format!("form-data; name=\"{part}\"; filename=\"{file_name}\"");
        let header = HeaderBuilder::new().schema(Some(schema::text())).example(Some(line.into())).build();
        let encoding = EncodingBuilder::new().header("Content-Disposition", header).build();
        if let Some(RefOr::T(body)) = &mut self.0.request_body
            && let Some(RefOr::T(content)) = body.content.get_mut("multipart/form-data")
        {
            content.encoding.insert(part.to_owned(), encoding);
        }
        self
    }

    /// With a JSON answer.
    pub(super) fn answer(self, status: u16, about: &str, shape: impl Into<Shape>) -> Self {
        self.answer_as(status, about, "application/json", shape)
    }

    /// With an answer of this media type; several for one status stand beside each other.
    pub(super) fn answer_as(mut self, status: u16, about: &str, media_type: &str, shape: impl Into<Shape>) -> Self {
        let response = self.response(status, about);
        response.content.insert(media_type.to_owned(), Content::new(Some(shape)).into());
        self
    }

    /// With a page for people as an answer.
    pub(super) fn page(self, status: u16, about: &str) -> Self {
        self.answer_as(status, about, "text/html", schema::text())
    }

    /// With an answer without a body.
    pub(super) fn empty(mut self, status: u16, about: &str) -> Self {
        self.response(status, about);
        self
    }

    /// With a header line of the answers of this status.
    pub(super) fn header(mut self, status: u16, name: &str, about: &str, shape: impl Into<Shape>) -> Self {
        let header = HeaderBuilder::new().schema(Some(shape.into())).description(Some(about)).build();
        self.response(status, about).headers.insert(name.to_owned(), header.into());
        self
    }

    fn response(&mut self, status: u16, about: &str) -> &mut Response {
        let slot = self.0.responses.responses.entry(status.to_string());
        match slot.or_insert_with(|| Response::new(about).into()) {
            RefOr::T(response) => response,
            slot @ RefOr::Ref(_) => {
                *slot = Response::new(about).into();
                let RefOr::T(response) = slot else { unreachable!("it was set in the line above") };
                response
            }
        }
    }
}
