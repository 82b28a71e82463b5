"""Score cards on disk."""

import json

import pytest

from forgery import ForgeryError
from forgery.cli._tables import print_cards
from forgery.evaluation import read_card, require_like

#: A card in the format of version 0.1.0, with other values.
OLD = """{
 "run": "runs/digits",
 "step": 4000,
 "protocol": {
  "train": "mnist[train]",
  "train_fingerprint": "aa",
  "against": "mnist[test]",
  "against_fingerprint": "bb",
  "samples": 10000,
  "seed": 0,
  "extractor": "mnist-digits",
  "extractor_sha256": "584807bf9fc5"
 },
 "scores": {
  "frechet": 2.5,
  "kernel": 12.5,
  "kernel_std": 1.25,
  "class_kl": 0.0125,
  "parzen": 231.5,
  "parzen_se": 1.5,
  "parzen_sigma": 0.2,
  "near_train": 0.0125
 },
 "floor": {
  "frechet": 0.5,
  "parzen": 244.0
 },
 "nonfinite": 0,
 "histogram": [1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000],
 "left_out": {
  "asked_right": "mnist[test] has no labels"
 },
 "notes": [
  "a note"
 ]
}
"""


def test_a_card_of_an_earlier_version_is_read_compared_and_printed(tmp_path, capsys):
    (tmp_path / "card.json").write_text(OLD)
    card = read_card(tmp_path / "card.json")
    assert card.scores["frechet"] == 2.5
    assert card.protocol.kind == "images"
    card.write(tmp_path / "again.json")
    assert read_card(tmp_path / "again.json") == card
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(OLD)
    require_like([card, card])
    print_cards([card])
    out = capsys.readouterr().out
    assert "1.25%" in out
    assert 'Skipped "requested class drawn": mnist[test] has no labels' in out
    assert "a note" in out


def test_a_card_that_cannot_be_written(tmp_path):
    (tmp_path / "card.json").write_text(OLD)
    card = read_card(tmp_path / "card.json")
    with pytest.raises(ForgeryError, match=r"cannot write .*absent"):
        card.write(tmp_path / "absent" / "card.json")
