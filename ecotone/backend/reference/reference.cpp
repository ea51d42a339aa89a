#include "ecotone/backend/reference/reference.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include <fmt/format.h>

#include "ecotone/base/error.h"
#include "ecotone/op/collective.h"
#include "ecotone/op/control.h"
#include "ecotone/op/shape.h"

namespace ecotone::backend {
namespace {

constexpr int kMaxDepth = 2000;  // of nested regions, calls and composites

// One value that a Program takes, as it is given.
void bind_shape(const TensorType& type, std::span<const Dim> given, SymbolValues& symbols, const std::string& what) {
  if (given.size() != type.shape.size())
    fail("{} must have {} dimensions ({}), got shape {}", what, type.rank(), type.str(),
         TensorType{type.dtype, {given.begin(), given.end()}}.str());
  for (size_t i = 0; i < given.size(); ++i)
    if (auto s = type.shape[i].as_symbol(); s && *s < symbols.size() && !symbols[*s]) symbols[*s] = given[i].constant();
}

void check_shape(const TensorType& type, std::span<const Dim> given, const SymbolValues& symbols,
                 std::span<const SymbolInfo> infos, const std::string& what) {
  for (size_t i = 0; i < given.size(); ++i)
    if (const Dim d = bind_symbols(type.shape[i], symbols); d != given[i])
      fail("{} must have shape {} but has {}: dimension {} must be {}", what, type.str(infos),
           TensorType{type.dtype, {given.begin(), given.end()}}.str(), i, d.str(infos));
}

// The symbols' values for inputs of these types and these parameters (in storage type: their shapes count). Throws
// Error when one does not fit, or an assumption fails.
SymbolValues bind_signature(const Program& p, std::span<const TensorType> inputs, std::span<const Tensor> parameters) {
  if (inputs.size() != p.inputs().size()) fail("the program takes {} inputs, got {}", p.inputs().size(), inputs.size());
  SymbolValues symbols(p.symbols().size());
  const auto each = [&](const auto& visit) {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (const auto* type = std::get_if<TensorType>(&p.inputs()[i].type))
        visit(*type, inputs[i].shape, "input '" + p.inputs()[i].name + "'");
    for (size_t i = 0; i < parameters.size(); ++i)
      visit(p.parameters()[i].type, to_dims(parameters[i].shape()), "parameter '" + p.parameters()[i].name + "'");
  };
  for (size_t i = 0; i < inputs.size(); ++i)
    if (const auto* type = std::get_if<TensorType>(&p.inputs()[i].type); type && type->dtype != inputs[i].dtype)
      fail("input '{}' must be {}, got {}", p.inputs()[i].name, name(type->dtype), name(inputs[i].dtype));
  each([&](const TensorType& type, std::span<const Dim> given, const std::string& what) {
    bind_shape(type, given, symbols, what);
  });
  each([&](const TensorType& type, std::span<const Dim> given, const std::string& what) {
    check_shape(type, given, symbols, p.symbols(), what);
  });
  for (const Assumption& a : p.assumptions()) {
    const Dim l = bind_symbols(a.left, symbols), r = bind_symbols(a.right, symbols);
    if (l.is_constant() && r.is_constant() && l.constant() != r.constant())
      fail("{}: sizes {} and {} must be equal, but are {} and {} for these inputs", location_str(a.location),
           a.left.str(p.symbols()), a.right.str(p.symbols()), l.constant(), r.constant());
  }
  return symbols;
}

// The given parameters, or the Program's own where none are given, in the mode's storage type.
std::vector<Tensor> stored_parameters(const Program& p, std::span<const Tensor> given, EvalMode mode) {
  if (!given.empty() && given.size() != p.parameters().size())
    fail("the program has {} parameters, got {}", p.parameters().size(), given.size());
  std::vector<Tensor> stored;
  for (size_t i = 0; i < p.parameters().size(); ++i) {
    const Parameter& parameter = p.parameters()[i];
    if (given.empty() && !parameter.value) fail("parameter '{}' has no value: give one", parameter.name);
    const Tensor& value = given.empty() ? *parameter.value : given[i];
    if (value.dtype() != parameter.type.dtype)
      fail("parameter '{}' must be {}, got {}", parameter.name, name(parameter.type.dtype), name(value.dtype()));
    stored.push_back(to_storage(value, mode));
  }
  return stored;
}

class Evaluator {
 public:
  explicit Evaluator(EvalMode mode) : mode_(mode) {}

  // `inputs` and `parameters` in storage dtype and plain; `symbols` holds what dim_args bind.
  std::vector<Tensor> run(const Program& p, std::span<const Tensor> inputs, std::span<const Tensor> parameters,
                          SymbolValues symbols, const Tap* tap) {
    if (++depth_ > kMaxDepth) fail("the program nests regions or calls more than {} deep", kMaxDepth);
    struct Leave {
      int& depth;
      ~Leave() { --depth; }
    } leave{depth_};
    symbols.resize(p.symbols().size());
    // Sizes known from the inputs even where the caller's dim_args don't say.
    for (size_t i = 0; i < p.inputs().size(); ++i)
      if (const auto* t = std::get_if<TensorType>(&p.inputs()[i].type); t && !inputs[i].is_null())
        for (size_t d = 0; d < t->shape.size() && d < inputs[i].shape().size(); ++d)
          if (auto s = t->shape[d].as_symbol(); s && !symbols[*s]) symbols[*s] = inputs[i].shape()[d];

    std::vector<Tensor> values(p.value_count());
    for (size_t i = 0; i < inputs.size(); ++i) values[p.input_value(i)] = inputs[i];
    for (size_t i = 0; i < parameters.size(); ++i) values[p.parameter_value(i)] = parameters[i];
    const std::vector<uint32_t> last_use = last_uses(p);
    for (uint32_t index = 0; index < p.equations().size(); ++index) {
      const Equation& e = p.equations()[index];
      std::vector<Tensor> results;
      try {
        results = step(p, e, values, symbols);
      } catch (const Error& error) {
        if (depth_ > 1) throw;  // the outermost equation says where
        throw error.with_context(location_str(e.location) + ": " + e.op->name);
      }
      if (tap && *tap) (*tap)(e, results);
      for (uint32_t i = 0; i < e.result_count; ++i) values[e.first_result + i] = std::move(results[i]);
      for (ValueId v : e.operands)
        if (last_use[v] == index) values[v] = Tensor();  // memory goes back as soon as nobody reads it
      for (uint32_t i = 0; i < e.result_count; ++i)
        if (last_use[e.first_result + i] == 0) values[e.first_result + i] = Tensor();
    }
    std::vector<Tensor> outputs;
    for (const Output& o : p.outputs()) outputs.push_back(values[o.value]);
    return outputs;
  }

 private:
  class Runner final : public RegionRunner {
   public:
    Runner(Evaluator& evaluator, const Equation& equation, std::span<const Tensor> captures, SymbolValues& symbols)
        : evaluator_(evaluator), captures_(captures), symbols_(symbols) {
      (void)equation;
    }
    std::vector<Tensor> run(const Region& region, std::span<const Tensor> args) override {
      args_.assign(args.begin(), args.end());
      args_.insert(args_.end(), captures_.begin(), captures_.end());
      if (args_.size() != region.body->inputs().size())
        fail("a region takes {} inputs but is given {}", region.body->inputs().size(), args_.size());
      return evaluator_.run(*region.body, args_, {}, bind_args(region.dim_args, symbols_), nullptr);
    }
    void bind_symbol(const Dim& symbol, int64_t value) override {
      const auto id = symbol.as_symbol();
      if (!id || *id >= symbols_.size()) fail_kind(ErrorKind::kInternal, "no symbol is introduced here");
      symbols_[*id] = value;
    }

   private:
    Evaluator& evaluator_;
    std::span<const Tensor> captures_;
    SymbolValues& symbols_;
    std::vector<Tensor> args_;
  };

  static SymbolValues bind_args(std::span<const Dim> dim_args, const SymbolValues& symbols) {
    SymbolValues r;
    for (const Dim& d : dim_args) r.push_back(bind_symbols(d, symbols).as_constant());
    return r;
  }

  std::vector<Tensor> step(const Program& p, const Equation& e, const std::vector<Tensor>& values,
                           SymbolValues& symbols) {
    std::vector<Tensor> operands, captures;
    std::vector<Type> operand_types, result_types;
    for (ValueId v : e.declared()) {
      operands.push_back(values[v]);
      operand_types.push_back(bind_symbols(p.type(v), symbols));
    }
    for (ValueId v : e.captures()) captures.push_back(values[v]);
    for (uint32_t i = 0; i < e.result_count; ++i)
      result_types.push_back(bind_symbols(p.type(e.first_result + i), symbols));

    const DimMap bind_dim = [&](const Dim& d) { return bind_symbols(d, symbols); };
    std::vector<Tensor> results;
    if (e.op->evaluate) {
      const Attributes attributes = symbols.empty() ? e.attributes : e.attributes.map_dims(bind_dim);
      // Introduced symbols keep their names until bind_symbol gives them values.
      const bool introduces = e.op == &op::take_prefix() || e.op == &op::size_from();
      Runner runner(*this, e, captures, symbols);
      results = e.op->evaluate(EvalCall{introduces ? e.attributes : attributes, operands, captures, operand_types,
                                        result_types, e.regions, mode_, runner});
    } else {
      const Region body = composite_body(*e.op, symbols.empty() ? e.attributes : e.attributes.map_dims(bind_dim),
                                         operand_types, p.symbols());
      results = run(*body.body, operands, {}, bind_args(body.dim_args, symbols), nullptr);
    }
    if (results.size() != e.result_count)
      fail_kind(ErrorKind::kInternal, "evaluation made {} results, not {}", results.size(), e.result_count);
    for (uint32_t i = 0; i < e.result_count; ++i) check_result(p, e, i, results[i], symbols);
    return results;
  }

  void check_result(const Program& p, const Equation& e, uint32_t i, const Tensor& result, SymbolValues& symbols) {
    const Type& type = p.type(e.first_result + i);
    if (is_token(type)) return;
    const auto& t = std::get<TensorType>(type);
    const DType storage = storage_dtype(t.dtype, mode_);
    bool fits = result.dtype() == storage && result.rank() == t.rank();
    for (size_t d = 0; fits && d < t.shape.size(); ++d) {
      // A size that a composite's body drew from data is learnt from the result.
      if (auto s = t.shape[d].as_symbol(); s && !symbols[*s]) symbols[*s] = result.shape()[d];
      const Dim size = bind_symbols(t.shape[d], symbols);
      fits = size.is_constant() && size.constant() == result.shape()[d];
    }
    if (!fits)
      fail_kind(ErrorKind::kInternal, "result {} is {} but should be {} stored as {}", i, result.type().str(),
                str(bind_symbols(type, symbols), p.symbols()), name(storage));
  }

  // The index of the last equation that reads each value; never for outputs, 0 for values nobody reads (equation 0
  // reads no result).
  static std::vector<uint32_t> last_uses(const Program& p) {
    std::vector<uint32_t> last(p.value_count(), 0);
    for (uint32_t i = 0; i < p.equations().size(); ++i)
      for (ValueId v : p.equations()[i].operands) last[v] = i;
    for (const Output& o : p.outputs()) last[o.value] = UINT32_MAX;
    return last;
  }

  EvalMode mode_;
  int depth_ = 0;
};

// Where the program calls what is another system's.
void find_foreign_calls(const Program& p, std::set<std::string>& calls, std::unordered_set<const Program*>& seen) {
  if (!seen.insert(&p).second) return;
  for (const Equation& e : p.equations()) {
    if (e.op == &op::custom_call())
      if (const std::string& target = e.attributes.get<op::CustomCallAttributes>().target;
          !op::is_annotation_target(target))
        calls.insert(location_str(e.location) + ": " + target);
    for (const Region& r : e.regions) find_foreign_calls(*r.body, calls, seen);
  }
}

// Evaluates with parameters that are stored already.
std::vector<Tensor> evaluate_stored(const Program& p, std::span<const Tensor> inputs, SymbolValues symbols,
                                    std::span<const Tensor> parameters, EvalMode mode, const Tap& tap = {}) {
  std::vector<Tensor> stored;
  for (const Tensor& t : inputs) stored.push_back(to_storage(t, mode));
  try {
    return Evaluator(mode).run(p, stored, parameters, std::move(symbols), &tap);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kUnsupported) throw;
    std::set<std::string> calls;
    std::unordered_set<const Program*> seen;
    find_foreign_calls(p, calls, seen);
    if (calls.size() < 2) throw;
    throw Error(e.kind(),
                fmt::format("{}; all calls that can't be evaluated:\n  {}", e.what(), fmt::join(calls, "\n  ")));
  }
}

// Ranges of all symbols once those of the inputs are known: what comes from data is bounded by what it is taken from.
std::vector<SymbolInfo> symbol_bounds(const Program& p, std::vector<SymbolInfo> infos) {
  for (const Equation& e : p.equations()) {
    const auto narrow = [&](uint32_t result, std::span<const int64_t> most) {
      const auto* type = std::get_if<TensorType>(&p.type(e.first_result + result));
      for (size_t d = 0; type && d < type->shape.size(); ++d)
        if (const auto s = type->shape[d].as_symbol()) infos[*s].max = std::min(infos[*s].max, most[d]);
    };
    const auto most_of = [](const Type& type, std::span<const SymbolInfo> known) {
      std::vector<int64_t> most;
      if (const auto* t = std::get_if<TensorType>(&type))
        for (const Dim& d : t->shape) most.push_back(range(d, known).max);
      return most;
    };
    if (e.op == &op::take_prefix()) {
      narrow(0, most_of(p.type(e.operands[0]), infos));
    } else if (e.op->is_composite()) {
      std::vector<Type> operands;
      for (ValueId v : e.operands) operands.push_back(p.type(v));
      const Region body = composite_body(*e.op, e.attributes, operands, p.symbols());
      if (body.dim_args.size() == body.body->symbols().size()) continue;  // it takes no size from data
      std::vector<SymbolInfo> inner(body.body->symbols().begin(), body.body->symbols().end());
      for (size_t i = 0; i < body.dim_args.size(); ++i) {
        const DimRange r = range(body.dim_args[i], infos);
        inner[i].min = r.min, inner[i].max = r.max;
      }
      inner = symbol_bounds(*body.body, std::move(inner));
      for (uint32_t i = 0; i < e.result_count; ++i)
        narrow(i, most_of(body.body->type(body.body->outputs()[i].value), inner));
    }
  }
  return infos;
}

struct ReferenceBound final : Bound, std::enable_shared_from_this<ReferenceBound> {
  ReferenceBound(ProgramRef p, EvalMode m, std::vector<Tensor> params)
      : program(std::move(p)), mode(m), parameters(std::move(params)) {}
  std::unique_ptr<Context> context() const override;

  ProgramRef program;
  EvalMode mode;
  std::vector<Tensor> parameters;  // in storage type; those of a file in mode spec are its mapped pages
};

// Plain: evaluates into fresh tensors, which become the outputs or are copied into the given buffers.
class ReferenceContext final : public Context {
 public:
  explicit ReferenceContext(std::shared_ptr<const ReferenceBound> bound) : bound_(std::move(bound)) {}

  std::vector<TensorType> prepare(std::span<const TensorType> inputs) override {
    const Program& p = *bound_->program;
    prepared_ = false;
    symbols_ = bind_signature(p, inputs, bound_->parameters);
    inputs_.assign(inputs.begin(), inputs.end());
    std::vector<SymbolInfo> infos(p.symbols().begin(), p.symbols().end());
    for (size_t i = 0; i < infos.size(); ++i)
      if (symbols_[i]) infos[i].min = infos[i].max = *symbols_[i];
    infos = symbol_bounds(p, std::move(infos));
    std::vector<TensorType> outputs;
    for (const Output& o : p.outputs()) {
      TensorType& t = outputs.emplace_back();
      if (is_token(p.type(o.value))) continue;
      t = p.tensor_type(o.value);
      t.dtype = storage_dtype(t.dtype, bound_->mode);
      for (Dim& d : t.shape) d = range(d, infos).max;  // of a size known only from data: the bound
    }
    prepared_ = true;
    return outputs;
  }

  void run(std::span<const Buffer> inputs, std::span<Buffer> outputs, const RunOptions&) override {
    const Program& p = *bound_->program;
    if (!prepared_) fail_kind(ErrorKind::kInternal, "a run without prepare");
    if (inputs.size() != inputs_.size() || outputs.size() != p.outputs().size())
      fail("the program has {} inputs and {} outputs, got {} and {} buffers", inputs_.size(), p.outputs().size(),
           inputs.size(), outputs.size());
    std::vector<Tensor> tensors(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (is_token(p.inputs()[i].type)) continue;
      if (inputs[i].type != inputs_[i])
        fail("input '{}' was prepared as {}, but is {}", p.inputs()[i].name, inputs_[i].str(), inputs[i].type.str());
      tensors[i] = inputs[i].tensor();
    }
    const std::vector<Tensor> results = evaluate_stored(p, tensors, symbols_, bound_->parameters, bound_->mode);
    for (size_t i = 0; i < results.size(); ++i)
      if (!results[i].is_null()) give(results[i], outputs[i], i);
  }

 private:
  static void give(const Tensor& result, Buffer& output, size_t i) {
    if (!output.owner && output.bytes.empty()) {
      output = Buffer::view(result);
      return;
    }
    const auto bytes = result.bytes();
    if (bytes.size() > output.bytes.size())
      fail("output {} needs {} bytes, its buffer has {}", i, bytes.size(), output.bytes.size());
    output.type = result.type();
    output.bytes = output.bytes.first(bytes.size());
    std::ranges::copy(bytes, output.bytes.begin());
  }

  std::shared_ptr<const ReferenceBound> bound_;
  bool prepared_ = false;
  std::vector<TensorType> inputs_;
  SymbolValues symbols_;
};

std::unique_ptr<Context> ReferenceBound::context() const {
  return std::make_unique<ReferenceContext>(shared_from_this());
}

class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(ProgramRef program, EvalMode mode) : program_(std::move(program)), mode_(mode) {}
  const Program& program() const override { return *program_; }
  std::shared_ptr<const Bound> bind(std::span<const Buffer> parameters) const override {
    std::vector<Tensor> given;
    for (const Buffer& b : parameters) given.push_back(b.tensor());
    return std::make_shared<ReferenceBound>(program_, mode_, stored_parameters(*program_, given, mode_));
  }

 private:
  ProgramRef program_;
  EvalMode mode_;
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }
  bool supports(const Op& op) const override {
    for (const Op* transfer : {&op::infeed(), &op::outfeed(), &op::send(), &op::recv()})
      if (&op == transfer) return false;
    return op.evaluate || op.body;
  }
  std::unique_ptr<Executable> compile(ProgramRef program, const CompileOptions& options) const override {
    std::string missing;
    std::unordered_set<const Program*> seen;
    list_missing(*program, missing, seen);
    if (!missing.empty()) fail_kind(ErrorKind::kUnsupported, "the reference can't evaluate:{}", missing);
    return std::make_unique<ReferenceExecutable>(std::move(program), options.mode);
  }

 private:
  void list_missing(const Program& p, std::string& missing, std::unordered_set<const Program*>& seen) const {
    if (!seen.insert(&p).second) return;
    for (const Equation& e : p.equations()) {
      if (!supports(*e.op)) missing += "\n  " + location_str(e.location) + ": " + e.op->name;
      for (const Region& r : e.regions) list_missing(*r.body, missing, seen);
    }
  }
};

}  // namespace

const Backend& reference() {
  static const ReferenceBackend backend;
  return backend;
}

Tensor to_storage(const Tensor& t, EvalMode mode) {
  if (t.is_null()) return t;
  const Tensor plain = t.plain();
  const DType to = storage_dtype(t.dtype(), mode);
  if (to == t.dtype()) return plain;
  MutableTensor out(to, t.shape(), MutableTensor::Init::kNone);
  if (to == DType::kC128) {
    auto o = out.data<std::complex<double>>();
    for (int64_t i = 0; i < t.size(); ++i) o[static_cast<size_t>(i)] = plain.at_complex(i);
  } else if (t.dtype() == DType::kF32) {
    auto o = out.data<double>();
    const auto in = plain.data<float>();
    for (size_t i = 0; i < in.size(); ++i) o[i] = in[i];
  } else {
    auto o = out.data<double>();
    for (int64_t i = 0; i < t.size(); ++i) o[static_cast<size_t>(i)] = plain.at_double(i);
  }
  return std::move(out).freeze();
}

std::vector<Tensor> evaluate(const Program& program, std::span<const Tensor> inputs, EvalMode mode,
                             std::span<const Tensor> parameters) {
  return evaluate(program, inputs, mode, parameters, Tap());
}

std::vector<Tensor> evaluate(const Program& p, std::span<const Tensor> inputs, EvalMode mode,
                             std::span<const Tensor> parameters, const Tap& tap) {
  std::vector<TensorType> types;
  for (const Tensor& t : inputs) types.push_back(t.type());
  const std::vector<Tensor> stored = stored_parameters(p, parameters, mode);
  return evaluate_stored(p, inputs, bind_signature(p, types, stored), stored, mode, tap);
}

}  // namespace ecotone::backend
