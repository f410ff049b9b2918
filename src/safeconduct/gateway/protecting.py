"""Step 7: a request as it may leave the house (docs/spec/handling.md section 2).

Texts that hold nothing stay byte for byte as they came, and so does everything that is no text.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from safeconduct.access.data_handling import DataHandling, clears
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.boundary.model import Finding
from safeconduct.boundary.protecting import handling_of, protect
from safeconduct.boundary.pseudonyms import Pseudonyms
from safeconduct.boundary.spaces import Owner, Space, space_of
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.inspecting import Inspected, Leaf, Span
from safeconduct.gateway.json_texts import Text, with_texts
from safeconduct.kernel.errors import RefusedError, UnavailableError

Tokens = Callable[..., Pseudonyms]
"""Gives the pseudonyms of a `Space`, by `keep_subnets`; these raise UnavailableError where they can't be made."""


def no_tokens(_space: Space, *, keep_subnets: bool) -> Pseudonyms:  # noqa: ARG001 - a Tokens
    """The pseudonyms of who has no vault: none."""
    raise UnavailableError("this process keeps no pseudonyms", code="vault-unavailable")


class Protected(msgspec.Struct, frozen=True, kw_only=True):
    """What step 7 did to a request. `body` is what may leave, `handled` counts findings by `CLASS:HANDLING`.

    `used` are the tokens in it with their values, `unkept` those that the vault must keep before it leaves, for `owner`
    in `space`. `made` are the organization's tokens, as far as this process knows them. `restored` says whether its
    caller gets originals back.
    """

    body: bytes
    space: Space
    owner: Owner
    restored: bool
    handled: Mapping[str, int] = {}
    used: Mapping[str, str] = {}
    unkept: Mapping[str, str] = {}
    made: Container[str] = frozenset()


def protected_request(
    path: SealedPath, principal: Principal, arrival: Arrival, inspected: Inspected, tokens: Tokens
) -> Protected:
    """Returns a request as it may leave the house.

    Raises:
        RefusedError, UnavailableError: as `Protection.request`.
    """
    source = inspected.source.encode()
    call = f"{principal.id} {arrival.at} {hashlib.sha256(source).hexdigest()}"
    space = space_of(path.origin, principal.organization, arrival.session, call)
    restored = clears(path.restore, principal.id, principal.organization, principal.roles)
    pseudonyms = tokens(space, keep_subnets=path.keep_subnets)
    protection = Protection(path, pseudonyms, restored)
    return Protected(
        body=protection.request(inspected),
        space=space,
        owner=Owner(path.origin, principal.id, arrival.at),
        restored=restored,
        handled=protection.done,
        used=pseudonyms.used,
        unkept=pseudonyms.unkept,
        made=pseudonyms.made,
    )


@dataclass(slots=True)
class Protection:
    """How one request is protected, and what was done in it so far: `counts`, by data class and handling."""

    path: SealedPath
    pseudonyms: Pseudonyms
    restored: bool
    counts: Counter[tuple[str, DataHandling]] = field(default_factory=Counter)

    def request(self, inspected: Inspected) -> bytes:
        """Returns the body that may leave.

        Raises:
            RefusedError: `data-class-refused`, `data-class-unhandled`, `data-class-in-name`; the value is not shown.
            UnavailableError: `pseudonyms-exhausted`, `vault-unavailable`.
        """
        return self._source(inspected, of_request=True).encode()

    @property
    def done(self) -> Mapping[str, int]:
        """How many findings were handled in which way, each as `CLASS:HANDLING`."""
        return {f"{data_class}:{rule}": count for (data_class, rule), count in sorted(self.counts.items())}

    def _source(self, document: Inspected, *, of_request: bool = False) -> str:
        return with_texts(document.source, self._changes(document, of_request=of_request))

    def _changes(self, document: Inspected, *, of_request: bool) -> Iterator[tuple[Text, str]]:
        for leaf in document.leaves:
            if leaf.text.is_name:
                self._check_name(leaf, of_request=of_request)
            text = leaf.text.text if leaf.text.is_name and of_request else self._text(leaf)
            if text != leaf.text.text:
                yield leaf.text, text

    def _check_name(self, leaf: Leaf, *, of_request: bool) -> None:
        """Returns if a name may stay a name: those of the request itself are read by others, and two must stay two."""
        for finding in leaf.findings:
            rule = handling_of(finding.data_class, self.path.handling)
            if rule is DataHandling.REDACT or (of_request and rule is not DataHandling.ALLOW):
                text = f"data of class {finding.data_class} stands in a member's name, where nothing can replace it"
                raise RefusedError(text, code="data-class-in-name")

    def _text(self, leaf: Leaf) -> str:
        if not leaf.inside:
            return self._prose(leaf.text.text, leaf.findings)
        return "".join(self._span(leaf.text.text[span.start : span.end], span) for span in leaf.inside)

    def _span(self, text: str, span: Span) -> str:
        return self._prose(text, span.findings) if span.document is None else self._source(span.document)

    def _prose(self, text: str, findings: Sequence[Finding]) -> str:
        if not findings and "_" not in text:  # a token, and what looks like one, has an underscore
            return text
        done = protect(text, findings, self.path.handling, self.pseudonyms, restored=self.restored)
        for handled, count in done.counts.items():
            self.counts[handled] += count
        return done.text
