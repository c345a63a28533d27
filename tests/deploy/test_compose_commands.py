"""What containers of ours are told to do is what the `park` command can do."""

import click
import pytest
import typer

from runtime.cli import make_app
from tests.deploy.compose_file import compose

SERVICES = compose()["services"]
ROLES = sorted(name for name, service in SERVICES.items() if "build" in service and "command" in service)


@pytest.mark.parametrize("name", ROLES)
def test_command_is_one_of_ours(name):
    """A role's command is one that `park` knows, with options that it takes."""
    command, *options = SERVICES[name]["command"]
    group = typer.main.get_command(make_app())
    known = group.commands[command]

    with click.Context(group) as context:
        known.make_context(command, list(options), parent=context, resilient_parsing=True)
    assert {o for o in options if o.startswith("--")} <= {o for p in known.params for o in p.opts}
