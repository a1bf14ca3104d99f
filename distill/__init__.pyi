"""The public interface of `distill`, imported lazily by `__init__.py`."""

from .checks import Finding as Finding
from .checks import check as check
from .comparison import compare as compare
from .data import load_data as load_data
from .distiller import Distiller as Distiller
from .errors import UserError as UserError
from .evaluation import evaluate as evaluate
from .experiment import run_experiment as run_experiment
from .experiments.grid import parse_axis as parse_axis
from .methods import (
    Batch as Batch,
)
from .methods import (
    Method as Method,
)
from .methods import (
    Outputs as Outputs,
)
from .methods import (
    get_method as get_method,
)
from .methods import (
    hard_label as hard_label,
)
from .methods import (
    hint_loss as hint_loss,
)
from .methods import (
    kd as kd,
)
from .methods import (
    mse_logits as mse_logits,
)
from .methods import (
    mse_probabilities as mse_probabilities,
)
from .models import build_model as build_model
from .recipes import Recipe as Recipe
from .recipes import get_recipe as get_recipe
from .recipes.recipe import (
    Data as Data,
)
from .recipes.recipe import (
    Distillation as Distillation,
)
from .recipes.recipe import (
    Experiment as Experiment,
)
from .recipes.recipe import (
    Student as Student,
)
from .recipes.recipe import (
    Teacher as Teacher,
)
from .recipes.recipe import (
    Training as Training,
)
from .recipes.recipe import (
    TrainingOverrides as TrainingOverrides,
)
from .training.spec import RunSpec as RunSpec
from .training.spec import make_spec as make_spec
from .training.train import train as train
from .version import VERSION as VERSION

__version__: str
