// A short program that runs a model in an engine as its adapter does, for a user to begin with.
#pragma once

#include <filesystem>
#include <string>

#include "ecotone/engine/inputs.h"

namespace ecotone::engine {

// Writes to `folder` (made if it is missing): `artifact`, the file that the engine itself loads, or all that its
// conversion made, the artifact among it; inputs.npz; and from data/examples run_ENGINE.py with what it imports, or for
// one of our own backends main.cpp and CMakeLists.txt. The program runs the engine's variant, on `threads` threads
// unless told otherwise. Each file is written atomically; files of these names are replaced.
// Error for an engine without an example (kMissing), an artifact that is no file, and an input of a type that NumPy
// lacks.
void write_example(const std::string& engine, const std::filesystem::path& artifact, const NamedTensors& inputs,
                   int threads, const std::filesystem::path& folder);

}  // namespace ecotone::engine
