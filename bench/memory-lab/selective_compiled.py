"""What a compiled Llama-like block keeps under torchtitan's selective policy: attention and every second product.

    python bench/memory-lab/selective_compiled.py

On the CPU, from the forward graph of AOT autograd with the min-cut partitioner. The last product is on the list, yet nothing reads it.
"""

from collections import defaultdict

import torch
import torch.nn.functional as F
from functorch.compile import min_cut_rematerialization_partition
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import CheckpointImpl, checkpoint_wrapper
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

HIDDEN, HEADS, KEY_VALUE_HEADS, WIDTH, TOKENS = 256, 8, 2, 896, 128
KEPT = {torch.ops.aten.mm.default, torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        narrow = HIDDEN // HEADS * KEY_VALUE_HEADS
        shapes = dict(q=(HIDDEN, HIDDEN), k=(HIDDEN, narrow), v=(HIDDEN, narrow), o=(HIDDEN, HIDDEN))
        shapes |= dict(gate=(HIDDEN, WIDTH), up=(HIDDEN, WIDTH), down=(WIDTH, HIDDEN))
        for name, (inputs, outputs) in shapes.items():
            setattr(self, name, nn.Linear(inputs, outputs, bias=False))
        self.before, self.between = nn.RMSNorm(HIDDEN), nn.RMSNorm(HIDDEN)

    def forward(self, x):
        normed = self.before(x)
        heads = [part(normed).unflatten(-1, (-1, HIDDEN // HEADS)).transpose(1, 2) for part in (self.q, self.k, self.v)]
        query, key, value = heads[0], *(head.repeat_interleave(HEADS // KEY_VALUE_HEADS, 1) for head in heads[1:])
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        middle = x + self.o(attended.transpose(1, 2).flatten(2))
        normed = self.between(middle)
        return middle + self.down(F.silu(self.gate(normed)) * self.up(normed))


def contexts():
    seen = defaultdict(int)

    def policy(context, function, *args, **kwargs):
        if function == torch.ops.aten.mm.default:
            seen[context.is_recompute] += 1
        skipped = function == torch.ops.aten.mm.default and seen[context.is_recompute] % 2 == 0
        keeps = function in KEPT and not skipped
        return CheckpointPolicy.MUST_SAVE if keeps else CheckpointPolicy.PREFER_RECOMPUTE

    return create_selective_checkpoint_contexts(policy)


def printed(graph, inputs):
    outputs = list(graph.graph.nodes)[-1].args[0]
    for node in outputs[1:]:
        kept = node.meta.get('val') if hasattr(node, 'meta') else None
        is_weight = node.name.startswith(('t_', '_to_copy')) or (kept is not None and kept.shape[0] not in (1, TOKENS))
        if isinstance(kept, torch.Tensor) and not is_weight:
            print(f'{node.name}: {kept.numel() * kept.element_size() // TOKENS} B per token')
    return graph


if __name__ == '__main__':
    torch.manual_seed(0)
    block = checkpoint_wrapper(
        Block().bfloat16(),
        checkpoint_impl=CheckpointImpl.NO_REENTRANT,
        context_fn=contexts,
        preserve_rng_state=False,
    )
    backend = aot_autograd(fw_compiler=printed, partition_fn=min_cut_rematerialization_partition)
    states = torch.randn(1, TOKENS, HIDDEN, dtype=torch.bfloat16, requires_grad=True)
    torch.compile(block, backend=backend)(states).sum().backward()
