"""Runs the real binary, server and client: load, index, query, export, load again, verify.

Usage: cli_e2e_test.py ORDINATE_BINARY
"""

import json
import os
import pathlib
import pty
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

BINARY = sys.argv.pop(1)
DIM = 8
COLUMNS = ("--key name:STRING --key id:UINT64 --attr section:STRING --attr size:INT64 --attr d:DOUBLE "
           "--attr t:TIMESTAMP --attr b:BOOL! --vector v:%d --payload doc:JSON --payload raw:BYTES"
           % DIM).split()


class Server:
    """A server on a free port; its ready line says which."""

    def __init__(self, data):
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data-dir", data, "--shards", "2", "--listen", "127.0.0.1:0",
             "--metrics-listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        for line in self.process.stdout:
            found = re.search(r"gRPC on (\S+?),", line)
            if found:
                self.address = found.group(1)
                return
        raise AssertionError("the server ended before it was ready")

    def kill(self):
        self.process.kill()
        self.process.wait()


def run(server, *arguments, code=0, stdin=""):
    environment = dict(os.environ, ORDINATE_SERVER=server.address if server else "127.0.0.1:1")
    source = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run([BINARY, *arguments], input=source, capture_output=True,
                          env=environment, timeout=120)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def make_rows(seed):
    chance = random.Random(seed)
    for i in range(2500):
        yield {
            "name": chance.choice(["plain", 'quote " \\', "ünï\n"]) + str(i), "id": 2**64 - 1 - i,
            "section": chance.choice(["video", "audio", None]),
            "size": chance.choice([None, -2**63, 2**63 - 1, 2**53 + 1, i]),
            "d": chance.choice([0.1, -0.0, 1e300, "NaN", "-Infinity", None, chance.random()]),
            "t": "2026-01-31T12:00:00.%06dZ" % i, "b": i % 2 == 0,
            "v": None if i % 50 == 0 else [chance.gauss(0, 1) for _ in range(DIM)],
            "doc": {"nested": [1.5, None, {"i": i}]}, "raw": "AAEC/w=="}


def check_round_trip(server, folder):
    with open(f"{folder}/rows.jsonl", "w") as file:
        for row in make_rows(seed=7):
            file.write(json.dumps(row) + "\n")
    for table, source, target in (("one", "rows", "first"), ("two", "first", "second")):
        run(server, "table", "create", table, *COLUMNS)
        run(server, "load", table, f"{folder}/{source}.jsonl")
        run(server, "export", table, f"{folder}/{target}.jsonl")
    first, second = (sorted(pathlib.Path(f"{folder}/{name}.jsonl").read_text().splitlines())
                     for name in ("first", "second"))
    assert first == second and len(first) == 2500
    asked = {row["name"]: row for row in make_rows(seed=7)}
    for line in first:
        row = json.loads(line)
        expected = dict(asked[row["name"]])
        # Vectors are f32 in the table and f64 in the source.
        vector, wanted = row.pop("v"), expected.pop("v")
        expected["t"] = re.sub(r"\.?0+Z$", "Z", expected["t"])
        assert row == expected, (row, expected)
        assert (vector is None) == (wanted is None)
        assert all(abs(a - b) <= 1e-6 * abs(b) for a, b in zip(vector or [], wanted or []))


def check_json_null(server, folder):
    """NULL and the JSON text null are different cells, and stay so over a file."""
    text = '{"id":1,"doc":null}\n{"id":2,"doc":null,"__json_null":["doc"]}\n'
    for table, source, target in (("j1", "nulls", "null1"), ("j2", "null1", "null2")):
        pathlib.Path(f"{folder}/nulls.jsonl").write_text(text)
        run(server, "table", "create", table, "--key", "id:INT64", "--payload", "doc:JSON")
        run(server, "load", table, f"{folder}/{source}.jsonl")
        run(server, "export", table, f"{folder}/{target}.jsonl")
        lines = pathlib.Path(f"{folder}/{target}.jsonl").read_text().splitlines()
        assert sorted(lines) == sorted(text.splitlines()), lines
        run(server, "table", "drop", table)


def check_export_targets(server, folder):
    """What is no regular file is written to, not replaced."""
    pipe, link = pathlib.Path(folder, "pipe"), pathlib.Path(folder, "link")
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    run(server, "export", "two", str(pipe))
    assert pipe.is_fifo(), "the pipe was replaced"
    reader.join()
    expected = pathlib.Path(folder, "second.jsonl").read_text()
    assert read == [expected]
    target = pathlib.Path(folder, "target")
    target.write_text("old")
    link.symlink_to(target)
    run(server, "export", "two", str(link))
    assert link.is_symlink() and target.read_text() == expected
    assert run(server, "export", "two", "/dev/stdout").stdout == expected
    assert not list(pathlib.Path(folder).glob("*.partial"))
    assert "Is a directory" in run(server, "export", "two", folder, code=5).stderr


def check_vectors_from_stdin(server, folder):
    """fvecs and npy through a pipe, as from files, with the other columns in a file or the reverse."""
    vectors = [[i, 0.5] for i in range(1200)]
    fvecs = b"".join(struct.pack("<I2f", 2, *vector) for vector in vectors)
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1200, 2), }\n"
    npy = (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header +
           b"".join(struct.pack("<2d", *vector) for vector in vectors))
    attributes = "".join(f'{{"s": "s{i}"}}\n' for i in range(1200))
    names = {"base.fvecs": fvecs, "base.npy": npy, "base.jsonl": attributes.encode()}
    for name, data in names.items():
        pathlib.Path(folder, name).write_bytes(data)
    other = str(pathlib.Path(folder, "base.jsonl"))
    exports = []
    for number, (source, arguments) in enumerate([
            (fvecs, ["-", "--format", "fvecs", "--attributes", other]),
            (npy, ["-", "--format", "npy", "--attributes", other]),
            (attributes, [str(pathlib.Path(folder, "base.npy")), "--attributes", "-"]),
            ("", [str(pathlib.Path(folder, "base.fvecs")), "--attributes", other])]):
        table = f"piped{number}"
        run(server, "table", "create", table, "--key", "id:INT64", "--attr", "s:STRING",
            "--vector", "v:2")
        run(server, "load", table, *arguments, "--column", "v", "--id-column", "id", stdin=source)
        lines = run(server, "export", table, "/dev/stdout").stdout.splitlines()
        exports.append(sorted((json.loads(line) for line in lines), key=lambda row: row["id"]))
    assert len(exports[0]) == 1200, len(exports[0])
    assert exports[0][7] == {"id": 7, "s": "s7", "v": [7, 0.5]}, exports[0][7]
    assert all(export == exports[0] for export in exports)
    load = ["load", "piped0", "-", "--column", "v", "--id-column", "id"]
    done = run(server, *load, "--format", "fvecs", code=5, stdin=fvecs[:-1])
    assert "error: stdin: it ends early" in done.stderr, done.stderr
    assert "1,199 rows acknowledged, up to stdin, vector 1198" in done.stderr, done.stderr
    done = run(server, *load, code=2, stdin=fvecs)
    assert "vectors from it need --format fvecs or --format npy" in done.stderr, done.stderr
    done = run(server, *load, "--format", "npy", "--attributes", "-", code=2, stdin=npy)
    assert "both stdin" in done.stderr, done.stderr
    for number in range(4):
        run(server, "table", "drop", f"piped{number}")


def check_reads(server):
    run(server, "index", "create", "idx", "--table", "one", "--column", "v", "--engine", "FLAT",
        "--metric", "COSINE", "--wait")
    status = json.loads(run(server, "status", "idx", "--output", "json").stdout)
    assert status["status"]["state"] == "READY" and status["status"]["rows_indexed"] == 2450, status
    assert len(status["shards"]) == 2
    answer = json.loads(run(
        server, "query", "one", "--column", "v", "--vector-json", json.dumps([1] * DIM), "--metric",
        "COSINE", "-k", "5", "--filter", "section = 'video'", "--columns", "name,id,section",
        "--order-by", "size:desc:nulls_last", "--plan", "--output", "json").stdout)
    scores = [row["score"] for row in answer["rows"]]
    assert len(scores) == 5 and scores == sorted(scores, reverse=True), answer
    assert {row["columns"]["section"] for row in answer["rows"]} == {"video"}
    assert answer["plan"]["metric"] == "COSINE"
    key = answer["rows"][0]["columns"]
    for words in ([key["name"], str(key["id"])], ["--key-json", json.dumps([key["name"], key["id"]])]):
        row = json.loads(run(server, "get", "one", *words, "--output", "json").stdout)
        assert row["columns"]["id"] == key["id"], row
    assert run(server, "count", "one").stdout == "2500\n"
    run(server, "delete", "one", key["name"], str(key["id"]))
    assert run(server, "count", "one").stdout == "2499\n"
    assert len(run(server, "scan", "one", "--limit", "1500", "--output", "json").stdout
               .splitlines()) == 1500


def check_errors(server, data):
    run(server, "load", "one", "-", "--retry-seconds", "nan", code=2)
    done = run(server, "load", "one", "-", code=5, stdin='{"name":"x","id":1,"b":true}\n{"name"\n')
    assert "stdin:2: not valid JSON" in done.stderr and "up to stdin:1" in done.stderr, done.stderr
    done = run(server, "load", "one", "-", code=1, stdin='{"name":"x","id":1,"b":true,"v":[1]}\n')
    assert "INVALID_ARGUMENT" in done.stderr and "no rows" in done.stderr, done.stderr
    good = "".join(f'{{"name":"y","id":{i},"b":true}}\n' for i in range(1500))
    done = run(server, "load", "one", "-", code=1,
               stdin=good + '\n{"name":"z","id":2,"b":true}\n{"name":"x","id":1,"b":true,"v":[1]}\n')
    assert ('error: INVALID_ARGUMENT: stdin:1503 (name = "x", id = 1), column \'v\': found dim 1'
            in done.stderr and "1,000 rows acknowledged" in done.stderr), done.stderr
    done = run(server, "index", "create", "flat", "--table", "one", "--column", "v", "--engine",
               "FLAT", "--ef-search", "10", code=1)
    assert "ef_search does not apply to FLAT" in done.stderr, done.stderr
    assert "NOT_FOUND" in run(server, "table", "show", "none", code=1).stderr
    run(server, "query", "one", "--column", "v", code=2)
    run(server, "count", code=2)
    run(None, "count", "one", "--timeout", "5", code=4)
    assert "in use" in run(server, "verify", "--data-dir", data, code=5).stderr


def check_verify(data):
    report = json.loads(run(None, "verify", "--data-dir", data, "--output", "json").stdout)
    assert report["clean"] and report["indexes"] == 1 and report["segments"] == 2, report
    segment = next(pathlib.Path(data).rglob("*.vdata"))
    good = segment.read_bytes()
    inspected = json.loads(run(None, "inspect", str(segment), "--output", "json").stdout)
    assert inspected["intact"] and inspected["bytes"] == len(good), inspected
    names = [section["name"] for section in inspected["sections"]]
    assert {"vectors", "row_ids"} <= set(names), names
    graph = inspected["engine"] == "HNSW"
    assert ("links0" in names) == graph, names
    for of_nodes in ("nodes_by_links", "nodes_by_level"):
        assert sum(inspected[of_nodes]) == (inspected["nodes"] if graph else 0), inspected
    text = run(None, "inspect", str(segment)).stdout
    assert "version 2" in text and "every checksum is right" in text, text
    assert "no-such-file" in run(None, "inspect", "no-such-file", code=5).stderr
    for position in (5, 4096, len(good) // 2):
        damaged = bytearray(good)
        damaged[position] ^= 1
        segment.write_bytes(damaged)
        report = json.loads(
            run(None, "verify", "--data-dir", data, "--output", "json", code=3).stdout)
        assert [p["file"] for p in report["problems"]] == [str(segment)], report
        assert str(segment) in run(None, "inspect", str(segment), code=3).stderr
    segment.write_bytes(good)
    run(None, "verify", "--data-dir", data)


def check_sql(server, folder):
    """Statements of -c, of a file, of stdin; their output, their settings and their errors."""
    def sql(statements, **options):
        return run(server, "sql", "-c", statements, "--output", "json", **options).stdout

    def rows(statements):
        return [json.loads(line) for line in sql(statements).splitlines()]

    assert rows("CREATE TABLE s (id INT64 PRIMARY KEY, t STRING, v VECTOR(2))")[0]["rows"] == 0
    script = pathlib.Path(f"{folder}/script.sql")
    script.write_text("INSERT INTO s VALUES\n(1, 'it''s; one', '[0, 1]'), -- a comment; with a semicolon\n"
                      "(2, NULL, '[0, 3]');\nSELECT COUNT(*) FROM s;\n")
    assert run(server, "sql", str(script)).stdout.split() == ["2", "rows", "written", "count", "2", "1", "row"]
    assert rows("SELECT t, vec_l2(v, '[0,0]') AS far, v FROM s ORDER BY far LIMIT 9") == [
        {"t": "it's; one", "far": 1, "v": [0, 1]}, {"t": None, "far": 3, "v": [0, 3]}]
    assert rows("SELECT id FROM s WHERE id > 7") == []
    # Settings stay for the statements that follow, of one run only.
    shown = rows("SET vector.preselect_alpha = 8; SHOW vector.preselect_alpha")
    assert shown[-1]["value"] == "8", shown
    assert rows("SHOW vector.preselect_alpha")[0]["value"] == "6"
    # The first error ends the run.
    failed = run(server, "sql", stdin="DELETE FROM s WHERE t IS NULL;\nDELETE FROM dogs\nWHERE id = 1;\n"
                 "DELETE FROM s WHERE id = 1;", code=1)
    assert "error: NOT_FOUND: stdin:2: " in failed.stderr, failed.stderr
    assert "1 row deleted" in failed.stdout and "statement" not in failed.stderr
    assert rows("SELECT id FROM s") == [{"id": 1}]
    wrong = run(server, "sql", "-c", "SELECT id FRM s", code=1)
    assert "line 1, column 11" in wrong.stderr and "INVALID_ARGUMENT" in wrong.stderr, wrong.stderr
    run(server, "sql", f"{folder}/no-such-file", code=5)
    run(server, "sql", "-c", "SHOW TABLES", str(script), code=2)
    run(None, "sql", "-c", "SHOW TABLES", code=4)


class Terminal:
    """`ordinate sql` on a terminal."""

    def __init__(self, server, state):
        environment = dict(os.environ, ORDINATE_SERVER=server.address, XDG_STATE_HOME=state, TERM="xterm",
                           COLUMNS="80")
        self.pid, self.tty = pty.fork()
        if self.pid == 0:
            os.execve(BINARY, [BINARY, "sql"], environment)
        self.seen = ""

    def expect(self, text):
        """Reads until `text` is there; forgets what came up to its end."""
        while text not in self.seen:
            try:
                got = os.read(self.tty, 4096).decode(errors="replace")
            except OSError:
                got = ""
            assert got, f"the prompt ended before {text!r}; it printed {self.seen!r}"
            self.seen += got
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def type(self, text):
        os.write(self.tty, text.encode())

    def interrupt_a_write(self):
        """Ctrl-C while a write waits, because the terminal takes nothing more. Several times: the first
        finds part of the text written. (\\x03 would make room in the terminal.)"""
        self.wait_in_a_call("0x1")  # with stdout
        for _ in range(5):
            self.wait_in_a_call()
            os.kill(self.pid, signal.SIGINT)

    def wait_in_a_call(self, first_argument=None):
        """Until the prompt waits in a system call, one with that argument."""
        until = time.monotonic() + 60
        while True:
            call = pathlib.Path(f"/proc/{self.pid}/syscall").read_text().split()
            if len(call) > 1 and first_argument in (None, call[1]):
                return
            assert time.monotonic() < until, f"the prompt waits for nothing it should: {call}"
            os.sched_yield()

    def end(self):
        while True:
            try:
                if not os.read(self.tty, 4096):
                    break
            except OSError:
                break
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert code == 0, f"the prompt ended with {code}; it printed {self.seen!r}"


def check_prompt(server, folder):
    terminal = Terminal(server, f"{folder}/state")
    terminal.expect("ordinate> ")
    terminal.type("SELECT COUNT(*)\n")
    terminal.expect("-> ")
    terminal.type("FROM s;\n")
    terminal.expect("1 row")
    terminal.expect("ordinate> ")
    terminal.type("SET vector.preselect_alpha = 9;\n")
    terminal.expect("ordinate> ")
    terminal.type("SHOW vector.pre\t;\n")
    terminal.expect("vector.preselect_alpha  9")
    terminal.expect("ordinate> ")
    terminal.type("FROBNICATE;\n")
    terminal.expect("error: INVALID_ARGUMENT")
    terminal.expect("ordinate> ")
    terminal.type("half a statement")
    terminal.expect("half a statement")
    terminal.type("\x03")
    terminal.expect("ordinate> ")
    terminal.type("quit\n")
    terminal.end()
    assert "FROM s;" in pathlib.Path(f"{folder}/state/ordinate/history").read_text().replace("\\040", " ")


def check_interrupt(server, folder):
    """Ctrl-C ends the statement that runs, and neither the prompt nor its settings. The statement prints
    far more than a terminal takes, so that it runs for as long as nobody reads on."""
    run(server, "table", "create", "long", "--key", "id:INT64", "--attr", "t:STRING", "--vector", "v:2")
    with open(f"{folder}/long.jsonl", "w") as file:
        for i in range(10000):
            file.write(json.dumps({"id": i, "t": "x" * 1000, "v": [i, 0]}) + "\n")
    run(server, "load", "long", f"{folder}/long.jsonl")
    for statement, interrupt in (("SELECT id, t FROM long ORDER BY vec_l2(v, '[0,0]')",
                                  lambda terminal: terminal.type("\x03")),
                                 ("SELECT id, t FROM long", Terminal.interrupt_a_write)):
        terminal = Terminal(server, f"{folder}/state")
        terminal.expect("ordinate> ")
        terminal.type("SET vector.preselect_alpha = 9;\n")
        terminal.expect("ordinate> ")
        terminal.type(statement + ";\n")
        terminal.expect("xxxxxxxx")
        interrupt(terminal)
        terminal.expect("error: CANCELLED")
        terminal.expect("ordinate> ")
        terminal.type("SHOW vector.preselect_alpha;\n")
        terminal.expect("vector.preselect_alpha  9")
        terminal.expect("ordinate> ")
        terminal.type("quit\n")
        terminal.end()


def check_interrupt_behind_a_pipe(server):
    """Ctrl-C, once more at the most, ends a command whose output nobody reads on."""
    command = [BINARY, "sql", "-c", "SELECT id, t FROM long"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE,
                               env=dict(os.environ, ORDINATE_SERVER=server.address))
    process.stdout.read(1)
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        process.send_signal(signal.SIGINT)
        os.sched_yield()
    process.kill()
    assert process.wait() == -signal.SIGINT, process.returncode
    process.stdout.close()


def main():
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/data"
        server = Server(data)
        try:
            check_round_trip(server, folder)
            check_json_null(server, folder)
            check_export_targets(server, folder)
            check_vectors_from_stdin(server, folder)
            check_reads(server)
            check_sql(server, folder)
            check_prompt(server, folder)
            check_interrupt(server, folder)
            check_interrupt_behind_a_pipe(server)
            check_errors(server, data)
        finally:
            server.kill()
        check_verify(data)
    print("ok")


main()
