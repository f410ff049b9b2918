"""In which dialect a path's providers are asked: the caller's, or one that it is translated into."""

from collections.abc import Iterable

import msgspec

from safeconduct.access.catalogue import Provider
from safeconduct.gateway.dialects.model import Dialect, ModelRequest, Shapes
from safeconduct.gateway.dialects.translation.between import TRANSLATIONS
from safeconduct.gateway.providers import Upstreams
from safeconduct.kernel.errors import UnavailableError


class Way(msgspec.Struct, frozen=True):
    """The dialect of a call, the request in the words that go to the upstream, and who takes it in them."""

    spoken: Dialect
    asked: ModelRequest
    providers: tuple[Provider, ...]


def way_to(
    providers: tuple[Provider, ...], upstreams: Upstreams, dialect: Dialect, asked: ModelRequest, shapes: Shapes
) -> Way:
    """Returns how a request reaches a model: untranslated if any of the providers speaks its dialect.

    Raises:
        DialectError: `not-translatable`: it has to be translated, and holds what the other dialect cannot say.
        UnavailableError: `dialect-not-spoken`: no provider speaks a dialect that it can be said in.
    """
    native = _speaking(dialect.name, providers, upstreams)
    if native:
        return Way(dialect, asked, native)
    for (caller, upstream), translation in TRANSLATIONS.items():
        speaking = _speaking(upstream, providers, upstreams) if caller == dialect.name else ()
        if speaking:
            return Way(translation.spoken, translation.asked(asked, shapes), speaking)
    raise UnavailableError(
        f"no model server of this path speaks {dialect.name}, or what it is translated into",
        code="dialect-not-spoken",
        remedy="the operator names a model server that does, or ask in another dialect",
    )


def _speaking(name: str, providers: Iterable[Provider], upstreams: Upstreams) -> tuple[Provider, ...]:
    return tuple([one for one in providers if name in upstreams[one.upstream].facts.dialects])
