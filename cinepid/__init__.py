"""CinePi daemon: the MQTT side of a Raspberry Pi timelapse device. It has never heard of a lens."""

from cinepi import __version__

__all__ = ["__version__"]
