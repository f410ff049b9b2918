"""A house that keeps telemetry on disk for so many days, and what destroys it."""

from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

from safeconduct.adapters.hunts.choosing import DUCKDB
from safeconduct.adapters.telemetry.archive import opening
from safeconduct.adapters.telemetry.archives import Archives
from safeconduct.bootstrap.telemetry_retention import destroy_telemetry
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import SafeconductError
from safeconduct.runtime.retaining import Retainer
from safeconduct.soc.retention.events import DESTROY_TELEMETRY
from support.operations_house import House, kept_secret
from support.programs import demo_program, in_force, signed_by_both

ORDERED, DESTROYED = "soc.telemetry.destruction-ordered/1", "soc.telemetry.destroyed/1"


def keeping(days):
    """Returns the demo's program in which northwind's telemetry is kept for so many days, by source."""
    said = ", ".join(f"{source}: {count}" for source, count in days.items())
    stated = b"role: partner, telemetry_days: {%b}" % said.encode()
    return signed_by_both(demo_program().replace(b"role: partner", stated, 1))


class KeepingHouse(House):
    """A `House` whose archives are those of a data folder."""

    def __init__(self, folder, days):
        self.stack = ExitStack()
        super().__init__(folder, in_force(keeping(days) if days else None))
        self.archives = Archives(opening(folder, bytes, DUCKDB, kept_secret, self.stack))
        self.app.state.control = replace(self.app.state.control, archives=self.archives)
        self.archive = self.archives.of("")
        self.events = self.archive.events
        snapshot = self.app.state.control.snapshot
        self.installation = SimpleNamespace(snapshot=snapshot, writer=self.writer, clock=self, archives=self.archives)
        self.start_again()

    def start_again(self):
        """Has another process look for what is due."""
        self.retainer = Retainer(
            self.writer,
            self.installation.snapshot,
            self,
            owners=lambda: self.archives.owners,
            files_of=lambda owner: self.archives.of(owner).events.files_of,
            raws_of=lambda owner: self.archives.of(owner).raws,
        )

    def take(self, *lines, name="auth.log"):
        """Takes a file of these lines in and returns its digest."""
        status, told = self.post("telemetry", "".join(f"{line}\n" for line in lines).encode(), name=name)
        assert (status, told["file"]["problem"], told["recorded"]) == (200, "", True), told
        return told["file"]["digest"]

    def waiting(self):
        """Returns the orders that are not carried out."""
        return [one for _, one in self.writer.state.scan(OUTBOX) if one.kind == DESTROY_TELEMETRY]

    def carry_out(self):
        """Carries out what waits, each once; returns the errors."""
        failed = []
        for effect in self.waiting():
            try:
                destroy_telemetry(self.installation, effect)
            except SafeconductError as error:
                failed.append(error)
        return failed

    async def settle(self):
        failed = {effect.key: None for effect in self.waiting()}
        found = dict(zip(failed, self.carry_out(), strict=False))
        await super().settle()
        return found

    def types(self):
        """Returns the types of the entries that speak of destroying."""
        return [entry.type for entry in self.writer.entries if entry.type in {ORDERED, DESTROYED}]

    def on_disk(self, text):
        """Returns the files below the data folder that hold a text."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.name for path in found if text.encode() in path.read_bytes())
