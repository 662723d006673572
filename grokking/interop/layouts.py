"""The known layouts of this network's weights: names and shapes, recognised by both.

A layout is a table from our names to (keys, axes): what the tensor may be called, and how it lies
(see ``axes``). The same table reads a state dict and writes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grokking.interop.axes import Axes

OURS = {
    name: Axes(text)
    for name, text in {
        "W_E": "v d",
        "W_pos": "x d",
        "W_Q": "h d e",
        "W_K": "h d e",
        "W_V": "h d e",
        "W_O": "h e d",
        "W_in": "d m",
        "b_in": "m",
        "W_out": "m d",
        "b_out": "d",
        "W_U": "d c",
        "b_Q": "h e",
        "b_K": "h e",
        "b_V": "h e",
        "b_O": "d",
        "b_U": "c",
        "ln1_w": "d",
        "ln1_b": "d",
        "ln2_w": "d",
        "ln2_b": "d",
        "ln_final_w": "d",
        "ln_final_b": "d",
        "W_lift": "q f",
        "b_lift": "q f",
        "W_embed": "q f d",
    }.items()
}
"""Our parameters and their axes."""
REQUIRED = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_in", "W_out", "W_U")
NORMS = tuple(name for name in OURS if name.startswith("ln"))

Entry = tuple[tuple[str, ...], Axes]
"""Keys (or their dotted ends) that a tensor may have, and its axes there."""


@dataclass(frozen=True)
class Layout:
    """entries: by our name the ways a tensor may be stored, the likeliest first.  model: of ``MODELS``.
    required: the entries that a network must have.
    """

    name: str
    about: str
    entries: Mapping[str, tuple[Entry, ...]]
    whole_keys: bool = False
    model: str = "transformer"
    required: tuple[str, ...] = REQUIRED


def _entries(table: Mapping[str, tuple[str, str]]) -> dict[str, tuple[Entry, ...]]:
    return {name: ((tuple(keys.split()), Axes(axes)),) for name, (keys, axes) in table.items()}


def _linear(stems: str, weight: str) -> Entry:
    return tuple(f"{stem}.weight" for stem in stems.split()), Axes(weight)


def _bias(stems: str, axes: str) -> Entry:
    return tuple(f"{stem}.bias" for stem in stems.split()), Axes(axes)


def _norm(stems: str, letter: str) -> Entry:
    """Scale (w) or shift (b) of a layer norm, which some call gamma and beta."""
    names = {"w": ("weight", "gamma"), "b": ("bias", "beta")}[letter]
    return tuple(f"{stem}.{name}" for stem in stems.split() for name in names), Axes("d")


GROKKING = Layout(
    "grokking",
    "this project's own names",
    {name: (((name,), axes),) for name, axes in OURS.items()},
    whole_keys=True,
)

TRANSFORMER_LENS = Layout(
    "transformer_lens",
    "TransformerLens's legacy keys, embed.W_E … unembed.W_U",
    _entries(
        {
            "W_E": ("embed.W_E", "v d"),
            "W_pos": ("pos_embed.W_pos", "x d"),
            **{f"W_{n}": (f"attn.W_{n}", "h d e") for n in "QKV"},
            "W_O": ("attn.W_O", "h e d"),
            **{f"b_{n}": (f"attn.b_{n}", "h e") for n in "QKV"},
            "b_O": ("attn.b_O", "d"),
            "W_in": ("mlp.W_in", "d m"),
            "b_in": ("mlp.b_in", "m"),
            "W_out": ("mlp.W_out", "m d"),
            "b_out": ("mlp.b_out", "d"),
            "W_U": ("unembed.W_U", "d c"),
            "b_U": ("unembed.b_U", "c"),
            **{f"{n}_{x}": (f"{n}.{x}", "d") for n in ("ln1", "ln2", "ln_final") for x in "wb"},
        }
    ),
)

NANDA_2022 = Layout(
    "nanda_2022",
    "Nanda's 2022 code: left-multiplying matrices, W_O [d_model, heads · d_head]",
    _entries(
        {
            "W_E": ("embed.W_E", "d v"),
            "W_pos": ("pos_embed.W_pos", "x d"),
            **{f"W_{n}": (f"attn.W_{n}", "h e d") for n in "QKV"},
            "W_O": ("attn.W_O", "d (h e)"),
            "W_in": ("mlp.W_in", "m d"),
            "b_in": ("mlp.b_in", "m"),
            "W_out": ("mlp.W_out", "d m"),
            "b_out": ("mlp.b_out", "d"),
            "W_U": ("unembed.W_U", "d c"),
        }
    ),
)

EMBED = "token_embed token_embedding tok_embed tok_embeddings tok_emb embed embedding embeddings wte emb"
POSITION = "pos_embed pos_embedding position_embedding positional_embedding pos_emb W_pos wpe"
UNEMBED = "unembed unembedding W_U lm_head head output decoder readout fc_out"
MLP_IN = "W_in fc1 linear1 mlp_in up_proj mlp.0 mlp.up c_fc"
MLP_OUT = "W_out fc2 linear2 mlp_out down_proj mlp.2 mlp.down mlp.c_proj"
OUT_PROJECTION = "W_O o_proj out_proj wo to_out attn.proj attn.c_proj"
PACKED = "qkv qkv_proj c_attn in_proj to_qkv"
"""Queries, keys and values in one matrix, in this order."""
PROJECTIONS = {
    "Q": "W_Q q_proj query wq to_q",
    "K": "W_K k_proj key wk to_k",
    "V": "W_V v_proj value wv to_v",
}
_AROUND_ATTENTION: dict[str, tuple[Entry, ...]] = {
    "W_E": (_linear(EMBED, "v d"),),
    "W_pos": (
        _linear(POSITION, "x d"),
        (tuple(POSITION.split()), Axes("x d")),
        (tuple(POSITION.split()), Axes("0/1 x d")),
    ),
    "W_in": (_linear(MLP_IN, "m d"),),
    "b_in": (_bias(MLP_IN, "m"),),
    "W_out": (_linear(MLP_OUT, "d m"),),
    "b_out": (_bias(MLP_OUT, "d"),),
    "W_U": (_linear(UNEMBED, "c d"),),
    "b_U": (_bias(UNEMBED, "c"),),
    **{
        f"{name}_{letter}": (_norm(stems, letter),)
        for name, stems in (
            ("ln1", "ln1 ln_1 norm1"),
            ("ln2", "ln2 ln_2 norm2"),
            ("ln_final", "ln_final ln_f final_norm"),
        )
        for letter in "wb"
    },
}

PER_HEAD = Layout(
    "per_head",
    "nn.Embedding and nn.Linear around W_Q [heads, d_model, d_head]",
    {
        **_AROUND_ATTENTION,
        **{f"W_{n}": (((f"W_{n}",), Axes("h d e")),) for n in "QKV"},
        "W_O": ((("W_O",), Axes("h e d")),),
        **{f"b_{n}": (((f"b_{n}",), Axes("h e")),) for n in "QKV"},
        "b_O": ((("b_O",), Axes("d")),),
    },
)

PLAIN = Layout(
    "plain",
    "nn.Embedding and nn.Linear throughout, all heads in one matrix",
    {
        **_AROUND_ATTENTION,
        **{
            f"W_{n}": (
                _linear(stems, "(h e) d"),
                (("in_proj_weight", *_linear(PACKED, "d")[0]), Axes(f"({i}/3 h e) d")),
            )
            for i, (n, stems) in enumerate(PROJECTIONS.items())
        },
        **{
            f"b_{n}": (
                _bias(stems, "(h e)"),
                (("in_proj_bias", *_bias(PACKED, "d")[0]), Axes(f"({i}/3 h e)")),
            )
            for i, (n, stems) in enumerate(PROJECTIONS.items())
        },
        "W_O": (_linear(OUT_PROJECTION, "d (h e)"),),
        "b_O": (_bias(OUT_PROJECTION, "d"),),
    },
)

LAYOUTS = (GROKKING, TRANSFORMER_LENS, NANDA_2022, PER_HEAD, PLAIN)
