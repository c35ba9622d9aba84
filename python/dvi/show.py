"""Starts the viewer for a notebook."""

import atexit
import os
import socket
import subprocess
import tempfile
import time
from urllib.parse import urlsplit

from .program import find_program
from .view import View

_servers: dict = {}  # run directory -> (process, address for the browser, address for this process)


def show(run, width="100%", height=720, program=None, proxy=None):
    """Starts `dvi serve` for the run directory (once) and returns a View: a notebook shows it as the page in a frame,
    and its selection can be read and set. The server ends with this process. The page shows new epochs of a training
    that still runs as `dvi fit --follow` finishes them.

    program   the dvi program; by default the one that the environment variable DVI names, the one that came with this
              package, or one on the PATH
    proxy     where the notebook's server shows a port of its machine, with {port} in it: "/user/ann/proxy/{port}/".
              By default the environment variable DVI_PROXY, else what JupyterHub (with jupyter-server-proxy) and
              code-server say of themselves, else nothing: the browser then has to reach this machine's own port
    """
    run = os.path.abspath(os.fspath(run))
    if not os.path.exists(os.path.join(run, "run.json")):
        raise FileNotFoundError(
            f"{run} holds no run.json: give a run directory, after its first epoch was recorded"
        )
    process, shown, own = _servers.get(run, (None, "", ""))
    if process is None or process.poll() is not None:
        process, shown, own = _servers[run] = _start(run, program, proxy or _proxy_of_this_place())
        atexit.register(process.terminate)
    return View(run, shown, own, width, height)


def _proxy_of_this_place():
    """The address of a port as the browser sees it, with {port}; None where it is the port itself."""
    given = os.environ.get("DVI_PROXY")
    if given:
        return given
    code_server = os.environ.get("VSCODE_PROXY_URI")  # "https://host/proxy/{{port}}/"
    if code_server:
        return code_server.replace("{{port}}", "{port}")
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")  # "/user/ann/"
    return None if not prefix else prefix.rstrip("/") + "/proxy/{port}/"


def _start(run, program, proxy):
    """(process, its address for the browser, its address for this process) of a server of the run."""
    program = program or find_program()
    if program is None:
        raise FileNotFoundError(
            "the program dvi is neither in this package nor on the PATH: install the wheel of releases, name the "
            "program in the environment variable DVI, or pass program="
        )
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [program, "serve", run, "--port", str(port), "--frames"]
    if proxy is not None:
        if "{port}" not in proxy:
            raise ValueError(f'proxy must say where the port stands, "/proxy/{{port}}/", and is "{proxy}"')
        proxy = proxy.replace("{port}", str(port)).rstrip("/") + "/"
        command += ["--base-path", urlsplit(proxy).path]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True
        )
        address = _address(process, port, said)
    if proxy is None:
        return process, address, address
    token = address[address.index("?") :]
    return process, proxy + token, f"http://127.0.0.1:{port}/{token}"


def _address(process, port, said):
    """What the server says its address is, once it answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said.seek(0)
            raise RuntimeError(f"dvi serve ended with status {process.returncode}: {said.read().strip()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process.stdout.readline().rsplit(" at ", 1)[1].strip()
        except OSError:
            time.sleep(0.05)
    process.terminate()
    raise RuntimeError("dvi serve did not answer within 30 seconds")
