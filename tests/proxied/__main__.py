"""trackgate before real legacy servers; see `.ci/proxied`."""

from __future__ import annotations

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import web
from gateway import Answer, Gateway, gateway
from processes import Failed

# The account at the gateway, and what it is called behind it: nothing is the same.
NAME, PASSWORD = "rider", "correct horse"
FIT_NAME, FIT_EMAIL, FIT_PASSWORD = "wanda_there", "wanda@example.com", "a long way to walk"
INFLUX_NAME = "tester"
LEGACY_NAME, LEGACY_PASSWORD = "legacy_rider", "battery staple"

# Two of them stand for servers that cannot be had: LPTracker, and an API that wants bearer tokens.
BEHIND = """
[listen]
address = "127.0.0.1:0"

[log]
access = false

[[routes]]
name = "lptracker"
tracker = "lptracker"

[[routes]]
name = "sessions"
tracker = "sessions"
"""

FRONT = """
[listen]
address = "127.0.0.1:0"

[log]
format = "json"

[upstreams.fittrackee]
urls = ["{fittrackee}"]

[upstreams.fittrackee.login]
kind = "fittrackee"

[upstreams.influxdb]
urls = ["{influxdb}"]

[upstreams.lptracker]
urls = ["{behind}"]

[upstreams.lptracker.login]
kind = "lptracker"
service = "trackgate"

[upstreams.sessions]
urls = ["{behind}"]

# -- signing in at the gateway itself

[[routes]]
name = "sliding-door"
match = "POST /login"
tracker = "lptracker"

[[routes]]
name = "jwt-door"
match = "POST /api/auth/login"
hosts = ["door.test"]
tracker = "fittrackee"

# -- InfluxDB wants Basic

[[routes]]
name = "write"
match = "POST /write"
auth = ["basic", "api", "lp", "fit"]
upstream = "influxdb"
send = {{ credentials = "basic", links = "influxdb" }}
dialect = "livetracking"

[[routes]]
name = "query"
match = "GET,POST /query"
auth = ["basic", "api", "lp", "fit"]
upstream = "influxdb"
send = {{ credentials = "basic", links = "influxdb" }}
dialect = "livetracking"

[[routes]]
name = "ping"
match = "GET,HEAD /ping"
auth = "none"
public = "says only that the server is there"
upstream = "influxdb"

# -- FitTrackee wants its JWT: of a session, or signed by its own key

[[routes]]
name = "fittrackee-config"
match = "GET /api/config"
auth = "none"
public = "FitTrackee tells it to everybody"
upstream = "fittrackee"

[[routes]]
name = "fittrackee-pictures"
match = "GET /api/users/{{name}}/picture"
hosts = ["127.0.0.1"]
auth = "none"
public = "FitTrackee shows them to everybody, and a page asks for them without a token"
upstream = "fittrackee"

[[routes]]
name = "fittrackee"
match = "/api/{{*rest}}"
hosts = ["127.0.0.1"]
auth = ["basic", "api", "lp", "fit"]
upstream = "fittrackee"
send = {{ credentials = "session", links = "fittrackee" }}
dialect = "fittrackee"

[[routes]]
name = "fittrackee-minted"
match = "/api/{{*rest}}"
hosts = ["minted.test"]
auth = ["basic", "api", "lp", "fit"]
upstream = "fittrackee"
send = {{ credentials = "jwt", key = "file:fittrackee.key", claims = "fittrackee", links = "fittrackee" }}
dialect = "fittrackee"

[[routes]]
name = "fittrackee-pages"
match = "GET,HEAD /{{*rest}}"
auth = "none"
public = "the web application's files"
upstream = "fittrackee"

# -- LPTracker wants the token of a sliding session

[[routes]]
name = "projects"
match = "GET /projects"
auth = ["basic", "api", "lp", "fit"]
upstream = "lptracker"
send = {{ credentials = "session", links = "lptracker" }}
dialect = "lptracker"

[[routes]]
name = "sign-out-there"
match = "POST /logout"
auth = ["basic", "api", "fit"]
upstream = "lptracker"
send = {{ credentials = "session", links = "lptracker" }}
dialect = "lptracker"

# -- the session tracker wants a bearer token

[[routes]]
name = "sessions"
match = "GET /api/v2/{{*rest}}"
auth = ["basic", "api", "lp", "fit"]
upstream = "sessions"
send = {{ credentials = "bearer", links = "sessions" }}
dialect = "sessions"
"""


class Checks:
    """Counts what was checked, and says what was not as it should be."""

    def __init__(self) -> None:
        self.done = 0
        self.unexpected = 0

    def check(self, name: str, fits: bool, found: object = "") -> None:
        self.done += 1
        if not fits:
            self.unexpected += 1
            print(f"UNEXPECTED {name}: {found}", flush=True)


def main() -> int:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    began = time.monotonic()
    checks = Checks()
    try:
        with ExitStack() as stack:
            behind = stack.enter_context(gateway(arguments.binary, BEHIND))
            config = FRONT.format(
                fittrackee=os.environ["FITTRACKEE_URL"], influxdb=os.environ["INFLUXDB_URL"], behind=behind.url
            )
            files = {"fittrackee.key": os.environ["FITTRACKEE_SECRET"]}
            front = stack.enter_context(gateway(arguments.binary, config, files))
            secrets = link(front, behind, make_fittrackee_user())
            credentials = sign_in(front)
            every_pair(checks, front, credentials)
            refusals(checks, front, credentials)
            python_client(checks, front, credentials)
            web.walk(checks, front.url, arguments.shots, credentials)
            told = front.log.read_text()
            kept_back = [PASSWORD, credentials["api"]["Authorization"].split()[1], *secrets]
            checks.check("no secret in the log", not any(secret in told for secret in kept_back))
            checks.check("no panic", "panicked" not in told, told[-2000:])
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"proxied: {checks.done} checks in {time.monotonic() - began:.0f} s, {checks.unexpected} unexpected")
    return 1 if checks.unexpected else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="proxied", description=__doc__)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--shots", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.shots.mkdir(parents=True, exist_ok=True)
    return arguments


def make_fittrackee_user() -> int:
    """Makes an account at the real FitTrackee; its number there."""
    ftcli = os.environ["FITTRACKEE_FTCLI"]
    for words in (
        ["users", "create", FIT_NAME, "--email", FIT_EMAIL, "--password", FIT_PASSWORD],
        ["users", "update", FIT_NAME, "--activate"],
    ):
        done = subprocess.run([ftcli, *words], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise Failed(f"ftcli {words[1]}: {done.stdout}{done.stderr}")
    there = Gateway(os.environ["FITTRACKEE_URL"], 0, Path())
    body = json.dumps({"email": FIT_EMAIL, "password": FIT_PASSWORD})
    answer = there.ask("POST", "/api/auth/login", {"Content-Type": "application/json"}, body)
    claims = answer.json["auth_token"].split(".")[1]
    return int(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])


def link(front: Gateway, behind: Gateway, number: int) -> list[str]:
    """Makes the accounts on both sides and links them; the secrets of the links."""
    behind.account(LEGACY_NAME, LEGACY_PASSWORD)
    legacy_token = behind.token(LEGACY_NAME, "sessions:read")
    front.account(NAME, PASSWORD)
    front.account("stranger", PASSWORD)
    for name, user, secret, more in (
        ("influxdb", INFLUX_NAME, os.environ["INFLUXDB_PASSWORD"], []),
        ("fittrackee", FIT_EMAIL, FIT_PASSWORD, ["--number", str(number)]),
        ("lptracker", f"{LEGACY_NAME}@example.org", LEGACY_PASSWORD, []),
        ("sessions", LEGACY_NAME, legacy_token, []),
    ):
        front.tell("link", "set", NAME, name, "--user", user, *more, given=secret)
    return [os.environ["INFLUXDB_PASSWORD"], FIT_PASSWORD, LEGACY_PASSWORD, legacy_token]


def sign_in(front: Gateway) -> dict[str, dict[str, str]]:
    """Header lines of every kind of credential that the gateway knows."""
    as_json = {"Content-Type": "application/json"}
    body = {"login": NAME, "password": PASSWORD, "service": "checks", "version": "1.0"}
    lp = front.ask("POST", "/login", as_json, json.dumps(body))
    body = {"email": f"{NAME}@example.org", "password": PASSWORD}
    fit = front.ask("POST", "/api/auth/login", {**as_json, "Host": "door.test"}, json.dumps(body))
    if not (lp.json and fit.json and "auth_token" in fit.json):
        raise Failed(f"signing in: {lp}, {fit}")
    return {
        "basic": {"Authorization": "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()},
        "api": {"Authorization": f"Bearer {front.token(NAME, '*')}"},
        "lp": {"token": lp.json["result"]["token"]},
        "fit": {"Authorization": f"Bearer {fit.json['auth_token']}"},
    }


def every_pair(checks: Checks, front: Gateway, credentials: Mapping[str, Mapping[str, str]]) -> None:
    """Every credential in, every credential out; each server sees its own user and nobody else."""

    def is_wanda(answer: Answer) -> bool:
        return answer.status == 200 and answer.json["data"]["username"] == FIT_NAME

    for number, (kind, headers) in enumerate(credentials.items()):
        point = f"speed value={number}"
        answer = front.ask("POST", f"/write?db={INFLUX_NAME}", headers, point)
        checks.check(f"{kind} to basic: write", answer.status == 204, answer)
        answer = front.ask("GET", f"/query?db={INFLUX_NAME}&q=SELECT+last(value)+FROM+speed", headers)
        value = answer.status == 200 and answer.json["results"][0]["series"][0]["values"][0][1]
        checks.check(f"{kind} to basic: query", value == number, answer)
        # InfluxDB's own words name the user that it saw.
        answer = front.ask("POST", "/write?db=other", headers, point)
        checks.check(f"{kind} to basic: whose", answer.status == 403 and f'"{INFLUX_NAME}' in answer.json["error"], answer)

        answer = front.ask("GET", "/api/auth/profile", headers)
        checks.check(f"{kind} to session of FitTrackee", is_wanda(answer), answer)
        answer = front.ask("GET", "/api/auth/profile", {**headers, "Host": "minted.test"})
        checks.check(f"{kind} to JWT of FitTrackee's key", is_wanda(answer), answer)

        answer = front.ask("GET", "/projects", headers)
        checks.check(f"{kind} to sliding session", bool(answer.json) and answer.json["status"] == "success", answer)
        answer = front.ask("GET", "/api/v2/sessions.php", headers)
        checks.check(f"{kind} to bearer", answer.status == 200, answer)
    for kind in ("basic", "api", "fit"):
        # The session there ends behind the gateway's back: it is opened anew, and the request repeated.
        first = front.ask("POST", "/logout", credentials[kind], "[]")
        again = front.ask("GET", "/projects", credentials[kind])
        fits = [bool(one.json) and one.json["status"] == "success" for one in (first, again)]
        checks.check(f"{kind}: a session that ended there", fits == [True, True], f"{first}, {again}")


def refusals(checks: Checks, front: Gateway, credentials: Mapping[str, Mapping[str, str]]) -> None:
    stranger = {"Authorization": "Basic " + base64.b64encode(f"stranger:{PASSWORD}".encode()).decode()}
    wrong = {"Authorization": "Basic " + base64.b64encode(f"{NAME}:wrong".encode()).decode()}
    for method, path in (
        ("POST", f"/write?db={INFLUX_NAME}"),
        ("GET", f"/query?db={INFLUX_NAME}&q=SHOW+DATABASES"),
        ("GET", "/api/auth/profile"),
        ("GET", "/api/v2/sessions.php"),
    ):
        body = "speed value=9" if method == "POST" else None
        for who, headers in (("nobody", {}), ("wrong password", wrong), ("without a link", stranger)):
            answer = front.ask(method, path, headers, body)
            checks.check(f"{who}: {method} {path}", answer.status in (401, 403), answer)
            checks.check(f"{who}: {method} {path} tells an id", "x-request-id" in {n.lower() for n in answer.headers})
    # Neither InfluxDB's own user nor FitTrackee's own token is anything at the gateway.
    theirs = {"Authorization": "Basic " + base64.b64encode(
        f"{INFLUX_NAME}:{os.environ['INFLUXDB_PASSWORD']}".encode()).decode()}
    answer = front.ask("GET", f"/query?db={INFLUX_NAME}&q=SHOW+DATABASES", theirs)
    checks.check("InfluxDB's own user at the gateway", answer.status in (401, 403), answer)
    answer = front.ask("GET", "/query?q=SHOW+USERS", credentials["api"])
    checks.check("no administrator's right comes with a link", "admin" in answer.text, answer)


PYTHON_CLIENT = """
import sys
from influxdb import InfluxDBClient
host, port, name, token, database = sys.argv[1:]
client = InfluxDBClient(host, int(port), name, token, database)
assert client.ping()
assert client.write_points([{"measurement": "client", "fields": {"value": 7.5}}])
print(list(client.query("SELECT value FROM client").get_points())[0]["value"])
"""


def python_client(checks: Checks, front: Gateway, credentials: Mapping[str, Mapping[str, str]]) -> None:
    """The unmodified client of InfluxDB, with an API token as its password."""
    host, port = front.url.removeprefix("http://").split(":")
    token = credentials["api"]["Authorization"].split()[1]
    words = [os.environ["INFLUXDB_PYTHON"], "-W", "ignore", "-c", PYTHON_CLIENT, host, port, NAME, token, INFLUX_NAME]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    checks.check("the client of InfluxDB with an API token", done.stdout.strip() == "7.5", done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(main())
