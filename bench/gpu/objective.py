"""Random batches and the loss of each `stage` and `loss` of a plan.

An objective returns (loss, outputs): whatever the trainer would still hold while it runs backward stays referenced by the caller.
"""
import contextlib

import torch
import torch.nn.functional as F

from model import DTYPES
from plan import Unsupported

CHUNKS = 8
"""torchtune's CEWithChunkedOutputLoss: eight chunks of the sequence."""

TRAINERS = {"trl", "axolotl", "llama-factory", "ms-swift", "alignment-handbook", "open-r1"}
"""Built on transformers.Trainer: Accelerate puts autocast around the model alone and lifts its outputs to float32; compute_loss drops them before backward."""


def random_batch(plan, device):
    """Token ids of the stated length; pairs of a preference stage make the batch twice as large."""
    rows = plan["micro_batch_size"] * (2 if plan["stage"] == "dpo" else 1)
    vocabulary = plan["model"]["vocab_size"]
    return {"input_ids": torch.randint(0, vocabulary, (rows, plan["sequence_length"]), device=device)}


def objective(plan, model, reference, batch):
    """One forward pass: (loss, what the trainer keeps)."""
    if plan["stage"] == "dpo":
        return _preference(plan, model, reference, batch), None
    loss, outputs = LOSSES[plan["loss"]](plan, model, batch)
    return loss, None if plan["framework"] in TRAINERS else outputs


def forward(plan, model, **inputs):
    """The model's outputs as the plan's trainer sees them."""
    mixed = plan["precision"]["autocast"] and plan["framework"] in TRAINERS
    with autocast(plan, inputs["input_ids"].device.type) if mixed else contextlib.nullcontext():
        outputs = model(**inputs)
    if mixed:
        outputs.logits = outputs.logits.float()
    return outputs


def autocast(plan, device):
    precision = plan["precision"]
    return torch.autocast(device, dtype=DTYPES[precision["compute"]]) if precision["autocast"] else contextlib.nullcontext()


def _full_logits(plan, model, batch):
    outputs = forward(plan, model, **batch, labels=batch["input_ids"])
    return outputs.loss, outputs


def _native_logits(plan, model, batch):
    outputs = forward(plan, model, **batch)
    logits = outputs.logits.flatten(0, 1)
    return F.cross_entropy(logits, _shifted(batch)), outputs


def _float32_logits(plan, model, batch):
    outputs = forward(plan, model, **batch)
    outputs.logits = outputs.logits.float()
    return F.cross_entropy(outputs.logits.flatten(0, 1), _shifted(batch)), outputs


def _chunked(plan, model, batch):
    outputs = forward(plan, model, **batch)
    chunks = outputs.logits.chunk(CHUNKS, dim=1)
    targets = _shifted(batch).view(batch["input_ids"].shape).chunk(CHUNKS, dim=1)
    losses = [F.cross_entropy(part.flatten(0, 1).float(), goal.flatten(), reduction="sum") for part, goal in zip(chunks, targets)]
    return torch.stack(losses).sum() / batch["input_ids"].numel(), outputs


def _fused_linear(plan, model, batch):
    if plan["fused_kernels"] != "liger":
        raise Unsupported("loss: fused_linear is measured with fused_kernels: liger")
    return _full_logits(plan, model, batch)


LOSSES = {
    "full_logits": _full_logits,
    "full_logits_native": _native_logits,
    "full_logits_float32": _float32_logits,
    "chunked": _chunked,
    "fused_linear": _fused_linear,
}


def _shifted(batch):
    labels = F.pad(batch["input_ids"], (0, 1), value=-100)[:, 1:]
    return labels.flatten()


def _preference(plan, model, reference, batch):
    """DPO on completions that are whole sequences, as trl's trainer: policy first, then the reference without gradients, all logits held until the loss is known."""
    logits = forward(plan, model, **batch).logits[:, :-1]
    labels = batch["input_ids"][:, 1:]
    chosen, rejected = _log_probabilities(logits, labels).chunk(2)
    with torch.no_grad():
        with contextlib.nullcontext() if reference else model.disable_adapter():
            reference_logits = forward(plan, reference or model, **batch).logits[:, :-1]
        reference_chosen, reference_rejected = _log_probabilities(reference_logits, labels).chunk(2)
    margin = (chosen - reference_chosen) - (rejected - reference_rejected)
    return -F.logsigmoid(0.1 * margin).mean()


def _log_probabilities(logits, labels):
    from trl.trainer.utils import selective_log_softmax

    return selective_log_softmax(logits, labels).sum(-1)
