"""One run: what its folder holds, that it is found again, resumed, and the same twice."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
from scipy import special

from distill import Distiller, callbacks, training
from distill.budget import Budget
from distill.data import evaluation_pipeline, training_pipeline
from distill.errors import UserError
from distill.evaluation import predict_logits
from distill.experiments.experiment import run_experiment
from distill.preparation import data_of, folder_of, identity_of, validate
from distill.recipes import Recipe
from distill.training import (
    check_distillation,
    train_distilled,
    train_student,
    train_teacher,
)

TINY = Recipe(
    name="tiny",
    teacher="cnn",
    teacher_options={"filters": 4, "dense": 16},
    student="mlp",
    student_options={"hidden": 8, "depth": 1, "dropout": 0.3},
    label_fraction=0.2,
    learning_rate=0.01,
    epochs=3,
    batch_size=64,
)

HINTED = dataclasses.replace(TINY, method="fitnet", method_options={"weight": 0.1})


def weights(run):
    return run.load_model().get_weights()


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    teacher = train_teacher(TINY, folder)
    student = train_student(TINY, folder)
    return folder, teacher, student, train_distilled(TINY, teacher, folder)


def test_what_a_run_folder_holds(runs):
    _, teacher, student, distilled = runs
    for run in (teacher, student, distilled):
        assert run.model_file.name == f"{'teacher' if run is teacher else 'student'}.keras"
        names = {path.name for path in run.folder.iterdir()}
        models = {run.file_of(epoch).name for epoch in ("last", "best")}
        assert names == models | {
            "history.csv", "metrics.json", "predictions.npz", "settings.json", "tensorboard",
        }  # fmt: skip
        settings = json.loads((run.folder / "settings.json").read_text())
        recipe = {name: tuple(value) if isinstance(value, list) else value  # JSON has lists
                  for name, value in settings["recipe"].items()}  # fmt: skip
        assert recipe == dataclasses.asdict(TINY)
        assert settings["identity"]["seed"] == 0
        assert settings["versions"]["keras"] == keras.__version__
        assert len(run.history()["val_accuracy"]) == 3
        events = list((run.folder / "tensorboard").rglob("events.out.tfevents.*"))
        assert len(events) == 2
        assert json.loads((run.folder / "metrics.json").read_text()) == run.metrics
    assert "soft_loss" in distilled.history()


def test_metrics_are_those_of_the_saved_model(runs):
    data = validate(TINY)
    for run in runs[1:]:
        model = run.load_model()
        for split in ("validation", "test"):
            wrong = 0
            for images, labels in evaluation_pipeline(getattr(data, split), 100):
                wrong += int(np.sum(np.argmax(model(images), -1) != labels.numpy()))
            assert run.metrics["last"][split]["errors"] == wrong
        assert run.metrics["parameters"] == model.count_params()


def test_the_student_loads_without_this_package(runs):
    for run in runs[1:]:
        assert b"distill" not in run.model_file.read_bytes()


def test_a_complete_run_is_found_again(runs):
    folder, teacher, student, distilled = runs
    before = distilled.model_file.stat().st_mtime_ns
    again = train_teacher(TINY, folder)
    assert again.reused
    assert again.folder == teacher.folder
    assert train_student(TINY, folder).metrics == student.metrics
    assert train_distilled(TINY, again, folder).metrics == distilled.metrics
    assert distilled.model_file.stat().st_mtime_ns == before


def test_teacher_is_found_by_what_it_was_trained_with(runs):
    """What the student is or how it is distilled leaves the teacher's run the same; else not."""
    folder, teacher, *_ = runs
    for changed in (
        {"temperature": 9.0}, {"alpha": 0.9}, {"student": "cnn", "student_options": {}},
        {"label_fraction": 0.5}, {"name": "other"},
    ):  # fmt: skip
        assert train_teacher(dataclasses.replace(TINY, **changed), folder).folder == teacher.folder
    folders = {teacher.folder}
    for changed in (
        {"seed": 1}, {"teacher_epochs": 1}, {"teacher_learning_rate": 0.02}, {"batch_size": 512},
        {"teacher_options": {"filters": 4, "dense": 8}}, {"schedule": "cosine"},
        {"optimizer": "sgd"}, {"image_size": 12}, {"precision": "mixed_bfloat16"},
    ):  # fmt: skip
        recipe = dataclasses.replace(TINY, **changed)
        folders.add(folder_of("teacher", recipe, folder, identity_of("teacher", recipe)))
    assert len(folders) == 10
    run = train_teacher(recipe, folder)
    assert not run.reused
    assert run.folder in folders


def test_distilled_run_depends_on_its_teacher(runs):
    folder, _, student, distilled = runs
    recipe = dataclasses.replace(TINY, teacher_options={"filters": 4, "dense": 8})
    other = train_teacher(recipe, folder)
    assert train_distilled(recipe, other, folder).folder != distilled.folder
    assert train_student(recipe, folder).folder == student.folder
    folders = {distilled.folder}
    for changed in ({"alpha": 0.5}, {"temperature": 2.0}, {"method": "mse_logits"}):
        recipe = dataclasses.replace(TINY, **changed)
        identity = identity_of("distilled", recipe, runs[1].key)
        folders.add(folder_of("distilled", recipe, folder, identity))
        assert train_student(recipe, folder).reused
    assert len(folders) == 4
    assert train_distilled(TINY, runs[1], folder).folder == distilled.folder


def test_who_sees_which_labels(runs, tmp_path, monkeypatch):
    """The teacher all, the student from labels a fifth, the distilled student that fifth."""
    seen = []

    def watch(split, *arguments, **more):
        seen.append(split.labels)
        return training_pipeline(split, *arguments, **more)

    monkeypatch.setattr(training, "training_pipeline", watch)
    recipe = dataclasses.replace(TINY, epochs=1)
    train_teacher(recipe, tmp_path)
    train_student(recipe, tmp_path)
    train_distilled(recipe, runs[1], tmp_path)
    teacher, student, distilled = seen
    assert len(teacher) == len(distilled) == 1294
    assert np.all(teacher >= 0)
    assert np.all(student >= 0)
    assert len(student) == np.sum(distilled >= 0) == pytest.approx(0.2 * 1294, abs=5)
    np.testing.assert_array_equal(distilled[distilled >= 0], student)
    np.testing.assert_array_equal(distilled[distilled >= 0], teacher[distilled >= 0])


def test_fresh_trains_the_same_again_and_keeps_the_older_run(runs, tmp_path):
    _, teacher, *_ = runs
    first = train_teacher(TINY, tmp_path)
    second = train_teacher(TINY, tmp_path, fresh=True)
    assert second.folder == first.folder
    assert (first.folder.with_name(f"{first.folder.name}~1") / "teacher.keras").exists()
    assert same(weights(teacher), weights(second))


def without_times(history):
    return {name: values for name, values in history.items() if name != "seconds"}


class Killed(Exception):
    pass


class KillAt(keras.callbacks.Callback):
    """A kill between two epochs, after their checkpoint."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


@pytest.mark.parametrize("role", ["student", "distilled", "hinted"])
def test_a_killed_run_resumes_and_ends_like_an_unharmed_one(runs, role, tmp_path, monkeypatch):
    monkeypatch.setattr(callbacks, "CHECKPOINT_SECONDS", 0.0)
    _, teacher, student, distilled = runs
    recipe = HINTED if role == "hinted" else TINY

    def train(callbacks=(), folder=tmp_path):
        if role == "student":
            return train_student(recipe, folder, callbacks=callbacks)
        return train_distilled(recipe, teacher, folder, callbacks=callbacks)

    unharmed = {"student": student, "distilled": distilled}.get(role)
    unharmed = unharmed or train(folder=tmp_path / "unharmed")
    for epoch in (0, 1, 2):
        with pytest.raises(Killed):
            train([KillAt(epoch)])
    (checkpoint,) = tmp_path.rglob("checkpoint-*")
    assert checkpoint.name == "checkpoint-000002.npz"
    begun = []
    watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    run = train([watch])
    assert begun == [2]
    assert same(weights(run), weights(unharmed))
    assert without_times(run.history()) == without_times(unharmed.history())
    assert same(run.load_model("best").get_weights(), unharmed.load_model("best").get_weights())
    for epoch in ("last", "best"):
        assert run.metrics[epoch]["test"] == unharmed.metrics[epoch]["test"]
        assert run.metrics[epoch]["epoch"] == unharmed.metrics[epoch]["epoch"]
    assert not list(tmp_path.rglob("checkpoint-*"))


def test_student_from_labels_and_distilled_start_alike_and_take_as_many_steps(runs, tmp_path):
    _, teacher, *_ = runs
    seen = {}

    class Watch(keras.callbacks.Callback):
        def __init__(self, role):
            super().__init__()
            self.role = role

        def on_train_begin(self, logs=None):
            student = getattr(self.model, "student", self.model)
            seen[self.role] = [np.copy(value) for value in student.get_weights()]

        def on_train_end(self, logs=None):
            seen[self.role + " steps"] = int(self.model.optimizer.iterations.numpy())

    recipe = dataclasses.replace(TINY, epochs=1)
    train_student(recipe, tmp_path, callbacks=[Watch("student")])
    train_distilled(recipe, teacher, tmp_path, callbacks=[Watch("distilled")])
    assert same(seen["student"], seen["distilled"])
    assert seen["student steps"] == seen["distilled steps"] == -(-1294 // 64)


def test_own_teacher_from_a_file(runs, tmp_path):
    _, teacher, *_ = runs
    own = tmp_path / "own.keras"
    inputs = keras.Input((8, 8, 1))
    outputs = keras.layers.Softmax()(teacher.load_model()(inputs))
    keras.Model(inputs, outputs).save(own)
    recipe = dataclasses.replace(TINY, teacher_file=str(own), epochs=1)
    (cell,) = run_experiment(recipe, tmp_path / "runs").results.cells
    (run,) = cell.runs["teacher"]
    assert run.model_file == own
    wanted = teacher.metrics["last"]["test"]
    assert run.metrics["last"]["test"] == pytest.approx(wanted, rel=1e-4)
    assert not list((tmp_path / "runs").rglob("teacher*.keras"))


def test_a_hint_is_part_of_the_run_and_not_of_the_student(runs, tmp_path):
    _, teacher, _, distilled = runs
    run = train_distilled(HINTED, teacher, tmp_path)
    assert run.metrics["parameters"] == distilled.metrics["parameters"]
    assert not same(weights(run), weights(distilled))
    options = [identity_of("distilled", recipe, "key").get("method_options")
               for recipe in (TINY, HINTED)]  # fmt: skip
    assert options == [None, {"weight": 0.1}]
    findings = check_distillation(HINTED, teacher)
    assert findings[-1].sentence.startswith("Weighted gradients")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method_options": {"teacher_layer": "hiden"}}, "no layer 'hiden' on the way"),
        ({"method_options": {"teacher_layer": "block1_pool"}}, r"shape \(4, 4, 4\) in the teacher"),
        ({"method_options": {"beta": 1}}, "no option 'beta'"),
        ({"teachers": 2}, "teachers is 2, and must be 1 with the method 'fitnet'"),
        ({"soft_targets": "shuffled"}, "soft_targets is 'shuffled', and must be 'own'"),
        ({"assistant": "mlp", "method_options": {"teacher_layer": "hidden"}}, "'mlp' has no layer"),
        ({"generations": 2, "method_options": {"teacher_layer": "dropout2"}}, "'mlp' has no layer"),
    ],
)
def test_a_hint_that_cannot_be_had_is_refused_before_training(change, message):
    with pytest.raises(UserError, match=message):
        validate(dataclasses.replace(HINTED, **change))


@pytest.mark.parametrize("damage", ["missing", "truncated", "text"])
def test_damaged_teacher_file(runs, tmp_path, damage):
    own = tmp_path / "own.keras"
    if damage == "truncated":
        shutil.copy(runs[1].model_file, own)
        own.write_bytes(own.read_bytes()[:2000])
    elif damage == "text":
        own.write_text("not a model")
    with pytest.raises(UserError, match=r"own\.keras"):
        validate(dataclasses.replace(TINY, teacher_file=str(own)))


def test_teacher_file_of_other_classes_or_inputs(tmp_path):
    path = tmp_path / "own.keras"
    for shape, classes, message in (
        ((8, 8, 1), 7, "The teacher has 7 classes and the student 10"),
        ((9, 9, 3), 10, r"takes inputs of shape \(9, 9, 3\), and the images of digits"),
    ):
        network = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(classes)]
        keras.Sequential(network).save(path)
        with pytest.raises(UserError, match=message):
            validate(dataclasses.replace(TINY, teacher_file=str(path)))


def test_teacher_at_chance_stops_the_main_job(tmp_path):
    path = tmp_path / "untrained.keras"
    last = keras.layers.Dense(10, kernel_initializer="zeros")
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), last]).save(path)
    recipe = dataclasses.replace(TINY, teacher_file=str(path), epochs=1)
    teacher = train_teacher(recipe, tmp_path)
    with pytest.raises(UserError, match="no better than naming the most frequent class"):
        check_distillation(recipe, teacher)
    with pytest.raises(UserError, match="no better than naming the most frequent class"):
        run_experiment(recipe, tmp_path / "runs")
    assert not list((tmp_path / "runs").rglob("student*"))


def test_damaged_run_is_refused_by_name(runs, tmp_path):
    folder = tmp_path / "runs"
    run = train_student(TINY, folder)
    (run.folder / "metrics.json").write_text("{")
    with pytest.raises(UserError, match=r"metrics\.json is missing or damaged"):
        train_student(TINY, folder)
    settings = json.loads((run.folder / "settings.json").read_text())
    settings["identity"]["seed"] = 5
    (run.folder / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match="made with other settings"):
        train_student(TINY, folder)


def test_half_precision_run(tmp_path):
    recipe = dataclasses.replace(TINY, precision="mixed_float16", epochs=1)
    run = train_student(recipe, tmp_path)
    assert run.load_model().get_layer("hidden1").compute_dtype == "float16"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dataset": "digitss"}, "digitss"),
        ({"teacher": "cnnn"}, "Unknown model 'cnnn'; use one of mlp"),
        ({"student": "mlpp"}, "Unknown model 'mlpp'; use one of mlp"),
        ({"student_options": {"hiden": 3}}, "no option 'hiden'"),
        ({"method": "kdd"}, "Unknown method 'kdd'; use one of kd"),
        ({"optimizer": "adamm"}, "Unknown optimizer 'adamm'; use one of adam"),
        ({"optimizer_options": {"momentun": 0.9}}, "cannot be made with"),
    ],
)
def test_mistakes_are_found_before_anything_is_trained(changed, message, tmp_path):
    with pytest.raises(UserError, match=message):
        run_experiment(dataclasses.replace(TINY, **changed), tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_a_recipe_says_of_a_schedule_is_in_epochs():
    recipe = dataclasses.replace(
        TINY, epochs=4, schedule="cosine", floor=0.2, warmup_epochs=0.5,
        teacher_epochs=7, teacher_learning_rate=0.5, teacher_schedule="halving",
        schedule_epochs=2.0, teacher_floor=0.0, shift=0, teacher_shift=2,
        augmentation=("flip",), teacher_augmentation=(),
    )  # fmt: skip
    rate = Budget.of(recipe, "student").make_optimizer(100)._learning_rate
    for step, warm in ((0, 1 / 50), (24, 0.5), (49, 1), (200, 1), (400, 1)):
        wanted = 0.01 * (0.2 + 0.8 * (1 + np.cos(np.pi * step / 400)) / 2)
        assert float(rate(step)) == pytest.approx(wanted * warm, rel=1e-5, abs=1e-9)
    own = dataclasses.replace(recipe, labels_learning_rate=0.3)
    rates = [Budget.of(own, role).learning_rate for role in ("teacher", "student", "distilled")]
    assert rates == [0.5, 0.3, 0.01]
    teacher = Budget.of(recipe, "teacher")
    assert (teacher.epochs, teacher.learning_rate, teacher.shift) == (7, 0.5, 2)
    assert (teacher.augmentation, teacher.floor, teacher.augments) == ((), 0.0, True)
    rate = dataclasses.replace(teacher, warmup_epochs=0.0).make_optimizer(100)._learning_rate
    assert [float(rate(step)) for step in (199, 200, 400)] == [0.5, 0.25, 0.125]


def test_last_and_best_epoch_are_both_kept(runs):
    """The best is the first of the highest validation accuracies; each file is what it says."""
    data = validate(TINY)
    for run in runs[1:]:
        accuracies = run.history()["val_accuracy"]
        best = 1 + accuracies.index(max(accuracies))
        assert (run.metrics["best"]["epoch"], run.metrics["last"]["epoch"]) == (best, 3)
        for epoch, number in (("best", best), ("last", 3)):
            logits = predict_logits(run.load_model(epoch), data.validation)
            accuracy = np.mean(logits.argmax(-1) == data.validation.labels)
            assert accuracy == pytest.approx(accuracies[number - 1])
            assert run.metrics[epoch]["validation"]["accuracy"] == pytest.approx(accuracy)
            np.testing.assert_allclose(run.predictions(epoch, "validation"), logits, atol=1e-4)
        np.testing.assert_array_equal(run.labels("test"), data.test.labels)


def test_the_best_epoch_may_lie_before_the_last(runs, tmp_path):
    """A learning rate that tears down what was learned."""

    class Forget(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                for weight in self.model.trainable_variables:
                    weight.assign(keras.ops.zeros_like(weight))
                self.model.optimizer.learning_rate.assign(0.0)

    run = train_student(TINY, tmp_path, callbacks=[Forget()])
    assert run.metrics["best"]["epoch"] == 2
    assert run.metrics["last"]["epoch"] == 3
    assert run.file_of("best").name == "student-best.keras"
    assert run.metrics["best"]["test"]["accuracy"] > run.metrics["last"]["test"]["accuracy"]
    assert b"distill" not in run.file_of("best").read_bytes()
    (tmp_path / "x").mkdir()
    run.file_of("best").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"student-best\.keras is missing or damaged"):
        train_student(TINY, tmp_path)


def test_stored_soft_targets_are_shared_by_all_students_of_a_teacher(runs):
    folder, teacher, *_ = runs
    train_distilled(dataclasses.replace(TINY, temperature=7.0, epochs=1), teacher, folder)
    own = teacher.metrics["last"]["model_sha256"][:16]
    assert len(list((folder / "digits" / "soft_targets").glob(f"{own}-*"))) == 1


def test_the_soft_loss_of_validation_is_against_the_teachers_logits_there(runs):
    _, teacher, _, distilled = runs
    soft = [run.predictions("last", "validation").astype("float64") / TINY.temperature
            for run in (teacher, distilled)]  # fmt: skip
    log_p, log_q = (special.log_softmax(logits, axis=1) for logits in soft)
    divergence = TINY.temperature**2 * np.sum(np.exp(log_p) * (log_p - log_q), axis=1)
    history = distilled.history()
    np.testing.assert_allclose(history["val_soft_loss"][-1], divergence.mean(), rtol=1e-4)


def test_the_teacher_is_not_run_where_its_logits_are_stored(runs, tmp_path, monkeypatch):
    _, teacher, *_ = runs

    def run_teacher(self, inputs):
        raise AssertionError("the teacher was run")

    monkeypatch.setattr(Distiller, "teacher_outputs", run_teacher)
    train_distilled(dataclasses.replace(TINY, epochs=1), teacher, tmp_path)


def seen_by(monkeypatch, train):
    """What the training pipeline was given: split, and keyword arguments."""
    seen = []

    def watch(split, *arguments, **more):
        seen.append((split, more))
        return training_pipeline(split, *arguments, **more)

    monkeypatch.setattr(training, "training_pipeline", watch)
    train()
    return seen[-1]


def test_shuffled_soft_targets_are_of_another_image_of_the_class(runs, tmp_path, monkeypatch):
    _, teacher, *_ = runs
    recipe = dataclasses.replace(TINY, epochs=1, label_fraction=0.2)
    labels = validate(TINY).train.labels

    def logits(soft_targets):
        changed = dataclasses.replace(recipe, soft_targets=soft_targets)
        split, more = seen_by(
            monkeypatch, lambda: train_distilled(changed, teacher, tmp_path / soft_targets)
        )
        return split, more["teacher_logits"]

    split, own = logits("own")
    np.testing.assert_allclose(own, predict_logits(teacher.load_model(), split), atol=1e-4)
    _, shuffled = logits("shuffled")
    for label in range(10):
        mine, theirs = own[labels == label], shuffled[labels == label]
        assert sorted(map(tuple, mine)) == sorted(map(tuple, theirs))
    assert not np.any(np.all(own == shuffled, axis=1))


def test_what_the_transfer_settings_show_to_whom(runs, tmp_path, monkeypatch):
    folder, teacher, *_ = runs
    data = validate(TINY)
    recipe = dataclasses.replace(TINY, epochs=1, omitted_classes=("3", "5"), noise=0.5, shift=1)
    assert train_teacher(dataclasses.replace(TINY, noise=0.5), folder).folder == teacher.folder
    split, more = seen_by(monkeypatch, lambda: train_teacher(recipe, tmp_path))
    assert len(split) == len(data.train)
    assert more["shift"] == 1
    split, more = seen_by(monkeypatch, lambda: train_student(recipe, tmp_path))
    assert set(split.labels) == {0, 1, 2, 4, 6, 7, 8, 9}
    assert {image.tobytes() for image in split.images} <= {
        image.tobytes() for image in data.train.images
    }
    split, more = seen_by(monkeypatch, lambda: train_distilled(recipe, teacher, tmp_path))
    kept = ~np.isin(data.train.labels, (3, 5))
    noise = split.images.astype(float) - 0.5 * data.train.images[kept]
    assert noise.min() >= -0.5
    assert noise.max() <= 128
    assert noise.mean() == pytest.approx(0.5 * 127.5, abs=1)
    assert set(split.labels) == {-1, 0, 1, 2, 4, 6, 7, 8, 9}
    assert more["teacher_logits"] is None  # the teacher sees each image as it was moved
    pure = dataclasses.replace(recipe, noise=1.0)
    split, _ = seen_by(monkeypatch, lambda: train_distilled(pure, teacher, tmp_path))
    assert set(split.labels) == {-1}


def test_omitted_classes_by_name_or_number_are_the_same_run(runs):
    identities = [
        identity_of("student", dataclasses.replace(TINY, omitted_classes=names))
        for names in (("3", "5"), ("5", "3", "3"), ("3",))
    ]
    assert identities[0] == identities[1] != identities[2]


def test_label_smoothing_is_the_students_alone(runs, tmp_path):
    folder, teacher, student, _ = runs
    smoothed = dataclasses.replace(TINY, label_smoothing=0.3)
    assert train_teacher(smoothed, folder).folder == teacher.folder
    run = train_student(smoothed, folder)
    assert run.folder != student.folder
    assert not same(weights(run), weights(student))


def test_each_seed_has_its_fold_of_cross_validation(tmp_path):
    recipe = dataclasses.replace(TINY, folds=4, epochs=1, teacher_epochs=1)
    folds = [data_of(recipe.with_seed(seed)) for seed in (0, 1, 4)]
    assert len({fold.fingerprint for fold in folds}) == 3
    assert data_of(recipe.with_seed(1)).fingerprint == folds[1].fingerprint
    run = train_student(recipe.with_seed(1), tmp_path)
    np.testing.assert_array_equal(run.labels("test"), folds[1].test.labels)


def test_as_long_as_distillation_takes(runs, tmp_path):
    """Epochs of 3 s (the first, of 60 s, is warming up) against 2 s: half as many epochs again."""
    _, _, student, distilled = runs
    times = {distilled.role: "seconds\n60\n3\n3.2\n2.8\n", student.role: "seconds\n50\n2\n2\n9\n"}
    pair = []
    for run in (distilled, student):
        copy = tmp_path / run.folder.name
        shutil.copytree(run.folder, copy)
        (copy / "history.csv").write_text(times[run.role])
        pair.append(dataclasses.replace(run, folder=copy))
    recipe = dataclasses.replace(TINY, epochs=4)
    run = train_student(recipe, tmp_path / "runs", as_long_as=pair)
    assert run.metrics["last"]["epoch"] == 6
    assert run.folder != train_student(recipe, tmp_path / "runs").folder
    assert train_student(recipe, tmp_path / "runs", as_long_as=pair).reused


@pytest.mark.parametrize("role", ["teacher", "student", "distilled"])
def test_trial_leaves_nothing_tells_a_time_and_traces_once(role, tmp_path, monkeypatch):
    traced = []
    for kind in (keras.Model, Distiller):

        def train_step(self, data, step=kind.train_step):
            traced.append(role)
            return step(self, data)

        monkeypatch.setattr(kind, "train_step", train_step)
    monkeypatch.chdir(tmp_path)
    start, epoch = training.trial(role, TINY)
    assert 0 < epoch < start < 60
    assert not list(tmp_path.iterdir())
    assert traced == [role]
