"""For servers that can't choose a port themselves and say which."""
import socket
import subprocess
import time


def free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(command, port):
    """The server, once it listens; None if it ended first, as when somebody else took the port."""
    server = subprocess.Popen(command)
    for _ in range(400):
        if server.poll() is not None:
            return None
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return server
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"{command[0]} does not listen on {port}")
