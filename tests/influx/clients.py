"""Unmodified clients of InfluxDB at work with both servers; what each made of the answers must be the same."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moment import BASE, SECOND
from original import PASSWORD
from processes import Failed, own_environment
from report import DOCUMENTED, EQUAL, UNEXPECTED
from side import Side

FOLDER = Path(__file__).with_name("programs")
# Each works on a database of its own name.
CLIENTS: Mapping[str, Sequence[str]] = {
    "python": [sys.executable, str(FOLDER / "python_client.py")],
    "node": ["node", str(FOLDER / "node_client.js")],
    "shell": ["bash", str(FOLDER / "shell.sh")],
    "perl": ["perl", str(FOLDER / "challenged.pl")],
}
STEPS: Sequence[str] = ["bash", str(FOLDER / "steps.sh")]

SEED = "§1 row 3: wrong credentials are 403, as the seed says"
# What a client sees of trackgate where that may differ: patterns, and where the difference is written.
DIFFERENCES: Mapping[str, tuple[str, str]] = {
    "python: wrong password, write": (r'"InfluxDBClientError 403: 403: .*authorization failed.*"', SEED),
    "python: wrong password, query": (r'"InfluxDBClientError 403: 403: .*authorization failed.*"', SEED),
    "node: wrong password, write": (r'"Error: A 403 Forbidden error occurred: .*authorization failed.*"', SEED),
    "node: wrong password, query": (r'"Error: A 403 Forbidden error occurred: .*authorization failed.*"', SEED),
    "perl: a wrong password": (
        r'401 403 \[Basic realm="Protected"\] {"error":"authorization failed"}',
        SEED,
    ),
}
# What the steps by curl must see: for the account paths there is no control but the contract.
FLOW: Mapping[str, str] = {
    "1 ping": r" 204",
    "2 register": r'{"status":"OK","id":"\d+","username":"test__test__"} 200',
    "3 register, badly": r'{"errors":\["INVALIDATE_USERNAME","INVALIDATE_PASSWORD"\]} 400',
    "4 list": r'{"users":\[.*"username":"test__test__".*\]} 200',
    "5 show": r'{"user":{"id":\d+,"username":"test__test__"}} 200',
    "6 another password": r'{"status":"OK"} 200',
    "7 the old one again": r'{"status":"OK"} 200',
    "8 write": r" 204",
    "9 write without credentials": r'{"error":"unable to parse authentication credentials"} 401',
    "10 read": r'{"results":\[{"statement_id":0}\]} 200',
    "11 public reads": r'{"results":\[{"statement_id":0,"series":\[{"name":"test",'
    r'"columns":\["time","count"\],"values":\[\["1970-01-01T00:00:00Z",1\]\]}\]}\]} 200',
    "12 public does not write": r'{"error":"\\"public\\" user is not authorized to write to database '
    r'\\"test__test__\\""} 403',
    "13 SHOW USERS": r'{"error":"error authorizing query: test__test__ not authorized to execute statement '
    r"'SHOW USERS', requires admin privilege\"} 403",
    "14 SHOW DATABASES": r'{"results":\[{"statement_id":0,"series":\[{"name":"databases","columns":\["name"\],'
    r'"values":\[\["test__test__"\]\]}\]}\]} 200',
    "15 SHOW GRANTS": r'{"error":"error authorizing query: .* requires admin privilege"} 403',
    "16 CREATE RETENTION POLICY": r'{"error":"error authorizing query: .* requires admin privilege"} 403',
    "17 delete": r'{"status":"OK"} 200',
    "18 gone": r'{"error":".*"} 403',
}


@dataclass(frozen=True)
class Check:
    """What came of one check of a client."""

    name: str
    word: str
    why: str


def work(sides: Sequence[Side], modules: Path, text: str) -> list[Check]:
    """Lets all clients whose checks hold this text work with these servers."""
    checks = []
    for client, command in CLIENTS.items():
        seen = {side.name: run(command, side, client, modules) for side in sides}
        checks += [check for check in compared(client, seen) if text in check.name]
    for side in sides:
        if side.name == "trackgate":
            checks += [check for check in followed(run(STEPS, side, "", modules)) if text in check.name]
    return checks


def run(command: Sequence[str], side: Side, account: str, modules: Path) -> dict[str, str]:
    """What a program says: a line for each check, its name and what it saw, a tab between."""
    told = own_environment(
        PORT=str(side.port),
        ACCOUNT=account,
        PASSWORD=PASSWORD,
        BASE=str(BASE // SECOND),
        NODE_PATH=str(modules),
        PYTHONWARNINGS="ignore",
        PYTHONDONTWRITEBYTECODE="1",
    )
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        raise Failed(f"{Path(command[-1]).name} with {side.name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


def compared(client: str, seen: Mapping[str, Mapping[str, str]]) -> list[Check]:
    checks = []
    for name in dict.fromkeys(name for lines in seen.values() for name in lines):
        title = f"{client}: {name}"
        pattern, why = DIFFERENCES.get(title, (None, ""))
        found = {side: lines.get(name, "<nothing>") for side, lines in seen.items()}
        ours, theirs = found.get("trackgate"), found.get("original")
        if ours is None or theirs is None:
            checks.append(Check(title, DOCUMENTED if pattern else EQUAL, why))
        elif pattern is None:
            told = "" if ours == theirs else f"{theirs:.300} expected, {ours:.300} found"
            checks.append(Check(title, UNEXPECTED if told else EQUAL, told))
        else:
            fits = re.fullmatch(pattern, ours) is not None and ours != theirs
            told = why if fits else f"{pattern} expected, {ours:.300} found, {theirs:.300} from the original"
            checks.append(Check(title, DOCUMENTED if fits else UNEXPECTED, told))
    return checks


def followed(seen: Mapping[str, str]) -> list[Check]:
    checks = []
    for name in dict.fromkeys([*FLOW, *seen]):
        pattern, found = FLOW.get(name, "<nothing>"), seen.get(name, "<nothing>")
        fits = re.fullmatch(pattern, found) is not None
        told = "" if fits else f"{pattern} expected, {found:.300} found"
        checks.append(Check(f"steps: {name}", EQUAL if fits else UNEXPECTED, told))
    return checks


def tell(checks: Sequence[Check], quiet: bool) -> bool:
    """Prints the table and its closing line; whether nothing is unexpected."""
    for one in checks:
        if one.word == UNEXPECTED or not quiet:
            print(f"{one.name:<60}  {one.word}{': ' if one.why else ''}{one.why}")
    count = {word: sum(one.word == word for one in checks) for word in (EQUAL, DOCUMENTED, UNEXPECTED)}
    print(
        f"clients: {len(checks)} checks, {count[EQUAL]} equal, "
        f"{count[DOCUMENTED]} documented differences, {count[UNEXPECTED]} unexpected"
    )
    return count[UNEXPECTED] == 0
