//! Applications of others (contract section 10).

use http::Method;

use super::objects::data;
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{at_least, named};

pub(super) fn all() -> Vec<(Method, &'static str, Draft)> {
    vec![(Method::GET, "/api/oauth/apps", apps())]
}

fn apps() -> Draft {
    let answer = data("clients", named("fittrackee.Client")).must("pagination", named("fittrackee.Pagination"));
    operation("The own applications").query("page", "Which page of five.", at_least(1)).answer(
        200,
        "One page; without the secrets.",
        answer,
    )
}
