"""Runs the examples of the pages under docs/ against a real server, and compares what they print.

On a page, a block that begins with ```sh holds commands and what they print. A line "$ COMMAND" is
run by bash (a "\\" at its end continues it on the next line), and the lines up to the next command
are its output, stdout and stderr as they come. A block that begins with ```json NAME or
```jsonl NAME is stored as the file NAME first. Every other block is only for reading.

Each page has a server of its own, whose data directory is ./ordinate-data; "ordinate verify" stops
it first. Runs of blanks count as one, since the width of a column depends on what varies. Expected
output may hold
  ...      on a line of its own: any number of lines, none included
  <N>      a number, such as 17 or 1,234.5
  <TIME>   a duration, such as 12 ms or 1.5 s
  <SIZE>   a size, such as 64 B or 192.0 KiB
A command fails (its exit code is not 0) exactly when its expected output has a line that begins
with "error:".
"""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from server_process import BINARY, CLEAN, ROOT, Server

NUMBER = r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?"
PATTERNS = {"<N>": NUMBER,
            "<TIME>": NUMBER + r" (?:ns|us|ms|s|min|h)",
            "<SIZE>": NUMBER + r" (?:B|KiB|MiB|GiB)"}
FENCE = re.compile(r"^```(\S*) *(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a slow machine prints between: a line of progress every 5 seconds.
PROGRESS = re.compile(r"^(build|load) .* rows/s")


def blanks_as_one(line):
    return " ".join(line.split())


def line_pattern(expected):
    """The regular expression of one expected line."""
    parts = re.split(r"(<N>|<TIME>|<SIZE>)", blanks_as_one(expected))
    return "".join(PATTERNS.get(part) or re.escape(part) for part in parts)


def matches(expected, printed):
    """Whether printed lines are the expected ones."""
    printed = [line for line in printed if not PROGRESS.match(line)]
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else line_pattern(line) + r"\n"
                      for line in expected)
    text = "".join(blanks_as_one(line) + "\n" for line in printed)
    return re.fullmatch(pattern, text) is not None


def examples(text):
    """(command, lines expected) of one block."""
    found, continued = [], False
    for line in text.splitlines():
        if continued:
            found[-1][0] += "\n" + line
        elif line.startswith("$ "):
            found.append([line[2:], []])
        elif found:
            found[-1][1].append(line)
        else:
            raise AssertionError(f"a block of examples begins with {line!r}, expected '$ COMMAND'")
        continued = (continued or line.startswith("$ ")) and line.endswith("\\")
    return [(command, expected) for command, expected in found]


class Page:
    """A page's blocks in order: ("file", name, text) or ("run", command, expected lines)."""

    def __init__(self, text):
        self.steps = []
        for language, name, body in FENCE.findall(text):
            if language in ("json", "jsonl") and name:
                self.steps.append(("file", name, body))
            elif language == "sh":
                self.steps += [("run", *example) for example in examples(body)]

    def commands(self):
        return sum(step[0] == "run" for step in self.steps)


class Runner:
    """Runs a page's steps in a folder of its own."""

    def __init__(self, server, folder):
        self._server = server
        self._folder = pathlib.Path(folder)
        path = f"{pathlib.Path(BINARY).parent}:{CLEAN['PATH']}"
        self._environment = {**CLEAN, "PATH": path, "ORDINATE_SERVER": server.address}

    def store(self, name, text):
        (self._folder / name).write_text(text, encoding="utf-8")

    def run(self, command):
        """(exit code, lines printed)"""
        if "ordinate verify" in command:
            self._server.stop()
        ended = subprocess.run(["bash", "-c", command], cwd=self._folder, env=self._environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        return ended.returncode, ended.stdout.splitlines()


class MatchTest(unittest.TestCase):
    def test_lines(self):
        self.assertTrue(matches(["a  1", "b"], ["a 1", "b"]))
        self.assertFalse(matches(["a", "b"], ["a"]))
        self.assertFalse(matches(["a"], ["a", "b"]))
        self.assertFalse(matches(["a.c"], ["abc"]))

    def test_wildcards(self):
        self.assertTrue(matches(["<N> rows in <TIME>, <SIZE>"], ["1,234 rows in 1.5 s, 192.0 KiB"]))
        self.assertFalse(matches(["<N> rows"], ["no rows"]))
        self.assertFalse(matches(["in <TIME>"], ["in 5"]))
        self.assertTrue(matches(["a", "...", "z"], ["a", "b", "c", "z"]))
        self.assertTrue(matches(["a", "...", "z"], ["a", "z"]))
        self.assertFalse(matches(["a", "...", "z"], ["a", "b"]))

    def test_blocks(self):
        page = Page("```json x.json\n[1]\n```\n```sh\n$ one \\\n    two\nout\n$ three\n```\n"
                    "```text\n$ never\n```\n")
        self.assertEqual(page.steps, [("file", "x.json", "[1]\n"),
                                      ("run", "one \\\n    two", ["out"]), ("run", "three", [])])


class DocExamplesTest(unittest.TestCase):
    def check(self, name, at_least):
        page = Page((ROOT / "docs" / name).read_text(encoding="utf-8"))
        self.assertGreaterEqual(page.commands(), at_least, f"examples of docs/{name}")
        with tempfile.TemporaryDirectory(prefix="ordinate-docs-") as folder:
            with Server("--backup-dir", os.path.join(folder, "ordinate-backups"),
                        data_dir=os.path.join(folder, "ordinate-data")) as server:
                runner = Runner(server, folder)
                for kind, what, expected in page.steps:
                    if kind == "file":
                        runner.store(what, expected)
                        continue
                    code, printed = runner.run(what)
                    with self.subTest(page=name, command=what):
                        self.assertTrue(
                            matches(expected, printed),
                            "\nthe page says:\n" + "\n".join(expected) + "\nit printed:\n" +
                            "\n".join(printed))
                        fails = any(line.startswith("error:") for line in expected)
                        self.assertEqual(code != 0, fails, f"exit code {code}")

    def test_vector_indexes(self):
        self.check("vector-indexes.md", at_least=20)

    def test_statements(self):
        self.check("statements.md", at_least=25)

    def test_cli(self):
        self.check("cli.md", at_least=20)


if __name__ == "__main__":
    unittest.main()
