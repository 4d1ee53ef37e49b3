"""Errors of the daemon's own trade: the connection to the broker and its configuration."""

from typing import ClassVar

from cinepi.errors import CinepiError


class BrokerError(CinepiError):
    """Something about the broker; another attempt may succeed."""

    retryable = True


class ConnectionLostError(BrokerError):
    """The connection ended before what was asked for was done."""


class ConnectError(BrokerError):
    """No connection could be made: name, network, TLS, or a broker that does not answer."""


class SilentError(ConnectError):
    """The broker took the connection and then said nothing."""


class RefusedError(BrokerError):
    """The broker answered, and said no.

    Attributes:
        reason_code: The MQTT 5 reason code, or 0 if the broker gave none.
    """

    def __init__(self, message: str, reason_code: int = 0) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message)
        self.reason_code = reason_code


class ProtocolRefusedError(RefusedError):
    """The broker does not speak this version of MQTT."""


class TakenOverError(BrokerError):
    """Another client has connected with our client id, so the broker closed our connection."""


class ConfigError(CinepiError):
    """The daemon's configuration cannot be used; the process exits with `EXIT_CODE`."""

    EXIT_CODE: ClassVar[int] = 78  # EX_CONFIG; the unit does not restart on it
