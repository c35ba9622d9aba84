"""dvi.show through proxies, and selections shared with the page: against the program itself where it is built."""

import http.server
import json
import os
import socketserver
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from unittest import mock

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import dvi  # noqa: E402
from dvi_program import DVI as PROGRAM  # noqa: E402


class Proxy(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Like jupyter-server-proxy: /user/ann/proxy/PORT/REST is REST of that port, under the proxy's own name."""

    daemon_threads = True

    class RequestHandlerClass(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            port, _, rest = self.path[len("/user/ann/proxy/") :].partition("/")
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            headers["Host"] = "hub.example"
            request = urllib.request.Request(f"http://127.0.0.1:{port}/{rest}", headers=headers)
            try:
                answer = _open(request)
            except urllib.error.HTTPError as e:
                answer = e
            body = answer.read()
            self.send_response(answer.status if hasattr(answer, "status") else answer.code)
            for name in ("Location", "Set-Cookie", "Content-Type"):
                if answer.headers.get(name):
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def _open(request):
    return urllib.request.build_opener(_NoRedirect).open(request, timeout=20)


class ShowTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dvi show ü ")
        self.addCleanup(folder.cleanup)
        self.run_folder = os.path.join(folder.name, "run")
        rng = np.random.default_rng(0)
        recorder = dvi.Recorder(self.run_folder, classes=["a", "b"])
        recorder.add_group("train", labels=[0, 1] * 20)
        recorder.epoch(
            1,
            features=rng.normal(size=(40, 4)),
            head_weight=rng.normal(size=(2, 4)),
            head_bias=np.zeros(2),
        )
        recorder.close()
        self.addCleanup(self.end_server)

    def end_server(self):
        process, _ = sys.modules["dvi.show"]._servers.pop(self.run_folder, (None, None))
        if process is not None:
            process.terminate()
            process.wait()
            process.stdout.close()

    def address(self, **places):
        for name in ("DVI_PROXY", "VSCODE_PROXY_URI", "JUPYTERHUB_SERVICE_PREFIX"):
            places.setdefault(name, "")
        with mock.patch.dict(os.environ, places), mock.patch.dict(
            sys.modules, {"IPython": None, "IPython.display": None}
        ):
            return dvi.show(self.run_folder, program=PROGRAM)

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_without_a_proxy_the_address_is_the_port_itself(self):
        address = self.address()
        self.assertRegex(address, r"^http://127\.0\.0\.1:\d+/$")
        self.assertEqual(json.load(urllib.request.urlopen(address + "api/runs"))["runs"][0]["name"], "run")

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_under_jupyterhub_page_and_api_come_through_its_proxy(self):
        proxy = Proxy()
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        path = self.address(JUPYTERHUB_SERVICE_PREFIX="/user/ann/")
        self.assertRegex(path, r"^/user/ann/proxy/\d+/\?token=\w{32}$")
        hub = f"http://127.0.0.1:{proxy.server_address[1]}"
        with self.assertRaises(urllib.error.HTTPError) as entry:
            _open(urllib.request.Request(hub + path))
        self.assertEqual(entry.exception.code, 303)
        self.assertEqual(entry.exception.headers["Location"], path.partition("?")[0])
        cookie = entry.exception.headers["Set-Cookie"].partition(";")[0]
        entry.exception.close()
        base = hub + path.partition("?")[0]
        page = _open(urllib.request.Request(base, headers={"Cookie": cookie})).read()
        self.assertIn(b"<html", page)
        self.assertNotIn(b'src="/', page)  # every address is relative
        runs = json.load(_open(urllib.request.Request(base + "api/runs", headers={"Cookie": cookie})))
        self.assertEqual(runs["runs"][0]["name"], "run")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            _open(urllib.request.Request(base + "api/runs"))
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_under_code_server_the_whole_address_is_its(self):
        address = self.address(VSCODE_PROXY_URI="https://code.example/proxy/{{port}}/")
        self.assertRegex(address, r"^https://code\.example/proxy/\d+/\?token=\w{32}$")

    def test_a_proxy_without_a_port_is_refused(self):
        with self.assertRaisesRegex(ValueError, "{port}"):
            dvi.show(self.run_folder, program="/bin/true", proxy="/proxy/8000/")

    def test_selections_go_to_the_page_and_come_from_it(self):
        self.assertEqual(dvi.selections(self.run_folder), {})
        dvi.select(self.run_folder, "odd ones", [3, 1, 3])
        self.assertEqual(dvi.selections(self.run_folder), {"odd ones": [1, 3]})
        for name, ids in (("x/y", [1]), (".x", [1]), ("x", [40]), ("x", [-1])):
            with self.assertRaises(ValueError):
                dvi.select(self.run_folder, name, ids)
        if PROGRAM is not None:
            runs = self.address() + "api/runs"
            run = json.load(urllib.request.urlopen(runs))["runs"][0]["id"]
            shown = json.load(urllib.request.urlopen(f"{runs}/{run}/selections"))["selections"]
            self.assertEqual([(s["name"], s["ids"]) for s in shown], [("odd ones", [1, 3])])


if __name__ == "__main__":
    unittest.main()
