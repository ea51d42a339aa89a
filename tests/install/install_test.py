"""Installs into a fresh prefix and builds a stranger's program against it: static and shared."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import unittest

import numpy as np

SOURCE = pathlib.Path(os.environ["ECOTONE_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["ECOTONE_BINARY_DIR"])


def run(*command, **options):
    result = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\nexited with {result.returncode}:\n{result.stdout[-4000:]}")
    return result.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="ecotone-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = cls.folder / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)

    def build_embed(self, build, *options):
        run(
            *("cmake", "-G", "Ninja", "-S", SOURCE / "examples" / "embed", "-B", build),
            *(f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_BUILD_TYPE=Debug", *options),
        )
        run("cmake", "--build", build)
        return build / "embed"

    def test_a_program_against_the_package(self):
        self.check_program(self.build_embed(self.folder / "embed"))

    def check_program(self, program):
        """It does what the command does: silero-vad on the same seeded inputs, bit for bit."""
        (model,) = pathlib.Path(sysconfig.get_path("purelib")).glob("silero_vad/data/silero_vad_op18_ifless.onnx")
        shapes = ["input=1,576", "state=2,1,128"]
        ours, theirs = self.folder / "embed.npz", self.folder / "eco.npz"
        text = run(program, model, ours, *shapes)
        self.assertRegex(text, r"(?m)^output: 1x1xf32$")
        run(BUILD / "bin" / "eco", "-q", "run", model, "-o", theirs, *(word for shape in shapes for word in ("--shape", shape)))
        self.assertEqual(ours.read_bytes(), theirs.read_bytes())
        missing = subprocess.run([program, self.folder / "missing.onnx", ours], capture_output=True, text=True, check=False)
        self.assertEqual(missing.returncode, 2)
        self.assertIn("missing.onnx", missing.stderr)

    def test_the_example_that_choose_writes(self):
        """data/examples/reference, filled for silero-vad: it gives what the command gives, bit for bit."""
        (model,) = pathlib.Path(sysconfig.get_path("purelib")).glob("silero_vad/data/silero_vad_op18_ifless.onnx")
        folder = self.folder / "example"
        shutil.copytree(self.prefix / "share" / "ecotone" / "examples" / "reference", folder)
        source = folder / "main.cpp"
        source.write_text(source.read_text().replace("{model}", model.name))
        shutil.copy(model, folder)
        np.savez(folder / "inputs.npz", input=np.ones((1, 576), np.float32), state=np.zeros((2, 1, 128), np.float32), sr=np.int64(16000))
        run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_BUILD_TYPE=Debug")
        run("cmake", "--build", folder / "build")
        self.assertRegex(run(folder / "build" / "run", "-o", "ours.npz", cwd=folder), r"(?m)^median [0-9.]+ ms$")
        run(BUILD / "bin" / "eco", "-q", "run", model, "-i", folder / "inputs.npz", "-o", folder / "theirs.npz")
        self.assertEqual((folder / "ours.npz").read_bytes(), (folder / "theirs.npz").read_bytes())

    def test_every_header_stands_alone(self):
        headers = sorted(self.prefix.rglob("include/ecotone/**/*.h"))
        self.assertGreater(len(headers), 10)
        self.assertIn(self.prefix / "include" / "ecotone" / "ecotone.h", headers)
        text = "".join(f'#include "{path.relative_to(self.prefix / "include")}"\n' for path in headers)
        source = self.folder / "all.cpp"
        source.write_text(text)
        run("g++", "-std=c++20", "-fsyntax-only", "-I", self.prefix / "include", source)

    def test_other_versions_are_refused(self):
        source = self.folder / "version"
        source.mkdir()
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(v LANGUAGES CXX)\nfind_package(ecotone 0.2 REQUIRED)\n"
        )
        with self.assertRaisesRegex(AssertionError, "compatible with requested"):
            run("cmake", "-S", source, "-B", source / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_nothing_names_the_build_machine(self):
        for path in self.prefix.rglob("*.cmake"):
            self.assertNotIn(str(SOURCE), path.read_text(), path)

    def test_the_shared_library_hides_what_is_inside(self):
        run("ninja", "-C", BUILD, "ecotone_shared")
        library = (BUILD / "lib" / "libecotone.so").resolve()
        symbols = run("nm", "--dynamic", "--defined-only", "--demangle", library).splitlines()
        names = [re.split(r" [A-Za-z] ", line, maxsplit=1)[-1] for line in symbols]
        names = [name for name in names if not re.match(r"^\S+ A ", name)]
        self.assertTrue(any(name.startswith("ecotone::fail") or "ecotone::Builder::build" in name for name in names))
        foreign = [
            name
            for name in names
            if not re.match(r"(?:(?:typeinfo(?: name)?|vtable|VTT|guard variable) for )?ecotone(::|_)", name)
            # Functions that return something print it first.
            and not re.search(r"\becotone::", name)
        ]
        self.assertEqual(foreign, [])
        for inner in ("nlohmann", "protozero"):
            self.assertFalse([name for name in names if name.startswith(inner)])
        # A program runs against it.
        program = self.folder / "shared-embed"
        run(
            *("g++", "-std=c++20", SOURCE / "examples" / "embed" / "embed.cpp", "-o", program),
            *("-DFMT_SHARED", "-I", self.prefix / "include", library, "-lfmt", f"-Wl,-rpath,{library.parent}"),
        )
        self.check_program(program)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=0)
    bad = len(program.result.failures) + len(program.result.errors)
    print(f"{program.result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad else 0)
