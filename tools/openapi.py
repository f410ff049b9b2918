"""Writes docs/openapi.json from the routes themselves. A test fails when the file is not what this writes."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

from safeconduct.access.reading_rights import Reader
from safeconduct.bootstrap.routes import ROUTERS
from safeconduct.http.control.app import control_app

PAGE = Path(__file__).parents[1] / "docs" / "openapi.json"


def document() -> dict[str, Any]:
    """Returns what a server answers at /api/v1/openapi.json."""
    app = control_app(
        ROUTERS,
        control=None,
        local_secret="",
        check_reader=lambda _signed: Reader(),
        version=metadata.version("safeconduct"),
    )
    return app.openapi()


def page() -> str:
    """Returns the file's text: sorted, so that a change of a route is a small change of the file."""
    text = json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=False)  # noqa: TID251 - for people to read
    return text + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
