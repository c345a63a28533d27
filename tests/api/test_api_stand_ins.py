"""Stand-ins by API: said and taken back by officers of safety; the rota itself stays as it is."""

import pytest
from api_house import DAY, NOW, Client

HOUR = 3_600_000


@pytest.fixture
def clients(app):
    """Clients by the names of their keys."""
    return {name: Client(app, f"park_{name}") for name in ("viewer", "operator", "officer", "admin", "other")}


@pytest.fixture
def rota(house, clients):
    """A rota of the park with one of its two officers in it."""
    park = house.ids.park
    answers = [clients["admin"]("POST", "/officers", json={"park": park, "name": name}) for name in ("王磊", "李娜")]
    made = [answer.json()["id"] for answer in answers]
    body = {"park": park, "name": "白班", "shifts": [{"officer": made[0], "start": 0, "end": 1_440}]}
    return clients["admin"]("POST", "/rotas", json=body).json() | {"people": made}


def said(rota, **more):
    """Return what a client sends of a stand-in."""
    one, two = rota["people"]
    return {"officer": one, "by": two, "starts": NOW - HOUR, "ends": NOW + HOUR, **more}


def test_stands_in(clients, rota):
    """From its start to its end the stand-in is on duty; taken back, the officer is himself again."""
    officer = clients["officer"]
    path = f"/rotas/{rota['id']}/substitutes"
    first = officer("POST", path, json=said(rota, version=1))
    there = [o["name"] for o in officer.get(f"/rotas/{rota['id']}/duty")["officers"]]
    back = officer("POST", f"{path}/end", json=said(rota))

    assert (201, 2, ["李娜"]) == (first.status_code, first.json()["version"], there)
    assert (200, [], 1) == (back.status_code, back.json()["substitutes"], len(back.json()["shifts"]))
    assert 404 == officer("POST", f"{path}/end", json=said(rota)).status_code


def test_who_may(clients, rota):
    """Officers of safety and admins may; those at the desk, viewers and other parks may not."""
    path = f"/rotas/{rota['id']}/substitutes"
    codes = {name: clients[name]("POST", path, json=said(rota)).status_code for name in clients}

    assert {"viewer": 403, "operator": 403, "officer": 201, "admin": 201, "other": 404} == codes


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"version": 7}, 409),
        ({"by": 99}, 400),
        ({"officer": 99}, 400),
        ({"ends": NOW - HOUR - 1}, 400),
        ({"starts": NOW - 3 * DAY, "ends": NOW - DAY}, 400),
        ({"by": "me"}, 422),
        ({"more": 1}, 422),
    ],
)
def test_bad_ones(clients, rota, more, status):
    """A stand-in that cannot be meant is refused, and the rota stays as it was."""
    answer = clients["officer"]("POST", f"/rotas/{rota['id']}/substitutes", json=said(rota, **more))

    assert status == answer.status_code
    assert rota["version"] == clients["officer"].get(f"/rotas/{rota['id']}")["version"]
