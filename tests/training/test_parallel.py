"""Several processes, started by torch's launcher, give the same steps and runs as one."""

import dataclasses
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.distributed.run import parse_args

import forgery
from forgery import ForgeryError, rows
from forgery.data import Batches, Dataset
from forgery.training import checkpoint
from forgery.training.parallel import ALONE, Ranks, joined

RUN = [
    *("mnist", "--split", "test", "--generator", "mlp-batchnorm", "--g-width", "8"),
    *("--d-width", "8", "--latent", "4", "--batch-size", "20"),
    *("--report-every", "2", "--sample-every", "3"),
    *("--checkpoint-every", "2", "--keep-checkpoints", "100", "--device", "cpu", "--threads", "1"),
]


def launch(*arguments, processes=2, meeting=("--standalone",), **kinds):
    """Start a program in several processes; torch's launcher in one of its own."""
    launcher = ["torch.distributed.run", "--nproc-per-node", str(processes), *meeting]
    launcher += ["--local-addr", "127.0.0.1"]  # else it asks the network for the machine's name
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    if sys.platform == "linux":  # otherwise gloo resolves the host name over the network
        environment["GLOO_SOCKET_IFNAME"] = "lo"
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kinds,
    )  # fmt: skip


def finish(*processes):
    """What the launchers' programs print; none of them outlives a failure."""
    try:
        printed = ""
        for process in processes:
            out, err = process.communicate(timeout=240)
            assert process.returncode == 0, err[-20_000:]
            printed += out
        return printed
    finally:
        for process in processes:
            process.terminate()  # one that has ended is left alone; its workers end with it


def last(path):
    return checkpoint.read_last(path / "checkpoints")[0]


def test_a_single_process_changes_nothing():
    tensor = torch.randn(4, 2, requires_grad=True)
    assert ALONE.local(tensor) is ALONE.gather(tensor) is rows.local(tensor) is tensor
    assert ALONE.largest(1.5, 2) == [1.5, 2]
    with joined() as ranks:
        assert ranks is ALONE


@pytest.mark.parametrize("parts", [1, 2])
def test_the_rows_of_all_ranks_are_the_minibatch(parts):
    order = torch.arange(24).view(2, 12)  # an ensemble of two
    shares = [Ranks(rank, 3).local(order, parts) for rank in range(3)]
    assert {share.shape for share in shares} == {(2, 4)}
    # For each part, the concatenated shares of the ranks are the minibatch in order.
    together = torch.cat([s.unflatten(1, (parts, -1)) for s in shares], 2).flatten(1)
    assert torch.equal(together, order)


@pytest.mark.parametrize("draw", [rows.rand_like, rows.large_rand_like, rows.randn_like])
def test_random_numbers_of_local_rows_are_those_of_one_process(draw):
    torch.manual_seed(3)
    alone = draw(torch.empty(12, 5)), draw(torch.empty(12, 1))
    for rank in range(3):
        torch.manual_seed(3)
        with rows.held_by(rank, 3):
            own = draw(torch.empty(4, 5)), draw(torch.empty(4, 1))
        for mine, whole in zip(own, alone, strict=True):
            assert torch.equal(mine, whole[4 * rank : 4 * rank + 4])


def test_a_rank_reads_its_local_rows_only():
    values = torch.arange(40).view(40, 1, 1, 1).to(torch.uint8)
    data = Dataset("forty", values, labels=torch.arange(40))
    for rank, expected in enumerate(([8, 9, 10, 11], [12, 13, 14, 15])):
        batches = Batches(
            data, 8, lambda epoch, n: torch.arange(n), True, local=Ranks(rank, 2).local
        )
        assert torch.equal(batches[1], data.to_model(values[expected]))
        assert batches.labels(1).tolist() == expected


def test_a_minibatch_that_cannot_be_split_is_refused(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ForgeryError, match=r"batch of 20 .* among 3 processes.*--batch-size"):
        forgery.train(tiny, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_parts_of_a_minibatch_must_split_too(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")  # 20 can be split among two, its quarters cannot
    with pytest.raises(ForgeryError, match=r"batch of 5 .* among 2 processes.*--batch-size"):
        forgery.train(tiny.replace(accumulate=4), tmp_path / "run")


@pytest.mark.slow
def test_gradients_equal_those_of_one_process_for_every_objective_and_penalty():
    out = finish(launch(Path(__file__).with_name("gradients_of_ranks.py")))
    pairs = [line.split() for line in out.splitlines()]
    assert len(pairs) > 60
    for name, difference in pairs:
        assert float(difference) <= 1e-6, name


@pytest.mark.slow
def test_a_run_of_two_processes_equals_that_of_one_and_resumes_in_one(tmp_path):
    out = finish(launch("-m", "forgery", "train", *RUN, "--steps", "4", "--out", tmp_path / "two"))
    assert out.count("4 steps, saved in") == 1  # only rank 0 prints
    forgery.resume(tmp_path / "two", steps=6)
    finish(launch("-m", "forgery", "resume", tmp_path / "two", "--steps", "8"))
    forgery.train(forgery.load(tmp_path / "two").config, tmp_path / "one")
    two, one = last(tmp_path / "two"), last(tmp_path / "one")
    assert two.step == one.step == 8
    for name, tensor in one.model.items():
        torch.testing.assert_close(two.model[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_two_processes_start_from_the_same_weights(tmp_path):
    finish(launch("-m", "forgery", "train", *RUN, "--steps", "2", "--out", tmp_path / "first"))
    start = ["mnist", "--split", "test", "--start-from", tmp_path / "first", "--freeze-d", "1"]
    start += ["--steps", "4", "--device", "cpu", "--threads", "1", "--out", tmp_path / "two"]
    finish(launch("-m", "forgery", "train", *start))
    forgery.train(forgery.load(tmp_path / "two").config, tmp_path / "one")
    two, one, first = (last(tmp_path / name) for name in ("two", "one", "first"))
    assert two.step == one.step == 4
    for name, tensor in one.model.items():
        torch.testing.assert_close(two.model[name], tensor, rtol=1e-4, atol=1e-5)
    frozen = "discriminator.layers.0.weight"
    assert torch.equal(two.model[frozen], first.model[frozen])


@pytest.mark.slow
@pytest.mark.parametrize("machines", [1, 2])
def test_four_processes_on_one_machine_or_two_train_as_one_process(machines, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "four"
    train = ["-m", "forgery", "train", *RUN, "--steps", "4", "--out", path]
    meeting = ["--master-addr", "127.0.0.1", "--master-port", str(port), "--nnodes", str(machines)]
    launchers = [
        launch(*train, processes=4 // machines, meeting=[*meeting, "--node-rank", str(node)])
        for node in range(machines)
    ]
    out = finish(*launchers)
    assert out.count("4 steps, saved in") == 1
    forgery.train(forgery.load(path).config, tmp_path / "one")
    four, one = last(path), last(tmp_path / "one")
    assert four.step == one.step == 4
    for name, tensor in one.model.items():
        torch.testing.assert_close(four.model[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_points_are_drawn_by_one_process_of_two(tmp_path):
    run = ["ring8", "--steps", "3", "--sample-every", "2", "--threads", "1", "--device", "cpu"]
    finish(launch("-m", "forgery", "train", *run, "--out", tmp_path / "run"))
    assert (tmp_path / "run" / "samples" / "00000002.png").is_file()


@pytest.mark.slow
def test_a_program_in_several_processes_may_train_again(tmp_path):
    program, path = tmp_path / "again.py", tmp_path / "run"
    small = "recipe='mlp', split='test', g_width=8, d_width=8, batch_size=20, device='cpu'"
    program.write_text(
        "import forgery\n"
        f"forgery.train('mnist', {str(path)!r}, {small}, threads=1, steps=1)\n"
        "for steps in range(2, 6):\n"
        f"    forgery.resume({str(path)!r}, steps=steps)\n"
        # Threads of gloo that are left when Python ends would abort it at times.
        "from pathlib import Path\n"
        "import torch.distributed\n"
        "torch.distributed.destroy_process_group()\n"
        "threads = [p.read_text() for p in Path('/proc/self/task').glob('*/comm')]\n"
        "assert not [name for name in threads if 'gloo' in name], threads\n"
    )
    finish(launch(program))
    assert last(path).step == 5


def test_the_commands_in_the_docs_are_understood():
    page = (Path(__file__).parents[2] / "docs" / "distributed.md").read_text(encoding="utf-8")
    commands = re.findall(r"torchrun (--.*)", page.replace("\\\n", ""))
    assert len(commands) >= 5
    settings = {field.name.replace("_", "-") for field in dataclasses.fields(forgery.Config)}
    for command in commands:
        parsed = parse_args(shlex.split(command))  # exits on a flag that torchrun does not have
        assert parsed.module
        assert parsed.training_script == "forgery"
        flags = [word[2:] for word in parsed.training_script_args if word.startswith("--")]
        assert {*flags} <= settings | {"out"}


@pytest.mark.slow
def test_if_a_process_is_killed_the_others_end_and_the_run_can_be_resumed(tmp_path):
    path = tmp_path / "run"
    process = launch(
        "-m", "forgery", "train", *RUN, "--steps", "100000", "--out", path, start_new_session=True
    )
    try:
        limit = time.monotonic() + 120
        while not (path / "checkpoints" / "00000004").exists():
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.05)
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True
        )
        os.kill(int(children.stdout.split()[-1]), signal.SIGKILL)
        process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0
    step = last(path).step
    assert step >= 4
    assert forgery.resume(path, steps=step + 2).step == last(path).step == step + 2
