"""Memory by phase: torch's CUDA counters, or on a CPU every storage that an operator returns, from its birth to its end."""
import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class CudaMeter:
    """Allocated and reserved bytes from the caching allocator, device bytes from the driver."""

    kind = "cuda"

    def __enter__(self):
        torch.cuda.init()
        return self

    def __exit__(self, *_):
        return False

    def live(self):
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()

    def restart(self):
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()

    def peak(self):
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated()

    def reserved(self):
        return torch.cuda.max_memory_reserved()

    def device(self):
        free, total = torch.cuda.mem_get_info()
        return total - free


def dropout_as_on_cuda(tensor, p=0.5, training=True, inplace=False):
    """torch's CPU dropout keeps a mask in the input's dtype; the CUDA kernel one byte per element, as this one does."""
    return torch.native_dropout(tensor, p, training)[0] if training and p > 0 else tensor


class TrackedMeter(TorchDispatchMode):
    """Bytes of all storages that operators of this thread returned and that still live. Scratch space inside a kernel is not seen."""

    kind = "tracked"

    def __init__(self):
        super().__init__()
        self.sizes = {}
        self.bytes = 0
        self.most = 0

    def __enter__(self):
        self.own_dropout = torch.nn.functional.dropout
        torch.nn.functional.dropout = dropout_as_on_cuda
        return super().__enter__()

    def __exit__(self, *problem):
        torch.nn.functional.dropout = self.own_dropout
        return super().__exit__(*problem)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._see(leaf.untyped_storage())
        return result

    def _see(self, storage):
        key = storage._cdata
        if key in self.sizes:
            return
        size = storage.nbytes()
        self.sizes[key] = (size, weakref.ref(storage, lambda _, key=key: self._end(key)))
        self.bytes += size
        self.most = max(self.most, self.bytes)

    def _end(self, key):
        size, _ = self.sizes.pop(key)
        self.bytes -= size

    def live(self):
        return self.bytes

    def restart(self):
        self.most = self.bytes

    def peak(self):
        return self.most

    def reserved(self):
        return None

    def device(self):
        return None
