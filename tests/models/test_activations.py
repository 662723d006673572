"""One table of activations serves model, exports and page; an unknown name is refused everywhere."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.config_fields import one_of
from grokking.errors import UserError
from grokking.models.activations import TABLE, activation, known_as
from grokking.models.transformer import ACTIVATIONS

LIVE = Path(__file__).parents[2] / "grokking" / "page" / "assets" / "js" / "live.js"
POINTS = [-7.0, -2.5, -1.0, -0.1, 0.0, 0.3, 1.0, 2.5, 4.0, 9.0]
PROGRAM = """
global.window = { Timeless: { unpack: (x) => x, load: async () => ({ W_E: new Float64Array(4) }) } };
require(process.argv[1]);
const L = window.Timeless.live, points = JSON.parse(process.argv[2]);
const subject = (activation) => ({ id: 'run0', p: 1, shape: { activation } });
const values = Object.fromEntries(Object.entries(L.ACTIVATIONS).map(([name, f]) => [name, points.map(f)]));
L.open(subject('swiglu'), 0).then(() => null, (error) => error.message).then((refused) =>
  console.log(JSON.stringify({ values, refused, obstacle: L.obstacle(subject('toString')),
                               none: L.obstacle(subject('relu')) })));
"""


def test_the_config_accepts_what_the_table_has() -> None:
    assert ACTIVATIONS == tuple(TABLE) == ("relu", "gelu", "gelu_tanh", "silu")


@pytest.mark.parametrize(
    "text, name",
    [
        *[
            (text, "relu")
            for text in ("relu", "ReLU", "nn.ReLU()", "<class 'torch.nn.modules.activation.ReLU'>")
        ],
        *[(text, "gelu") for text in ("gelu", "torch.nn.functional.gelu", "GELU(approximate='none')")],
        *[(text, "gelu_tanh") for text in ("gelu_new", "gelu_pytorch_tanh", "GELU(approximate='tanh')")],
        *[(text, "silu") for text in ("SiLU", "swish")],
        *[(text, None) for text in ("solu_ln", "leaky_relu", "LeakyReLU(negative_slope=0.01)", "gelu2", "")],
    ],
)
def test_names_that_others_use(text: str, name: str | None) -> None:
    assert known_as(text) == name


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UserError, match="unknown activation 'swiglu'; known: relu, gelu, gelu_tanh, silu"):
        activation("swiglu")
    with pytest.raises(UserError, match="unknown recipe 'new'; known: old"):
        one_of("recipe", "new", {"old": 1})


def test_the_page_computes_every_entry_and_refuses_all_else() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine; tests/page tries the same in a browser")
    command = [node, "-e", PROGRAM, str(LIVE), json.dumps(POINTS)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert list(found["values"]) == list(TABLE)
    for name, values in found["values"].items():
        expected = TABLE[name].torch(torch.tensor(POINTS, dtype=torch.float64)).numpy()
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12)
    words = '"swiglu", which the page cannot compute; it knows relu, gelu, gelu_tanh, silu'
    assert words in found["refused"]
    assert '"toString"' in found["obstacle"]
    assert found["none"] is None
