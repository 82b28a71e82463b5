"""The command line: one file per verb, imported only when the verb is used."""

import io
import os
import sys

from cyclopts import App

from ..errors import ForgeryError

app = App(
    name="forgery",
    help="Train, resume and sample generative adversarial networks.",
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # main reports what happened to the run
)
#: Verb → its line in the help page.
VERBS = {
    "train": "Train a GAN in a new run folder.",
    "resume": "Resume a run exactly where it stopped.",
    "data": "Inspect data before training: contents, problems, cost.",
    "sample": "Draw new samples from a run's generator.",
    "export": "Write a run's generator in a form that other programs read.",
    "push": "Upload a run's generator to the Hugging Face Hub.",
    "evaluate": "Measure a run's samples against held-out data.",
    "compare": "Compare the scores of several runs side by side.",
    "doctor": "Diagnose the problems of a run and suggest changes.",
    "show": "Show a run's settings, progress and checkpoints.",
    "recipes": "List the recipes, or the settings of one.",
    "bench": "Count the modes covered on a known density, over many seeds.",
    "lab": "Open the lab in a browser: runs, live games, generators.",
    "theory": "Check the statements of the 2014 paper numerically.",
    "interpolate": "Interpolate between samples: a strip and an animation.",
    "arithmetic": "Add and subtract concepts: man+glasses - man + woman.",
    "direction": "Find an attribute's direction in z, and move samples along it.",
    "neighbours": "Show samples beside their nearest training examples.",
    "invert": "Find the z whose sample is closest to a picture.",
    "classifier": "Train a classifier to evaluate runs on your own images.",
}
for _order, (_verb, _help) in enumerate(VERBS.items()):
    app.command(f"forgery.cli.{_verb}:{_verb}", name=_verb, help=_help, sort_key=_order)
app.command(
    "forgery.cli.completion:install_completion",
    name="--install-completion",
    group="Setup",  # its name would narrow the column of the verbs' lines
    help="Install tab completion in bash, zsh or fish.",
)


def main() -> None:
    """Run a verb. A user's mistake gives one message and exit code 2."""
    if os.environ.get("RANK", "0") != "0":  # of several processes, only rank 0 prints
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - open until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):  # an encoding that lacks β, a name that is no text
        sys.stdout.reconfigure(errors="backslashreplace")
    # Draw figures without a window, whatever backend a notebook around this process has set.
    os.environ["MPLBACKEND"] = "agg"
    try:
        status = _run(sys.argv[1:])
    except ForgeryError as error:
        print(f"forgery: {error}", file=sys.stderr)
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0] or "the system refused an allocation"
        print(f"forgery: out of memory: {reason}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nforgery: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of the output exited, as in `| head`
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:
        print(f"forgery: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _run(arguments: list[str]) -> object:
    verbs = VERBS.keys() & set(arguments[:1])
    for verb in verbs:
        app[verb].help = None  # its own help page prints the whole docstring
    try:
        # Both flags print the help page; cli/_flags.py decides which settings it lists.
        return app(["--help" if token == "--help-all" else token for token in arguments])
    finally:
        for verb in verbs:
            app[verb].help = VERBS[verb]


def _is_out_of_memory(error: Exception) -> bool:
    """Whether NumPy or torch failed to allocate memory on the machine or on a GPU."""
    words = ("out of memory", "can't allocate memory", "Cannot allocate memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)
