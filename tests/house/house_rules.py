"""The rules of this source tree that a compiler does not check.

Run with the root of a tree; prints one line for each violation and exits with 1 if there is any.
"""

import os
import re
import sys

MAX_LINES = 600
LAYERS = {"storage": 0, "engine": 1, "service": 2}
CODE = (".cc", ".h")
COUNTED = (".cc", ".h", ".proto", ".py", ".sh")
SKIPPED_FOLDERS = {".git", "build", "data", "node_modules", "__pycache__"}

# A folder of the left column sees nothing of the project but itself and what the right one names.
NARROW = {"engine/query": {"storage/base", "storage/model"}}

# A library's headers, and the only folders that see them. tests/ and docs/ are free.
LIBRARIES = [
    ("FAISS", re.compile(r"faiss/"), ()),
    ("RocksDB", re.compile(r"rocksdb/"), ("storage/rocks", "storage/rows", "storage/catalog")),
    ("gRPC", re.compile(r"(grpc|grpcpp|google/rpc)/"), ("service",)),
    ("Protobuf", re.compile(r"google/protobuf/"), ("service",)),
    ("the generated proto code", re.compile(r"(ordinate|proto)/.*\.pb\.h$"), ("service",)),
]

MARKERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
DRAWN = re.compile(r"^ {4}(?:(\w+)/ +| {12})(?:(\w+)/ +)?\S", re.MULTILINE)
FOLDERS = re.compile(r"\b(?:ordinate_folders|add_subdirectory)\s*\(([^)]*)\)")


class Tree:
    """The text of every file under a root, by path relative to it."""

    def __init__(self, root):
        self.root = root
        self.text = {}
        for folder, names, files in os.walk(root):
            names[:] = sorted(n for n in names if n not in SKIPPED_FOLDERS)
            for file in sorted(files):
                path = os.path.join(folder, file)
                if os.path.islink(path):
                    continue
                try:
                    with open(path, encoding="utf-8") as stream:
                        self.text[os.path.relpath(path, root)] = stream.read()
                except (UnicodeDecodeError, FileNotFoundError):
                    continue

    def ending(self, endings):
        return [path for path in self.text if path.endswith(endings)]

    def includes(self, path):
        """(line number, included path) of each include of a file."""
        text = self.text[path]
        for match in INCLUDE.finditer(text):
            yield text.count("\n", 0, match.start(1)) + 1, match.group(1)


def layer_of(path):
    return LAYERS.get(path.split("/")[0])


def folder_of(path):
    """The second-level folder of a path in a layer: engine/query of engine/query/plan/plan.h."""
    return "/".join(path.split("/")[:-1][:2])


def is_inside(path, folders):
    return any(path.startswith(folder + "/") for folder in folders)


def check_layers(tree):
    for path in tree.ending(CODE):
        if layer_of(path) is None:
            continue
        for line, target in tree.includes(path):
            if layer_of(target) is not None and layer_of(target) > layer_of(path):
                yield (f"{path}:{line}: upward include of {target}; "
                       "the order is service, engine, storage")


def check_narrow_folders(tree):
    for path in tree.ending(CODE):
        allowed = NARROW.get(folder_of(path))
        if allowed is None:
            continue
        for line, target in tree.includes(path):
            if layer_of(target) is None or folder_of(target) == folder_of(path):
                continue
            if folder_of(target) not in allowed:
                yield (f"{path}:{line}: {folder_of(path)} includes {target}; "
                       f"it may see only {', '.join(sorted(allowed))}")


def check_libraries(tree):
    for path in tree.ending(CODE):
        if layer_of(path) is None:
            continue
        for line, target in tree.includes(path):
            for name, pattern, folders in LIBRARIES:
                if pattern.match(target) and not is_inside(path, folders):
                    yield (f"{path}:{line}: includes {target}; "
                           f"only {' and '.join(folders) or 'tests'} may see {name}")


def check_cycles(tree):
    edges = {}
    for path in tree.ending(CODE):
        if layer_of(path) is None:
            continue
        for _, target in tree.includes(path):
            if layer_of(target) is not None and folder_of(target) != folder_of(path):
                edges.setdefault(folder_of(path), set()).add(folder_of(target))
    done, stack = set(), []

    def visit(folder):
        if folder in stack:
            yield "folders include each other: " + " -> ".join(
                stack[stack.index(folder):] + [folder])
            return
        if folder in done:
            return
        stack.append(folder)
        for target in sorted(edges.get(folder, ())):
            yield from visit(target)
        stack.pop()
        done.add(folder)

    for folder in sorted(edges):
        yield from visit(folder)


def check_length(tree):
    for path in tree.ending(COUNTED) + [p for p in tree.text if p == "dev"]:
        lines = len(tree.text[path].splitlines())
        if lines > MAX_LINES:
            yield f"{path}: {lines} lines; a source file has at most {MAX_LINES}"


def check_markers(tree):
    for path, text in tree.text.items():
        for number, line in enumerate(text.splitlines(), 1):
            match = MARKERS.search(line)
            if match:
                yield f"{path}:{number}: leftover marker {match.group(0)}"


def reached_folders(tree):
    """Folders whose CMakeLists.txt the root's one leads to."""
    reached, queue = set(), [""]
    while queue:
        folder = queue.pop()
        text = tree.text.get(os.path.join(folder, "CMakeLists.txt"))
        if text is None or folder in reached:
            continue
        reached.add(folder)
        for match in FOLDERS.finditer(text):
            for name in match.group(1).split():
                queue.append(os.path.normpath(os.path.join(folder, name)))
    return reached


def is_named(tree, path, listing):
    """Whether a CMakeLists.txt names a file by its path relative to the listing or the root.

    A proto may be named without its ending, since several files are generated from it.
    """
    names = {path, os.path.relpath(path, os.path.dirname(listing) or ".")}
    names |= {name.removesuffix(".proto") for name in names}
    words = set(re.split(r"[\s()\"]+", re.sub(r"#.*", "", tree.text[listing])))
    for word in words:
        for prefix in ("${CMAKE_CURRENT_SOURCE_DIR}/", "${PROJECT_SOURCE_DIR}/",
                       "${CMAKE_SOURCE_DIR}/"):
            if word.startswith(prefix):
                word = word[len(prefix):]
        if word in names:
            return True
    return False


def check_unbuilt(tree):
    reached = reached_folders(tree)
    listings = [os.path.join(folder, "CMakeLists.txt") for folder in sorted(reached)]
    for path in tree.ending("CMakeLists.txt"):
        if os.path.dirname(path) not in reached:
            yield f"{path}: no CMakeLists.txt above it adds this folder"
    for path in tree.ending((".cc", ".proto")):
        if not any(is_named(tree, path, listing) for listing in listings):
            what = "test" if path.startswith("tests/") else "file"
            yield f"{path}: dead {what}: no CMakeLists.txt names it"


def check_uncalled_scripts(tree):
    callers = [path for path in tree.text
               if path.endswith(("CMakeLists.txt", ".cmake", ".py", ".sh")) or
               path in ("dev", ".ci/run")]
    for path in tree.ending((".py", ".sh")):
        name = os.path.basename(path)
        module = re.compile(r"^\s*(import|from)\s+" + re.escape(name[:-3]) + r"\b", re.MULTILINE)
        if not any(name in tree.text[caller] or module.search(tree.text[caller])
                   for caller in callers if caller != path):
            yield f"{path}: dead script: no build file and no other script runs it"


def check_unincluded_headers(tree):
    listings = tree.ending("CMakeLists.txt")
    included = {path for path in tree.ending(".h")
                if any(is_named(tree, path, listing) for listing in listings)}
    for path in tree.ending(CODE):
        for _, target in tree.includes(path):
            included.add(target)
            included.add(os.path.normpath(os.path.join(os.path.dirname(path), target)))
    for path in tree.ending(".h"):
        if path not in included:
            yield f"{path}: dead header: no file includes it"


def blanked(match):
    """As many lines with nothing in them."""
    return "\n" * match.group(0).count("\n")


def anchors(text):
    """The names that the headings of a page are linked by."""
    headings = re.findall(r"^#+ +(.*)$", BLOCK.sub(blanked, text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
            for heading in headings}


def check_links(tree):
    for path in tree.ending(".md"):
        text = CODE_SPAN.sub("", BLOCK.sub(blanked, tree.text[path]))
        for match in LINK.finditer(text):
            link = match.group(1) or match.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            name, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
            place = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
            if target.startswith("..") or not os.path.exists(os.path.join(tree.root, target)):
                yield f"{place}: dead link {link}: there is no {target}"
            elif anchor and target in tree.text and anchor not in anchors(tree.text[target]):
                yield f"{place}: dead link {link}: {target} has no such heading"


def hunks(patch):
    """(path, the text that is there before) of each hunk of a patch."""
    path = before = None
    for line in patch.splitlines(keepends=True):
        if line.startswith(("--- ", "+++ ", "@@ ")):
            if before:
                yield path, before
            before = "" if line.startswith("@@ ") else None
            path = line[len("+++ b/"):].split()[0] if line.startswith("+++ b/") else path
        elif before is not None and line[0] in " -":
            before += line[1:]
    if before:
        yield path, before


def check_patches(tree):
    for patch in tree.ending(".patch"):
        for path, before in hunks(tree.text[patch]):
            if before not in tree.text.get(path, ""):
                yield f"{patch}: stale: {path} is not what it changes any more"


def check_folder_page(tree):
    """The tree that the architecture page draws: a folder, or a folder and one in it, a line."""
    page = "docs/architecture.md"
    _, _, drawn = tree.text.get(page, "").partition("\n## Folders")
    top = ""
    for match in DRAWN.finditer(drawn):
        top = match.group(1) or top
        for folder in filter(None, (match.group(1), match.group(2) and f"{top}/{match.group(2)}")):
            if not os.path.isdir(os.path.join(tree.root, folder)):
                yield f"{page}: draws {folder}/, which is not there"


RULES = [check_layers, check_narrow_folders, check_libraries, check_cycles, check_length,
         check_markers, check_unbuilt, check_uncalled_scripts, check_unincluded_headers,
         check_links, check_patches, check_folder_page]


def violations(root):
    tree = Tree(root)
    return [violation for rule in RULES for violation in rule(tree)]


def main():
    if len(sys.argv) != 2 or not os.path.isfile(os.path.join(sys.argv[1], "CMakeLists.txt")):
        sys.exit("usage: house_rules.py ROOT (the folder of the topmost CMakeLists.txt)")
    found = violations(sys.argv[1])
    for violation in found:
        print(violation)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
