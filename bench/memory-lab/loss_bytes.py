"""Records bytes per logit of losses on a CPU: held after forward, the most in forward, the most in backward.

    python loss_bytes.py > ../../__tests__/memory/fixtures/loss-bytes.json

Needs torch and trl; no network. The logits are made by an operation, so that their own bytes count.
"""
import json

import torch
import torch.nn.functional as F
import trl
from torch.distributed._tools.mem_tracker import MemTracker
from trl.trainer.utils import selective_log_softmax

VOCABULARY, SEQUENCES, TOKENS = 3000, 4, 256


def cross_entropy(logits, labels):
    shifted = F.pad(labels, (0, 1), value=-100)[..., 1:].contiguous()
    return F.cross_entropy(logits.float().view(-1, VOCABULARY), shifted.view(-1), ignore_index=-100)


def selective(logits, labels):
    return selective_log_softmax(logits[:, :-1], labels[:, 1:]).sum()


def gathered(logits, labels):
    return torch.gather(logits[:, :-1].log_softmax(-1), 2, labels[:, 1:].unsqueeze(2)).squeeze(2).sum()


def scaled(logits, labels):
    return selective_log_softmax(logits[:, :-1] / 0.9, labels[:, 1:]).sum()


def with_cross_entropy(logits, labels):
    chosen = SEQUENCES // 2
    flat = logits[:chosen, :-1].contiguous().view(-1, VOCABULARY)
    return F.cross_entropy(flat, labels[:chosen, 1:].contiguous().view(-1)) + gathered(logits, labels)


class InPlace(torch.autograd.Function):
    """What flash-attn's ops/triton/cross_entropy.py keeps and writes with inplace_backward; its kernels need a GPU."""

    @staticmethod
    def forward(ctx, logits, labels):
        sums = torch.logsumexp(logits[:1], -1).expand(logits.shape[0]).contiguous()
        ctx.save_for_backward(logits, sums, labels)
        return sums

    @staticmethod
    def backward(ctx, grad):
        logits, _, _ = ctx.saved_tensors
        return logits, None


def in_place(logits, labels):
    """verl workers/actor/dp_actor.py _forward_micro_batch over rows without padding."""
    rows = logits.view(1, -1, VOCABULARY).squeeze(0)
    rows.div_(0.9)
    return -InPlace.apply(rows, labels.view(-1)).sum()


def measure(loss, dtype, lifted):
    inputs = torch.randn(SEQUENCES, TOKENS, VOCABULARY, dtype=dtype).requires_grad_()
    labels = torch.randint(0, VOCABULARY, (SEQUENCES, TOKENS))
    tracker = MemTracker()
    elements = SEQUENCES * TOKENS * VOCABULARY

    def read(kind):
        return tracker.get_tracker_snapshot(kind)[torch.device("cpu")]["Total"] / elements

    with tracker:
        logits = inputs * 1.0
        if lifted:
            logits = logits.float()
        out = loss(logits, labels)
        del logits
        held, forward = read("current"), read("peak")
        out.backward()
        most = read("peak")
    return dict(held=round(held, 3), forward=round(forward, 3), most=round(most, 3))


LOSSES = dict(cross_entropy=cross_entropy, selective=selective, gathered=gathered, scaled=scaled, with_cross_entropy=with_cross_entropy, in_place=in_place)
rows = []
for name, loss in LOSSES.items():
    for dtype, lifted in ((torch.bfloat16, False), (torch.bfloat16, True), (torch.float32, False)):
        if name in ("cross_entropy", "in_place") and lifted:
            continue
        rows.append(dict(loss=name, dtype=str(dtype)[6:], lifted=lifted, **measure(loss, dtype, lifted)))
print(json.dumps({
    "what": "Bytes per logit on a CPU (loss_bytes.py of bench/memory-lab): held after forward, the most in forward, the most in all.",
    "libraries": {"torch": torch.__version__, "trl": trl.__version__},
    "rows": rows,
}, indent=1))
