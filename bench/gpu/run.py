"""Measures plan rows one process each: python run.py --plans grid.jsonl --out rows.jsonl [--budget 600] [--row-limit 120] [--device cpu].

Resumable: ids that stand in the output are not run again. Ends when the rows or the time budget do.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--plans", type=pathlib.Path, required=True)
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    arguments.add_argument("--budget", type=float, default=3600, help="seconds for all rows")
    arguments.add_argument("--row-limit", type=float, default=180, help="seconds for one row")
    arguments.add_argument("--device", choices=["cuda", "cpu"])
    options = arguments.parse_args()
    done = {json.loads(line)["id"] for line in _lines(options.out)}
    started = time.monotonic()
    for line in _lines(options.plans):
        row = json.loads(line)
        if row["id"] in done:
            continue
        left = options.budget - (time.monotonic() - started)
        if left <= 0:
            print("time budget spent; run again to go on", file=sys.stderr)
            return
        result = measure(line, row["id"], min(options.row_limit, left), options.device)
        if "skipped" in result and left < options.row_limit and time.monotonic() - started >= options.budget:
            print("time budget spent; run again to go on", file=sys.stderr)
            return
        with options.out.open("a") as out:
            out.write(json.dumps(result) + "\n")
        print(summary(result), file=sys.stderr)


def measure(line, name, limit, device):
    command = [sys.executable, str(HERE / "measure.py"), *(["--device", device] if device else [])]
    try:
        ran = subprocess.run(command, input=line, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"id": name, "skipped": f"longer than {limit:.0f} s"}
    if ran.returncode != 0:
        return {"id": name, "skipped": "error: " + (ran.stderr.strip().splitlines() or ["no message"])[-1]}
    return json.loads(ran.stdout.strip().splitlines()[-1])


def summary(result):
    if "skipped" in result:
        return f"{result['id']}: {result['skipped']}"
    measured = result["measured"]
    if measured["fits"] is False:
        return f"{result['id']}: out of memory"
    step = f", {measured['step_seconds']:.3f} s a step" if "step_seconds" in measured else ""
    return f"{result['id']}: {measured['gib']:.3f} GiB allocated{step}"


def _lines(path):
    return [line for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


if __name__ == "__main__":
    main()
