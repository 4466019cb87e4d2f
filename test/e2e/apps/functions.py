import fal


@fal.function(serve=True, machine_type="S", keep_alive=60)
def greet(body: dict) -> dict:
    return {"hello": body["name"]}


@fal.function(exposed_port=8123, machine_type="S", keep_alive=60)
def own_server():
    import json
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = json.dumps({"served": self.path}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *args):
            pass

    HTTPServer(("127.0.0.1", 8123), Handler).serve_forever()
