"""Numbers that no column holds are the caller's error, not ours."""

import re

import pytest

from api.permissions import ROUTES

HUGE = 10**30
PLACED = sorted((m, p) for (m, p), need in ROUTES.items() if need and "{" in p and m in {"GET", "DELETE"})
LISTS = sorted(p for (m, p), need in ROUTES.items() if need and m == "GET" and "{" not in p and not p.endswith("/live"))


@pytest.mark.parametrize(("method", "path"), PLACED)
def test_in_addresses(admin, method, path):
    """A number in an address that is larger than any of ours finds nothing."""
    assert admin(method, re.sub(r"\{[^}]+\}", str(HUGE), path)).status_code in {404, 422}


@pytest.mark.parametrize("asked", ["after", "before", "key", "park", "start", "end", "limit"])
def test_in_questions(admin, asked):
    """A number in a question that is larger than any of ours is refused, or not looked at."""
    paths = [p for p in LISTS if not p.endswith(("/export", "/backup"))]
    values = (str(HUGE), f"a/{HUGE}/b")

    assert [] == [(p, v) for p in paths for v in values if admin("GET", p, params={asked: v}).status_code >= 500]
