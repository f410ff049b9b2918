"""A published path, compiled once: what its calls look up, and nothing that does not follow from what was sealed."""

from collections.abc import Mapping
from dataclasses import dataclass

from safeconduct.access.catalogue import SealedModel
from safeconduct.access.marks import Marks, path_marks
from safeconduct.access.model.changes import ModelUse
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.targets import TargetSet, compile_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPath:
    """One version of a path. `models` has every name that may be asked for, and the one model that it stands for."""

    sealed: SealedPath
    targets: TargetSet
    models: Mapping[str, SealedModel]
    marks: Marks

    def model(self, asked: str, tier: int) -> SealedModel | None:
        """Returns what a caller of a tier means by a name; None also for a pre-release above that tier."""
        found = self.models.get(asked)
        return found if found is not None and found.there_for(tier) else None

    def approval(self, model: SealedModel) -> str:
        """Returns the key of the approval that a model needs here; empty where it needs none."""
        return ModelUse(path=self.sealed.id, model=model.name, version=model.version).key if model.approval else ""

    def there_for(self, tier: int) -> tuple[SealedModel, ...]:
        """Returns the models that callers of a tier may know of, whether or not they may use them."""
        return tuple(model for model in self.sealed.catalogue if model.there_for(tier))


def compile_path(sealed: SealedPath) -> CompiledPath:
    """Compiles a published version. Equal versions compile to equal objects."""
    return CompiledPath(
        sealed=sealed,
        targets=compile_targets(sealed.targets),
        models={name: model for model in sealed.catalogue for name in model.names},
        marks=path_marks(sealed),
    )
