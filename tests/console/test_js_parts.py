"""Parts of the pages that need no page: times in a park's zone, hours with nobody, names of values in a message."""

import json
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from shutil import which
from zoneinfo import ZoneInfo

import pytest

JS = Path(__file__).parents[2] / "api" / "console" / "js"
# What modules touch when they are read; nothing of a browser is asked of them here.
STAGE = (
    "globalThis.document={documentElement:{lang:'zh'},addEventListener(){}};globalThis.addEventListener=()=>{};"
    "globalThis.location={hash:'',origin:'http://x'};"
)

pytestmark = pytest.mark.skipif(which("node") is None, reason="node is not installed")


def run(module, names, expression):
    """Return what an expression over a module's exports gives."""
    script = (
        f"{STAGE}const {{{','.join(names)}}}=await import({(JS / module).as_uri()!r});"
        f"console.log(JSON.stringify({expression}));"
    )
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=30
    )
    return json.loads(ran.stdout)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC"])
def test_moments_of_a_zone(zone):
    """A wall-clock time of a zone is the moment that Python says, and comes back as it was, over a year of days."""
    first = datetime(2026, 1, 1, 8, 30)  # noqa: DTZ001 - a time on a wall
    walls = [(first + timedelta(hours=31 * n)).isoformat(timespec="minutes") for n in range(280)]
    moments = [int(datetime.fromisoformat(w).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000) for w in walls]
    asked = f"{json.dumps(walls)}.map((w)=>[momentOf(w,{zone!r}),localText(momentOf(w,{zone!r}),{zone!r})])"
    # An hour that a zone leaves out in spring has no moment of its own.
    real = [(w, m) for w, m in zip(walls, moments, strict=True) if back(m, zone) == w]

    found = dict(zip(walls, run("times.js", ["momentOf", "localText"], asked), strict=True))

    assert [[m, w] for w, m in real] == [found[w] for w, _ in real]
    assert len(real) > 270


def back(moment, zone):
    """Return the wall-clock time of a moment."""
    return datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)).replace(tzinfo=None).isoformat(timespec="minutes")


SATURDAY = "2026-11-21"
EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]


def shift(start, end, days=None, **more):
    """Return a shift as the API gives it."""
    return {"officer": 1, "start": start, "end": end, "days": EVERY_DAY if days is None else days,
            "first": "", "last": "", **more}  # fmt: skip


@pytest.mark.parametrize(
    ("shifts", "holes"),
    [
        ([], [[0, 1440]]),
        ([shift(0, 1440)], []),
        ([shift(480, 1200)], [[0, 480], [1200, 1440]]),
        ([shift(480, 1200), shift(1200, 480)], []),  # the night of Friday reaches into Saturday
        ([shift(480, 1200), shift(1200, 480, [5])], [[0, 480]]),  # only that of Saturday
        ([shift(1200, 480, [4])], [[480, 1440]]),  # only that of Friday
        ([shift(480, 480)], []),  # a day and a night
        ([shift(0, 1440, last="2026-11-20")], [[0, 1440]]),
        ([shift(1200, 480, last="2026-11-20")], [[480, 1440]]),
        ([shift(300, 700), shift(600, 900), shift(650, 800)], [[0, 300], [900, 1440]]),
    ],
)
def test_holes_of_a_day(shifts, holes):
    """The hours of a day in which a rota has nobody, with nights that begin the day before."""
    assert holes == run("dutypage.js", ["holesOf"], f"holesOf({json.dumps({'shifts': shifts})}, {SATURDAY!r})")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"ts":1,"values":{"power":2,"co2":3}}', ["power", "values.power", "co2", "values.co2"]),
        ('{"temperature":21}', ["temperature"]),
        ("not JSON", []),
        ("[1,2]", []),
        ("null", []),
    ],
)
def test_names_in_a_message(text, names):
    """Names that a waiting device's message may hold are offered; what is no JSON offers none."""
    assert names == run("claimform.js", ["namesIn"], f"namesIn({json.dumps(text)})")


SAID = [
    (409, "the alarm 12 changed meanwhile: it is at version 4, you saw 3", "报警 12 刚被他人修改，请重新查看"),
    (409, "the target 3 was changed meanwhile; it is at version 2", "通知渠道 3 刚被他人修改，请重新查看"),
    (409, "wang has acknowledged it already", "wang 已经确认"),
    (404, "there is no hazard 9", "没有隐患 9"),
    (403, "the role viewer may not do this (alarm)", "角色 viewer 无权这样做"),
    (400, "'x' is no time zone", "请求有误（'x' is no time zone）"),
    (500, "something failed here that is not your fault", "平台内部出错，日志中已记录"),
    (503, "a part of the platform is away for now; try again soon", "平台的某个部分暂时不可用，请稍后再试"),
    (0, "", ""),
]


@pytest.mark.parametrize(("status", "detail", "text"), SAID)
def test_errors_in_chinese(status, detail, text):
    """On Chinese pages an error is told in Chinese; what a person must mend keeps the platform's own words."""
    problem = json.dumps({"status": status, "message": detail})

    assert text == run("problems.js", ["explained"], f"explained({problem})")


def test_errors_are_those_of_the_platform():
    """Every sentence that is translated is one that the platform says: its fixed words stand in the code."""
    patterns = run("problems.js", ["SENTENCES"], "SENTENCES.map(([p])=>p.source.slice(4,-2))")
    code = " ".join(p.read_text("utf-8") for room in ("alerts", "api", "governance", "runtime")
                    for p in (JS.parents[2] / room).rglob("*.py"))  # fmt: skip
    words = [re.split(r"\\[wd][+*]?|\.[*+]|\(\?:|[()|\\'{}\[\]^]+|\?", p) for p in patterns]
    missing = [max(parts, key=len) for parts in words if max(parts, key=len).strip() not in code]

    assert [] == missing


NOTES = [
    ({"actor": "", "note": "flood case:86"}, "报警泛滥，汇总通知 报警 86"),
    ({"actor": "", "note": "gateway_down case:3, silence silence:4"}, "网关离线 报警 3, 静音 4"),
    ({"actor": "", "note": "step 2"}, "第 2 步"),
    ({"actor": "wang", "note": "flood case:86"}, "flood case:86"),
]


@pytest.mark.parametrize(("line", "text"), NOTES)
def test_notes_of_the_platform(line, text):
    """What the platform writes beside a change is told in the page's language; a person's words are left alone."""
    assert text == run("alarmrow.js", ["platformNote"], f"platformNote({json.dumps(line)})")


BROWSER = (
    "const on={},later=[];globalThis.document={};globalThis.addEventListener=(name,does)=>{on[name]=does};"
    "globalThis.requestAnimationFrame=(does)=>does();globalThis.clearTimeout=()=>{};"
    "globalThis.setTimeout=(does,wait)=>later.push([does,wait??0]);"
    "const told=(name,more)=>on[name]?.({type:name,...more});"
    "const pass=(wait)=>{for(const [does] of later.splice(0).filter(([,after])=>after<=wait))does()};"
)
RELEASED = "pass(0);"


@pytest.mark.parametrize(
    ("course", "drawn"),
    [
        ("draw();", 1),
        ("draw();draw();", 2),
        ("told('pointerdown');draw();", 0),
        ("told('pointerdown');draw();told('pointerup');", 0),  # its click comes first
        (f"told('pointerdown');draw();told('pointerup');{RELEASED}", 1),
        (f"told('pointerdown');draw();draw();told('pointercancel');{RELEASED}", 1),
        (f"told('pointerdown');told('pointerup');{RELEASED}draw();", 1),
        ("told('keydown',{key:' '});draw();", 0),
        (f"told('keydown',{{key:' '}});draw();told('keyup');{RELEASED}", 1),
        ("told('keydown',{key:'a'});draw();", 1),
        ("told('keydown',{key:' '});draw();told('keydown',{key:' '});pass(2000);", 1),  # however long it is held
    ],
)
def test_pressed(course, drawn):
    """What somebody presses is not made anew before he lets go; nor is a fire kept from a page for longer than 2 s."""
    module = (JS / "dom.js").as_uri()
    script = (
        f"{BROWSER}const {{framed}}=await import({module!r});let drawn=0;"
        f"const draw=framed(()=>{{drawn+=1}});{course}console.log(drawn);"
    )
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=30
    )

    assert str(drawn) == ran.stdout.strip()
