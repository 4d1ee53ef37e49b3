"""`python3 -m cinepi.camera`: the camera's state and settings, and single pictures."""

import argparse
import sys
from typing import Any

from cinepi import cli
from cinepi.entry import FAILED
from cinepi.errors import InvalidArgumentError
from cinepi.paths import Layout
from cinepi.units import Seconds

_LIMIT: Seconds = 9.0
"""For a whole command: callers are promised an answer within 10 s …"""
_PICTURE_LIMIT: Seconds = 28.0
"""… and within 30 s where a picture has to be taken or the camera opened afresh."""


def _status(args: argparse.Namespace) -> int:
    camera = cli.ask(args, "camera.get", limit=_LIMIT, is_settled=lambda it: it["connected"])
    cli.show_json(camera)
    if camera["connected"]:
        return 0
    sys.stderr.write(f"{camera['problem'] or 'the camera is not connected'}\n")
    return FAILED


def _settings(args: argparse.Namespace) -> int:
    if changes := _changes(args):
        camera = cli.ask(args, "camera.set", {"settings": changes}, limit=_LIMIT)
    else:
        camera = cli.ask(args, "camera.get", limit=_LIMIT)
    cli.show_json(camera["settings"])
    for key in camera["dropped"]:
        if key in changes:
            sys.stderr.write(f"note: this camera has no {key}; it is kept for one that has\n")
    for key in camera["adjusted"]:
        if key in changes:
            value = camera["settings"][key]
            sys.stderr.write(f"note: {key} was moved into this camera's range: {value}\n")
    return 0


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    if not cli.has_options(args):
        return {}
    from cinepi.model.settings import (  # noqa: PLC0415 - the other verbs do without
        CameraSettings,
        CaptureSettings,
    )

    return cli.given(args, CameraSettings) | cli.given(args, CaptureSettings)


def _snapshot(args: argparse.Namespace) -> int:
    picture = cli.ask(args, "snapshot.take", limit=_PICTURE_LIMIT)
    sys.stdout.write(f"{picture['filename']}\n")
    return 0


def _restart(args: argparse.Namespace) -> int:
    camera = cli.ask(args, "camera.restart", limit=_PICTURE_LIMIT)
    sys.stdout.write(f"Camera restarted: {camera['model']}\n")
    if camera["problem"]:
        sys.stderr.write(f"note: {camera['problem']}\n")
    return 0


def _simulate(args: argparse.Namespace) -> int:
    from cinepi.camera.backends.simulated import faults  # noqa: PLC0415 - the other verbs do without

    layout = Layout.find(args.root)
    if args.fault == "clear":
        faults.clear(layout)
        sys.stdout.write("The simulated camera is well again\n")
        return 0
    if args.fault not in faults.FAULTS:
        known = ", ".join((*faults.FAULTS, "clear"))
        raise InvalidArgumentError(f"FAULT must be one of {known}, not {args.fault}")
    fault = faults.write(layout, args.fault, args.count, args.seconds)
    times = {None: "until: simulate clear", 1: "once"}.get(fault.count, f"{fault.count} times")
    sys.stdout.write(f"The simulated camera shows the fault {fault.fault}, {times}\n")
    return 0


def _add_simulate_options(options: argparse.ArgumentParser) -> None:
    from cinepi.camera.backends.simulated.faults import FAULTS  # noqa: PLC0415 - the other verbs do without

    known = f"{', '.join(FAULTS)}; or clear, to end it"
    options.add_argument("fault", metavar="FAULT", help=known)
    options.add_argument("--count", metavar="N", type=int, help="how many calls it hits [all]")
    options.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        default=1.0,
        help="how much slower the fault slow makes it [default 1]",
    )


def _add_settings_options(options: argparse.ArgumentParser) -> None:
    from cinepi.features import features_of  # noqa: PLC0415 - the other verbs do without
    from cinepi.model.settings import CameraSettings, CaptureSettings  # noqa: PLC0415

    features = [*features_of(CameraSettings)]
    features += [feature for feature in features_of(CaptureSettings) if feature.key == "quality"]
    cli.add_features(options, features, {"exposure_mode": ["--exposure", "--exposure-mode"]})


_VERBS = (
    cli.Verb(
        "status",
        "print the camera's state as JSON; fails if it is not connected",
        _status,
        None,
        "status",
    ),
    cli.Verb(
        "settings",
        "print the settings as JSON, after changing those that are given",
        _settings,
        _add_settings_options,
        "settings\n"
        "settings --exposure manual --iso 200 --shutter-us 4000\n"
        "settings --exposure auto --resolution 1920x1080",
        is_quick_alone=True,
    ),
    cli.Verb("snapshot", "take a picture and print its file name", _snapshot, None, "snapshot"),
    cli.Verb("restart", "close the camera and open it afresh", _restart),
    cli.Verb(
        "simulate",
        "let the simulated camera show a fault, to see how the service recovers",
        _simulate,
        _add_simulate_options,
        "simulate hang --count 1\nsimulate clear",
    ),
)


def main() -> int:
    """Run the command line and return its exit code."""
    about = "The camera: its state, its settings, and single pictures."
    return cli.main("cinepi.camera", about, _VERBS, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
