// Engines' environments in the user's data folder: what is there, and how one comes and goes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ecotone/engine/engines.h"

namespace ecotone::engine {

// The version of each engine's package that its Python finds, by engine; engines that are not installed are absent.
// Nothing of an engine is loaded for that.
std::map<std::string, std::string> installed_versions(std::span<const EngineInfo> engines);

// System packages of an engine whose program is not on PATH.
std::vector<std::string> missing_programs(const EngineInfo& engine);

// Makes the venv of an engine with pip (which obeys PIP_*), in a folder beside it that becomes the venv when all is
// well and `test` passes, and goes away otherwise; a venv that was there before stays until then. `requirements` is a
// file for pip that replaces the engine's own list; empty for that list. `progress` hears pip's lines. Error that says
// what failed, Interrupted when the user asks for an end.
void install_engine(const EngineInfo& engine, const std::filesystem::path& requirements,
                    const std::function<void(const std::string&)>& progress, const std::function<void()>& test);
// Error when it is not there.
void remove_engine(const EngineInfo& engine);

// Loads and runs a small model (a convolution and a Relu); the largest error against our reference, relative to its
// largest value. Error when the engine fails.
double self_test(const EngineInfo& engine, double timeout_seconds, bool quiet);

}  // namespace ecotone::engine
