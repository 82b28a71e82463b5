import pytest
import torch

from forgery.errors import ForgeryError
from forgery.latent import attribute, parse

FACES = ("glasses", "woman", "beard", "dark-hair")
CELEBA = ("Eyeglasses", "Male", "Wearing_Hat")
DIGITS = tuple("0123456789")


def wanted(expression):
    return [(sign, concept.wanted) for sign, concept in expression.terms]


def test_the_expression_of_the_paper():
    parsed = parse("man+glasses - man + woman", FACES)
    assert wanted(parsed) == [
        (1, {"woman": False, "glasses": True}),
        (-1, {"woman": False, "glasses": False}),  # the man that is subtracted wears none
        (1, {"woman": True, "glasses": False}),
    ]
    assert parsed.target.wanted == {"woman": True, "glasses": True}
    assert str(parsed) == "man+glasses − man + woman"


def test_the_same_words_on_celeba():
    parsed = parse("man+glasses - man + woman", CELEBA)
    assert wanted(parsed)[0] == (1, {"Male": True, "Eyeglasses": True})
    assert parsed.target.wanted == {"Male": False, "Eyeglasses": True}


def test_words():
    assert attribute("man", FACES) == ("woman", False)
    assert attribute("no-glasses", FACES) == ("glasses", False)
    assert attribute("DARK_HAIR", FACES) == ("dark-hair", True)
    assert attribute("wearing-hat", CELEBA) == ("Wearing_Hat", True)


def test_names_that_differ_in_case_only_are_told_apart():
    letters = ("A", "B", "a", "b", "two_words")
    assert [attribute(name, letters)[0] for name in letters] == list(letters)
    assert attribute("Two-Words", letters) == ("two_words", True)
    with pytest.raises(ForgeryError, match="'B_' may be B- or b_: write it exactly"):
        attribute("B_", ("B-", "b_"))


def test_expressions_without_a_target():
    assert parse("glasses + woman", FACES).target.wanted == {"glasses": True, "woman": True}
    assert parse("glasses + glasses", FACES).target is None
    assert parse("woman - glasses", FACES).target is None


def test_digits_are_exclusive():
    assert parse("7 - 7 + 3", DIGITS, exclusive=True).target.wanted == {"3": True}
    strange = parse("7 - 1 + 4", DIGITS, exclusive=True)
    assert wanted(strange) == [(1, {"7": True}), (-1, {"1": True}), (1, {"4": True})]
    assert strange.target is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("glases - man", "unknown attribute 'glases': did you mean 'glasses'?"),
        ("", "cannot parse ''"),
        ("man -", "cannot parse 'man -'"),
        ("man * woman", "got '\\*'"),
        ("man-woman", "unknown attribute 'man-woman'"),
        ("man+woman", "'man\\+woman' requires both presence and absence of woman"),
    ],
)
def test_invalid_expressions_are_refused(text, message):
    with pytest.raises(ForgeryError, match=message):
        parse(text, FACES)


def test_a_class_concept_is_a_single_name():
    with pytest.raises(ForgeryError, match="must be the name of one class"):
        parse("1+2 - 3", DIGITS, exclusive=True)


def test_shown_requires_every_attribute():
    concept = parse("woman+no-glasses", FACES).terms[0][1]
    p = torch.tensor([[0.1, 0.95, 0, 0], [0.6, 0.99, 0, 0], [0.1, 0.3, 1, 1]])
    assert concept.shown(p, FACES).tolist() == [True, False, False]
    assert concept.shown(p, FACES, sure=0.92).tolist() == [False, False, False]
