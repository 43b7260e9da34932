"""Section 11: what the shipped web app asks for besides the account."""

from __future__ import annotations

from typing import Any

from case import case, get, post, steps
from expect import ANY, DATE, E500, FLOAT, INDEX, NUMBER, SHORT_ID, Expected, e400, e401, e404, error, ok
from objects import APPS, PROFILE, user
from side import Side
from wire import Answer, File, multipart_body

ATHLETE = "athlete"
WORKOUTS, NO_GPX = "/api/workouts", "/api/workouts/no_gpx"
NOTHING = {"has_next": False, "has_prev": False, "page": 1, "pages": 0, "total": 0}

CONFIG = {
    "about": None,
    "admin_contact": None,
    "gpx_limit_import": 10,
    "is_email_sending_enabled": True,
    "is_registration_enabled": True,
    "map_attribution": ANY,
    "max_single_file_size": 1048576,
    "max_users": 0,
    "max_zip_file_size": 10485760,
    "privacy_policy": None,
    "privacy_policy_date": None,
    "stats_workouts_limit": 10000,
    "version": "0.8.13",
    "weather_provider": None,
}
case("11 config, without a token", get("/api/config"), ok(data=CONFIG))
case("11 config with a dead token", get("/api/config", authorization="Bearer a.b.c"), ok(data=CONFIG))
case("11 ping", get("/api/ping"), ok(message="pong!"))

case("11 workouts of a new user", get(WORKOUTS, "plain"), ok(data={"workouts": []}, pagination=NOTHING))
for path in (
    WORKOUTS,
    "/api/stats/plain/by_time",
    "/api/stats/plain/by_sport",
    "/api/users/plain",
    APPS,
    "/api/records",
):
    case(f"11 {path} without a token", get(path), e401())
case("11 stats of a new user", get("/api/stats/plain/by_time", "plain"), ok(data={"statistics": {}}))
case("11 oneself", get("/api/users/plain", "plain"), ok(data={"users": [user("plain")]}))
DENIED = error(403, "you do not have permissions")
@steps("11 a user deletes themselves", [DENIED, Expected(204), 401, 401])
def deleted(side: Side) -> Any:
    leaver = side.user("goner")
    other = side.send("DELETE", f"/api/users/{side.user('plain').name}", token=leaver.token)
    gone = side.send("DELETE", f"/api/users/{leaver.name}", token=leaver.token)
    return [other, gone, side.get("/api/auth/profile", leaver.token).status, side.login(leaver.email).status]


case("11 another user", get("/api/users/athlete", "plain"), DENIED)
case("11 a user that is not there", get("/api/users/nobody_at_all", "plain"), DENIED)
case(
    "11 stats of another user",
    lambda side: (side.user(ATHLETE), get(f"/api/stats/{ATHLETE}/by_time", "plain")(side))[1],
    DENIED,
)
case("11 stats of nobody", get("/api/stats/nobody_at_all/by_time", "plain"), e404("user does not exist"))
case("11 records of a new user", get("/api/records", "plain"), ok(data={"records": []}))
case("11 apps of a new user", get(APPS, "plain"), ok(data={"clients": []}, pagination=NOTHING))

RUN: dict[str, Any] = {"sport_id": 5, "duration": 3600, "workout_date": "2026-11-01 08:00", "distance": 10.5}
RIDE = {
    "sport_id": 1,
    "duration": 80000,
    "workout_date": "2026-10-05 08:00",
    "distance": 40,
    "title": "Long ride",
    "notes": "good",
    "description": "a *text*",
    "ascent": 300,
    "descent": 250,
}


def record(kind: str, value: Any, sport: int = 5, date: str = "Sun, 01 Nov 2026 07:00:00 GMT") -> dict[str, Any]:
    return {
        "id": NUMBER,
        "record_type": kind,
        "sport_id": sport,
        "user": ATHLETE,
        "value": value,
        "workout_date": date,
        "workout_id": SHORT_ID,
    }


def by_kind(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records in an order of our own: the original's is not to be relied on."""
    return sorted(records, key=lambda one: (one["sport_id"], one["record_type"]))


def workout(**changes: Any) -> dict[str, Any]:
    """The run as the server shows it."""
    return {
        "ascent": None,
        "ave_speed": 10.5,
        "bounds": [],
        "creation_date": DATE,
        "descent": None,
        "description": None,
        "distance": 10.5,
        "duration": "1:00:00",
        "equipments": [],
        "id": SHORT_ID,
        "map": None,
        "max_alt": None,
        "max_speed": 10.5,
        "min_alt": None,
        "modification_date": None,
        "moving": "1:00:00",
        "next_workout": None,
        "notes": None,
        "pauses": None,
        "previous_workout": None,
        "segments": [],
        "sport_id": 5,
        "title": "Running - 2026-11-01 08:00:00",
        "user": ATHLETE,
        "weather_end": None,
        "weather_start": None,
        "with_gpx": False,
        "workout_date": "Sun, 01 Nov 2026 07:00:00 GMT",
        **changes,
    }


OF_THE_RUN = [record(*one) for one in (("AS", 10.5), ("FD", 10.5), ("LD", "1:00:00"), ("MS", 10.5))]


def without_records(answer: Answer) -> list[Any]:
    """Status, status word, the workout, and its records in an order of our own."""
    found = answer.json["data"]["workouts"][0]
    return [answer.status, answer.json["status"], found, by_kind(found.pop("records"))]


@steps("11 a workout without a track", [201, "created", workout(), OF_THE_RUN])
def run(side: Side) -> Any:
    return without_records(side.post(NO_GPX, RUN, side.user(ATHLETE).token))


OF_THE_RIDE = {
    "ascent": 300.0,
    "ave_speed": 1.8,
    "descent": 250.0,
    "description": "a *text*",
    "distance": 40.0,
    "duration": "22:13:20",
    "max_speed": 1.8,
    "moving": "22:13:20",
    "next_workout": SHORT_ID,
    "notes": "good",
    "sport_id": 1,
    "title": "Long ride",
    "workout_date": "Mon, 05 Oct 2026 06:00:00 GMT",
}


@steps("11 a workout with everything", [201, "created", workout(**OF_THE_RIDE), ["AS", "FD", "HA", "LD", "MS"]])
def ride(side: Side) -> Any:
    *first, records = without_records(side.post(NO_GPX, RIDE, side.user(ATHLETE).token))
    return [*first, [one["record_type"] for one in records]]


FAULTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a sport alone": {"sport_id": 5},
    "no distance": {**RUN, "distance": 0},
    "no duration": {**RUN, "duration": 0},
    "an ascent without descent": {**RUN, "ascent": 10},
    "a negative ascent": {**RUN, "ascent": -1, "descent": 1},
}
for what, form in FAULTS.items():
    case(f"11 workout of {what}", post(NO_GPX, form, ATHLETE), e400())
case(
    "11 workout of a date that is none",
    post(NO_GPX, {**RUN, "workout_date": "x"}, ATHLETE),
    error(500, "Error during workout save.", "fail"),
    e400(),
    "§1 row 13",
)
case("11 workout without a token", post(NO_GPX, RUN), e401())
NOT_THERE = {"status": "not_found", "equipment_id": "x", "message": "equipment with id x does not exist"}
case(
    "11 workout with equipment that is not there",
    post(NO_GPX, {**RUN, "equipment_ids": ["x"]}, ATHLETE),
    Expected(400, NOT_THERE),
)


def listed(query: str, titles: list[str], page: int = 1, pages: int = 1, total: int | None = None) -> None:
    """A list of workouts by their titles; page numbers as the web app uses them."""

    def step(side: Side) -> Any:
        answer = side.get(WORKOUTS + query, side.user(ATHLETE).token)
        return [[one["title"] for one in answer.json["data"]["workouts"]], answer.json["pagination"]]

    count = len(titles) if total is None else total
    told = {"has_next": page < pages, "has_prev": page > 1, "page": page, "pages": pages, "total": count}
    case(f"11 workouts{query}", step, [titles, told])


FIRST, SECOND = "Running - 2026-11-01 08:00:00", "Long ride"
listed("", [FIRST, SECOND])
listed("?order=asc", [SECOND, FIRST])
listed("?order_by=distance", [SECOND, FIRST])
listed("?order_by=ave_speed", [FIRST, SECOND])
listed("?per_page=1", [FIRST], pages=2, total=2)
listed("?per_page=1&page=2", [SECOND], page=2, pages=2, total=2)
listed("?sport_id=1", [SECOND])
listed("?sport_id=2", [], pages=0)
listed("?from=2026-10-05&to=2026-10-31", [SECOND])
listed("?distance_from=11", [SECOND])
listed("?title=LONG", [SECOND])
listed("?notes=oo", [SECOND])
for query in ("?page=x", "?per_page=x", "?from=x", "?order_by=nope", "?sport_id=x", "?distance_from=x"):
    case(f"11 workouts{query}", get(WORKOUTS + query, ATHLETE), E500, e400(), "§1 row 13")


NO_WORKOUT = Expected(404, {"status": "not found", "data": {"workouts": []}})


@steps(
    "11 one workout, as another user, and one that is not there",
    [workout(), DENIED, NO_WORKOUT],
    [workout(), NO_WORKOUT, NO_WORKOUT],
    "§11 says nothing: hidden as archives are in §6.11",
)
def one(side: Side) -> Any:
    owner = side.user(ATHLETE).token
    identifier = side.get(WORKOUTS, owner).json["data"]["workouts"][0]["id"]
    found = side.get(f"{WORKOUTS}/{identifier}", owner).json["data"]["workouts"][0]
    found.pop("records")
    found["previous_workout"] = None
    return [found, side.get(f"{WORKOUTS}/{identifier}", side.user("plain").token), side.get(f"{WORKOUTS}/nope", owner)]


def total(distance: float, duration: int, ascent: float | None = None, descent: float | None = None) -> dict[str, Any]:
    return {
        "total_ascent": ascent,
        "total_descent": descent,
        "total_distance": distance,
        "total_duration": duration,
        "total_workouts": 1,
    }


RUNS, RIDES = {"5": total(10.5, 3600)}, {"1": total(40.0, 80000, 300.0, 250.0)}
STATS: dict[str, dict[str, Any]] = {
    "?time=month": {"2026-10": RIDES, "2026-11": RUNS},
    "?time=year": {"2026": {**RUNS, **RIDES}},
    "?time=week": {"2026-10-04": RIDES, "2026-11-01": RUNS},
    "?time=month&from=2026-11-01&to=2026-11-30": {"2026-11": RUNS},
}
for query, found in STATS.items():
    case(
        f"11 stats by_time{query}", get(f"/api/stats/{ATHLETE}/by_time{query}", ATHLETE), ok(data={"statistics": found})
    )
# 1 November 2026 is a Sunday. The original counts weeks from 1 January, a Thursday, and moves them afterwards.
case(
    "11 stats by_time?time=weekm",
    get(f"/api/stats/{ATHLETE}/by_time?time=weekm", ATHLETE),
    ok(data={"statistics": {"2026-10-05": RIDES, "2026-11-02": RUNS}}),
    ok(data={"statistics": {"2026-10-05": RIDES, "2026-10-26": RUNS}}),
    "§11 says nothing: weeks that begin on Monday",
)
case(
    "11 stats of an unknown period",
    get(f"/api/stats/{ATHLETE}/by_time?time=day", ATHLETE),
    error(400, "invalid time period", "fail"),
)
case(
    "11 stats of an unknown type",
    get(f"/api/stats/{ATHLETE}/by_time?type=x", ATHLETE),
    error(400, "invalid stats type", "fail"),
)

BY_SPORT = {
    "average_ascent": None,
    "average_descent": None,
    "average_distance": 10.5,
    "average_duration": "1:00:00",
    "average_speed": 10.5,
    "total_ascent": None,
    "total_descent": None,
    "total_distance": 10.5,
    "total_duration": "1:00:00",
    "total_workouts": 1,
}
case(
    "11 stats by_sport",
    get(f"/api/stats/{ATHLETE}/by_sport?sport_id=5", ATHLETE),
    ok(data={"statistics": {"5": BY_SPORT}, "total_workouts": 1}),
)
case(
    "11 stats of an unknown sport",
    get(f"/api/stats/{ATHLETE}/by_sport?sport_id=99", ATHLETE),
    e404("sport does not exist"),
)

OF_BOTH = {
    "nb_sports": 2,
    "nb_workouts": 2,
    "sports_list": [1, 5],
    "total_ascent": 300.0,
    "total_distance": 50.5,
    "total_duration": "23:13:20",
}


@steps(
    "4.1 totals and records of the profile",
    [
        user(ATHLETE, **OF_BOTH),
        [(1, "AS"), (1, "FD"), (1, "HA"), (1, "LD"), (1, "MS"), (5, "AS"), (5, "FD"), (5, "LD"), (5, "MS")],
    ],
)
def totals(side: Side) -> Any:
    data = side.get(PROFILE, side.user(ATHLETE).token).json["data"]
    records = by_kind(data["records"])
    return [{**data, "records": []}, [(one["sport_id"], one["record_type"]) for one in records]]


@steps("4.1 a total of more than a day", "1 day, 21:26:40")
def more_than_a_day(side: Side) -> Any:
    token = side.user("strider").token
    for date in ("2026-10-05 08:00", "2026-10-07 08:00"):
        side.post(NO_GPX, {**RIDE, "duration": 81800, "workout_date": date}, token)
    return side.get(PROFILE, token).json["data"]["total_duration"]


@steps("11 a workout deleted", [204, "404", [FIRST]])
def deleted(side: Side) -> Any:
    token = side.user(ATHLETE).token
    found = side.get(WORKOUTS + "?sport_id=1", token).json["data"]["workouts"][0]["id"]
    gone = side.send("DELETE", f"{WORKOUTS}/{found}", token=token).status
    left = side.get(WORKOUTS, token).json["data"]["workouts"]
    return [gone, str(side.get(f"{WORKOUTS}/{found}", token).status), [one["title"] for one in left]]


POINTS = "".join(
    f'<trkpt lat="{44.68095 + i * 0.0001:.6f}" lon="6.07367"><ele>{998 + i % 5}</ele>'
    f"<time>2026-11-10T07:{i // 6:02}:{i % 6 * 10:02}Z</time></trkpt>"
    for i in range(60)
)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="suite" xmlns="http://www.topografix.com/GPX/1/1">'
TRACK = f"{HEAD}<trk><name>Little run</name><trkseg>{POINTS}</trkseg></trk></gpx>".encode()


def track(side: Side, name: str, content: bytes, data: str = '{"sport_id": 5}') -> Answer:
    body = multipart_body({"data": data, "file": File(name, content)})
    return side.send("POST", WORKOUTS, body, side.user("tracker").token)


MEASURED = [201, "Little run", "0:09:50", "0:09:50", 998.0, 1002.0, "Tue, 10 Nov 2026 07:00:00 GMT", 1]


@steps("11 a track: what was measured", MEASURED)
def measured(side: Side) -> Any:
    answer = track(side, "run.gpx", TRACK)
    found = answer.json["data"]["workouts"][0]
    names = ("title", "duration", "moving", "min_alt", "max_alt", "workout_date")
    return [answer.status, *(found[name] for name in names), len(found["segments"])]


@steps("11 a track: kept as a file", True, False, "§11 asks for no map: a track is kept for the archive alone")
def kept(side: Side) -> Any:
    return side.get(WORKOUTS, side.user("tracker").token).json["data"]["workouts"][0]["with_gpx"]


@steps("11 a track: distance, ascent and speeds, nearly", [FLOAT, FLOAT, FLOAT, True])
def nearly(side: Side) -> Any:
    found = side.get(WORKOUTS, side.user("tracker").token).json["data"]["workouts"][0]
    near = abs(found["distance"] - 0.66) < 0.02 and abs(found["ave_speed"] - 4.07) < 0.2
    return [found["distance"], found["ave_speed"], found["ascent"], near]


case(
    "11 a track without a file",
    lambda side: side.send("POST", WORKOUTS, multipart_body({"data": "{}"}), side.user("tracker").token),
    error(400, "no file part", "fail"),
)
case("11 a track of no sport", lambda side: track(side, "run.gpx", TRACK, "{}"), e400())
case(
    "11 a track of another type",
    lambda side: track(side, "run.txt", TRACK),
    error(400, "file extension not allowed", "fail"),
)
case("11 the web app's page of a workout", get("/workouts/x"), INDEX)
