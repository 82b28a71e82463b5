"""``forgery --install-completion``, in a home folder of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forgery.cli import VERBS, main

SCRIPTS = {
    "bash": ".local/share/bash-completion/completions/forgery",
    "zsh": ".zsh/completions/_cyclopts_forgery",
    "fish": ".config/fish/completions/forgery.fish",
}


@pytest.fixture
def home(monkeypatch, tmp_path):
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def install(home, monkeypatch, capsys):
    """Install for a shell → (exit code, output, errors)."""

    def run(shell: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["forgery", "--install-completion", f"--shell={shell}"])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capsys.readouterr()

    return run


def contents(home: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_it_says_what_it_writes_and_can_be_repeated(shell, home, install):
    code, out, _ = install(shell)
    assert code == 0
    script = home / SCRIPTS[shell]
    text = script.read_text()
    assert all(verb in text for verb in VERBS)
    assert "spectral-norm" in text
    assert "feature-matching" in text
    assert f"wrote {script}" in out
    written = contents(home)
    assert all(str(path) in out for path in written)
    assert install(shell)[0] == 0
    assert contents(home) == written


@pytest.mark.parametrize(("shell", "line"), [("bash", -1), ("zsh", 0)])
def test_a_startup_file_keeps_its_lines(shell, line, home, install):
    startup = home / f".{shell}rc"
    before = b"export NAME='caf\xe9\x0c\x1c'"
    startup.write_bytes(before)
    assert install(shell)[0] == 0
    lines = startup.read_bytes().strip().split(b"\n")
    added = lines.pop(line)
    assert lines == [before]
    assert str(home).encode() in added


def test_zsh_is_told_what_is_missing_in_its_startup_file(home, install):
    assert "also needs this line" in install("zsh")[1]
    with (home / ".zshrc").open("a") as startup:
        startup.write("autoload -U compinit && compinit\n")
    assert "also needs this line" not in install("zsh")[1]


def test_a_home_that_cannot_be_written_is_named(home, install):
    (home / ".local").write_text("a file in the place of a folder")
    code, _, err = install("bash")
    assert code == 2
    assert f"cannot write {home}/.local" in err


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_flags_and_choices(home, install):
    install("bash")
    asked = """
    . "$HOME/.bashrc"
    complete_words() {
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _forgery; echo "${COMPREPLY[@]}"
    }
    complete_words forgery trai
    complete_words forgery train --spectr
    complete_words forgery train --objective hin
    """
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["train", "--spectral-norm", "hinge"]
