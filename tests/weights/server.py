"""A small web server of one folder: ranges, and a line that can break."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def served(folder):
    """Yields the address and ``log``: asked paths and ranges; its ``break`` cuts answers short."""
    log = {"asked": [], "break": None}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = folder / self.path.split("/resolve/main/")[-1].lstrip("/")
            wanted = self.headers.get("Range")
            log["asked"].append((path.name, wanted))
            if not path.is_file():
                self.send_error(404, "Not Found")
                return
            data = path.read_bytes()
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if start >= len(data) and wanted:
                self.send_error(416, "Range Not Satisfiable")
                return
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start : log["break"]])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", log
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
