"""The scripts that judge the code are code: a check that cannot fail is none."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Layering(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="ecotone-layering-"))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "ecotone" / "ir").mkdir(parents=True)
        shutil.copy(ROOT / "ecotone" / "CMakeLists.txt", self.root / "ecotone")

    def check(self, text, name="ir/a.h"):
        path = self.root / "ecotone" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return subprocess.run(
            [ROOT / "scripts" / "check_layering", self.root], stderr=subprocess.PIPE, text=True, check=False
        )

    def test_rooms_above_are_fine(self):
        self.assertEqual(self.check('#include "ecotone/base/error.h"\n#include "ecotone/ir/b.h"\n').returncode, 0)

    def test_a_room_below_is_refused_with_its_line(self):
        result = self.check('#include <vector>\n\n  # include "ecotone/op/table.h"\n')
        self.assertEqual(result.returncode, 1)
        self.assertIn("ecotone/ir/a.h:3: room 'ir' includes 'op/table.h'", result.stderr)

    def test_angle_brackets_do_not_help(self):
        self.assertEqual(self.check("#include <ecotone/backend/backend.h>\n").returncode, 1)

    def test_unknown_rooms_are_refused(self):
        self.assertEqual(self.check('#include "ecotone/cellar/wine.h"\n').returncode, 1)
        self.assertEqual(self.check("", name="cellar/wine.h").returncode, 1)

    def test_the_tree_itself(self):
        self.assertEqual(subprocess.run([ROOT / "scripts" / "check_layering"], check=False).returncode, 0)


class RunTests(unittest.TestCase):
    """run_tests on a small project whose tests pass, fail, die, are skipped and count for themselves."""

    CMAKE = """
        cmake_minimum_required(VERSION 3.25)
        project(p NONE)
        enable_testing()
        {tests}
        """

    def run_tests(self, tests):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ecotone-run-tests-"))
        self.addCleanup(shutil.rmtree, folder)
        (folder / "CMakeLists.txt").write_text(self.CMAKE.format(tests=tests))
        build = folder / "build"
        subprocess.run(["cmake", "-G", "Ninja", "-S", folder, "-B", build], check=True, stdout=subprocess.DEVNULL)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CTEST_", "GTEST_"))}
        result = subprocess.run(
            [sys.executable, ROOT / "scripts" / "run_tests", "full", "--build-dir", build, "--no-build"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            check=False,
        )
        return result.returncode, result.stdout.rstrip().splitlines()[-1]

    def test_sums_what_tests_count(self):
        code, last = self.run_tests(
            """
            add_test(NAME plain COMMAND true)
            add_test(NAME counts COMMAND printf "chatter\\n7 passed, 0 failed\\n")
            """
        )
        self.assertEqual((code, last), (0, "8 passed, 0 failed"))

    def test_failures_count(self):
        code, last = self.run_tests(
            """
            add_test(NAME plain COMMAND false)
            add_test(NAME counts COMMAND sh -c "echo 5 passed, 2 failed; exit 1")
            """
        )
        self.assertEqual((code, last), (1, "5 passed, 3 failed"))

    def test_a_death_after_good_counts_is_a_failure(self):
        code, last = self.run_tests('add_test(NAME t COMMAND sh -c "echo 5 passed, 0 failed; kill -9 $$")')
        self.assertEqual((code, last), (1, "5 passed, 1 failed"))

    def test_counted_failures_fail_whatever_the_exit_code(self):
        code, last = self.run_tests('add_test(NAME t COMMAND sh -c "echo 5 passed, 1 failed")')
        self.assertEqual((code, last), (1, "5 passed, 1 failed"))

    def test_a_missing_program_is_a_failure(self):
        code, last = self.run_tests("add_test(NAME t COMMAND /no/such/program)")
        self.assertEqual((code, last), (1, "0 passed, 1 failed"))

    def test_running_out_of_time_is_a_failure(self):
        code, last = self.run_tests(
            """
            add_test(NAME t COMMAND sleep 60)
            set_tests_properties(t PROPERTIES TIMEOUT 1)
            """
        )
        self.assertEqual((code, last), (1, "0 passed, 1 failed"))

    def test_skips_are_said(self):
        code, last = self.run_tests(
            """
            add_test(NAME t COMMAND true)
            add_test(NAME s COMMAND sh -c "exit 77")
            set_tests_properties(s PROPERTIES SKIP_RETURN_CODE 77)
            """
        )
        self.assertEqual((code, last), (0, "1 passed, 0 failed, 1 skipped"))

    def test_no_tests_is_a_failure(self):
        code, last = self.run_tests("")
        self.assertEqual((code, last), (1, "0 passed, 1 failed"))

    def test_the_long_ones_stay_out(self):
        code, last = self.run_tests(
            """
            add_test(NAME t COMMAND true)
            add_test(NAME long COMMAND false)
            set_tests_properties(long PROPERTIES LABELS conformance)
            """
        )
        self.assertEqual((code, last), (0, "1 passed, 0 failed"))


class Lists(unittest.TestCase):
    def test_requirements_are_pinned_once(self):
        seen = set()
        for path in sorted((ROOT / "requirements").glob("*.txt")):
            for line in path.read_text().splitlines():
                if line and not line.startswith("#"):
                    self.assertRegex(line, r"^[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*$", path)
                    name = re.split("==", line)[0].lower().replace("_", "-")
                    self.assertNotIn(name, seen)
                    seen.add(name)

    def test_unknown_tiers_are_refused(self):
        result = subprocess.run([ROOT / "scripts" / "bootstrap", "everything"], stderr=subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=0)
    bad = len(program.result.failures) + len(program.result.errors)
    print(f"{program.result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
