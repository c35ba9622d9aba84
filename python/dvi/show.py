"""The viewer inside a notebook."""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time

_servers: dict = {}  # run directory -> (process, address)


def show(run, width="100%", height=720, program=None):
    """Starts `dvi serve` for the run directory (once) and returns an IFrame of the viewer; outside of a notebook, where
    there is no IPython, its address. The server ends with this process.

    program   the dvi program; by default the one that the environment variable DVI names, or found on the PATH
    """
    run = os.path.abspath(os.fspath(run))
    if not os.path.exists(os.path.join(run, "run.json")):
        raise FileNotFoundError(
            f"{run} holds no run.json: give a run directory, after its first epoch was recorded"
        )
    process, address = _servers.get(run, (None, None))
    if process is None or process.poll() is not None:
        program = program or os.environ.get("DVI") or shutil.which("dvi")
        if program is None:
            raise FileNotFoundError(
                "the program dvi is not on the PATH: build it, and put its folder on the PATH, name it in the "
                "environment variable DVI, or pass program="
            )
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                [program, "serve", run, "--port", str(port), "--frames"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            address = f"http://127.0.0.1:{port}/"
            _wait_for(process, port, said)
        _servers[run] = process, address
        atexit.register(process.terminate)
    try:
        from IPython.display import IFrame
    except ImportError:
        return address
    return IFrame(address, width=width, height=height)


def _wait_for(process, port, said):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said.seek(0)
            raise RuntimeError(f"dvi serve ended with status {process.returncode}: {said.read().strip()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    process.terminate()
    raise RuntimeError("dvi serve did not answer within 30 seconds")
