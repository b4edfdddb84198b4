"""The dashboard of a cluster is named only if it can be opened."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from edgeae.scheduling.cluster import _answers


class Scheduler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/status" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_only_a_page_that_is_there_is_a_dashboard():
    with HTTPServer(("127.0.0.1", 0), Scheduler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            assert _answers(f"{address}/status")
            assert not _answers(f"{address}/other")
        finally:
            server.shutdown()
    assert not _answers(f"{address}/status")
    assert not _answers(None) and not _answers("") and not _answers("nonsense")
