"""Runs the real `ordinate serve` for a test."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile

BINARY = os.environ["ORDINATE_BINARY"]
ROOT = pathlib.Path(os.environ["ORDINATE_ROOT"])

# What the machine of the test may have set must not decide.
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("ORDINATE_")}


def serve(*arguments, env=None):
    """Starts a server that is expected to end by itself; returns the finished process."""
    return subprocess.run(
        [BINARY, "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**CLEAN, **(env or {})},
        check=False,
    )


class Server:
    """A server on free ports over a directory of its own, until the `with` block ends; or the one
    that `command` starts in `cwd` with `env` added to its environment."""

    def __init__(self, *arguments, data_dir=None, command=None, cwd=None, env=None):
        self._temporary = tempfile.TemporaryDirectory(prefix="ordinate-")
        self.data_dir = data_dir or self._temporary.name + "/data"
        self._command = command or [
            BINARY, "serve", "--data-dir", self.data_dir, "--listen", "127.0.0.1:0",
            "--metrics-listen", "127.0.0.1:0", "--shards", "2", *arguments]
        self._cwd = cwd
        self._env = {**CLEAN, **(env or {})}

    def __enter__(self):
        self._log = open(self._temporary.name + "/log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(self._command, cwd=self._cwd, env=self._env,
                                        stdout=subprocess.PIPE, stderr=self._log, text=True)
        line = self.process.stdout.readline()
        match = re.fullmatch(
            r"ordinate ready: gRPC on (\S+), metrics on (\S+)\n", line)
        if not match:
            self.process.kill()
            raise AssertionError(f"the server said {line!r}, and in its log: {self.log()}")
        self.address, self.metrics = match.groups()
        return self

    def log(self):
        self._log.flush()
        self._log.seek(0)
        return self._log.read()

    def stop(self, sign=signal.SIGTERM):
        """Sends the signal and returns the exit code."""
        self.process.send_signal(sign)
        return self.process.wait(timeout=120)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()
        self._temporary.cleanup()
