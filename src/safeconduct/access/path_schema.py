"""The part of the schema that is about ways to a model: paths, the catalogue of models, and their servers."""

from safeconduct.access.budgets import TOKENS_MAX, Period
from safeconduct.access.catalogue import MICRO_USD, TIER_MAX, UNSTATED
from safeconduct.access.data_handling import RESTORED_FOR, RESTORED_FOR_FORM, DataHandling
from safeconduct.access.detection import FoundAct, FoundKind, HintAct
from safeconduct.access.hint_schema import HINT_CLASSIFIER, HINT_FAMILIES, HINT_LIMITS, RULES_MAX
from safeconduct.access.label_rules import PROMPTS_MAX, READERS_MAX, UserText, Vouched
from safeconduct.access.ownership import AuthorizationKind
from safeconduct.access.reading import (
    NAME,
    NAME_FORM,
    Choice,
    Decimal,
    FieldSpec,
    Flag,
    ListOf,
    Named,
    Section,
    Text,
    Whole,
)
from safeconduct.access.selectors import PLACE, PLACE_FORM
from safeconduct.access.target_rules import TargetRule
from safeconduct.access.tool_schema import TOOL_NAME
from safeconduct.kernel.errors import InvalidInputError

BUILT_DIALECTS = (
    "openai.chat",
    "openai.responses",
    "openai.embeddings",
    "anthropic.messages",
    "anthropic.count-tokens",
)
BUILT_MEDIA = ("image", "document")
BUILT_PROVIDER_TOOLS = ("web_search", "file_search", "code_interpreter")

DIALECTS = (
    "openai.chat",
    "openai.responses",
    "openai.embeddings",
    "anthropic.messages",
    "anthropic.count-tokens",
)
MEDIA = ("image", "document", "audio")
RELEASES = ("pass", "hold-window", "hold-all")

MODELS_MAX = 100
"""Models of one path: more than any vendor offers."""

PROVIDERS_MAX = 8
"""Providers of one path: the last is asked after all others failed, within one call's deadline."""

ALIASES_MAX = 16
"""Other names of one model."""

RESTORED_FOR_MAX = 64
"""Terms that say for whom originals are restored: more would be everybody."""

CLOSED_AS = ("benign-positive", "false-positive")
"""What a model may close an incident as: an attack is for people."""

LOOK_DAYS_MAX = 31
"""Days for a second look: what a model closed wrongly is an attack that goes on."""

CALLS_PER_MINUTE_MAX = 10_000
"""Calls a minute that can be counted for one principal on one path: the instant of each is kept."""

CONCURRENT_MAX = 1_000
"""Calls at once of one principal: more than a server takes connections of one client."""

HOSTS_MAX = 200
"""Hosts that the links of one path's answers may lead to."""

CATALOGUE_MAX = 1_000
"""Models in a program: every model of every vendor, many times over."""


def _check_stated(text: str) -> None:
    if text == UNSTATED:
        raise InvalidInputError(f"{UNSTATED!r} is what an upstream has that is not named here: leave it out")


ID = Text("name", NAME, form=NAME_FORM)
TIER = Whole(0, TIER_MAX)
_MODEL = Text("model name", r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_STATED = Text("name", NAME, _check_stated, NAME_FORM)
_PLACE = Text("country or tag", PLACE, form=PLACE_FORM)
_KEY_ID = Text("key id", r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_PRICE = Decimal(MICRO_USD, "USD for a million tokens")

UPSTREAMS = Named(
    Section(
        (
            FieldSpec("vendor", _STATED, "whose model server it is"),
            FieldSpec("region", _STATED, "where it computes"),
            FieldSpec("retention", _STATED, "what it keeps, such as `none` or `30-days`"),
            FieldSpec("operator", ID, "the subprocessor that runs it", required=False, default=""),
            FieldSpec("jurisdiction", _PLACE, "under whose law it computes", required=False, default=""),
            FieldSpec(
                "key_id", _KEY_ID, "what its vendor calls the key that it is asked with", required=False, default=""
            ),
        ),
        "upstream",
    ),
    CATALOGUE_MAX,
    id_attribute="upstream",
)
MODELS = Named(
    Section(
        (
            FieldSpec("version", _MODEL, "the one version that is asked for, as the vendor names it"),
            FieldSpec("aliases", ListOf(_MODEL, ALIASES_MAX), "other names of it", required=False, default=[]),
            FieldSpec("tier", TIER, "what a caller must be approved for", required=False, default=0),
            FieldSpec("prerelease", Flag(), "below its tier it is not there at all", required=False, default=False),
            FieldSpec("approval", Flag(), "refused until its approval is on record", required=False, default=False),
            FieldSpec(
                "program_value",
                Text("text of up to 64", r"[A-Za-z0-9._:/-]{1,64}"),
                "what the vendor is told of the program it is used under",
                required=False,
                default="",
            ),
            FieldSpec(
                "prices",
                Section(
                    (
                        FieldSpec("input", _PRICE, "of what goes in"),
                        FieldSpec("output", _PRICE, "of what comes out"),
                    ),
                    "prices",
                ),
                "what it costs; without them no money budget takes it",
                required=False,
            ),
        ),
        "model",
    ),
    CATALOGUE_MAX,
    id_attribute="name",
    key=_MODEL,
)
_LIMITS = Section(
    (
        # Sealed as a JSON text, a body can double; a sealed field holds 8 MiB.
        FieldSpec("request_bytes", Whole(1_024, 4 * 1024 * 1024), "largest request body"),
        FieldSpec("output_tokens", Whole(1, 131_072), "most tokens of one answer"),
        FieldSpec("deadline_s", Whole(1, 3_600), "seconds until a call is cut"),
        FieldSpec(
            "calls_per_minute",
            Whole(1, CALLS_PER_MINUTE_MAX),
            "calls of one principal in any minute",
            required=False,
        ),
        FieldSpec("concurrent", Whole(1, CONCURRENT_MAX), "calls of one principal at once", required=False),
    ),
    "limits",
)
BUDGET = Section(
    (
        FieldSpec("per", Choice(tuple(Period)), "when it begins anew, in UTC; `window`: never within its own window"),
        FieldSpec("tokens", Whole(1, TOKENS_MAX), "tokens of prompts and answers", required=False),
        FieldSpec(
            "usd",
            Decimal(MICRO_USD, "USD"),
            "what calls may cost by the catalogue",
            required=False,
            attribute="micro_usd",
        ),
    ),
    "budget",
)
_HOST = Text("host", r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", form="a host in small letters")
_FOUND = {
    FoundKind.LINK: "a link to another host than `hosts`, or one with data in it",
    FoundKind.SECRET: "a key, token or password",
    FoundKind.CANARY: "the path's canary, however encoded",
    FoundKind.PSEUDONYM: "an original that the model was given a token for",
    FoundKind.EXPLOIT: "a working exploit; its answer is sealed with readers and retention of its own",
}
OUTPUT = Section(
    (
        FieldSpec(
            "hosts",
            ListOf(_HOST, HOSTS_MAX),
            "hosts that links may lead to, and all below them",
            required=False,
            default=[],
        ),
        *(
            FieldSpec(kind.value, Choice(tuple(FoundAct)), about, required=False, default=FoundAct.WITHHOLD.value)
            for kind, about in _FOUND.items()
        ),
    ),
    "output",
)
CLOSING = Section(
    (
        FieldSpec(
            "as",
            ListOf(Choice(CLOSED_AS), len(CLOSED_AS), least=1),
            "what it may close incidents as",
            attribute="dispositions",
        ),
        FieldSpec(
            "look_percent",
            Whole(1, 100),
            "of a hundred such closings, how many a person looks at again",
            required=False,
            default=20,
        ),
        FieldSpec(
            "look_days",
            Whole(1, LOOK_DAYS_MAX),
            "days for a second look; after them the level is lost",
            required=False,
            default=7,
        ),
    ),
    "closing",
)
_READER = Text("reader", rf"\*|{NAME}", form=f"{NAME_FORM}, or * for everybody")
_SHA256 = Text("digest", r"[0-9a-f]{64}", form="a SHA-256 in 64 hex digits")
_LABELS = Section(
    (
        FieldSpec(
            "system",
            Choice(tuple(Vouched)),
            "whether the operator answers for the system prompts and tool definitions that callers send",
            required=False,
            default=Vouched.UNTRUSTED.value,
        ),
        FieldSpec(
            "prompts",
            ListOf(_SHA256, PROMPTS_MAX),
            "the system prompts and sets of definitions that the operator knows, as calls' entries name them",
            required=False,
            default=[],
        ),
        FieldSpec(
            "user_text",
            Choice(tuple(UserText)),
            "whose words a user's turn is: `person`: theirs where a person calls, untrusted of services and agents",
            required=False,
            default=UserText.PERSON.value,
        ),
        FieldSpec(
            "readers", ListOf(_READER, READERS_MAX), "who may read what callers write", required=False, default=[]
        ),
    ),
    "labels",
)
PATH = Section(
    (
        FieldSpec("purpose", ID, "the one purpose it serves"),
        FieldSpec("models", ListOf(_MODEL, MODELS_MAX, 1), "the models a caller may ask for, by name"),
        FieldSpec(
            "weaker", _MODEL, "the one of `models` that answers callers who are restricted to it", required=False
        ),
        FieldSpec("tier", TIER, "the highest tier of its models", required=False, default=0),
        FieldSpec("upstream", ID, "the configured model server that answers; or `providers`", required=False),
        FieldSpec(
            "providers",
            ListOf(ID, PROVIDERS_MAX, 1),
            "several upstreams of the same region and retention: the first is asked, the next if it fails",
            required=False,
        ),
        FieldSpec(
            "regions",
            ListOf(_STATED, 32),
            "regions its providers must be in; any where empty",
            required=False,
            default=[],
        ),
        FieldSpec(
            "retention",
            ListOf(_STATED, 32),
            "retentions its providers must have; any where empty",
            required=False,
            default=[],
        ),
        FieldSpec("scope", ID, "the targets authorized on it"),
        FieldSpec(
            "telemetry_of",
            ID,
            "the organization whose telemetry and incidents it is for; the house's where it is empty",
            required=False,
            default="",
        ),
        FieldSpec(
            "targets",
            Choice(tuple(TargetRule)),
            "what is done about targets outside the scope ([scope.md](scope.md) section 4)",
            required=False,
            default=TargetRule.IN_SCOPE.value,
            attribute="target_rule",
        ),
        FieldSpec(
            "authorization",
            Choice(tuple(AuthorizationKind)),
            "the weakest authorization that its targets need ([scope.md](scope.md) section 2)",
            required=False,
            default=AuthorizationKind.OWNER_STATEMENT.value,
        ),
        FieldSpec(
            "dialects",
            ListOf(Choice(DIALECTS), len(DIALECTS), 1),
            "the shapes a request may have",
            required=False,
            default=["openai.chat"],
        ),
        FieldSpec(
            "media",
            ListOf(Choice(MEDIA), len(MEDIA)),
            "parts other than text that a request may hold",
            required=False,
            default=[],
        ),
        FieldSpec("history", Flag(), "whether the vendor may keep the conversation", required=False, default=False),
        FieldSpec(
            "release",
            Choice(RELEASES),
            "how answers are let out: as they come, behind an inspected window, or when all was inspected",
            required=False,
            default="pass",
        ),
        FieldSpec(
            "hints",
            Choice(tuple(HintAct)),
            "what is done about a request with hints of an attack ([detection.md](detection.md) section 3)",
            required=False,
        ),
        FieldSpec(
            "hint_families",
            HINT_FAMILIES,
            "what is done by family, where that is another thing than `hints` says",
            required=False,
            default={},
        ),
        FieldSpec(
            "hint_rules",
            ListOf(ID, RULES_MAX),
            "which of the program's own `hint_rules` count here beside those that ship",
            required=False,
            default=[],
        ),
        FieldSpec(
            "hint_limits",
            HINT_LIMITS,
            "above what strength the linear model hints, as `safeconduct hints try` shows it; as shipped where absent",
            required=False,
        ),
        FieldSpec(
            "hint_classifier",
            HINT_CLASSIFIER,
            "that the machine's classifier is asked for hints too ([detection.md](detection.md) section 8)",
            required=False,
        ),
        FieldSpec(
            "hint_model",
            Flag(),
            "whether the linear model looks for hints beside the rules ([detection.md](detection.md) section 4)",
            required=False,
            default=False,
        ),
        FieldSpec(
            "output",
            OUTPUT,
            "what is looked for in answers and done about it ([detection.md](detection.md) section 5)",
            required=False,
        ),
        FieldSpec(
            "spotlight",
            Flag(),
            "whether results of tools and documents stand between random lines, and the model is told"
            " ([spotlight.md](spotlight.md))",
            required=False,
            default=False,
        ),
        FieldSpec(
            "data_classes",
            ListOf(ID, 32, 1),
            "classes of data it takes; `unlabeled` is what nobody inspects, `text` where nothing was found",
        ),
        FieldSpec(
            "handling",
            Named(Choice(tuple(DataHandling)), 32),
            "what is done with each class before the vendor gets it; a path that says it is inspected"
            " ([handling.md](handling.md))",
            required=False,
            default={},
        ),
        FieldSpec(
            "restore",
            ListOf(Text("reader", RESTORED_FOR, form=RESTORED_FOR_FORM), RESTORED_FOR_MAX),
            "for whom originals are put back in place of pseudonyms in answers; nobody where empty",
            required=False,
            default=[],
        ),
        FieldSpec(
            "keep_subnets",
            Flag(),
            "whether pseudonyms of internal addresses show which of them share a subnet",
            required=False,
            default=False,
        ),
        FieldSpec(
            "labels",
            _LABELS,
            "whose words its callers bring; every block is labelled then ([labels.md](labels.md) section 2)",
            required=False,
        ),
        FieldSpec(
            "tools",
            ListOf(TOOL_NAME, 100),
            "functions that a request may offer and the model may call; decided each, where they have entries",
            required=False,
            default=[],
        ),
        FieldSpec(
            "provider_tools",
            ListOf(TOOL_NAME, 32),
            "tools that the vendor runs on its side, out of sight of the log",
            required=False,
            default=[],
        ),
        FieldSpec(
            "autonomy",
            Choice(("advise", "triage", "hunt", "act")),
            "the most that what the model says may cause ([autonomy.md](autonomy.md))",
        ),
        FieldSpec(
            "autonomy_start",
            Choice(("advise", "triage", "hunt")),
            "the level before any evidence, within `autonomy`; what is above it, and `act` always, is earned",
            required=False,
            default="hunt",
        ),
        FieldSpec(
            "closing",
            CLOSING,
            "what a model may close at level `act`; nothing where it is absent ([autonomy.md](autonomy.md) section 4)",
            required=False,
        ),
        FieldSpec("gate", ID, "a gate that must be attested; until then every call is refused", required=False),
        FieldSpec("limits", _LIMITS, "hard limits"),
        FieldSpec("budget", BUDGET, "what all its calls together may use", required=False),
    ),
    "path",
)
