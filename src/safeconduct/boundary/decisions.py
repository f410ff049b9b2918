"""The decision token: what an executor must hold before it runs one tool call, once. docs/spec/executor.md section 1.

A gateway sees what a model proposes, never what is run. So whoever runs tools runs them against this alone.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

from safeconduct.kernel.canonical import JSONValue, canonical, digest
from safeconduct.kernel.decisions import Decision, Effect, Reason
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import MINUTE, Duration, Instant, rfc3339
from safeconduct.ledger.notes import NoteError, NoteSigner, VerifierKey, parse_note

HEADING = "safeconduct.io/tool-decision/1"
"""The first line of what is signed: a signature over anything else is no decision."""

TOKEN_BYTES_MAX = 4096
"""Bytes of a token. Its fields are digests and short names; a longer one is none."""

DECISION_LIFETIME = Duration(10 * MINUTE)
"""How long an allowed call may wait to be run: ten minutes. Later it is another situation."""

TOOL_CHARS_MAX = 128
"""Characters of a tool's name, as the Model Context Protocol has them."""

_TOOL_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{TOOL_CHARS_MAX}}}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionToken:
    """One tool call of one model call may be run once: this tool, with these arguments, in this session.

    `id` is used up by the run. `labels_sha256` and `policy_version` say on what it was decided; both are digests.
    """

    id: str
    call: str
    tool_call: str
    tool: str
    arguments_sha256: str
    labels_sha256: str
    policy_version: str
    organization: str
    principal: str
    session: str
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is about to be run, by whoever would run it: for whom, in which session, which tool, on which arguments."""

    principal: str
    session: str
    tool: str
    arguments_sha256: str

    @property
    def sought(self) -> str:
        """The digest that a decision on this is found by."""
        return digest(
            {
                "principal": self.principal,
                "session": self.session,
                "tool": self.tool,
                "arguments_sha256": self.arguments_sha256,
            }
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a token lets an attempt be made, and why not. `token` is what it says, where its signature holds."""

    decision: Decision
    token: DecisionToken | None = None


def decision_id(call: str, tool_call: str) -> str:
    """Returns the id of the decision on a call's tool call: 64 hex digits, whatever the model named the call."""
    return digest({"call": call, "tool_call": tool_call})


def check_tool_name(name: str) -> None:
    """Returns if a tool may have the name.

    Letters that look like others name another tool, so there are none but ASCII's.

    Raises:
        InvalidInputError: `tool-name-invalid`.
    """
    if not _TOOL_NAME.fullmatch(name):
        raise InvalidInputError(
            f"a tool's name has 1 to {TOOL_CHARS_MAX} letters, digits and _ . - of ASCII, got {ascii(name)[:80]}",
            code="tool-name-invalid",
            remedy="give the tool a name of these",
        )


def attempt_of(*, principal: str, session: str, tool: str, arguments: Mapping[str, JSONValue]) -> Attempt:
    """Returns the attempt to call a tool on arguments.

    Raises:
        InvalidInputError: `tool-name-invalid`; `arguments-not-canonical`: no single form could be signed.
    """
    check_tool_name(tool)
    try:
        hashed = digest(arguments)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"the arguments of {tool} have no canonical form: {error.message}",
            code="arguments-not-canonical",
            remedy="pass fractions and integers beyond 2^53 - 1 as text",
        ) from error
    return Attempt(principal=principal, session=session, tool=tool, arguments_sha256=hashed)


def signed_token(token: DecisionToken, signer: NoteSigner) -> str:
    """Returns the token as a signed note (C2SP signed-note): a heading, one line of canonical JSON, the signature."""
    text = f"{HEADING}\n{canonical(msgspec.to_builtins(token)).decode()}\n"
    return f"{text}\n{signer.sign(text).line}"


def verify(token: str, keys: Collection[VerifierKey], attempt: Attempt, now: Instant) -> Verified:
    """Tells whether a token of one of the keys lets the attempt be made now. It doesn't show whether it was used."""
    try:
        note = parse_note(token, bytes_max=TOKEN_BYTES_MAX)
        named = next((key for key in keys if note.names(key)), None)
        if named is None:
            return _no("decision-key-unknown", "it is signed by no key that is pinned here", _PIN)
        note.signed_by(named)
        said = _read(note.text)
    except NoteError as error:
        code = "decision-signature-invalid" if error.code == "signature-invalid" else "decision-malformed"
        return _no(code, error.message, _ASK)
    reason = _against(said, attempt, now)
    return Verified(Decision(Effect.DENY, (reason,)) if reason else Decision(Effect.ALLOW), said)


_ASK = "ask the gateway for the decision on this call"
_PIN = "compare with safeconduct executor keys, then pin the key"
_AGAIN = "have the model propose the call again"


def _read(text: str) -> DecisionToken:
    heading, _, body = text.removesuffix("\n").partition("\n")
    if heading != HEADING:
        raise NoteError(f"expected the heading {HEADING}, got {heading[:64]!r}")
    try:
        said = msgspec.json.decode(body, type=DecisionToken)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise NoteError(f"it holds no decision: {error}") from error
    if canonical(msgspec.to_builtins(said)).decode() != body:
        raise NoteError("it says more than a decision, or not in the one form")
    return said


def _against(said: DecisionToken, attempt: Attempt, now: Instant) -> Reason | None:
    for code, one, other, what in (
        ("decision-other-tool", said.tool, attempt.tool, "tool"),
        ("decision-other-arguments", said.arguments_sha256, attempt.arguments_sha256, "arguments"),
        ("decision-other-session", said.session, attempt.session, "session"),
        ("decision-other-principal", said.principal, attempt.principal, "principal"),
    ):
        if one != other:
            return Reason(code, f"decision:{said.id}", f"it is for another {what}", _ASK)
    if now >= said.expires_at:
        return Reason(
            "decision-expired", f"decision:{said.id}", f"it was good until {rfc3339(said.expires_at)}", _AGAIN
        )
    return None


def _no(code: str, text: str, remedy: str) -> Verified:
    return Verified(Decision(Effect.DENY, (Reason(code, "", text, remedy),)))
