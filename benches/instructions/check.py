#!/usr/bin/env python3
"""Instructions of three fixed scenarios, and the peak memory of a million clients, against committed values.

    benches/instructions/check.py             compares; exit code 1 when something moved by more than 3 %
    UPDATE=1 benches/instructions/check.py    writes what it measured to expected.txt

Instructions are those inside `cluster::simulate`, counted by callgrind: start, reading and reports do not count. They do not
depend on what else the machine does, but they do on the compiler, so with another one than expected.txt names the
differences are printed and nothing fails but the limit of memory.
"""

import ctypes
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
EXPECTED = HERE / "expected.txt"
COUNTED = "*cluster*simulate*"  # holds for both ways in which Rust mangles names
MEMORY = "million"
# The scenario, and the way in which it is run: as it stands, or each of its variants.
SCENARIOS = {"requests": "run", "sockets": "run", "balancers": "compare"}
TOLERANCE = 0.03
MEMORY_LIMIT_KIB = 100 << 10  # the goal for a million clients, whatever the compiler
HEADER = """\
# What benches/instructions/check.py expects, plus or minus 3 %: instructions of the simulation (callgrind) and KiB of peak
# memory. It is written by UPDATE=1 benches/instructions/check.py, in the commit that moves a value and says why.
"""


class Failure(Exception):
    """A sentence for the person who runs this."""


class Row(NamedTuple):
    name: str
    unit: str
    expected: int
    now: int

    def difference(self) -> float:
        return self.now / self.expected - 1 if self.expected else 0.0


def output_of(command: List[object], what: str) -> str:
    """Runs a command to its end and gives what it printed."""
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Failure(f"{what} failed with exit code {done.returncode}: {' '.join(command)}\n{done.stdout}")
    return done.stdout


def built_program() -> Path:
    output_of(["cargo", "build", "--release", "--bin", "stickysim"], "Building stickysim")
    metadata = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return Path(json.loads(metadata.stdout)["target_directory"]) / "release" / "stickysim"


def compiler() -> str:
    """What the instructions depend on, apart from the sources: `rustc 1.95.0 x86_64-unknown-linux-gnu`."""
    said = output_of(["rustc", "-vV"], "Asking rustc for its version")
    version, host = (re.search(rf"^{key}: (\S+)$", said, re.M) for key in ("release", "host"))
    if version is None or host is None:
        raise Failure(f"rustc -vV names no release or no host:\n{said}")
    return f"rustc {version[1]} {host[1]}"


# ----------------------------------------------------------------------------------------------------------- measuring

def instructions(program: Path, name: str, scratch: Path) -> int:
    counts = scratch / f"{name}.callgrind"
    output_of(["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", f"--toggle-collect={COUNTED}",
               program, SCENARIOS[name], HERE / f"{name}.yaml", "--threads", "1", "--quiet", "--out", scratch / name],
              f"Counting the instructions of {name}")
    found = re.findall(r"^(?:summary|totals): (\d+)", counts.read_text(), re.M)
    if not found or int(found[-1]) == 0:
        raise Failure(f"No function matches {COUNTED} in {name}: was `simulate` renamed, or inlined into its caller?")
    return int(found[-1])


def without_huge_pages() -> None:
    """Runs in the child: with huge pages the peak would depend on how a machine is set up."""
    set_thp_disable = 41
    ctypes.CDLL(None).prctl(set_thp_disable, 1, 0, 0, 0)


def peak_memory_kib(program: Path, scratch: Path) -> int:
    """Of the million scenario cut to one minute: its memory does not grow with time, but for 2 % of statistics."""
    command = [str(program), "run", str(HERE.parent / "scenarios" / "million.yaml"), "--set", "duration=60s",
               "--threads", "1", "--quiet", "--out", str(scratch / MEMORY)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=without_huge_pages)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise Failure(f"The run of a million clients failed with status {status}: {' '.join(command)}")
    return usage.ru_maxrss


def measure() -> Dict[str, Tuple[str, int]]:
    """What was measured by name, with its unit."""
    for tool in ("cargo", "valgrind"):
        if shutil.which(tool) is None:
            raise Failure(f"There is no {tool} here; install it first.")
    program = built_program()
    os.environ["GLIBC_TUNABLES"] = ""  # else it starts again to ask for huge pages, and callgrind does not follow
    with tempfile.TemporaryDirectory(prefix="stickysim-") as folder:
        scratch = Path(folder)
        found = {name: ("instructions", instructions(program, name, scratch)) for name in SCENARIOS}
        found[MEMORY] = ("KiB", peak_memory_kib(program, scratch))
    return found


# ----------------------------------------------------------------------------------------------------------- comparing

def read_expected() -> Tuple[str, Dict[str, int]]:
    """The compiler, and the value of each name."""
    made_with, values = "", {}
    for line in EXPECTED.read_text().splitlines():
        words = line.split()
        if line.startswith("#") or not words:
            continue
        if words[0] == "compiler":
            made_with = " ".join(words[1:])
        else:
            values[words[0]] = int(words[1])
    return made_with, values


def write_expected(found: Dict[str, Tuple[str, int]]) -> None:
    lines = [f"{'compiler':<10} {compiler()}"]
    lines += [f"{name:<10} {value:>12} {unit}" for name, (unit, value) in found.items()]
    EXPECTED.write_text(HEADER + "\n".join(lines) + "\n")
    print(f"wrote {EXPECTED.relative_to(ROOT)}:\n" + "\n".join(lines))


def table(rows: List[Row]) -> str:
    lines = [f"{'scenario':<10} {'unit':<12} {'expected':>13} {'now':>13} {'difference':>11}"]
    for row in rows:
        verdict = "ok" if abs(row.difference()) <= TOLERANCE else "FAILED"
        lines.append(f"{row.name:<10} {row.unit:<12} {row.expected:>13,} {row.now:>13,} {row.difference():>+10.2%}  {verdict}")
    return "\n".join(lines)


def compare(found: Dict[str, Tuple[str, int]]) -> bool:
    made_with, expected = read_expected()
    if expected.keys() != found.keys():
        raise Failure(f"{EXPECTED.name} names {', '.join(expected)}, and {', '.join(found)} were measured. {how_to_update()}")
    rows = [Row(name, unit, expected[name], value) for name, (unit, value) in found.items()]
    print(table(rows))
    moved = [row.name for row in rows if abs(row.difference()) > TOLERANCE]
    here = compiler()
    fine = True
    if moved and made_with != here:
        print(f"\nThe expected values are of {made_with}, and this is {here}: the differences are shown, and not held "
              "against anything.")
    elif moved:
        print(f"\nMoved by more than {TOLERANCE:.0%}: {', '.join(moved)}. {how_to_update()}")
        fine = False
    peak = found[MEMORY][1]
    if peak > MEMORY_LIMIT_KIB:
        print(f"\nA million clients take {peak / 1024:.1f} MiB at their peak; the goal is {MEMORY_LIMIT_KIB >> 10} MiB for "
              "an hour of benches/scenarios/million.yaml, of which this was the first minute.")
        fine = False
    return fine


def how_to_update() -> str:
    return (f"If that is meant, run UPDATE=1 {Path(__file__).resolve().relative_to(ROOT)} and commit expected.txt together "
            "with the change and a word on why.")


def main() -> int:
    if platform.system() != "Linux":
        print("check.py: valgrind and the peak of memory are measured on Linux only.", file=sys.stderr)
        return 2
    try:
        found = measure()
        if os.environ.get("UPDATE") == "1":
            write_expected(found)
            return 0
        if not EXPECTED.exists():
            raise Failure(f"There is no {EXPECTED.relative_to(ROOT)}. {how_to_update()}")
        return 0 if compare(found) else 1
    except Failure as failure:
        print(f"check.py: {failure}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
