"""Words: one spelling for each flag, files of flags, settings in YAML, suggestions."""

import pytest

from distill.cli.words import read_words, suggestion
from distill.errors import UserError
from distill.recipes import flag_of
from distill.recipes.values import all_fields


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["--batch_size", "8"], ["--batch-size", "8"]),
        (["--training.batch-size=8"], ["--batch-size=8"]),
        (["--data.label-fraction", "1"], ["--data.label_fraction", "1"]),
        (["--student.model", "cnn"], ["--student", "cnn"]),
        (["--alpha", "-0.1"], ["--alpha", "-0.1"]),
        (["--student.options.input-dropout", "0"], ["--student.options.input_dropout=0"]),
        (["--student.options=a=1", "b=2"], ["--student.options.a=1", "--student.options.b=2"]),
        (["--student.options", "a=b=c", "--x"], ["--student.options.a=b=c", "--x"]),
        (["--grid", "alpha=0,1", "epochs=1,2"], ["--grid", "alpha=0,1", "epochs=1,2"]),
    ],
)
def test_every_flag_has_one_spelling(given, read):
    assert read_words(given) == read


@pytest.mark.parametrize(
    "words",
    [
        ["--student.options"],
        ["--student.options", "hidden"],
        ["--student.options", "--epochs"],
        ["--student.options", "a=1", "b"],
        ["--student.options.", "3"],
        ["--student.options.hidden"],
        ["--student.options.a.b", "3"],
        ["--teacher.training.optimizer_options", "momentum"],
    ],
)
def test_options_need_a_name_and_a_value(words):
    with pytest.raises(UserError, match=r"needs NAME=VALUE, e\.g\. --"):
        read_words(words)


def test_a_file_of_flags(tmp_path):
    inner, outer = tmp_path / "inner.txt", tmp_path / "outer.txt"
    inner.write_text("--dataset './my photos' # a folder\n\n# nothing\n", "utf-8")
    outer.write_text(f"--alpha 0.5\n@{inner}\n--epochs 3 --seeds 2", "utf-8-sig")
    words = read_words([f"@{outer}", "--alpha", "0.7"])
    assert words[:4] == ["--alpha", "0.5", "--dataset", "./my photos"]
    assert words[4:] == ["--epochs", "3", "--seeds", "2", "--alpha", "0.7"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("--alpha 0.1\n".encode("utf-16"), "is not text in UTF-8"),
        ("--alpha 0.1\n".encode("utf-16-le"), "is not text in UTF-8"),
        (b"--alpha 0.1\n--dataset 'my\n", "Line 2 of .* has a quote that is not closed"),
        (b"--alpha 0.1 \\\n--epochs 3\n", "Line 1 of .* ends in a backslash"),
        (b"--alpha 0.1 @flags.txt", "flags.txt includes itself"),
        (b"@other.txt", "flags.txt includes itself"),
        (b"@missing.txt", "There is no file missing.txt"),
        (b"@.", "cannot be read"),
    ],
)
def test_bad_files_of_flags(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flags.txt").write_bytes(content)
    (tmp_path / "other.txt").write_text("@./flags.txt")
    with pytest.raises(UserError, match=message) as caught:
        read_words(["@flags.txt"])
    assert "\n" not in str(caught.value)


def test_one_file_may_be_read_twice(tmp_path):
    path = tmp_path / "flags.txt"
    path.write_text("--alpha 0.5")
    assert read_words([f"@{path}", f"@{path}"]) == ["--alpha", "0.5"] * 2


def test_settings_in_yaml(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "recipe: flowers\n"
        "epochs: 2\n"
        "data: {student_exclude: [7, 8], image_size: null}\n"
        "student: {options: {hidden: 8, name: relu, flag: true, nothing: null}}\n"
        "training:\n  learning_rate: 1e-4\n  augmentation: flip+zoom\n"
        "teacher:\n  training: {epochs: 3, optimizer_options: {momentum: 0.9}}\n"
    )
    assert read_words(["--config", str(path), "--alpha", "0"]) == [
        "--recipe=flowers",
        "--epochs=2",
        "--data.student_exclude=7+8",
        "--image-size=none",
        "--student.options.hidden=8",
        "--student.options.name=relu",
        "--student.options.flag=true",
        "--student.options.nothing=none",
        "--learning-rate=1e-4",
        "--training.augmentation=flip+zoom",
        "--teacher.training.epochs=3",
        "--teacher.training.optimizer_options.momentum=0.9",
        "--alpha",
        "0",
    ]
    assert read_words([f"--config={path}"])[0] == "--recipe=flowers"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("trainig: {epochs: 3}", "unknown setting 'trainig'; did you mean training"),
        ("training: {epoch: 3}", r"'training\.epoch'; did you mean training\.epochs"),
        ("training: {epochs: {a: 3}}", r"unknown setting 'training\.epochs'"),
        ("training: 3", "unknown setting 'training'"),
        ("name: mine", "unknown setting 'name'"),
        ("a: &a {b: *a}", "unknown setting 'a'"),
        ("training: [", "is not valid YAML in line 1"),
        ("a: !!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("- 1", "holds no settings"),
        ("", "holds no settings"),
    ],
)
def test_bad_yaml(content, message, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        read_words(["--config", str(path)])
    assert "\n" not in str(caught.value)


def test_yaml_that_is_not_there():
    with pytest.raises(UserError, match=r"There is no file nowhere\.yaml"):
        read_words(["--config", "nowhere.yaml"])
    with pytest.raises(UserError, match="--config needs the path"):
        read_words(["--config"])


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("--tempreature", "--temperature"),
        ("--teacher-epochs", "--teacher.training.epochs"),
        ("--teacher-fil", "--teacher-file"),
        ("--student-options", "--student.options"),
        ("--label-fraction", "--data.label_fraction"),
        ("--optimizer-options", "--training.optimizer_options"),
        ("--batchsize", "--batch-size"),
        ("--shuffled", None),
    ],
)
def test_suggestions(wrong, right):
    found = suggestion(wrong, [flag_of(name) for name in all_fields()])
    assert found == (f"; did you mean {right}?" if right else "")
