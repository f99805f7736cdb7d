"""PyPI Authlib on Flask: opaque tokens, revocation, introspection and an API, all in memory.

gunicorn -c python:authlib_server authlib_server:app, with TTL in the environment.
"""
import json
import os
import secrets
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask, jsonify

# What gunicorn reads of this file: threads, so that connections are kept, and one process, so
# that there is one memory.
bind = "127.0.0.1:0"
worker_class = "gthread"
threads = 8
control_socket_disable = True


def when_ready(server):
    print(json.dumps({"port": server.LISTENERS[0].sock.getsockname()[1]}), flush=True)


KNOWN = ("read", "write")
METHODS = ["client_secret_basic", "client_secret_post"]
TOKENS = {}


class Client(ClientMixin):
    def __init__(self, client_id, secret):
        self.client_id = client_id
        self.secret = secret

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        return " ".join(one for one in (scope or "").split() if one in KNOWN)

    def check_client_secret(self, secret):
        return self.secret == secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method in METHODS

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"


CLIENTS = {
    "basic": "basic-secret",
    "post": "post-secret",
    "a b%c+d /?&=": "s:e%20c+r /?&=t",
    "id:colon": "plain-secret",
    "é à": "té%41ü",
}
CLIENTS = {client_id: Client(client_id, secret) for client_id, secret in CLIENTS.items()}


class Token(TokenMixin):
    def __init__(self, answer, client):
        self.client = client
        self.scope = answer.get("scope", "")
        self.end = time.time() + answer["expires_in"]
        self.revoked = False

    def check_client(self, client):
        return client is self.client

    def get_scope(self):
        return self.scope

    def is_expired(self):
        return time.time() >= self.end

    def is_revoked(self):
        return self.revoked


def save(answer, request):
    TOKENS[answer["access_token"]] = Token(answer, request.client)


class Grant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, value, hint):
        return TOKENS.get(value)

    def revoke_token(self, token, request):
        token.revoked = True


class Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = METHODS

    def check_permission(self, token, client, request):
        return True

    def query_token(self, value, hint):
        return TOKENS.get(value)

    def introspect_token(self, token):
        active = not (token.is_expired() or token.is_revoked())
        return {"active": active, "client_id": token.client.client_id, "scope": token.scope}


class Validator(BearerTokenValidator):
    def authenticate_token(self, value):
        return TOKENS.get(value)


app = Flask(__name__)
app.config["OAUTH2_SCOPES_SUPPORTED"] = list(KNOWN)
server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=save)
lifetime = int(os.environ.get("TTL", "60"))
server.register_token_generator(
    "default",
    BearerTokenGenerator(lambda **_: secrets.token_urlsafe(32), expires_generator=lambda *_: lifetime),
)
server.register_grant(Grant)
server.register_endpoint(Revocation)
server.register_endpoint(Introspection)
protected = ResourceProtector()
protected.register_token_validator(Validator())


@app.post("/token")
def token():
    return server.create_token_response()


@app.post("/revoke")
def revoke():
    return server.create_endpoint_response(Revocation.ENDPOINT_NAME)


@app.post("/introspect")
def introspect():
    return server.create_endpoint_response(Introspection.ENDPOINT_NAME)


@app.get("/resource")
@protected("read")
def resource():
    return jsonify(client_id=current_token.client.client_id, scope=current_token.scope)
