"""page_records.py RUN.json COMPARE.json HUNG.json: from the record of a real run makes a comparison in
which things went wrong, and the record of a run that ended in a hang. Every name in them is hostile."""

import copy
import json
import sys

HOSTILE = "</script><script>window.hostile = 1</script><img src=x onerror=window.hostile=1><!--\u202e\"'&"


def event(kind, at, lasted, **more):
    return {"kind": kind, "at_s": at, "lasted_s": lasted, "open": False, "loop_late_s": 0, "blame": HOSTILE,
            "evidence": HOSTILE, "op": "write", "lba": 8192, "bytes": 262144, "age_s": lasted, "file": HOSTILE, **more}


def pause(run, at, lasted):
    """Puts a stretch without any answer into the timeline."""
    rows = run["timeline"]
    length = rows[0]["row_s"]
    place = min(len(rows), int(at / length))
    quiet = [{"row_s": length, "in_flight": 8, "gap_max_us": (i + 1) * length * 1e6} for i in range(int(lasted / length))]
    rows[place:place] = quiet
    for i, row in enumerate(rows):
        row["at_s"] = round(i * length, 6)


def stalled(run):
    run = copy.deepcopy(run)
    run["verdict"] = "stalled"
    pause(run, 0.1, 1.5)
    run["events"] += [event("stall", 0.1, 1.5), event("hiccup", 0.05, 0.15), event("local_pause", 1.7, 0.2)]
    for kind in ("stall", "hiccup", "local_pause"):
        run["totals"]["events"][kind] = 1
    for row in run["timeline"]:
        if row.get("operations"):
            row["readers"] = {"operations": 3, "p50_us": 300, "p99_us": 900, "max_us": 1500}
            row["locks"] = {"operations": 2, "p50_us": 100, "p99_us": 200, "max_us": 2500}
    run["left_out"] = [{"what": HOSTILE, "why": HOSTILE, "nodes": 7}]
    return run


def hung(run):
    run = copy.deepcopy(run)
    run["verdict"] = "hung"
    run["workload"].update(outcome="hung", reason=HOSTILE, source=HOSTILE)
    pause(run, 0.2, 10)
    flight = [{"op": "write", "lba": 8 * i, "bytes": 4096, "age_s": 10, "file": HOSTILE} for i in range(40)]
    run["events"].append(event("hang", 0.2, 10, in_flight=flight, open=True))
    run["totals"]["events"]["hang"] = 1
    run["destination"]["negotiated"] = {HOSTILE: HOSTILE}
    return run


def main():
    source, comparison, hang = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        run = json.load(file)
    destinations, runs = [], []
    for label, make in (("steady" + HOSTILE, copy.deepcopy), ("__proto__", stalled), ("hung", hung)):
        destinations.append({"label": label, "url": HOSTILE, "transport": "iscsi", "status": "ran", "origin": "named",
                             "role": "contender", "server": {"name": HOSTILE, "version": "1", "package": ""}})
        for number in (1, 2):
            one = make(run) if number == 2 else copy.deepcopy(run)
            one["in_comparison"] = {"label": label, "round": number, "cache": "warm"}
            runs.append(one)
    destinations.append({"label": "absent", "url": "", "transport": "nfs", "status": "not_installed", "origin": "offered",
                         "role": "contender", "reason": HOSTILE, "code": 3})
    with open(comparison, "w", encoding="utf-8") as file:
        json.dump({"schema": "holdfast.compare/1", "source": HOSTILE, "rounds": 2, "command_line": ["holdfast", HOSTILE],
                   "machine": {"kernel": HOSTILE, "cores": 2}, "destinations": destinations, "runs": runs}, file)
    with open(hang, "w", encoding="utf-8") as file:
        json.dump(hung(run), file)


main()
