"""The words of the page: complete in both languages, and for every code that the platform speaks."""

import json
import re
import subprocess
from dataclasses import fields
from itertools import chain
from pathlib import Path
from shutil import which

import pytest

from alerts.matching import LABELS
from governance.checklists import shipped as checklists
from park.activity import ActivityState
from park.alarms import (
    Answer,
    CaseState,
    CaseVerb,
    DeliveryState,
    MessageKind,
    SuppressionReason,
    TransitionReason,
    Verdict,
)
from park.delivery import Channel
from park.events import AlarmState, Label, Reason, Severity, Status
from park.governance import DrillState, Every, Five, HazardGrade, HazardState, HazardVerb, RoundState
from park.governance import Verdict as ItemVerdict
from park.kpi import Standing
from park.metrics import METRICS, Feed
from park.model import LIFE_KINDS, DeviceMode
from park.readings import Quality
from park.records import PaperKind, Refusal
from stream.rules import parse, shipped

JS = Path(__file__).parents[2] / "api" / "console" / "js"
SCRIPTS = sorted(JS.glob("*.js"))


def table(name, export):
    """Return a table of a module as Python values: it is JSON but for its quotes and commas."""
    text = (JS / name).read_text(encoding="utf-8")
    body = re.search(rf"export const {export} = (\{{.*?\n\}});", text, re.DOTALL).group(1)
    body = re.sub(r"([{,]\s*)([a-zA-Z_]\w*):", r'\1"\2":', body)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", body))


_TEXT_TABLES = (("texts.js", "TEXTS"), ("texts_desk.js", "DESK_TEXTS"), ("texts_duty.js", "DUTY_TEXTS"),
                ("texts_findings.js", "FINDING_TEXTS"),
                ("texts_office.js", "OFFICE_TEXTS"))  # fmt: skip
_WORD_TABLES = (("words.js", "WORDS"), ("words_desk.js", "DESK_WORDS"), ("words_office.js", "OFFICE_WORDS"))


def joined(tables):
    """Return some tables as one; no name stands in two of them."""
    found = [table(*one) for one in tables]
    whole = {key: value for one in found for key, value in one.items()}
    assert len(whole) == sum(map(len, found))
    return whole


TEXTS = joined(_TEXT_TABLES)
WORDS = joined(_WORD_TABLES)


class TestTexts:
    @pytest.mark.parametrize("pair", [*TEXTS.values(), *chain(*(group.values() for group in WORDS.values()))])
    def test_both(self, pair):
        """Every text is there in Chinese and in English, with the same gaps to fill."""
        zh, en = pair

        assert zh
        assert en
        assert set(re.findall(r"\{(\w+)\}", zh)) == set(re.findall(r"\{(\w+)\}", en))

    def test_used_and_known(self):
        """Every text that a script asks for is in the table, and every text in the table is asked for."""
        code = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS if not path.name.startswith("texts"))
        asked = set(re.findall(r"\bt\(\"(\w+)\"", code))
        named = set(re.findall(r"\"(\w+)\"", code)) | {f"range{r}" for r in ("1h", "6h", "24h", "7d", "30d", "180d")}
        named |= {"legendNormal", "legendSilent", "legendVacant"} | set(
            re.findall(r"\"(\w+)\"", (JS / "format.js").read_text())
        )

        assert asked <= set(TEXTS)
        assert set() == set(TEXTS) - named

    def test_all_codes(self):
        """Every code of the platform has a word."""
        rules = {f"limit.{row.rule}" for row in parse(shipped()) if not row.rule.startswith(("fire.", "gas."))}
        spoken = {
            "severity": {str(s) for s in Severity}, "feed": {str(f) for f in Feed},
            "state": {str(s) for s in AlarmState}, "reason": {str(r) for r in Reason},
            "label": {str(label) for label in Label}, "status": {str(s) for s in Status},
            "mode": {str(m) for m in DeviceMode}, "quality": {q.name.lower() for q in Quality},
            "rule": rules | {f"{family}.{step}" for family in ("fire", "gas") for step in ("pre_alarm", "confirmed")},
            "kind": {*LIFE_KINDS, "sensor", *(kind for row in parse(shipped()) for kind in row.kinds)},
            "value": {code for m in METRICS.values() for code in m.codes},
            "feedState": {"fresh", "late", "silent", "absent"},
            "activity": {str(s) for s in ActivityState}, "paper": {str(k) for k in PaperKind},
            "case": {str(s) for s in CaseState}, "verb": {str(v) for v in CaseVerb},
            "held": {str(r) for r in SuppressionReason},
            "transition": {str(r) for r in TransitionReason}, "verdict": {str(v) for v in Verdict},
            "answer": {str(a) for a in Answer}, "matcher": set(LABELS), "caseRule": {f"device.{s}" for s in Status},
            "hazard": {str(s) for s in HazardState}, "hazardVerb": {str(v) for v in HazardVerb},
            "grade": {str(g) for g in HazardGrade}, "round": {str(s) for s in RoundState},
            "itemVerdict": {str(v) for v in ItemVerdict}, "every": {str(e) for e in Every},
            "drill": {str(s) for s in DrillState}, "five": {f.name for f in fields(Five)},
            "category": {i.category for c in checklists().values() for i in c.items} - {""},
            "standing": {str(s) for s in Standing}, "standingLeast": {str(s) for s in Standing},
            "channel": {str(c) for c in Channel},
            "delivery": {str(s) for s in DeliveryState}, "messageKind": {str(k) for k in MessageKind},
            "refusal": {str(r) for r in Refusal},
        }  # fmt: skip

        assert {} == {group: codes - set(WORDS[group]) for group, codes in spoken.items() if codes - set(WORDS[group])}


def test_translated_notes():
    """What the page translates of figures is what the platform writes."""
    keys = re.search(r"NOTES = (\[.*?\]);", (JS / "indicators.js").read_text("utf-8")).group(1)
    rooms = Path(__file__).parents[2] / "governance"
    written = "".join((rooms / name).read_text("utf-8") for name in ("kpi.py", "drills.py")).replace(
        "{_BS}", "BS 5839-1"
    )

    assert [] == [key for key in json.loads(keys) if TEXTS[key][1].replace("{n} ", "") not in written]


def test_life_kinds():
    """The page knows the kinds of fire devices that the platform knows."""
    said = re.search(r"LIFE_KINDS = (\[.*?\]);", (JS / "model.js").read_text("utf-8")).group(1)

    assert sorted(LIFE_KINDS) == sorted(json.loads(said))


class TestSources:
    @pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
    def test_no_markup(self, path):
        """No script makes elements of text, or runs text."""
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text("utf-8")
        )
        assert [] == found

    @pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
    def test_size(self, path):
        """A script is one idea in under 400 lines."""
        assert len(path.read_text("utf-8").splitlines()) < 400

    def test_nothing_from_elsewhere(self):
        """The page names no other host, and nothing inline."""
        html = (JS.parent / "index.html").read_text("utf-8")

        assert [] == re.findall(r"https?://|<style|style=|\son\w+=|<script(?! src)", html)

    @pytest.mark.skipif(which("node") is None, reason="node is not installed")
    def test_gaps(self):
        """Windows further apart than the rhythm lets expect are parted by a hole; a slower rhythm is no gap."""
        script = (
            "globalThis.document={documentElement:{lang:'zh'}};globalThis.addEventListener=()=>{};"
            f"const {{withGaps}}=await import({(JS / 'chart.js').as_uri()!r});"
            "const run=(ts)=>withGaps(ts,[ts.map(()=>1)],2000)[1].map(v=>v===null?'_':'x').join('');"
            "console.log(run([0,1000,2000,3000,9000,10000,11000,12000]));console.log(run([0,9000,18000,27000,36000]));"
        )
        ran = subprocess.run(
            ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=30
        )
        assert ["xxxx_xxxx", "xxxxx"] == ran.stdout.split()
