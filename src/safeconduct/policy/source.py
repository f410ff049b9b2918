"""Cedar text, cut into its policies, so that an error can name a line and an oversized policy never reaches the engine.

The engine reports no positions, and ends the whole process when a policy is nested too deep (seen with cedarpy 4.12.2
at 3,000 chained operators on an 8 MiB stack), so both must be dealt with before it sees the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from safeconduct.kernel.errors import InvalidInputError, TooLargeError

POLICY_TEXT_BYTES_MAX = 256 * 1024
"""Size of one policy set's text: some 700 policies of the usual length, read in a few milliseconds."""

POLICIES_MAX = 200
"""Policies in one set. Evaluation is linear in them: 200 cost about 0.3 ms a decision, 2,000 over 4 ms."""

POLICY_TOKENS_MAX = 500
"""Tokens in one policy, and so the most that it can nest; the engine's stack ends between 2,000 and 3,000."""

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\r\n]*)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>\w+)|(?P<end>;)|(?P<sign>.)""",
    re.DOTALL,
)


_NAMED = re.compile(r"for policy `[^`]*`, ")
_QUOTED = re.compile(r"`([^`]+)`")


class PolicyInvalidError(InvalidInputError):
    """The policy text is no set of Cedar policies that we take.

    `line` is where the policy begins, `place` the line and column of what is wrong in it where only one can be meant,
    else of its beginning. All count from 1 within the text.
    """

    default_code = "policy-invalid"

    def __init__(self, message: str, *, line: int, place: tuple[int, int] | None = None, remedy: str = "") -> None:
        super().__init__(f"line {line}: {message}", remedy=remedy)
        self.problem = message
        self.line = line
        self.place = place or (line, 1)


@dataclass(frozen=True, slots=True)
class Statement:
    """The text of one policy up to its semicolon, and the line and column at which it begins."""

    line: int
    column: int
    text: str
    tokens: int

    def place_of(self, said: str) -> tuple[int, int]:
        """Returns the line and column of the one token that an error quotes; the policy's own if several may be meant.

        The engine reports no positions, but puts what it stumbled over between backticks.
        """
        for quoted in _QUOTED.findall(_NAMED.sub("", said)):
            found = [match.start() for match in _TOKEN.finditer(self.text) if match.group() == quoted]
            if "::" in quoted and self.text.count(quoted) == 1:  # an entity, which is several tokens
                found = [self.text.index(quoted)]
            if len(found) == 1:
                before = self.text[: found[0]]
                lines = before.count("\n")
                column = len(before) - before.rfind("\n") if lines else self.column + len(before)
                return self.line + lines, column
        return self.line, self.column


def statements(text: str) -> tuple[Statement, ...]:
    """Cuts policy text at the semicolons that end its policies.

    Raises:
        TooLargeError: the text, the number of policies or a policy's tokens are over their limits.
        PolicyInvalidError: the last policy has no semicolon, or a string does not end.
    """
    if len(text.encode("utf-8", "surrogatepass")) > POLICY_TEXT_BYTES_MAX:
        raise TooLargeError(f"the policies are over {POLICY_TEXT_BYTES_MAX} bytes")
    found = tuple(_cut(text))
    if len(found) > POLICIES_MAX:
        raise TooLargeError(f"expected at most {POLICIES_MAX} policies, got {len(found)}")
    for statement in found:
        if statement.tokens > POLICY_TOKENS_MAX:
            raise TooLargeError(
                f"line {statement.line}: the policy has {statement.tokens} tokens, expected at most "
                f"{POLICY_TOKENS_MAX}",
                remedy="split it into several policies",
            )
    return found


def _cut(text: str) -> Iterator[Statement]:
    line, line_start, begin, begins_at, tokens = 1, 0, -1, (1, 1), 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "space":
            place = line, match.start() - line_start + 1
            if begin < 0:
                begin, begins_at = match.start(), place
            if match["sign"] == '"':
                raise PolicyInvalidError("a string begins here and does not end", line=line, place=place)
            tokens += 1
        if match.lastgroup == "end":
            yield Statement(*begins_at, text[begin : match.end()], tokens)
            begin, tokens = -1, 0
        if "\n" in match.group():
            line += match.group().count("\n")
            line_start = match.start() + match.group().rfind("\n") + 1
    if begin >= 0:
        told = "the policy that begins here has no semicolon at its end"
        raise PolicyInvalidError(told, line=begins_at[0], place=begins_at)
