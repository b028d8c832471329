"""Runs the README's section "A first query" block by block, as a reader would, in a folder that has
the checkout's protos and binary: `sh` blocks by bash, the `python` block by Debian's interpreter.
Only the address differs, since a test must not need port 7700: the server and the command line are
told theirs by their environment variables, and the Python block by a replacement.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from server_process import BINARY, CLEAN, ROOT, Server

ADDRESS = "127.0.0.1:7700"
SECTION = re.compile(r"^## A first query\n(.*?)^## ", re.M | re.S)
FENCE = re.compile(r"^```(sh|python)\n(.*?)^```$", re.M | re.S)


def blocks():
    """(language, text) of the section's blocks: serve, stubs, Python, command line."""
    section = SECTION.search((ROOT / "README.md").read_text(encoding="utf-8"))
    if not section:
        raise AssertionError("README.md has no section '## A first query'")
    return FENCE.findall(section.group(1))


class FirstQueryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="ordinate-readme-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        (cls.folder / "proto").symlink_to(ROOT / "proto")
        (cls.folder / "build/release/bin").mkdir(parents=True)
        (cls.folder / "build/release/bin/ordinate").symlink_to(BINARY)
        cls.serve, cls.stubs, cls.python, cls.cli = blocks()
        cls.run_block(cls.stubs, {})

    @classmethod
    def run_block(cls, block, environment):
        """What the block prints."""
        language, text = block
        # `python3 -c` imports from the working directory, as a reader's `python3` does.
        command = {"sh": ["bash", "-e", "-c", text], "python": [sys.executable, "-c", text]}[language]
        path = f"{pathlib.Path(BINARY).parent}:{CLEAN['PATH']}"
        done = subprocess.run(command, cwd=cls.folder, env={**CLEAN, "PATH": path, **environment},
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{text}\nended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def test_the_readme(self):
        self.assertEqual([self.serve[0], self.stubs[0], self.python[0], self.cli[0]],
                         ["sh", "sh", "python", "sh"])
        self.assertLessEqual(len(self.python[1].strip().splitlines()), 10)
        self.assertIn(ADDRESS, self.python[1])
        listen = {"ORDINATE_LISTEN": "127.0.0.1:0", "ORDINATE_METRICS_LISTEN": "127.0.0.1:0"}
        command = ["bash", "-c", "exec " + self.serve[1].strip()]
        with Server(command=command, cwd=self.folder, env=listen) as server:
            python = self.python[1].replace(ADDRESS, server.address)
            printed = self.run_block(("python", python), {})
            self.assertEqual([line.split()[0] for line in printed.splitlines()],
                             ["42", "41", "43"], printed)
            printed = self.run_block(self.cli, {"ORDINATE_SERVER": server.address})
            self.assertRegex(printed, r"(?s)\b42\b.*\b41\b.*\b43\b.*\bREADY\b")
        self.assertTrue((self.folder / "ordinate-data/ordinate.json").exists())

    def test_error_details_are_readable(self):
        sys.path.insert(0, str(self.folder))
        self.addCleanup(sys.path.remove, str(self.folder))
        import grpc
        from google.rpc import error_details_pb2, status_pb2
        from ordinate.v1 import query_service_pb2, query_service_pb2_grpc

        with Server() as server, grpc.insecure_channel(server.address) as channel:
            stub = query_service_pb2_grpc.QueryServiceStub(channel)
            with self.assertRaises(grpc.RpcError) as raised:
                stub.Query(query_service_pb2.QueryRequest(table="nowhere", column="place", limit=1,
                                                          vector={"f32": {"values": [1]}}))
        error = raised.exception
        self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
        self.assertIn("nowhere", error.details())
        trailers = {key: value for key, value in error.trailing_metadata()}
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        resource = error_details_pb2.ResourceInfo()
        self.assertTrue(any(detail.Unpack(resource) for detail in status.details), status)
        self.assertEqual(resource.resource_name, "nowhere")


if __name__ == "__main__":
    unittest.main()
