"""`cinepid demo`: broker, camera service and daemon in one command, on a laptop or on a Pi."""

import argparse

from cinepi.errors import InvalidArgumentError

INTERVAL = 5.0
"""Seconds between the frames of the demo's session, if nobody says otherwise."""
SIZE = "1920x1080"
"""Size of the demo's pictures at its first start: light for a laptop."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the demo's options."""
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="where the broker listens, on this machine only [1883, or a free one near it]",
    )
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="where pictures, settings and logs are kept [~/.local/share/cinepi-demo]",
    )
    session = parser.add_mutually_exclusive_group()
    session.add_argument(
        "--interval",
        type=_interval,
        metavar="SECONDS",
        default=INTERVAL,
        help=f"from picture to picture, 1 to 3600 [{INTERVAL:g}]",
    )
    session.add_argument("--no-session", action="store_true", help="take no pictures by itself")
    parser.add_argument(
        "--size",
        type=_size,
        metavar="WxH",
        help=f"size of the pictures [{SIZE} at the first start, later as it was]",
    )


def main(options: argparse.Namespace) -> int:
    """Run the demo until Ctrl-C or SIGTERM; returns the exit code.

    Raises:
        CinepiError: It cannot start; says why.
    """
    from cinepid.demo.run import run  # noqa: PLC0415 - its children import this package too

    return run(options)


def _interval(text: str) -> float:
    from cinepi.check import parse  # noqa: PLC0415 - only the demo's own process asks
    from cinepi.protocol import StartParams  # noqa: PLC0415

    try:
        interval = float(text)
        parse(StartParams, {"interval": interval})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from error
    except InvalidArgumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return interval


def _size(text: str) -> str:
    from cinepi.check import parse  # noqa: PLC0415 - as above
    from cinepi.model.settings import CameraSettings  # noqa: PLC0415

    try:
        return parse(CameraSettings, {"resolution": text}).resolution
    except InvalidArgumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
