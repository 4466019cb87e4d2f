import http.server

import fal


@fal.function(machine_type="XS", exposed_port=8123, startup_timeout=3)
def serve():
    # Another port than the one it names.
    http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler).serve_forever()


@fal.function(machine_type="XS", exposed_port=8124)
def ends():
    print("it serves nothing")
