"""The forms in which a quote may stand for a stored value. Each holds only for fields whose meaning it keeps."""

import re
from collections.abc import Callable, Mapping

from safeconduct.soc.entity_forms import normal_address, normal_host
from safeconduct.soc.predicates import Evidence, Form
from safeconduct.soc.quotes import Scalar, same
from safeconduct.soc.wording import shown

PATH_FIELDS = frozenset(
    {"path", "Image", "ParentImage", "SourceImage", "TargetImage", "ImageLoaded", "TargetFilename", "TargetObject"}
    | {"CurrentDirectory", "NewProcessName", "ParentProcessName", "ProcessName", "ObjectName", "executable"}
)
"""Last steps of pointers to files and registry keys. A command line is none: its arguments may tell letters apart."""

NAME_FIELDS = frozenset(
    {"hostname", "Hostname", "Computer", "ComputerName", "WorkstationName", "QueryName", "DestinationHostname"}
    | {"SourceHostname", "domain"}
)
"""Last steps of pointers to hosts and domains, which are the same in any letters (RFC 4343)."""

_WINDOWS_PATH = re.compile(r"[A-Za-z]:\\|\\|%\w+%\\|(?:HKLM|HKCR|HKCU|HKU|HKEY_\w+)\\")
_RUN = re.compile(r"\\+")
_HASH = re.compile(r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})")

_Normal = Callable[[str], str | None]


def agrees(piece: Evidence, stored: Scalar) -> bool:
    """Tells whether the quote is the stored value: equal, or equal in the form that it declares."""
    if same(stored, piece.quote):
        return True
    if not isinstance(stored, str) or not isinstance(piece.quote, str):
        return False
    if piece.form is Form.SHOWN:
        return piece.quote == shown(stored)
    normal = _normal(piece.form, piece.pointer)
    if normal is None or not _is_one(piece.form, stored):
        return False
    found = normal(stored)
    return found is not None and found == normal(piece.quote)


def form_of(pointer: str, stored: Scalar) -> Form:
    """Returns the widest form in which this field may be quoted otherwise than it is stored."""
    if isinstance(stored, str):
        for form in (Form.ADDRESS, Form.HASH, Form.PATH, Form.NAME):
            normal = _normal(form, pointer)
            if normal is not None and _is_one(form, stored) and normal(stored) is not None:
                return form
    return Form.EXACT


def _normal(form: Form, pointer: str) -> _Normal | None:
    fields = _FIELDS.get(form)
    if fields is not None and pointer.rpartition("/")[2] not in fields:
        return None
    return _NORMAL.get(form)


def _is_one(form: Form, stored: str) -> bool:
    return form is not Form.PATH or _WINDOWS_PATH.match(stored) is not None


def _path(text: str) -> str:
    text = text.replace("/", "\\").lower()
    runs = _RUN.findall(text)
    # JSON text and many languages write each backslash twice; only a path that does so throughout is one.
    doubled = bool(runs) and all(len(run) % 2 == 0 for run in runs)
    return _RUN.sub(lambda run: run.group()[: len(run.group()) // 2], text) if doubled else text


def _hash(text: str) -> str | None:
    return text.lower() if _HASH.fullmatch(text) else None


_FIELDS: Mapping[Form, frozenset[str]] = {Form.PATH: PATH_FIELDS, Form.NAME: NAME_FIELDS}
_NORMAL: Mapping[Form, _Normal] = {
    Form.PATH: _path,
    Form.NAME: normal_host,
    Form.HASH: _hash,
    Form.ADDRESS: normal_address,
}
