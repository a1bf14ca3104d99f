"""Files of a teacher's predictions: read alike from every format, refused where wrong."""

import numpy as np
import pytest
from scipy.special import log_softmax

from distill.errors import UserError
from distill.predictions import read_predictions

CLASSES = ["cat", "dog", "owl"]
LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [-2.0, 0.0, 4.0], [1.0, 1.0, 1.0]])
IDS = ["a/1.png", "a/2.png", "b/1.png", "b,2.png"]
PROBABILITIES = np.exp(log_softmax(LOGITS, axis=1))


def csv_text(values, header=("id", "owl", "cat", "dog"), order=(2, 0, 1)):
    lines = [",".join(header)]
    for name, row in zip(IDS, values, strict=True):
        lines.append(",".join([f'"{name}"', *(repr(float(row[place])) for place in order)]))
    return "\n".join(lines)


def write_csv(path, values):
    path.write_text(csv_text(values), "utf-8")


def write_npz(path, values):
    name = "probabilities" if np.allclose(values.sum(axis=1), 1) else "logits"
    np.savez(path, ids=IDS, classes=["owl", "cat", "dog"], **{name: values[:, [2, 0, 1]]})


def write_parquet(path, values):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"image": IDS, **dict(zip(CLASSES, values.T, strict=True))}
    parquet.write_table(pyarrow.table(columns), path)


WRITERS = {"csv": write_csv, "npz": write_npz, "parquet": write_parquet}


@pytest.mark.parametrize("kind", WRITERS)
def test_logits_stay_and_probabilities_become_their_logarithms(kind, tmp_path):
    path = tmp_path / f"teacher.{kind}"
    WRITERS[kind](path, LOGITS)
    found = read_predictions(path, CLASSES)
    assert not found.are_probabilities
    np.testing.assert_allclose(found.logits, LOGITS, rtol=1e-6)
    WRITERS[kind](path, PROBABILITIES)
    found = read_predictions(path, CLASSES)
    assert found.are_probabilities
    np.testing.assert_allclose(
        log_softmax(found.logits, axis=1), log_softmax(LOGITS, axis=1), rtol=1e-5
    )
    np.testing.assert_allclose(
        found.of(np.array(["b,2.png", "a/2.png"]), "images"), found.logits[[3, 1]]
    )


def test_a_probability_of_zero_is_a_finite_logit(tmp_path):
    path = tmp_path / "teacher.csv"
    path.write_text("id,cat,dog,owl\n" + "".join(f"{n},1,0,0\n" for n in range(5)))
    logits = read_predictions(path, CLASSES).logits
    assert np.all(np.isfinite(logits))
    np.testing.assert_allclose(np.exp(log_softmax(logits, axis=1)), [[1, 0, 0]] * 5, atol=1e-30)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as CSV"),
        (
            "name,cat,dog,owl\nx,1,2,3",
            "columns name, cat, dog, owl, and needs one named id",
        ),
        ("id,cat,dog\nx,1,2", "lacks the class 'owl'; it needs one column for each of cat, dog"),
        ("id,cat,dog,owl,emu\nx,1,2,3,4", "has the unknown class 'emu'"),
        ("id,cat,dog,owl,owl\nx,1,2,3,4", "for 4 columns; it needs one column for each of 3"),
        ("id,cat,dog,owl\nx,1,2", "has 3 values in the row of 'x' and 4 columns"),
        ("id,cat,dog,owl\nx,1,2,many", "a value that is no number .*many"),
        ("id,cat,dog,owl\nx,1,2,nan", "has NaN or infinity in the row of 'x'"),
        ("id,cat,dog,owl", "has no rows; every example needs one"),
        ("id,cat,dog,owl\nx,1,2,3\ny,1,2,3\nx,1,2,3", "has the id 'x' 2 times"),
        (
            "id,cat,dog,owl\na,.5,.5,0\nb,.5,.5,0\nc,.5,.7,0\nd,.5,.5,0",
            "has rows of probabilities, and the row of 'c' does not sum to 1",
        ),
    ],
)
def test_mistakes(text, message, tmp_path):
    path = tmp_path / "teacher.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_predictions(path, CLASSES)


def test_mistakes_of_other_files(tmp_path):
    with pytest.raises(UserError, match="There is no file of predictions"):
        read_predictions(tmp_path / "none.csv", CLASSES)
    (tmp_path / "teacher.json").write_text("{}")
    with pytest.raises(UserError, match=r"must end in \.csv, \.parquet"):
        read_predictions(tmp_path / "teacher.json", CLASSES)
    path = tmp_path / "teacher.npz"
    np.savez(path, ids=IDS, classes=CLASSES)
    with pytest.raises(UserError, match="has the arrays ids, classes, and needs ids, classes and"):
        read_predictions(path, CLASSES)
    np.savez(path, ids=IDS, classes=CLASSES, probabilities=LOGITS)
    with pytest.raises(UserError, match="calls its values probabilities, and its rows do not sum"):
        read_predictions(path, CLASSES)
    np.savez(path, ids=IDS[:2], classes=CLASSES, logits=LOGITS)
    with pytest.raises(UserError, match="has 2 ids for 4 rows"):
        read_predictions(path, CLASSES)
    np.savez(path, ids=np.array(IDS, object), classes=CLASSES, logits=LOGITS)
    with pytest.raises(UserError, match=r"teacher\.npz"):
        read_predictions(path, CLASSES)


def test_missing_examples_are_counted(tmp_path):
    write_csv(tmp_path / "teacher.csv", LOGITS)
    with pytest.raises(UserError, match=r"lack 1 of 2 test images \(such as 'c.png'\); add a row"):
        read_predictions(tmp_path / "teacher.csv", CLASSES).of(
            np.array(["c.png", IDS[0]]), "test images"
        )
