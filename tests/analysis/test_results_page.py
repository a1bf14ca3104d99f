"""Results pages: every number comes from run folders; a page without its runs is refused."""

import numpy as np
import pytest

from distill.analysis.results_page import write_results_page
from distill.errors import UserError
from distill.recipes import RECIPES

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
    return grid[0].results.points[1].runs


def test_accuracies_and_errors_are_those_of_the_runs(fill, runs):
    accuracies = [100 * run.metrics["last"]["test"]["accuracy"] for run in runs["distilled"]]
    mean, std = np.mean(accuracies), np.std(accuracies, ddof=1)
    text = f'{{{{ main.accuracies("distilled", {AT4}) | percent }}}}'
    assert fill(text) == f"{mean:.2f} ± {std:.2f} %"
    errors = [run.metrics["last"]["test"]["errors"] for run in runs["baseline"]]
    text = f'{{{{ main.errors("baseline", {AT4}) | FILTER }}}}'
    plain = f"{np.mean(errors):.1f} ± {np.std(errors, ddof=1):.1f}"
    assert fill(text.replace("FILTER", "plain")) == plain
    assert fill(text.replace("FILTER", "mean")) == f"{np.mean(errors)}"
    text = f'{{{{ main.parameters("distilled", {AT4}) | thousands }}}}'
    assert fill(text) == f"{runs['distilled'][0].metrics['parameters']:,}"


def test_differences_are_paired_and_two_seeds_have_no_interval(fill, runs):
    values = [
        [run.metrics["last"]["test"]["accuracy"] for run in runs[variant]]
        for variant in ("distilled", "baseline")
    ]
    mean = 100 * np.mean(np.subtract(*values))
    text = fill(f'{{{{ main.difference("distilled", "baseline", {AT4}) | points(2) }}}}')
    assert text == f"{mean:+.2f} (2 seeds: too few for an interval)"
    above = fill(f'{{{{ main.difference("distilled", "baseline", {AT4}).low > 0 }}}}')
    assert above == "False"


def test_tables_sentences_and_command(fill):
    text = fill("{{ main.table }}\n{{ main.text }}\n`{{ main.command_line }}`")
    assert "| temperature | teacher, % | baseline, % | distilled student, % |" in text
    assert "Over 2 grid points: distillation helped at 0, hurt at 0," in text
    assert "`python distillation_train.py --recipe small --grid temperature=1,4 --runs " in text


def test_the_best_setting_is_chosen_on_validation(fill, grid):
    points = grid[0].results.points
    accuracies = [
        np.mean([run.metrics["last"]["validation"]["accuracy"] for run in point.runs["distilled"]])
        for point in points
    ]
    best = points[int(np.argmax(accuracies))].setting["distillation.temperature"]
    assert fill("{{ main.best_point().setting | setting }}") == f"temperature {best:g}"


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
    with pytest.raises(UserError, match=r"2 grid points of .* have .*the axes are temperature"):
        fill('{{ main.accuracies("distilled") }}')
    with pytest.raises(UserError, match="is not a template of a results page"):
        write_results_page(tmp_path / "page.md", tmp_path)
    with pytest.raises(UserError, match="Unknown recipe 'bigg'"):
        fill('{{ experiment("bigg").command_line }}')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f'{{{{ main.accuracies("teachr", {AT4}) }}}}',
            "trains no 'teachr'; it trains teacher, b",
        ),
        (f'{{{{ main.accuracies("baseline", {AT4}, "tset") }}}}', "cannot be filled: KeyError"),
        ('{{ main.curve("x", axis="alpha") }}', r"along 'alpha' cannot .*its axes \(temperature\)"),
        ('{{ main.curve("x", quantity="loss") }}', "curve of 'loss' .* test accuracy or test err"),
        ("{{ main.ablation_table }}", "has no ablations; remove their table"),
        ("{{ main.unseen_classes_table }}", "has no unseen classes; remove their table"),
        ('{{ experiment("small", alhpa=1) }}', "A recipe has no setting 'alhpa'"),
        (
            '{{ experiment("small", script="x.py") }}',
            "There is no 'x.py'; use one of teacher_t",
        ),
        ('{{ experiment("small", ablations=["x"]) }}', "There is no 'x'; use one of label-sm"),
        ("{{ 1 / 0 }}", "cannot be filled: ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "cannot be filled: access to attribute '__class__'"),
        ("{{ cycler.__init__.__globals__ }}", "cannot be filled: access to attribute"),
        ("{{ main.page.write_text('x') }}", "cannot be filled: access to attribute 'write_text'"),
        (f'{{{{ main.mean_confusion("baseline", {AT4}).tofile("x") }}}}', "attribute 'tofile'"),
    ],
)
def test_whatever_goes_wrong_in_a_template_is_one_sentence(text, message, fill):
    with pytest.raises(UserError, match=message):
        fill(text)


def test_options_and_fields_become_flags(fill, small, tmp_path):
    values = '**{"student.options.hidden": 3, "seeds": 1}'
    with pytest.raises(UserError, match=r"--student\.options\.hidden 3 --seeds 1"):
        fill(f'{{{{ experiment("small", {values}).command_line }}}}')
    values = '**{"teacher.training.augmentation": (), "learning_rate": 0.012345678}'
    flags = r"--teacher\.training\.augmentation none --learning-rate 0\.012345678"
    with pytest.raises(UserError, match=flags):
        fill(f'{{{{ experiment("small", {values}) }}}}')


def test_an_equal_value_finds_the_same_runs(fill):
    at4 = f'{{{{ main.accuracies("distilled", {AT4}) }}}}'
    assert fill('{{ experiment("small", temperature=4).accuracies("distilled") }}') == fill(at4)
