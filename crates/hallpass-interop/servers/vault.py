"""A stand-in for HashiCorp Vault, which no package registry has: its AppRole method, one secret, and
the end of tokens, as Vault's HTTP API documents them.

vault.py, with TTL in the environment. A secret id serves USES times, for ever unless that is set.
"""
import json
import os
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROLE = "role-5f1c"
SECRET_ID = "secret-id-a93e"
TTL = int(os.environ.get("TTL", "60"))
uses = int(os.environ.get("USES", "1000000"))
TOKENS = {}
NO_TOKEN = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"


class Vault(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=None):
        body = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, error):
        self.answer(status, {"errors": [error]})

    def token(self):
        """The caller's token; says no itself if that is missing, revoked or over."""
        token = self.headers.get("X-Vault-Token", "")
        if TOKENS.get(token, 0) > time.time():
            return token
        return self.refuse(403, NO_TOKEN if token else "permission denied")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/v1/auth/approle/login":
            return self.login(json.loads(body))
        if self.path == "/v1/auth/token/revoke-self":
            if token := self.token():
                del TOKENS[token]
                self.answer(204)
            return None
        return self.refuse(404, "no handler for route")

    def login(self, asked):
        global uses
        if not asked.get("role_id"):
            return self.refuse(400, "missing role_id")
        if (asked["role_id"], asked.get("secret_id")) != (ROLE, SECRET_ID) or uses == 0:
            return self.refuse(400, "invalid role or secret ID")
        uses -= 1
        token = "hvs." + secrets.token_urlsafe(24)
        TOKENS[token] = time.time() + TTL
        auth = {
            "client_token": token,
            "accessor": secrets.token_urlsafe(16),
            "policies": ["default", "reader"],
            "token_policies": ["default", "reader"],
            "metadata": {"role_name": "reader"},
            "lease_duration": TTL,
            "renewable": True,
            "entity_id": "",
            "token_type": "service",
            "orphan": True,
        }
        return self.answer(200, {
            "request_id": secrets.token_hex(16),
            "lease_id": "",
            "renewable": False,
            "lease_duration": 0,
            "data": None,
            "wrap_info": None,
            "warnings": None,
            "auth": auth,
        })

    def do_GET(self):
        if not self.token():
            return None
        if self.path != "/v1/secret/data/reader":
            # Allowed to nobody by a policy.
            return self.refuse(403, "1 error occurred:\n\t* permission denied\n\n")
        return self.answer(200, {"data": {"data": {"word": "open"}, "metadata": {"version": 1}}})

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Vault)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
