"""An API that checks proofs of possession with pydpop, takes none twice, and wants other nonces all
the time. It asks the authorization server of each token.

AUTH: the authorization server, which knows its client "post" by SECRET. NONCE_USES: after how many
another nonce is wanted; the one before still counts.
"""
import base64
import http.client
import json
import os
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydpop.verifier import DPoPError, MemoryJtiStore, verify_proof

AUTH = urllib.parse.urlsplit(os.environ["AUTH"])
USES = int(os.environ["NONCE_USES"])
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

lock = threading.Lock()
seen = MemoryJtiStore()
counts = {"proofs": 0, "replayed": 0}
local = threading.local()


def introspect(token):
    """What the authorization server says of a token."""
    form = urllib.parse.urlencode(
        {"token": token, "client_id": "post", "client_secret": os.environ["SECRET"]}
    )
    for _ in range(2):
        # An idle connection that the server has closed is replaced.
        if not getattr(local, "connection", None):
            local.connection = http.client.HTTPConnection(AUTH.netloc, timeout=20)
        try:
            local.connection.request("POST", "/token/introspection", form, FORM)
            return json.loads(local.connection.getresponse().read())
        except (http.client.HTTPException, OSError):
            local.connection = None
    raise RuntimeError("the authorization server does not answer")


def nonce(back=0):
    return f"nonce-{max(counts['proofs'] - back * USES, 0) // USES}"


def claims(proof):
    payload = proof.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/stats":
            return self.answer(200, counts)
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        proofs = self.headers.get_all("DPoP") or []
        if scheme != "DPoP" or len(proofs) != 1:
            return self.answer(401, challenge='DPoP algs="ES256"')
        told = introspect(token)
        if not told.get("active"):
            return self.refuse("invalid_token")
        url = f"http://{self.headers['Host']}{self.path}"
        with lock:
            try:
                checked = verify_proof(
                    proof=proofs[0],
                    htm=self.command,
                    htu=url,
                    access_token=token,
                    jti_store=seen,
                )
            except DPoPError as error:
                self.log_error("%s", error)
                counts["replayed"] += "replayed" in str(error)
                return self.refuse("invalid_dpop_proof")
            if claims(proofs[0]).get("nonce") not in (nonce(), nonce(1)):
                return self.refuse("use_dpop_nonce")
            counts["proofs"] += 1
        if checked["jwk_thumbprint"] != told.get("cnf", {}).get("jkt"):
            return self.refuse("invalid_token")
        return self.answer(200, {"client_id": told["client_id"]})

    def refuse(self, error):
        self.answer(401, challenge=f'DPoP error="{error}", algs="ES256"')

    def answer(self, status, body=None, challenge=None):
        body = json.dumps(body or {}).encode()
        self.send_response(status)
        self.send_header("DPoP-Nonce", nonce())
        self.send_header("Content-Length", str(len(body)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Api)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
