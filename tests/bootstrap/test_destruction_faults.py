"""What is left when destroying fails at any step: the order, the hold, or the certificate, and never two of it."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from safeconduct.bootstrap.destruction import destroy
from safeconduct.kernel.effects import Effect
from safeconduct.kernel.errors import RefusedError, UnavailableError
from safeconduct.ledger.sealing import KeySelector
from support.gateway_world import AGREEMENT, log_world
from support.readers import with_readers
from support.sealed_house import SealedHouse

DESTROYED = "ledger.key.destroyed/1"


@pytest.fixture
def house():
    with log_world(program=with_readers()) as world:
        yield SealedHouse(world)


@pytest.fixture
def order(house):
    """An order in force whose keys are still there."""
    carried, house.carry_out = house.carry_out, lambda effect: carried(effect) if effect.kind == "cosign" else None
    told = house.post("destructions", {"subject": "ana", "reason": "ana left"}, by="ops")[1]
    assert told["in_force"]
    house.carry_out = carried
    return told["order"]


def there(house):
    return len(house.world.keys.ids(KeySelector(origin=AGREEMENT, subject="ana")))


def certificates(house):
    return sum(entry.type == DESTROYED for entry in house.log())


class Failing:
    """Keys of which one step of a destruction fails once: before it is done, or after."""

    def __init__(self, keys, step, *, applied):
        self.keys, self.step, self.applied, self.left = keys, step, applied, 1

    def __getattr__(self, name):
        done = getattr(self.keys, name)
        return done if name != self.step else lambda key_ids: self.once(done, key_ids)

    def once(self, done, key_ids):
        failing, self.left = self.left, 0
        if self.applied or not failing:
            done(key_ids)
        if failing:
            raise UnavailableError("the disk failed")


class Unsure:
    """A writer that reports a commit as failed once: before it is done, or after."""

    def __init__(self, writer, *, applied):
        self.writer, self.applied, self.left = writer, applied, 1

    def destroy_keys(self, *given):
        self.writer.destroy_keys(*given)

    def submit(self, command):
        if not self.left:
            return self.writer.submit(command)
        self.left = 0
        if self.applied:
            self.writer.submit(command).result()
        failed = Future()
        failed.set_exception(UnavailableError("the commit failed"))
        return failed


@pytest.mark.parametrize("step", ["retire", "destroy"])
@pytest.mark.parametrize("applied", [False, True])
def test_a_destruction_that_fails_is_done_again_and_certified_once(house, order, step, applied):
    house.world.writer._keys = Failing(house.world.keys, step, applied=applied)
    (failed,) = house.settled().values()
    assert (failed.message, certificates(house)) == ("the disk failed", 0)
    assert there(house) == (3 if step == "retire" and not applied else 0)
    assert house.settled() == {}
    assert (there(house), certificates(house)) == (0, 1)
    assert house.settled() == {}
    assert certificates(house) == 1


@pytest.mark.parametrize("applied", [False, True])
def test_a_certificate_that_is_not_known_to_stand_stands_once(house, order, applied):
    real = house.installation.writer
    house.installation.writer = Unsure(real, applied=applied)
    (failed,) = house.settled().values()
    assert failed.message == "the commit failed"
    assert (there(house), certificates(house)) == (0, int(applied))
    assert house.settled() == {}
    assert certificates(house) == 1


def test_a_hold_placed_just_before_the_keys_go_keeps_them(house, order):
    """It is asked again where nothing can come between the answer and the destruction."""
    real = house.installation.writer

    def placed_first(keys, guard):
        assert house.post("holds", {"reason": "case 12"}, by="bo")[0] == 200
        real.destroy_keys(keys, guard)

    house.installation.writer = SimpleNamespace(destroy_keys=placed_first, submit=real.submit)
    effect = Effect(kind="destroy-keys", key="x", body={"order": order})
    with pytest.raises(RefusedError) as caught:
        destroy(house.installation, effect)
    assert (caught.value.code, there(house), certificates(house)) == ("legal-hold", 3, 0)
