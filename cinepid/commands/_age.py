"""Is a command still wanted, or has it been lying about?"""

from cinepi.clock import Clock, parse_time
from cinepi.errors import ExpiredError
from cinepi.units import MonotonicTime, Seconds
from cinepid.commands._request import Request

CLOCK_WARNING = "expires_at was not judged: no time server has set this device's clock yet"


def last_moment(request: Request, clock: Clock) -> tuple[MonotonicTime | None, tuple[str, ...]]:
    """Until when a request that has just arrived may begin, and what its sender should be told.

    Returns:
        The monotonic time, None for ever; and warnings.

    Raises:
        ExpiredError: It is too late already.
        InvalidArgumentError: `expires_at` is no time.
    """
    monotonic = clock.monotonic()
    moments = []
    warnings: tuple[str, ...] = ()
    if request.incoming.expires_at is not None:
        moments.append(request.incoming.expires_at)
    longest = _longest_age(request)
    if longest is not None:
        age = request.incoming.longest_age_s
        if age is None:
            raise ExpiredError(
                f"{request.name} was sent while this device was not connected, nobody knows when; "
                f"it is not done when it is older than {longest:g} s"
            )
        moments.append(monotonic + longest - age)
    if request.reserved.expires_at is not None:
        end = parse_time(request.reserved.expires_at, "/expires_at")
        if clock.is_synced():
            moments.append(monotonic + end - clock.wall())
        else:
            warnings = (CLOCK_WARNING,)
    last = min(moments, default=None)
    if last is not None and last < monotonic:
        raise ExpiredError(
            f"{request.name} came {monotonic - last:.1f} s too late and was not done"
        )
    return last, warnings


def _longest_age(request: Request) -> Seconds | None:
    given = (request.reserved.ttl_s, request.command.max_age_s)
    return min((limit for limit in given if limit is not None), default=None)
