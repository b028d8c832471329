"""A program with a defect in it: what tests/fuzz/plants.py and tests/plants/plants.py share.

The source files that a patch names are patched in a copy and compiled as a preset compiles them; the
program is linked with those objects before the libraries that have the sound ones.
"""

import json
import os
import re
import shlex
import shutil
import subprocess


def run(command, folder):
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


class Planted:
    """`patch` applied to the sources in `root`, for a program of the build folder `build`."""

    def __init__(self, root, build, patch):
        self.root, self.build, self.patch = root, build, patch
        self.name = os.path.basename(patch).removesuffix(".patch")
        self.folder = os.path.join(build, "plants", self.name)
        with open(patch, encoding="utf-8") as stream:
            self.text = stream.read()
        self.files = re.findall(r"^\+\+\+ b/(\S+)", self.text, re.MULTILINE)

    def make(self, program):
        """The path of `program` (its name in bin/) with the defect in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for file in self.files:
            copy = os.path.join(self.folder, file)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy(os.path.join(self.root, file), copy)
        run(["patch", "-p1", "--fuzz=0", "-s", "-i", self.patch], self.folder)
        objects = [self.compile(file) for file in self.files]
        run(self.link_command(program, objects), self.build)
        return os.path.join(self.folder, program)

    def compile(self, file):
        with open(os.path.join(self.build, "compile_commands.json"), encoding="utf-8") as stream:
            entries = json.load(stream)
        source, copy = os.path.join(self.root, file), os.path.join(self.folder, file)
        words = shlex.split(next(e["command"] for e in entries if e["file"] == source))
        words[words.index("-o") + 1] = copy + ".o"
        run([copy if word == source else word for word in words], self.build)
        return copy + ".o"

    def link_command(self, program, objects):
        line = run(["ninja", "-t", "commands", f"bin/{program}"], self.build).splitlines()
        line = next(x for x in reversed(line) if f"-o bin/{program} " in x)
        words = [word for word in shlex.split(line) if word not in (":", "&&")]
        words[words.index("-o") + 1] = os.path.join(self.folder, program)
        first_library = next(i for i, word in enumerate(words) if word.endswith(".a"))
        return words[:first_library] + objects + words[first_library:]
