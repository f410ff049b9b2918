"""Joins orders to revoke keys to the vendors of the operator's file, in the one process that carries them out."""

from functools import partial

from safeconduct import settings
from safeconduct.adapters.key_revokers import find_way
from safeconduct.adapters.upstreams_file import FILE
from safeconduct.bootstrap.installation import Installation
from safeconduct.bootstrap.upstreams import Sources
from safeconduct.runtime.key_revoking import KeyCarrier


def key_carrier(installation: Installation, sources: Sources) -> KeyCarrier:
    """Returns what carries out orders to revoke keys of upstreams."""
    file = sources.file or installation.data / FILE
    find = partial(find_way, file, settings.read().secret_at)
    return KeyCarrier(installation.writer, installation.snapshot, installation.clock, find)
