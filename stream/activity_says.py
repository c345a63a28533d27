"""From what the ladder says of a morning to events: the evidence of each day, with its figures."""

from collections.abc import Sequence
from math import isnan

import numpy as np

from park.activity import ActivityState, Evidence, Sign, iso, said
from park.events import ActivityDay
from park.readings import Rows
from park.records import EXPLAINS, Paper
from stream.activity_ladder import (
    DORMANT_DAYS,
    FEEDS,
    LEARN_DAYS,
    STANDING_SHARE,
    STOPPED_DAYS,
    STOPPED_WORKDAYS,
    WORKS,
    ZOMBIE_DAYS,
    Judged,
    Ladder,
    State,
    Why,
)
from stream.activity_measures import UNITS, Taken

Figures = dict[str, float | int | str]
_STATES = tuple(ActivityState)
_PEERS = 3  # I: fewer others are no trade
_NEAR = 0.05  # share by which estimates are worth a word


class Morning:
    """One closed day of some enterprises, judged, and told one by one."""

    def __init__(
        self,
        day: int,
        now: int,
        slots: Rows,
        judged: Judged,
        taken: Taken,
        ladder: Ladder,
        trades: Sequence[tuple[int, str]],
    ) -> None:
        self._day, self._now, self._slots = day, now, slots
        self._judged, self._taken, self._ladder = judged, taken, ladder
        self._trades = trades
        self._of_trade: dict[tuple[int, str], list[int]] = {}
        for i, trade in enumerate(trades):
            if trade[1] and judged.why[i] == Why.JUDGED:
                self._of_trade.setdefault(trade, []).append(i)

    def event(self, i: int, firm: int, measure: str, papers: Sequence[Paper], rest: str) -> ActivityDay:
        """Return the day of one row."""
        judged, s = self._judged, int(self._slots[i])
        evidence = tuple(self._evidence(i, measure, papers, rest))
        amount, expected = float(self._taken.amount[s]), float(judged.expected[i])
        known = not isnan(expected) and judged.why[i] in {Why.JUDGED, Why.HOLIDAY, Why.PAPER}
        ratio = float(judged.ratio[i]) if known else 0.0
        state = State(int(judged.state[i]))
        since = int(self._ladder.c["began"][s] if state >= State.DORMANT else self._ladder.c["since"][s])
        return ActivityDay(
            firm, iso(self._day), str(_STATES[state]), ratio, max(0.0, min(1.0, 1 - ratio)) if known else 0.0,
            tuple(said(e) for e in evidence), self._trades[i][0], self._now, measure,
            None if isnan(amount) else amount, None if isnan(expected) else expected,
            iso(since) if state and since >= 0 else "", evidence,
        )  # fmt: skip

    def _evidence(self, i: int, measure: str, papers: Sequence[Paper], rest: str) -> list[Evidence]:
        """Return the signs of a row, the most telling first."""
        judged, taken, c = self._judged, self._taken, self._ladder.c
        s, why = int(self._slots[i]), Why(int(judged.why[i]))
        signs: list[Evidence] = []
        match why:
            case Why.UNHEARD:
                return [Evidence(Sign.UNHEARD, {"hours": int(taken.hours[s]), "of": int(taken.of[s])})]
            case Why.STUCK:
                return [Evidence(Sign.STUCK)]
            case Why.REPEATED:
                return [Evidence(Sign.REPEATED, {"value": float(taken.low[s])})]
            case Why.LEARNING:
                days = self._day - int(c["first"][s]) + 1
                return [Evidence(Sign.LEARNING, {"days": min(days, LEARN_DAYS), "of": LEARN_DAYS})]
            case Why.PAPER:
                signs += [_paper(Sign.PAPER, p) for p in papers if p.kind in EXPLAINS]
            case Why.HOLIDAY:
                signs += [Evidence(Sign.HOLIDAY, {"kind": rest}), *self._run(i)]
            case Why.JUDGED:
                signs += self._level(i)
        if not isnan(judged.expected[i]) and not isnan(taken.amount[s]):
            figures: Figures = {
                "day": iso(self._day), "measure": measure, "amount": float(taken.amount[s]),
                "unit": UNITS.get(measure, ""), "expected": float(judged.expected[i]), "share": float(judged.ratio[i]),
            }  # fmt: skip
            signs.append(Evidence(Sign.TODAY, figures))
        if taken.instead[s]:
            signs.append(Evidence(Sign.INSTEAD, {"measure": "power"}))
        if taken.estimated[s] > _NEAR:
            signs.append(Evidence(Sign.ESTIMATED, {"share": float(taken.estimated[s])}))
        if judged.state[i] >= State.HALF_STOPPED:
            signs += self._suspicion(i, papers)
        return signs

    def _level(self, i: int) -> list[Evidence]:
        judged, c, s = self._judged, self._ladder.c, int(self._slots[i])
        signs = []
        if judged.workdays[i]:
            signs.append(Evidence(Sign.LEVEL, {"share": float(judged.share[i]), "days": int(judged.workdays[i])}))
        signs += self._run(i)
        if judged.standing[i]:
            figures: Figures = {
                "days": int(c["flat"][s]), "since": iso(int(c["flat_began"][s])), "share": float(self._taken.night[s]),
                "usual": float(c["night"][s]),
            }  # fmt: skip
            signs.append(Evidence(Sign.STANDING, figures))
        feed = int(judged.contradicted[i])
        if feed >= 0 and judged.ratio[i] <= WORKS:
            share = float(self._taken.others[s, feed] / c["level"][s, feed])
            signs.append(Evidence(Sign.CONTRADICTED, {"measure": FEEDS[feed], "share": share}))
        if c["night"][s] >= STANDING_SHARE and judged.state[i] >= State.REDUCED:
            signs.append(Evidence(Sign.FLAT_LOAD, {"share": float(c["night"][s])}))
        return signs

    def _run(self, i: int) -> list[Evidence]:
        """Return for how long it has not worked, and what came between."""
        c, s = self._ladder.c, int(self._slots[i])
        days = self._day - int(c["began"][s]) + 1 if c["run"][s] and c["began"][s] >= 0 else 0
        if days <= 2:
            return []
        signs = [Evidence(Sign.RUN, {"days": days, "limit": WORKS, "since": iso(int(c["began"][s]))})]
        if c["visits"][s]:
            signs.append(Evidence(Sign.VISITS, {"days": int(c["visits"][s])}))
        return signs

    def _suspicion(self, i: int, papers: Sequence[Paper]) -> list[Evidence]:
        """Return what other feeds, peers and files say of one that does not work."""
        judged, c, s = self._judged, self._ladder.c, int(self._slots[i])
        signs = []
        shares = self._ladder.feed_shares(self._slots[i : i + 1])[0]
        for feed, share in enumerate(shares.tolist()):
            if not isnan(share):
                sign = Sign.QUIET if judged.quiet[i] else Sign.FEED
                signs.append(Evidence(sign, {"measure": FEEDS[feed], "days": 7, "share": share}))
        others = [j for j in self._of_trade.get(self._trades[i], ()) if j != i]
        if len(others) >= _PEERS:
            middle = float(np.median(judged.ratio[others]))
            signs.append(Evidence(Sign.PEERS, {"count": len(others), "share": middle}))
        signs += [_paper(Sign.RECORD, p) for p in papers if p.kind not in EXPLAINS]
        began = int(c["began"][s])
        if judged.state[i] >= State.DORMANT:
            zombie = judged.state[i] == State.ZOMBIE_SUSPECT
            figures: Figures = {
                "days": self._day - began + 1, "since": iso(began), "limit": ZOMBIE_DAYS if zombie else DORMANT_DAYS,
                "basis": "A R5" if zombie else "I",
            }  # fmt: skip
            signs.append(Evidence(Sign.CLOCK, figures))
        if judged.state[i] >= State.STOPPED:
            signs.append(Evidence(Sign.NO_PAPER))
            ends: Figures = {"days": STOPPED_WORKDAYS, "of": STOPPED_DAYS, "limit": WORKS}
            signs.append(Evidence(Sign.CLEARS, ends))
        if judged.state[i] == State.ZOMBIE_SUSPECT:
            signs.append(Evidence(Sign.VISIT))
        return signs


def _paper(sign: Sign, paper: Paper) -> Evidence:
    return Evidence(sign, {"kind": str(paper.kind), "begin": paper.begin, "end": paper.end})
