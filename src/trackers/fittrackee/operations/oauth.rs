//! Applications of others (contract section 10).

use http::Method;

use super::objects::data;
use super::shapes::{or_empty, row};
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::named;

pub(super) fn all() -> Vec<(Method, &'static str, Draft)> {
    vec![(Method::GET, "/api/oauth/apps", apps())]
}

fn apps() -> Draft {
    let answer = data("clients", named("fittrackee.Client")).must("pagination", named("fittrackee.Pagination"));
    operation("The own applications")
        .query("page", "Which page of five; below 1 it is the first.", or_empty(row()))
        .answer(200, "One page; without the secrets.", answer)
        .answer(400, "The parameter does not fit.", named("fittrackee.Error"))
}
