"""`buf curl`, which knows the API only through the server's reflection."""

import json
import os
import shutil
import subprocess
import unittest

from server_process import Server


def buf_path():
    path = os.environ.get("ORDINATE_BUF") or shutil.which("buf")
    if not path or not os.path.exists(path):
        raise AssertionError(
            "buf is missing: './dev test' installs it; or set ORDINATE_BUF to the path of one")
    return path


class BufCurlTest(unittest.TestCase):
    def call(self, server, method, request):
        """The finished process of one call."""
        return subprocess.run(
            [buf_path(), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data",
             json.dumps(request), f"http://{server.address}/ordinate.v1.{method}"],
            capture_output=True, text=True, timeout=120, check=False)

    def answer(self, server, method, request):
        ended = self.call(server, method, request)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return json.loads(ended.stdout)

    def test_first_query_and_an_error(self):
        columns = [{"name": "id", "role": "COLUMN_ROLE_KEY", "type": "DATA_TYPE_INT64"},
                   {"name": "place", "role": "COLUMN_ROLE_VECTOR", "type": "DATA_TYPE_VECTOR",
                    "dim": 2}]
        rows = [{"cells": {"id": {"int64Value": str(i)},
                           "place": {"vectorValue": {"f32": {"values": [i, 0]}}}}}
                for i in range(100)]
        question = {"table": "points", "column": "place", "limit": 3, "withPlan": True,
                    "vector": {"f32": {"values": [41.8, 0]}}}
        with Server() as server:
            self.answer(server, "TableService/CreateTable",
                        {"table": {"name": "points", "columns": columns}})
            written = self.answer(server, "RowService/Upsert", {"table": "points", "rows": rows})
            self.assertEqual(len(written["rowIds"]), 100)
            found = self.answer(server, "QueryService/Query", question)
            self.assertEqual([row["row"]["cells"]["id"]["int64Value"] for row in found["rows"]],
                             ["42", "41", "43"])
            self.assertEqual(found["plan"]["path"], "PATH_EXACT")

            refused = self.call(server, "QueryService/Query", {**question, "limit": 0})
            self.assertNotEqual(refused.returncode, 0)
            error = json.loads(refused.stderr)
            self.assertEqual(error["code"], "invalid_argument")
            self.assertIn("google.rpc.BadRequest", [d["type"] for d in error["details"]])


if __name__ == "__main__":
    unittest.main()
