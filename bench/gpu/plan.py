"""A native Preflop plan as the kit reads it.

`complete(plan)` fills absent keys with the native format's own defaults (defaults.json, which a test of the project holds
against the resolver), so that a short plan means the same here and in the estimator.
"""
import copy
import json
import pathlib

HERE = pathlib.Path(__file__).parent
DEFAULTS = json.loads((HERE / "defaults.json").read_text())


class Unsupported(Exception):
    """The plan asks for something that this kit, or what is installed here, cannot run."""


def complete(plan):
    """The plan with every key that the kit reads. Mappings are filled key by key; an absent adapter stays absent."""
    whole = copy.deepcopy(DEFAULTS["plan"])
    for key, value in plan.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            whole[key].update(value)
        else:
            whole[key] = value
    if plan.get("adapter"):
        whole["adapter"] = {**DEFAULTS["adapter"], **plan["adapter"]}
    precision = whole["precision"]
    trained = whole["adapter"]["dtype"] if whole["adapter"] else precision["weights"]
    for key in ("gradients", "optimizer_states"):
        if precision[key] == "auto":
            precision[key] = trained
    return whole


def check(plan):
    """Raises Unsupported, naming the key, for plans that one process with one device cannot run as written."""
    parallelism = plan["parallelism"]
    if plan["gpus"] != 1 or parallelism["data"] != "none":
        raise Unsupported("gpus: this kit measures one device")
    if plan["precision"]["master_weights"]:
        raise Unsupported("precision.master_weights: needs an engine (DeepSpeed, Megatron)")
    trained = plan["adapter"]["dtype"] if plan["adapter"] else plan["precision"]["weights"]
    if plan["precision"]["gradients"] != trained:
        raise Unsupported("precision.gradients: torch gives gradients the dtype of the parameter")
    if plan["freeze"] != "none":
        raise Unsupported("freeze: not measured by this kit")
    if plan["stage"] not in ("pretrain", "sft", "dpo"):
        raise Unsupported(f"stage: {plan['stage']} is not measured by this kit")
    if plan["activation_offload"]:
        raise Unsupported("activation_offload: not measured by this kit")
    if isinstance(plan["gradient_checkpointing"], dict) or plan["gradient_checkpointing"] == "selective":
        raise Unsupported("gradient_checkpointing: only none and full")
    if plan["precision"]["compute"] not in ("float32", "tf32", "bfloat16", "float16"):
        raise Unsupported("precision.compute: 8-bit products are not measured by this kit")
