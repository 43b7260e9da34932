"""A case: what is asked of both servers, what is known of the answer, and where trackgate may differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from differences import DIFFERENCES
from side import Side
from wire import Answer

Step = Callable[[Side], Sequence[Answer]]


@dataclass(frozen=True)
class Pin:
    """What the contract says of one answer, beside what the original shows; None says nothing."""

    status: int
    # The whole body.
    text: str | None = None
    # The body's `error`; the body holds nothing else and ends with a newline.
    error: str | None = None
    # How many rows all series of a JSON answer have.
    rows: int | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One case. `ours` has the parts in which trackgate's answers differ; `why` names the rule that lets them."""

    name: str
    step: Step
    pins: Sequence[Pin]
    ours: Mapping[str, Any]
    why: str | None
    variant: str
    # Both servers are asked in one second, which is a multiple of this one; 0 where that does not matter.
    clock: int


CASES: list[Case] = []


def case(name: str, step: Step, pins: Pin | Sequence[Pin], variant: str = "plain", clock: int = 0) -> None:
    """Declares a case."""
    if any(other.name == name for other in CASES):
        raise ValueError(f"{name}: declared twice")
    listed = [pins] if isinstance(pins, Pin) else list(pins)
    ours, why = DIFFERENCES.get(name, ({}, None))
    CASES.append(Case(name, step, listed, ours, why, variant, clock))
