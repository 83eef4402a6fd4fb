"""What PEFT's adapters of one linear layer keep from forward to backward: per token, and per element of the weight.

    python bench/memory-lab/adapter_kinds.py

Two token counts on the CPU part the tokens' share from that of the weights: dense updates the adapter makes itself.
"""

import warnings

import peft
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

WIDTH, FEW, MANY = 512, 64, 576
TARGET = dict(target_modules=["q"])
CONFIGS = {
    "lora": lambda: peft.LoraConfig(r=32, **TARGET),
    "dora": lambda: peft.LoraConfig(r=32, use_dora=True, **TARGET),
    "adalora": lambda: peft.AdaLoraConfig(init_r=32, target_r=16, total_step=10, **TARGET),
    "loha": lambda: peft.LoHaConfig(r=32, **TARGET),
    "lokr": lambda: peft.LoKrConfig(r=32, **TARGET),
    "oft": lambda: peft.OFTConfig(r=0, oft_block_size=32, **TARGET),
    "boft": lambda: peft.BOFTConfig(boft_block_size=4, **TARGET),
    "ia3": lambda: peft.IA3Config(feedforward_modules=[], **TARGET),
    "ia3 feed-forward": lambda: peft.IA3Config(feedforward_modules=["q"], **TARGET),
    "vera": lambda: peft.VeraConfig(r=64, **TARGET),
    "fourierft": lambda: peft.FourierFTConfig(n_frequency=100, **TARGET),
    "randlora": lambda: peft.RandLoraConfig(r=32, **TARGET),
    "hra rank 2": lambda: peft.HRAConfig(r=2, **TARGET),
    "hra rank 8": lambda: peft.HRAConfig(r=8, **TARGET),
    "miss": lambda: peft.MissConfig(r=32, **TARGET),
    "road": lambda: peft.RoadConfig(**TARGET),
    "c3a": lambda: peft.C3AConfig(block_size=64, **TARGET),
    "shira": lambda: peft.ShiraConfig(r=32, **TARGET),
    "waveft": lambda: peft.WaveFTConfig(n_frequency=100, **TARGET),
    "delora": lambda: peft.DeloraConfig(r=32, **TARGET),
    "gralora": lambda: peft.GraloraConfig(r=32, **TARGET),
    "psoft": lambda: peft.PsoftConfig(r=32, **TARGET),
}


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x):
        return self.q(x)


def kept(model, tokens):
    """Bytes of the tensors autograd keeps, beside parameters and buffers."""
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    sizes = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(torch.randn(1, tokens, WIDTH, dtype=torch.bfloat16, requires_grad=True))
    total = sum(sizes.values())
    del output
    return total


def main():
    warnings.filterwarnings("ignore")
    print(f"peft {peft.__version__}, PyTorch {torch.__version__}")
    for name, config in CONFIGS.items():
        try:
            torch.manual_seed(0)
            model = peft.get_peft_model(Linear().bfloat16(), config())
            few, many = kept(model, FEW), kept(model, MANY)
        except Exception as problem:
            print(f"{name:16s} {str(problem)[:100]}")
            continue
        per_token = (many - few) / (MANY - FEW)
        fixed = few - FEW * per_token
        dtype = next(p.dtype for p in model.parameters() if p.requires_grad)
        print(
            f"{name:16s} per token and input element {per_token / WIDTH:5.2f} B,"
            f" per weight element {fixed / WIDTH**2:5.2f} B, trained in {dtype}"
        )


if __name__ == "__main__":
    main()
