"""Which amounts are watched: of whom, what, and from where on an hour of it is worth a word."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """What is measured: of events with a context, what stands at `measured`, or where nothing is named how many.

    An hour below `least` is never too much. `class_uid` 0 is any class.
    """

    name: str
    title: str
    class_uid: int
    context: tuple[str, ...]
    measured: str
    least: int

    @property
    def unit(self) -> str:
        """What is counted."""
        return "bytes" if self.measured else "events"


_HOST = ("/ocsf/device/hostname", "/ocsf/src_endpoint/hostname", "/ocsf/src_endpoint/ip")
_SENDER = ("/ocsf/src_endpoint/ip", "/ocsf/src_endpoint/hostname", "/ocsf/device/hostname")
_USER = ("/ocsf/actor/user/uid", "/ocsf/actor/user/name", "/ocsf/user/uid", "/ocsf/user/name")
_DESTINATION = ("/ocsf/dst_endpoint/ip", "/ocsf/dst_endpoint/hostname")
_SENT = "/ocsf/traffic/bytes_out"
_MEGABYTES_10, _HUNDRED = 10_000_000, 100

AMOUNTS = (
    Amount("bytes-of-host", "more bytes than this machine ever sent in an hour", 4001, _SENDER, _SENT, _MEGABYTES_10),
    Amount("bytes-of-user", "more bytes than this account ever sent in an hour", 4001, _USER, _SENT, _MEGABYTES_10),
    Amount("bytes-to-destination", "more bytes than this address was ever sent in an hour", 4001, _DESTINATION, _SENT,
           _MEGABYTES_10),
    Amount("events-of-host", "more events than this machine ever gave in an hour", 0, _HOST, "", _HUNDRED),
    Amount("events-of-user", "more events than this account ever gave in an hour", 0, _USER, "", _HUNDRED),
    Amount("events-to-destination", "more connections than this address ever had in an hour", 4001, _DESTINATION, "",
           _HUNDRED),
)  # fmt: skip
"""All that is measured."""
