// Values for a Program's inputs: from files, or made.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ecotone/engine/model.h"
#include "ecotone/ir/program.h"

namespace ecotone::engine {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

struct ImageOptions {
  std::vector<double> mean, std;                       // per channel, applied to RGB/255
  std::map<std::string, std::vector<int64_t>> shapes;  // of inputs by name; else as the model says, or as the image is
};

// Reads one `-i` argument: a .npz, .npy, .safetensors, .pb (TensorProto) or image file, or name=FILE. Arrays from a
// file with names keep them; one without a name is called "" (see match_inputs). `program` tells images their size and
// layout.
NamedTensors read_inputs(const std::string& argument, const Program& program, const ImageOptions& image);

// In the Program's order. An unnamed value goes to the next input that has none; a key of random numbers that is not
// given is made from the seed. Throws Error that lists what the model wants when a name is unknown, one is missing, or
// a dtype or shape does not fit.
std::vector<Tensor> match_inputs(const Program& program, const NamedTensors& given, uint64_t seed = 0);

// The values, in the Program's order, with the names of its inputs; what is null is left out.
NamedTensors named_inputs(const Program& program, std::span<const Tensor> values);

// `options` and what the given values tell of a model with these declared inputs (see `specialize`). Keys of random
// numbers among them need not be declared.
ModelOptions specialized(ModelOptions options, const Program& signature, const NamedTensors& given);

// Seeded values for all inputs: floats normal, integers in range (see indexed_sizes) where they index, else {0, 1};
// bools {0, 1}; keys of random numbers any bits. Symbolic sizes must have been given with --shape, else Error that
// names them.
std::vector<Tensor> make_inputs(const Program& program, uint64_t seed);

// By input: from how many places along an axis one is chosen where it is an index, at the fewest (the axis's size, less
// what a slice from there takes beyond one entry); 0 where it indexes nothing. Calls are looked into.
std::vector<int64_t> indexed_sizes(const Program& program);

}  // namespace ecotone::engine
