"""The platform about itself: health, figures, files, and its pages."""

from dataclasses import replace
from math import inf, nan

from api_house import Client

from api.app import create_app
from api.exposition import exposition
from api.routes.system import CONSOLE
from api.services import Component, Figure, Imported


class TestHealth:
    def test_starting(self, app, house):
        """Until everything serves the answer is 503 and says what is missing; no key is asked for."""
        house.parts = [
            Component("store", ready=True),
            Component("bulk", ready=False, detail="replays", serving=False),
        ]
        answer = Client(app)("GET", "/health")

        assert (
            answer.status_code,
            answer.json()["status"],
            answer.json()["missing"],
        ) == (503, "starting", ["bulk"])

    def test_degraded(self, app, house):
        """What serves but lacks something says what."""
        house.parts = [Component("broker", ready=False, detail="no connection")]
        answer = Client(app)("GET", "/health")

        assert (answer.status_code, answer.json()["status"], answer.json()["missing"]) == (200, "degraded", ["broker"])


class TestFigures:
    def test_text(self, viewer):
        """Figures are written as Prometheus reads them."""
        answer = viewer("GET", "/metrics")

        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.text == (
            "# HELP park_readings_total Readings taken in.\n# TYPE park_readings_total counter\n"
            'park_readings_total{lane="a\\"b"} 3\n'
        )

    def test_numbers(self):
        """Values that are no plain numbers have Prometheus' words."""
        samples = [({}, v) for v in (1.5, inf, -inf, nan, 2.0**60)]
        lines = exposition([Figure("x", "gauge", "a\nb", samples)]).splitlines()

        assert ["# HELP x a\\nb", "# TYPE x gauge", "x 1.5", "x +Inf", "x -Inf", "x NaN", f"x {2.0**60!r}"] == lines


class TestFiles:
    def test_there_and_back(self, services):
        """A file goes out as it is and comes in as it is; its problems are told by line."""
        taken = []

        def take(name, content, actor):
            taken.append((name, content, actor))
            return Imported({}, [("parks.csv:3", "no such park")])

        app = create_app(replace(services, registry_export=lambda form: form.encode(), registry_import=take))
        admin = Client(app, "park_admin")
        out = admin("GET", "/registry/export", params={"form": "xlsx"})
        back = admin("POST", "/registry/import", params={"name": "x.zip"}, content=b"\x00PK" * 700_000)

        assert (out.content, out.headers["content-disposition"]) == (b"xlsx", 'attachment; filename="registry.xlsx"')
        assert taken == [("x.zip", b"\x00PK" * 700_000, "admin")]
        assert back.json() == {"saved": {}, "problems": [{"where": "parks.csv:3", "why": "no such park"}]}


class TestPages:
    def test_docs_are_local(self, app):
        """The description's page loads every file from this server."""
        page = Client(app)("GET", "/api/docs").text

        assert "http://" not in page
        assert "https://" not in page
        for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
            assert f"/static/vendor/swagger/{name}" in page
            assert (CONSOLE / "vendor" / "swagger" / name).is_file()
            assert Client(app)("GET", f"/static/vendor/swagger/{name}").status_code == 200

    def test_description(self, app):
        """The description is served as it is committed."""
        assert app.openapi() == Client(app).get("/openapi.json")

    def test_gzip(self, app):
        """A long answer is compressed for those who take it."""
        answer = Client(app)("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"})

        assert answer.headers["content-encoding"] == "gzip"
