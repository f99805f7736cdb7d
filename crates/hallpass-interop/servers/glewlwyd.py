"""Debian's glewlwyd with a fresh database: glewlwyd.py FOLDER.

TTL: of a token. KEYS: a folder with the private keys of clients. DPOP_NONCE: if set, proofs of
possession need a nonce, which counts three times.
"""
import gzip
import http.client
import json
import os
import pathlib
import sqlite3
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import ports

FOLDER = pathlib.Path(sys.argv[1]).resolve()
TABLES = "/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz"
MODULES = "/usr/lib/glewlwyd"
CLIENTS = {
    "basic": "basic-secret",
    "post": "post-secret",
    "a b%c+d /?&=": "s:e%20c+r /?&=t",
    "id:colon": "plain-secret",
    "é à": "té%41ü",
}


def settings(port):
    return f"""
port = {port}
bind_address = "127.0.0.1"
# With a slash at its end, the audience that it expects would have two.
external_url = "http://127.0.0.1:{port}"
login_url = "login.html"
api_prefix = "api"
log_mode = "console"
log_level = "WARNING"
cookie_secure = 0
session_expiration = 3600
session_key = "session"
admin_scope = "g_admin"
profile_scope = "g_profile"
hash_algorithm = "SHA512"
user_module_path = "{MODULES}/user"
user_middleware_module_path = "{FOLDER}/none"
client_module_path = "{MODULES}/client"
user_auth_scheme_module_path = "{MODULES}/scheme"
plugin_module_path = "{MODULES}/plugin"
database = {{ type = "sqlite3"; path = "{FOLDER}/database"; }};
"""


class Admin:
    """The administrator's API, which keeps its session in a cookie."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.headers = {"Content-Type": "application/json"}

    def post(self, path, body):
        self.connection.request("POST", f"/api{path}", json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f"glewlwyd refused {path}: {answer.status} {text}")
        if cookie := answer.getheader("Set-Cookie"):
            self.headers["Cookie"] = cookie.split(";")[0]


def plugin(port):
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    off = {f"auth-type-{name}-enabled": False for name in ("token", "none", "password", "device")}
    return off | {
        "iss": f"http://127.0.0.1:{port}",
        "jwt-type": "ecdsa",
        "jwt-key-size": "256",
        "key": private.decode(),
        "cert": public.decode(),
        "access-token-duration": int(os.environ.get("TTL", "60")),
        "refresh-token-duration": 3600,
        "code-duration": 600,
        "refresh-token-rolling": False,
        "allow-non-oidc": True,
        "auth-type-client-enabled": True,
        # It takes no plugin without these two.
        "auth-type-code-enabled": True,
        "auth-type-refresh-enabled": True,
        "allowed-scope": ["openid", "read", "write"],
        "subject-type": "public",
        "introspection-revocation-allowed": True,
        "introspection-revocation-allow-target-client": True,
        # For assertions that clients sign.
        "request-parameter-allow": True,
        "request-maximum-exp": 3600,
        "client-pubkey-parameter": "pubkey",
        # For proofs of possession.
        "oauth-dpop-allowed": True,
        "oauth-dpop-iat-duration": 60,
        "oauth-dpop-nonce-mandatory": "DPOP_NONCE" in os.environ,
        "oauth-dpop-nonce-counter": 3,
    }


def client(client_id, secret):
    shared = {} if secret is None else {"client_secret": secret}
    return shared | {
        "client_id": client_id,
        "name": client_id,
        "confidential": True,
        "enabled": True,
        "scope": ["read", "write"],
        "authorization_type": ["client_credentials"],
        "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"],
    }


def signers(folder):
    """Clients that sign, with a secret and with a key."""
    rsa = serialization.load_pem_private_key((folder / "rsa.pem").read_bytes(), None)
    public = rsa.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hs256 = client("hs256", "a-secret-of-thirty-two-bytes-or-more")
    rs256 = client("rs256", None) | {"pubkey": public.decode()}
    return [
        hs256 | {"token_endpoint_auth_method": ["client_secret_jwt"]},
        rs256 | {"token_endpoint_auth_method": ["private_key_jwt"]},
    ]


def start():
    (FOLDER / "none").mkdir()
    with gzip.open(TABLES, "rt") as sql, sqlite3.connect(FOLDER / "database") as database:
        # A fresh file needs no care for power cuts, and its tables come three times as fast.
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(sql.read())
    for _ in range(5):
        port = ports.free()
        file = FOLDER / "glewlwyd.conf"
        file.write_text(settings(port))
        if server := ports.started(["glewlwyd", "-c", str(file)], port):
            return server, port
    raise SystemExit("glewlwyd does not start")


server, port = start()
admin = Admin(port)
# The account that the package's tables come with.
admin.post("/auth/", {"username": "admin", "password": "password"})
for name in ("read", "write"):
    admin.post("/scope/", {"name": name, "display_name": name, "password_required": False})
admin.post(
    "/mod/plugin/",
    {"module": "oidc", "name": "oidc", "display_name": "oidc", "order_rank": 0, "parameters": plugin(port)},
)
for client_id, secret in CLIENTS.items():
    admin.post("/client/", client(client_id, secret))
if folder := os.environ.get("KEYS"):
    for signer in signers(pathlib.Path(folder)):
        admin.post("/client/", signer)
print(json.dumps({"port": port}), flush=True)
sys.exit(server.wait())
