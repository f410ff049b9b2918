"""The upstreams of a server: those of the operator's file, and those that need none."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.models.http_upstream import HTTPUpstream
from safeconduct.adapters.models.openai_compatible import OpenAICompatible
from safeconduct.adapters.upstreams import make_upstream, read_upstreams
from safeconduct.adapters.upstreams_file import FILE, OpenAI
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.settings import Settings

OPENAI_KEY = "OPENAI_API_KEY"
"""The variable whose key alone makes an upstream `openai`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where upstreams are described: an operator's file, or the address of one and the variable with its key."""

    file: Path | None = None
    url: str = ""
    key_env: str = ""


def configured(settings: Settings, data: Path, sources: Sources) -> Mapping[str, HTTPUpstream]:
    """Returns the upstreams by name, those of the file first.

    The file is the data folder's where none is named, and may be absent there. `custom` is at `url`, `openai` is there
    where its key is in the environment.

    Raises:
        InvalidInputError: the file, a secret or an address is not of its form; or a key is named without an address.
    """
    file, url, key_env = sources.file, sources.url, sources.key_env
    if key_env and not url:
        raise InvalidInputError("--model-key-env says whose key: give the server's URL with --model")
    found: dict[str, HTTPUpstream] = {}
    clock = SystemClock()
    if url:
        found["custom"] = OpenAICompatible(url, settings.secret(key_env) if key_env else "")
    if settings.environment.get(OPENAI_KEY):
        found["openai"] = make_upstream(OpenAI(key_env=OPENAI_KEY), settings.secret_at, clock)
    if file is not None or (data / FILE).exists():
        found |= read_upstreams(file or data / FILE, settings.secret_at, clock)
    return found
