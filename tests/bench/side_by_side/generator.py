"""One measurement: `holdfast load` against a URL, and what it cost on both ends."""

import dataclasses
import json
import os
import subprocess
import tempfile

from . import processors


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    rw: str
    block: str
    depth: int
    sessions: int = 1


class Refused(Exception):
    """The generator did not measure: its words."""


def percentile(latency, wanted):
    """The latency in µs at a percentile, from the record's own points."""
    for at, value in latency["percentiles"]:
        if at >= wanted:
            return value
    return latency["max"]


def measure(holdfast, url, work, seconds, options=(), server=None, cpu=None):
    """The figures of one run. `server`: its process, if there is one. `cpu`: the processor that the
    generator is bound to, if any."""
    def served_seconds():
        return processors.seconds_of(processors.family(server)) if server else 0

    with tempfile.NamedTemporaryFile(suffix=".json") as record:
        command = [holdfast, "load", url, "--rw", work.rw, "--block", work.block,
                   "--depth", str(work.depth), "--sessions", str(work.sessions),
                   "--time", f"{seconds}s", "--stall", "30s", "--hang", "60s", "--quiet",
                   "--json", record.name, *options]
        bind = (lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None
        served, (busy, stolen) = served_seconds(), processors.machine()
        run = subprocess.run(command, capture_output=True, text=True, preexec_fn=bind, check=False)
        busy_after, stolen_after = processors.machine()
        served = served_seconds() - served
        if run.returncode != 0:
            words = (run.stdout + run.stderr).strip().splitlines()
            raise Refused(words[-1] if words else f"exit code {run.returncode}")
        found = json.load(open(record.name, encoding="utf-8"))
    load, latency = found["load"], found["latency_us"]
    operations = load["operations"]
    if operations == 0:
        raise Refused("no operation was answered")
    return {
        "operations": operations,
        "iops": load["iops"],
        "mb_per_s": load["bytes_per_s"] / 1e6,
        "p50_us": latency["p50"],
        "p99_us": latency["p99"],
        "p99_9_us": latency["p99_9"],
        "p99_99_us": percentile(latency, 99.99),
        "server_us_per_io": served / operations * 1e6,
        "client_us_per_io": load["generator_cpu_s"] / operations * 1e6,
        "system_us_per_io": (busy_after - busy) / operations * 1e6,
        "stolen_s": stolen_after - stolen,
        "negotiated": found["destination"]["negotiated"],
    }
