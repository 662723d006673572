"""Our networks in TransformerLens, whichever generation of it is installed.

Up to 3.x a ``HookedTransformer`` takes the legacy keys as they are. Version 4 removed it; there
``TransformerBridge.boot_native`` takes them through TransformerLens's own one-time converter.
TransformerLens is not a dependency: only ``load`` imports it.
"""

import importlib.util
from itertools import product
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
from grokking.models.transformer.shape import NORM_PLACES, RMS, layer_prefix

EXPECTED = "{'config': …, 'state_dict': …} as grokking export RUN_DIR --format transformer_lens writes it"
IN_A_BLOCK = ("attn.", "mlp.", "ln1.", "ln2.")


def config_of(shape: ModelShape) -> dict[str, Any]:
    """Keyword arguments of HookedTransformerConfig, and of TransformerBridgeConfig."""
    return {
        "n_layers": shape.n_layers,
        "n_heads": shape.n_heads,
        "d_model": shape.d_model,
        "d_head": shape.d_head,
        "d_mlp": shape.d_mlp,
        "d_vocab": shape.d_vocab,
        "d_vocab_out": shape.n_classes,
        "n_ctx": shape.n_ctx,
        "act_fn": activation(shape.activation).transformer_lens,
        "normalization_type": ("RMS" if shape.norm_kind == RMS else "LN") if shape.layer_norm else None,
        "eps": shape.layer_norm_eps,
        "attention_dir": shape.attention_dir,
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
    for layer, (name, ((keys, axes),)) in product(range(shape.n_layers), TRANSFORMER_LENS.entries.items()):
        in_block = keys[0].startswith(IN_A_BLOCK)
        key = f"blocks.{layer}.{keys[0]}" if in_block else keys[0]
        own = layer_prefix(layer) * in_block + name
        if own in weights:
            state[key] = axes.write(weights[own], OURS[name], dims)
        elif name in EXTRA_BIASES:
            state[key] = torch.zeros(axes.shape(dims), dtype=weights["W_E"].dtype)
    for layer in range(shape.n_layers):  # buffers that HookedTransformer asks for when it loads strictly
        state[f"blocks.{layer}.attn.mask"] = torch.ones(shape.n_ctx, shape.n_ctx, dtype=torch.bool).tril()
        state[f"blocks.{layer}.attn.IGNORE"] = torch.tensor(float("-inf"))
    return state


def obstacle(shape: ModelShape) -> str | None:
    """What TransformerLens has no place for, in words; None where it can be this network."""
    missing = {
        "values embedded by a function of its own": bool(shape.scalars),
        "attention mixed with a constant": shape.attention_rate != 1,
        "norms at other places than before attention, MLP and unembedding": shape.layer_norm
        and shape.norm_places != NORM_PLACES[0],
        "a tied embedding": shape.tied_embedding,
        "a vocabulary for each operand": shape.separate_vocabularies,
    }
    return next((what for what, has in missing.items() if has), None)


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
