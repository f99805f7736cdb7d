"""Debian's nginx before a server: nginx.py FOLDER UPSTREAM_PORT.

FOLDER holds server.pem and server.key; access.log goes there too. /token is limited to one request
in four seconds; /free, /slow and /gone lead to the same endpoint without a limit, at 100 bytes a
second, and not at all.
"""
import json
import pathlib
import sys

import ports

FOLDER = pathlib.Path(sys.argv[1]).resolve()
UPSTREAM = int(sys.argv[2])


def settings(http, https):
    spools = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"  {name}_temp_path {FOLDER}/{name};" for name in spools)
    return f"""
daemon off;
pid {FOLDER}/pid;
error_log stderr warn;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
{paths}
  log_format short '$server_protocol $connection $uri $status';
  access_log {FOLDER}/access.log short;
  limit_req_zone $server_name zone=tokens:1m rate=15r/m;
  limit_req_status 429;
  keepalive_requests 50;
  keepalive_timeout 2s;
  upstream server {{ server 127.0.0.1:{UPSTREAM}; keepalive 4; }}
  server {{
    server_name localhost;
    listen 127.0.0.1:{http};
    listen 127.0.0.1:{https} ssl http2;
    ssl_certificate {FOLDER}/server.pem;
    ssl_certificate_key {FOLDER}/server.key;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location = /token {{
      limit_req zone=tokens;
      error_page 429 @limited;
      proxy_pass http://server;
    }}
    location @limited {{
      add_header Retry-After 4 always;
      return 429;
    }}
    location = /slow {{ limit_rate 100; proxy_pass http://server/token; }}
    location = /free {{ proxy_pass http://server/token; }}
    location = /gone {{ proxy_pass http://127.0.0.1:1; }}
    location = /moved {{ return 307 /free; }}
    location / {{ proxy_pass http://server; }}
  }}
}}
"""


for _ in range(5):
    http, https = ports.free(), ports.free()
    file = FOLDER / "nginx.conf"
    file.write_text(settings(http, https))
    if server := ports.started(["nginx", "-c", str(file), "-p", str(FOLDER), "-e", "stderr"], http):
        print(json.dumps({"port": http, "tls_port": https}), flush=True)
        sys.exit(server.wait())
raise SystemExit("nginx does not start")
