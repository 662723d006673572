"""A loss in float32: which engines have it, and what it cannot see."""

import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.batched import BatchTrainer
from grokking.engines.choose import BATCHED, NUMBA, choose_engine
from grokking.engines.parameters import Parameters
from grokking.engines.reference import ReferenceUpdates
from grokking.engines.train_pairs import TrainPairs
from grokking.errors import UserError
from grokking.from_config import split_of, task_of
from tests.audit.handbuilt import handbuilt_config, handbuilt_weights


def parameters(dtype: str) -> tuple[Parameters, TrainPairs]:
    """A network that is sure of every answer by twenty nats and more."""
    config = handbuilt_config(loss_dtype=dtype, lr=1e-3, weight_decay=0.0)
    task = task_of(config)
    pairs = TrainPairs.of(task, split_of(config, task))
    return Parameters(config, handbuilt_weights(config, scale=30.0), torch.device("cpu")), pairs


def losses_before_an_update(dtype: str, engine: str) -> float:
    of_run, pairs = parameters(dtype)
    if engine == "batched":
        return float(BatchTrainer([(of_run, pairs)]).advance(1)[0, 0])
    losses = torch.zeros(1, dtype=torch.float64).numpy()
    ReferenceUpdates(of_run, pairs).advance(losses)
    return float(losses[0])


@pytest.mark.parametrize("engine", ["batched", "reference"])
def test_a_confident_network_has_no_loss_in_float32(engine: str) -> None:
    assert losses_before_an_update("float32", engine) == 0.0
    assert losses_before_an_update("float64", engine) > 0.0


def test_the_numba_engine_leaves_float32_to_others() -> None:
    of_run, _ = parameters("float32")
    assert choose_engine("auto", of_run) == BATCHED
    with pytest.raises(UserError, match="its loss is in float64, not in float32; use --engine auto"):
        choose_engine(NUMBA, of_run)


def test_runs_of_both_cannot_be_batched() -> None:
    with pytest.raises(ValueError, match="different loss_dtype"):
        BatchTrainer([parameters("float32"), parameters("float64")])


def test_the_default_is_float64_also_for_records_without_the_field() -> None:
    assert RunConfig.from_dict({"p": 7}).loss_dtype == "float64"
    with pytest.raises(UserError, match="unknown loss_dtype 'float16'; known: float64, float32"):
        RunConfig(loss_dtype="float16")
