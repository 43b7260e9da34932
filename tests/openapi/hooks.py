"""What the checks need beside the document: credentials of every scheme, and now and then a call that succeeds."""

import base64
import itertools
import json
import os
import time
import urllib.request

import schemathesis
from schemathesis.generation.modes import GenerationMode

URL = os.environ["TRACKGATE_URL"]
NAME = os.environ["TRACKGATE_NAME"]
EMAIL = os.environ["TRACKGATE_EMAIL"]
PASSWORD = os.environ["TRACKGATE_PASSWORD"]
API_TOKEN = os.environ["TRACKGATE_API_TOKEN"]

COUNT = itertools.count()
# One in so many calls gets what it needs to succeed.
OFTEN = 5
KEPT = {}
# Contract section 4.2: goes with the sports 1, 2, 4, 7 and 17.
BIKE = 2
WORKOUT = {"sport_id": 1, "duration": 3600, "distance": 20.5, "workout_date": "2026-01-31 08:30"}
# One black point.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
TRACK = b"""<?xml version="1.0"?>
<gpx version="1.1" creator="checks" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="44.68" lon="6.07"><ele>998</ele><time>2026-01-31T08:30:00Z</time></trkpt>
<trkpt lat="44.69" lon="6.08"><ele>990</ele><time>2026-01-31T08:35:00Z</time></trkpt>
</trkseg></trk></gpx>"""
# Names that have an account, or that nobody may register (livetracking.md section 2).
TAKEN = {NAME, "password", "root", "public", "admin", "administrator", "livetracking", "operator"}


def answer(path, body, headers={}):
    """The JSON that comes back for a JSON body, or without one."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def fittrackee():
    return {"Authorization": "Bearer " + answer("/api/auth/login", {"email": EMAIL, "password": PASSWORD})["auth_token"]}


def lptracker():
    body = {"login": NAME, "password": PASSWORD, "service": "checks", "version": "1.0"}
    return {"token": answer("/login", body)["result"]["token"]}


# How to get a credential of each scheme, by the name that the document gives it.
SCHEMES = {
    "api": lambda: {"Authorization": f"Bearer {API_TOKEN}"},
    "basic": lambda: basic(NAME, PASSWORD),
    "fit": fittrackee,
    "lp": lptracker,
}


@schemathesis.auth(refresh_interval=None)
class Credentials:
    """A credential of one of the schemes that an operation accepts, each in its turn."""

    def get(self, case, context):
        accepted = [name.split(".")[0] for each in case.operation.definition.raw.get("security", []) for name in each]
        if not accepted:
            return None
        if case.operation.path.endswith("/logout"):
            # Signing out ends the credential.
            return SCHEMES[accepted[-1]]()
        scheme = accepted[next(COUNT) % len(accepted)]
        if scheme not in KEPT:
            KEPT[scheme] = SCHEMES[scheme]()
        return KEPT[scheme]

    def set(self, case, data, context):
        case.headers.update(data)


def fresh():
    """The credential of an account that has done nothing yet; what registers here is confirmed at once."""
    name = free(f"fresh{next(COUNT)}")
    email = f"{name}@example.org"
    answer("/register", {"username": name, "password": PASSWORD, "email": email})
    return {"Authorization": "Bearer " + answer("/api/auth/login", {"email": email, "password": PASSWORD})["auth_token"]}


def made(kind):
    """The id of a workout or a piece of equipment that was just made: of these, ids cannot be guessed."""
    path, body = {
        "equipments": ("/api/equipments", {"label": f"bike {next(COUNT)}", "equipment_type_id": BIKE}),
        "workouts": ("/api/workouts/no_gpx", WORKOUT),
    }[kind]
    return answer(path, body, {"Authorization": f"Bearer {API_TOKEN}"})["data"][kind][0]["id"]


def free(name):
    """This name, or another that nobody has."""
    if name.lower() in TAKEN:
        name = f"rider{next(COUNT)}"
    TAKEN.add(name.lower())
    return name


# What the document cannot say of a good call, by operation: which names are free or taken, which passwords are
# right, which things there are, and which members must go together.
GOOD = {}


def good(*labels, seldom=False):
    """Makes calls of these operations good; those that say `seldom` one time in so many. What they give is sent."""

    def keep(make):
        GOOD.update(dict.fromkeys(labels, (make, seldom)))
        return make

    return keep


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.operation.label == "DELETE /api/users/{username}" and case.path_parameters.get("username") == NAME:
        # The account is needed, and its own token could delete it.
        case.path_parameters["username"] = "somebody"
    if case.meta is None:
        return
    if isinstance(case.body, dict) and case.body.get("password") == PASSWORD:
        # Seen in another call: the account is needed as it is.
        case.body["password"] = "wrong-horse"
    if case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    make, seldom = GOOD.get(case.operation.label, (None, False))
    if make is not None and not (seldom and next(COUNT) % OFTEN):
        kwargs.update(make(case) or {})


@good("POST /register", "POST /api/auth/register")
def register(case):
    case.body["username"] = free(case.body["username"])


@good("GET /user/{username}")
def user(case):
    name = case.path_parameters["username"]
    if name.lower() not in TAKEN:
        answer("/register", {"username": free(name), "password": PASSWORD})


@good("DELETE /user", "POST /user/change-password", seldom=True)
def owner(case):
    if isinstance(case.body, dict):
        name, password = free(NAME), "correct-horse"
        answer("/register", {"username": name, "password": password})
        case.headers.update(basic(name, password))
        case.body.update(password=password)


@good("POST /login", seldom=True)
def sign_in(case):
    if isinstance(case.body, dict):
        case.body.update(login=NAME, password=PASSWORD)


@good("POST /api/auth/login", "PATCH /api/auth/profile/edit/account", seldom=True)
def by_email(case):
    case.body.update(email=EMAIL, password=PASSWORD)
    # The others sign in with this password.
    case.body.pop("new_password", None)


@good("POST /api/auth/account/export/request")
def first_export(case):
    case.headers.update(fresh())


@good("GET /api/auth/account/export/{file_name}", seldom=True)
def archive(case):
    if "archive" not in KEPT:
        owner = KEPT["archive"] = fresh()
        answer("/api/auth/account/export/request", {}, owner)
        while (export := answer("/api/auth/account/export", None, owner)["request"])["status"] == "in_progress":
            time.sleep(0.1)
        KEPT["archive_name"] = export["file_name"]
    case.headers.update(KEPT["archive"])
    case.path_parameters["file_name"] = KEPT["archive_name"]


@good("POST /api/auth/picture")
def picture(case):
    return {"files": {"file": ("me.png", PICTURE)}}


@good("GET /api/users/{username}", "GET /api/users/{username}/picture", "GET /api/stats/{username}/by_sport",
      "GET /api/stats/{username}/by_time", seldom=True)
def oneself(case):
    case.path_parameters["username"] = NAME


@good("POST /api/equipments", "PATCH /api/equipments/{equipment_id}")
def equipment(case):
    if case.method == "PATCH" and next(COUNT) % OFTEN == 0:
        case.path_parameters["equipment_id"] = made("equipments")
    if case.method == "POST" or "label" in case.body:
        # No two pieces of an account have the same.
        case.body["label"] = f"piece {next(COUNT)}"
    elif not case.body.keys() & {"description", "equipment_type_id", "is_active", "default_for_sport_ids"}:
        case.body["is_active"] = True
    if case.body.get("default_for_sport_ids"):
        case.body.update(equipment_type_id=BIKE, default_for_sport_ids=[1, 17])


@good("GET /api/equipments/{equipment_id}", "DELETE /api/equipments/{equipment_id}",
      "POST /api/equipments/{equipment_id}/refresh", seldom=True)
def piece(case):
    case.path_parameters["equipment_id"] = made("equipments")


@good("GET /api/workouts/{workout_id}", "DELETE /api/workouts/{workout_id}", seldom=True)
def workout(case):
    case.path_parameters["workout_id"] = made("workouts")


@good("POST /api/workouts/no_gpx", "PATCH /api/workouts/{workout_id}")
def written(case):
    if case.method == "PATCH" and next(COUNT) % OFTEN == 0:
        case.path_parameters["workout_id"] = made("workouts")
    if case.body.get("equipment_ids"):
        case.body.update(sport_id=1, equipment_ids=[made("equipments")])
    if case.body.get("distance"):
        # Nobody is faster than 10000 km/h.
        case.body["duration"] = max(case.body.get("duration") or 0, 3600)
    if (case.body.get("ascent") is None) != (case.body.get("descent") is None):
        case.body.update(ascent=0, descent=0)


@good("POST /api/workouts")
def track(case):
    return {"files": {"file": ("track.gpx", TRACK), "data": (None, json.dumps({"sport_id": 1}))}}


@good("POST /api/auth/profile/edit/sports")
def preferences(case):
    if case.body.get("default_equipment_ids"):
        case.body.update(sport_id=1, default_equipment_ids=[made("equipments")])


@schemathesis.deserializer("text/html")
def page(context, response):
    return response.text
