"""`main`, which the three scripts call: a command line in, an exit status out."""

import sys
from collections.abc import Sequence

from distill.cli.listing import print_list
from distill.cli.parsing import CommandLine, parse
from distill.cli.terminal import guarded, start_backend
from distill.errors import UserError


def main(script: str, arguments: Sequence[str] | None = None) -> int:
    """Runs `"teacher"`, `"baseline"` or `"distilled"`; by default with the flags in `sys.argv`.

    Returns the exit status: 0; 1 if some of several runs failed; 2 for a user's mistake, told in
    one sentence; 130 for Ctrl-C.
    """
    return guarded(lambda: _run(script, sys.argv[1:] if arguments is None else arguments))


def _run(script, arguments):
    line = parse(script, arguments)
    if line is None:
        return 0
    if line.list:
        print_list(line.list, line.recipe)
        return 0
    if line.preview:
        start_backend(say=False)
        from distill.analysis.preview import preview_recipe

        preview_recipe(line.preview, line.recipe, script)
        print(f"Training images, as they are and augmented: {line.preview}")
        return 0
    return _experiment(script, line)


def _experiment(script: str, line: CommandLine) -> int:
    from distill.experiments.grid import fixed, parse_axis
    from distill.experiments.studies import get_study

    axes = [parse_axis(text) for text in line.grid]
    study = get_study(line.study, line.recipe.name) if line.study else None
    variants = _variants(script, line.ablations)
    start_backend()
    from distill.experiment import run_experiment

    # A study may look at the data, so it needs TensorFlow.
    axes = [*(study.axes(line.recipe) if study else ()), *axes]
    recipe, axes = fixed(line.recipe, axes)
    options = {"axes": axes, "variants": variants, "retrain": line.retrain, "command": sys.argv}
    outcome = run_experiment(recipe, line.runs, **options)
    return 1 if outcome.failures or outcome.not_exported else 0


def _variants(script, ablations):
    if script != "distilled":
        return (script,)
    chosen = ()
    if ablations is not None:
        start_backend(say=False)
        from distill.experiments.variants import ABLATIONS

        for name in ablations:
            if name not in ABLATIONS:
                raise UserError(f"Unknown ablation {name!r}; use some of {', '.join(ABLATIONS)}.")
        chosen = ablations or tuple(ABLATIONS)
    return ("teacher", "baseline", "distilled", *chosen)
