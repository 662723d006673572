"""A run that groks at once, and one that does not."""

from dataclasses import replace

from grokking.config import RunConfig

SMALL = {"p": 11, "train_frac": 0.9, "d_model": 32, "n_heads": 2, "d_mlp": 64, "lr": 5e-3,
         "weight_decay": 2.0, "n_epochs": 240, "log_every": 20, "checkpoint_every": 50, "keep": "few"}
GROKS = RunConfig(**SMALL, seed=1)
"""Test accuracy is 1 before epoch 100: twelve test pairs are soon learnt."""
NEVER = replace(GROKS, seed=0, n_epochs=60)
