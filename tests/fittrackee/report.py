"""Judges what both servers answered, and tells it in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from case import Case
from expect import difference, pattern, reduce, standing

EQUAL, DOCUMENTED, UNEXPECTED = "equal", "documented difference", "unexpected difference"


@dataclass(frozen=True)
class Verdict:
    """What came of a case; `why` tells what is unexpected in it, or where a difference is documented."""

    case: Case
    word: str
    why: str


def judge(case: Case, seen: Mapping[str, Any]) -> Verdict:
    """Each server against what is expected of it, then the two against each other."""
    wanted = {"original": case.original, "trackgate": case.trackgate}
    for name, observed in seen.items():
        if isinstance(observed, Exception):
            return Verdict(case, UNEXPECTED, f"{name}: {type(observed).__name__}: {observed}")
        told = difference(pattern(wanted[name]), reduce(wanted[name], observed))
        if told:
            return Verdict(case, UNEXPECTED, f"{name}: {told}")
    if case.difference:
        return Verdict(case, DOCUMENTED, case.difference)
    if len(seen) == 2:
        one, other = (standing(seen[name]) for name in ("original", "trackgate"))
        if told := difference(one, other):
            return Verdict(case, UNEXPECTED, f"headers, original expected: {told}")
    return Verdict(case, EQUAL, "")


def tell(verdicts: Sequence[Verdict], quiet: bool) -> bool:
    """Prints the table and the closing line; whether nothing is unexpected."""
    width = max((len(one.case.name) for one in verdicts), default=0)
    for one in verdicts:
        if one.word == UNEXPECTED or not quiet:
            print(f"{one.case.name:<{width}}  {one.word}{': ' if one.why else ''}{one.why}")
    count = {word: sum(one.word == word for one in verdicts) for word in (EQUAL, DOCUMENTED, UNEXPECTED)}
    print(
        f"fittrackee: {len(verdicts)} cases, {count[EQUAL]} equal, "
        f"{count[DOCUMENTED]} documented differences, {count[UNEXPECTED]} unexpected"
    )
    return bool(verdicts) and count[UNEXPECTED] == 0
