"""Checklists as text: read, checked, and the ones that come with the platform."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from park.errors import SettingsError
from park.governance import Checklist, ChecklistItem, HazardGrade

ITEMS_MOST = 200
DAYS_MOST = 366
_TEXT_MOST = 500
_LIST_KEYS = frozenset({"key", "zh", "en", "basis", "item"})
_ITEM_KEYS = frozenset({"key", "zh", "en", "basis", "grade", "days", "category"})


def shipped() -> Mapping[str, Checklist]:
    """Return the checklists that come with the platform."""
    return parse(files("governance").joinpath("checklists.toml").read_text("utf-8"))


def parse(text: str) -> Mapping[str, Checklist]:
    """Return the checklists of a text, by key. Raises SettingsError that names the place."""
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise SettingsError(f"checklists: {why}") from why
    found: dict[str, Checklist] = {}
    for raw in _tables(whole, "checklist", "checklists"):
        where = f"checklist {raw.get('key', '?')}"
        _known(raw, _LIST_KEYS, where)
        items = tuple(_item(one, where) for one in _tables(raw, "item", where))
        keys = [item.key for item in items]
        if not 0 < len(items) <= ITEMS_MOST or len(set(keys)) < len(keys):
            raise SettingsError(f"{where}: 1 to {ITEMS_MOST} items, each key once")
        one = Checklist(
            _text(raw, "key", where), _text(raw, "zh", where), _text(raw, "en", where), _text(raw, "basis", where),
            items,
        )  # fmt: skip
        if one.key in found:
            raise SettingsError(f"{where} is there twice")
        found[one.key] = one
    return MappingProxyType(found)


def _item(raw: Mapping[str, Any], where: str) -> ChecklistItem:
    where = f"{where}, item {raw.get('key', '?')}"
    _known(raw, _ITEM_KEYS, where)
    days = raw.get("days", 30)
    if type(days) is not int or not 0 <= days <= DAYS_MOST:
        raise SettingsError(f"{where}: days is a whole number from 0 to {DAYS_MOST}")
    grade = raw.get("grade", "general")
    if grade not in set(HazardGrade):
        raise SettingsError(f"{where}: grade is one of {', '.join(HazardGrade)}")
    return ChecklistItem(
        _text(raw, "key", where), _text(raw, "zh", where), _text(raw, "en", where), _text(raw, "basis", where),
        HazardGrade(grade), days, str(raw.get("category", ""))[:64],
    )  # fmt: skip


def _text(raw: Mapping[str, Any], name: str, where: str) -> str:
    text = raw.get(name)
    if not isinstance(text, str) or not text.strip() or len(text) > _TEXT_MOST:
        raise SettingsError(f"{where}: {name} is a text of 1 to {_TEXT_MOST} characters")
    return text


def _tables(raw: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    found = raw.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SettingsError(f"{where}: {name} is a list of tables")
    return found


def _known(raw: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
    odd = sorted(raw.keys() - keys)
    if odd:
        raise SettingsError(f"{where}: unknown key {odd[0]!r}")
