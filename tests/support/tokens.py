"""A PKCS#11 token of SoftHSM in a folder of its own. In CI it must be there."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "4711-test-pin"


@dataclass
class SoftToken:
    """A token with a label and a PIN, and the file that holds the PIN."""

    folder: Path
    label: str = "house"

    @property
    def pin_file(self):
        return self.folder / "pin"

    @property
    def objects(self):
        """The files in which SoftHSM keeps the token's objects, encrypted."""
        return sorted((self.folder / "tokens").rglob("*.object"))

    def custody(self, **more):
        """Returns a custody.toml that has the token keep all keys."""
        lines = {"log-keys": "house", **more}
        chosen = "".join(f'{name} = "{value}"\n' for name, value in lines.items())
        return (
            f'{chosen}\n[keepers.house]\nkind = "pkcs11"\nmodule = "{MODULE}"\ntoken = "{self.label}"\n'
            f'secret-file = "{self.pin_file}"\n'
        )


def soft_token(folder):
    """Makes a token, or skips the test where SoftHSM is not installed; in CI that fails.

    SoftHSM reads its configuration once per process, so every token of one process lies in the same folder.
    """
    if not MODULE.exists() or shutil.which("softhsm2-util") is None:
        if os.environ.get("CI"):
            pytest.fail("SoftHSM is not installed: apt-get install softhsm2")
        pytest.skip("SoftHSM is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens").mkdir(exist_ok=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    made = SoftToken(folder)
    make = ["softhsm2-util", "--init-token", "--free", "--label", made.label, "--pin", PIN, "--so-pin", "so-pin-1"]
    subprocess.run(make, check=True, capture_output=True)
    made.pin_file.write_text(PIN + "\n")
    made.pin_file.chmod(0o600)
    return made
