"""A session of 1 s at 1920x1080, end to end: files, events, missed frames, drift.

`python -m benchmarks.session [--frames 300]`; 300 frames take five minutes.
"""

import argparse
from statistics import median

from benchmarks.parts.stack import running

WINDOW = 10  # frames at either end whose median lateness is compared


def main() -> None:
    """Run the session and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300, help="how many, a second apart")
    frames = parser.parse_args().frames
    with running() as stack:
        stack.send("session/start", interval=1, count=frames)
        stack.wait_for(
            lambda heard: any(topic.endswith("event/session_stopped") for topic, _ in heard),
            limit=frames + 30,
        )
        stored = stack.events("capture_stored")
        stopped = stack.events("session_stopped")[0]
        files = list((stack.root / "opt/cinepi/captures").glob("cinepi_*.jpg"))
    numbers = [int(str(event["seq"])) for event in stored]
    late = [float(str(event["late_ms"])) for event in stored]
    drift = median(late[-WINDOW:]) - median(late[:WINDOW])
    print(f"frames asked for        {frames}")
    print(f"files                   {len(files)}")
    print(f"capture_stored events   {len(stored)}, in seq order: {numbers == sorted(set(numbers))}")
    print(f"missed                  {stopped['missed']}")
    print(f"lateness                median {median(late):.2f} ms, worst {max(late):.2f} ms")
    print(f"drift, first to last    {drift:+.2f} ms")


if __name__ == "__main__":
    main()
