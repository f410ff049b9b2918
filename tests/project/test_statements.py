"""What the documents state about the code - layers, routes, codes, dependencies, nouns - is so in the code."""

import re
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest

import openapi
from safeconduct.http import gateway, pages, scim

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "safeconduct"
SOURCE = {path: path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
QUOTED = {word for text in SOURCE.values() for word in re.findall(r'"([a-z][a-z0-9-]*)"', text)}
LICENSES = {
    "MIT License": "MIT",
    "BSD 2-Clause License": "BSD-2-Clause",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "LGPL v3": "LGPL-3.0-only",
}
VENDORS_WORD = "refresh-rate"
CODE = re.compile(r"`([a-z]+(?:-[a-z0-9]+)+)`")


def read(name):
    return (ROOT / name).read_text()


def table(text, columns):
    """Returns the cells of a Markdown text's table rows of so many columns, headings left out."""
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines()]
    return [
        row for row, line in zip(cells, text.splitlines(), strict=True) if line.startswith("| ") and len(row) == columns
    ][2:]


def test_the_layer_picture_names_every_package_and_no_other():
    picture = re.search(r"^```\n(cli/.*?)^```", read("docs/architecture.md"), re.MULTILINE | re.DOTALL)[1]
    named = set(re.findall(r"^([a-z]+)(?:/|\.py)", picture, re.MULTILINE)) | set(re.findall(r"\| ([a-z]+)/", picture))
    there = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith(("_", "py.typed"))}
    assert named == there


def test_every_route_that_the_architecture_names_is_served():
    def form(path):
        return re.sub(r"\{[a-z_]+\}", "{}", path.split("?")[0])

    served = {form(path) for path in openapi.document()["paths"]}
    served |= {form(path) for path in re.findall(r"(?:GET|POST) +(\S+)", gateway.__doc__)} | {"/api/v1/openapi.json"}
    served |= {form(route.path_format) for router in (pages.router, scim.router) for route in router.routes}
    interfaces = read("docs/architecture.md").split("## Interfaces")[1]
    named = [form(path) for path in re.findall(r"`(/[^`]+)`", interfaces)]
    assert len(named) > 7
    for path in named:
        start = path.removesuffix("...")
        assert path in served or (path.endswith("...") and any(one.startswith(start) for one in served)), path


def test_every_code_of_the_denials_is_one_the_product_gives():
    rows = table(read("docs/adr/0002-nothing-means-no.md"), 3)
    codes = [code for row in rows for code in CODE.findall(row[2])]
    assert len(codes) > 8
    assert [code for code in codes if code not in QUOTED] == []


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "SECURITY.md",
        "CHANGELOG.md",
        *(f"docs/{path.relative_to(ROOT / 'docs')}" for path in sorted((ROOT / "docs").rglob("*.md"))),
    ],
)
def test_every_code_that_a_document_names_is_one_of_the_product(document):
    words = set(CODE.findall(read(document))) - {
        "safeconduct-grant",
        "safeconduct-call",
        "safeconduct-purpose",
        VENDORS_WORD,
    }
    everything = "\n".join(SOURCE.values()) + "".join(path.read_text() for path in PACKAGE.rglob("*.y*ml"))
    assert [word for word in sorted(words) if word not in everything] == []


def packages(text):
    return {re.match(r"[\w-]+", line)[0] for line in text}


def test_each_dependency_stands_on_its_page_and_no_other():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    needed = packages([*project["dependencies"], *chain(*project["optional-dependencies"].values())])
    needed |= packages(line for line in read("requirements/model.in").splitlines() if not line.startswith("#"))
    assert {row[0] for row in table(read("docs/dependencies.md"), 4)} == needed
    stated = [line for part in ("dev", "suites") for line in read(f"requirements/{part}.in").splitlines()]
    developers = packages(line for line in stated if not line.startswith("#"))
    assert {name for name, _ in developer_set()} == developers - needed


def developer_set():
    paragraph = read("docs/dependencies.md").split("Developer set: ")[1].split("\n\n")[0]
    return re.findall(r"([\w-]+)\s\(([\w.-]+)", paragraph)


@pytest.mark.parametrize(
    ("name", "said"), [*[row[:2] for row in table(read("docs/dependencies.md"), 4)], *developer_set()]
)
def test_each_license_is_the_one_the_package_states(name, said):
    about = metadata.metadata(name)
    stated = [about["License-Expression"] or about["License"] or ""]
    if stated == [""]:
        stated = [one for one in about.get_all("Classifier", []) if one.startswith("License")]
    whole = any("\n" in one for one in stated)  # the license itself in the field for its name
    if not stated or whole or name == "uvloop":  # a text only; or more in the classifiers than in the field
        files = [file for file in metadata.files(name) if "LICENSE" in file.name.upper()]
        texts = " ".join([*stated, *(file.read_text() for file in files)])
        assert all(word in texts for word in {"Apache-2.0": ["Apache License"]}.get(said, ["Apache", "MIT"]))
    else:
        assert [LICENSES.get(one, one) for one in stated] == [said]


def test_the_first_run_installs_as_many_packages_as_the_readme_says():
    said = int(re.search(r"about (\d+) hashed packages", read("README.md"))[1])
    locked = sum(
        len(re.findall(r"^[\w.-]+==", read(f"requirements/{part}.txt"), re.MULTILINE)) for part in ("run", "model")
    )
    assert abs(locked - said) <= 5


def test_each_noun_of_the_glossary_is_one_of_the_code():
    words = [row[0].strip("*") for row in table(read("docs/glossary.md"), 2) if "not built" not in row[1]]
    names = " ".join(SOURCE.values()).lower()
    assert len(words) > 30
    assert [word for word in words if not re.search(rf"\b{word.lower()}s?\b", names)] == []
