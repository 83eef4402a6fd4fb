"""The plan's optimizer over the parameters that train."""
import torch

from plan import Unsupported

IMPLEMENTATIONS = {
    "fused": {"fused": True, "foreach": False},
    "foreach": {"fused": False, "foreach": True},
    "loop": {"fused": False, "foreach": False},
    "in_backward": {"fused": True, "foreach": False},
}


class Steps:
    """Optimizers that step and clear together."""

    def __init__(self, *optimizers):
        self.optimizers = optimizers

    def step(self):
        for optimizer in self.optimizers:
            optimizer.step()

    def clear(self):
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)


def build_optimizer(plan, model):
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    way = IMPLEMENTATIONS[plan["optimizer_implementation"]]
    states = plan["precision"]["optimizer_states"]
    if states == "int8":
        return Steps(_eight_bit(plan, trained.values()))
    if states != str(next(iter(trained.values())).dtype).removeprefix("torch."):
        raise Unsupported("precision.optimizer_states: torch keeps states in the dtype of the parameter")
    make = OPTIMIZERS.get(plan["optimizer"])
    if make is None:
        raise Unsupported(f"optimizer: {plan['optimizer']} is not measured by this kit")
    if plan["optimizer_implementation"] == "in_backward":
        return _in_backward(make, trained, way)
    return Steps(*make(trained, way))


def _adamw(trained, way):
    return [torch.optim.AdamW(trained.values(), lr=1e-5, **way)]


def _sgd(momentum):
    return lambda trained, way: [torch.optim.SGD(trained.values(), lr=1e-5, momentum=momentum, **way)]


def _adafactor(trained, way):
    from transformers.optimization import Adafactor

    return [Adafactor(trained.values(), lr=1e-5, scale_parameter=False, relative_step=False)]


def _muon(trained, way):
    """Muon for hidden matrices, AdamW for embeddings, head and vectors, as torch.optim.Muon asks for."""
    outer = ("embed", "wte", "wpe", "lm_head")
    matrices = {name: p for name, p in trained.items() if p.ndim == 2 and not any(part in name for part in outer)}
    others = {name: p for name, p in trained.items() if name not in matrices}
    return [torch.optim.Muon(matrices.values(), lr=1e-5), *_adamw(others, way)]


OPTIMIZERS = {"adamw": _adamw, "sgd": _sgd(0), "sgd_momentum": _sgd(0.9), "adafactor": _adafactor, "muon": _muon}


def _eight_bit(plan, trained):
    try:
        import bitsandbytes as bnb
    except ImportError as problem:
        raise Unsupported("precision.optimizer_states: int8 needs bitsandbytes") from problem
    kinds = {
        ("adamw", False): bnb.optim.AdamW8bit, ("adamw", True): bnb.optim.PagedAdamW8bit,
        ("lion", False): bnb.optim.Lion8bit, ("lion", True): bnb.optim.PagedLion8bit,
    }
    kind = kinds.get((plan["optimizer"], plan["optimizer_paged"]))
    if kind is None:
        raise Unsupported(f"optimizer: no 8-bit {plan['optimizer']}")
    return kind(trained, lr=1e-5)


def _in_backward(make, trained, way):
    own = {parameter: make({name: parameter}, way)[0] for name, parameter in trained.items()}

    def step(parameter):
        own[parameter].step()
        own[parameter].zero_grad(set_to_none=True)

    for parameter in trained.values():
        parameter.register_post_accumulate_grad_hook(step)
    return Steps()
