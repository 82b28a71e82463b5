"""Pictures in tables: parquet files, and data sets of the hub, here loaded from a folder."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from forgery.data import ImageSettings, holds_pictures, load, load_pictures
from forgery.data.tables import Columns
from forgery.errors import ForgeryError
from forgery.resolve import settings_from

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

STRUCT = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def png(value: int, size=(8, 8)) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, value).save(file, "png")
    return file.getvalue()


def values(dataset) -> list[int]:
    return dataset.values[:, 0, 0, 0].tolist()


def as_struct(contents) -> "pa.Array":
    return pa.array([{"bytes": content, "path": None} for content in contents], STRUCT)


@pytest.fixture
def table(tmp_path):
    """A function that writes columns to a parquet file, with three rows per group."""

    def write(metadata=None, **columns) -> str:
        content = pa.table(columns).replace_schema_metadata(metadata)
        pq.write_table(content, tmp_path / "a.parquet", row_group_size=3)
        return str(tmp_path / "a.parquet")

    return write


@pytest.mark.parametrize("column", [as_struct, pa.array, lambda c: pa.array(c, pa.large_binary())])
def test_parquet_rows_keep_their_order(table, column):
    path = table(image=column([png(10 * i) for i in range(11)]))
    assert holds_pictures(path)
    data = load(path)
    assert values(data) == [10 * i for i in range(11)]
    assert data.name == "a.parquet[train]"
    assert data.labels is None


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ([10, 2, 2, 3], ("2", "3", "10"), [2, 0, 0, 1]),
        (["dog", "cat", "cat", "dog"], ("cat", "dog"), [1, 0, 0, 1]),
        ([True, False, False, True], ("false", "true"), [1, 0, 0, 1]),
        ([10.0, 2.0, 2.0, 3.0], ("2", "3", "10"), [2, 0, 0, 1]),
        (pa.array(["b", "a", "a", "b"]).dictionary_encode(), ("a", "b"), [1, 0, 0, 1]),
    ],
)
def test_labels_are_whole_numbers_strings_or_booleans(table, labels, classes, numbers):
    data = load(table(image=[png(i) for i in range(4)], label=labels))
    assert data.classes == classes
    assert data.labels.tolist() == numbers


def test_class_names_are_read_from_the_datasets_metadata(table):
    about = '{"info": {"features": {"kind": {"_type": "ClassLabel", "names": ["z", "y", "x"]}}}}'
    path = table({"huggingface": about}, image=[png(i) for i in range(3)], kind=[2, 0, 0])
    data = load(path)
    assert data.classes == ("z", "y", "x")  # including the class without pictures
    assert data.labels.tolist() == [2, 0, 0]


def test_names_in_the_metadata_are_not_those_of_text(table):
    about = '{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["z", "y"]}}}}'
    path = table({"huggingface": about}, image=[png(i) for i in range(3)], label=["y", "x", "y"])
    assert load(path).classes == ("x", "y")


def test_missing_and_fractional_labels(table):
    path = table(image=[png(i) for i in range(4)], label=[1.0, float("nan"), None, 0.0])
    found = load_pictures(path, ImageSettings())
    assert found.split("train").classes == ("0", "1")
    assert found.survey.rejects == [["row 1", "it has no label"], ["row 2", "it has no label"]]
    path = table(image=[png(i) for i in range(2)], label=[1.0, 0.5])
    with pytest.raises(ForgeryError, match=r"'label' holds 0\.5, .* must be whole: .* or none"):
        load(path)
    assert load(path, settings=ImageSettings(label_column="none")).labels is None


def test_columns_of_one_name_are_refused(tmp_path):
    columns = [pa.array([png(1)]), pa.array([1]), pa.array([2])]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns, names=["image", "label", "label"]), path)
    with pytest.raises(ForgeryError, match="2 columns have the name 'label': rename them"):
        load(str(path))


def test_columns_by_name(table):
    path = table(
        first=[png(1), png(2)],
        second=[png(3), png(4)],
        label=["a", "b"],
        other=[1, 0],
    )
    with pytest.raises(
        ForgeryError, match=r"may contain pictures \(first, second\): .* --image-column"
    ):
        load(path)
    data = load(path, settings=ImageSettings(image_column="second", label_column="other"))
    assert values(data) == [3, 4]
    assert data.labels.tolist() == [1, 0]
    none = load(path, settings=ImageSettings(image_column="second", label_column="none"))
    assert none.labels is None
    for settings, message in (
        (ImageSettings(image_column="secnd"), "no column 'secnd': did you mean 'second'"),
        (
            ImageSettings(image_column="other"),
            "'other' has type int64, but pictures must be binary",
        ),
        (ImageSettings(image_column="first", label_column="second"), "'second' has type binary"),
        (ImageSettings(image_column="first", label_column="lable"), "did you mean 'label'"),
    ):
        with pytest.raises(ForgeryError, match=message):
            load(path, settings=settings)


def test_a_table_without_pictures_is_refused_with_its_columns(table):
    with pytest.raises(ForgeryError, match=r"no column contains pictures: x \(double\)"):
        load(table(x=[0.5]))


def test_rows_that_cannot_be_used_are_set_aside(table, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(9))
    cells = [
        {"bytes": png(1), "path": "1.png"},
        {"bytes": None, "path": str(secret)},
        {"bytes": None, "path": None},
        None,
        {"bytes": b"", "path": None},
        {"bytes": b"hello", "path": None},
        {"bytes": png(2)[:-30], "path": None},
        {"bytes": png(3), "path": None},
        {"bytes": png(4), "path": None},
    ]
    path = table(image=pa.array(cells, STRUCT), label=["a"] * 7 + [None, "b"])
    found = load_pictures(path, ImageSettings())
    data = found.split("train")
    assert values(data) == [1, 4]
    assert data.classes == ("a", "b")
    assert [name for name, _ in found.survey.rejects] == [f"row {i}" for i in range(1, 8)]
    reasons = " ".join(reason for _, reason in found.survey.rejects)
    for words in ("refers to a file", "empty", "not a picture", "damaged PNG", "it has no label"):
        assert words in reasons
    with pytest.raises(ForgeryError, match="7 files set aside"):
        load(path, settings=ImageSettings(strict=True))


def test_a_damaged_row_group_only_affects_its_rows(table):
    path = table(image=[png(i, (40, 40)) for i in range(9)])
    with open(path, "rb") as file:
        content = bytearray(file.read())
    at = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[at : at + 40] = b"\xff" * 40
    with open(path, "wb") as file:
        file.write(content)
    found = load_pictures(path, ImageSettings())
    assert values(found.split("train")) == [0, 1, 2, 6, 7, 8]
    assert [name for name, _ in found.survey.rejects] == ["row 3", "row 4", "row 5"]


def test_invalid_parquet_files_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_text("hello")
    with pytest.raises(ForgeryError, match=r"a\.parquet cannot be read as parquet"):
        load(str(path))


def test_parquet_without_pyarrow_names_the_extra(table, monkeypatch):
    path = table(image=[png(0)])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ForgeryError, match=r"pip install 'forgery\[parquet\]'"):
        load(path)


def test_column_settings_are_refused_for_other_sources(tmp_path):
    (tmp_path / "a.png").write_bytes(png(0))
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 4), np.uint8))
    for source in (str(tmp_path), str(tmp_path / "a.npy"), "mnist"):
        with pytest.raises(ForgeryError, match="no columns to choose from"):
            load(source, settings=ImageSettings(label_column="label"))


def test_numbers_sort_as_numbers_and_words_as_words():
    columns = Columns("image", "label", None)
    assert columns.classes(["10", "9", "-1"]) == ("-1", "9", "10")
    assert columns.classes(["10", "9", "x"]) == ("10", "9", "x")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A data set ``someone/shapes`` as the datasets package would load it from the hub."""
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["b", "a"])}
    )
    splits = {}
    for split, shades in (("train", (10, 20, 30)), ("validation", (40,)), ("extra", (50, 60))):
        pictures = [Image.fromarray(np.full((8, 8), shade, np.uint8)) for shade in shades]
        labels = [shade // 10 % 2 for shade in shades]
        splits[split] = datasets.Dataset.from_dict(
            {"image": pictures, "label": labels}, features=features
        )

    def load_dataset(name, config=None):
        if (name, config) == ("someone/shapes", "two"):
            return datasets.DatasetDict(splits)
        raise ValueError("Config name is missing.\nPlease pick one among: ['two']")

    card = tmp_path / "README.md"
    card.write_text("---\nlicense: cc0-1.0\n---\n# Shapes\n")
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(card))
    return splits


def test_hub_data_has_splits_classes_and_licence(hub):
    found = load_pictures("hf:someone/shapes:two", ImageSettings())
    assert found.survey.splits == {"train": 3, "valid": 1, "extra": 2}
    assert found.survey.licence == "cc0-1.0"
    train = found.split("train")
    assert values(train) == [10, 20, 30]
    assert train.classes == ("b", "a")
    assert train.labels.tolist() == [1, 0, 1]
    assert values(found.split("extra")) == [50, 60]
    assert train.name == "shapes:two[train]"


def test_hub_data_have_the_recipe_of_pictures(hub, capsys):
    config = settings_from("hf:someone/shapes:two", None, None, {"image_size": 32})
    assert config.recipe.startswith("pictures")
    assert config.minutes


def test_the_licence_is_empty_without_a_card(hub, monkeypatch):
    def offline(*_, **__):
        raise OSError("offline")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    assert load_pictures("hf:someone/shapes:two", ImageSettings()).survey.licence == ""


def test_hub_rows_may_only_refer_to_downloaded_files(hub, tmp_path, monkeypatch):
    import datasets

    (tmp_path / "cache").mkdir()
    inside, outside = tmp_path / "cache" / "a.png", tmp_path / "b.png"
    for path, shade in ((inside, 1), (outside, 2)):
        path.write_bytes(png(shade))
    (tmp_path / "cache" / "link.png").symlink_to(outside)
    paths = [str(path) for path in (inside, outside, tmp_path / "cache" / "link.png")]
    rows = datasets.Dataset.from_dict({"image": paths}).cast_column("image", datasets.Image())
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: {"train": rows})
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    found = load_pictures("hf:someone/files", ImageSettings())
    assert values(found.split("train")) == [1]
    assert found.survey.rejects == [
        [f"train row {i}", "refers to a file outside the data set"] for i in (1, 2)
    ]


def test_hub_errors_are_reported_in_one_line(hub):
    with pytest.raises(ForgeryError, match=r"one among: \['two'\]: hf:someone/shapes:CONFIG"):
        load("hf:someone/shapes")
    for wrong in ("hf:", "hf:shapes", "hf:/etc/passwd", "hf:../a", "hf:a/b/c"):
        with pytest.raises(ForgeryError, match="hf:OWNER/NAME"):
            load(wrong)


def test_the_hub_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ForgeryError, match=r"pip install 'forgery\[hub\]'"):
        load("hf:someone/shapes")


def test_boolean_columns_are_attributes(table):
    """CelebA on the hub: image, celeb_id, and a boolean column for each of its attributes."""
    glasses, male = [True, False, True, None], [False, False, True, True]
    path = table(
        image=as_struct([png(10 * i) for i in range(4)]),
        celeb_id=[2880, 2937, 8692, 5805],
        Eyeglasses=glasses,
        Male=male,
    )
    for _ in range(2):  # decoded, and from the cache
        data = load(path)
        assert data.labels is None
        assert data.attribute_names == ("Eyeglasses", "Male")
        assert data.attributes.tolist() == [
            [True, False],
            [False, False],
            [True, True],
            [False, True],
        ]
    some = load(path, limit=2)
    assert some.attributes.equal(data.attributes[data.stratified(2)])


def test_a_boolean_label_column_is_not_an_attribute(table):
    path = table(image=as_struct([png(0), png(9)]), smiling=[True, False], Male=[True, True])
    data = load(path, settings=ImageSettings(label_column="smiling"))
    assert data.classes == ("false", "true")
    assert data.attribute_names == ("Male",)
