"""Sets the peers up in a folder of their own: `python -m bench.peers.setup`, or `make peers`. Versions are pinned here.

Each peer gets an environment of its own, because their pins contradict ours and each other's.
"""

import shutil
import subprocess
import sys
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement

FOLDER = Path(__file__).parents[2] / ".peers"
LITELLM = "1.109.1"
TENSORZERO = "2026.6.0"
PORTKEY = "1.15.2"
AZUMA = "0.7.3"
"""A Sigma engine in pure Python; it imports packaging without asking for it."""
NODE_SERVER = "1.13.5"
"""Newer ones answer 500 to every stream of this Portkey."""

# Pinned ahead of what is served, or not open: the proxy runs without.
_LEFT_OUT = frozenset(("certifi", "litellm-proxy-extras", "litellm-enterprise"))


def setup(folder: Path = FOLDER) -> None:
    """Makes what is not there yet. Takes minutes and about a gigabyte.

    Raises:
        RuntimeError: a wheel holds what it must not.
        subprocess.CalledProcessError: an installer failed.
    """
    for name, install in (("litellm", _litellm), ("tensorzero", _tensorzero), ("portkey", _portkey), ("azuma", _azuma)):
        if (folder / name / "ready").exists():
            continue
        sys.stderr.write(f"setting up {name} ...\n")
        (folder / name).mkdir(parents=True, exist_ok=True)
        install(folder / name)
        (folder / name / "ready").touch()


def _litellm(folder: Path) -> None:
    pip = _environment(folder)
    subprocess.run([*pip, "download", "--quiet", "--no-deps", "--dest", folder, f"litellm=={LITELLM}"], check=True)
    (wheel,) = folder.glob("litellm-*.whl")
    wanted = [text for text in _required(wheel, "proxy") if Requirement(text).name not in _LEFT_OUT]
    (folder / "wanted.txt").write_text("".join(f"{text}\n" for text in (*wanted, "certifi")))
    _install(pip, "--requirement", str(folder / "wanted.txt"))
    _install(pip, "--no-deps", str(wheel))


def _required(wheel: Path, extra: str) -> list[str]:
    """Returns what a wheel requires here with an extra.

    Raises:
        RuntimeError: it holds a `.pth` file, which runs code at every start of Python: two releases had one planted.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        if any(name.endswith(".pth") for name in names):
            raise RuntimeError(f"{wheel.name} holds a .pth file; not installed")
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        fields = HeaderParser().parsestr(archive.read(metadata).decode())
    found = [Requirement(text) for text in fields.get_all("Requires-Dist", [])]
    here = [one for one in found if one.marker is None or any(one.marker.evaluate({"extra": x}) for x in ("", extra))]
    return [f"{one.name}{''.join(f'[{x}]' for x in one.extras)}{one.specifier}" for one in here]


def _tensorzero(folder: Path) -> None:
    _install(_environment(folder), f"tensorzero=={TENSORZERO}")


def _azuma(folder: Path) -> None:
    _install(_environment(folder), f"azuma=={AZUMA}", "packaging")


def _portkey(folder: Path) -> None:
    wanted = (f"@portkey-ai/gateway@{PORTKEY}", f"@hono/node-server@{NODE_SERVER}")
    npm = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder))
    subprocess.run([*npm, *wanted], check=True, stdout=sys.stderr)
    nested = folder / "node_modules/@portkey-ai/gateway/node_modules/@hono/node-server"
    shutil.rmtree(nested, ignore_errors=True)  # or it wins over the pinned one


def _environment(folder: Path) -> list[str]:
    venv.create(folder / "env", with_pip=True, clear=True)
    return [str(folder / "env/bin/python"), "-m", "pip", "--disable-pip-version-check"]


def _install(pip: list[str], *what: str) -> None:
    subprocess.run([*pip, "install", "--quiet", "--only-binary", ":all:", *what], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    setup()
