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
import torch
import transformers
from tiny_configs import CONFIGS, GROUPED, LATENT, MOE
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

# odd places: [model type, head, LoraConfig]; a type's first config, or the first with that head; null where PEFT refuses
SEQUENCE, TOKEN, MASKED = "SequenceClassification", "TokenClassification", "MaskedLM"
ODD = [
    ["llama", TOKEN, {"target_modules": "all-linear"}], ["distilbert", SEQUENCE, {"target_modules": "all-linear"}],
    ["modernbert", SEQUENCE, {"target_modules": ["classifier", "dense"]}], ["modernbert", TOKEN, {"target_modules": ["Wo", "classifier"]}],
    ["camembert", MASKED, {"target_modules": ["decoder", "intermediate.dense"], "bias": "all"}],
    ["deberta-v2", SEQUENCE, {"target_modules": ["dense", "self.key_proj"], "layers_to_transform": [2], "bias": "all"}],
    ["xlm-roberta", SEQUENCE, {"target_modules": r"roberta\.encoder\.layer\.[02]\.attention\.self\.value"}],
    ["olmo", None, {"target_modules": ["k_proj", "lm_head", "v_proj"], "modules_to_save": ["lm_head"]}],
    ["mistral", None, {"target_modules": ["down_proj", "lm_head", "self_attn.o_proj"], "layers_to_transform": [2]}],
    ["llama", None, {"target_modules": "all-linear", "layers_to_transform": [0, 1]}],
    ["llama", None, {"target_modules": ["q_proj"], "modules_to_save": ["norm"]}], ["gemma2", None, {"target_modules": r".*\.(lm_head|o_proj)", "modules_to_save": ["embed_tokens"]}],
    ["phimoe", None, {"target_modules": ["lm_head", "q_proj", "router"], "modules_to_save": ["embed_tokens"], "bias": "all"}],
    ["gpt_oss", None, {"target_modules": r"model\.layers\.[02]\.self_attn\.q_proj", "bias": "all"}],
    ["gpt_oss", None, {"target_modules": ["q_proj"], "target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]}],
    ["gpt_oss", None, {"target_modules": r".*\.self_attn\.(q|o)_proj", "target_parameters": ["mlp.experts.down_proj"]}],
    ["gpt_oss", None, {"target_modules": ["q_proj"], "target_parameters": ["mlp.experts.down_proj"], "use_dora": True}],
    ["mixtral", None, {}], ["llama4_text", None, {"target_modules": ["feed_forward.down_proj", "router"]}],
    ["granitemoehybrid", None, {"target_modules": r".*\.(lm_head|o_proj)"}], ["bamba", None, {"target_modules": ["feed_forward.down_proj", "gate_proj"], "use_dora": True}],
    ["falcon_h1", None, {"target_modules": ["q_proj", "out_proj"]}], ["nemotron_h", None, {"target_modules": ["q_proj", "in_proj", "up_proj"]}], ["nemotron_h", None, {"target_modules": "all-linear"}],
    ["kimi_linear", None, {"target_modules": ["forget_gate.f_a_proj"], "rank_pattern": {"f_a_proj": 2}}],
    ["gemma3n_text", None, {"target_modules": ["o_proj", "per_layer_model_projection"], "layers_to_transform": [0, 1]}],
    ["whisper", None, {"target_modules": r".*decoder.*(self_attn|encoder_attn).*(q_proj|v_proj)$"}], ["whisper", None, {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [1, 2]}],
    ["whisper", None, {"target_modules": ["conv1", "fc1"], "bias": "all"}], ["t5", None, {"target_modules": r"decoder\.block\.0\..*\.(q|v)", "modules_to_save": ["shared"]}],
    ["llava", None, {"target_modules": r"(?!.*(vision|visual|tower)).*v_proj", "modules_to_save": ["embed_tokens", "lm_head"], "bias": "all"}],
    ["mistral3", None, {"target_modules": r"model\.vision_tower\.transformer\.layers\.0\..*(k_proj|up_proj)"}], ["idefics3", None, {"target_modules": r"model\.vision_model\.encoder\.layers\.[02]\.self_attn\.q_proj"}],
    ["gemma3", None, {"target_modules": r".*\.(0|2)\..*fc1"}], ["qwen2_5_vl", None, {"target_modules": r".*\.(0|3)\..*gate_proj"}],
    ["qwen3_vl_moe", None, {"target_modules": ["k_proj", "proj", "q_proj"], "modules_to_save": ["embed_tokens"]}], ["qwen3_vl", None, {"target_modules": ["linear_fc2", "proj"], "layers_to_transform": [0, 2]}],
    ["internvl", None, {"target_modules": ["fc2", "linear_1"], "layers_to_transform": [0, 1]}], ["llama4", None, {"target_modules": r"vision_model\..*\.q_proj|language_model\.lm_head"}],
    ["voxtral", None, {"target_modules": ["o_proj", "out_proj"], "bias": "all"}],
]


def odd(model_type, head, given):
    fields = next(own for name, own in CONFIGS if name == model_type and own.get("head") == head)
    config = AutoConfig.for_model(model_type, **{key: value for key, value in fields.items() if key != "head"})
    heads = [f"AutoModelFor{head}"] if head else ["AutoModelForSpeechSeq2Seq", "AutoModelForSeq2SeqLM", "AutoModelForImageTextToText", "AutoModelForCausalLM"]
    auto = next(getattr(transformers, name) for name in heads if type(config) in getattr(transformers, name)._model_mapping.keys())
    with torch.device("meta"):
        model = auto.from_config(config)
    written = {"model_type": model_type, **{key: value for key, value in fields.items() if key != "head"}, **({"architectures": [type(model).__name__]} if head else {})}
    try:
        adapted = get_peft_model(model, LoraConfig(r=4, task_type={SEQUENCE: "SEQ_CLS", TOKEN: "TOKEN_CLS"}.get(head), **{key: list(value) if isinstance(value, list) else value for key, value in given.items()}))
        count = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    except (ValueError, TypeError):
        count = None
    return {"config": written, "adapter": given, "trainable": count}


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
    print(json.dumps(head)[:-1] + f', "rows": {lines(rows)}, "converted": {lines(converted)}, "odd": {lines([odd(*row) for row in ODD])}}}')


main()
