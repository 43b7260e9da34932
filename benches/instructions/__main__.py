"""Counts the instructions of the parts of a request's path and compares them; see README.md."""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
COUNTS = HERE / "counts.json"

# Functions of the binary, which valgrind wants to be two: in the first it counts, behind the second it writes a file.
COUNTED, WRITTEN = "*counted_part*", "*written_part*"

# How often the binary runs each part.
CALLS = 100

# How often valgrind runs the binary.
RUNS = 3

# So much more fails, so much less is told.
TOLERANCE = 0.03


def main() -> int:
    arguments = argparse.ArgumentParser(prog="benches/instructions/run")
    arguments.add_argument("--binary", type=Path, required=True, metavar="FILE", help="what .ci/walk built")
    arguments.add_argument("--update", action="store_true", help="write counts.json anew")
    arguments.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what valgrind wrote there")
    given = arguments.parse_args()
    with ThreadPoolExecutor(2) as pool:
        # What chance has a say in comes out by the median.
        runs = [pool.submit(counted, given.binary, given.keep)]
        runs += [pool.submit(counted, given.binary, None) for _ in range(RUNS - 1)]
        all_counts = [run.result() for run in runs]
    here = {name: round(median(counts[name] for counts in all_counts)) for name in all_counts[0]}
    made_with = maker()
    if given.update:
        COUNTS.write_text(json.dumps({"made with": made_with, "instructions": here}, indent=2) + "\n")
        print(f"instructions: {len(here)} parts are written to {COUNTS.name}")
        return 0
    committed = json.loads(COUNTS.read_text())
    if committed["made with"]["machine"] != made_with["machine"]:
        print(f"instructions: not compared, for {COUNTS.name} is of another kind of machine")
        return 0
    return compared(committed["instructions"], here, other_makers(committed["made with"], made_with))


def counted(binary: Path, keep: Path | None) -> dict[str, int]:
    """Instructions of one call of each part, by its name."""
    with TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("callgrind.out*"):
            old.unlink()
        done = subprocess.run(
            [
                "valgrind", "--tool=callgrind", "--compress-strings=no", f"--toggle-collect={COUNTED}", f"--dump-after={WRITTEN}",
                f"--callgrind-out-file={folder}/callgrind.out", str(binary.resolve()),
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600,
        )
        if done.returncode != 0:
            sys.exit(f"instructions: valgrind ended with code {done.returncode}\n{done.stderr}")
        names = done.stdout.splitlines()
        totals = [total(folder / f"callgrind.out.{n}") for n in range(1, len(names) + 1)]
        if len(set(names)) != len(names) or (folder / f"callgrind.out.{len(names) + 1}").exists():
            sys.exit(f"instructions: valgrind did not write one file for each of {len(names)} parts")
    # What running a part takes that does nothing.
    nothing, *rest = totals
    return {name: round((total - nothing) / CALLS) for name, total in zip(names[1:], rest, strict=True)}


def total(file: Path) -> int:
    found = re.search(r"^totals: (\d+)$", file.read_text(), re.M)
    if found is None or int(found[1]) == 0:
        sys.exit(f"instructions: {file.name} has no total")
    return int(found[1])


def maker() -> dict[str, str]:
    """What the counts depend on beside the code."""
    rustc = subprocess.run(["rustc", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return {"machine": platform.machine(), "rustc": rustc, "libc": " ".join(platform.libc_ver())}


def other_makers(committed: Mapping[str, str], here: Mapping[str, str]) -> Iterator[str]:
    for what, made in committed.items():
        if here[what] != made:
            yield f"the counts are of {made}, here is {here[what]}"


def compared(committed: Mapping[str, int], here: Mapping[str, int], others: Iterator[str]) -> int:
    worse = better = 0
    print("committed     here  change  part")
    for name in {**committed, **here}:
        before, now = committed.get(name), here.get(name)
        if before is None or now is None:
            worse += 1
            print(f"{before or '-':>9} {now or '-':>8}       -  {name}  {'NEW' if before is None else 'GONE'}")
            continue
        change = now / before - 1
        word = "MORE" if change > TOLERANCE else "fewer" if change < -TOLERANCE else ""
        worse += change > TOLERANCE
        better += change < -TOLERANCE
        print(f"{before:9} {now:8} {change:+7.1%}  {name}  {word}".rstrip())
    for other in others:
        print(f"instructions: {other}")
    if better:
        print(f"instructions: {better} parts take over {TOLERANCE:.0%} fewer; --update writes that down")
    if worse:
        print(f"instructions: {worse} of {len(here)} parts take over {TOLERANCE:.0%} more or are not in {COUNTS.name}")
        print("instructions: if it must be so, benches/instructions/run --update and say why in the commit")
        return 1
    print(f"instructions: {len(here)} parts, none takes over {TOLERANCE:.0%} more")
    return 0


if __name__ == "__main__":
    sys.exit(main())
