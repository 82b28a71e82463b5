"""The explorer's answers: the same numbers as the verbs, and refusals."""

import base64
import io
import json
import struct
import time
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

import forgery
from forgery import latent, model, recipes
from forgery.pixels import to_pixels

DIGITS = {"run": "digits"}
OF_CLASS = {"run": "classes/conditional", "class": "3"}


def floats(z):
    return z.numpy().astype("<f4").tobytes()


def z_of(client, run, **parameters):
    answer = client.get("/api/explorer/z", params={"run": run, **parameters})
    assert answer.status_code == 200, answer.text
    return torch.from_numpy(np.frombuffer(answer.content, "<f4").copy()).view(-1, 8)


def pixels_of(client, z, parameters=DIGITS):
    answer = client.post("/api/explorer/pixels", params=parameters, content=floats(z))
    assert answer.status_code == 200, answer.text
    return torch.from_numpy(np.frombuffer(answer.content, np.uint8).copy()).view(-1, 1, 28, 28)


def ended(client, answer):
    """What a task gave."""
    assert answer.status_code == 200, answer.text
    task = answer.json()["task"]
    for _ in range(3000):
        state = client.get("/api/explorer/task", params={"task": task}).json()
        if state["ended"]:
            return state
        time.sleep(0.01)
    raise AssertionError("the task did not end")


def alike(a, b):
    """Equal but for rounding: another number of images in a pass may change the last bit."""
    return (a.int() - b.int()).abs().max() <= 1


def test_the_runs_of_images_are_listed(client):
    found = client.get("/api/explorer/runs").json()["runs"]
    assert [run["run"] for run in found] == ["classes/conditional", "digits"]
    assert found[1] == {"run": "digits", "data": "mnist[test]", "shape": [1, 28, 28]}


def test_a_broken_folder_does_not_hide_the_others(client, runs):
    before = client.get("/api/explorer/runs").json()
    (runs / "broken").mkdir()
    (runs / "broken" / "config.json").symlink_to("nowhere")
    assert client.get("/api/explorer/runs").json() == before


def test_the_zoo_can_be_explored(client):
    zoo = client.get("/api/explorer/runs").json()["zoo"]
    assert {model["run"] for model in zoo} == {"zoo:mnist", "zoo:faces32"}
    about = client.get("/api/explorer/run", params={"run": "zoo:mnist"}).json()
    assert (about["path"], about["in_zoo"]) == ("zoo:mnist", True)
    assert about["steps"] == [about["step"]]
    assert about["classes"] == list("0123456789")
    where = {"run": "zoo:mnist", "step": about["step"], "class": "3"}
    z = model.load("zoo:mnist").space("3").z(2, 0)
    pixels = client.post("/api/explorer/pixels", params=where, content=floats(z))
    assert pixels.status_code == 200, pixels.text
    assert len(pixels.content) == 2 * 28 * 28


def test_an_unknown_model_of_the_zoo_is_refused(client):
    answer = client.get("/api/explorer/run", params={"run": "zoo:../zoo/mnist"})
    assert answer.status_code == 404
    assert "unknown model of the zoo" in answer.json()["error"]


def test_the_lab_says_whether_there_is_a_run(client, client_of, tmp_path):
    assert client.get("/api/about").json()["empty"] is False
    (tmp_path / "nothing").mkdir()
    assert client_of(tmp_path / "nothing").get("/api/about").json()["empty"] is True


def test_samples_are_those_of_the_seed(client, runs):
    z = z_of(client, "digits", seed=3, first=5, count=7)
    expected = to_pixels(model.load(runs / "digits").sample(12, seed=3)[5:])
    assert alike(pixels_of(client, z), expected)


def test_samples_of_a_class_are_those_of_the_verb(client, runs):
    z = z_of(client, "classes/conditional", count=4)
    loaded = model.load(runs / "classes" / "conditional")
    assert alike(pixels_of(client, z, OF_CLASS), to_pixels(loaded.sample(4, classes="3")))


def test_a_checkpoint_is_chosen(client, runs):
    about = client.get("/api/explorer/run", params=DIGITS).json()
    assert about["step"] == 30
    assert about["steps"] == [30, 20, 10]
    assert (about["shape"], about["size"], about["classes"]) == ([1, 28, 28], 8, [])
    earlier = DIGITS | {"step": 10}
    assert client.get("/api/explorer/run", params=earlier).json()["step"] == 10
    z = z_of(client, "digits", count=3)
    expected = to_pixels(model.load(runs / "digits", step=10).sample(3))
    assert alike(pixels_of(client, z, earlier), expected)


def test_the_neighbours_of_arithmetic_are_those_of_the_verb(client, runs):
    space = model.load(runs / "digits").space()
    z = space.z(9, 0)
    figure = latent.combine(space, [(1, "a", z[:3]), (-1, "b", z[3:6]), (1, "c", z[6:])])
    total = z[:3].mean(0) - z[3:6].mean(0) + z[6:].mean(0)
    answer = client.get("/api/explorer/moves", params=DIGITS)
    moves = torch.from_numpy(np.frombuffer(answer.content, "<f4").copy()).view(8, 8)
    assert alike(pixels_of(client, total[None])[0], to_pixels(figure.result))
    assert alike(pixels_of(client, total + moves), to_pixels(figure.neighbours))


def test_a_generator_that_takes_a_class_needs_one(client):
    z = torch.zeros(1, 8)
    for wrong in ({}, {"class": "eleven"}):
        parameters = {"run": "classes/conditional", **wrong}
        answer = client.post("/api/explorer/pixels", params=parameters, content=floats(z))
        assert answer.status_code == 400
        assert "class" in answer.json()["fields"]
    answer = client.post("/api/explorer/pixels", params=DIGITS | {"class": "3"}, content=floats(z))
    assert "was not trained with classes" in answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected z of 8 numbers"),
        (bytes(12), "not 12 bytes"),
        (bytes(4 * 8 * 257), "for 1 to 256 images"),
        (floats(torch.full((1, 8), torch.nan)), "not finite"),
        (floats(torch.full((1, 8), torch.inf)), "not finite"),
    ],
)
def test_wrong_z_is_refused(client, content, message):
    answer = client.post("/api/explorer/pixels", params=DIGITS, content=content)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"count": 0},
        {"count": 1, "first": -1},
        {"count": 257},
        {"count": 1, "seed": -1},
        {"count": 9, "first": 99_999},
    ],
)
def test_numbers_out_of_range_are_refused(client, parameters):
    answer = client.get("/api/explorer/z", params=DIGITS | parameters)
    assert answer.status_code == 400
    assert answer.json()["fields"]


def test_a_run_without_images_checkpoints_or_sense_is_refused(client, runs):
    def error_of(run):
        answer = client.get("/api/explorer/run", params={"run": run})
        assert answer.status_code in (400, 404)
        return answer.json()["error"]

    assert "the explorer needs a run of images" in error_of("ring")
    assert "there is no run 'nothing'" in error_of("nothing")
    record = json.loads((runs / "digits" / "config.json").read_text())
    empty = runs / "empty"
    empty.mkdir()
    (empty / "config.json").write_text(json.dumps(record))
    assert "no checkpoint yet" in error_of("empty")
    (empty / "config.json").write_text(json.dumps(record | {"config": {"unheard-of": 1}}))
    assert "another version of forgery" in error_of("empty")


def test_a_damaged_checkpoint_is_said_and_the_one_before_is_shown(client, runs):
    newest = runs / "digits" / "checkpoints" / "00000030"
    (newest / "model.safetensors").write_bytes(b"nothing")
    about = client.get("/api/explorer/run", params=DIGITS).json()
    assert about["step"] == 20
    assert "is damaged" in about["problem"]
    answer = client.get("/api/explorer/run", params=DIGITS | {"step": 30})
    assert "is damaged" in answer.json()["error"]
    for step in (10, 20):
        (newest.parent / f"{step:08d}" / "state.json").unlink()
    answer = client.get("/api/explorer/run", params=DIGITS)  # the opened one is asked for by step
    assert "is damaged" in answer.json()["error"]


def test_a_newer_checkpoint_is_opened_when_it_is_asked_for(client, runs):
    newest = runs / "digits" / "checkpoints" / "00000030"
    newest.rename(runs / "later")
    assert client.get("/api/explorer/run", params=DIGITS).json()["step"] == 20
    (runs / "later").rename(newest)
    z = torch.zeros(1, 8)
    kept = pixels_of(client, z, DIGITS | {"step": 20})
    about = client.get("/api/explorer/run", params=DIGITS).json()
    assert about["step"] == 30
    assert alike(pixels_of(client, z, DIGITS | {"step": 20}), kept)


def test_at_most_three_generators_are_kept(runs):
    from forgery.lab.folder import RunsFolder
    from forgery.lab.generators import MOST, Generators

    generators = Generators(RunsFolder(runs))
    first = generators.get("digits", 10)
    assert generators.get("digits", 10) is first
    for step in (20, 30):
        generators.get("digits", step)
    assert generators.get("digits", 10) is first
    generators.get("classes/conditional")
    assert len(generators._opened) == MOST
    assert generators.get("digits", 10) is first  # 20 was used least recently


def test_what_d_says_of_a_sample(client, runs):
    loaded = model.load(runs / "digits")
    z = z_of(client, "digits", count=2)[1:]
    answer = client.post("/api/explorer/discriminator", params=DIGITS, content=floats(z)).json()
    expected = loaded.logits(loaded.sample(2)[1:]).item()
    assert answer["logit"] == pytest.approx(expected, abs=1e-4)
    assert answer["probability"] == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-4)
    assert 0 <= answer["lower"] <= 1
    answer = client.post("/api/explorer/discriminator", params=OF_CLASS, content=floats(z))
    assert 0 < answer.json()["probability"] < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pack": 2}, "judges 2 samples together"),
        ({"objective": "wasserstein", "penalty": "wgan-gp"}, None),
        ({"objective": "least-squares"}, ""),
    ],
)
def test_what_d_cannot_say(client, runs, tiny, changes, message):
    forgery.train(tiny.replace(latent=8, **changes), runs / "other")
    answer = client.post(
        "/api/explorer/discriminator", params={"run": "other"}, content=bytes(4 * 8)
    )
    if message:
        assert message in answer.json()["error"]
    else:
        assert answer.json()["objective"] == changes["objective"]
        assert (answer.json()["probability"] is None) == (message is None)


def test_a_vae_has_no_discriminator(client, runs, tiny):
    shared = {"latent": 8, "steps": 2, "device": "cpu", "threads": 1, "split": "test"}
    forgery.train(recipes.vae(g_width=8, d_width=8, **shared), runs / "vae")
    answer = client.post("/api/explorer/discriminator", params={"run": "vae"}, content=bytes(32))
    assert "has no discriminator: it is a vae" in answer.json()["error"]


def test_principal_directions(client, runs):
    answer = client.get("/api/explorer/principal", params=DIGITS).json()
    found = latent.principal_directions(model.load(runs / "digits").space())
    vectors = [np.frombuffer(base64.b64decode(text), "<f4") for text in answer["vectors"]]
    assert np.allclose(vectors, found.vectors.numpy(), atol=1e-4)
    assert answer["shares"] == sorted(answer["shares"], reverse=True)


def test_the_nearest_training_image(client, runs):
    loaded = model.load(runs / "digits")
    z = z_of(client, "digits", count=1)
    answer = client.post("/api/explorer/nearest", params=DIGITS, content=floats(z)).json()
    data = loaded.dataset()
    expected = latent.nearest(to_pixels(loaded.sample(1)), data.values)
    assert answer["row"] == expected.rows[0]
    assert answer["distance"] == pytest.approx(expected.distances[0].item(), abs=1e-2)
    assert base64.b64decode(answer["pixels"]) == data.values[answer["row"]].numpy().tobytes()
    assert answer["class"] == str(int(data.labels[answer["row"]]))


def test_a_run_whose_data_are_gone_says_so(client, runs):
    path = runs / "digits" / "config.json"
    record = json.loads(path.read_text())
    record["config"]["data"] = str(runs / "moved")
    path.write_text(json.dumps(record))
    answer = client.post("/api/explorer/nearest", params=DIGITS, content=bytes(32))
    assert answer.status_code == 400
    assert "was not found" in answer.json()["error"]


def png(size=(28, 28), mode="L"):
    file = io.BytesIO()
    Image.new(mode, size, 200).save(file, "PNG")
    return file.getvalue()


def bomb():
    """A small PNG whose header states 30,000 × 30,000 pixels."""
    header = b"IHDR" + struct.pack(">II", 30_000, 30_000) + bytes([8, 0, 0, 0, 0])
    return png()[:12] + header + struct.pack(">I", zlib.crc32(header)) + png()[33:]


def test_an_uploaded_picture_is_brought_to_the_shape_of_the_images(client):
    answer = client.post("/api/explorer/picture", params=DIGITS, content=png((60, 40)))
    assert answer.content == bytes([200] * 784)
    answer = client.post("/api/explorer/picture", params=DIGITS, content=png(mode="RGB"))
    assert len(answer.content) == 784


def test_a_file_that_is_no_picture_is_refused(client):
    for content, message in (
        (b"", "empty"),
        (b"<svg/>", "not a picture"),
        (png((28, 500))[:-20], "damaged"),
        (bomb(), "more than"),
    ):
        answer = client.post("/api/explorer/picture", params=DIGITS, content=content)
        assert answer.status_code == 400
        assert message in answer.json()["error"]


def test_an_oversized_upload_is_refused_before_it_is_read(client):
    read = []

    async def parts():
        for _ in range(100):
            read.append(1_000_000)
            yield bytes(1_000_000)

    answer = client.post("/api/explorer/picture", params=DIGITS, content=parts())
    assert answer.status_code == 413
    assert "at most 10 MB" in answer.json()["error"]
    assert sum(read) <= 12_000_000


def test_the_z_of_a_picture_is_found(client, runs, monkeypatch):
    from forgery.lab import explorer

    monkeypatch.setattr(explorer, "STEPS", 20)
    space = model.load(runs / "digits").space()
    wanted = to_pixels(space.pictures(space.z(1, 5)))
    answer = client.post(
        "/api/explorer/invert", params=DIGITS, content=wanted.numpy().tobytes()
    )  # fmt: skip
    found = ended(client, answer)["result"]
    z = torch.from_numpy(np.frombuffer(base64.b64decode(found["z"]), "<f4").copy())[None]
    drawn = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8)
    assert alike(pixels_of(client, z).flatten(), torch.from_numpy(drawn.copy()))
    assert found["error"] <= found["before"]


def test_a_picture_of_another_shape_is_not_searched_for(client):
    answer = client.post("/api/explorer/invert", params=DIGITS, content=bytes(100))
    assert "has 100 bytes" in answer.json()["error"]


def test_a_search_can_be_stopped_and_others_wait(client, monkeypatch):
    from forgery.lab import explorer

    monkeypatch.setattr(explorer, "STEPS", 1_000_000)
    start = lambda: client.post("/api/explorer/invert", params=DIGITS, content=bytes(784))  # noqa: E731
    running = [start(), start()]
    assert start().status_code == 429
    for answer in running:
        client.post("/api/explorer/stop", params={"task": answer.json()["task"]})
        assert ended(client, answer)["error"] == "stopped"
    answer = start()
    client.post("/api/explorer/stop", params={"task": answer.json()["task"]})
    ended(client, answer)
    assert client.get("/api/explorer/task", params={"task": "none"}).status_code == 404


def test_the_direction_of_a_class(client, monkeypatch):
    from forgery.lab import explorer

    monkeypatch.setattr(explorer, "SAMPLES", 300)
    names = ended(client, client.post("/api/explorer/concepts", params=DIGITS))["result"]["names"]
    assert names == [str(digit) for digit in range(10)]

    def search(name):
        parameters = DIGITS | {"attribute": name}
        return ended(client, client.post("/api/explorer/direction", params=parameters))

    assert "blue" in search("blue")["error"]
    # Of a generator after 30 steps it depends on the processor which classes there are.
    found = [search(name) for name in ("8", "3", "1")]
    for state in found:
        if "result" in state:
            vector = np.frombuffer(base64.b64decode(state["result"]["vector"]), "<f4")
            assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)
        else:
            assert "samples have" in state["error"]
