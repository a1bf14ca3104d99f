"""Pages of results: every number is asked of run folders; a page without its runs is refused."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from distill.errors import UserError
from distill.experiments.results import Cell, Results
from distill.experiments.results_page import CompleteExperiment, write_results_page
from distill.recipes import RECIPES, Recipe
from distill.run_folder import Run

OPENING = '{% set main = experiment("small", grid=["temperature=1,4"]) %}\n'
AT4 = '{"temperature": 4.0}'


@pytest.fixture
def fill(grid, small, monkeypatch, tmp_path):
    monkeypatch.setitem(RECIPES, "small", small)

    def fill(text, runs=grid[2]):
        template = tmp_path / "page.md.j2"
        template.write_text(OPENING + text, "utf-8")
        return write_results_page(template, runs).read_text("utf-8").strip()

    return fill


@pytest.fixture
def runs(grid):
    """The runs at T=4."""
    return grid[0].results.cells[1].runs


def test_accuracies_and_errors_are_the_runs(fill, runs):
    accuracies = [100 * run.metrics["last"]["test"]["accuracy"] for run in runs["distilled"]]
    mean, std = np.mean(accuracies), np.std(accuracies, ddof=1)
    assert fill(f'{{{{ main.accuracy("distilled", {AT4}) }}}}') == f"{mean:.2f} ± {std:.2f} %"
    errors = [run.metrics["last"]["test"]["errors"] for run in runs["student"]]
    text = f'{{{{ main.errors("student", {AT4}) }}}} {{{{ mean(main.counts("student", {AT4})) }}}}'
    assert fill(text) == (f"{np.mean(errors):.1f} ± {np.std(errors, ddof=1):.1f} {np.mean(errors)}")


def test_errors_on_a_class(fill, runs):
    found = []
    for run in runs["distilled"]:
        wrong = run.predictions("last", "test").argmax(-1) != run.labels("test")
        found.append(int(np.sum(wrong[run.labels("test") == 3])))
    assert fill(f'{{{{ main.counts("distilled", {AT4}, of=["3"]) }}}}') == str(found)


def test_differences_are_paired(fill, runs):
    values = [[run.metrics["last"]["test"]["accuracy"] for run in runs[arm]]
              for arm in ("distilled", "student")]  # fmt: skip
    mean = 100 * np.mean(np.subtract(*values))
    text = fill(f'{{{{ main.difference("distilled", "student", {AT4}) }}}}')
    assert text.startswith(f"{mean:+.1f} (")
    low, high = 100 * np.array(stats.ttest_rel(*values).confidence_interval())
    assert f"({low:+.1f} to {high:+.1f})" in text


def made_up(recipe, **accuracies):
    """An experiment of one setting whose runs have these accuracies."""

    def run(role, seed, accuracy):
        metrics = {"accuracy": accuracy, "examples": 1000}
        last = {"validation": metrics, "test": metrics}
        return Run(role, seed, "key", Path("x"), {"last": last})

    found = {
        role: [run(role, seed, each) for seed, each in enumerate(values)]
        for role, values in accuracies.items()
    }
    results = Results(recipe, (), tuple(found), [Cell({}, recipe, found)], ["x"], Path("x"), [])
    return CompleteExperiment(results, Path("page.md"))


ABOVE = {"student": (0.90, 0.91, 0.92), "distilled": (0.95, 0.96, 0.972)}


def test_above_is_a_whole_interval_above():
    found = made_up(Recipe(), **ABOVE)
    assert found.is_above("distilled", "student")
    assert not found.is_above("student", "distilled")
    assert not found.is_above("student", "student")


def test_folds_widen_the_interval_here_as_everywhere():
    found = made_up(Recipe(folds=3, seeds=3), **ABOVE)
    interval = found.difference("distilled", "student").split(" (")[1].split(")")[0]
    assert f"interval {interval}" in found.said
    assert interval not in made_up(Recipe(seeds=3), **ABOVE).difference("distilled", "student")


def test_tables_sentences_and_command(fill, grid):
    text = fill("{{ main.table }}\n{{ main.said }}\n`{{ main.command }}`")
    assert "| temperature | teacher, % |" in text
    assert "Of 2 settings, distillation helped at" in text
    assert "`python distillation_train.py --recipe small --grid temperature=1,4 --runs " in text


def test_the_best_setting_is_chosen_on_validation(fill, grid):
    cells = grid[0].results.cells
    accuracies = [np.mean([run.metrics["last"]["validation"]["accuracy"]
                           for run in cell.runs["distilled"]]) for cell in cells]  # fmt: skip
    best = cells[int(np.argmax(accuracies))].setting["temperature"]
    assert fill("{{ main.show(main.best()) }}") == f"temperature {best:g}"


def test_pictures_lie_beside_the_page(fill, tmp_path):
    text = fill(
        '{{ main.curve("along") }}\n'
        f'{{{{ main.learning_curves("by-epoch", where={AT4}) }}}}\n'
        f'{{{{ main.confusions("errors", "distilled", {AT4}) }}}}'
    )
    for name in ("along", "by-epoch", "errors"):
        assert f"](page/{name}.png)" in text
        assert (tmp_path / "page" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_without_its_runs_is_refused(fill, tmp_path):
    message = "^8 of 8 runs are not complete in .*: python distillation_train.py --recipe small "
    with pytest.raises(UserError, match=message + "--grid temperature=1,4 --runs .*none$"):
        fill("{{ main.table }}", runs=tmp_path / "none")


def test_mistakes_in_a_template(fill, tmp_path):
    with pytest.raises(UserError, match="cannot be filled: 'nonsense' is undefined"):
        fill("{{ nonsense }}")
    with pytest.raises(UserError, match=r"2 settings of .* have .*the axes are temperature"):
        fill('{{ main.accuracy("distilled") }}')
    with pytest.raises(UserError, match="is not a template of a result page"):
        write_results_page(tmp_path / "page.md", tmp_path)
    with pytest.raises(UserError, match="Unknown recipe 'bigg'"):
        fill('{{ experiment("bigg").command }}')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'{{{{ main.accuracy("teachr", {AT4}) }}}}', "trains no 'teachr'; it trains teacher, stu"),
        (f'{{{{ main.accuracy("student", {AT4}, "tset") }}}}', "cannot be filled: KeyError"),
        ('{{ main.curve("x", axis="alpha") }}', r"along 'alpha' cannot .*its axes \(temperature\)"),
        ('{{ main.curve("x", quantity="loss") }}', "curve of 'loss' .* test accuracy or test err"),
        ("{{ main.controls }}", "has no controls; leave their table out"),
        ("{{ main.bias }}", "has no omitted classes; leave their table out"),
        ('{{ experiment("small", alhpa=1) }}', "A recipe has no field 'alhpa'"),
        ('{{ experiment("small", door="x.py") }}', "There is no 'x.py'; use one of teacher_train"),
        ('{{ experiment("small", controls=["x"]) }}', "There is no 'x'; use one of teacher, st"),
        ("{{ 1 / 0 }}", "cannot be filled: ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "cannot be filled: access to attribute '__class__'"),
        ("{{ cycler.__init__.__globals__ }}", "cannot be filled: access to attribute"),
    ],
)
def test_whatever_goes_wrong_in_a_template_is_one_sentence(text, message, fill):
    with pytest.raises(UserError, match=message):
        fill(text)


def test_options_and_fields_become_flags(fill, small, tmp_path):
    with pytest.raises(UserError, match="--student-options hidden=3 --seeds 1"):
        fill('{{ experiment("small", student_options={"hidden": 3}, seeds=1).command }}')
    with pytest.raises(UserError, match=r"--teacher-augmentation '' --learning-rate 0\.012345678"):
        fill('{{ experiment("small", teacher_augmentation=(), learning_rate=0.012345678) }}')


def test_an_equal_value_finds_the_same_runs(fill):
    at4 = f'{{{{ main.accuracy("distilled", {AT4}) }}}}'
    assert fill('{{ experiment("small", temperature=4).accuracy("distilled") }}') == fill(at4)
