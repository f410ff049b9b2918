"""Step 4: results of opaque tools leave a request, and variables stand where they were (docs/spec/variables.md).

What goes back to the model of its own words has them too: a call's arguments, and an answer that its reader saw whole.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from safeconduct.access.data_handling import clears
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.tools import Tool
from safeconduct.boundary.closing import is_closed
from safeconduct.boundary.model import Block, Source, ToolCall, Transcript
from safeconduct.boundary.pseudonyms import Pseudonyms
from safeconduct.boundary.sinks import leaves
from safeconduct.boundary.spaces import Owner, Space, variables_of
from safeconduct.boundary.variables import Variables, shown, spelled
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.json_texts import Text, texts_of, with_texts
from safeconduct.gateway.protecting import Tokens
from safeconduct.gateway.spotlighting import is_prose

QUOTED_CHARACTERS_MIN = 16
"""Characters of a hidden text that is looked for within the model's own: shorter ones stand there by chance."""

TOLD = (
    "{{var:...}} stands for what a tool returned, which you are not shown. To hand it on, give it as the whole value of"
    " an argument: it is put in before the tool runs. Never write a part of it, or text beside it, in an argument."
)
"""What a model is told that is shown a variable."""


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """A request without the results of opaque tools. `places` are where these stood (RFC 6901).

    `variables` may be put back into its answer; `unkept` are the tokens that the vault must keep before it leaves, for
    `owner` in `space`.
    """

    body: bytes
    places: frozenset[str]
    variables: Variables
    space: Space
    owner: Owner
    unkept: Mapping[str, str] = {}


def hide(
    path: SealedPath, principal: Principal, arrival: Arrival, body: bytes, transcript: Transcript, *, tokens: Tokens
) -> Hidden:
    """Returns a request as its model may be shown it.

    Raises:
        UnavailableError: `pseudonyms-exhausted`, `vault-unavailable`.
    """
    call = f"{principal.id} {arrival.at} {hashlib.sha256(body).hexdigest()}"
    space = variables_of(path.origin, principal.organization, arrival.session, call)
    made = tokens(space, keep_subnets=False)
    results = tuple(_results(path.sinks, transcript))
    hiding = _Hiding.of(results, transcript, made)
    told = clears(path.restore, principal.id, principal.organization, principal.roles)
    texts = {variable: text for text, variable in hiding.variables.items()}
    return Hidden(
        body=hiding.request(body.decode()).encode() if results else body,
        places=frozenset(block.pointer for block in results),
        variables=Variables(texts=texts, elsewhere=made.made, told=told),
        space=space,
        owner=Owner(path.origin, principal.id, arrival.at),
        unkept=made.unkept,
    )


def _results(sinks: Collection[Tool], transcript: Transcript) -> Iterator[Block]:
    """Yields the results that no model may read. One in a closed shape says nothing, and is shown."""
    opaque, called = {tool.name: tool for tool in sinks if tool.opaque}, dict[str, list[Tool]]()
    for call in transcript.calls:
        if call.name in opaque:
            called.setdefault(call.id, []).append(opaque[call.name])
    for block in transcript.blocks:
        if block.source is Source.TOOL and block.text and is_prose(block.pointer):
            of = called.get(block.call_id, ())
            if any(not is_closed(block.text, tool.result_schema) for tool in of):
                yield block


@dataclass(frozen=True, slots=True)
class _Hiding:
    """What stands where: `variables` by text, `results` and whole `values` by place, and the model's own texts."""

    variables: Mapping[str, str]
    results: frozenset[str]
    arguments: frozenset[str]
    values: frozenset[str]
    spoken: frozenset[str]

    @classmethod
    def of(cls, results: Collection[Block], transcript: Transcript, made: Pseudonyms) -> "_Hiding":
        longest_first = sorted({block.text for block in results}, key=lambda text: (-len(text), text))
        return cls(
            variables={text: shown(made.variable(text)) for text in longest_first},
            results=frozenset(block.pointer for block in results),
            arguments=frozenset(call.pointer for call in transcript.calls),
            values=frozenset(place for call in transcript.calls for place in _values(call)),
            spoken=frozenset(one.pointer for one in transcript.blocks if one.source is Source.ASSISTANT and one.text),
        )

    def request(self, source: str) -> str:
        changes = ((one, self._anew(one)) for one in texts_of(source) if not one.is_name)
        return with_texts(source, ((one, text) for one, text in changes if text != one.text))

    def _anew(self, one: Text) -> str:
        if one.pointer in self.results or one.pointer in self.values:
            return self.variables.get(one.text, one.text)
        if one.pointer in self.arguments:
            inside = ((text, self.variables.get(text.text)) for text in texts_of(one.text) if not text.is_name)
            return with_texts(one.text, ((text, variable) for text, variable in inside if variable is not None))
        return self._without(one.text) if one.pointer in self.spoken else one.text

    def _without(self, text: str) -> str:
        for hidden, variable in self.variables.items():
            if len(hidden) >= QUOTED_CHARACTERS_MIN:
                text = text.replace(hidden, variable).replace(spelled(hidden), variable)
        return self.variables.get(text, text)


def _values(call: ToolCall) -> Iterator[str]:
    for place, _ in leaves(call.arguments):
        yield call.pointer + place
