"""A sealed path, as it was published."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from safeconduct.access.budgets import Budget
from safeconduct.access.catalogue import Provider, SealedModel
from safeconduct.access.data_handling import DataHandling
from safeconduct.access.detection import HintAct, HintClassifier, HintLimits, OutputRules, OwnHintRule
from safeconduct.access.label_rules import LabelRules
from safeconduct.access.ownership import AuthorizationKind
from safeconduct.access.target_rules import TargetRule
from safeconduct.access.tools import Playbook, Tool
from safeconduct.kernel.ids import AgreementId, Origin, PathId


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Authorized assets. `authorization` says who allowed it, and how; `owner` is the key that signs rules for it."""

    id: str
    targets: tuple[str, ...]
    authorization: str
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathLimits:
    """Hard limits of one call, and of how many one principal makes: in any minute, and at once. None is no limit."""

    request_bytes: int
    output_tokens: int
    deadline_s: int
    calls_per_minute: int | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelClosing:
    """What a path's model may close incidents as, what share people look at again, in percent, and within how long."""

    dispositions: tuple[str, ...]
    look_percent: int
    look_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPath:
    """One published version of a bounded path. It never changes; `digest` is SHA-256 over its canonical form.

    `targets` are its scope's at that version, `catalogue` one entry for each of `models`, so that the digest pins what
    was authorized. The first of `providers` is asked first; the others equal it. Empty `regions` and `retention` demand
    nothing; `tier` is the highest of its models; `gate` must be attested where there is one. `weaker` is the one of
    `models` that answers callers who are restricted to it. `authorization` is the weakest that its targets need.
    `handling` is what is done with a class of data, and makes the path inspected; `restore` says for whom originals
    are put back, `keep_subnets` that pseudonyms of addresses show which share a subnet.
    `hints` is what is done about a request with hints, None where the program says nothing, and `hint_families` what
    else by family; `hint_rules` look beside the shipped ones, with `hint_model` the linear model too, which hints above
    `hint_limits`, and with `hint_classifier` one of this machine; `output` is what is done about findings in answers;
    `spotlight` has the model told which texts are nobody's word.
    `sinks` are the entries of its `tools`, `playbooks` those that call them; `labels` is what the program vouches for
    of its callers' words. `autonomy` is the ceiling, `autonomy_start` where its models begin, `closing` what they may
    close. `telemetry_of` is the organization whose telemetry it is for, empty for the house.
    """

    id: PathId
    version: int
    digest: str
    agreement: AgreementId
    origin: Origin
    purpose: str
    models: tuple[str, ...]
    catalogue: tuple[SealedModel, ...]
    tier: int
    providers: tuple[Provider, ...]
    regions: tuple[str, ...]
    retention: tuple[str, ...]
    scope: str
    targets: tuple[str, ...]
    target_rule: TargetRule
    dialects: tuple[str, ...]
    media: tuple[str, ...]
    history: bool
    tools: tuple[str, ...]
    provider_tools: tuple[str, ...]
    release: str
    data_classes: tuple[str, ...]
    autonomy: str
    gate: str | None
    limits: PathLimits
    budget: Budget | None = None
    weaker: str | None = None
    authorization: AuthorizationKind = AuthorizationKind.OWNER_STATEMENT
    telemetry_of: str = ""
    handling: Mapping[str, DataHandling] = field(default_factory=dict)
    restore: tuple[str, ...] = ()
    keep_subnets: bool = False
    hints: HintAct | None = None
    hint_families: Mapping[str, HintAct] = field(default_factory=dict)
    hint_rules: tuple[OwnHintRule, ...] = ()
    hint_model: bool = False
    hint_limits: HintLimits | None = None
    hint_classifier: HintClassifier | None = None
    output: OutputRules | None = None
    spotlight: bool = False
    sinks: tuple[Tool, ...] = ()
    playbooks: tuple[Playbook, ...] = ()
    labels: LabelRules | None = None
    autonomy_start: str = "hunt"
    closing: ModelClosing | None = None

    @property
    def labelled(self) -> bool:
        """Whether the blocks of its calls are labelled: the program says whose words they are, or what tools may do."""
        return self.labels is not None or bool(self.sinks)

    @property
    def hides(self) -> bool:
        """Whether results of some of its tools are put before no model."""
        return any(tool.opaque for tool in self.sinks)

    @property
    def looks_for_hints(self) -> bool:
        """Whether hints of an attack are looked for: where the program says so, or trust decides over tool calls."""
        stated = self.hints is not None or self.hint_model or self.hint_families or self.hint_rules
        return bool(stated or self.hint_classifier or self.sinks)

    def hint_act(self, family: str) -> HintAct:
        """Returns what is done about a request with a hint of a family."""
        return self.hint_families.get(family, self.hints or HintAct.LOWER)

    @property
    def transcribed(self) -> bool:
        """Whether its calls are taken apart, block by block."""
        return self.labelled or self.looks_for_hints or self.spotlight

    @property
    def inspected(self) -> bool:
        """Whether what its calls hold is looked at: their data classes are those found."""
        return bool(self.handling)
