"""dvi.show through proxies, and selections shared with the page: against the program itself where it is built."""

import http.server
import json
import os
import queue
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import types
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
        process, *_ = sys.modules["dvi.show"]._servers.pop(self.run_folder, (None,))
        if process is not None:
            process.terminate()
            process.wait()
            process.stdout.close()

    def view(self, **places):
        for name in ("DVI_PROXY", "VSCODE_PROXY_URI", "JUPYTERHUB_SERVICE_PREFIX"):
            places.setdefault(name, "")
        with mock.patch.dict(os.environ, places):
            return dvi.show(self.run_folder, program=PROGRAM)

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_without_a_proxy_the_address_is_the_port_itself(self):
        view = self.view()
        self.assertRegex(view.address, r"^http://127\.0\.0\.1:\d+/\?session=[0-9a-f]{16}#panel=none$")
        self.assertEqual(str(view), view.address)
        runs = view.address.partition("?")[0] + "api/runs"
        self.assertEqual(json.load(urllib.request.urlopen(runs))["runs"][0]["name"], "run")
        self.assertIn(f'<iframe src="{view.address}"', view._repr_html_())

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_under_jupyterhub_page_and_api_come_through_its_proxy(self):
        proxy = Proxy()
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        view = self.view(JUPYTERHUB_SERVICE_PREFIX="/user/ann/")
        path = view.address
        self.assertRegex(path, r"^/user/ann/proxy/\d+/\?token=\w{32}&session=\w{16}#panel=none$")
        hub = f"http://127.0.0.1:{proxy.server_address[1]}"
        with self.assertRaises(urllib.error.HTTPError) as entry:
            _open(urllib.request.Request(hub + path))
        self.assertEqual(entry.exception.code, 303)
        path = path.partition("#")[0]
        session = "session=" + path.partition("session=")[2]
        self.assertEqual(entry.exception.headers["Location"], path.partition("?")[0] + "?" + session)
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
        view.selection = [4]  # this process asks the server itself
        state = f"{base}api/runs/0/sessions/{session.partition('=')[2]}"
        told = json.load(_open(urllib.request.Request(state, headers={"Cookie": cookie})))
        self.assertEqual(told["selection"], [4])

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_under_code_server_the_whole_address_is_its(self):
        address = self.view(VSCODE_PROXY_URI="https://code.example/proxy/{{port}}/").address
        self.assertRegex(
            address, r"^https://code\.example/proxy/\d+/\?token=\w{32}&session=\w{16}#panel=none$"
        )

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
            runs = self.view().address.partition("?")[0] + "api/runs"
            run = json.load(urllib.request.urlopen(runs))["runs"][0]["id"]
            shown = json.load(urllib.request.urlopen(f"{runs}/{run}/selections"))["selections"]
            self.assertEqual([(s["name"], s["ids"]) for s in shown], [("odd ones", [1, 3])])

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_a_view_has_a_selection_of_its_own(self):
        view, other = self.view(), self.view()
        self.assertEqual(view.selection, [])
        view.selection = np.array([7, 3])
        self.assertEqual(view.selection, [7, 3])
        self.assertEqual(other.selection, [])
        with self.assertRaisesRegex(ValueError, "from 0 to 39"):
            view.selection = [40]
        self.assertEqual(view.selection, [7, 3])

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_changes_of_the_selection_are_told(self):
        view, told = self.view(), queue.Queue()
        end = view.on_selection(told.put)
        view.selection = [1]
        self.assertEqual(told.get(timeout=20), [1])
        view.selection = [1]
        view.selection = [2, 5]
        self.assertEqual(told.get(timeout=20), [2, 5])
        end()
        view.selection = []
        with self.assertRaises(queue.Empty):
            told.get(timeout=1)

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_samples_are_placed_and_shown(self):
        subprocess.run([PROGRAM, "-q", "fit", self.run_folder], check=True)
        features = np.load(os.path.join(self.run_folder, "epochs", "000001", "features.npy"))
        view = self.view()
        found = view.project(features[:3])
        self.assertEqual(found.places.shape, (1, 3, 2))
        self.assertEqual(found.nearest[0, :, 0].tolist(), [0, 1, 2])
        self.assertEqual([(s["count"], s["inputs"]) for s in self.shared(view)], [(3, False)])
        with self.assertWarnsRegex(UserWarning, "first 256 of these 300 samples"):
            many = view.project(np.resize(features, (300, 4)))
        self.assertEqual(many.places.shape, (1, 300, 2))
        self.assertEqual(len(self.shared(view)), 1)  # 3 and 256 are too many
        view.clear()
        self.assertEqual(self.shared(view), [])

    def shared(self, view):
        address, _, session = view.address.partition("#")[0].partition("?session=")
        with urllib.request.urlopen(f"{address}api/runs/0/sessions/{session}") as answer:
            return json.load(answer)["samples"]

    @unittest.skipIf(PROGRAM is None, "the program is not built")
    def test_the_widget_has_the_page_and_the_selection(self):
        view, widget = self.view(), None
        with mock.patch.dict(sys.modules, {"anywidget": None}):
            with self.assertRaisesRegex(ImportError, "pip install anywidget"):
                view.widget
        view.selection = [2]
        with mock.patch.dict(sys.modules, _anywidget()):
            widget = view.widget
        self.assertIs(view.widget, widget)
        self.assertIn("export", widget._esm)
        self.assertEqual((widget.address, widget.height, widget.selection), (view.address, "720px", [2]))
        widget.selection = [3]
        self.assertEqual(view.selection, [3])
        view.selection = [4]
        for _ in range(200):
            if widget.selection == [4]:
                break
            time.sleep(0.1)
        self.assertEqual(widget.selection, [4])


def _anywidget():
    """Stand-ins for anywidget and, where they are not installed, traitlets: as much as a widget without a notebook
    needs. The packages themselves: docs/how-to/notebooks.md."""

    class Trait:
        def __init__(self, *default):
            self.default = default[-1] if default else None

        def tag(self, **_):
            return self

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, widget, owner=None):
            return self if widget is None else widget.__dict__.get(self.name, self.default)

        def __set__(self, widget, value):
            old, widget.__dict__[self.name] = self.__get__(widget), value
            for observer in widget.observers.get(self.name, []) if value != old else []:
                observer({"old": old, "new": value})

    class AnyWidget:
        def __init__(self):
            self.observers = {}

        def observe(self, observer, name):
            self.observers.setdefault(name, []).append(observer)

    def module(name, **members):
        made = types.ModuleType(name)
        made.__dict__.update(members)
        return made

    return {
        "anywidget": module("anywidget", AnyWidget=AnyWidget),
        "traitlets": module("traitlets", Unicode=Trait, List=Trait, Int=lambda: None),
    }


if __name__ == "__main__":
    unittest.main()
