#!/usr/bin/env python3
"""Draws a flame graph from `perf script --fields ip,sym` on standard input: flame.py TITLE <stacks >plot.svg"""

import re
import sys
from html import escape
from typing import Dict, Iterable, List
from zlib import crc32

WIDTH, ROW, TOP, LEAST = 1200, 18, 56, 0.003
STYLE = ("text{font:12px system-ui,sans-serif;fill:#222}.title{font-size:16px;font-weight:600}"
         ".title,.note{fill:#333}rect{stroke:#fff;stroke-width:.5}.back{fill:#fff;stroke:none}"
         "@media(prefers-color-scheme:dark){.back{fill:#16191d}.title,.note{fill:#ddd}rect{stroke:#16191d}}")


class Frame:
    """A function in its callers, and the samples in it and below."""

    def __init__(self) -> None:
        self.samples = 0
        self.callees: Dict[str, "Frame"] = {}

    def depth(self, least: float) -> int:
        return 1 + max((f.depth(least) for f in self.callees.values() if f.samples >= least), default=0)


def short(name: str) -> str:
    """`<stickysim::a::b::C as d::E<f::G>>::h` → `C::h`: the last two names, without generics, hashes and `Cluster`."""
    name = re.sub(r"::h[0-9a-f]{16}$|\+0x[0-9a-f]+$", "", name)
    name = re.sub(r"<impl ([^<>]*)>", r"\1", name)
    name = re.sub(r"<([^<>]*(?:<[^<>]*>)?) as [^<>]*(?:<[^<>]*>)?>", r"\1", name)
    while re.search(r"(::)?<[^<>]*>", name):
        name = re.sub(r"(::)?<[^<>]*>", "", name)
    name = "::".join(name.replace("{{", "{").replace("}}", "}").split("::")[-2:])
    return name[len("Cluster::"):] if name.startswith("Cluster::") else name


def stacks(lines: Iterable[str]) -> Iterable[List[str]]:
    """From the innermost frame outwards, as perf prints them."""
    stack: List[str] = []
    for line in lines:
        words = line.split(maxsplit=1)
        if words:
            stack.append(words[1].strip() if len(words) > 1 else "[unknown]")
        elif stack:
            yield stack
            stack = []
    if stack:
        yield stack


def fold(lines: Iterable[str]) -> Frame:
    root = Frame()
    for stack in stacks(lines):
        names = list(reversed(stack))
        # what leads to the simulation is the same in every stack, and says nothing
        start = next((i for i, name in enumerate(names) if "cluster::simulate" in name), None)
        names = ["outside of the simulation"] if start is None else [short(name) for name in names[start:]]
        root.samples += 1
        frame = root
        for name in names:
            frame = frame.callees.setdefault(name, Frame())
            frame.samples += 1
    return root


def draw(frame: Frame, left: float, row: int, root: Frame, rows: int) -> Iterable[str]:
    for name, callee in sorted(frame.callees.items()):
        share = callee.samples / root.samples
        width = share * WIDTH
        if share >= LEAST:
            y = TOP + (rows - 1 - row) * ROW
            colour = f"hsl({18 + crc32(name.encode()) % 34},85%,{66 + crc32(name[::-1].encode()) % 12}%)"
            fits = int((width - 6) / 6.6)
            label = name if len(name) <= fits else name[:fits - 1] + "…"
            text = f'<text x="{left + 3:.1f}" y="{y + 13}">{escape(label)}</text>' if fits >= 3 else ""
            yield (f'<g><title>{escape(name)}: {share:.1%}</title><rect x="{left:.1f}" y="{y}" width="{width:.1f}" '
                   f'height="{ROW}" fill="{colour}"/>{text}</g>')
            yield from draw(callee, left, row + 1, root, rows)
        left += width


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = fold(sys.stdin)
    if not root.samples:
        print("flame.py: there are no stacks in the input; did perf record any?", file=sys.stderr)
        return 1
    rows = root.depth(LEAST * root.samples) - 1
    height = TOP + rows * ROW + 12
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
          f'<style>{STYLE}</style><rect class="back" width="{WIDTH}" height="{height}"/>'
          f'<text class="title" x="8" y="24">{escape(sys.argv[1])}</text><text class="note" x="8" y="44">{root.samples:,} '
          f'samples; width is processor time, callers below callees; what took less than {LEAST:.1%} is left out</text>')
    print("\n".join(draw(root, 0, 0, root, rows)))
    print("</svg>")
    return 0


if __name__ == "__main__":
    sys.exit(main())
