"""Peak memory of frozen layers with trained adapters under FSDP1 and checkpointing, in multiples of one layer's input.

    python bench/memory-lab/fsdp_retained.py

Two processes on the CPU (gloo), torch.profiler's record of allocations. With re-entrant checkpointing the gradients of the layers' inputs
stay until the backward is done; without, or without FSDP, they go with their layer.
"""

import functools
import itertools
import os

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.fsdp.wrap import _or_policy, lambda_auto_wrap_policy, transformer_auto_wrap_policy
from torch.utils.checkpoint import checkpoint

HIDDEN, TOKENS, LAYERS, RANK = 256, 4096, 8, 4


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Linear(HIDDEN, HIDDEN, bias=False).requires_grad_(False)
        self.down = nn.Linear(HIDDEN, RANK, bias=False)
        self.up = nn.Linear(RANK, HIDDEN, bias=False)

    def forward(self, x):
        return x + self.base(x) + self.up(self.down(x))


class Stack(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.reentrant = reentrant

    def forward(self, x):
        for layer in self.layers:
            x = checkpoint(layer.__call__, x, use_reentrant=self.reentrant)
        return x


def trains_alone(module):
    weight = getattr(module, 'weight', None)
    return not list(module.children()) and weight is not None and weight.requires_grad


def sharded(model):
    policies = [
        functools.partial(lambda_auto_wrap_policy, lambda_fn=trains_alone),
        functools.partial(transformer_auto_wrap_policy, transformer_layer_cls={Layer}),
    ]
    policy = functools.partial(_or_policy, policies=policies)
    return FullyShardedDataParallel(model, auto_wrap_policy=policy, device_id=torch.device('cpu'), use_orig_params=True)


def peak_bytes(model):
    x = torch.randn(TOKENS, HIDDEN, requires_grad=True)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        model(x).sum().backward()
    sizes = [event.nbytes() for event in profile.profiler.kineto_results.events() if event.name() == '[memory]']
    return max(itertools.accumulate(sizes))


def work(rank, reentrant, shards):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT='29611')
    dist.init_process_group('gloo', rank=rank, world_size=2)
    model = Stack(reentrant)
    model = sharded(model) if shards else model
    peak_bytes(model)
    peak = peak_bytes(model)
    if rank == 0:
        print(f'reentrant {reentrant}, FSDP {shards}: {peak / (TOKENS * HIDDEN * 4):.1f} layer inputs', flush=True)
    dist.destroy_process_group()


if __name__ == '__main__':
    for reentrant, shards in itertools.product((True, False), (False, True)):
        mp.spawn(work, args=(reentrant, shards), nprocs=2)
