"""The description of the API: committed, complete, and true to its own schemas."""

import json
import os
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter

from api import bodies
from api.app import create_app
from api.door import KeyedRoute
from api.examples import ANSWERS, BODIES
from api.permissions import ROUTES

GOLDEN = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture
def app(services):
    """An application over empty stores."""
    return create_app(services)


def routes(app):
    return [route for route in app.routes if isinstance(route, APIRoute)]


class TestDescription:
    def test_is_committed(self, app):
        """docs/openapi.json is what the code says (GOLDEN=1 rewrites it)."""
        said = json.dumps(app.openapi(), ensure_ascii=False, indent=1) + "\n"
        if os.environ.get("GOLDEN"):
            GOLDEN.write_text(said, encoding="utf-8")

        assert GOLDEN.read_text(encoding="utf-8") == said

    def test_examples_of_answers_fit(self, app):
        """Every example of an answer is one that the call could give."""
        for route in routes(app):
            if route.operation_id or route.name in ANSWERS:
                name = route.operation_id or route.name
                if route.response_model is not None and name in ANSWERS:
                    TypeAdapter(route.response_model).validate_python(ANSWERS[name])

    def test_examples_of_bodies_fit(self, app):
        """Every example of a body is one that the call takes."""
        kinds = {route.operation_id or route.name: route.body_field for route in routes(app)}

        for name, example in BODIES.items():
            annotation = kinds[name].field_info.annotation
            if annotation is bytes:
                continue
            assert issubclass(annotation, bodies.Body)
            TypeAdapter(annotation).validate_json(json.dumps(example))

    def test_no_example_is_left_over(self, app):
        """Every example belongs to a call."""
        names = {route.operation_id or route.name for route in routes(app)}

        assert set() == (set(ANSWERS) | set(BODIES)) - names

    def test_operations_are_named_once(self, app):
        """No two calls share an operation id."""
        names = [call["operationId"] for calls in app.openapi()["paths"].values() for call in calls.values()]

        assert sorted(set(names)) == sorted(names)


class TestTable:
    def test_every_route_asks_at_the_door(self, app):
        """No route is built but with the route class that asks for its permission."""
        assert all(isinstance(route, KeyedRoute) for route in routes(app))

    def test_table_equals_routes(self, app):
        """The table of permissions names the routes, all of them and nothing else."""
        built = {(method, route.path) for route in routes(app) for method in route.methods}

        assert set(ROUTES) == built

    def test_bodies_are_bounded(self):
        """Every string and list that a caller sends has a greatest length."""
        for kind in vars(bodies).values():
            if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__ == "api.bodies":
                for name, field in kind.model_json_schema()["properties"].items():
                    parts = field.get("anyOf", [field])
                    for part in parts:
                        bounded = {"maxLength", "pattern", "enum", "const"} & set(part)
                        assert part.get("type") != "string" or bounded, f"{kind.__name__}.{name}"
                        assert part.get("type") != "array" or "maxItems" in part, f"{kind.__name__}.{name}"
