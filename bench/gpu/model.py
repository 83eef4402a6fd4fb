"""The plan's model with random weights; nothing is downloaded."""
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from plan import Unsupported

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
FOUR_BIT = {"nf4": ("nf4", False), "nf4-double": ("nf4", True), "fp4": ("fp4", False)}


def attention_name(plan):
    """flash: the flash-attn package where it is installed; without it torch's sdpa, whose flash kernel keeps the same tensors."""
    wanted = plan["attention"]
    if wanted == "flash":
        return "flash_attention_2" if _has("flash_attn") and torch.cuda.is_available() else "sdpa"
    return {"flex": "flex_attention"}.get(wanted, wanted)


def build_model(plan, device):
    """The model in training mode on `device`, frozen, quantised and adapted as the plan says."""
    fields = {key: value for key, value in plan["model"].items() if key != "id"}
    model_type = fields.pop("model_type")
    config = AutoConfig.for_model(model_type, **fields)
    config.use_cache = False
    weights = DTYPES[plan["precision"]["weights"]]
    quantization = plan["quantization"]
    stored = weights if quantization == "none" else DTYPES[plan["precision"]["compute"]]
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention_name(plan), dtype=stored)
    if plan["fused_kernels"] == "liger":
        _apply_liger(model, plan)
    if quantization != "none":
        model = _quantize(model, quantization, stored, device)
        if weights == torch.float32:
            _upcast_unquantized(model)
    if plan["adapter"]:
        model = _adapt(model, plan)
    if plan["gradient_checkpointing"] == "full":
        model.gradient_checkpointing_enable({"use_reentrant": plan["checkpointing_reentrant"]})
        if plan["adapter"]:
            model.enable_input_require_grads()
    model.train()
    return model


def _has(package):
    import importlib.util

    return importlib.util.find_spec(package) is not None


def _adapt(model, plan):
    import peft

    adapter = plan["adapter"]
    if adapter["type"] not in ("lora", "dora", "ia3"):
        raise Unsupported(f"adapter.type: {adapter['type']} is not measured by this kit")
    targets = adapter["target_modules"]
    common = {"target_modules": None if targets == "default" else targets, "modules_to_save": adapter["modules_to_save"] or None}
    if adapter["type"] == "ia3":
        chosen = peft.IA3Config(task_type="CAUSAL_LM", **common)
    else:
        chosen = peft.LoraConfig(
            r=adapter["rank"], lora_alpha=adapter["rank"], lora_dropout=adapter["dropout"],
            use_dora=adapter["type"] == "dora", task_type="CAUSAL_LM", **common,
        )
    wants_float32 = adapter["dtype"] == "float32"
    model = peft.get_peft_model(model, chosen, autocast_adapter_dtype=wants_float32)
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype != DTYPES[adapter["dtype"]]:
            parameter.data = parameter.data.to(DTYPES[adapter["dtype"]])
    return model


def _quantize(model, scheme, compute, device):
    if scheme not in FOUR_BIT and scheme != "int8":
        raise Unsupported(f"quantization: {scheme} is not measured by this kit")
    if not _has("bitsandbytes") or device == "cpu":
        raise Unsupported("quantization: needs bitsandbytes and a GPU")
    import bitsandbytes as bnb

    for parameter in model.parameters():
        parameter.requires_grad = False
    head = model.get_output_embeddings()
    linears = [(name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and module is not head]
    for name, module in linears:
        bias = module.bias is not None
        if scheme == "int8":
            replacement = bnb.nn.Linear8bitLt(module.in_features, module.out_features, bias, has_fp16_weights=False)
            replacement.weight = bnb.nn.Int8Params(module.weight.data.cpu(), requires_grad=False, has_fp16_weights=False)
        else:
            kind, double = FOUR_BIT[scheme]
            replacement = bnb.nn.Linear4bit(module.in_features, module.out_features, bias, compute, double, kind)
            replacement.weight = bnb.nn.Params4bit(module.weight.data.cpu(), False, quant_type=kind, compress_statistics=double)
        if bias:
            replacement.bias = module.bias
        parent = model.get_submodule(name.rpartition(".")[0])
        setattr(parent, name.rpartition(".")[2], replacement.to(device))
    return model


def _upcast_unquantized(model):
    """What peft.prepare_model_for_kbit_training does to parameters that stay unquantised."""
    for parameter in model.parameters():
        if parameter.dtype in (torch.float16, torch.bfloat16) and parameter.__class__.__name__ != "Params4bit":
            parameter.data = parameter.data.to(torch.float32)


def _apply_liger(model, plan):
    if not _has("liger_kernel"):
        raise Unsupported("fused_kernels: liger-kernel is not installed")
    from liger_kernel.transformers import _apply_liger_kernel_to_instance

    fused = plan["loss"] == "fused_linear"
    _apply_liger_kernel_to_instance(model=model, fused_linear_cross_entropy=fused, cross_entropy=False)
