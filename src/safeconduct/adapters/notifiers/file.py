"""The operator's file of channels: TOML, with the places of secrets in it and never a secret (docs/spec/notices.md)."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from safeconduct.access.reading import NAME
from safeconduct.adapters.notifiers.chat import Slack, Teams
from safeconduct.adapters.notifiers.mail import Mail
from safeconduct.adapters.notifiers.web import Post, Webhook, signing_secret
from safeconduct.adapters.toml_files import read_toml
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.notices import Notifier
from safeconduct.kernel.ports import Clock

FILE = "notices.toml"
"""The file in the data folder. Without it nobody is told, and entries say so."""

FILE_BYTES_MAX = 64 * 1024
"""Bytes of the file: all channels that may be named have room."""

CHANNELS_MAX = 32
"""Channels of a file: each has a thread of its own while it is sent to."""

Secrets = Callable[[str, str], str]
"""Returns a secret by the variable or the file that holds it. Raises InvalidInputError."""

_OWNER = re.compile(rf"(?:principal|organization):{NAME}")
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}")
_SERVER = re.compile(r"([A-Za-z0-9.-]{1,253}):([0-9]{1,5})")


class _Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", tag_field="kind", kw_only=True):
    """What any channel may say: whose notices and which kinds go there, all where none is named."""

    owners: tuple[str, ...] = msgspec.field(name="for", default=())
    kinds: tuple[Literal["calendar", "break-glass", "case", "hunt"], ...] = ()
    ca_file: str = ""


class MailChannel(_Channel, frozen=True, tag="email", kw_only=True):
    """A mail server as host:port, whose the message is, and who gets it."""

    server: str
    sender: str = msgspec.field(name="from")
    to: tuple[str, ...]
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    password_env: str = ""


class WebhookChannel(_Channel, frozen=True, tag="webhook", kw_only=True):
    """An address, and where the secret is that signs what goes there."""

    url: str
    secret_file: str = ""
    secret_env: str = ""


class SlackChannel(_Channel, frozen=True, tag="slack", kw_only=True):
    """Where the address is: whoever has it can post."""

    url_file: str = ""
    url_env: str = ""


class TeamsChannel(SlackChannel, frozen=True, tag="teams", kw_only=True):
    """As Slack's."""


Described = MailChannel | WebhookChannel | SlackChannel | TeamsChannel


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channels: dict[str, Described]


def read_channels(path: Path) -> Mapping[str, Described]:
    """Reads the file, and none of the secrets that it names. No file is no channels.

    Raises:
        InvalidInputError: `channels-invalid`: it can't be read or is not of this form, with what was expected.
    """
    if not path.exists():
        return {}
    found = read_toml(path, _File, FILE_BYTES_MAX, _wrong).channels
    if len(found) > CHANNELS_MAX:
        raise _wrong(path, f"it names {len(found)} channels, {CHANNELS_MAX} may be")
    for name, channel in found.items():
        wrong = [one for one in channel.owners if not _OWNER.fullmatch(one)]
        if wrong or not re.fullmatch(NAME, name):
            raise _wrong(path, f"expected a name, and principal:NAME or organization:NAME, got {name!r} {wrong!r}")
    return found


def make_notifier(name: str, channel: Described, secret: Secrets, clock: Clock) -> Notifier:
    """Returns the way to a channel.

    Raises:
        InvalidInputError: a secret is missing or others may read it, or an address is not of its form or not private.
    """
    match channel:
        case MailChannel():
            return _mail(name, channel, secret)
        case WebhookChannel():
            key = signing_secret(secret(channel.secret_env, channel.secret_file))
            return Webhook(Post(channel.url, channel.ca_file), key, clock)
        case TeamsChannel():
            return Teams(_post(channel, secret))
        case _:
            return Slack(_post(channel, secret))


def _post(channel: SlackChannel, secret: Secrets) -> Post:
    return Post(secret(channel.url_env, channel.url_file), channel.ca_file)


def _mail(name: str, channel: MailChannel, secret: Secrets) -> Mail:
    server = _SERVER.fullmatch(channel.server)
    addresses = [one for one in (channel.sender, *channel.to) if not _ADDRESS.fullmatch(one)]
    if server is None or addresses or not channel.to:
        text = f"channel {name}: expected server host:port and plain addresses, got {channel.server!r} {addresses!r}"
        raise InvalidInputError(text, code="channels-invalid")
    return Mail(
        name=name,
        host=server[1],
        port=int(server[2]),
        sender=channel.sender,
        recipients=channel.to,
        security=channel.security,
        user=channel.user,
        password=secret(channel.password_env, channel.password_file) if channel.user else "",
        ca_file=channel.ca_file,
    )


def _wrong(path: Path, what: str) -> InvalidInputError:
    return InvalidInputError(f"{path} names no channels: {what}", code="channels-invalid")
