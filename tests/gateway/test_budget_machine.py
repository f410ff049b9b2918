"""Workers on one budget: calls, failures, crashes, lies of upstreams. What is let through never exceeds it."""

import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from safeconduct.access.budgets import Budget, Period, StatedBudget
from safeconduct.access.model.windows import Window
from safeconduct.gateway.budgets.events import charged
from safeconduct.gateway.budgets.model import Usage, accounts_of, cost
from safeconduct.gateway.budgets.purse import Purse
from safeconduct.gateway.budgets.records import BUDGETS
from safeconduct.gateway.budgets.service import LeaseRequest, give_back, lease, reserved, settle_gone
from safeconduct.gateway.budgets.sums import balance, used_in_log, used_in_records
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, OPEN_CALLS, PROJECTIONS
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import Instant
from support.calls import ENDED, INTENT
from support.immediate import START, ImmediateWriter

ORIGIN = Origin("log.example/budgets")
FOREVER = Window(opens_at=Instant(0), closes_at=Instant(2**52))
LIMIT = 6400


def stated(owner, tokens=LIMIT, per=Period.DAY):
    return StatedBudget(owner=owner, budget=Budget(per=per, tokens=tokens), own=FOREVER)


class Worker:
    """What the runtime does, step by step and without a loop."""

    def __init__(self, writer, name):
        self.writer, self.name, self.purse, self.calls = writer, name, Purse(), []

    def submit(self, command, *, fails=False, applied=False):
        """Raises UnavailableError where the commit fails, be it applied or not."""
        if fails and not applied:
            raise UnavailableError("the disk said no")
        value = self.writer.run(command)
        if fails:
            raise UnavailableError("the disk said no, and did it")
        return value

    def call(self, accounts, tokens, **fault):
        spent = cost(accounts, Usage(tokens, 0), None)
        self.purse.know(accounts)
        if not self.purse.reserve(spent.reserved):
            self.lease([spent])
            if not self.purse.reserve(spent.reserved):
                return False
        event = replace(INTENT, worker=self.name, reserved=spent.reserved)
        try:
            entry = self.submit(lambda tx: tx.append(ORIGIN, CALL_INTENT.draft(event)), **fault)
        except UnavailableError:
            self.purse.settle(spent, spent.reserved)  # it may have begun: nothing is free again
            return False
        self.calls.append((entry.id, spent))
        return True

    def lease(self, waiting, **fault):
        accounts = {one.id: one for spent in waiting for one in spent.accounts}
        request = LeaseRequest(
            worker=self.name,
            origin=ORIGIN,
            accounts=accounts,
            free={one: self.purse.free(one) for one in accounts},
            waiting=[spent.reserved for spent in waiting],
        )
        for account, amount in self.submit(lambda tx: lease(tx, request), **fault).amounts.items():
            self.purse.add(accounts[account], amount)

    def end(self, call, spent, used, **fault):
        settled = spent.settled(Usage(used, 0))
        event = replace(ENDED, call=call, worker=self.name, settled=settled)
        try:
            self.submit(lambda tx: tx.append(ORIGIN, CALL_OUTCOME.draft(event)), **fault)
        except UnavailableError:
            settled = spent.reserved
        self.purse.settle(spent, settled)

    def give_back(self, **fault):
        for account, excess in list(self.purse.over()):
            self.purse.give_back(account, excess)
            self.submit(lambda tx, a=account, e=excess: give_back(tx, a, self.name, released=e, by=self.name), **fault)

    def rest(self, **fault):
        for account in [one.id for one in self.purse.accounts()]:
            if self.purse.quiet(account):
                self.purse.forget(account)
                self.submit(lambda tx, a=account: give_back(tx, a, self.name, released=None, by=self.name), **fault)


FAULTS = st.sampled_from(({}, {}, {}, {"fails": True}, {"fails": True, "applied": True}))
WHO = st.integers(0, 3)


class Budgets(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.writer = ImmediateWriter(PROJECTIONS)
        self.made = 0
        self.workers = [self.new() for _ in range(4)]
        # Two budgets that count some calls together: both must hold.
        self.budgets = [accounts_of(stated("path:p"), START), accounts_of(stated("grant:g", LIMIT // 2), START)]

    def new(self):
        self.made += 1
        return Worker(self.writer, f"worker-{self.made}")

    def accounts(self, both):
        return (*self.budgets[0], *self.budgets[1]) if both else self.budgets[0]

    @rule(who=WHO, tokens=st.integers(1, LIMIT // 3), both=st.booleans(), fault=FAULTS)
    def call(self, who, tokens, both, fault):
        self.workers[who].call(self.accounts(both), tokens, **fault)

    @rule(who=WHO, which=st.integers(0, 99), used=st.integers(0, 100), fault=FAULTS)
    def end(self, who, which, used, fault):
        self.finish(who, which, lambda most: most * used // 100, fault)

    @rule(who=WHO, which=st.integers(0, 99), more=st.integers(1, 500))
    def end_with_a_lie(self, who, which, more):
        self.finish(who, which, lambda most: most + more, {})

    def finish(self, who, which, used, fault):
        worker = self.workers[who]
        if worker.calls:
            call, spent = worker.calls.pop(which % len(worker.calls))
            worker.end(call, spent, used(spent.worst.prompt), **fault)

    @rule(who=WHO, fault=FAULTS)
    def give_back(self, who, fault):
        with contextlib.suppress(UnavailableError):
            self.workers[who].give_back(**fault)

    @rule(who=WHO, fault=FAULTS)
    def rest(self, who, fault):
        with contextlib.suppress(UnavailableError):
            self.workers[who].rest(**fault)

    @rule(who=WHO)
    def die(self, who):
        """Nothing of the worker is left but what it committed; the next one accounts for it."""
        gone = self.workers[who].name
        self.workers[who] = self.new()
        self.writer.run(lambda tx: abandon(tx, gone))
        self.writer.run(lambda tx: settle_gone(tx, lambda worker: worker == gone, "the-next"))

    @invariant()
    def never_exceeded(self):
        found = used_in_log(self.writer.entries)
        assert found == {one: used for one, used in used_in_records(self.writer.state).items() if one in found}
        lies = overshoots(self.writer.entries)
        for account in self.accounts(both=True):
            used = found.get(account.id)
            if used:
                assert used.settled + used.reserved <= account.limit + lies.get(account.id, 0)
                now = balance(self.writer.state, account.id, account.limit, used)
                assert lies or now.left + now.leased + used.settled + used.reserved == account.limit

    @invariant()
    def what_calls_may_use_is_held_by_their_worker(self):
        lies = overshoots(self.writer.entries)
        for account in self.accounts(both=True):
            record = self.writer.state.get(BUDGETS, account.id)
            for worker in record.held if record and not lies.get(account.id) else ():
                used = reserved(self.writer.state, worker, account.id) + charged(self.writer.state, worker, account.id)
                assert used <= record.held[worker]

    @invariant()
    def memory_never_promises_more_than_the_records(self):
        for worker in self.workers:
            for account in worker.purse.accounts():
                record = self.writer.state.get(BUDGETS, account.id)
                held = record.held.get(worker.name, 0) if record else 0
                assert worker.purse.free(account.id) <= held

    def teardown(self):
        for worker in self.workers:
            for call, spent in worker.calls:
                worker.end(call, spent, 0)
            worker.rest()
        names = {worker.name for worker in self.workers}
        for name in names:  # of what faults left open
            self.writer.run(lambda tx, gone=name: abandon(tx, gone))
        self.writer.run(lambda tx: settle_gone(tx, lambda _: True, "the-next"))
        found = used_in_log(self.writer.entries)
        for account, used in found.items():
            record = self.writer.state.get(BUDGETS, account)
            assert (record.settled, record.held, used.reserved) == (used.settled, {}, 0)


def abandon(tx, worker):
    for _, call in list(tx.scan(OPEN_CALLS)):
        if call.worker == worker:
            event = replace(ENDED, call=call.call, worker="the-next", settled=call.reserved)
            tx.append(ORIGIN, CALL_OUTCOME.draft(event))


def overshoots(entries):
    reserved = {entry.id: CALL_INTENT.read(entry).reserved for entry in entries if entry.type == CALL_INTENT.name}
    found = {}
    for entry in entries:
        if entry.type == CALL_OUTCOME.name:
            ended = CALL_OUTCOME.read(entry)
            for account, amount in ended.settled.items():
                found[account] = found.get(account, 0) + max(0, amount - reserved[ended.call][account])
    return {one: amount for one, amount in found.items() if amount}


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
