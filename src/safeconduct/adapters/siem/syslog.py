"""Syslog messages (RFC 5424) over TLS (RFC 5425) or plain TCP (RFC 6587), with octet counting.

Syslog acknowledges nothing. A batch counts when the receiver, told that nothing more comes, closes in turn: by then it
has read all of it. A receiver that goes away with unread bytes resets the connection instead, and all is sent again.
"""

import json
import socket
import ssl
from collections.abc import Mapping, Sequence

import msgspec

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.shipping import DestinationBusyError, Limits, Outgoing

TIMEOUT_S = 30.0
MESSAGE_BYTES_MIN = 2048  # what a receiver must take (RFC 5425 section 4.3.1)
MESSAGE_BYTES = 8192  # what it should take, and where rsyslog cuts by default
BATCH_ROWS = 500
FACILITY = 13  # log audit
SEVERITIES = {0: 5, 1: 6, 2: 5, 3: 4, 4: 3, 5: 2, 6: 1}  # OCSF's to syslog's
NOTICE = 5
MSGID_CHARS = 32
_NOTHING = "-"
_ascii = json.JSONEncoder(separators=(",", ":")).encode  # then no receiver has to guess the encoding


class SyslogOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`tls` False sends in the clear: for a receiver on this machine or a network that is encrypted otherwise."""

    host: str
    port: int
    tls: bool = True
    ca: str = ""
    message_bytes: int = MESSAGE_BYTES


class Syslog:
    """`Destination` over syslog."""

    def __init__(self, options: SyslogOptions) -> None:
        if options.message_bytes < MESSAGE_BYTES_MIN:
            raise InvalidInputError(
                f"expected message_bytes of at least {MESSAGE_BYTES_MIN}, got {options.message_bytes}"
            )
        self._options = options
        self._context = ssl.create_default_context(cafile=options.ca or None) if options.tls else None
        size = options.message_bytes
        self.limits = Limits(row_bytes=size, batch_bytes=size * BATCH_ROWS, batch_rows=BATCH_ROWS)

    def encode(self, row: Outgoing) -> bytes:
        """Returns the message, without its length."""
        named = row.event["metadata"]
        priority = FACILITY * 8 + SEVERITIES.get(row.event["severity_id"], NOTICE)
        host = row.origin.partition("/")[0][:255] or _NOTHING
        msgid = "".join(letter for letter in named["event_code"] if "!" <= letter <= "~")[:MSGID_CHARS] or _NOTHING
        head = f"<{priority}>1 {named['original_time']} {host} safeconduct {_NOTHING} {msgid} {_NOTHING} "
        return (head + _ascii(msgspec.to_builtins(row.event))).encode("ascii", "replace")

    def send(self, rows: Sequence[Outgoing], encoded: Sequence[bytes]) -> Mapping[str, str]:
        """Sends a batch over a connection of its own and waits for its orderly end."""
        where = (self._options.host, self._options.port)
        try:
            with socket.create_connection(where, TIMEOUT_S) as plain:
                if self._context is None:
                    _deliver(plain, encoded)
                else:
                    with self._context.wrap_socket(plain, server_hostname=self._options.host) as secured:
                        secured.sendall(_framed(encoded))
                        _deliver(secured.unwrap(), ())
        except OSError as error:
            raise DestinationBusyError(
                f"the syslog receiver did not take {len(rows)} messages: {error}", code="destination-unreachable"
            ) from error
        return {}


def _framed(messages: Sequence[bytes]) -> bytes:
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


def _deliver(connection: socket.socket, messages: Sequence[bytes]) -> None:
    connection.sendall(_framed(messages))
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):  # a receiver has nothing to say; its end is what counts
        pass
