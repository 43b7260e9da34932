"""Judges what the servers answered, and tells it in a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from case import Case, Pin
from request import decoded
from view import differences, rows, view, without_additions
from wire import Answer

EQUAL, DOCUMENTED, UNEXPECTED = "equal", "documented difference", "unexpected difference"


@dataclass(frozen=True)
class Verdict:
    """What came of a case; `why` tells what is unexpected in it, or where a difference is documented."""

    case: Case
    word: str
    why: str


def judge(case: Case, seen: Mapping[str, Any]) -> Verdict:
    """The original against what the contract says, then trackgate against the original."""
    for name, observed in seen.items():
        if isinstance(observed, Exception):
            return Verdict(case, UNEXPECTED, f"{name}: {type(observed).__name__}: {observed}")
    for name in seen:
        changed = case.ours if name == "trackgate" else {}
        if told := [
            line for pair in enumerate(zip(case.pins, seen[name], strict=True), 1) for line in pinned(pair, changed)
        ]:
            return Verdict(case, UNEXPECTED, f"{name}: {'; '.join(told)}")
    if len(seen) == 1:
        return Verdict(case, DOCUMENTED if case.why else EQUAL, case.why or "")
    original, ours = view(seen["original"]), view(seen["trackgate"])
    if stale := [name for name, value in case.ours.items() if original.get(name) == value]:
        return Verdict(case, UNEXPECTED, f"no difference in {', '.join(stale)}, although one is documented")
    if told := differences(original | dict(case.ours), without_additions(original, ours)):
        return Verdict(case, UNEXPECTED, "; ".join(told))
    return Verdict(case, DOCUMENTED if case.why else EQUAL, case.why or "")


def pinned(pair: tuple[int, tuple[Pin, Answer]], changed: Mapping[str, Any]) -> list[str]:
    """Where an answer is not what its pin says, without the parts that are documented to be changed."""
    number, (pin, answer) = pair
    prefix = f"{number} " if number > 1 else ""
    wanted: dict[str, Any] = {"status": pin.status, **pin.headers}
    found: dict[str, Any] = {"status": answer.status, **{name: answer.header(name) for name in pin.headers}}
    text = decoded(answer).decode(errors="replace")
    if pin.text is not None:
        wanted["body"], found["body"] = pin.text, text
    if pin.error is not None:
        wanted["body"], found["body"] = (
            json.dumps({"error": pin.error}, separators=(",", ":"), ensure_ascii=False) + "\n",
            text,
        )
    if pin.rows is not None and f"{prefix}body" not in changed:
        wanted["rows"], found["rows"] = pin.rows, rows(answer)
    kept = {name for name in wanted if prefix + name not in changed}
    return differences({name: wanted[name] for name in kept}, {name: found[name] for name in kept})


def tell(verdicts: Sequence[Verdict], quiet: bool) -> bool:
    """Prints the table and the closing line; whether nothing is unexpected."""
    width = min(max((len(one.case.name) for one in verdicts), default=0), 100)
    for one in verdicts:
        if one.word == UNEXPECTED or not quiet:
            print(f"{one.case.name:<{width}}  {one.word}{': ' if one.why else ''}{one.why}")
    count = {word: sum(one.word == word for one in verdicts) for word in (EQUAL, DOCUMENTED, UNEXPECTED)}
    print(
        f"influx: {len(verdicts)} cases, {count[EQUAL]} equal, "
        f"{count[DOCUMENTED]} documented differences, {count[UNEXPECTED]} unexpected"
    )
    return bool(verdicts) and count[UNEXPECTED] == 0
