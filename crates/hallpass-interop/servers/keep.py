"""Runs a server for as long as somebody wants it: keep.py SECONDS COMMAND...

The test holds the other end of stdin. However the test ends, killed or not, stdin ends with it,
and the server's whole process group goes. SECONDS is the backstop.
"""
import os
import signal
import subprocess
import sys
import threading


def end(*_):
    server.kill()
    server.wait()
    os.killpg(0, signal.SIGKILL)  # workers, and this process


def watch():
    code = server.wait()
    print(f"the server has ended with {code}", file=sys.stderr, flush=True)
    os.killpg(0, signal.SIGKILL)


server = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
    signal.signal(number, end)
signal.alarm(int(sys.argv[1]))
# Not in the main thread: a handler that interrupts a wait can't wait itself.
threading.Thread(target=watch, daemon=True).start()
sys.stdin.buffer.read()
end()
