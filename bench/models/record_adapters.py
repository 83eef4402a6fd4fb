"""Records what PEFT trains on a small Llama: python record_adapters.py > ../../__tests__/models/fixtures/adapter-parameters.json

Each row is one adapter of the native plan's vocabulary on q_proj, k_proj and down_proj (or beside them), with the counted parameters.
"""
import json
import warnings

import peft
from peft import (
    AdaLoraConfig, BOFTConfig, C3AConfig, DeloraConfig, FourierFTConfig, GraloraConfig, HRAConfig, IA3Config, LNTuningConfig, LoHaConfig, LoKrConfig,
    LoraConfig, MissConfig, OFTConfig, PolyConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, PsoftConfig, RandLoraConfig, ShiraConfig, VeraConfig, get_peft_model,
)
from tiny_configs import GROUPED
from transformers import AutoConfig, AutoModelForCausalLM

warnings.filterwarnings("ignore")
TARGETS = ["q_proj", "k_proj", "down_proj"]
ON_MATRICES = [
    ("lora", 8, LoraConfig(r=8)), ("dora", 8, LoraConfig(r=8, use_dora=True)), ("adalora", 8, AdaLoraConfig(init_r=8, total_step=10)),
    ("loha", 8, LoHaConfig(r=8)), ("lokr", 8, LoKrConfig(r=8)), ("lokr", 2, LoKrConfig(r=2)), ("ia3", 8, IA3Config(feedforward_modules=["down_proj"])), ("oft", 8, OFTConfig(oft_block_size=8)),
    ("boft", 4, BOFTConfig(boft_block_size=4)), ("vera", 8, VeraConfig(r=8)), ("fourierft", 8, FourierFTConfig()), ("hra", 8, HRAConfig(r=8)),
    ("miss", 8, MissConfig(r=8)), ("shira", 8, ShiraConfig(r=8)), ("randlora", 8, RandLoraConfig(r=8)), ("randlora", 5, RandLoraConfig(r=5)),
    ("delora", 8, DeloraConfig(r=8)), ("gralora", 8, GraloraConfig(r=8)), ("psoft", 8, PsoftConfig(r=8)), ("poly", 8, PolyConfig(r=8)),
]
BESIDE = [
    ("prefix", PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=20)), ("prompt", PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=20)),
    ("p_tuning", PromptEncoderConfig(task_type="CAUSAL_LM", num_virtual_tokens=20)), ("ln_tuning", LNTuningConfig()),
]


def trained(config):
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **GROUPED))
    return sum(p.numel() for p in get_peft_model(model, config).parameters() if p.requires_grad)


def main():
    rows = []
    for kind, rank, config in ON_MATRICES:
        config.target_modules = set(TARGETS)
        rows.append({"type": kind, "rank": rank, "targets": TARGETS, "trainable": trained(config)})
    rows += [{"type": kind, "rank": 8, "targets": [], "trainable": trained(config)} for kind, config in BESIDE]
    config = {"model_type": "llama", **GROUPED}
    print(json.dumps({"recordedWith": f"peft {peft.__version__}", "config": config, "rows": []})[:-2] + "\n" + ",\n".join(map(json.dumps, rows)) + "\n]}")


main()
