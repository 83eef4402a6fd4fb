"""Records the most bytes of losses that take the head in chunks, on a CPU: head and loss of one batch, forward and backward.

    python chunked_loss.py > ../../__tests__/memory/fixtures/chunked-loss.json

Needs torch and trl; no network. The hidden states are made by an operation, so that their own bytes count.
"""
import json

import torch
import torch.nn.functional as F
import trl
from torch.distributed._tools.mem_tracker import MemTracker
from trl.trainer import sft_trainer

SHAPES = [(256, 20_000, 64), (1024, 20_000, 64), (4096, 50_000, 64), (1024, 12_000, 2048), (2048, 8_000, 2048)]


def chunked_nll(hidden, head, labels):
    chunk = sft_trainer._CHUNKED_LM_HEAD_CHUNK_SIZE
    return sft_trainer._chunked_cross_entropy_loss(hidden, head, chunk, labels=labels)[0]


def chunked_linear(hidden, head, labels):
    """What torchtune's modules/loss/cross_entropy_loss.py LinearCrossEntropyLoss does: eight chunks through the head and the loss."""
    chunks = zip(hidden[0].tensor_split(8), labels[0].tensor_split(8), strict=True)
    return sum(F.cross_entropy(F.linear(rows, head).float(), row_labels, reduction="sum") for rows, row_labels in chunks)


def most(loss, tokens, vocabulary, hidden_size, trains):
    head = torch.randn(vocabulary, hidden_size, dtype=torch.bfloat16).requires_grad_(trains)
    inputs = torch.randn(1, tokens, hidden_size, dtype=torch.bfloat16).requires_grad_()
    labels = torch.randint(0, vocabulary, (1, tokens))
    tracker = MemTracker()
    with tracker:
        hidden = inputs * 1.0
        result = loss(hidden, head, labels)
        del hidden
        result.backward()
        peak = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"]
    # The tracker meets the head as a tensor of the step; it belongs to the model.
    return peak - head.untyped_storage().nbytes()


rows = [
    dict(loss=loss.__name__, tokens=tokens, vocabulary=vocabulary, hidden=hidden, trains=trains,
         most=most(loss, tokens, vocabulary, hidden, trains))
    for loss in (chunked_nll, chunked_linear)
    for tokens, vocabulary, hidden in SHAPES
    for trains in (True, False)
]
print(json.dumps({
    "what": "Most bytes of losses in chunks on a CPU (chunked_loss.py of bench/memory-lab).",
    "libraries": {"torch": torch.__version__, "trl": trl.__version__},
    "rows": rows,
}, indent=1))
