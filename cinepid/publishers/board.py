"""What the board tells of itself in files of the kernel; None where it does not."""

import platform
from pathlib import Path
from typing import NamedTuple

_CPU_ZONES = ("cpu", "soc", "x86_pkg", "bcm")
_THROTTLED_NOW = 0b1110  # frequency capped, throttled, soft temperature limit: bits 1 to 3
_UNDER_VOLTAGE_NOW = 0b1


class Board(NamedTuple):
    """A machine, below the root of its file system."""

    root: Path = Path("/")

    def model(self) -> str:
        """The board's name, else the machine's, else the architecture."""
        for name in ("sys/firmware/devicetree/base/model", "sys/class/dmi/id/product_name"):
            if text := _text(self.root / name):
                return text
        return platform.machine()

    def serial(self) -> str:
        """The board's serial number; empty if it has none that we may read."""
        return _text(self.root / "sys/firmware/devicetree/base/serial-number")

    def temperature_c(self) -> float | None:
        """Of the processor."""
        for zone in sorted((self.root / "sys/class/thermal").glob("thermal_zone*")):
            if _text(zone / "type").lower().startswith(_CPU_ZONES):
                millidegrees = _text(zone / "temp")
                return int(millidegrees) / 1000 if millidegrees else None
        return None

    def under_voltage(self) -> bool | None:
        """Whether the supply is too weak now."""
        flags = self._throttling()
        if flags is not None:
            return bool(flags & _UNDER_VOLTAGE_NOW)
        for sensor in (self.root / "sys/class/hwmon").glob("hwmon*"):
            if _text(sensor / "name") == "rpi_volt" and (
                alarm := _text(sensor / "in0_lcrit_alarm")
            ):
                return alarm != "0"
        return None

    def throttled(self) -> bool | None:
        """Whether the processor is slowed down now."""
        flags = self._throttling()
        return None if flags is None else bool(flags & _THROTTLED_NOW)

    def wifi_signal_dbm(self) -> int | None:
        """Of the first wireless interface that is connected."""
        for line in _text(self.root / "proc/net/wireless").splitlines()[2:]:
            fields = line.split()
            if len(fields) > 3:  # noqa: PLR2004 - name, status, link, level
                return round(float(fields[3]))
        return None

    def _throttling(self) -> int | None:
        """The firmware's flags; only Raspberry Pis have them."""
        text = _text(self.root / "sys/devices/platform/soc/soc:firmware/get_throttled")
        return int(text, 16) if text else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip("\0\n ")
    except OSError:
        return ""
