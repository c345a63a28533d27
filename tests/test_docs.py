"""The documents say what is: links lead somewhere, names exist, and pages made from code are what the code says."""

import json
import os
import re
from pathlib import Path

import pytest

from api.bodies import ClaimBody
from ingest.decoders.samples import Sample
from ingest.dialects import dialect_of, meaning_of
from park.metrics import METRICS, Kind
from park.settings import Settings
from runtime.embedded import Embedded
from runtime.house import House

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
DECISIONS = sorted(p for p in (DOCS / "decisions").glob("*.md") if p.name != "README.md")


def name_of(page):
    return str(page.relative_to(ROOT))


def prose(page):
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """Return the names that headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def golden(page, expected):
    """Compare a page with what the code says; GOLDEN=1 rewrites it."""
    if os.environ.get("GOLDEN"):
        page.write_text(expected, "utf-8")
    assert expected == page.read_text("utf-8")


# ── pages and what they name ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    """Every relative link of a page leads to a file, and its anchor to a heading."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            broken.append(target)

    assert [] == broken


@pytest.mark.parametrize("page", [DOCS / "architecture.md", DOCS / "developing.md", *DECISIONS], ids=name_of)
def test_paths_exist(page):
    """Every path that a page names in backticks exists."""
    named = re.findall(r"`([\w./-]+/[\w./-]*)`", prose(page))
    known = {"park", "ingest", "stream", "api", "simulators", "runtime", "tests", "bench", "docs", "scripts", ".ci"}
    made = {"bench/results/latest.json"}  # not committed

    assert [] == [p for p in named if p.split("/")[0] in known and p not in made and not (ROOT / p).exists()]


def test_documents_are_listed():
    """docs/README.md lists every document by its title."""
    lines = ["# Documents\n", "Made by `make golden`.\n"]
    for page in sorted(DOCS.glob("*.md")):
        if page.name != "README.md":
            title = page.read_text("utf-8").splitlines()[0].removeprefix("# ")
            lines.append(f"- [{title}]({page.name})")
    lines += ["- [Decisions](decisions/README.md)", "- [The HTTP API, as OpenAPI describes it](openapi.json)"]

    golden(DOCS / "README.md", "\n".join(lines) + "\n")


def test_decisions_are_listed():
    """Every decision stands in the list, under its number and its own title."""
    listed = (DOCS / "decisions" / "README.md").read_text("utf-8")
    expected = []
    for page in DECISIONS:
        number, _, title = page.read_text("utf-8").splitlines()[0].removeprefix("# ").partition(" ")
        assert page.name.startswith(f"{number}-")
        expected.append((number, page.name, title))

    assert expected == [(n, file, title) for n, title, file in re.findall(r"\| (\d+) \| \[(.+)\]\((.+)\) \|", listed)]


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_decisions_are_whole(page):
    """Every decision says its objective, why, what was rejected and the price."""
    text = page.read_text("utf-8")

    assert [] == [part for part in ("**Objective.**", "**Why.**", "**Rejected.**", "**Price.**") if part not in text]


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "developing.md"], ids=name_of)
def test_make_targets_exist(page):
    """Every `make` command that a page names is a target."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)

    assert named
    assert [] == [target for target in named if target not in targets]


def test_changelog_is_in_form():
    """Every line of the changelog has its kind, its area and one sentence."""
    lines = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("- ")]

    assert lines
    assert [] == [line for line in lines if not re.fullmatch(r"- \[(FEATURE|CHANGE|PERF|BUGFIX)\] [a-z]+: .+\.", line)]


# ── the README's own device ──────────────────────────────────────────────────────────────────────


def test_the_readmes_device_can_be_claimed():
    """The messages of the README are read by a dialect, and its claim names the device that they come from."""
    text = (ROOT / "README.md").read_text("utf-8")
    messages = re.findall(r"mosquitto_pub -q 1 -t (\S+) -m '(.+?)'", text)
    claim = ClaimBody.model_validate(json.loads(re.findall(r"-d '(.+?)'", text)[0]))

    assert 2 == len(messages)
    for topic, payload in messages:
        dialect, key = dialect_of(topic)
        assert claim.device_key == key
        _, parts = dialect.decode(None, topic, payload.encode(), 0)
        for part in parts:
            assert isinstance(part, Sample)
            assert part.source == meaning_of(key, part.source).metric


# ── pages made from code ─────────────────────────────────────────────────────────────────────────


def test_figures_are_documented(tmp_path):
    """docs/metrics.md lists every figure of /metrics."""
    with House.open(Settings(data_dir=tmp_path / "park")) as house:
        embedded = Embedded(house)
        figures = embedded.figures()
        embedded.stop()
        for reader in embedded.readers.values():  # lanes that never ran have not closed theirs
            reader.close()
    lines = [
        "# The platform's own figures\n",
        "`GET /metrics` (and `/api/v1/metrics`) answers in Prometheus' text format. Counters of messages,",
        "readings, faults and CPU time begin at 0 with each start; `lane` is `life` or `bulk`. Made from code by",
        "`make golden`.\n",
        "| figure | kind | labels | what it says |",
        "| --- | --- | --- | --- |",
    ]
    for figure in figures:
        labels = ", ".join(f"`{label}`" for label in sorted({name for sample, _ in figure.samples for name in sample}))
        lines.append(f"| `{figure.name}` | {figure.kind} | {labels} | {figure.text} |")

    golden(DOCS / "metrics.md", "\n".join(lines) + "\n")


def shown(number):
    return "∞" if number == float("inf") else f"{number:,.0f}"


def test_quantities_are_documented():
    """docs/quantities.md lists every metric of the catalogue."""
    lines = [
        "# Quantities\n",
        "Names of values, as native messages, rules and registry files use them; `name.channel` tells several of",
        "one kind apart (`voltage.a`). A value outside the range is kept and marked. A state is told as a word of",
        "the table, as true or false where there are two, or as the word's number, from 0. **Bold** states are",
        "alarms of life safety, raised at receipt. Made from code by `make golden`.\n",
        "| name | feed | unit | kind | range or states | 中文 | English |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for m in METRICS.values():
        if m.kind is Kind.STATE:
            reach = ", ".join(f"**{word}**" if i in m.alarm else word for i, word in enumerate(m.codes))
        else:
            reach = f"{shown(m.low)} to {shown(m.high)}"
        kind = f"{m.kind}, makes `{m.derives}`" if m.derives else m.kind
        lines.append(f"| `{m.name}` | {m.feed} | {m.unit} | {kind} | {reach} | {m.zh} | {m.en} |")

    golden(DOCS / "quantities.md", "\n".join(lines) + "\n")
