"""Step 3: what a path takes of a request, whatever it asks for: its form, its size, its tools."""

from safeconduct.access.model.paths import SealedPath
from safeconduct.gateway.arriving import Admitted, Arrival, check_words
from safeconduct.gateway.dialects.model import Dialect, ModelRequest, Shapes
from safeconduct.gateway.dialects.registry import dialect
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.prepared import Refusal
from safeconduct.gateway.terms import JSON
from safeconduct.kernel.errors import RefusedError, TooLargeError


def too_large(admitted: Admitted) -> Refusal:
    """Returns the refusal of a body over the path's limit, for those who stop reading there."""
    return Refusal(step=3, error=_too_large(admitted.path), principal=admitted.principal, path=admitted.path)


def check_request(path: SealedPath, arrival: Arrival, body: bytes) -> Dialect:
    """Returns the dialect that a request speaks, if its headers, its size and the dialect are ones the path takes.

    Raises:
        DialectError: a header says what nobody understands.
        TooLargeError: `request-too-large`.
        RefusedError: `dialect-not-allowed`.
    """
    check_words(arrival)
    _check_content(arrival)
    if len(body) > path.limits.request_bytes:
        raise _too_large(path)
    spoken = dialect(arrival.dialect)
    _check_dialect(path, spoken, arrival.version)
    return spoken


def shapes_of(path: SealedPath) -> Shapes:
    """Returns what a path takes in a request beside text."""
    return Shapes(tools=path.tools, media=path.media, history=path.history, provider_tools=path.provider_tools)


def output_tokens_max(path: SealedPath, asked: ModelRequest) -> int:
    """Returns how many tokens the answer may have.

    Raises:
        RefusedError: `output-tokens-over-limit`: the request asks for more than the path gives.
    """
    most = path.limits.output_tokens
    if asked.output_tokens is not None and asked.output_tokens > most:
        raise RefusedError(
            f"this path gives answers of {most} tokens, the request asks for {asked.output_tokens}",
            code="output-tokens-over-limit",
            clause=f"path:{path.id}/limits",
            remedy=f"ask for {most} or fewer",
        )
    return asked.output_tokens if asked.limits_itself and asked.output_tokens is not None else most


def check_tools(path: SealedPath, asked: ModelRequest) -> None:
    """Returns if the path lists every tool of the request.

    Raises:
        RefusedError: `tools-not-allowed`.
    """
    if not asked.tools:
        return
    foreign = sorted(set(asked.tools) - set(path.tools))
    if foreign:
        raise RefusedError(
            f"this path lists no tool {', '.join(map(repr, foreign))}"[:256],
            code="tools-not-allowed",
            clause=f"path:{path.id}/tools",
        )


def _check_content(arrival: Arrival) -> None:
    if arrival.content_type == JSON and not arrival.content_encoding:
        return
    media, _, parameters = arrival.content_type.lower().partition(";")
    if media.strip() != JSON or parameters.replace(" ", "") not in ("", "charset=utf-8"):
        raise DialectError(
            f"expected content-type {JSON}, got {arrival.content_type[:64]!r}",
            code="wrong-content-type",
            param="content-type",
        )
    if arrival.content_encoding.lower() not in ("", "identity"):
        raise DialectError(
            f"expected a body without content-encoding, got {arrival.content_encoding[:64]!r}",
            code="content-encoding-not-taken",
            param="content-encoding",
            remedy="send it uncompressed",
        )


def _too_large(path: SealedPath) -> TooLargeError:
    return TooLargeError(
        f"this path takes requests of {path.limits.request_bytes} bytes",
        code="request-too-large",
        clause=f"path:{path.id}/limits",
        remedy="send less, or in several calls",
    )


def _check_dialect(path: SealedPath, spoken: Dialect, version: str) -> None:
    if spoken.name not in path.dialects:
        raise RefusedError(
            f"this path takes {', '.join(path.dialects)}; the request speaks {spoken.name}",
            code="dialect-not-allowed",
            clause=f"path:{path.id}/dialects",
        )
    if spoken.versions and version not in ("", *spoken.versions):
        text = f"expected anthropic-version {' or '.join(sorted(spoken.versions))}, got {version[:64]!r}"
        raise DialectError(text, code="version-not-taken", param="anthropic-version")
