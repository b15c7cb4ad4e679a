"""Keeps a run within its limits: the worst that a call may cost is set aside before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ossature.domain import event as ev
from ossature.domain.decision import Approve, Question
from ossature.domain.record import Channel
from ossature.errors import Exit, OssatureError
from ossature.llm.client import ErrorKind, ModelError, OnText, Reply, Request
from ossature.llm.prices import Price
from ossature.llm.prompt import estimate_tokens
from ossature.llm.retry import Answers
from ossature.settings import Limits

Span = Literal["task", "run", "day"]
Unit = Literal["usd", "tokens"]
WARN_AT = 0.8
_BYTES_PER_TOKEN = 2
"""Of a prompt at the worst: English and code have about four, Chinese and Japanese two to three."""
_DEFAULT_OUTPUT = 32768
"""Tokens of a reply where neither the settings nor the price table give a limit."""
_NOT_BILLED: frozenset[ErrorKind] = frozenset(
    {
        "rate_limit",
        "overloaded",
        "auth",
        "not_found",
        "bad_request",
        "context_too_long",
        "quota",
        "replay_miss",
    }
)
"""Refused before a model read it. Any other failed call may be on the bill, so it counts as spent."""


class BudgetError(OssatureError):
    """A limit leaves no room for the next call, or nobody knows what it costs."""

    exit_code = Exit.BUDGET


class Spending(NamedTuple):
    """What calls came to."""

    usd: float = 0.0
    tokens: float = 0
    """Input and output together."""

    def plus(self, other: Spending) -> Spending:
        return Spending(self.usd + other.usd, self.tokens + other.tokens)

    def minus(self, other: Spending) -> Spending:
        return Spending(self.usd - other.usd, self.tokens - other.tokens)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is set aside for one call."""

    request: Request
    worst: Spending
    price: Price | None


@dataclass
class _Account:
    spent: Spending = field(default_factory=Spending)
    reserved: Spending = field(default_factory=Spending)
    extra: Spending = field(default_factory=Spending)
    """What a person allowed beyond the limit."""


class Budget:
    """The accounts of one run."""

    def __init__(
        self,
        limits: Limits,
        channel: Channel,
        *,
        price: Callable[[str], Price | None],
        allows_unpriced: bool = False,
        spent_today: Spending | None = None,
        today: Callable[[], str],
    ) -> None:
        """*spent_today* is what earlier runs came to on the UTC day that *today* names now."""
        self._limits = limits
        self._channel = channel
        self._price = price
        self._allows_unpriced = allows_unpriced
        self._today = today
        self._day = today()
        self._accounts: dict[tuple[Span, str], _Account] = {
            ("day", self._day): _Account(spent_today or Spending())
        }
        self._warned: set[tuple[Span, Unit]] = set()
        self._asked = 0
        self._deciding = asyncio.Lock()

    @property
    def spent(self) -> Spending:
        """By this run so far."""
        return self._account("run", "").spent

    async def reserve(self, request: Request) -> Reservation:
        """Set the worst case aside; asks where a limit leaves no room. Raises BudgetError."""
        held = self._worst(request)
        # One question at a time: an answer to the first may make room for the others.
        async with self._deciding:
            for span, unit, account, limit in self._limited(request):
                need = _of(account.spent.plus(account.reserved).plus(held.worst), unit)
                allowed = limit + _of(account.extra, unit)
                if need > allowed:
                    more = await self._ask(request, span, unit, allowed=allowed, need=need)
                    account.extra = account.extra.plus(more)
            for account in self._all(request):
                account.reserved = account.reserved.plus(held.worst)
        return held

    def settle(self, held: Reservation, reply: Reply) -> None:
        """Put what *reply* came to in the place of what was set aside."""
        usage = reply.usage
        given = usage.input_tokens or _estimated_input(held.request)
        taken = usage.output_tokens or estimate_tokens(reply.text)
        usd = reply.cost_usd
        if usd is None:
            usd = held.price.cost(given, taken) if held.price else 0.0
        self._book(held, Spending(usd, given + taken))

    def fail(self, held: Reservation, error: ModelError | None) -> None:
        """Free what was set aside, or count it as spent where the call may have been billed.

        None: the call was cancelled.
        """
        is_billed = error is None or error.kind not in _NOT_BILLED
        self._book(held, held.worst if is_billed else Spending())
        if is_billed:
            self._channel.emit(
                ev.CallCharged(
                    role=held.request.role,
                    task=held.request.task,
                    lineage=held.request.lineage,
                    cost_usd=held.worst.usd,
                    tokens=round(held.worst.tokens),
                )
            )

    def _worst(self, request: Request) -> Reservation:
        price = None
        if self._limits.has_usd:
            price = self._price(request.model)
            if price is None and not self._allows_unpriced:
                raise BudgetError(
                    f"nobody knows what {request.model} costs, so the budget cannot be kept",
                    hint="set limits in tokens, or let such calls count as free with --allow-unpriced",
                )
        given = -(-len((request.system + request.prompt).encode("utf-8", "replace")) // _BYTES_PER_TOKEN)
        limits = [
            limit for limit in (request.max_output_tokens, price.max_output_tokens if price else 0) if limit
        ]
        taken = min(limits, default=_DEFAULT_OUTPUT)
        usd = price.worst_cost(given, taken) if price else 0.0
        return Reservation(request, Spending(usd, given + taken), price)

    def _limited(self, request: Request) -> Iterator[tuple[Span, Unit, _Account, float]]:
        for span, account in zip(_spans(request), self._all(request), strict=True):
            for unit in _UNITS:
                limit = self._limits.of(span, unit)
                if limit:
                    yield span, unit, account, limit

    def _all(self, request: Request) -> list[_Account]:
        self._day = self._today()
        names = {"task": request.lineage, "run": "", "day": self._day}
        return [self._account(span, names[span]) for span in _spans(request)]

    def _account(self, span: Span, name: str) -> _Account:
        return self._accounts.setdefault((span, name), _Account())

    def _book(self, held: Reservation, spending: Spending) -> None:
        for account in self._all(held.request):
            account.reserved = account.reserved.minus(held.worst)
            account.spent = account.spent.plus(spending)
        for span, unit, account, limit in self._limited(held.request):
            allowed = limit + _of(account.extra, unit)
            spent = _of(account.spent, unit)
            if spent >= WARN_AT * allowed and (span, unit) not in self._warned:
                self._warned.add((span, unit))
                text = f"{_amount(spent, unit)} of the {_amount(allowed, unit)} for {_NAMES[span]} are spent"
                self._channel.emit(ev.Noticed(level="warning", text=text))

    async def _ask(
        self, request: Request, span: Span, unit: Unit, *, allowed: float, need: float
    ) -> Spending:
        """What is allowed on top; raises BudgetError where nothing is."""
        self._asked += 1
        limit = self._limits.of(span, unit)
        who = f"{request.role} {request.task or request.spec}".strip()
        subject = (
            f"the {_amount(allowed, unit)} for {_NAMES[span]} do not suffice: "
            f"with {who} they may come to {_amount(need, unit)}"
        )
        more = max(limit, need - allowed)
        answer = await self._channel.ask(
            Question(
                id=f"budget-{self._asked}",
                gate="budget",
                subject=f"{subject}; allow {_amount(more, unit)} more?",
                detail=f"set by [budget] {span}_{unit}; the worst case of a call counts before it is sent",
                verbs=("approve", "abort"),
                task=request.task,
                spec=request.spec,
            )
        )
        if not isinstance(answer, Approve):
            raise BudgetError(
                subject, hint=f"raise [budget] {span}_{unit}, or lower [build] max_output_tokens"
            )
        return Spending(usd=more) if unit == "usd" else Spending(tokens=more)


class Budgeted:
    """A client that pays for every try out of a budget."""

    def __init__(self, models: Answers, budget: Budget) -> None:
        self._models = models
        self._budget = budget

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        """Raises BudgetError before anything is sent, ModelError."""
        held = await self._budget.reserve(request)
        try:
            reply = await self._models.complete(request, on_text)
        except ModelError as error:
            self._budget.fail(held, error)
            raise
        except asyncio.CancelledError:
            self._budget.fail(held, None)
            raise
        self._budget.settle(held, reply)
        return reply


_UNITS: tuple[Unit, ...] = ("usd", "tokens")
_NAMES: dict[Span, str] = {"task": "this task", "run": "this run", "day": "today"}


def _spans(request: Request) -> tuple[Span, ...]:
    return ("task", "run", "day") if request.task else ("run", "day")


def _of(spending: Spending, unit: Unit) -> float:
    return spending.usd if unit == "usd" else spending.tokens


def _amount(number: float, unit: Unit) -> str:
    return f"${number:.2f}" if unit == "usd" else f"{number:.0f} tokens"


def _estimated_input(request: Request) -> int:
    return estimate_tokens(request.system) + estimate_tokens(request.prompt)
