"""What a path does about hints in a request, and about what is found in an answer. docs/spec/detection.md 3 and 5."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class HintAct(StrEnum):
    """What is done about a request with hints. Whatever it is, trust in the blocks that have them is lowered."""

    LOWER = "lower"  # nothing else
    MARK = "mark"  # the answer's header says which families
    HOLD = "hold"  # a person approves exactly this call first
    REFUSE = "refuse"


class Family(StrEnum):
    """What kind of attack a rule looks for."""

    OVERRIDE = "override"  # instructions are to count no longer
    ROLE_PLAY = "role-play"  # the model is to be somebody who is not bound
    TEMPLATE = "template"  # marks of a conversation, and jailbreaks that are handed around
    TOOL_STEERING = "tool-steering"  # a tool is to be called, or a verdict to be given
    EXFILTRATION = "exfiltration"  # something is to be sent somewhere
    ENCODING = "encoding"  # an order or an answer is to be encoded
    ADDRESSED = "addressed"  # data speak to the model, or have an imperative
    HIDDEN = "hidden"  # text that nobody sees, or more than is read
    SYSTEM_PROMPT_PROBE = "system-prompt-probe"  # a user asks for the orders; data that do so exfiltrate
    TRAINING_DATA_PROBE = "training-data-probe"
    MODEL = "model"  # the optional model's, which no rule has


class Where(StrEnum):
    """Which blocks a rule looks at. Orders are what a user gives, so most rules are for data alone or say so."""

    DATA = "data"  # tool results and documents
    SAID = "said"  # what a user says too
    ANY = "any"  # and a system text


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnHintRule:
    """A rule of the program's own, as a path has it: a pattern of RE2 in one of the families, and where it looks."""

    id: str
    family: Family
    where: Where
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HintClassifier:
    """That the machine's classifier is asked: which of its labels are attacks, from how many percent of score on."""

    labels: tuple[str, ...]
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HintLimits:
    """Above what strength the linear model hints, in its own measure; None leaves it where it was shipped."""

    user: int | None = None
    data: int | None = None


class FoundKind(StrEnum):
    """What is looked for in an answer."""

    LINK = "link"  # to a host that the path doesn't allow, or one that carries data out
    SECRET = "secret"  # noqa: S105 - a kind of finding
    CANARY = "canary"  # a value that only the path's own texts hold
    PSEUDONYM = "pseudonym"  # an original that the model was given a token for
    EXPLOIT = "exploit"  # a working artefact: limited readers and retention


class FoundAct(StrEnum):
    """What is done about a finding. Either way the outcome counts it."""

    MARK = "mark"
    HOLD = "hold"  # the answer lies sealed until a person let it go, and its caller fetches it
    WITHHOLD = "withhold"  # the rest of the answer is sealed, and opened by who may open it


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRules:
    """What a path does by kind of finding. `hosts` are those that links may lead to, with all below them."""

    hosts: tuple[str, ...] = ()
    link: FoundAct = FoundAct.WITHHOLD
    secret: FoundAct = FoundAct.WITHHOLD
    canary: FoundAct = FoundAct.WITHHOLD
    pseudonym: FoundAct = FoundAct.WITHHOLD
    exploit: FoundAct = FoundAct.WITHHOLD

    @property
    def acts(self) -> Mapping[FoundKind, FoundAct]:
        """What is done, by kind."""
        return {kind: FoundAct(getattr(self, kind.value)) for kind in FoundKind}

    @property
    def holds(self) -> bool:
        """Whether some finding has a whole answer wait for a person."""
        return FoundAct.HOLD in self.acts.values()
