"""`ordinate serve` from outside: flags, refusals, signals, log lines."""

import json
import pathlib
import signal
import subprocess
import tempfile
import unittest
import urllib.request

from server_process import BINARY, CLEAN, Server, serve


class ServeCommandTest(unittest.TestCase):
    def refuse(self, code, *says, arguments=(), env=None):
        ended = serve(*arguments, env=env)
        self.assertEqual(ended.returncode, code, ended.stderr)
        for text in says:
            self.assertIn(text, ended.stderr)
        return ended.stderr

    def test_help_names_range_default_and_variable_of_each_flag(self):
        text = subprocess.run([BINARY, "serve", "--help"], capture_output=True, text=True,
                              env=CLEAN, check=True).stdout
        for flag in ("--shards", "--data-dir", "--listen", "--metrics-listen", "--query-threads",
                     "--build-threads", "--min-seal-rows", "--disk-reserve-bytes", "--max-message-bytes",
                     "--max-concurrent-calls", "--stream-idle-seconds", "--drain-seconds", "--log-level", "--log-format",
                     "--vector-preselect-alpha", "--vector-search-ef-search", "--vector-hnsw-m",
                     "--vector-hnsw-ef-build", "--config"):
            self.assertIn(flag, text)
        one_line = " ".join(text.split())
        self.assertIn("a whole number from 1 to 256 (shards)", one_line)
        self.assertIn("ORDINATE_VECTOR_SEARCH_EF_SEARCH", one_line)
        self.assertEqual(text.count("Default:"), text.count("Environment:"))

    def test_bad_values_are_refused_by_name_and_source(self):
        self.refuse(2, "--shards is '0'", "from 1 to 256", arguments=["--shards", "0"])
        self.refuse(2, "--vector-search-ef-search is 'x'", "ORDINATE_VECTOR_SEARCH_EF_SEARCH",
                    env={"ORDINATE_VECTOR_SEARCH_EF_SEARCH": "x"})
        self.refuse(2, "--no-such-flag", arguments=["--no-such-flag"])
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "server.toml"
            config.write_text("shard = 3\n", encoding="utf-8")
            self.refuse(2, "the key 'shard'", str(config), arguments=["--config", str(config)])

    def test_an_unknown_instruction_set_is_refused_before_the_directory_is_opened(self):
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "data"
            self.refuse(2, "ORDINATE_ISA is 'sse9'", "baseline, avx2, avx512",
                        arguments=["--data-dir", str(data), "--listen", "127.0.0.1:0",
                                   "--metrics-listen", "none"],
                        env={"ORDINATE_ISA": "sse9"})
            self.assertFalse(data.exists())

    def test_a_directory_in_use_and_other_shards_are_refused(self):
        with Server() as server:
            common = ["--data-dir", server.data_dir, "--listen", "127.0.0.1:0",
                      "--metrics-listen", "none"]
            self.refuse(1, "in use by process", str(server.process.pid), server.data_dir,
                        arguments=common)
            self.assertEqual(server.stop(), 0)
            self.refuse(1, "--shards is 5", "created with 2 shards",
                        arguments=[*common, "--shards", "5"])

    def test_taken_ports_are_named(self):
        with Server() as server, tempfile.TemporaryDirectory() as folder:
            said = self.refuse(1, server.address, "Address already in use",
                               arguments=["--data-dir", folder + "/a", "--metrics-listen", "none",
                                          "--listen", server.address])
            # One error, and not what a library has to say of it.
            self.assertEqual(len(said.splitlines()), 1, said)
            self.assertTrue(said.startswith("ordinate serve: cannot serve gRPC on "), said)
            metrics = server.metrics.removesuffix("/metrics")
            self.refuse(1, metrics, "Address already in use",
                        arguments=["--data-dir", folder + "/b", "--listen", "127.0.0.1:0",
                                   "--metrics-listen", metrics])

    def test_signals_drain_and_exit_with_zero(self):
        for sign in (signal.SIGTERM, signal.SIGINT):
            with Server("--log-format", "json") as server:
                self.assertEqual(server.stop(sign), 0)
                lines = [json.loads(line) for line in server.log().splitlines()]
                self.assertEqual([line["message"] for line in lines],
                                 ["ready", "draining", "drained"])

    def test_metrics_are_served(self):
        with Server() as server:
            with urllib.request.urlopen(f"http://{server.metrics}", timeout=60) as answer:
                self.assertIn("ordinate_build_info", answer.read().decode())


if __name__ == "__main__":
    unittest.main()
