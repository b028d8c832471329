"""Holds every house rule against a small tree that breaks it, and against one that keeps all."""

import os
import tempfile
import unittest

import house_rules

GOOD = {
    "CMakeLists.txt": "ordinate_folders(storage)\nordinate_folders(engine)\n"
                      "ordinate_folders(service)\nordinate_folders(proto tests)\n",
    "storage/CMakeLists.txt": "ordinate_folders(base)\nordinate_folders(rows)\n",
    "storage/base/CMakeLists.txt": "ordinate_library(ordinate_base SOURCES clock.cc)\n",
    "storage/base/clock.h": "#include <cstdint>\n",
    "storage/base/clock.cc": '#include "storage/base/clock.h"\n',
    "storage/rows/CMakeLists.txt": "ordinate_library(ordinate_rows SOURCES rows.cc)\n",
    "storage/rows/rows.h": '#include "storage/base/clock.h"\n',
    "storage/rows/rows.cc": '#include <rocksdb/db.h>\n#include "storage/rows/rows.h"\n',
    "engine/CMakeLists.txt": "ordinate_folders(query index)\n",
    "engine/query/CMakeLists.txt": "ordinate_library(ordinate_query SOURCES plan.cc)\n",
    "engine/query/plan.h": '#include "storage/base/clock.h"\n',
    "engine/query/plan.cc": '#include "engine/query/plan.h"\n',
    "engine/index/CMakeLists.txt": "ordinate_library(ordinate_index SOURCES graph.cc)\n",
    "engine/index/graph.h": '#include "engine/query/plan.h"\n',
    "engine/index/graph.cc": '#include "engine/index/graph.h"\n',
    "service/CMakeLists.txt": "add_library(server server/server.cc)\n",
    "service/server/server.cc": '#include <grpcpp/server.h>\n#include "engine/index/graph.h"\n'
                                '#include "ordinate/v1/query.pb.h"\n',
    "tests/CMakeLists.txt": "ordinate_folders(rows)\n",
    "tests/rows/CMakeLists.txt": "ordinate_test(rows_test SOURCES rows_test.cc)\n",
    "tests/rows/rows_test.cc": '#include "storage/rows/rows.h"\n#include <faiss/Index.h>\n',
    "proto/CMakeLists.txt": "set(PROTOS v1/query)\n",
    "proto/v1/query.proto": 'syntax = "proto3";\n',
    "dev": "#!/usr/bin/env bash\ntools/load.sh\n",
    "tools/load.sh": "exit 0\n",
    "README.md": "# Top\n\nSee [the page](docs/page.md), [its end](docs/page.md#the-end),\n"
                 "[a folder](proto) and [the site](https://example.org/none); `[not](a-link)`.\n"
                 "```\n[nor](this)\n```\n",
    "docs/architecture.md": "# Tree\n\n    lost/  of another picture\n\n## Folders\n\n"
                            "    proto/      ordinate/v1: the API\n"
                            "    engine/     query/    plans\n"
                            "                index/    graphs\n"
                            "    docs/       pages\n",
    "docs/page.md": "# A page\n\n[up](../README.md#top), [down](#the-end)\n\n## The `end`\n",
}


def check(changes):
    """The violations of the good tree with some files replaced or added."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **changes}.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as stream:
                stream.write(text)
        return house_rules.violations(root)


class HouseRulesTest(unittest.TestCase):

    def expect(self, changes, *parts):
        """Expects exactly one violation, which holds every part."""
        found = check(changes)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_good_tree_is_clean(self):
        self.assertEqual(check({}), [])

    def test_upward_include_from_storage(self):
        found = check({"storage/rows/rows.h":
                       '#include "storage/base/clock.h"\n#include "engine/query/plan.h"\n'})
        self.assertEqual(len(found), 1, found)
        self.assertIn("storage/rows/rows.h:2: upward include of engine/query/plan.h", found[0])

    def test_upward_include_from_engine(self):
        self.expect({"engine/index/graph.cc":
                     '#include "engine/index/graph.h"\n#include "service/wire/health.h"\n',
                     "service/wire/health.h": "\n"},
                    "engine/index/graph.cc:2: upward include")

    def test_query_sees_only_base_and_model(self):
        self.expect({"engine/query/plan.cc":
                     '#include "engine/query/plan.h"\n#include "storage/rows/rows.h"\n'},
                    "engine/query/plan.cc:2", "storage/base, storage/model")

    def test_faiss_outside_tests(self):
        self.expect({"engine/query/plan.cc":
                     '#include "engine/query/plan.h"\n#include <faiss/Index.h>\n'},
                    "engine/query/plan.cc:2", "only tests may see FAISS")

    def test_rocksdb_outside_rows_and_catalog(self):
        self.expect({"storage/base/clock.cc":
                     '#include "storage/base/clock.h"\n#  include "rocksdb/env.h"\n'},
                    "storage/base/clock.cc:2", "RocksDB")

    def test_grpc_and_protobuf_outside_service(self):
        self.expect({"engine/index/graph.h":
                     '#include "engine/query/plan.h"\n#include <grpcpp/grpcpp.h>\n'}, "gRPC")
        self.expect({"engine/index/graph.h":
                     '#include "engine/query/plan.h"\n#include <google/protobuf/message.h>\n'},
                    "Protobuf")

    def test_generated_proto_outside_service(self):
        self.expect({"storage/base/clock.cc":
                     '#include "storage/base/clock.h"\n#include "ordinate/v1/query.pb.h"\n'},
                    "only service may see the generated proto code")

    def test_cycle_of_folders(self):
        self.expect({"storage/base/clock.cc":
                     '#include "storage/base/clock.h"\n#include "storage/rows/rows.h"\n'},
                    "storage/base -> storage/rows -> storage/base")

    def test_long_files(self):
        body = "\n" * house_rules.MAX_LINES
        self.assertEqual(check({"dev": GOOD["dev"] + "\n" * (house_rules.MAX_LINES - 2)}), [])
        self.expect({"storage/base/clock.h": body + "int x;\n"}, "storage/base/clock.h: 601 lines")
        self.expect({"tools/load.sh": body + "exit 0\n"}, "tools/load.sh: 601 lines")
        self.expect({"dev": GOOD["dev"] + body}, "dev: 602 lines")

    def test_leftover_markers(self):
        for marker in ("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"):
            self.expect({"engine/query/plan.h":
                         f'#include "storage/base/clock.h"\n// {marker}: later\n'},
                        "engine/query/plan.h:2", marker)
        self.assertEqual(check({"tools/load.sh": "mktemp -t load." + "X" * 6 + "\n"}), [])

    def test_file_that_no_listing_names(self):
        self.expect({"engine/query/merge.cc": "\n"}, "engine/query/merge.cc: dead file")
        self.expect({"engine/query/merge.cc": "\n",
                     "engine/query/CMakeLists.txt":
                     "ordinate_library(ordinate_query SOURCES plan.cc) # merge.cc\n"},
                    "engine/query/merge.cc: dead file")

    def test_proto_that_no_listing_names(self):
        self.expect({"proto/v1/lost.proto": "\n"}, "proto/v1/lost.proto: dead file")

    def test_test_that_nothing_builds(self):
        self.expect({"tests/rows/scan_test.cc": "\n"}, "tests/rows/scan_test.cc: dead test")

    def test_test_folder_that_no_listing_adds(self):
        found = check({"tests/lost/CMakeLists.txt": "ordinate_test(t SOURCES t_test.cc)\n",
                       "tests/lost/t_test.cc": "\n"})
        self.assertEqual(len(found), 2, found)
        self.assertIn("tests/lost/CMakeLists.txt: no CMakeLists.txt above it", found[0])
        self.assertIn("tests/lost/t_test.cc: dead test", found[1])

    def test_folder_that_is_drawn_but_not_there(self):
        page = GOOD["docs/architecture.md"]
        self.expect({"docs/architecture.md": page + "    deploy/     to come\n"},
                    "docs/architecture.md: draws deploy/, which is not there")
        self.expect({"docs/architecture.md": page.replace("index/ ", "search/")},
                    "docs/architecture.md: draws engine/search/, which is not there")

    def test_script_that_nothing_runs(self):
        self.expect({"tools/forgotten.py": "print(1)\n"}, "tools/forgotten.py: dead script")

    def test_header_that_nothing_includes(self):
        self.expect({"engine/query/lost.h": "\n"}, "engine/query/lost.h: dead header")
        # Precompiled ones are named by the build.
        self.assertEqual(check({"engine/query/pch.h": "#include <string>\n",
                                "engine/query/CMakeLists.txt":
                                "ordinate_library(ordinate_query SOURCES plan.cc PCH pch.h)\n"}),
                         [])

    def test_patch_of_what_is_not_there(self):
        head = "What goes wrong.\n--- a/storage/base/clock.cc\n+++ b/storage/base/clock.cc\n"
        fits = head + '@@ -1 +1 @@\n-#include "storage/base/clock.h"\n+#include "x.h"\n'
        self.assertEqual(check({"tests/one.patch": fits}), [])
        stale = fits + "@@ -9 +9 @@\n int a;\n-int b;\n"
        self.assertEqual(check({"tests/one.patch": stale}), [
            "tests/one.patch: stale: storage/base/clock.cc is not what it changes any more"])

    def test_dead_links(self):
        self.expect({"docs/page.md": "## The end\n\n[up](../READNOT.md)\n"},
                    "docs/page.md:3: dead link ../READNOT.md: there is no READNOT.md")
        self.expect({"docs/page.md": "## The end\n```\n```\n[x](https://x.org) [o](#nowhere)\n"},
                    "docs/page.md:4: dead link #nowhere: docs/page.md has no such heading")
        self.expect({"README.md": "# Top\n[ref][1]\n\n[1]: docs/lost.md\n"},
                    "README.md:4: dead link docs/lost.md")
        self.expect({"README.md": "# Top\n[out](../elsewhere.md)\n"}, "README.md:2: dead link")


if __name__ == "__main__":
    unittest.main()
