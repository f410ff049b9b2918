"""The printable evidence report of a log, or of what belongs to one call, incident, action or approval in it."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from safeconduct.kernel.instants import SECOND, Instant, rfc3339
from safeconduct.ledger.dossier import Dossier, ReportedEntry, SignatureLine
from safeconduct.ledger.envelope import Leaf
from safeconduct.web.page import code, facts, page, section, table, text

BODY_CHARS_MAX = 2000
"""Characters of an entry's body on paper; the evidence has all of it."""

_CLASSES: Mapping[int, str] = {
    0: "Base Event",
    1008: "Event Log Activity",
    2005: "Incident Finding",
    3002: "Authentication",
    3004: "Entity Management",
    6003: "API Activity",
    7001: "Remediation Activity",
}

_KEYS = (
    "Get the log's key and the witness's from the agreement or from the other party, not from this page, and compare "
    "them with those above."
)
_SAVE = (
    "Save an evidence block, from its first line to its last, as <code>entry.tlog-proof</code>. Then, with no network "
    "and no database:"
)
_BY_HAND = (
    "The format is C2SP's tlog-proof; other programs read it too. By hand: decode the base64 of the <code>extra</code> "
    "line, hash it with SHA-256 after a zero byte, climb by the hashes below it (RFC 6962) to the checkpoint's root, "
    "and check its Ed25519 signatures."
)
_WHOLE = (
    "The whole log, each entry and each tile: <code>safeconduct log export DIR</code>, then "
    "<code>safeconduct log verify DIR</code> with the same keys."
)


def render_log_report(dossier: Dossier, made_at: Instant) -> str:
    """Returns the page. It is made from the log's own bytes, so that it proves nothing which its evidence does not."""
    subject = dossier.about or dossier.origin
    said = dossier.signed.checkpoint
    what = "What belongs to it" if dossier.about else "Entries that stand out"
    parts = [
        f"<h1>Evidence from the log {code(subject)}</h1>",
        f"<p class=soft>{text(dossier.origin)}, {said.size} entries, made {text(rfc3339(made_at))}</p>",
        section("What this page says, and what it does not", _claims(dossier)),
        section("The checkpoint", _checkpoint(dossier)),
        section("Who signed it", _signatures(dossier.signatures)),
        section(what, _overview(dossier)),
        section("What the log holds", _holdings(dossier)),
        section("How to verify this without us", _steps(dossier)),
        section("Evidence", "".join(map(_entry, dossier.entries))),
    ]
    return page(f"Evidence from the log {subject}", parts)


def _claims(dossier: Dossier) -> str:
    cosigned = [line.name for line in dossier.signatures if line.key and not line.is_log]
    by = f"{text(', '.join(cosigned))} cosigned it" if cosigned else "<b class=rejected>nobody cosigned it yet</b>"
    return _list(
        (
            "Each entry below stood in this log, at this index, with these bytes, when the checkpoint was signed.",
            f"The log's key signed the checkpoint, and {by}. A log rewritten since would need other signatures.",
            "Sealed fields stand here as digests. Who may read them opens them elsewhere, and that leaves an entry.",
            "It does not say that what an entry tells is true, nor that nothing happened that has no entry.",
            "The evidence blocks prove themselves; the words around them prove nothing.",
        )
    )


def _checkpoint(dossier: Dossier) -> str:
    said = dossier.signed.checkpoint
    named = (("origin", said.origin), ("size", said.size), ("root", said.root.hex()), ("log key", dossier.key))
    note = f"<pre>{text(dossier.signed.encoded)}</pre>"
    return facts((name, code(value)) for name, value in named) + note


def _signatures(lines: Iterable[SignatureLine]) -> str:
    return table(("key", "as", "at"), (_signature(line) for line in lines))


def _signature(line: SignatureLine) -> Sequence[str]:
    if not line.key:
        return code(line.name), "<b class=rejected>unknown: not checked</b>", ""
    at = rfc3339(Instant(line.at_s * SECOND)).partition(".")[0] + "Z" if line.at_s else ""
    role = "the log" if line.is_log else "witness"
    return code(line.key), f"<b class='verified whole'>{role}, verified</b>", f"<span class=whole>{text(at)}</span>"


def _overview(dossier: Dossier) -> str:
    lines = (
        (
            text(entry.index),
            text(entry.leaf.at),
            f"{code(entry.leaf.type)}<br><span class=soft>{_CLASSES.get(entry.class_uid, '')}</span>",
            text((entry.leaf.act or {}).get("actor", "")),
            code(entry.leaf.id),
        )
        for entry in dossier.entries
    )
    more = f"<p><b>{dossier.left_out} more</b> are not on this page: take an export.</p>" if dossier.left_out else ""
    return table(("index", "at", "type", "signed by", "entry"), lines) + more


def _holdings(dossier: Dossier) -> str:
    known = facts((("first entry", text(dossier.first_at)), ("last entry", text(dossier.last_at))))
    types = _list((f"{code(name)} <b>{count}</b>" for name, count in dossier.types.items()), kind="ul class=many")
    sealed = ((text(readers), text(count)) for readers, count in dossier.readers.items())
    return known + types + table(("sealed for", "fields"), sealed)


def _steps(dossier: Dossier) -> str:
    witnesses = [line.key for line in dossier.signatures if line.key and not line.is_log]
    known = " ".join(["--key", dossier.key, *(f"--witness {key}" for key in dict.fromkeys(witnesses))])
    command = f"safeconduct log verify entry.tlog-proof {known}"
    return _list((_KEYS, f"{_SAVE}<pre>{text(command)}</pre>", _BY_HAND, _WHOLE), kind="ol")


def _entry(entry: ReportedEntry) -> str:
    leaf = entry.leaf
    named = [
        ("at", text(leaf.at)),
        ("type", code(leaf.type)),
        ("leaf hash", code(entry.leaf_hash)),
        ("body", _body(leaf)),
        *_act(leaf),
        *((f"sealed {name}", _sealed(leaf, name)) for name in sorted(leaf.sealed)),
    ]
    shown = f"<pre>{text(entry.evidence)}</pre>" if entry.evidence else _elsewhere(leaf)
    return f"<article><h3>Entry {entry.index} {code(leaf.id)}</h3>{facts(named)}{shown}</article>"


def _body(leaf: Leaf) -> str:
    shown = msgspec.json.encode(leaf.body).decode()
    cut = "" if len(shown) <= BODY_CHARS_MAX else f"<p class=soft>cut after {BODY_CHARS_MAX} characters</p>"
    return f"<pre>{text(shown[:BODY_CHARS_MAX])}</pre>{cut}"


def _act(leaf: Leaf) -> Iterable[tuple[str, str]]:
    if leaf.act:
        yield "act", f"{text(leaf.act.get('actor'))}, {code(leaf.act.get('operation'))}, {text(leaf.act.get('at'))}"


def _sealed(leaf: Leaf, name: str) -> str:
    field = leaf.sealed[name]
    readers = ", ".join(field.readers)
    return f"for {text(readers)}; commitment {code(field.commitment)}"


def _elsewhere(leaf: Leaf) -> str:
    command = f"safeconduct log prove {leaf.id} --out entry.tlog-proof"
    return f"<p class=soft>Too long for paper: {code(command)}</p>"


def _list(items: Iterable[str], *, kind: str = "ul") -> str:
    return f"<{kind}>{''.join(f'<li>{item}</li>' for item in items)}</{kind[:2]}>"
