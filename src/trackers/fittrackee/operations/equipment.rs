//! Equipment and its kinds (contract section 4.2).

use http::Method;
use serde_json::json;
use utoipa::openapi::schema::ArrayBuilder;

use super::objects::{data, listed, none_of};
use super::shapes::{or_empty, reads, row, short_id};
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{
    Record, Shape, any_of, between, boolean, integer, list, matching, named, null, nullable, record, sized, text,
    up_to, word,
};

pub(super) fn all() -> Vec<(Method, &'static str, Draft)> {
    let kinds = named("fittrackee.EquipmentType");
    vec![
        (Method::GET, "/api/equipment-types", listed("Kinds of equipment", "equipment_types", kinds.clone())),
        (Method::GET, "/api/equipment-types/{type_id}", {
            operation("One kind of equipment")
                .path("type_id", "Its number.", integer())
                .answer(200, "The kind.", data("equipment_types", kinds))
                .answer(404, "There is none.", none_of("equipment_types"))
        }),
        (Method::GET, "/api/equipments", equipments()),
        (Method::POST, "/api/equipments", add()),
        (Method::GET, "/api/equipments/{equipment_id}", one("One piece of equipment")),
        (Method::PATCH, "/api/equipments/{equipment_id}", edit()),
        (Method::DELETE, "/api/equipments/{equipment_id}", delete()),
        (Method::POST, "/api/equipments/{equipment_id}/refresh", one("Sum up a piece of equipment anew")),
    ]
}

fn equipments() -> Draft {
    listed("Equipment", "equipments", named("fittrackee.Equipment"))
        .query("equipment_type_id", "Only of this kind.", or_empty(row()))
        .answer(400, "The parameter does not fit.", named("fittrackee.Error"))
}

fn add() -> Draft {
    let body = fields(
        record().may("default_for_sport_ids", sports()).must("label", sized(1, 50)).must("equipment_type_id", kind()),
    )
    .example(json!({ "label": "Old bike", "equipment_type_id": 2, "description": null }));
    let equipments = record().must("equipments", list(named("fittrackee.Equipment")));
    let added = record().must("status", word(&["created"])).must("data", Shape::from(equipments));
    reads(operation("Add a piece of equipment"), body).answer(201, "Added.", added)
}

fn edit() -> Draft {
    let sports = any_of([sports().into(), null().into()]);
    let body = fields(
        record()
            .may("default_for_sport_ids", sports)
            .may("label", up_to(50))
            .may("equipment_type_id", kind())
            .may("is_active", boolean()),
    );
    reads(with_id(operation("Change a piece of equipment")), body.at_least(1))
        .answer(200, "Changed.", data("equipments", named("fittrackee.Equipment")))
        .answer(404, "The account has none of this id.", none_of("equipments"))
}

fn delete() -> Draft {
    with_id(operation("Delete a piece of equipment"))
        .query("force", "Also when workouts have it.", text())
        .empty(204, "Deleted.")
        .answer(403, "Workouts have it.", named("fittrackee.Error"))
        .answer(404, "The account has none of this id.", none_of("equipments"))
}

fn one(summary: &str) -> Draft {
    with_id(operation(summary)).answer(200, "The piece.", data("equipments", named("fittrackee.Equipment"))).answer(
        404,
        "The account has none of this id.",
        none_of("equipments"),
    )
}

fn with_id(draft: Draft) -> Draft {
    draft.path("equipment_id", "Its id, 22 characters.", short_id())
}

fn fields(record: Record) -> Record {
    record.may("description", nullable(up_to(200)))
}

/// Numbers of sports, also as text.
fn sports() -> ArrayBuilder {
    list(any_of([between(1, 18).into(), matching("^(0?[1-9]|1[0-8])$").into()]))
}

/// The number of a kind, also as text.
fn kind() -> Shape {
    any_of([between(1, 6).into(), matching("^0?[1-6]$").into()])
}
