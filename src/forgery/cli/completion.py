"""``forgery --install-completion``"""

import os
from pathlib import Path
from typing import Literal

from ..errors import ForgeryError

Shell = Literal["bash", "zsh", "fish"]
#: Bytes that are not UTF-8 are written back as they were.
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}


def install_completion(*, shell: Shell | None = None) -> None:
    """Install tab completion of commands, flags and choices in bash, zsh or fish.

    Writes a script into the folder where the shell looks for completions. In bash and zsh, a line
    is added to .bashrc or .zshrc, unless it is there already.

    Parameters
    ----------
    shell:
        The shell (default: the one that is running).
    """
    from . import app

    kind = shell or _running_shell()
    script, startup, line = _places(kind)
    try:
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(app.generate_completion(shell=kind), encoding="utf-8")
        print(f"wrote {script}")
        if startup is not None and _add_line(startup, line, first=kind == "zsh"):
            print(f"added to {startup}: {line}")
    except OSError as error:
        raise ForgeryError(f"cannot write {error.filename}: {error.strerror}") from None
    if kind == "zsh" and startup is not None and "compinit" not in _read(startup):
        print(f"zsh also needs this line at the end of {startup}: autoload -U compinit && compinit")
    print(f"Completion works in every {kind} that starts from now on.")


def _running_shell() -> Shell:
    from cyclopts.completion.detect import ShellDetectionError, detect_shell

    try:
        found = detect_shell()
    except ShellDetectionError:
        found = None
    if found not in ("bash", "zsh", "fish"):
        what = f"there is no completion for {found}" if found else "the shell is unknown"
        raise ForgeryError(f"{what}: give --shell bash, zsh or fish")
    return found


def _places(shell: Shell) -> tuple[Path, Path | None, str]:
    """The script of completions, the file that the shell reads at its start, and its new line."""
    home = Path.home()
    if shell == "bash":
        script = _folder("XDG_DATA_HOME", ".local/share") / "bash-completion/completions/forgery"
        return script, home / ".bashrc", f'[ -f "{script}" ] && . "{script}"'
    if shell == "zsh":
        folder = home / ".zsh" / "completions"
        startup = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        # zsh calls the function that is named like the file, and so is the one in the script.
        return folder / "_cyclopts_forgery", startup, f'fpath=("{folder}" $fpath)'
    return _folder("XDG_CONFIG_HOME", ".config") / "fish/completions/forgery.fish", None, ""


def _folder(variable: str, default: str) -> Path:
    given = os.environ.get(variable)
    return Path(given) if given else Path.home() / default


def _add_line(file: Path, line: str, first: bool) -> bool:
    """Add a line to a file, at its start or end; False if the file has it already."""
    before = file.read_bytes() if file.exists() else b""
    added = line.encode(**_TEXT)
    if added in before.splitlines():
        return False
    if first:  # zsh searches the folders of fpath once, when compinit is called
        file.write_bytes(added + b"\n" + before)
    else:
        end = b"" if not before or before.endswith(b"\n") else b"\n"
        with open(file, "ab") as opened:
            opened.write(end + added + b"\n")
    return True


def _read(file: Path) -> str:
    return file.read_text(**_TEXT) if file.exists() else ""
