"""Memory of both processes, idle after a session at 1920x1080: `python -m benchmarks.footprint`.

PSS: what the process has alone, plus its share of what it shares with others.
"""

import re
from collections import Counter
from pathlib import Path
from threading import Event

from benchmarks.parts.stack import running

SESSION_FRAMES = 10
SETTLING_S = 15.0  # the camera gives its memory back 10 s after the last picture

_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+\s*(.*)$")


def pss_kib(pid: int) -> Counter[str]:
    """The PSS of a process by what it is for."""
    use: Counter[str] = Counter()
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if mapping := _MAPPING.match(line):
            name = _purpose(mapping.group(1))
        elif line.startswith("Pss:"):
            use[name] += int(line.split()[1])
    return use


def _purpose(mapped: str) -> str:
    if not mapped or mapped.startswith(("[heap]", "[anon")):
        return "Python objects and buffers"
    library = re.search(r"(?:site|dist)-packages/([a-z_]+)", mapped)
    if library:
        return f"library {library.group(1)}"
    if "python3" in mapped or "/lib-dynload/" in mapped:
        return "Python itself"
    return "system libraries" if mapped.startswith("/") else "stack and kernel"


def main() -> None:
    """Take pictures, wait until everything is idle, and print a table."""
    with running() as stack:
        stack.send("session/start", interval=1, count=SESSION_FRAMES)
        stack.wait_for(
            lambda heard: any(topic.endswith("event/session_stopped") for topic, _ in heard),
            limit=SESSION_FRAMES + 30,
        )
        Event().wait(SETTLING_S)
        service, daemon = pss_kib(stack.service.pid), pss_kib(stack.daemon.pid)
    print(f"{'PSS in MiB':30} {'camera service':>15} {'daemon':>10}")
    for purpose, _ in (service + daemon).most_common():
        print(f"{purpose:30} {service[purpose] / 1024:15.1f} {daemon[purpose] / 1024:10.1f}")
    totals = service.total() / 1024, daemon.total() / 1024
    print(f"{'in all':30} {totals[0]:15.1f} {totals[1]:10.1f}   together {sum(totals):.1f} MiB")


if __name__ == "__main__":
    main()
