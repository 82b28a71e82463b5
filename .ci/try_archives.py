"""Installs the wheel and the source archive of dist/ into a new environment, and uses each.

    python .ci/try_archives.py

Torch comes first and pinned, as in the Makefile. The commands run in an empty folder, so that the
installed package is used and not the one of the repository.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
#: Folders of a working copy that no archive may hold.
NOT_IN_ARCHIVES = {".git", ".venv", "__pycache__", "build", "dist", "runs", "shapes"}
#: Prints the path of every file of the installed package.
LIST = (
    "import pathlib, forgery; home = pathlib.Path(forgery.__file__).parent; "
    "print(*(path.relative_to(home) for path in home.rglob('*') if path.is_file()), sep='\\n')"
)


def run(*command: str | Path, folder: Path) -> str:
    """Run a command, print it, and return its output."""
    print("+", *command, flush=True)
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=elsewhere, stdout=subprocess.PIPE)
    output = done.stdout.decode()
    if done.returncode:
        sys.exit(f"{output}\nexit code {done.returncode}")
    return output


def files_of(listed: list[str]) -> set[str]:
    return {path for path in listed if "__pycache__" not in path and not path.endswith(".pyc")}


def use(binaries: Path) -> None:
    """Use the installed package: files, version, a short training, samples."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed = files_of(run(binaries / "python", "-c", LIST, folder=folder).splitlines())
        source = ROOT / "src/forgery"
        expected = [str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()]
        if missing := files_of(expected) ^ installed:
            sys.exit(f"in the repository or in the archive only: {', '.join(sorted(missing))}")
        forgery = binaries / "forgery"
        print(run(forgery, "--version", folder=folder), end="")
        run(forgery, "train", "mnist", "--steps", "20", "--out", "first", folder=folder)
        run(forgery, "sample", "first", "--out", "grid.png", folder=folder)
        if not (folder / "grid.png").is_file():
            sys.exit("forgery sample wrote no picture")
        run(forgery, "doctor", "--environment", folder=folder)


def main() -> None:
    (wheel,) = (ROOT / "dist").glob("*.whl")
    (source,) = (ROOT / "dist").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        inside = archive.getnames()
    if wrong := [path for path in inside if NOT_IN_ARCHIVES & {*Path(path).parts[1:]}]:
        sys.exit(f"the source archive holds {', '.join(wrong)}")
    with tempfile.TemporaryDirectory() as name:
        environment = Path(name)
        venv.create(environment, with_pip=True)
        binaries = environment / "bin"
        install = [binaries / "python", "-m", "pip", "install", "--quiet"]
        install += ["--disable-pip-version-check", "-c", CONSTRAINTS]
        run(*install, "torch", folder=environment)
        run(*install, wheel, folder=environment)
        use(binaries)
        run(*install, "--no-deps", "--force-reinstall", source, folder=environment)
        use(binaries)


if __name__ == "__main__":
    main()
