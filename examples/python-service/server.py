"""A service on Python's standard library alone: it knows HTTP, and nothing of Micro.

    python3 server.py PORT

Paths are endpoints: `micro call -o raw helloworld /`, `micro call helloworld /greet '{"name": "John"}'`.
"""
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, "text/plain", "hello world")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            name = json.loads(body)["name"]
        except (ValueError, KeyError, TypeError):
            # The status and the text reach the caller as an error object.
            self.answer(400, "text/plain", "expected {\"name\": …}")
        else:
            self.answer(200, "application/json", json.dumps({"msg": f"Hello {name}"}))

    def answer(self, status, kind, text):
        text = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
