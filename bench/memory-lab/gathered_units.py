"""Which FSDP1 units are whole while the root's backward begins, by kind of checkpointing.

    python bench/memory-lab/gathered_units.py

Two processes on the CPU (gloo). Layers are dropped after forward; the last one is gathered ahead unless re-entrant checkpointing hides the
order of the layers from FSDP.
"""

import functools
import os

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy
from torch.utils.checkpoint import checkpoint

HIDDEN, TOKENS, LAYERS = 64, 128, 6


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(HIDDEN, 4 * HIDDEN, bias=False)
        self.down = nn.Linear(4 * HIDDEN, HIDDEN, bias=False)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(x)))


class Stack(nn.Module):
    def __init__(self, checkpointing):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.checkpointing = checkpointing

    def forward(self, x):
        for layer in self.layers:
            if self.checkpointing == 'none':
                x = layer(x)
            else:
                x = checkpoint(layer.__call__, x, use_reentrant=self.checkpointing == 're-entrant')
        return self.head(x)


def whole(model):
    storages = [layer._handle.flat_param._full_param_padded.untyped_storage() for layer in model.module.layers]
    return [int(storage.size() > 0) for storage in storages]


def work(rank, checkpointing):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT='29613')
    dist.init_process_group('gloo', rank=rank, world_size=2)
    policy = functools.partial(transformer_auto_wrap_policy, transformer_layer_cls={Layer})
    model = FullyShardedDataParallel(
        Stack(checkpointing), auto_wrap_policy=policy, device_id=torch.device('cpu'), use_orig_params=True
    )
    for _ in range(2):
        output = model(torch.randn(TOKENS, HIDDEN, requires_grad=True))
        forward, backward = whole(model), []
        output.register_hook(lambda gradient, seen=backward: seen.extend(whole(model)))
        output.sum().backward()
    if rank == 0:
        print(f'{checkpointing}: after forward {forward}, as the root runs backward {backward}', flush=True)
    dist.destroy_process_group()


if __name__ == '__main__':
    for kind in ('none', 're-entrant', 'not re-entrant'):
        mp.spawn(work, args=(kind,), nprocs=2)
