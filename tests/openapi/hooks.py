"""What the checks need beside the document: credentials of every scheme, and now and then a call that succeeds."""

import base64
import itertools
import json
import os
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
# Names that have an account, or that nobody may register (livetracking.md section 2).
TAKEN = {NAME, "password", "root", "public", "admin", "administrator", "livetracking", "operator"}


def answer(path, body):
    request = urllib.request.Request(
        URL + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
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


def free(name):
    """This name, or another that nobody has."""
    if name.lower() in TAKEN:
        name = f"rider{next(COUNT)}"
    TAKEN.add(name.lower())
    return name


@schemathesis.hook
def before_call(context, case, kwargs):
    """What the document cannot say of a good call: which names are free or taken, which passwords are right."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    label = case.operation.label
    if label in ("POST /register", "POST /api/auth/register"):
        case.body["username"] = free(case.body["username"])
    elif label == "GET /user/{username}":
        name = case.path_parameters["username"]
        if name.lower() not in TAKEN:
            answer("/register", {"username": free(name), "password": "correct-horse"})
    elif not isinstance(case.body, dict) or next(COUNT) % OFTEN:
        return
    elif label == "POST /api/auth/login":
        case.body.update(email=EMAIL, password=PASSWORD)
    elif label == "POST /login":
        case.body.update(login=NAME, password=PASSWORD)
    elif label in ("DELETE /user", "POST /user/change-password"):
        name, password = free(NAME), "correct-horse"
        answer("/register", {"username": name, "password": password})
        case.headers.update(basic(name, password))
        case.body.update(password=password)


@schemathesis.deserializer("text/html")
def page(context, response):
    return response.text
