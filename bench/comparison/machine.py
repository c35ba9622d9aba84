"""What results must say of the machine they were taken on."""
import datetime
import os
import pathlib
import platform
import re
import subprocess

NOTABLE = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8")


def describe():
    text = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    field = lambda name: (re.search(rf"^{name}\s*:\s*(.*)$", text, re.M) or ["", platform.processor()])[1]
    flags = set(field("flags").split())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "date": datetime.date.today().isoformat(),
        "processor": field("model name"),
        "cores": len(os.sched_getaffinity(0)),
        "instructions": [f for f in NOTABLE if f in flags],
        "absent_instructions": [f for f in NOTABLE if f not in flags],
        "memory_gib": round(int(memory[1]) / 2**20),
        "system": debian(),
        "python": platform.python_version(),
    }


def debian():
    release = pathlib.Path("/etc/os-release")
    named = re.search(r'PRETTY_NAME="(.*)"', release.read_text()) if release.exists() else None
    return named[1] if named else platform.platform()


def load():
    """Programs that wanted a processor, mean over the last minute; ours included."""
    return round(os.getloadavg()[0], 1)


def revision(folder):
    git = lambda *arguments: subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True
    ).stdout.strip()
    return git("rev-parse", "--short", "HEAD") or "unknown"
