"""Whether the fuzz targets find the defects of tests/fuzz/plants.

Each patch is of one source file and named TARGET-WHAT.patch. The file is patched in a copy and
compiled as the preset `fuzz` compiles it; the target is linked with that object and runs on the
committed corpus until it fails.

Run by ./dev fuzz --plants: ROOT SECONDS TARGETS OPTIONS...
"""

import os
import re
import subprocess
import sys
import time


sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import planted  # pylint: disable=wrong-import-position


class Plant:
    """One patch, and the folder in which it is tried."""

    def __init__(self, root, patch):
        self.root = root
        self.planted = planted.Planted(root, os.path.join(root, "build/fuzz"), patch)
        self.name, self.folder = self.planted.name, self.planted.folder
        self.target = self.name.split("-")[0]

    def find(self, seconds, options):
        """Seconds until the target failed; None: it did not."""
        binary = self.planted.make(f"fuzz_{self.target}")
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
