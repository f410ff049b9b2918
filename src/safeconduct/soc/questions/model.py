"""A question to a model: how much room it has, what it is asked to do, what is sent, and who sends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from safeconduct.kernel.ids import CallId, EventId, PathId
from safeconduct.soc.grounding import Shown
from safeconduct.soc.hunts.model import Hunt, HuntResult
from safeconduct.soc.model import Incident
from safeconduct.soc.prompts.model import Prompt, PromptKind
from safeconduct.soc.prompts.shipped import SHIPPED
from safeconduct.soc.questions.answer_schema import ShownField

_CLAIMS: Mapping[str, tuple[int, int]] = {
    "observations": (2, 2),
    "counts": (0, 0),
    "sequences": (1, 1),
    "relations": (0, 0),
    "techniques": (1, 1),
}
# Least and most of each kind that fit the default answer. A minimum, or the smallest models say one thing six times.


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one question may take. The defaults are for the local model: a small window on slow hardware.

    `chars_per_token` is an estimate per path, low on purpose: telemetry has short tokens. The instructions count too.
    """

    prompt_tokens_max: int = 700
    answer_tokens_max: int = 300
    chars_per_token: float = 2.0
    events_max: int = 12
    fields_max: int = 4
    grounds_max: int = 2
    claims: Mapping[str, tuple[int, int]] = field(default_factory=lambda: _CLAIMS)

    @property
    def claims_max(self) -> int:
        """Claims that an answer may hold, the verdict apart."""
        return sum(most for _, most in self.claims.values())

    @property
    def prompt_chars_max(self) -> int:
        """Characters that the messages may hold together."""
        return int(self.prompt_tokens_max * self.chars_per_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunted:
    """A hunt that was run for a model, and what it found."""

    hunt: Hunt
    result: HuntResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a model is asked to do with an incident: in which words, and after which hunts."""

    prompt: Prompt
    hunted: tuple[Hunted, ...] = ()

    @property
    def judges(self) -> bool:
        """Whether the answer holds a verdict."""
        return self.prompt.kind is PromptKind.TRIAGE

    @property
    def request(self) -> str:
        """The text around the data."""
        return self.prompt.found if self.hunted else self.prompt.request


TRIAGE = Task(prompt=SHIPPED[PromptKind.TRIAGE])


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is sent, and what the answer's references stand for.

    `payload` are the exact bytes of the request body: they are what leaves the house. `prompt` is the version of the
    words around the data.
    """

    incident: Incident
    payload: bytes
    prompt: str
    events: Mapping[str, EventId]
    alerts: Mapping[str, str]
    fields: Sequence[ShownField]
    claims_max: int
    hunted: tuple[Hunted, ...] = ()

    @property
    def shown(self) -> Shown:
        """What the model had in view."""
        pointers: dict[EventId, set[str]] = {}
        for one in self.fields:
            pointers.setdefault(one.event, set()).add(one.pointer)
        return Shown({event: frozenset(found) for event, found in pointers.items()}, self.hunts)

    @property
    def hunts(self) -> tuple[Hunt, ...]:
        """The hunts whose results the model had in view, in the order of their numbers."""
        return tuple(one.hunt for one in self.hunted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """What a model answered: its text, the governed call that carried it, the model's name."""

    text: str
    call: CallId
    model: str


class ModelCaller(Protocol):
    """Calls a model through the gateway, on a path, for a purpose, with grants of its own. Never around it.

    Raises the gateway's refusal, or UpstreamError; either way the call has its entries.
    """

    async def complete(self, path: PathId, purpose: str, body: bytes) -> ModelAnswer:
        """Sends the body as it is and returns the answer's text."""
        ...
