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
from tiny_configs import GROUPED, LATENT, MOE
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


# names of expert layers, which PEFT converts on transformers 5
DEEPSEEK = dict(MOE, **LATENT, n_routed_experts=4, n_shared_experts=1, first_k_dense_replace=2, n_group=2, topk_group=1)
CONVERTED = [
    {"regex": ".*layers[.]0[.]mlp[.](gate|up|down)_proj"}, {"regex": ".*self_attn[.](q_a|o)_proj"}, {"regex": ".*layers[.]0[.]self_attn[.]o_proj"}, ["gate_proj", "up_proj", "down_proj"], ["o_proj", "gate"],
    ["q_a_proj", "down_proj"], ["shared_experts.gate_proj", "shared_experts.up_proj", "shared_experts.down_proj"], ["self_attn.o_proj", "up_proj", "gate_proj"],
]


def trained(config, model_type="llama", fields=GROUPED):
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **fields))
    return sum(p.numel() for p in get_peft_model(model, config).parameters() if p.requires_grad)


def main():
    rows = []
    for kind, rank, config in ON_MATRICES:
        config.target_modules = set(TARGETS)
        rows.append({"type": kind, "rank": rank, "targets": TARGETS, "trainable": trained(config)})
    rows += [{"type": kind, "rank": 8, "targets": [], "trainable": trained(config)} for kind, config in BESIDE]
    converted = []
    for targets in CONVERTED:
        names = targets["regex"] if isinstance(targets, dict) else targets
        converted.append({"targets": targets, "trainable": trained(LoraConfig(r=4, target_modules=names), "deepseek_v3", DEEPSEEK)})
    head = {"recordedWith": f"peft {peft.__version__}", "config": {"model_type": "llama", **GROUPED}, "expertsConfig": {"model_type": "deepseek_v3", **DEEPSEEK}}
    lines = lambda values: "[\n" + ",\n".join(map(json.dumps, values)) + "\n]"
    print(json.dumps(head)[:-1] + f', "rows": {lines(rows)}, "converted": {lines(converted)}}}')


main()
