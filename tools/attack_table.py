"""Makes soc/attack.json, the table of ATT&CK techniques: `python -m tools.attack_table SOURCE.json [TARGET.json]`.

SOURCE is the compact form of MITRE's enterprise bundle in the conformance corpora (attack/enterprise-18.1.json), which
holds id, name, tactics, revoked and deprecated of each technique. Only these are kept.
"""

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src" / "safeconduct" / "soc" / "attack.json"
NOTICE = (
    "© The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation. "
    "ATT&CK is a registered trademark of The MITRE Corporation."
)
LICENSE = (
    "The MITRE Corporation (MITRE) hereby grants you a non-exclusive, royalty-free license to use ATT&CK® for "
    "research, development, and commercial purposes. Any copy you make for such purposes is authorized provided that "
    "you reproduce MITRE's copyright designation and this license in any such copy."
)


def table(source: dict[str, Any]) -> str:
    """Returns the table as JSON text, one technique a line, so that a new release shows as a readable difference."""
    lines = [f'"source": {_json(source["source"])}', f'"notice": {_json(NOTICE)}', f'"license": {_json(LICENSE)}']
    tactics = [f"{_json(name)}: {_json(tactic)}" for name, tactic in sorted(source["tactics"].items())]
    techniques = [_technique(item) for item in sorted(source["techniques"], key=lambda item: item["id"])]
    lines += [_block("tactics", tactics), _block("techniques", techniques)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _technique(item: dict[str, Any]) -> str:
    kept: dict[str, Any] = {"name": item["name"], "tactics": sorted(item["tactics"])}
    kept |= {flag: True for flag in ("revoked", "deprecated") if item[flag]}
    return f"{_json(item['id'])}: {_json(kept)}"


def _block(name: str, lines: list[str]) -> str:
    return f'"{name}": {{\n' + ",\n".join(lines) + "\n}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # noqa: TID251 - a file for people, hashed by nobody


def main(arguments: list[str]) -> int:
    """Writes the table."""
    if not arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    source = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    target = Path(arguments[1]) if arguments[1:] else TARGET
    target.write_text(table(source), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
