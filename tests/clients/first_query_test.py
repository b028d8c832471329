"""The README's first query, run with Debian's python3-grpcio and stubs made from the protos."""

import contextlib
import io
import re
import subprocess
import sys
import tempfile
import unittest

import google
import grpc

from server_process import ROOT, Server


def make_stubs(folder):
    """Generates Python stubs of every proto into `folder`, and makes them importable."""
    protos = sorted(str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto").rglob("*.proto"))
    plugin = subprocess.run(["which", "grpc_python_plugin"], capture_output=True, text=True,
                            check=False).stdout.strip()
    if not plugin:
        raise AssertionError("grpc_python_plugin is missing; install protobuf-compiler-grpc")
    subprocess.run(
        ["protoc", f"--proto_path={ROOT / 'proto'}", f"--python_out={folder}",
         f"--grpc_python_out={folder}", f"--plugin=protoc-gen-grpc_python={plugin}", *protos],
        check=True)
    sys.path.insert(0, folder)
    # The protobuf package owns `google`; google.rpc lies beside it.
    google.__path__.append(folder + "/google")


def first_block():
    """The first Python block of the README."""
    path = ROOT / "README.md"
    if not path.exists():
        raise AssertionError(f"{path} is missing; its first ```python block is what is run here")
    match = re.search(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    if not match:
        raise AssertionError(f"{path} has no ```python block")
    return match.group(1)


class FirstQueryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="ordinate-stubs-")
        cls.addClassCleanup(cls.folder.cleanup)
        make_stubs(cls.folder.name)

    def test_the_readme(self):
        block = first_block()
        self.assertIn("127.0.0.1:7700", block)
        self.assertLessEqual(len(block.strip().splitlines()), 10)
        printed = io.StringIO()
        with Server() as server, contextlib.redirect_stdout(printed):
            exec(block.replace("127.0.0.1:7700", server.address), {})  # pylint: disable=exec-used
        ids = [line.split()[0] for line in printed.getvalue().splitlines()]
        self.assertEqual(ids, ["42", "41", "43"], printed.getvalue())

    def test_error_details_are_readable(self):
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
