"""Teachers that were distilled themselves: assistants and born-again generations."""

import shutil

import keras

from distill.experiments.execution import execute
from distill.runs import taught_by
from distill.training.train import train

ASSISTANT = {"hidden": 16, "depth": 1}


def test_a_student_learns_from_the_assistant(tiny, plan):
    values = {"distillation.assistant": "mlp", "distillation.assistant_options": ASSISTANT}
    planned = plan(tiny.with_values(values))
    teacher, baseline, distilled = (keys[0] for keys in planned.points[0].runs.values())
    specs = planned.specs
    assistant = specs[distilled].teacher
    assert specs[assistant].teacher == teacher
    assert specs[assistant].title == "assistant, seed 0"
    assert specs[assistant].recipe.student.options == ASSISTANT
    assert specs[distilled].recipe.student.options == tiny.student.options
    assert set(specs) == {teacher, baseline, assistant, distilled}
    # The same run as when the assistant is distilled for its own sake.
    student = tiny.student.model_copy(update={"options": ASSISTANT})
    alone = tiny.model_copy(update={"student": student})
    assert plan(alone).points[0].runs["distilled"] == [assistant]


def test_generations_go_back_to_the_teacher(tiny, plan):
    chain = []
    planned = plan(tiny.with_values({"distillation.generations": 3}))
    specs, key = planned.specs, planned.points[0].runs["distilled"][0]
    while True:
        chain.append(key)
        if specs[key].is_teacher:
            break
        key = specs[key].teacher
    titles = ["distilled student", "generation 2", "generation 1", "teacher"]
    assert [specs[key].title for key in chain] == [f"{title}, seed 0" for title in titles]
    assert plan(tiny).points[0].runs["distilled"] == [chain[2]]


def test_a_generation_is_taught_by_the_student_before(trained, tiny, plan, tmp_path):
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)  # the first generation is there
    planned = plan(tiny.with_values({"distillation.generations": 2}))
    *others, second = execute(planned.specs.values(), train)
    assert all(run.reused for run in others)
    assert not second.reused
    first = taught_by(second)
    assert first.key == trained.distilled.key
    assert taught_by(first).key == trained.teacher.key
    assert taught_by(taught_by(first)) is None
    # Two teachers gave soft targets: the first, and the first generation.
    assert len(list((first.folder.parent / "soft_targets").iterdir())) == 2
    student = keras.saving.load_model(second.model_file)
    assert student.count_params() == first.metrics["parameters"]
