"""PyPI grpcio: peer.Echo with all four kinds of calls, for tokens that an authorization server
says are active, asked anew for every call.

grpc_server.py INTROSPECTION_URL [CERTIFICATE KEY], with the client's id and secret in the
environment as ID and SECRET.
"""
import base64
import json
import os
import sys
import time
import urllib.parse
import urllib.request
from concurrent import futures

import grpc

# How long a stream waits between two messages.
PACE = 0.02

introspection, *tls = sys.argv[1:]
pair = ":".join(urllib.parse.quote(os.environ[name], safe="") for name in ("ID", "SECRET"))
BASIC = "Basic " + base64.b64encode(pair.encode()).decode()
REFUSED = (("www-authenticate", 'Bearer error="invalid_token"'),)
# A proxy of the environment's has no business between two servers on this machine.
http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_active(metadata):
    scheme, _, token = dict(metadata).get("authorization", "").partition(" ")
    if scheme != "Bearer":
        return False
    form = urllib.parse.urlencode({"token": token}).encode()
    request = urllib.request.Request(introspection, form, {"Authorization": BASIC})
    with http.open(request, timeout=10) as answer:
        return json.load(answer)["active"]


def refuse(context, why):
    context.set_trailing_metadata(REFUSED)
    context.abort(grpc.StatusCode.UNAUTHENTICATED, why)


class Bearer(grpc.ServerInterceptor):
    """Refuses a call before anything of it is looked at."""

    def __init__(self):
        make = (
            (grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler),
            (grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler),
        )
        deny = lambda _, context: refuse(context, "no valid token")
        self.denied = [[handler(deny) for handler in row] for row in make]

    def intercept_service(self, proceed, details):
        handler = proceed(details)
        if handler is None or is_active(details.invocation_metadata):
            return handler
        return self.denied[handler.request_streaming][handler.response_streaming]


# The one message has one field, a string. That is little enough to go without generated code.
def read(message):
    if not message:
        return ""
    tag, length, text = message[0], message[1], message[2:]
    assert (tag, length) == (0x0A, len(text)) and length < 0x80, "not a short Message"
    return text.decode()


def write(text):
    data = text.encode()
    return bytes((0x0A, len(data))) + data if data else b""


def unary(text, context):
    return text


def collect(texts, context):
    return "".join(texts)


def repeat(text, context):
    """Counts to the number in the request, and ends where the token does."""
    for number in range(int(text)):
        if not is_active(context.invocation_metadata()):
            refuse(context, "the token has ended")
        yield str(number)
        time.sleep(PACE)


def chat(texts, context):
    yield from texts


def method(kind, behaviour):
    return kind(behaviour, request_deserializer=read, response_serializer=write)


server = grpc.server(futures.ThreadPoolExecutor(16), interceptors=[Bearer()])
echo = {
    "Unary": method(grpc.unary_unary_rpc_method_handler, unary),
    "Collect": method(grpc.stream_unary_rpc_method_handler, collect),
    "Repeat": method(grpc.unary_stream_rpc_method_handler, repeat),
    "Chat": method(grpc.stream_stream_rpc_method_handler, chat),
}
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("peer.Echo", echo),))
if tls:
    certificate, key = (open(path, "rb").read() for path in tls)
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(json.dumps({"port": port}), flush=True)
server.wait_for_termination()
