#include "ecotone/backend/reference/reference.h"

#include <cstring>

#include "ecotone/base/error.h"

namespace ecotone::backend {
namespace {

constexpr int kMaxDepth = 2000;  // of nested regions, calls and composites

// Binds symbols so that `type`'s sizes become the tensor's. Returns false when a size can't be.
void bind_shape(const TensorType& type, const Tensor& t, SymbolValues& symbols, const std::string& what) {
  if (type.dtype != t.dtype()) fail("{} must be {}, got {}", what, name(type.dtype), name(t.dtype()));
  if (type.rank() != t.rank())
    fail("{} must have {} dimensions ({}), got shape {}", what, type.rank(), type.str(), shape_str(t.shape()));
  for (size_t i = 0; i < type.shape.size(); ++i)
    if (auto s = type.shape[i].as_symbol(); s && *s < symbols.size() && !symbols[*s]) symbols[*s] = t.shape()[i];
}

void check_shape(const TensorType& type, const Tensor& t, const SymbolValues& symbols,
                 std::span<const SymbolInfo> infos, const std::string& what) {
  for (size_t i = 0; i < type.shape.size(); ++i) {
    const Dim d = bind_symbols(type.shape[i], symbols);
    if (!d.is_constant() || d.constant() != t.shape()[i])
      fail("{} must have shape {} but has {}: dimension {} must be {}", what, type.str(infos), shape_str(t.shape()), i,
           d.str(infos));
  }
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
      const bool introduces = e.op->name == "ecotone.take_prefix" || e.op->name == "ecotone.size_from";
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

class ReferenceExecutable;

struct ReferenceBound final : Bound {
  ReferenceBound(ProgramRef p, EvalMode m, std::vector<Tensor> params)
      : program(std::move(p)), mode(m), parameters(std::move(params)) {}
  std::unique_ptr<Context> context() const override;

  ProgramRef program;
  EvalMode mode;
  std::vector<Tensor> parameters;
};

// Plain: evaluates into fresh tensors and copies into the given buffers.
class ReferenceContext final : public Context {
 public:
  explicit ReferenceContext(const ReferenceBound& bound)
      : program_(bound.program), mode_(bound.mode), parameters_(bound.parameters) {}

  std::vector<TensorType> prepare(std::span<const TensorType> inputs) override {
    const Program& p = *program_;
    if (inputs.size() != p.inputs().size())
      fail("the program takes {} inputs, got {}", p.inputs().size(), inputs.size());
    SymbolValues symbols(p.symbols().size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const TensorType& want = tensor(p.inputs()[i].type);
      if (want.dtype != inputs[i].dtype || want.rank() != inputs[i].rank())
        fail("input '{}' must be {}, got {}", p.inputs()[i].name, want.str(p.symbols()), inputs[i].str());
      for (size_t d = 0; d < want.shape.size(); ++d)
        if (auto s = want.shape[d].as_symbol(); s && !symbols[*s]) symbols[*s] = inputs[i].shape[d].constant();
    }
    std::vector<TensorType> outputs;
    for (const Output& o : p.outputs()) {
      TensorType t = std::get<TensorType>(bind_symbols(p.type(o.value), symbols));
      t.dtype = storage_dtype(t.dtype, mode_);
      for (Dim& d : t.shape)
        if (!d.is_constant()) d = range(d, p.symbols()).max;  // sized by data: the bound
      outputs.push_back(std::move(t));
    }
    return outputs;
  }

  void run(std::span<const Buffer> inputs, std::span<Buffer> outputs, const RunOptions&) override {
    std::vector<Tensor> tensors;
    for (const Buffer& b : inputs) tensors.push_back(b.tensor());
    const std::vector<Tensor> results = evaluate(*program_, tensors, mode_, parameters_);
    if (outputs.size() != results.size())
      fail("the program has {} outputs, got {} buffers", results.size(), outputs.size());
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].bytes().size() > outputs[i].bytes.size())
        fail("output {} needs {} bytes, its buffer has {}", i, results[i].bytes().size(), outputs[i].bytes.size());
      outputs[i].type = results[i].type();
      outputs[i].bytes = outputs[i].bytes.first(results[i].bytes().size());
      if (!results[i].bytes().empty())
        std::memcpy(outputs[i].bytes.data(), results[i].bytes().data(), results[i].bytes().size());
    }
  }

 private:
  ProgramRef program_;
  EvalMode mode_;
  std::vector<Tensor> parameters_;
};

std::unique_ptr<Context> ReferenceBound::context() const {
  return std::make_unique<ReferenceContext>(*this);
}

class ReferenceExecutable final : public Executable {
 public:
  ReferenceExecutable(ProgramRef program, EvalMode mode) : program_(std::move(program)), mode_(mode) {}
  const Program& program() const override { return *program_; }
  std::shared_ptr<const Bound> bind(std::span<const Buffer> parameters) const override {
    std::vector<Tensor> tensors;
    for (const Buffer& b : parameters) tensors.push_back(b.tensor());
    return std::make_shared<ReferenceBound>(program_, mode_, std::move(tensors));
  }

 private:
  ProgramRef program_;
  EvalMode mode_;
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }
  bool supports(const Op& op) const override { return op.evaluate || op.body; }
  std::unique_ptr<Executable> compile(ProgramRef program, const CompileOptions& options) const override {
    return std::make_unique<ReferenceExecutable>(std::move(program), options.mode);
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
  if (inputs.size() != p.inputs().size()) fail("the program takes {} inputs, got {}", p.inputs().size(), inputs.size());
  if (!parameters.empty() && parameters.size() != p.parameters().size())
    fail("the program has {} parameters, got {}", p.parameters().size(), parameters.size());
  SymbolValues symbols(p.symbols().size());
  std::vector<Tensor> stored, stored_parameters;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = p.inputs()[i];
    if (is_token(input.type)) {
      stored.emplace_back();
      continue;
    }
    bind_shape(tensor(input.type), inputs[i], symbols, "input '" + input.name + "'");
    stored.push_back(to_storage(inputs[i], mode));
  }
  for (size_t i = 0; i < p.parameters().size(); ++i) {
    const Parameter& parameter = p.parameters()[i];
    if (parameters.empty() && !parameter.value) fail("parameter '{}' has no value: give one", parameter.name);
    const Tensor& value = parameters.empty() ? *parameter.value : parameters[i];
    bind_shape(parameter.type, value, symbols, "parameter '" + parameter.name + "'");
    stored_parameters.push_back(to_storage(value, mode));
  }
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!is_token(p.inputs()[i].type))
      check_shape(tensor(p.inputs()[i].type), inputs[i], symbols, p.symbols(), "input '" + p.inputs()[i].name + "'");
  for (const Assumption& a : p.assumptions()) {
    const Dim l = bind_symbols(a.left, symbols), r = bind_symbols(a.right, symbols);
    if (l.is_constant() && r.is_constant() && l.constant() != r.constant())
      fail("{}: sizes {} and {} must be equal, but are {} and {} for these inputs", location_str(a.location),
           a.left.str(p.symbols()), a.right.str(p.symbols()), l.constant(), r.constant());
  }
  return Evaluator(mode).run(p, stored, stored_parameters, std::move(symbols), &tap);
}

}  // namespace ecotone::backend
