"""The page that draws: what is in the file, and what is refused."""

import base64
import datetime
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from forgery.errors import ForgeryError
from forgery.export import page
from forgery.export.page import bundle, page_of, text_of, to_page
from forgery.export.program import COMPUTE
from forgery.sampler import Sampler

DAY = datetime.date(2026, 1, 2)


def element(content: str, name: str) -> str:
    return re.search(f'<script type="[^"]*" id="{name}">(.*?)</script>', content, re.S)[1]


@pytest.fixture(scope="module")
def content(conditional) -> str:
    return page_of(conditional, DAY).content


def test_the_page_holds_the_weights_and_the_first_samples(content, conditional):
    about = json.loads(element(content, "about"))
    weights = np.frombuffer(base64.b64decode(element(content, "weights")), "<f2")
    sizes = [int(np.prod(shape)) for shape in about["program"]["weights"]]
    assert len(weights) == sum(sizes)
    first = np.frombuffer(base64.b64decode(about["first"]), "<f4").reshape(-1, 6)
    assert np.array_equal(first, conditional.sampler.z(len(first), 0).numpy())
    assert about["classes"] == [{"name": str(i), "number": i} for i in range(10)]
    assert about["step"] == 3
    assert about["date"] == "2026-01-02"
    assert len(about["principal"]["shares"]) == 6


def test_the_page_is_the_same_every_time(content, conditional):
    assert page_of(conditional, DAY).content == content


def test_the_policy_allows_the_pages_own_script_and_nothing_else(content):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', content)[1]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        [inline] = re.findall(f"<{tag}>(.*?)</{tag}>", content, re.S)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r'(src|href)="(?!data:)', content)
    assert not re.search(r"https?://", content)


def test_a_name_cannot_end_the_script(digits, tmp_path):
    evil = replace(digits, config=digits.config.replace(recipe="</script><script>alert(1)"))
    assert "alert(1)" in element(page_of(evil).content, "about")


def test_the_difference_from_pytorch_is_measured(digits, tmp_path):
    difference = to_page(digits, tmp_path / "digits.html")
    assert 0 < difference < 0.01
    written = (tmp_path / "digits.html").read_text(encoding="utf-8")
    assert (written, difference) == (page_of(digits).content, page_of(digits).difference)


@pytest.mark.parametrize("name", ["MOST_BYTES", "MOST_PRODUCTS"])
def test_a_large_generator_is_refused_with_its_size(digits, tmp_path, monkeypatch, name):
    monkeypatch.setattr(page, name, 1000)
    said = {"MOST_BYTES": r"would be [\d.]+ KB large", "MOST_PRODUCTS": "million products"}
    with pytest.raises(ForgeryError, match=said[name]) as error:
        to_page(digits, tmp_path / "digits.html")
    assert "--to onnx" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_points_are_refused(digits, tmp_path):
    plane = replace(digits, sampler=Sampler(nn.Linear(2, 2), "normal", 2, (2,)))
    with pytest.raises(ForgeryError, match="draws points"):
        to_page(plane, tmp_path / "plane.html")


class Odd(nn.Module):
    """Images of one row, with a layer that no page has."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.Hardswish(), nn.Unflatten(1, (1, 2, 4)))

    def forward(self, z: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        return self.layers(z)


def test_a_foreign_layer_is_refused_by_name(digits, tmp_path):
    odd = replace(digits, sampler=Sampler(Odd(), "normal", 6, (1, 2, 4)))
    with pytest.raises(ForgeryError, match=r"layer layers\.1 \(Hardswish\).*--to onnx"):
        to_page(odd, tmp_path / "odd.html")
    assert not list(tmp_path.iterdir())


def test_weights_that_16_bits_cannot_hold_are_refused(digits, tmp_path):
    large = nn.Sequential(nn.Linear(6, 8), nn.Unflatten(1, (1, 2, 4)))
    large[0].weight.data.fill_(1e6)
    model = replace(digits, sampler=Sampler(large, "normal", 6, (1, 2, 4)))
    with pytest.raises(ForgeryError, match="weights of 16 bits"):
        to_page(model, tmp_path / "large.html")


def test_a_path_that_cannot_be_written_is_named(digits, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ForgeryError, match="cannot write"):
        to_page(digits, tmp_path / "file" / "digits.html")


def test_the_page_knows_every_kind_of_operation():
    table = re.search(r"^const KINDS = \{(.*?)^\};", text_of("network.js"), re.M | re.S)[1]
    known = set(re.findall(r"[\w-]+", re.sub(r": .*", "", table, flags=re.M)))
    assert set(COMPUTE) - {"reshape"} <= known  # the same numbers, so that nothing is computed


def test_the_page_has_its_words():
    for name, words in (("words", "page-words.js"), ("text", "sample-words.js")):
        used = re.findall(rf"[^.\w-]{name}\.(\w+)", text_of("page.js"))
        known = re.findall(r"^  (\w+):", text_of(words), re.M)
        assert set(used) <= set(known)


def test_modules_are_joined_without_imports(tmp_path, monkeypatch):
    (tmp_path / "a.js").write_text('import {\n  one, two as zwei,\n} from "./b.js";\none(zwei);\n')
    (tmp_path / "b.js").write_text("export const two = 2;\nexport function one() {}\n")
    monkeypatch.setattr(page, "HERE", tmp_path)
    joined = bundle("a.js")
    assert not re.search(r"^(import|export)", joined, re.M)
    assert joined.index("const b_js") < joined.index("const a_js")
    assert "one, two: zwei," in joined
    assert "return { two, one };" in joined
    (tmp_path / "b.js").write_text("export default 2;\n")
    with pytest.raises(ValueError, match=r"b\.js"):
        bundle("a.js")
