"""Our networks in TransformerLens, whichever generation of it is installed.

Up to 3.x a ``HookedTransformer`` takes the legacy keys as they are. Version 4 removed it; there
``TransformerBridge.boot_native`` takes them through TransformerLens's own one-time converter.
TransformerLens is not a dependency: only ``load`` imports it.
"""

import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from grokking.errors import UserError
from grokking.interop.layouts import OURS, TRANSFORMER_LENS
from grokking.interop.untrusted import read, tensors_of
from grokking.models.activations import activation
from grokking.models.transformer import EXTRA_BIASES, ModelShape
from grokking.models.transformer.network import Weights

EXPECTED = "{'config': …, 'state_dict': …} as grokking export RUN_DIR --format transformer_lens writes it"
FIRST_BLOCK = ("attn.", "mlp.", "ln1.", "ln2.")


def config_of(shape: ModelShape) -> dict[str, Any]:
    """Keyword arguments of HookedTransformerConfig, and of TransformerBridgeConfig."""
    return {
        "n_layers": 1,
        "n_heads": shape.n_heads,
        "d_model": shape.d_model,
        "d_head": shape.d_head,
        "d_mlp": shape.d_mlp,
        "d_vocab": shape.d_vocab,
        "d_vocab_out": shape.n_classes,
        "n_ctx": shape.n_ctx,
        "act_fn": activation(shape.activation).transformer_lens,
        "normalization_type": "LN" if shape.layer_norm else None,
        "eps": shape.layer_norm_eps,
        "attention_dir": "causal",
        "use_attn_scale": True,
        "attn_scale": shape.d_head**0.5 * shape.attention_temperature,
        "positional_embedding_type": "standard",
    }


def legacy_state_dict(weights: Weights, shape: ModelShape) -> dict[str, Tensor]:
    """The weights under TransformerLens's legacy keys; biases that the network lacks are zeros."""
    dims = {
        "v": shape.d_vocab,
        "x": shape.n_ctx,
        "d": shape.d_model,
        "h": shape.n_heads,
        "e": shape.d_head,
        "m": shape.d_mlp,
        "c": shape.n_classes,
    }
    state = {}
    for name, ((keys, axes),) in TRANSFORMER_LENS.entries.items():
        key = f"blocks.0.{keys[0]}" if keys[0].startswith(FIRST_BLOCK) else keys[0]
        if name in weights:
            state[key] = axes.write(weights[name], OURS[name], dims)
        elif name in EXTRA_BIASES:
            state[key] = torch.zeros(axes.shape(dims), dtype=weights["W_E"].dtype)
    # Buffers that HookedTransformer asks for when it loads strictly.
    state["blocks.0.attn.mask"] = torch.ones(shape.n_ctx, shape.n_ctx, dtype=torch.bool).tril()
    state["blocks.0.attn.IGNORE"] = torch.tensor(float("-inf"))
    return state


def load(path: Path | str) -> Any:
    """The exported file as a HookedTransformer or, from version 4, a TransformerBridge, on the CPU.

    Its logits [batch, n_ctx, n_classes] at the last position are ours.  Raises UserError for a file
    that is not such an export, and where TransformerLens is not installed.
    """
    record = read(Path(path))
    state = tensors_of(record.get("state_dict")) if isinstance(record, dict) else None
    if state is None or not isinstance(record.get("config"), dict):
        raise UserError(f"{path} is not an export for TransformerLens; accepted: {EXPECTED}")
    if importlib.util.find_spec("transformer_lens") is None:
        raise UserError("TransformerLens is not installed; pip install transformer-lens")
    config = {**record["config"], "dtype": state["embed.W_E"].dtype, "device": "cpu"}
    try:
        from transformer_lens import HookedTransformer, HookedTransformerConfig
    except ImportError:
        return _bridge(config, state)
    hooked = HookedTransformer(HookedTransformerConfig(**config))
    hooked.load_state_dict(state)
    return hooked


def _bridge(config: dict[str, Any], state: dict[str, Tensor]) -> Any:
    """From version 4 on."""
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.conversion_utils import convert_tl_checkpoint
    from transformer_lens.model_bridge import TransformerBridge

    bridge_config = TransformerBridgeConfig(**config, architecture="TransformerLensNative")
    bridge = TransformerBridge.boot_native(bridge_config, device="cpu", dtype=config["dtype"])
    bridge.load_state_dict(convert_tl_checkpoint(state, bridge_config))
    return bridge
