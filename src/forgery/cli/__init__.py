"""The command line: one thin file a verb, each loaded only when it is asked for."""

import os
import sys

from cyclopts import App

from ..errors import ForgeryError

app = App(
    name="forgery",
    help="Train, resume and sample generative adversarial networks.",
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # main says what became of the run
)
#: Verb → its line in the help page. The verb's file is imported only when it is asked for.
VERBS = {
    "train": "Train a GAN in a new run folder.",
    "resume": "Resume a run exactly where it stopped.",
    "data": "Look at data before training: contents, faults, what it takes.",
    "sample": "Draw new images from a run's generator.",
    "evaluate": "Measure a run against held-out data, with the floor beside it.",
    "compare": "Put the measured scores of several runs side by side.",
    "doctor": "Say what went wrong in a run, and what to change.",
    "show": "What a run is and how far it has come.",
    "recipes": "List the recipes, or every setting of one.",
    "bench": "Count the modes that many seeds reach on a known density.",
    "theory": "Compute what the 2014 paper proves, and draw it.",
    "interpolate": "Draw the way from one sample to the next, strip and film.",
    "arithmetic": "Add and subtract concepts: man+glasses - man + woman.",
    "direction": "Find an attribute's direction in z, and move along it.",
    "neighbours": "Draw samples beside the nearest training examples.",
    "invert": "Find the z that a picture is drawn from.",
    "classifier": "Train a classifier to measure your own labelled images with.",
}
for _order, (_verb, _help) in enumerate(VERBS.items()):
    app.command(f"forgery.cli.{_verb}:{_verb}", name=_verb, help=_help, sort_key=_order)


def main() -> None:
    """Run a verb; a user's mistake is one message and exit code 2."""
    if os.environ.get("RANK", "0") != "0":  # one of several processes: the first speaks for all
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    # Pictures are drawn without a window, whatever a notebook around this process has set.
    os.environ["MPLBACKEND"] = "agg"
    try:
        # Both print a page; cli/_flags.py says which settings it lists.
        status = app(["--help" if token == "--help-all" else token for token in sys.argv[1:]])
    except ForgeryError as error:
        print(f"forgery: {error}", file=sys.stderr)
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0] or "the system gave no more"
        print(f"forgery: out of memory: {reason}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nforgery: stopped at once; the last checkpoint is kept", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has left, as `| head` does
        sys.stderr.close()
        sys.exit(141)
    sys.exit(status if isinstance(status, int) else 0)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether NumPy or torch could not get memory, of the machine or of a GPU."""
    words = ("out of memory", "can't allocate memory", "Cannot allocate memory")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)
