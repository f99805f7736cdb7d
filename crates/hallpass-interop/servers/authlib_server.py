"""PyPI Authlib on Flask: opaque tokens, revocation, introspection and an API, all in memory. It also
exchanges tokens for assertions, and takes its own assertions for tokens.

gunicorn -c python:authlib_server authlib_server:app, with TTL in the environment, and SINGLE_USE=1
to take each assertion once.
"""
import json
import os
import secrets
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import ClientMixin, TokenEndpointMixin, TokenMixin, grants
from authlib.oauth2.rfc6749 import BaseGrant, InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerGrant
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask, jsonify, request
from joserfc import jwk, jwt

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
        return True


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


KEY = jwk.ECKey.generate_key("P-256")
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"


class Exchange(BaseGrant, TokenEndpointMixin):
    """RFC 8693, of which Authlib has no grant: an access token for an assertion."""

    GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_token_request(self):
        self.request.client = self.authenticate_token_endpoint_client()
        form = self.request.form
        kinds = form.get("subject_token_type"), form.get("requested_token_type")
        if kinds != (TOKEN_TYPE + "access_token", TOKEN_TYPE + "jwt") or not form.get("audience"):
            raise InvalidRequestError("exchanges access tokens for assertions to an audience")
        subject = TOKENS.get(form.get("subject_token"))
        if subject is None or subject.is_expired() or subject.is_revoked():
            raise InvalidGrantError("the subject's token is not active")
        self.subject = subject.client.client_id

    def create_token_response(self):
        now = int(time.time())
        claims = {
            "iss": request.host_url,
            "sub": self.subject,
            "aud": self.request.form["audience"],
            "iat": now,
            "exp": now + lifetime,
            "jti": secrets.token_urlsafe(16),
        }
        answer = {
            "access_token": jwt.encode({"alg": "ES256"}, claims, KEY),
            "issued_token_type": TOKEN_TYPE + "jwt",
            "token_type": "N_A",
            "expires_in": lifetime,
        }
        return 200, answer, self.TOKEN_RESPONSE_HEADER


class Bearer(JWTBearerGrant):
    """Takes what `Exchange` issues, and says in its answer which one it was."""

    seen = set()

    def resolve_issuer_client(self, issuer):
        return CLIENTS["basic"] if issuer == request.host_url else None

    def resolve_client_public_key(self, client):
        return KEY

    def get_audiences(self):
        return [request.base_url]

    def authenticate_user(self, subject):
        return CLIENTS.get(subject)

    def has_granted_permission(self, client, user):
        return True

    def process_assertion_claims(self, assertion):
        claims = super().process_assertion_claims(assertion)
        self.id = claims["jti"]
        if os.environ.get("SINGLE_USE") and self.id in self.seen:
            raise InvalidGrantError("the assertion was used before")
        self.seen.add(self.id)
        return claims

    def create_token_response(self):
        status, answer, headers = super().create_token_response()
        return status, {**answer, "assertion_id": self.id}, headers


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
for grant in (Grant, Exchange, Bearer):
    server.register_grant(grant)
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
