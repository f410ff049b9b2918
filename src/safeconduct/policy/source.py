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


class PolicyInvalidError(InvalidInputError):
    """The policy text is no set of Cedar policies that we take. `line` counts from 1 within the text."""

    default_code = "policy-invalid"

    def __init__(self, message: str, *, line: int, remedy: str = "") -> None:
        super().__init__(f"line {line}: {message}", remedy=remedy)
        self.problem = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Statement:
    """The text of one policy up to its semicolon, and the line on which it begins."""

    line: int
    text: str
    tokens: int


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
    line, begin, begin_line, tokens = 1, -1, 1, 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "space":
            if begin < 0:
                begin, begin_line = match.start(), line
            if match["sign"] == '"':
                raise PolicyInvalidError("a string begins here and does not end", line=line)
            tokens += 1
        if match.lastgroup == "end":
            yield Statement(begin_line, text[begin : match.end()], tokens)
            begin, tokens = -1, 0
        line += match.group().count("\n")
    if begin >= 0:
        raise PolicyInvalidError("the policy that begins here has no semicolon at its end", line=begin_line)
