"""What the checks need beside the document: a fresh token for each sign-out, for it ends the one it is given."""

import json
import os
import urllib.request

import schemathesis

URL = os.environ["TRACKGATE_URL"]
NAME = os.environ["TRACKGATE_NAME"]
EMAIL = os.environ["TRACKGATE_EMAIL"]
PASSWORD = os.environ["TRACKGATE_PASSWORD"]


def answer(path, body):
    request = urllib.request.Request(
        URL + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def fittrackee():
    return answer("/api/auth/login", {"email": EMAIL, "password": PASSWORD})["auth_token"]


def lptracker():
    body = {"login": NAME, "password": PASSWORD, "service": "checks", "version": "1.0"}
    return answer("/login", body)["result"]["token"]


@schemathesis.auth(refresh_interval=None).apply_to(path="/api/auth/logout", method="POST")
class FitTrackeeSignOut:
    def get(self, case, context):
        return fittrackee()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.auth(refresh_interval=None).apply_to(path="/logout", method="POST")
class LpTrackerSignOut:
    def get(self, case, context):
        return lptracker()

    def set(self, case, data, context):
        case.headers["token"] = data
