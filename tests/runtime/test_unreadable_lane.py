"""What hostile or broken devices of life safety send reaches a person, through the real lane."""

import pytest
from lane_parts import Bench, message

from park.events import AlarmState, ConditionChange, Severity

LIST = b"[" + b'{"v":{"smoke":1}},' * 60_000 + b"]"
BROKEN = {
    "a list of a megabyte": LIST[: 1 << 20],
    "more than a megabyte": b'{"v":{"smoke":true},"x":"' + b"x" * (1 << 20) + b'"}',
    "no UTF-8": b'{"v":{"smoke":"\xff\xfe"}}',
    "nested deeply": b'{"v":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
    "another type": b'{"v":{"smoke":{"is":"on"}}}',
    "no object": b"7",
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("device", ["smoke", "nobody-knows-it"])
def test_a_person_is_told(tmp_path, payload, device):
    """One condition of high severity stands for it, live and for the writer, and a fire is told as ever."""
    topic = f"parks/p/life/-/{device}".encode()
    bench = Bench(tmp_path).start()
    bench.run((topic, payload, b"\0\1", 2), (topic, payload, b"\0\2", 2))
    bench.run(message("heat", {"heat": True}))
    bench.stop()

    told = [e for e in bench.published if isinstance(e, ConditionChange)]
    broken = [e for e in told if e.family == "unreadable"]
    # A value of a wrong type is read well where nobody has bound it: there the device waits to be claimed.
    waits = payload == BROKEN["another type"] and device != "smoke"
    assert [(AlarmState.ACTIVE, Severity.HIGH)] * (not waits) == [(e.state, e.severity) for e in broken]
    assert [e.rule for e in told if e.family == "fire"] == ["fire.pre_alarm"]
    assert told == [e for e in bench.writer.events if isinstance(e, ConditionChange)]
    assert all((e.device, e.place) == ((11, 3) if device == "smoke" else (0, 0)) for e in broken)
