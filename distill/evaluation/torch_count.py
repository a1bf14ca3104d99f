"""Multiply-adds of a forward pass, counted by PyTorch; see `cost.multiply_adds`."""

import torch
from torch.utils.flop_counter import FlopCounterMode


def count(model, input_shape: tuple[int, ...]) -> int:
    """Counts the multiply-adds of one image; PyTorch counts two operations for each."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(torch.zeros((1, *input_shape)), training=False)
    return counter.get_total_flops() // 2
