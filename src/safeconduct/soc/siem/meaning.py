"""What the rows of a SIEM's table mean in OCSF, where the file of SIEMs says of which class they are."""

from collections.abc import Mapping

import msgspec

from safeconduct.soc.hunts.columns import COLUMNS
from safeconduct.soc.ocsf.forms import PROCESS
from safeconduct.soc.siem.model import Table

SAID_BY_CLASS = frozenset({"class", "activity"})
"""Columns that a table's class and activity say, and no field of a row."""

_OF_PROCESS: Mapping[str, str] = {"user": "process.user.name"}
# Where process activity has what other classes have at the first place of the column.


def mapping_of(table: Table) -> bytes:
    """Returns the mapping file that a table's rows are read by; empty where the table says no class.

    Without one, rows are mapped by the names they share with other formats.
    """
    if not table.class_uid:
        return b""
    copied = {
        _attribute(table, column): field for column, field in table.columns.items() if column not in SAID_BY_CLASS
    }
    row = {"class_uid": table.class_uid, "activity_id": table.activity_id, "copy": copied}
    return msgspec.json.encode({"mapping": 1, "time": table.time, "rows": [row]})


def _attribute(table: Table, column: str) -> str:
    if table.class_uid == PROCESS and column in _OF_PROCESS:
        return _OF_PROCESS[column]
    return COLUMNS[column].places[0].removeprefix("/ocsf/").replace("/", ".")
