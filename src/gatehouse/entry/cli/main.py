"""The `gatehouse` command: finds the command, and turns errors into words and exit codes."""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from gatehouse import __version__, settings
from gatehouse.errors import GatehouseError

# Commands are imported when they are called, so that `gatehouse --help` answers at once.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("gatehouse.entry.cli.demo:demo", "train, evaluate, decide and report on the packs"),
    "init": ("gatehouse.entry.cli.house:init", "make the home folder"),
    "data": ("gatehouse.entry.cli.data:data", "list, check, fetch and import data sets"),
    "simulate": ("gatehouse.entry.cli.simulate:simulate", "a platform from a seed, with all that is true of it"),
    "label": ("gatehouse.entry.cli.label:label", "label texts at the terminal or by CSV, and plan which"),
    "features": ("gatehouse.entry.cli.features:features", "what packs declare, and what each feature means"),
    "train": ("gatehouse.entry.cli.learn:train", "learn a pack's detector and find its points"),
    "evaluate": ("gatehouse.entry.cli.evaluate:evaluate", "figures of a release, or of anyone's logged answers"),
    "gate": ("gatehouse.entry.cli.gate:gate", "may a candidate follow the champion?"),
    "promote": ("gatehouse.entry.cli.learn:promote", "make a release live"),
    "rollback": ("gatehouse.entry.cli.learn:rollback", "go back to the release that was live before"),
    "releases": ("gatehouse.entry.cli.learn:releases", "the releases of the packs and their life"),
    "versions": ("gatehouse.entry.cli.versions:versions", "what is live and what is tried, and how they compare"),
    "stop": ("gatehouse.entry.cli.versions:stop", "take a shadow or canary back to draft"),
    "reach": ("gatehouse.entry.cli.reach:reach", "what a release would do about stored events"),
    "score": ("gatehouse.entry.cli.score:score", "judge a file of events"),
    "bank": ("gatehouse.entry.cli.bank:bank", "known texts and media: add, propose, accept, retire, match"),
    "campaigns": ("gatehouse.entry.cli.campaigns:campaigns", "accounts that act together, with the evidence"),
    "prevalence": ("gatehouse.entry.cli.prevalence:prevalence", "how much of a population violates"),
    "work": ("gatehouse.entry.cli.work:work", "decide on the events that come by the bus"),
    "deadletter": ("gatehouse.entry.cli.deadletter:deadletter", "messages that could not be decided on"),
    "serve": ("gatehouse.entry.cli.serve:serve", "decide on the events that come by HTTP"),
    "keys": ("gatehouse.entry.cli.keys:keys", "who may ask the API for what"),
    "reads": ("gatehouse.entry.cli.reads:reads", "who looked at which content"),
    "perform": ("gatehouse.entry.cli.perform:perform", "carry out planned enforcements"),
    "enforcements": ("gatehouse.entry.cli.perform:enforcements", "what waits, what is held; approve or refuse"),
    "cases": ("gatehouse.entry.cli.cases:cases", "what waits for a person: list, show, close"),
    "appeals": ("gatehouse.entry.cli.appeals:appeals", "decisions that people contest"),
    "standing": ("gatehouse.entry.cli.standing:standing", "an actor's strikes, marks and what is in force"),
    "mark": ("gatehouse.entry.cli.standing:mark", "put a lasting mark on an entity, or take it off"),
    "undo": ("gatehouse.entry.cli.undo:undo", "take back what was done under a policy version or decision"),
    "safety": ("gatehouse.entry.cli.safety:safety", "what people met before action, who was wronged, what it cost"),
    "erase": ("gatehouse.entry.cli.erase:erase", "take all of an actor out of everything, for ever"),
    "retain": ("gatehouse.entry.cli.erase:retain", "take away content that is old enough"),
    "hold": ("gatehouse.entry.cli.erase:hold", "keep somebody from being erased for a while"),
    "ledger": ("gatehouse.entry.cli.ledger:ledger", "is everything on record as it was written?"),
    "perspective": ("gatehouse.entry.cli.perspective:perspective", "a way on from the Perspective API"),
    "replay": ("gatehouse.entry.cli.replay:replay", "what another policy would have decided"),
    "trace": ("gatehouse.entry.cli.trace:trace", "one event's whole way, and why"),
    "doctor": ("gatehouse.entry.cli.house:doctor", "what is there, what is missing, and what mends it"),
}


class Commands(click.Group):
    """Commands by name, imported when called."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command, imported now; None for an unknown one."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a command, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gatehouse")
@click.pass_context
def cli(context: click.Context) -> None:
    """Gatehouse: find harmful content, decide under written policies, and explain every decision."""
    context.obj = settings.read()


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code: 0 done, 1 refused, 2 for the user to mend, 3 something outside failed."""
    try:
        # Without its standalone mode click hands back the code that a command left with.
        code = cli.main(list(arguments), prog_name="gatehouse", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        return 130
    except click.ClickException as wrong:
        wrong.show()
        return 2
    except GatehouseError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        # The reader of a pipe has left; what it read was whole.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"error: {place}{error.strerror or error}", err=True)
        return 3
    except Exception as error:
        return _fault_of_ours(error)


def _fault_of_ours(error: Exception) -> int:
    if os.environ.get("GATEHOUSE_DEBUG"):
        traceback.print_exception(error)
    click.echo(
        f"error: a fault of Gatehouse itself ({type(error).__name__}); nothing was recorded after it\n"
        "    → set GATEHOUSE_DEBUG=1 and run it again to see where, and report that",
        err=True,
    )
    return 3


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))
