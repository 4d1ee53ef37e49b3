"""What lets us in and keeps others out: TLS and passwords, read anew at each connection."""

import socket
import ssl
from typing import Any

from cinepid.config import BrokerSettings
from cinepid.errors import ConnectError

_LONGEST = 65535  # bytes of a password in MQTT


class _Context(ssl.SSLContext):
    """A context that shakes hands at once, and may expect another name than the host's."""

    server_name: str | None = None

    def wrap_socket(  # type: ignore[override]  # paho names all it gives
        self, sock: socket.socket, *, server_hostname: str | None = None, **options: Any
    ) -> ssl.SSLSocket:
        """Encrypt `sock`; closes it if the handshake fails, which its caller would forget."""
        timeout = sock.gettimeout()
        options["do_handshake_on_connect"] = False
        name = self.server_name or server_hostname
        encrypted = super().wrap_socket(sock, server_hostname=name, **options)
        try:
            encrypted.settimeout(timeout)
            encrypted.do_handshake()
        except BaseException:
            encrypted.close()
            raise
        return encrypted


def context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """The TLS context for the settings; None without TLS. Reads files.

    Raises:
        ConnectError: A file is missing, unreadable or no certificate.
    """
    if not settings.uses_tls:
        return None
    made = _Context(ssl.PROTOCOL_TLS_CLIENT)
    made.server_name = settings.server_name or None
    if not settings.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    try:
        if settings.ca_file:
            made.load_verify_locations(settings.ca_file)
        else:
            made.load_default_certs()
        if settings.cert_file:
            made.load_cert_chain(settings.cert_file, settings.key_file or None)
    except (OSError, ssl.SSLError) as error:
        files = settings.ca_file, settings.cert_file, settings.key_file
        names = ", ".join(name for name in files if name)
        reason = error.strerror or error
        raise ConnectError(f"the TLS files {names} cannot be used: {reason}") from error
    return made


def password(settings: BrokerSettings) -> str | None:
    """The password, or None if there is none. Reads its file.

    Raises:
        ConnectError: The file cannot be read, or holds more than MQTT takes.
    """
    path = settings.password_path()
    if path is None:
        return None
    try:
        secret = path.read_text().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConnectError(f"the password file {path} is not UTF-8 text") from error
    except OSError as error:
        message = f"the password file {path} cannot be read: {error.strerror}"
        raise ConnectError(message) from error
    if len(secret.encode()) > _LONGEST:
        raise ConnectError(f"the password file {path} is too long to hold a password")
    return secret
