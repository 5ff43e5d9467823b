"""Each rule finds a planted violation and leaves decent text alone."""

import os
import subprocess
import tempfile
import unittest

import rooms
import rules
import tools


def found(check, path, text, *more):
    return [number for number, _ in check(path, text.split("\n"), *more)]


class Rooms(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for path in ("src/base/ids.h", "src/server/node.h", "resp/reply_writer.h",
                     "src/store/keyspace.h", "src/sim/env/clock.h"):
            full = os.path.join(self.folder.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8"):
                pass

    def includes(self, path, text):
        return found(rooms.check_includes, path, text, self.folder.name)

    def test_the_deepest_room_counts(self):
        self.assertEqual(rooms.room_of("src/sim/env/clock.cc"), "sim_env")
        self.assertEqual(rooms.room_of("src/sim/cluster.cc"), "sim")
        self.assertIsNone(rooms.room_of("src/main.cc"))

    def test_downward_and_own_includes_pass(self):
        text = '#include <vector>\n#include "base/ids.h"\n#include "store/keyspace.h"'
        self.assertEqual(self.includes("src/store/keyspace.cc", text), [])

    def test_upward_include_is_found(self):
        text = '#include "base/ids.h"\n#include "server/node.h"'
        self.assertEqual(self.includes("src/store/keyspace.cc", text), [2])

    def test_sideways_include_is_found(self):
        self.assertEqual(self.includes("resp/reply_writer.cc", '#include "store/keyspace.h"'), [1])

    def test_main_and_tests_may_include_every_room(self):
        text = '#include "server/node.h"\n#include "resp/reply_writer.h"'
        self.assertEqual(self.includes("src/main.cc", text), [])
        self.assertEqual(self.includes("tests/store/keyspace_test.cc", text), [])

    def test_include_without_folder_or_by_src_is_found(self):
        for name in ("ids.h", "../base/ids.h", "src/base/ids.h"):
            self.assertEqual(self.includes("src/base/env.cc", f'#include "{name}"'), [1], name)

    def test_include_of_nothing_is_found(self):
        self.assertEqual(self.includes("src/base/env.cc", '#include "base/nothing.h"'), [1])

    def test_cmake_that_agrees_passes(self):
        text = ("quoris_library(base DIR src/base DEPS)\n"
                "quoris_library(store DIR src/store DEPS base)\n"
                "quoris_library(server DIR src/server DEPS store base\n"
                "               HEAVY src/server/node.h)\n")
        self.assertEqual(list(rooms.check_cmake(text)), [])

    def test_cmake_with_another_edge_folder_or_room_is_found(self):
        base = "quoris_library(base DIR src/base DEPS)\n"
        for line in ("quoris_library(store DIR src/store DEPS)",
                     "quoris_library(store DIR src/shop DEPS base)",
                     "quoris_library(net DIR src/net DEPS base store)\n"
                     "quoris_library(store DIR src/store DEPS base)",
                     "quoris_library(attic DIR src/attic DEPS base)"):
            self.assertEqual([number for number, _ in rooms.check_cmake(base + line)], [2], line)


class OutsideWorld(unittest.TestCase):
    def check(self, text, path="src/store/keyspace.cc"):
        return found(rules.check_outside_world, path, text)

    def test_each_way_out_is_found(self):
        for line in (
            "uv_timer_t timer;", "#include <uv.h>", "#include <spdlog/spdlog.h>",
            "spdlog::info(1);", "auto t = std::chrono::steady_clock::now();",
            "clock_gettime(CLOCK_REALTIME, &ts);", "gettimeofday(&tv, nullptr);",
            "time_t t = time(nullptr);", "auto t = std::time(0);", "int r = rand();",
            "std::random_device device;", "getrandom(buffer, 8, 0);", "std::mt19937_64 rng;",
            "#include <random>", 'FILE* file = fopen(path, "r");', "std::ifstream in(path);",
            "std::filesystem::exists(path);", "#include <fstream>", "int fd = ::open(path, 0);",
            "#include <fcntl.h>", "#include <sys/socket.h>", "std::thread worker;",
            "std::mutex mutex_;", "std::scoped_lock lock(mutex_);", "pthread_create(&a, b, c, d);",
            "std::this_thread::yield();", "#include <mutex>", 'getenv("HOME");',
        ):
            self.assertEqual(self.check("\n" + line), [2], line)

    def test_the_edge_and_tests_are_free(self):
        for path in ("src/net/reactor.cc", "src/main.cc", "src/program/server.cc",
                     "tests/net/reactor_test.cc"):
            self.assertEqual(self.check("uv_loop_t loop; std::thread worker;", path), [], path)

    def test_comments_strings_and_other_names_are_no_matter(self):
        for line in (
            "// std::thread and uv_run live in src/net", "/* rand()\n time(nullptr) */",
            'error("std::mutex");', 'auto text = R"(uv_run();)";', "env.clock.now_ms();",
            "operand(1);", "size_t runtime(0);", "auto part = file_.open(path);",
            "int big = 1'000'000; // 'x", "Result<File> Disk::open(Path path) {",
            "uint64_t random_key();",
        ):
            self.assertEqual(self.check(line), [], line)

    def test_a_literal_does_not_shift_or_hide_lines(self):
        text = "auto a = R\"x(\n\n)x\";\n/*\n*/ char c = '\"';\nstd::thread t;"
        self.assertEqual(self.check(text), [6])


class Text(unittest.TestCase):
    def test_sleep_in_a_test_is_found(self):
        for line in ("std::this_thread::sleep_for(1s);", "usleep(10);", "sleep(1);"):
            self.assertEqual(found(rules.check_sleeps, "tests/net/a_test.cc", line), [1], line)
        self.assertEqual(found(rules.check_sleeps, "tests/net/a_test.cc", "// never sleep()"), [])
        self.assertEqual(found(rules.check_sleeps, "src/command/debug.cc", "sleep(1);"), [])

    def test_names_that_ctest_misreads_are_found(self):
        for name in ("from [E, 2E)", "a; b", "a\\\\b"):
            line = f'TEST_CASE("{name}", "[x]") {{'
            self.assertEqual(found(rules.check_test_names, "tests/a_test.cc", line), [1], name)
        split = 'TEST_CASE("fine, this one",\n          "[x]") {'
        self.assertEqual(found(rules.check_test_names, "tests/a_test.cc", split), [])

    def test_long_line_is_found(self):
        text = "x" * 100 + "\n" + "x" * 101
        self.assertEqual(found(rules.check_line_length, "src/a.cc", text), [2])

    def test_bare_marker_is_found(self):
        for line in ("// FIXME", "# TODO: later", "// XXX odd", "// TODO(soon): x"):
            self.assertEqual(found(rules.check_markers, "src/a.cc", line), [1], line)
        line = "// TODO(libuv 1.44 cannot batch writes): use uv_try_write2 from 1.49"
        self.assertEqual(found(rules.check_markers, "src/a.cc", line), [])

    def test_long_file_is_found_and_the_list_shrinks(self):
        check = rules.check_file_length
        text = "\n".join(["x"] * 900)
        self.assertEqual(found(check, "src/a.cc", text), [801])
        self.assertEqual(found(check, "src/a.cc", text, {"src/a.cc": 900}), [])
        self.assertEqual(found(check, "src/a.cc", text, {"src/a.cc": 890}), [891])
        self.assertEqual(found(check, "src/a.cc", text, {"src/a.cc": 950}), [1])
        self.assertEqual(found(check, "src/a.cc", "\n".join(["x"] * 800)), [])


class Tools(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = self.folder.name

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def git(self, *arguments):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
                       cwd=self.root, check=True, capture_output=True)

    def test_clang_format_finds_bad_spacing(self):
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.write("src/a.cc", "int a;\n\nint  b ;\n")
        self.write("src/b.cc", "int a;\n")
        result = tools.run_clang_format(["src/a.cc", "src/b.cc"], self.root)
        self.assertEqual({(path, line) for path, line, _ in result}, {("src/a.cc", 3)})

    def test_clang_tidy_finds_a_bad_name(self):
        self.write(".clang-tidy", "Checks: '-*,readability-identifier-naming'\n"
                   "WarningsAsErrors: '*'\nCheckOptions:\n  - { key: "
                   "readability-identifier-naming.FunctionCase, value: lower_case }\n")
        self.write("src/a.cc", "int good_name();\nint BadName();\n")
        self.write("compile_commands.json",
                   '[{"directory": "%s", "file": "src/a.cc", "command": "g++ -c src/a.cc"}]'
                   % self.root)
        self.assertEqual(tools.compiled_sources(self.root, self.root), {"src/a.cc"})
        result = tools.run_clang_tidy(["src/a.cc"], self.root, self.root)
        self.assertEqual([(path, line) for path, line, _ in result], [("src/a.cc", 2)])

    def test_changed_files_are_those_of_the_last_commit_and_the_uncommitted(self):
        self.git("init", "-b", "main")
        self.write("src/old.cc", "1")
        self.write("src/kept.cc", "1")
        self.git("add", ".")
        self.git("commit", "-m", "1")
        self.assertIsNone(tools.find_base(self.root))
        self.write("src/old.cc", "2")
        self.git("commit", "-am", "2")
        self.write("src/new.h", "1")
        base, what = tools.find_base(self.root)
        self.assertEqual(what, "the last commit's parent")
        self.assertEqual(tools.changed_files(self.root, base), ["src/new.h", "src/old.cc"])

    def test_a_branch_is_compared_with_its_fork(self):
        self.git("init", "-b", "main")
        for name in ("one", "two", "three"):
            self.write(f"src/{name}.cc", "1")
            self.git("add", ".")
            self.git("commit", "-m", name)
        self.git("update-ref", "refs/remotes/origin/main", "HEAD~2")
        base, what = tools.find_base(self.root)
        self.assertEqual(what, "where the branch left origin/main")
        self.assertEqual(tools.changed_files(self.root, base), ["src/three.cc", "src/two.cc"])

    def test_a_changed_header_brings_its_source(self):
        compiled = {"src/a.cc", "src/b.cc", "src/c.cc"}
        changed = ["src/a.h", "src/c.cc", "README.md"]
        self.assertEqual(tools.sources_to_check(compiled, changed), ["src/a.cc", "src/c.cc"])

    def test_what_is_checked_against_what_is_said(self):
        compiled = {"src/a.cc", "src/b.cc"}
        self.git("init", "-b", "main")
        self.write("src/a.cc", "1")
        self.git("add", ".")
        self.git("commit", "-m", "1")
        everything = sorted(compiled)
        self.assertEqual(tools.choose_sources(compiled, self.root, True),
                         (everything, "2 of 2 sources: --all"))
        self.assertEqual(tools.choose_sources(compiled, self.root, False),
                         (everything, "2 of 2 sources: no commit to compare with, so all"))
        self.write("README.md", "1")
        self.git("add", ".")
        self.git("commit", "-m", "2")
        chosen, which = tools.choose_sources(compiled, self.root, False)
        self.assertEqual(chosen, [])
        self.assertRegex(which, "^0 of 2 sources: changed since [0-9a-f]{10}, the last commit's")


if __name__ == "__main__":
    unittest.main()
