//! The sports, and which equipment goes with which (contract section 4.2). Nobody can change them.

use crate::trackers::fittrackee::wire::Json;

/// A sport.
#[derive(Debug)]
pub(in crate::trackers::fittrackee) struct Sport {
    /// 1 to 18.
    pub(in crate::trackers::fittrackee) id: u8,
    /// Its English name, which the web application translates.
    pub(in crate::trackers::fittrackee) label: &'static str,
    /// Slower is standing still, in km/h.
    pub(in crate::trackers::fittrackee) stopped_speed_threshold: f64,
    /// The id of the equipment type that goes with it.
    pub(in crate::trackers::fittrackee) equipment_type: Option<u8>,
}

/// A type of equipment.
#[derive(Debug)]
pub(in crate::trackers::fittrackee) struct EquipmentType {
    /// 1 to 6.
    pub(in crate::trackers::fittrackee) id: u8,
    /// Its English name, which the web application translates.
    pub(in crate::trackers::fittrackee) label: &'static str,
}

impl EquipmentType {
    /// As the original shows it.
    pub(super) fn shown(&self) -> Json {
        Json::object([
            ("id", Json::Int(self.id.into())),
            ("is_active", Json::Bool(true)),
            ("label", Json::Text(self.label.into())),
        ])
    }
}

/// The sport of this number.
pub(in crate::trackers::fittrackee) fn sport(id: u8) -> Option<&'static Sport> {
    SPORTS.iter().find(|sport| sport.id == id)
}

/// The type of this number.
pub(in crate::trackers::fittrackee) fn equipment_type(id: u8) -> Option<&'static EquipmentType> {
    EQUIPMENT_TYPES.iter().find(|kind| kind.id == id)
}

const fn of(id: u8, label: &'static str, stopped_speed_threshold: f64, equipment_type: Option<u8>) -> Sport {
    Sport { id, label, stopped_speed_threshold, equipment_type }
}

/// All sports, in their order.
pub(in crate::trackers::fittrackee) const SPORTS: [Sport; 18] = [
    of(1, "Cycling (Sport)", 1.0, Some(2)),
    of(2, "Cycling (Transport)", 1.0, Some(2)),
    of(3, "Hiking", 0.1, Some(1)),
    of(4, "Mountain Biking", 1.0, Some(2)),
    of(5, "Running", 1.0, Some(1)),
    of(6, "Walking", 0.1, Some(1)),
    of(7, "Mountain Biking (Electric)", 1.0, Some(2)),
    of(8, "Trail", 0.1, Some(1)),
    of(9, "Skiing (Alpine)", 1.0, Some(5)),
    of(10, "Skiing (Cross Country)", 0.1, Some(5)),
    of(11, "Rowing", 1.0, Some(4)),
    of(12, "Snowshoes", 0.1, Some(6)),
    of(13, "Cycling (Virtual)", 1.0, Some(3)),
    of(14, "Mountaineering", 0.1, Some(1)),
    of(15, "Paragliding", 0.1, None),
    of(16, "Open Water Swimming", 0.1, None),
    of(17, "Cycling (Trekking)", 1.0, Some(2)),
    of(18, "Swimrun", 0.1, Some(1)),
];

const fn kind(id: u8, label: &'static str) -> EquipmentType {
    EquipmentType { id, label }
}

/// All types of equipment, in their order.
pub(in crate::trackers::fittrackee) const EQUIPMENT_TYPES: [EquipmentType; 6] = [
    kind(1, "Shoes"),
    kind(2, "Bike"),
    kind(3, "Bike Trainer"),
    kind(4, "Kayak_Boat"),
    kind(5, "Skis"),
    kind(6, "Snowshoes"),
];
