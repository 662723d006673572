"""What these tests share: small tensors on one thread."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """PyTorch's idle threads would spend more time waiting than these small tensors take."""
    torch.set_num_threads(1)
