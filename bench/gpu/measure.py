"""Measures one plan in this process: `python measure.py < plan-row.json`; prints the finished row.

A plan row is {"id", "plan"}. Out of memory is a result (`fits: false`), an unsupported plan says which key, any other problem is an error row.
"""
import argparse
import contextlib
import copy
import datetime
import json
import statistics
import sys
import time

import torch

from environment import environment
from meter import CudaMeter, TrackedMeter
from model import attention_name, build_model
from objective import TRAINERS, autocast, objective, random_batch
from optimizer import build_optimizer
from plan import Unsupported, check, complete

GIB = 2**30
WARM_UP = 3
TIMED = 7


def measure(row, device):
    plan = complete(row["plan"])
    check(plan)
    if plan["compile"] and device == "cpu":
        raise Unsupported("compile: an operator's results are not seen inside compiled code")
    torch.manual_seed(0)
    if device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = plan["precision"]["compute"] == "tf32"
    with CudaMeter() if device == "cuda" else TrackedMeter() as meter:
        return finished(row, plan, run(plan, device, meter), meter, device)


def run(plan, device, meter):
    """Steady-state peaks by phase in bytes, and seconds per step."""
    model = build_model(plan, device)
    reference = build_reference(plan, model)
    optimizer = build_optimizer(plan, model)
    step = torch.compile(model) if plan["compile"] else model
    peaks = {"after_load": meter.live()}
    seconds = []
    for number in range(WARM_UP + TIMED if device == "cuda" else 2):
        started = clock(device)
        phases = train_step(plan, step, reference, optimizer, device, meter)
        seconds.append(elapsed(started, device))
        if number >= 1:
            for phase, size in phases.items():
                peaks[phase] = max(peaks.get(phase, 0), size)
    timed = seconds[WARM_UP:] if device == "cuda" else []
    return peaks, timed


def build_reference(plan, model):
    """A frozen second copy for preference stages without an adapter; with one the base without adapters serves."""
    if plan["stage"] != "dpo" or plan["adapter"]:
        return None
    reference = copy.deepcopy(model).eval()
    for parameter in reference.parameters():
        parameter.requires_grad = False
    return reference


def train_step(plan, model, reference, optimizer, device, meter):
    """One optimizer step with its micro-steps: the peak of each phase over them."""
    phases = {}

    def note(phase, size):
        phases[phase] = max(phases.get(phase, 0), size)

    plain = plan["framework"] not in TRAINERS
    for _ in range(plan["gradient_accumulation_steps"]):
        batch = random_batch(plan, device)
        meter.restart()
        with autocast(plan, device) if plain else contextlib.nullcontext():
            loss, outputs = objective(plan, model, reference, batch)
            note("end_of_forward", meter.live())
        note("forward_peak", meter.peak())
        meter.restart()
        (loss / plan["gradient_accumulation_steps"]).backward()
        note("backward_peak", meter.peak())
        note("gradients_complete", meter.live())
        del loss, outputs
    if plan["optimizer_implementation"] != "in_backward":
        meter.restart()
        torch.nn.utils.clip_grad_norm_([parameter for parameter in model.parameters() if parameter.grad is not None], 1.0)
        optimizer.step()
        note("optimizer_peak", meter.peak())
        optimizer.clear()
    note("between_steps", meter.live())
    return phases


def clock(device):
    if device != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def elapsed(started, device):
    if device != "cuda":
        return time.perf_counter() - started
    ended = torch.cuda.Event(enable_timing=True)
    ended.record()
    torch.cuda.synchronize()
    return started.elapsed_time(ended) / 1000


def finished(row, plan, result, meter, device):
    peaks, seconds = result
    most = max(peaks.values())
    measured = {
        "metric": "allocated",
        "gib": most / GIB,
        "fits": True if device == "cuda" else None,
        "ranks": None,
        "phases_bytes": peaks,
    }
    if device == "cuda":
        measured["reserved_gib"] = meter.reserved() / GIB
        measured["device_gib"] = meter.device() / GIB
    if seconds:
        tokens = plan["micro_batch_size"] * plan["gradient_accumulation_steps"] * plan["sequence_length"]
        tokens *= 2 if plan["stage"] == "dpo" else 1
        step = statistics.median(seconds)
        measured |= {"step_seconds": step, "step_seconds_range": [min(seconds), max(seconds)], "tokens_per_second_per_gpu": tokens / step}
    return described(row, measured, device, f"attention {attention_name(plan)}, meter {meter.kind}")


def described(row, measured, device, notes):
    facts = environment(device)
    return {
        "id": row["id"],
        "group": row.get("group", "kit-" + facts["gpu_slug"]),
        "source": {"where": "bench/gpu", "locator": "measure.py", "date": datetime.date.today().isoformat()},
        "confidence": "high",
        "plan": placed(row["plan"], facts),
        "measured": measured,
        "environment": facts,
        "notes": notes,
    }


def placed(plan, facts):
    """The plan with the versions it ran on and, where it named none, the device it ran on."""
    libraries = {**plan.get("libraries", {}), **facts["libraries"]}
    hardware = plan.get("hardware") or ({"gpu": facts["gpu"]} if facts["gpu"] else {})
    return {**plan, "libraries": libraries, **({"hardware": hardware} if hardware else {})}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    device = arguments.parse_args().device
    row = json.load(sys.stdin)
    try:
        print(json.dumps(measure(row, device)))
    except torch.cuda.OutOfMemoryError as problem:
        outcome = {"metric": "allocated", "gib": None, "fits": False, "ranks": None}
        print(json.dumps(described(row, outcome, device, str(problem).splitlines()[0])))
    except Unsupported as problem:
        print(json.dumps({"id": row["id"], "skipped": str(problem)}))


if __name__ == "__main__":
    main()
