"""Questions to a running `dvi serve` (docs/reference/http-api.md)."""

import json
import urllib.error
import urllib.request


class Server:
    """`address` as the server prints it, with its token where it wants one."""

    def __init__(self, address):
        base, _, query = address.partition("?")
        self._base = base.rstrip("/")
        self._token = query.partition("token=")[2].partition("&")[0]

    def open(self, path, body=None, method=None, timeout=None):
        """The open answer; raises ValueError with the server's sentence where it refuses."""
        request = urllib.request.Request(self._base + path, method=method)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None or method is not None:
            request.add_header("Content-Type", "application/json")
        if body is not None:
            request.data = json.dumps(body).encode()
        try:
            return urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as e:
            with e:
                raise Refused(json.load(e)["error"], e.code) from None

    def ask(self, path, body=None, method=None):
        """The JSON of the answer; POSTs where there is a body."""
        with self.open(path, body, method) as answer:
            return json.load(answer)

    def text(self, path):
        with self.open(path) as answer:
            return answer.read().decode()


class Refused(ValueError):
    """The server's sentence, with the answer's status."""

    def __init__(self, sentence, status):
        super().__init__(sentence)
        self.status = status
