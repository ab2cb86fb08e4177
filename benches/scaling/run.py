#!/usr/bin/env python3
"""Requests per second and bytes per client by number of clients, as a table and a plot.

    benches/scaling/run.py --caption "2 virtual CPUs (AMD EPYC), rustc 1.95.0, 2026-11-21"

It runs benches/scenarios/million.yaml, one thread, with work scaled so that pods stay 70 % busy at any size. A request costs
the difference in processor time (user and system) between a short and a long run, divided by that in requests: what start,
clients and reports take cancels out. The least of some repetitions counts, in turn. A client takes the difference in peak
memory between the long run and the same one with a single client. Writes scaling.csv beside this file and
docs/images/performance-scaling.svg. Needs cargo, Linux, 1 GiB of memory and about two minutes.
"""

import argparse
import csv
import ctypes
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, List, NamedTuple, Tuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TABLE = HERE / "scaling.csv"
PLOT = ROOT / "docs" / "images" / "performance-scaling.svg"
SIZES = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
EVERY_S = 18  # mean time between two requests of a client
SETTLED_S = 3 * EVERY_S  # 95 % of the clients have sent something by then
REQUESTS = 4_000_000  # by which the long run is longer, at least
WORK_OF_A_MILLION_NS = 252_000  # 20 pods that are 70 % busy


class Failure(Exception):
    """A sentence for the person who runs this."""


class Run(NamedTuple):
    requests: int
    cpu_s: float
    peak_kib: int


class Point(NamedTuple):
    clients: int
    requests: int
    cpu_s: float
    peak_kib: int
    one_client_kib: int

    def per_second(self) -> float:
        return self.requests / self.cpu_s

    def bytes_per_client(self) -> float:
        return (self.peak_kib - self.one_client_kib) * 1024 / self.clients


# ----------------------------------------------------------------------------------------------------------- measuring

def built_program() -> Path:
    try:
        subprocess.run(["cargo", "build", "--release", "--bin", "stickysim"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
        metadata = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    except FileNotFoundError:
        raise Failure("There is no cargo here; install Rust first.")
    except subprocess.CalledProcessError as error:
        raise Failure(f"cargo failed with exit code {error.returncode}; it said why above.")
    return Path(json.loads(metadata.stdout)["target_directory"]) / "release" / "stickysim"


def without_huge_pages() -> None:
    """Runs in the child: with huge pages the peak would depend on how a machine is set up."""
    set_thp_disable = 41
    ctypes.CDLL(None).prctl(set_thp_disable, 1, 0, 0, 0)


def run(program: Path, clients: int, load: int, duration_s: int, folder: Path) -> Run:
    """`clients` clients with the work per request of `load` clients."""
    settings = {"clients.count": clients, "duration": f"{duration_s}s", "sample_every": f"{duration_s * 1000 // 240}ms",
                "pods.costs.request": "0s",
                "traffic.0.api.work": f"{{exp: {WORK_OF_A_MILLION_NS * 1_000_000 // load}ns}}"}
    command = [str(program), "run", str(HERE.parent / "scenarios" / "million.yaml"), "--threads", "1", "--quiet",
               "--out", str(folder)]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=without_huge_pages)
    peak_kib = 0
    while True:
        # rusage would know no peak below this program's own, which the child started from
        peak_kib = max(peak_kib, peak_so_far_kib(child.pid))
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.005)
    if status != 0:
        raise Failure(f"stickysim failed with status {status}: {' '.join(command)}")
    variant = json.loads((folder / "summary.json").read_text())["study"]["variants"][0]
    return Run(variant["counts"]["requests"], usage.ru_utime + usage.ru_stime, peak_kib)


def peak_so_far_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def measure(program: Path, clients: int, repeat: int, folder: Path) -> Point:
    long_s = SETTLED_S + max(2 * EVERY_S, REQUESTS * EVERY_S // clients)
    short, long = [], []
    for _ in range(repeat):
        short.append(run(program, clients, clients, SETTLED_S, folder))
        long.append(run(program, clients, clients, long_s, folder))
    one = run(program, 1, clients, long_s, folder)
    cpu_s = min(r.cpu_s for r in long) - min(r.cpu_s for r in short)
    if cpu_s <= 0:
        raise Failure(f"At {clients:,} clients the long run took no longer than the short one; is the machine busy?")
    return Point(clients, long[0].requests - short[0].requests, cpu_s, long[0].peak_kib, one.peak_kib)


# ------------------------------------------------------------------------------------------------------------- drawing

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 14px }
  .caption { font-size: 11px; fill: #666 } .back { fill: #fff } .grid { stroke: #ddd } .axis { stroke: #888 }
  .line { fill: none; stroke: #0969b8; stroke-width: 2 } .dot { fill: #0969b8 } .value { fill: #0969b8; font-size: 12px }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .caption { fill: #999 } .back { fill: #16191d } .grid { stroke: #33383e } .axis { stroke: #777 }
    .line { stroke: #58a6ff } .dot, .value { fill: #58a6ff } }
"""
PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP, GAP = 340, 230, 62, 46, 84
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def panel(left: int, title: str, points: List[Tuple[int, float, str]], ticks: List[Tuple[float, str]],
          height_of: Callable[[float], float]) -> List[str]:
    """One plot over the number of clients; `height_of` puts a value between 0, the bottom, and 1."""
    first, last = math.log10(points[0][0]) - 0.25, math.log10(points[-1][0]) + 0.25
    x = lambda clients: left + PANEL_WIDTH * (math.log10(clients) - first) / (last - first)
    y = lambda value: TOP + PANEL_HEIGHT * (1 - height_of(value))
    bottom = TOP + PANEL_HEIGHT
    parts = [f'<text class="title" x="{left}" y="{TOP - 18}">{title}</text>']
    for value, label in ticks:
        parts.append(f'<path class="grid" d="M{left} {y(value):.1f}h{PANEL_WIDTH}"/>'
                     f'<text text-anchor="end" x="{left - 8}" y="{y(value) + 4:.1f}">{label}</text>')
    for clients, _, _ in points:
        power = str(round(math.log10(clients))).translate(SUPERSCRIPT)
        parts.append(f'<path class="axis" d="M{x(clients):.1f} {bottom}v5"/>'
                     f'<text text-anchor="middle" x="{x(clients):.1f}" y="{bottom + 20}">10{power}</text>')
    parts.append(f'<path class="axis" d="M{left} {bottom}h{PANEL_WIDTH}"/>')
    parts.append(f'<text text-anchor="middle" x="{left + PANEL_WIDTH / 2}" y="{bottom + 40}">clients</text>')
    parts.append('<polyline class="line" points="' + " ".join(f"{x(c):.1f},{y(v):.1f}" for c, v, _ in points) + '"/>')
    for clients, value, label in points:
        parts.append(f'<circle class="dot" cx="{x(clients):.1f}" cy="{y(value):.1f}" r="4"/>'
                     f'<text class="value" text-anchor="middle" x="{x(clients):.1f}" y="{y(value) - 10:.1f}">{label}</text>')
    return parts


def plot(points: List[Point], caption: str) -> str:
    millions = lambda rate: f"{rate / 1e6:.1f} M"
    speeds = [(p.clients, p.per_second(), millions(p.per_second())) for p in points]
    sizes = [(p.clients, p.bytes_per_client(), f"{p.bytes_per_client():,.0f}") for p in points]
    top = math.ceil(max(rate for _, rate, _ in speeds) * 1.15 / 1e6)
    step = 1 if top <= 8 else 2
    rates = [(million * 1e6, f"{million} M" if million else "0") for million in range(0, top + 1, step)]
    low = 10 ** math.floor(math.log10(min(size for _, size, _ in sizes)))
    decades = max(1, math.ceil(math.log10(max(size for _, size, _ in sizes) * 1.3 / low)))
    powers = [(low * 10**i, f"{low * 10**i:,}") for i in range(decades + 1)]
    width, height = LEFT + 2 * PANEL_WIDTH + GAP + 20, TOP + PANEL_HEIGHT + 74
    note = caption.replace("&", "&amp;").replace("<", "&lt;")
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
             'role="img" aria-label="Requests per second and bytes per client by number of clients">',
             f"<style>{STYLE}</style>", f'<rect class="back" width="{width}" height="{height}"/>',
             *panel(LEFT, "Requests per second of processor time", speeds, rates, lambda rate: rate / top / 1e6),
             *panel(LEFT + PANEL_WIDTH + GAP, "Bytes of memory per client", sizes, powers,
                    lambda size: math.log10(size / low) / decades),
             f'<text class="caption" x="{LEFT}" y="{height - 12}">{note}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


# ---------------------------------------------------------------------------------------------------------------- main

def write_table(points: List[Point]) -> None:
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["clients", "requests", "cpu_s", "requests_per_s", "ns_per_request", "peak_kib", "one_client_kib",
                         "bytes_per_client"])
        for p in points:
            writer.writerow([p.clients, p.requests, f"{p.cpu_s:.3f}", round(p.per_second()), round(1e9 / p.per_second()),
                             p.peak_kib, p.one_client_kib, round(p.bytes_per_client())])


def read_table() -> List[Point]:
    try:
        with TABLE.open(newline="") as file:
            return [Point(int(row["clients"]), int(row["requests"]), float(row["cpu_s"]), int(row["peak_kib"]),
                          int(row["one_client_kib"])) for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise Failure(f"There is no {TABLE.relative_to(ROOT)} to draw; run without --draw first.")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--caption", default="", help="machine, compiler and date, to stand below the plot")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each length (default 3)")
    parser.add_argument("--draw", action="store_true", help="draws the table that is there; measures nothing")
    options = parser.parse_args()
    if options.repeat < 1:
        parser.error("--repeat must be at least 1")
    if not sys.platform.startswith("linux"):
        print("run.py: the peak of memory is read from /proc, which Linux alone has.", file=sys.stderr)
        return 2
    try:
        points = read_table() if options.draw else []
        if not options.draw:
            program = built_program()
            with tempfile.TemporaryDirectory(prefix="stickysim-") as folder:
                for clients in SIZES:
                    point = measure(program, clients, options.repeat, Path(folder))
                    points.append(point)
                    print(f"{clients:>10,} clients: {point.per_second() / 1e6:.2f} M requests/s, "
                          f"{point.bytes_per_client():,.0f} bytes per client, {point.peak_kib / 1024:.1f} MiB", flush=True)
            write_table(points)
        PLOT.write_text(plot(points, options.caption), encoding="utf-8")
    except Failure as failure:
        print(f"run.py: {failure}", file=sys.stderr)
        return 2
    print(f"wrote {TABLE.relative_to(ROOT)} and {PLOT.relative_to(ROOT)}" if not options.draw
          else f"wrote {PLOT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
