#include "ecotone/engine/inputs.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <unordered_map>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/engine/image.h"
#include "ecotone/format/npz/npz.h"
#include "ecotone/format/onnx/onnx.h"
#include "ecotone/format/safetensors/safetensors.h"
#include "ecotone/op/control.h"
#include "ecotone/op/index.h"

namespace ecotone::engine {
namespace {

std::string wanted(const Program& p) {
  std::string out = "the model's inputs are:";
  for (const Input& i : p.inputs()) out += "\n  " + i.name + ": " + str(i.type, p.symbols());
  return out;
}

// xoshiro would do; this is SplitMix64 (Steele, Lea and Flood, 2014), the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double uniform() { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; }
  // Box and Muller's transform (1958).
  double normal() { return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()); }

 private:
  uint64_t state_;
};

// What readers add for random numbers.
constexpr std::string_view kKeyName = "rng_key";
bool is_key(const Input& input) {
  return input.name == kKeyName && input.type == Type(TensorType{DType::kU64, {2}});
}
Tensor made_key(uint64_t seed) {
  Random random(~seed);  // not what other inputs are made from
  const uint64_t high = random.bits();
  return Tensor::from<uint64_t>({high, random.bits()}, {2});
}

// Values that carry an input's elements unchanged, or moved: through these an index is followed to where it is used.
bool passes_elements(const std::string& op) {
  for (const char* name :
       {"stablehlo.reshape", "stablehlo.convert", "stablehlo.broadcast_in_dim", "stablehlo.transpose",
        "stablehlo.slice", "stablehlo.select", "stablehlo.clamp", "stablehlo.concatenate", "stablehlo.add"})
    if (op == name) return true;
  return false;
}

// Where inputs go as indices. Each Program that is called is looked at once.
class IndexUses {
 public:
  struct Use {
    std::vector<std::vector<Dim>> places;  // by input: from how many each use of it as an index chooses
    std::vector<int64_t> carried;          // by output: the input whose elements it has, or -1
  };

  const Use& of(const Program& p) {
    if (const auto it = known_.find(&p); it != known_.end()) return it->second;
    Use use{std::vector<std::vector<Dim>>(p.inputs().size()), {}};
    std::vector<int64_t> root(p.value_count(), -1);
    std::iota(root.begin(), root.begin() + static_cast<std::ptrdiff_t>(p.inputs().size()), 0);
    const auto note = [&](ValueId index, const Dim& count) {
      if (root[index] < 0) return;
      std::vector<Dim>& places = use.places[static_cast<size_t>(root[index])];
      if (std::ranges::find(places, count) == places.end()) places.push_back(count);
    };
    for (const Equation& e : p.equations()) {
      if (passes_elements(e.op->name)) {
        for (ValueId v : e.operands)
          if (root[v] >= 0 && !is_token(p.type(v)) && is_integer(p.tensor_type(v).dtype))
            root[e.first_result] = root[v];
      } else if (e.op == &op::gather()) {
        const auto& a = e.attributes.get<op::GatherAttributes>();
        for (const int64_t axis : a.start_index_map) {
          const auto d = static_cast<size_t>(axis);
          note(e.operands[1], p.tensor_type(e.operands[0]).shape[d] - a.slice_sizes[d] + Dim(1));
        }
      } else if (e.op == &op::dynamic_slice() || e.op == &op::dynamic_update_slice()) {
        const bool updates = e.op == &op::dynamic_update_slice();
        const auto& whole = p.tensor_type(e.operands[0]).shape;
        const auto& part = p.tensor_type(updates ? e.operands[1] : e.first_result).shape;
        for (size_t d = 0; d < whole.size(); ++d) note(e.operands[(updates ? 2 : 1) + d], whole[d] - part[d] + Dim(1));
      } else if (e.op == &op::call()) {
        const Region& body = e.regions[0];
        const Use& inner = of(*body.body);
        for (size_t i = 0; i < inner.places.size(); ++i)
          for (const Dim& count : inner.places[i]) {
            bool hangs_on_data = false;  // on a symbol that the callee introduces
            count.for_each_symbol([&](SymbolId s) { hangs_on_data = hangs_on_data || s >= body.dim_args.size(); });
            if (!hangs_on_data) note(e.operands[i], count.substitute(body.dim_args));
          }
        for (size_t i = 0; i < inner.carried.size(); ++i)
          if (const int64_t from = inner.carried[i]; from >= 0)
            root[e.first_result + i] = root[e.operands[static_cast<size_t>(from)]];
      }
    }
    for (const Output& o : p.outputs()) use.carried.push_back(root[o.value]);
    return known_.emplace(&p, std::move(use)).first->second;
  }

 private:
  std::unordered_map<const Program*, Use> known_;
};

}  // namespace

std::vector<int64_t> indexed_sizes(const Program& p) {
  IndexUses uses;
  std::vector<int64_t> sizes;
  for (const std::vector<Dim>& places : uses.of(p).places) {
    int64_t fewest = 0;
    for (const Dim& count : places)
      if (const auto n = count.as_constant(); n && (fewest == 0 || *n < fewest)) fewest = *n;
    sizes.push_back(fewest);
  }
  return sizes;
}

NamedTensors read_inputs(const std::string& argument, const Program& program, const ImageOptions& image) {
  std::string file = argument, input;
  if (const size_t equals = argument.find('='); equals != std::string::npos && !std::filesystem::exists(argument)) {
    input = argument.substr(0, equals);
    file = argument.substr(equals + 1);
  }
  const std::filesystem::path path(file);
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  NamedTensors result;
  if (extension == ".npz") {
    result = npz::read_npz(path);
  } else if (extension == ".safetensors") {
    result = safetensors::read(path).tensors;
  } else if (extension == ".npy") {
    result.emplace_back("", npz::read_npy(path));
  } else if (extension == ".pb") {
    for (Tensor& t : onnx::read_value_file(path)) result.emplace_back("", std::move(t));
  } else if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") {
    const Input* target = nullptr;
    for (const Input& i : program.inputs())
      if (input.empty() ? !is_token(i.type) && tensor(i.type).rank() == 4 : i.name == input) {
        target = &i;
        break;
      }
    if (!target) fail("{}: no input of the model takes an image; {}", file, wanted(program));
    TensorType type = tensor(target->type);
    if (const auto sizes = image.shapes.find(target->name); sizes != image.shapes.end())
      type.shape.assign(sizes->second.begin(), sizes->second.end());
    result.emplace_back(target->name, image_tensor(path, type, image));
  } else {
    fail("{}: an input is a .npz, .npy, .safetensors, .pb, .png or .jpg file, or name=FILE", file);
  }
  if (!input.empty()) {
    if (result.size() != 1)
      fail("{}: holds {} arrays, so it can't be given to one input '{}'", file, result.size(), input);
    result[0].first = input;
  }
  return result;
}

NamedTensors named_inputs(const Program& program, std::span<const Tensor> values) {
  NamedTensors named;
  for (size_t i = 0; i < values.size(); ++i)
    if (!values[i].is_null()) named.emplace_back(program.inputs()[i].name, values[i]);
  return named;
}

ModelOptions specialized(ModelOptions options, const Program& signature, const NamedTensors& given) {
  NamedTensors declared;
  for (const auto& [key, value] : given)
    if (key != kKeyName || std::ranges::any_of(signature.inputs(), [&](const Input& i) { return i.name == key; }))
      declared.emplace_back(key, value);
  specialize(options, signature, match_inputs(signature, declared));
  return options;
}

std::vector<Tensor> match_inputs(const Program& p, const NamedTensors& given, uint64_t seed) {
  std::vector<Tensor> result(p.inputs().size());
  std::vector<bool> set(p.inputs().size(), false);
  auto place = [&](size_t i, const Tensor& t) {
    const Input& input = p.inputs()[i];
    const TensorType& want = tensor(input.type);
    if (set[i]) fail("input '{}' is given twice", input.name);
    if (t.dtype() != want.dtype)
      fail(
          "input '{}' must be {}, but the given array is {}; convert it first (for example array.astype(...) in "
          "NumPy)\n{}",
          input.name, name(want.dtype), name(t.dtype()), wanted(p));
    bool fits = t.rank() == want.rank();
    for (size_t d = 0; fits && d < want.shape.size(); ++d)
      fits = !want.shape[d].is_constant() || want.shape[d].constant() == t.shape()[d];
    if (!fits)
      fail("input '{}' must have shape {}, but the given array has {}\n{}", input.name, want.str(p.symbols()),
           shape_str(t.shape()), wanted(p));
    result[i] = t;
    set[i] = true;
  };
  for (const auto& [key, value] : given) {
    if (key.empty()) continue;
    size_t i = 0;
    while (i < p.inputs().size() && p.inputs()[i].name != key) ++i;
    if (i == p.inputs().size()) fail("the model has no input '{}'; {}", key, wanted(p));
    place(i, value);
  }
  for (const auto& [key, value] : given) {
    if (!key.empty()) continue;
    const auto next = static_cast<size_t>(std::find(set.begin(), set.end(), false) - set.begin());
    if (next == set.size()) fail("more arrays are given than the model has inputs; {}", wanted(p));
    place(next, value);
  }
  for (size_t i = 0; i < set.size(); ++i) {
    if (set[i] || is_token(p.inputs()[i].type)) continue;
    if (!is_key(p.inputs()[i])) fail("input '{}' is not given; {}", p.inputs()[i].name, wanted(p));
    result[i] = made_key(seed);
  }
  return result;
}

std::vector<Tensor> make_inputs(const Program& p, uint64_t seed) {
  const std::vector<int64_t> indexed = indexed_sizes(p);
  std::vector<Tensor> result;
  Random random(seed * 0x9e3779b97f4a7c15u + 1);
  for (size_t i = 0; i < p.inputs().size(); ++i) {
    const Input& input = p.inputs()[i];
    if (is_token(input.type)) {
      result.emplace_back();
      continue;
    }
    if (is_key(input)) {
      result.push_back(made_key(seed));
      continue;
    }
    const TensorType& type = tensor(input.type);
    if (!type.is_static())
      fail("input '{}' has open sizes ({}): give them, for example --shape {}=1,...", input.name, type.str(p.symbols()),
           input.name);
    MutableTensor t(type.dtype, type.static_shape());
    for (int64_t k = 0; k < t.size(); ++k) {
      if (is_complex(type.dtype))
        t.set_complex(k, {random.normal(), random.normal()});
      else if (is_float(type.dtype))
        t.set_double(k, type.dtype == DType::kF8E8M0FNU ? std::exp2(random.normal()) : random.normal());
      else if (is_integer(type.dtype) && input.name.ends_with("rng_key"))
        t.set_bits(k, random.bits());
      else
        t.set_int(k, static_cast<int64_t>(random.bits() >> 1) % (indexed[i] > 0 ? indexed[i] : 2));
    }
    result.push_back(std::move(t).freeze());
  }
  return result;
}

}  // namespace ecotone::engine
