//! Equipment and its kinds (contract section 4.2).

use http::Method;
use serde_json::json;

use super::objects::{data, listed, none_of};
use super::shapes::reads;
use crate::trackers::manual::{Draft, operation};
use crate::trackers::schema::{Record, any, at_least, boolean, integer, list, named, nullable, record, text, word};

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
        .query("equipment_type_id", "Only of this kind.", integer())
        .answer(400, "The parameter does not fit.", named("fittrackee.Error"))
}

fn add() -> Draft {
    let body = fields(record().must("label", text().min_length(Some(1))).must("equipment_type_id", at_least(1)))
        .example(json!({ "label": "Old bike", "equipment_type_id": 2, "description": null }));
    let added = record().must("status", word(&["created"])).must("data", any());
    reads(operation("Add a piece of equipment"), body).answer(201, "Added.", added)
}

fn edit() -> Draft {
    let body = fields(record().may("label", text()).may("equipment_type_id", at_least(1)).may("is_active", boolean()));
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
    draft.path("equipment_id", "Its id, 22 characters.", text())
}

fn fields(record: Record) -> Record {
    record.may("description", nullable(text())).may("default_for_sport_ids", list(at_least(1)))
}
