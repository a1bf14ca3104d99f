"""`JAXSteps`: the training step of `Distiller` on JAX, a function of all variables' values."""

import jax
import keras

from distill.distiller.steps import Steps, without_nan


class JAXSteps(Steps):
    """A mixin for `Distiller`: `train_step` and `test_step` take the state and return the new one.

    The state is the values of Keras' lists of variables. While `fit` runs, the variables themselves
    are empty, until `_sync` fills them.
    """

    @property
    def metrics_variables(self):
        guards = [variable for guard in self.guards.values() for variable in guard.variables]
        return super().metrics_variables + guards

    def train_step(self, state, data):
        trainable, non_trainable, optimizer, metrics = state
        x, targets, sample_weight = self._unpack(data)
        x, is_finite = without_nan(x)
        variables = self._trained_variables()
        changed = [self.non_trainable_variables, self.metrics_variables]
        known = _pairs([*changed, self.optimizer.variables], [non_trainable, metrics, optimizer])

        def scaled_loss(values):
            trained = _pairs([variables], [values])
            with keras.StatelessScope([*known, *trained], collect_losses=True) as scope:
                teacher = self.teacher_side(x, targets)
                losses, logits = self._training_losses(
                    x, targets, sample_weight, teacher, is_finite
                )
                loss = self.optimizer.scale_loss(losses["loss"])
                logs = self._log(losses, x, targets.labels, logits, sample_weight)
            return loss, (logs, *_values_in(scope, changed))

        gradients, (logs, non_trainable, metrics) = jax.grad(scaled_loss, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return logs, (trainable, non_trainable, optimizer, metrics)

    def test_step(self, state, data):
        metrics = self.metrics_variables
        groups = [self.trainable_variables, self.non_trainable_variables, metrics]
        with keras.StatelessScope(_pairs(groups, state)) as scope:
            logs = super().test_step(data)
        return logs, (*state[:2], *_values_in(scope, [metrics]))

    def _sync(self):
        self.jax_state_sync()

    def _get_jax_state(self, purge_model_variables=False, **groups):
        # Keras 3.15 empties the variables before the first step, and forgets their values if that
        # step fails.
        state = super()._get_jax_state(purge_model_variables=purge_model_variables, **groups)
        if purge_model_variables:
            names = [name for name, is_wanted in groups.items() if is_wanted]
            self._jax_state = dict(zip(names, state, strict=True))
        return state


def value_and_gradients(function, variables):
    """Calls a function that returns a scalar and something else, both tensors.

    Returns what it returned, and the scalar's gradients with respect to some variables.
    """

    def at(values):
        with keras.StatelessScope(_pairs([variables], [values])):
            return function()

    return jax.jit(jax.value_and_grad(at, has_aux=True))([each.value for each in variables])


def _pairs(groups, values_of_groups):
    """Returns `(variable, value)` for all variables of all groups."""
    return [
        pair
        for variables, values in zip(groups, values_of_groups, strict=True)
        for pair in zip(variables, values, strict=True)
    ]


def _values_in(scope, groups):
    """Returns what the variables of each group are at the end of a scope that knows them all."""
    return [[scope.get_current_value(variable) for variable in group] for group in groups]
