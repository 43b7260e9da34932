"""An answer as it is compared: every header and the body's bytes, less what cannot be the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack  # type: ignore[import-untyped]

from request import decoded
from wire import Answer

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
VERSION = r"1\.6\.7(~rc0)?"
# The time of the answer, and the length that the body itself shows.
LEFT_OUT = ("date", "content-length")
# What trackgate may say on top: what answers depend on (RFC 9110 §12.5.5), that refusals are not kept by caches,
# a name for the answer in its log, and the end of a connection on which a body was left unread (RFC 9112 §9.3).
# In these words alone, and only where the original says nothing.
ADDED = {
    "connection": "close",
    "vary": r"(Origin)?(, )?(Accept, Accept-Encoding)?",
    "cache-control": "no-store",
    "x-request-id": "<uuid>|<the same>",
    "request-id": "<uuid>",
}

View = dict[str, Any]


@dataclass(frozen=True)
class Like:
    """In `Case.ours`: any text that this pattern matches whole."""

    pattern: str


def view(answers: Sequence[Answer]) -> View:
    """All answers of a case; the parts of the second one are named `2 status`, `2 body` and so on."""
    parts: View = {}
    for number, answer in enumerate(answers, 1):
        prefix = f"{number} " if number > 1 else ""
        parts |= {prefix + name: value for name, value in one(answer).items()}
    return parts


def one(answer: Answer) -> View:
    names = sorted({name for name, _ in answer.headers if name not in LEFT_OUT})
    # Blanks around a value are none of it (RFC 9110 §5.5).
    headers = {name: (answer.header(name) or "").strip(" \t") for name in names}
    if re.fullmatch(VERSION, headers.get("x-influxdb-version", "")):
        headers["x-influxdb-version"] = "<version>"
    if re.fullmatch(UUID, headers.get("request-id", "")):
        same = headers["request-id"] == headers.get("x-request-id")
        headers |= {"request-id": "<uuid>", "x-request-id": "<the same>" if same else headers.get("x-request-id", "")}
    elif "request-id" not in headers and re.fullmatch(UUID, headers.get("x-request-id", "")):
        headers["x-request-id"] = "<uuid>"
    if "allow" in headers:
        # The original says the methods in an order of the moment.
        headers["allow"] = ", ".join(sorted(word.strip() for word in headers["allow"].split(",")))
    return {"status": answer.status, "body": body(answer), **headers}


def body(answer: Answer) -> Any:
    """Text as it came; msgpack as what it says, for the same thing can be written in more than one way."""
    content = decoded(answer)
    if answer.kind == "application/x-msgpack":
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=True, object_pairs_hook=list)
        unpacker.feed(content)
        return [typed(value) for value in unpacker]
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def typed(value: Any) -> Any:
    """1, 1.0 and true are not the same on the wire."""
    if isinstance(value, msgpack.ExtType):
        return f"<extension {value.code}: {value.data.hex()}>"
    if isinstance(value, (list, tuple)):
        return [typed(each) for each in value]
    return repr(value) if isinstance(value, (bool, int, float)) else value


def without_additions(theirs: View, ours: View) -> View:
    """What trackgate answered, without what it may say on top."""
    kept = {}
    for name, value in ours.items():
        pattern = ADDED.get(name.rpartition(" ")[2])
        if name in theirs or pattern is None or re.fullmatch(pattern, str(value)) is None:
            kept[name] = value
    return kept


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Where two views differ; parts of `wanted` may be patterns, or None for what must not be there."""
    told = []
    for name in sorted({*wanted, *found}):
        want, seen = wanted.get(name), found.get(name)
        fits = re.fullmatch(want.pattern, str(seen), re.S) is not None if isinstance(want, Like) else want == seen
        if not fits:
            told.append(f"{name}: {apart(want, seen)}")
    return told


def apart(want: Any, seen: Any) -> str:
    """Two values, from shortly before the place where they part."""
    if not (isinstance(want, str) and isinstance(seen, str)):
        return f"{want!r:.400} expected, {seen!r:.400} found"
    start = next((i for i, (a, b) in enumerate(zip(want, seen, strict=False)) if a != b), min(len(want), len(seen)))
    start = max(0, start - 40)
    head = "…" if start else ""
    return f"{head}{want[start:]!r:.240} expected, {head}{seen[start:]!r:.240} found"


def rows(answer: Answer) -> int:
    """How many rows the series of a JSON answer, or of its chunks, have in all."""
    documents = [json.loads(line) for line in decoded(answer).splitlines() if line.startswith(b"{")]
    results = [result for document in documents for result in document.get("results", [])]
    return sum(len(series.get("values", [])) for result in results for series in result.get("series", []))
