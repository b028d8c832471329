"""Whether the tests find the defects of tests/plants/defects.

Each patch plants one defect in one or more source files. Above its first `---` it says in a sentence
what goes wrong, and which test must see it:

    caught by: TEST [ARGUMENTS]     a program of bin/ and what it is given
    planted in: PROGRAM             which program has the defect, where it is not the test itself

A test catches a defect when it fails, or does not end in time. A patch that no longer applies is an
error: the defect must be planted anew.

Run by ./dev plants: ROOT BUILD SECONDS [NAME...]
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import planted  # pylint: disable=wrong-import-position


class Defect:
    """A patch and the test that must catch it."""

    def __init__(self, root, build, patch):
        self.planted = planted.Planted(root, build, patch)
        self.name, self.build = self.planted.name, build
        head = self.planted.text.split("\n--- ", 1)[0]
        self.sentence = head.split("\n", 1)[0]
        self.test, *self.arguments = shlex.split(self.field(head, "caught by"))
        self.program = self.field(head, "planted in") or self.test

    @staticmethod
    def field(head, name):
        found = re.search(rf"^{name}: (.*)$", head, re.MULTILINE)
        return found.group(1) if found else ""

    def verdict(self, seconds):
        """How the test ended with the defect in place; None: it passed."""
        program = self.planted.make(self.program)
        programs = {"ordinate": "ORDINATE_BINARY", "crash_node": "ORDINATE_CRASH_NODE"}
        environment = dict(os.environ)
        for name, variable in programs.items():
            environment[variable] = os.path.join(self.build, "bin", name)
        test = program
        if self.program != self.test:
            test = os.path.join(self.build, "bin", self.test)
            environment[programs[self.program]] = program
        log = os.path.join(self.planted.folder, "log")
        with open(log, "w", encoding="utf-8") as stream:
            try:
                code = subprocess.run([test, *self.arguments], cwd=self.planted.folder,
                                      env=environment, stdout=stream, stderr=stream,
                                      timeout=seconds, check=False).returncode
            except subprocess.TimeoutExpired:
                return f"did not end within {seconds} s"
        with open(log, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        if code == 0:
            if "[  PASSED  ] 0 tests" in text:
                sys.exit(f"{self.name}: '{self.test} {' '.join(self.arguments)}' names no test")
            return None
        failed = re.findall(r"^\[  FAILED  \] ([^\s,]+)", text, re.MULTILINE)
        return failed[0] if failed else f"ended with {code}; see {log}"


def main():
    root, build, seconds, *names = sys.argv[1:]
    folder = os.path.join(root, "tests/plants/defects")
    patches = sorted(os.listdir(folder))
    unknown = set(names) - {patch.removesuffix(".patch") for patch in patches}
    if unknown:
        sys.exit(f"no defect is named {', '.join(sorted(unknown))}; they are in {folder}")
    chosen = [p for p in patches if not names or p.removesuffix(".patch") in names]
    missed = []
    for number, patch in enumerate(chosen, 1):
        defect = Defect(root, build, os.path.join(folder, patch))
        begin = time.monotonic()
        verdict = defect.verdict(int(seconds))
        spent = time.monotonic() - begin
        if verdict is None:
            missed.append(defect.name)
        elif "see " not in verdict:
            shutil.rmtree(defect.planted.folder)
        print(f"[{number}/{len(chosen)}] {defect.name}: " +
              (f"NOT CAUGHT by {defect.test} {' '.join(defect.arguments)}"
               if verdict is None else f"caught by {verdict}") +
              f" ({spent:.0f} s): {defect.sentence}", flush=True)
    if missed:
        sys.exit(f"{len(missed)} of {len(chosen)} defects were not caught: {', '.join(missed)}")
    print(f"all {len(chosen)} defects were caught")


if __name__ == "__main__":
    main()
