"""One line about all devices."""

from cinepid.ctl.fleet import Fleet
from cinepid.ctl.overview import lines, totals
from tests.unit.ctl.told import NOW, online, tell


def test_all_is_well_only_where_all_are_there() -> None:
    """A device that was stopped on purpose is nothing to look at, and not well either."""
    fleet = Fleet()
    online(fleet)
    assert "all is well" in _totals(fleet)
    tell(fleet, "garden", "status", seq=2, state="offline", reason="shutdown")
    assert _totals(fleet) == "1 device, 0 online, 0 in a session"


def _totals(fleet: Fleet) -> str:
    return totals(lines(fleet.devices.values(), fleet.devices.values(), NOW))
