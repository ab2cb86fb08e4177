#!/usr/bin/env python3
"""Runs stickysim and its peers in turn on the same workloads, and prints how many times as fast it is.

    benches/peers/run.py                                    # everything, three times; six to fifteen minutes
    benches/peers/run.py --only simpy,simcore --repeat 5
    benches/peers/run.py --scratch DIR                      # keeps what was installed and built for the next time

Needs cargo, Python, and a network for the first time. README.md beside this file says what is compared and how.
Exit code: 0 when every goal is met, 1 when one is missed or a result contradicts theory, 2 when something is missing.
"""

import argparse
import json
import math
import os
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# ---------------------------------------------------------------------------------------------------- what is compared

Workload = namedtuple("Workload", "title unit load service_s")
BALANCER = Workload("load balancer, 100,000 clients", "requests", 0.7, 2.52e-3)
MM1 = Workload("M/M/1, load 0.8", "customers", 0.8, 1.0)

# Round trips of the workload: log-normal with this median and 95th percentile.
RTT_MEDIAN_S, RTT_P95_S, Z95 = 25e-3, 67e-3, 1.6448536269514722

# kind:     "python" programs run in an environment of their own, "rust" programs are built from a folder
# argument: what the program gets: simulated seconds (load balancer) or customers (M/M/1)
# needs:    for "python" the oldest Python it runs on
Peer = namedtuple("Peer", "key title version workload goal kind program argument packages needs")
PEERS = [
    Peer("asyncflow", "AsyncFlow", "0.1.1", BALANCER, 500, "python", "asyncflow_lb.py", 20,
         ["asyncflow-sim==0.1.1", "simpy==4.1.2", "numpy==2.5.5"], (3, 12)),
    Peer("simpy", "SimPy", "4.1.2", BALANCER, 200, "python", "simpy_lb.py", 120, ["simpy==4.1.2"], (3, 8)),
    Peer("nexosim", "NeXosim", "1.0.0", BALANCER, 10, "rust", "load_balancer", 360, None, None),
    Peer("simcore", "simcore", "0.1.0", BALANCER, 10, "rust", "load_balancer", 360, None, None),
    Peer("simcore", "simcore", "0.1.0", MM1, 2, "rust", "mm1", 10_000_000, None, None),
    Peer("happysim", "Happy Simulator", "0.2.5", MM1, 300, "python", "happy_mm1.py", 200_000,
         ["happysim==0.2.5"], (3, 13)),
]

# One run of one side. `process_s` is the whole process, `simulation_s` what the program itself calls its simulation.
Run = namedtuple("Run", "count process_s simulation_s mean_s peak_mib")


class Missing(Exception):
    """Something that the comparison needs is not there; the text says what to do."""


# ------------------------------------------------------------------------------------------------------------- running

def call(command, what, **options):
    """Runs a command to its end; on failure, says what was tried and what it answered."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, **options)
    except OSError as error:
        raise Missing(f"{what} failed: {command[0]}: {error.strerror}.") from error
    if done.returncode != 0:
        last = "\n  ".join(done.stdout.strip().splitlines()[-8:])
        raise Missing(f"{what} failed:\n  {last}")


def timed(command, folder):
    """Runs a command; its output, its wall time and its peak memory."""
    with open(folder / "stdout", "w+b") as out, open(folder / "stderr", "w+b") as err:
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output, errors = out.read().decode(), err.read().decode()
    if process.returncode != 0:
        last = "\n  ".join((errors or output).strip().splitlines()[-8:])
        raise Missing(f"{Path(command[0]).name} ended with {process.returncode}:\n  {last}")
    return output, process_s, peak_mib(usage)


def peak_mib(usage):
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**20


def run_peer(peer, scratch):
    if peer.kind == "rust":
        command = [scratch / f"build-{peer.key}" / "release" / peer.program]
    else:
        command = [environment(peer, scratch) / "bin" / "python", HERE / peer.program]
    output, process_s, peak = timed([*command, peer.argument], scratch)
    result = json.loads(output)
    return Run(result["count"], process_s, result["seconds"], result["mean"], peak)


def run_stickysim(workload, target, scratch, balancer_duration):
    if workload is MM1:
        output, process_s, peak = timed([target / "release" / "examples" / "mm1", 10_000_000], scratch)
        number = lambda pattern: float(re.search(pattern, output)[1])
        return Run(int(number(r"customers +(\d+)")), process_s, number(r"wall time +([\d.]+) s"),
                   number(r"mean sojourn +([\d.]+) s"), peak)
    reports = scratch / "reports"
    command = [target / "release" / "stickysim", "run", HERE / "cluster.yaml", "--quiet", "--out", reports,
               "--set", f"duration={balancer_duration}"]
    _, process_s, peak = timed(command, scratch)
    variant = json.loads((reports / "summary.json").read_text())["study"]["variants"][0]
    means = [f["value"]["mean"] for f in variant["figures"] if f["id"] == "request.latency.mean"]
    # What is left of the latency without the network is the time in the pod.
    return Run(variant["counts"]["requests_answered"], process_s, None, means[0] / 1e3 - mean_rtt_s(), peak)


def mean_rtt_s():
    return RTT_MEDIAN_S * math.exp((math.log(RTT_P95_S / RTT_MEDIAN_S) / Z95) ** 2 / 2)


# ---------------------------------------------------------------------------------------------------------- installing

def environment(peer, scratch):
    return scratch / f"venv-{peer.key}"


def python_for(peer, wanted):
    """A Python that is new enough for this peer."""
    names = ["python3"] + [f"python3.{minor}" for minor in range(peer.needs[1], 20)]
    for candidate in [wanted] if wanted else [sys.executable, *filter(None, map(shutil.which, names))]:
        try:
            asked = subprocess.run([candidate, "-c", "import sys; print(*sys.version_info[:2])"],
                                   capture_output=True, text=True, stdin=subprocess.DEVNULL)
        except OSError:
            continue
        if asked.returncode == 0 and tuple(map(int, asked.stdout.split())) >= peer.needs:
            return candidate
    at_least = ".".join(map(str, peer.needs))
    where = f"{wanted} is not one" if wanted else "none was found; name one with --python"
    raise Missing(f"{peer.title} needs Python {at_least} or newer: {where}.")


def install(peer, scratch, wanted_python):
    """Brings a peer into the scratch folder, unless it is there already."""
    if peer.kind == "rust":
        manifest = HERE / peer.key / "Cargo.toml"
        build = scratch / f"build-{peer.key}"
        call(["cargo", "build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", build],
             f"Building {peer.title} {peer.version} (is there a network?)", cwd=scratch)
        return
    place = environment(peer, scratch)
    marker = place / "installed"
    if marker.exists() and marker.read_text().split() == peer.packages:
        return
    shutil.rmtree(place, ignore_errors=True)
    call([python_for(peer, wanted_python), "-m", "venv", place], "Making a Python environment (is venv installed?)")
    call([place / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages],
         f"Installing {peer.title} {peer.version} with pip (is there a network?)")
    marker.write_text("\n".join(peer.packages) + "\n")


def build_stickysim(scratch):
    """The folder with the release build of this repository."""
    call(["cargo", "build", "--release", "--bin", "stickysim", "--example", "mm1"], "Building stickysim", cwd=ROOT)
    metadata = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return Path(json.loads(metadata.stdout)["target_directory"])


# ------------------------------------------------------------------------------------------------------------- results

def theory(workload, count):
    """Mean time at the station in M/M/1, and how far `count` neighbours who wait together may be from it."""
    load, idle = workload.load, 1 - workload.load
    variance = load * (2 + load * (5 - load * (4 - load))) / idle**4 + 1 + 2 * load * (2 - load) / idle**2
    # 2 % on top: clients that wait for their response send a little less, and cookies do not spread evenly
    mean = workload.service_s / idle
    return mean, 4 * workload.service_s * math.sqrt(variance / count) + 0.02 * mean


def rate(run):
    return run.count / run.process_s


def spread(values):
    middle = quantity(statistics.median(values))
    return f"{middle} [{quantity(min(values))} - {quantity(max(values))}]" if len(values) > 1 else middle


def quantity(number):
    if number >= 1e6:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.1f} k" if number >= 1e3 else f"{number:.0f}"


def table(rows, right):
    """A Markdown table; `right` names the columns of numbers."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    line = lambda cells: "| " + " | ".join(
        cell.rjust(w) if name in right else cell.ljust(w) for cell, w, name in zip(cells, widths, rows[0])) + " |"
    rule = "|" + "|".join("-" * (w + 1) + (":" if name in right else "-") for w, name in zip(widths, rows[0])) + "|"
    return "\n".join([line(rows[0]), rule, *map(line, rows[1:])])


def speeds(results):
    rows = [["Workload", "Peer", "peer, per s", "stickysim, per s", "ratio", "goal", "met"]]
    for peer, theirs, ours in results:
        their, our = [rate(run) for run in theirs], [rate(run) for run in ours]
        ratio = statistics.median(our) / statistics.median(their)
        rows.append([peer.workload.title, f"{peer.title} {peer.version}", spread(their), spread(our),
                     f"{ratio:,.1f}", f"{peer.goal}", "yes" if ratio >= peer.goal else "no"])
    return table(rows, ["peer, per s", "stickysim, per s", "ratio", "goal"]), all(row[-1] == "yes" for row in rows[1:])


def checks(results):
    rows = [["Workload", "Program", "count", "mean time at station", "theory", "agrees", "start and reports",
             "strict ratio", "peak memory"]]
    for workload in dict.fromkeys(peer.workload for peer, _, _ in results):
        for peer, theirs, ours in (result for result in results if result[0].workload is workload):
            # the peer's simulation alone against the whole process of stickysim
            inner = statistics.median(run.count / run.simulation_s for run in theirs)
            strict = f"{statistics.median(map(rate, ours)) / inner:,.1f}"
            rows.append(check(workload, f"{peer.title} {peer.version}", theirs[-1], strict))
        rows.append(check(workload, "stickysim", ours[-1], ""))
    right = ["count", "mean time at station", "theory", "start and reports", "strict ratio", "peak memory"]
    return table(rows, right), all(row[5] != "no" for row in rows[1:])


def check(workload, name, run, strict):
    mean, bound = theory(workload, run.count)
    if name.startswith("AsyncFlow"):
        # Another model: with constant work and round robin hardly anybody waits. What is left is the noise of the network,
        # two exponential ways.
        mean = workload.service_s
        bound = 4 * mean_rtt_s() / math.sqrt(2 * run.count) + 0.02 * mean
    agrees = "yes" if abs(run.mean_s - mean) <= bound else "no"
    shown = (lambda s: f"{s * 1e3:.3f} ms") if mean < 0.1 else (lambda s: f"{s:.3f} s")
    outside = "" if run.simulation_s is None else f"{run.process_s - run.simulation_s:.2f} s"
    # A process starts as a copy of this one, so no smaller peak can be seen.
    own = peak_mib(resource.getrusage(resource.RUSAGE_SELF))
    peak = f"{run.peak_mib:.0f} MiB" if run.peak_mib > own else f"below {own:.0f} MiB"
    return [workload.title, name, quantity(run.count), shown(run.mean_s), f"{shown(mean)} ± {shown(bound)}", agrees,
            outside, strict, peak]


def machine():
    model = platform.processor() or platform.machine()
    try:
        names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
        model = names[0] if names else model
    except OSError:
        pass
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True).stdout.split()[:2]
    return f"{os.cpu_count()} CPUs ({model}), {platform.system()}, {' '.join(rustc)}, {time.strftime('%Y-%m-%d')}"


# ---------------------------------------------------------------------------------------------------------------- main

def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="PEER,…", help="these peers only: " + ", ".join(dict.fromkeys(p.key for p in PEERS)))
    parser.add_argument("--repeat", metavar="N", type=int, default=3, help="runs of each side, in turn (default 3)")
    parser.add_argument("--scratch", metavar="DIR", type=Path,
                        help="where peers are installed and built; kept. Otherwise a folder that is removed at the end")
    parser.add_argument("--python", metavar="PROGRAM", help="the Python for peers that are written in it")
    parser.add_argument("--duration", default="1h", help="simulated time of stickysim's load balancer (default 1h)")
    options = parser.parse_args()
    known = {peer.key for peer in PEERS}
    wanted = set(options.only.split(",")) if options.only else known
    if wanted - known:
        parser.error(f"unknown peer: {', '.join(sorted(wanted - known))}; there are {', '.join(sorted(known))}")
    if options.repeat < 1:
        parser.error("--repeat must be at least 1")
    options.peers = [peer for peer in PEERS if peer.key in wanted]
    return options


def compare(options, scratch):
    say = lambda text: print(text, file=sys.stderr, flush=True)
    if shutil.which("cargo") is None:
        raise Missing("There is no cargo here; install Rust first.")
    for peer in {peer.key: peer for peer in options.peers}.values():
        say(f"installing {peer.title} {peer.version}")
        install(peer, scratch, options.python)
    say("building stickysim")
    target = build_stickysim(scratch)
    results = []
    for peer in options.peers:
        theirs, ours = [], []
        for turn in range(options.repeat):
            theirs.append(run_peer(peer, scratch))
            ours.append(run_stickysim(peer.workload, target, scratch, options.duration))
            say(f"{peer.workload.title}, {turn + 1} of {options.repeat}: {peer.title} {quantity(rate(theirs[-1]))}, "
                f"stickysim {quantity(rate(ours[-1]))} {peer.workload.unit}/s")
        results.append((peer, theirs, ours))
    (fast, met), (right, agree) = speeds(results), checks(results)
    print(f"{machine()}; median [range] of {options.repeat} runs of each side in turn; whole processes\n\n{fast}\n\n{right}")
    return met and agree


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the folder is removed then, too
    kept = options.scratch is not None
    scratch = options.scratch.resolve() if kept else Path(tempfile.mkdtemp(prefix="stickysim-peers-"))
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        return 0 if compare(options, scratch) else 1
    except Missing as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"run.py: {error.filename or scratch}: {error.strerror}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("run.py: interrupted.", file=sys.stderr)
        return 130
    finally:
        if not kept:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
