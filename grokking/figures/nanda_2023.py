"""What Nanda et al. 2023 (arXiv 2301.05217v3) state of their main run, with the place of each number.

Addition mod 113 from 30 % of the pairs. Each value and its section stand in a public transcription of
the paper's full text; key frequencies, phases, 433 of 512 neurons and the two losses in a second one too, the
losses also among the outputs saved in the paper's public notebook. The paper's own file was not at hand.
No value is read off a picture.
"""

KEY_FREQUENCIES = (14, 35, 41, 42, 52)
"""Section 4.1."""
EMBEDDING_FREQUENCIES = 6
"""Section 4.1: frequencies of W_E with a norm that is not negligible."""
READOUT_RANK = 10
"""Section 4.2: W_L is approximately of this rank."""
HEAD_SHARES = (0.979, 0.991)
"""Appendix C.1.3, table 2: smallest and largest share of variance of a head's pattern explained."""
LOGIT_COMPONENTS = 20
"""Section 4.1: 2-D components of the logits with significant norm."""
OWNED_NEURONS, ALL_NEURONS = 433, 512
"""Section 4.3: neurons with more than 85 % of their variance explained by one frequency."""
SMALLEST_CLUSTER = 44
"""Section 4.3: neurons in the cluster of k = 14."""
LOSS = 2.41e-7
"""Section 4.4: loss of the network as it is (notebook: 2.4122e-07, over all pairs)."""
RESTRICTED_LOSS = 5.54e-8
"""Section 4.4: with the terms cos and sin of w_k (a + b) of the key frequencies alone (notebook:
5.547e-08)."""
PHASES = (1_400, 9_400, 14_000)
"""Section 5.2: ends of memorisation, circuit formation and cleanup, in epochs."""


def compared(ours: str, theirs: str) -> str:
    """A value of this run and the paper's."""
    return f"{ours} here; the paper states {theirs}"
