"""What processors spent, as the kernel counts it: of a set of processes, and of the whole machine."""

import os

TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of(pids):
    """Processor seconds of these processes, their threads and children that have ended included."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue  # a process of a connection that is over
        total += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return total / TICKS


def family(pid):
    """A process and its descendants: servers that fork for each connection."""
    found = [pid]
    for member in found:
        try:
            for task in os.listdir(f"/proc/{member}/task"):
                with open(f"/proc/{member}/task/{task}/children", encoding="ascii") as file:
                    found += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return found


def machine():
    """(busy, stolen) seconds of all processors since the machine started."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq) / TICKS, steal / TICKS


def resident_kib(pids):
    """What the processes hold themselves: pages of a tmpfs image that they have mapped are there anyhow."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith(("RssAnon:", "RssFile:")))
        except OSError:
            continue
    return total
