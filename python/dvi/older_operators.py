"""Operators that PyTorch 2 has and LibTorch 1.13 has not, spelled out in older ones while a model is traced."""

import contextlib
import math
from unittest import mock

import torch


def _attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """softmax(Q K^T / sqrt(d) + mask) V (Vaswani et al., NeurIPS 2017, section 3.2.1). Without dropout: the model is in
    evaluation mode."""
    if enable_gqa:  # groups of heads share keys and values
        repeats = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(repeats, -3), value.repeat_interleave(repeats, -3)
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.size(-1)) if scale is None else scale)
    if is_causal:
        seen = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool, device=query.device).tril()
        scores = scores.masked_fill(~seen, -math.inf)
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, -math.inf)
        else:
            scores = scores + attn_mask
    return scores.softmax(-1) @ value


@contextlib.contextmanager
def older_operators():
    """Inside, PyTorch's attention is made of products and a softmax."""
    functional = torch.nn.functional
    if not hasattr(functional, "scaled_dot_product_attention"):
        yield
        return
    with mock.patch.object(functional, "scaled_dot_product_attention", _attention):
        yield
