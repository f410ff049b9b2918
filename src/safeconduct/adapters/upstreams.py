"""Upstreams made from the operator's file: who is asked, how it is reached, and what it knows us by."""

from collections.abc import Callable, Mapping
from pathlib import Path

from safeconduct.adapters.key_revokers import make_revoker
from safeconduct.adapters.models.anthropic import AnthropicWire
from safeconduct.adapters.models.azure import AzureWire
from safeconduct.adapters.models.bedrock import BedrockWire
from safeconduct.adapters.models.http_upstream import HTTPUpstream, Places, Secret
from safeconduct.adapters.models.openai_compatible import OpenAIWire
from safeconduct.adapters.models.service_account import ServiceAccountTokens, read_service_account
from safeconduct.adapters.models.vertex import VertexWire
from safeconduct.adapters.models.wire import Wire
from safeconduct.adapters.reach import Secrets, reach_of
from safeconduct.adapters.upstreams_file import (
    Anthropic,
    Azure,
    Bedrock,
    Compatible,
    Described,
    OpenAI,
    Vertex,
    read_file,
    wrong,
)
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.kernel.ports import Clock

REREAD_S = 30
"""Seconds until a file with a secret is read again. Access tokens are replaced minutes before their end."""


def read_upstreams(path: Path, secrets: Secrets, clock: Clock) -> Mapping[str, HTTPUpstream]:
    """Reads the file with every secret it names, and returns its upstreams by name.

    Raises:
        InvalidInputError: `upstreams-invalid`: it can't be read or is not of this form, with what was expected; or a
            secret is missing, or an address is none.
    """
    found = {}
    for name, described in read_file(path).items():
        try:
            found[name] = make_upstream(described, secrets, clock)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{path}: upstream {name!r}: {error.message}", code=error.code, remedy=error.remedy
            ) from error
    return found


def make_upstream(described: Described, secrets: Secrets, clock: Clock) -> HTTPUpstream:
    """Returns the upstream of one description.

    Raises:
        InvalidInputError: an address is none, a file is not there, or a secret is missing or one too many.
    """
    wire = _wire(described, secrets)
    foreign = sorted(set(described.dialects) - wire.dialects)
    if foreign:
        raise wrong(f"it speaks {', '.join(sorted(wire.dialects))}, not {foreign[0]!r}")
    experimental = isinstance(described, Bedrock | Vertex)
    if isinstance(described, Bedrock | Vertex) and not described.experimental:
        raise wrong("this vendor is experimental: nobody has run it live yet; write experimental = true to use it")
    places = Places(safety=described.safety_header, program=described.program_header)
    facts = UpstreamFacts(
        vendor=str(described.__struct_config__.tag),
        region=described.region,
        retention=described.retention,
        dialects=frozenset(described.dialects) or wire.dialects,
        names=described.models,
        headers=places.named,
        experimental=experimental,
    )
    secret, reach = _secret(described, secrets, clock), reach_of(described, secrets)
    make_revoker(described, secrets)  # here, where whoever starts it is told what is wrong
    return HTTPUpstream(facts, wire, secret, reach=reach, places=places, clock=clock)


def _wire(described: Described, secrets: Secrets) -> Wire:
    match described:
        case OpenAI() | Compatible():
            return OpenAIWire(described.url)
        case Azure():
            if described.auth not in ("key", "entra"):
                raise wrong(f"expected auth = 'key' or 'entra', got {described.auth!r}")
            return AzureWire(described.url, api_version=described.api_version, entra=described.auth == "entra")
        case Anthropic():
            return AnthropicWire(described.url, betas=described.betas)
        case Bedrock():
            url = described.url or f"https://bedrock-runtime.{described.aws_region}.amazonaws.com"
            named = described.session_env or described.session_file
            session = secrets(described.session_env, described.session_file) if named else ""
            return BedrockWire(url, described.aws_region, key=described.access_key, session=session)
        case Vertex():
            host = "" if described.location == "global" else f"{described.location}-"
            url = described.url or f"https://{host}aiplatform.googleapis.com"
            return VertexWire(url, project=described.project, location=described.location)


def _secret(described: Described, secrets: Secrets, clock: Clock) -> Secret:
    if isinstance(described, Compatible) and not (described.key_env or described.key_file):
        return lambda: ""
    if isinstance(described, Vertex):
        account = read_service_account(secrets(described.key_env, described.key_file))
        return ServiceAccountTokens(account, clock)
    found = secrets(described.key_env, described.key_file)
    if described.key_env:
        return lambda: found
    return _Reread(lambda: secrets("", described.key_file), found, clock)


class _Reread:
    """A secret out of a file that may be replaced. Where it can't be read any more, the last one serves on."""

    def __init__(self, read: Callable[[], str], found: str, clock: Clock) -> None:
        self._read = read
        self._found = found
        self._clock = clock
        self._until = Instant(clock.now() + seconds(REREAD_S))

    def __call__(self) -> str:
        now = self._clock.now()
        if now >= self._until:
            self._until = Instant(now + seconds(REREAD_S))
            try:
                self._found = self._read()
            except InvalidInputError:
                return self._found
        return self._found
