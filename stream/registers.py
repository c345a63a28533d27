"""Judge a register reading that does not follow from the one before.

```
 before   now     next     verdict
 1000     0       1001     glitch: ignored, 1 used
 1000     0.2     0.5      reset: a register that began at 0, 0.5 used
 1000     620     621      swap: another meter, 1 used; what came before it is unknown
 99998    3       4        rollover: 6 used
```

Nothing is decided on the odd reading itself: the next one tells a glitch from the rest. So use is late
by one reading where a register turns, and never wrong by a register.
"""

from dataclasses import dataclass
from math import ceil, log10

from park.events import Reason

NEAR_ZERO = 1.0  # kWh or m3 that a register that began anew may show; or 1 % of what it showed before
TURN = 0.1  # a register rolls over from its last tenth into its first
GUESSED_TURN = 0.01  # where the modulus is only guessed: from the last hundredth into the first
LEAST_GUESS = 1e4  # registers of fewer than four digits are not known


@dataclass(frozen=True, slots=True)
class Register:
    """What is known of a register."""

    ts: int  # of the last reading that counted, epoch ms
    value: float
    odd_ts: int = 0  # of a reading that waits for the next; 0: none
    odd: float = 0.0


@dataclass(frozen=True, slots=True)
class Use:
    """An amount between two times."""

    begin: int
    end: int
    amount: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reading means: the register after it, what was used, and what a person should know."""

    register: Register
    uses: tuple[Use, ...] = ()
    reason: Reason | None = None


def turned(before: float, value: float, modulus: float) -> float | None:
    """Return the use over a rollover, or None where there was none; modulus 0 is guessed as a power of ten."""
    share = TURN
    if not modulus:
        modulus = 10.0 ** ceil(log10(before)) if before >= 1 else 0.0
        share = GUESSED_TURN
        if modulus < LEAST_GUESS:
            return None
    if before > modulus or before < (1 - share) * modulus or value > share * modulus:
        return None
    return modulus - before + value


def judge(known: Register, ts: int, value: float, most: float, modulus: float) -> Verdict:
    """Return the verdict on a reading after an odd one, or on an odd one; `most` is what one step can be."""
    if not known.odd_ts:
        if 0 <= value - known.value <= most:
            return Verdict(Register(ts, value), (Use(known.ts, ts, value - known.value),))
        return Verdict(Register(known.ts, known.value, ts, value))
    if ts <= known.odd_ts:  # older than what is being judged: no witness
        return Verdict(known)
    if 0 <= value - known.value <= most:
        use = Use(known.ts, ts, value - known.value)
        return Verdict(Register(ts, value), (use,), Reason.METER_GLITCH)
    if value == known.odd == 0:  # stays at zero: nothing is used, nothing is decided
        return Verdict(Register(known.ts, known.value, ts, 0.0))
    if not 0 <= value - known.odd <= most:  # follows from neither
        return Verdict(Register(known.ts, known.value, ts, value), (), Reason.METER_GLITCH)
    since = Use(known.odd_ts, ts, value - known.odd)
    first = turned(known.value, known.odd, modulus) if known.odd < known.value else None
    if first is not None:
        return Verdict(Register(ts, value), (Use(known.ts, known.odd_ts, first), since), Reason.METER_ROLLOVER)
    if known.odd <= max(NEAR_ZERO, 0.01 * known.value) and known.odd < known.value:
        return Verdict(Register(ts, value), (Use(known.ts, known.odd_ts, known.odd), since), Reason.METER_RESET)
    return Verdict(Register(ts, value), (since,), Reason.METER_SWAP)
