"""Sections 4.2, 6.4, 6.5 and 11: sports, sport preferences, equipment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from case import case, get, post, send, steps
from expect import CRASH, NO_CONTENT, Expected, created, e400, e401, e404, ok
from objects import RESET_SPORT, SPORTS, TYPES, equipment, equipment_type, preference, sport
from side import Side
from wire import json_body

SPORTY = "sporty"
BOTH_FIELDS = "§1 row 3"
NO_SPORT = e404("sport does not exist")
BAD_COLOR = e400("invalid hexadecimal color")
NOT_STRINGS = e400("equipment_ids must be an array of strings")


def updated(number: int, **changes: Any) -> Expected:
    return ok(data=preference(number, **changes), message="user sport preferences updated")


def ours(number: int, **changes: Any) -> Expected:
    """The same with the field of the manual beside the one of the running server."""
    ids = [one["id"] for one in changes.get("default_equipments", [])]
    return updated(number, default_equipment_ids=ids, **changes)


def touch(name: str, members: dict[str, Any], **changes: Any) -> None:
    """A case of a change that is taken."""
    number = int(members["sport_id"])
    case(f"6.4 {name}", set_sport(members), updated(number, **changes), ours(number, **changes), BOTH_FIELDS)


def set_sport(members: dict[str, Any], user: str = SPORTY) -> Any:
    return post(SPORTS, members, user)


for number in (1, 3, 18):
    touch(f"first touch of sport {number}", {"sport_id": number, "x": None})
touch("color of 6 digits", {"sport_id": 2, "color": "#12aBcD"}, color="#12aBcD")
touch("color of 3 digits", {"sport_id": 2, "color": "#fff"}, color="#fff")
touch("color null leaves it", {"sport_id": 2, "color": None}, color="#fff")
touch("color empty leaves it", {"sport_id": 2, "color": ""}, color="#fff")
for color in ("red", "#12345", "123456", "#ggg", "#12345678"):
    case(f"6.4 color {color!r}", set_sport({"sport_id": 2, "color": color}), BAD_COLOR)
case(
    "6.4 color with a newline at the end",
    set_sport({"sport_id": 12, "color": "#fff\n"}),
    updated(12, color="#fff\n"),
    BAD_COLOR,
    "§6.4: 3 or 6 digits; as §5.1",
)
touch("inactive", {"sport_id": 4, "is_active": False}, is_active=False)
touch("is_active null leaves it", {"sport_id": 4, "is_active": None}, is_active=False)
touch("threshold", {"sport_id": 5, "stopped_speed_threshold": 0.5}, stopped_speed_threshold=0.5)
touch("threshold a whole number", {"sport_id": 5, "stopped_speed_threshold": 2}, stopped_speed_threshold=2.0)
touch("threshold 0 leaves it", {"sport_id": 5, "stopped_speed_threshold": 0}, stopped_speed_threshold=2.0)
touch("threshold null leaves it", {"sport_id": 5, "stopped_speed_threshold": None}, stopped_speed_threshold=2.0)
touch("threshold negative", {"sport_id": 5, "stopped_speed_threshold": -1}, stopped_speed_threshold=-1.0)
touch("threshold numeric text", {"sport_id": 5, "stopped_speed_threshold": "1.5"}, stopped_speed_threshold=1.5)
case(
    "6.4 threshold other text",
    set_sport({"sport_id": 5, "stopped_speed_threshold": "fast"}),
    CRASH,
    e400(),
    "§1 row 13",
)
case("6.4 sport alone", set_sport({"sport_id": 1}), e400())
case("6.4 no sport", set_sport({"color": "#fff", "is_active": True}), e400())
case("6.4 sport unknown", set_sport({"sport_id": 99, "color": "#fff"}), NO_SPORT)
case("6.4 sport null", set_sport({"sport_id": None, "color": "#fff"}), NO_SPORT)
touch("sport as numeric text", {"sport_id": "6", "is_active": True})
value: Any
for value in ("running", [5], {"id": 5}):
    case(f"6.4 sport {value!r}", set_sport({"sport_id": value, "is_active": True}), CRASH, e400(), "§1 row 13, §6.4")
case("6.4 without a token", post(SPORTS, {"sport_id": 1, "color": "#fff"}), e401())


def new_equipment(side: Side, user: str, label: str, kind: int) -> str:
    """The id of a piece of equipment of this user, made when it is first asked for."""

    def make() -> str:
        answer = side.post("/api/equipments", {"label": label, "equipment_type_id": kind}, side.user(user).token)
        identifier: str = answer.json["data"]["equipments"][0]["id"]
        return identifier

    made: str = side.remember(f"equipment {user} {label}", make)
    return made


def default(side: Side, number: int, *ids: str) -> Any:
    return side.post(SPORTS, {"sport_id": number, "default_equipment_ids": list(ids)}, side.user(SPORTY).token)


@steps(
    "11 equipment made",
    created({"data": {"equipments": [equipment("Red shoes", 1, description="light")]}, "status": "created"}),
)
def made(side: Side) -> Any:
    form = {"label": "Red shoes", "equipment_type_id": 1, "description": "light"}
    return side.post("/api/equipments", form, side.user("shopper").token)


@steps("11 equipment listed", ok(data={"equipments": [equipment("Red shoes", 1, description="light")]}))
def listed(side: Side) -> Any:
    return side.get("/api/equipments", side.user("shopper").token)


SHOES = equipment("Shoes", 1, default_for_sport_ids=[5])


SET = {"default_equipments": [SHOES], "stopped_speed_threshold": 1.5}


@steps("6.4 default equipment, by both names of its field", updated(5, **SET), ours(5, **SET), BOTH_FIELDS)
def set_default(side: Side) -> Any:
    return default(side, 5, new_equipment(side, SPORTY, "Shoes", 1))


@steps("6.4 default equipment null leaves it, an empty list clears it", [1, 0])
def clear_default(side: Side) -> Any:
    shoes = new_equipment(side, SPORTY, "Shoes", 1)
    default(side, 5, shoes)
    token = side.user(SPORTY).token
    left = side.post(SPORTS, {"sport_id": 5, "default_equipment_ids": None}, token)
    cleared = default(side, 5)
    return [len(answer.json["data"]["default_equipments"]) for answer in (left, cleared)]


@steps(
    "6.4 equipment of the wrong type",
    Expected(
        400, {"status": "invalid", "equipment_id": "ID", "message": "invalid equipment id ID for sport Cycling (Sport)"}
    ),
)
def wrong_type(side: Side) -> Any:
    shoes = new_equipment(side, SPORTY, "Shoes", 1)
    return named(default(side, 1, shoes), shoes)


@steps(
    "6.4 equipment of another user",
    Expected(400, {"status": "not_found", "equipment_id": "ID", "message": "equipment with id ID does not exist"}),
)
def another_users(side: Side) -> Any:
    bike = new_equipment(side, "shopper", "Bike", 2)
    return named(default(side, 1, bike), bike)


@steps(
    "6.4 inactive equipment",
    Expected(400, {"status": "inactive", "equipment_id": "ID", "message": "equipment with id ID is inactive"}),
)
def inactive(side: Side) -> Any:
    bike = new_equipment(side, SPORTY, "Old bike", 2)
    retire(side, bike)
    return named(default(side, 1, bike), bike)


@steps("6.4 inactive equipment that is the default already", "kept")
def inactive_default(side: Side) -> Any:
    bike = new_equipment(side, SPORTY, "Other bike", 2)
    default(side, 7, bike)
    retire(side, bike)
    found = default(side, 7, bike).json["data"]["default_equipments"]
    return "kept" if [one["id"] for one in found] == [bike] else found


def retire(side: Side, identifier: str) -> None:
    side.send("PATCH", f"/api/equipments/{identifier}", json_body({"is_active": False}), side.user(SPORTY).token)


def named(answer: Any, identifier: str) -> Any:
    """The answer with ID in place of an id that the server chose."""
    return replace(answer, body=answer.body.replace(identifier.encode(), b"ID"))


UNKNOWN = {"status": "not_found", "equipment_id": "x", "message": "equipment with id x does not exist"}
case("6.4 equipment unknown", set_sport({"sport_id": 5, "default_equipment_ids": ["x"]}), Expected(400, UNKNOWN))
for value in ("x", [5], {"a": 1}, 5, True):
    case(f"6.4 equipment {value!r}", set_sport({"sport_id": 5, "default_equipment_ids": value}), NOT_STRINGS)
case(
    "6.4 two equipments",
    set_sport({"sport_id": 5, "default_equipment_ids": ["x", "y"]}),
    e400("only one equipment can be added"),
)

PAIRS = {1: 3, 2: 17, 3: 13, 4: 11, 5: 9, 6: 12}
for kind, number in PAIRS.items():

    @steps(f"4.2 {TYPES[kind - 1]} fit sport {number}", 200)
    def fits(side: Side, kind: int = kind, number: int = number) -> Any:
        return default(side, number, new_equipment(side, SPORTY, f"Of type {kind}", kind)).status

    @steps(f"4.2 {TYPES[kind - 1]} do not fit sport 15", 400)
    def fits_not(side: Side, kind: int = kind) -> Any:
        return default(side, 15, new_equipment(side, SPORTY, f"Of type {kind}", kind)).status


@steps(
    "6.5 reset brings back the sport's own",
    [NO_CONTENT, NO_CONTENT, updated(14)],
    [NO_CONTENT, NO_CONTENT, ours(14)],
    BOTH_FIELDS,
)
def reset(side: Side) -> Any:
    token = side.user(SPORTY).token
    side.post(SPORTS, {"sport_id": 14, "color": "#123", "is_active": False, "stopped_speed_threshold": 5}, token)
    first = side.send("DELETE", RESET_SPORT + "14", token=token)
    second = side.send("DELETE", RESET_SPORT + "14", token=token)
    return [first, second, side.post(SPORTS, {"sport_id": 14, "x": 1}, token)]


@steps("6.5 reset forgets the default equipment", 1, 0, "§6.5")
def reset_default(side: Side) -> Any:
    token = side.user(SPORTY).token
    default(side, 8, new_equipment(side, SPORTY, "Shoes", 1))
    side.send("DELETE", RESET_SPORT + "8", token=token)
    answer = side.post(SPORTS, {"sport_id": 8, "x": 1}, token)
    return len(answer.json["data"]["default_equipments"])


case("6.5 sport unknown", send("DELETE", RESET_SPORT + "99", None, SPORTY), NO_SPORT)
case("6.5 sport 0", send("DELETE", RESET_SPORT + "0", None, SPORTY), NO_SPORT)
case("6.5 sport negative", send("DELETE", RESET_SPORT + "-1", None, SPORTY), NO_SPORT)
case("6.5 sport no number", send("DELETE", RESET_SPORT + "running", None, SPORTY), CRASH, NO_SPORT, "§6.5")
case("6.5 sport beyond 32 bit", send("DELETE", RESET_SPORT + "2147483648", None, SPORTY), CRASH, NO_SPORT, "§6.5")
case("6.5 without a token", send("DELETE", RESET_SPORT + "1"), e401())

case("11 sports", get("/api/sports", "plain"), ok(data={"sports": [sport(number) for number in range(1, 19)]}))
case("11 one sport", get("/api/sports/5", "plain"), ok(data={"sports": [sport(5)]}))
case("11 sport unknown", get("/api/sports/99", "plain"), Expected(404, {"status": "not found", "data": {"sports": []}}))
case("11 sports without a token", get("/api/sports"), e401())


@steps("11 sports show the user's preferences", sport(2, color="#fff"))
def own_sports(side: Side) -> Any:
    return side.get("/api/sports", side.user(SPORTY).token).json["data"]["sports"][1]


@steps("11 a sport that the user put away", [False, True])
def put_away(side: Side) -> Any:
    found = side.get("/api/sports", side.user(SPORTY).token).json["data"]["sports"][3]
    return [found["is_active_for_user"], found["is_active"]]


case("11 equipments of a new user", get("/api/equipments", "plain"), ok(data={"equipments": []}))
case("11 equipments without a token", get("/api/equipments"), e401())
ALL_TYPES = [equipment_type(number) for number in range(1, 7)]
case("11 equipment types", get("/api/equipment-types", "plain"), ok(data={"equipment_types": ALL_TYPES}))
case("11 equipment types without a token", get("/api/equipment-types"), e401())
NEEDED = e400("the 'label' and 'equipment_type_id' parameters must be provided")
case("11 equipment without a type", post("/api/equipments", {"label": "x"}, SPORTY), NEEDED)
case(
    "11 equipment of an unknown type",
    post("/api/equipments", {"label": "x", "equipment_type_id": 99}, SPORTY),
    e400("invalid equipment type id"),
)
