"""Whether the fuzz targets find the defects of tests/fuzz/plants.

Each patch is of one source file and named TARGET-WHAT.patch. The file is patched in a copy and
compiled as the preset `fuzz` compiles it; the target is linked with that object before the library
that has the sound one, and runs on the committed corpus until it fails.

Run by ./dev fuzz --plants: ROOT SECONDS TARGETS OPTIONS...
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time


def run(command, folder):
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


class Plant:
    """One patch, and the folder in which it is tried."""

    def __init__(self, root, patch):
        self.root, self.patch = root, patch
        self.name = os.path.basename(patch).removesuffix(".patch")
        self.target = self.name.split("-")[0]
        self.build = os.path.join(root, "build/fuzz")
        self.folder = os.path.join(self.build, "plants", self.name)
        with open(patch, encoding="utf-8") as stream:
            self.file = re.search(r"^\+\+\+ b/(\S+)", stream.read(), re.MULTILINE).group(1)

    def make(self):
        """The path of the target with the defect in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        copy = os.path.join(self.folder, self.file)
        os.makedirs(os.path.dirname(copy))
        shutil.copy(os.path.join(self.root, self.file), copy)
        run(["patch", "-p1", "--fuzz=0", "-s", "-i", self.patch], self.folder)
        run(self.compile_command(copy), self.build)
        run(self.link_command(), self.build)
        return os.path.join(self.folder, "fuzz")

    def compile_command(self, copy):
        with open(os.path.join(self.build, "compile_commands.json"), encoding="utf-8") as stream:
            entries = json.load(stream)
        source = os.path.join(self.root, self.file)
        words = shlex.split(next(e["command"] for e in entries if e["file"] == source))
        words[words.index("-o") + 1] = os.path.join(self.folder, "planted.o")
        return [copy if word == source else word for word in words]

    def link_command(self):
        name = f"bin/fuzz_{self.target}"
        line = run(["ninja", "-t", "commands", name], self.build).splitlines()[-1]
        words = [word for word in shlex.split(line) if word not in (":", "&&")]
        words[words.index("-o") + 1] = os.path.join(self.folder, "fuzz")
        first_library = next(i for i, word in enumerate(words) if word.endswith(".a"))
        return words[:first_library] + [os.path.join(self.folder, "planted.o")] + \
            words[first_library:]

    def find(self, seconds, options):
        """Seconds until the target failed; None: it did not."""
        binary = self.make()
        grown = os.path.join(self.folder, "corpus")
        os.makedirs(grown)
        begin = time.monotonic()
        with open(os.path.join(self.folder, "log"), "w", encoding="utf-8") as log:
            code = subprocess.run(
                [binary, *options, f"-max_total_time={seconds}",
                 f"-artifact_prefix={self.folder}/", grown,
                 os.path.join(self.root, "tests/fuzz/corpus", self.target)],
                stdout=log, stderr=log, check=False).returncode
        if code != 0 and not any(name.startswith(("crash", "oom", "timeout", "leak"))
                                 for name in os.listdir(self.folder)):
            sys.exit(f"{self.name}: the target did not run; see {self.folder}/log")
        return None if code == 0 else time.monotonic() - begin

    def finding(self):
        """The line of the log that says what was found."""
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if re.search(r"broken rule|ERROR: |runtime error", line):
                    return line.strip()[:150]
        return "see the log"


def main():
    root, seconds, targets, *options = sys.argv[1:]
    folder = os.path.join(root, "tests/fuzz/plants")
    missed = 0
    for name in sorted(os.listdir(folder)):
        plant = Plant(root, os.path.join(folder, name))
        if plant.target not in targets.split():
            continue
        spent = plant.find(int(seconds), options)
        missed += spent is None
        print(f"{plant.name}: " + (f"not found in {seconds} s" if spent is None else
                                   f"found after {spent:.1f} s: {plant.finding()}"), flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
