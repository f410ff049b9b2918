"""A program file with one more signature in it: the line is written where it belongs, and nothing else is touched."""

import re

from safeconduct.access.agreement import Side
from safeconduct.access.document import Fields, Mark, Node, ProgramInvalidError, parse_document
from safeconduct.access.program import Program, parse_program
from safeconduct.access.signing import has_signed, sign_agreement
from safeconduct.kernel.errors import InvalidInputError, RefusedError
from safeconduct.ledger.keys import SigningKey

_WORD = re.compile(r"""\{\s*\}|"[^"]*"|'[^']*'|[A-Za-z0-9+/=]+""")


def side_of(program: Program, key: SigningKey) -> Side:
    """Returns which party's organization a key is.

    Raises:
        RefusedError: `not-a-party`: neither's. A person's key signs acts, not agreements.
    """
    for side, public in program.agreement.keys.items():
        if public == key.public.text:
            return side
    raise RefusedError(
        f"key {key.public.fingerprint} is neither the provider's nor the partner's organization key",
        code="not-a-party",
        clause=f"agreement:{program.agreement.id}/signatures",
        remedy="sign with the key whose public half stands as organizations.NAME.key in the program file",
    )


def with_signature(source: bytes, key: SigningKey, *, file: str = "program.yaml") -> bytes:
    """Returns the program file with the signature of the party whose organization's key this is.

    Raises:
        TooLargeError, ProgramInvalidError: the file can't be read.
        RefusedError: `not-a-party`.
        InvalidInputError: `signature-place`: the file is laid out so that the line has no place of its own.
    """
    program = parse_program(source, file=file)
    side = side_of(program, key)
    signature = sign_agreement(program.origin, program.agreement, key)
    written = _written(source, file, side, signature)
    try:
        signed = parse_program(written, file=file)
    except ProgramInvalidError as error:
        raise _misplaced(side, signature) from error
    if not has_signed(signed.origin, signed.agreement, side, key.public.text):
        raise _misplaced(side, signature)
    return written


def _written(source: bytes, file: str, side: Side, signature: str) -> bytes:
    lines = source.decode("utf-8-sig").splitlines(keepends=True)
    agreement = _agreement(parse_document(source, file))
    found = agreement.fields.get("signatures")
    signatures = found[1] if found else Fields(agreement.mark)
    if not isinstance(signatures, Fields):
        raise _misplaced(side, signature)
    if side in signatures.fields:
        mark = signatures.fields[side][1].mark
        lines[mark.line - 1] = _replaced(lines[mark.line - 1], mark, signature)
    elif signatures.fields:
        _insert(lines, min(mark for mark, _ in signatures.fields.values()), f"{side}: {signature}")
    elif found is not None:
        mark = signatures.mark
        lines[mark.line - 1] = _replaced(lines[mark.line - 1], mark, f"{{{side}: {signature}}}")
    else:
        first = min(mark for mark, _ in agreement.fields.values())
        _insert(lines, first, f"signatures:\n{' ' * (first.column + 1)}{side}: {signature}")
    return "".join(lines).encode()


def _agreement(document: Node) -> Fields:
    assert isinstance(document, Fields)  # noqa: S101 - the file was read by the schema before
    agreement = document.fields["agreement"][1]
    assert isinstance(agreement, Fields)  # noqa: S101 - as above
    return agreement


def _replaced(line: str, mark: Mark, text: str) -> str:
    """Returns a line with text in the place of the word at a mark: a signature in whatever quotes, or an empty map."""
    before, after = line[: mark.column - 1], line[mark.column - 1 :]
    word = _WORD.match(after)
    return before + text + after[word.end() if word else 0 :]


def _insert(lines: list[str], before: Mark, text: str) -> None:
    """Puts a key before the one at a mark: on a line of its own, or in the same one where the map is in braces."""
    line = lines[before.line - 1]
    indent, rest = line[: before.column - 1], line[before.column - 1 :]
    separator = ", " if indent.strip() else "\n" + indent
    lines[before.line - 1] = indent + text + separator + rest


def _misplaced(side: Side, signature: str) -> InvalidInputError:
    return InvalidInputError(
        f"there is no place for the {side}'s signature in the way this file is laid out",
        code="signature-place",
        remedy=f"write it yourself, under agreement: signatures: {{{side}: {signature}}}",
    )
