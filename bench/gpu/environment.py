"""What the figures were measured on: library and driver versions, GPU, clocks as found."""
import importlib.metadata
import platform
import subprocess

import torch

LIBRARIES = ["torch", "transformers", "peft", "trl", "accelerate", "bitsandbytes", "liger_kernel", "flash_attn", "deepspeed"]
QUERY = ["driver_version", "clocks.sm", "clocks.max.sm", "clocks.mem", "power.limit", "memory.total"]


def environment(device):
    facts = {
        "libraries": {name: version for name in LIBRARIES if (version := _version(name))},
        "python": platform.python_version(),
        "gpu": None,
        "gpu_slug": "cpu",
    }
    if device == "cuda":
        name = torch.cuda.get_device_name()
        facts |= {
            "gpu": name,
            "gpu_slug": "-".join(name.lower().split()),
            "cuda": torch.version.cuda,
            "usable_bytes": torch.cuda.mem_get_info()[1],
            "smi": _smi(),
        }
    return facts


def _version(name):
    try:
        return importlib.metadata.version(name.replace("_", "-"))
    except importlib.metadata.PackageNotFoundError:
        return None


def _smi():
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
    try:
        line = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return None
    return dict(zip(QUERY, (part.strip() for part in line.split(","))))
