// What every backend offers: Program -> Executable -> Bound -> Context.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ecotone/ir/program.h"

namespace ecotone::backend {

enum class DeviceKind : uint8_t { kHost, kCuda, kHip, kOpenCl, kMetal, kWebGpu };
struct Placement {
  DeviceKind kind = DeviceKind::kHost;
  int32_t index = 0;
  friend bool operator==(const Placement&, const Placement&) = default;
};

// Strides in elements; empty means dense row-major.
struct Layout {
  std::vector<int64_t> strides;
  friend bool operator==(const Layout&, const Layout&) = default;
};

// When a buffer's bytes may be used; null means now.
using Event = std::shared_ptr<const void>;

// Typed memory somewhere. The type's sizes are all known. A Buffer can view a Tensor (`view`), which it must then only
// read.
struct Buffer {
  TensorType type;
  Placement where;
  Layout layout;
  std::span<std::byte> bytes;
  std::shared_ptr<void> owner;
  Event ready;

  // A read-only Buffer over a Tensor's bytes (made plain and aligned first).
  static Buffer view(const Tensor& tensor);
  // Fresh zeroed host memory.
  static Buffer allocate(const TensorType& type);
  // The bytes as a Tensor that shares them.
  Tensor tensor() const;
};

struct RunOptions {
  int threads = 0;  // most workers to lease; 0: what the pool has
};

// The memory of one run in flight. Not thread-safe; any number of Contexts may run at once. Inputs and outputs are in
// the Program's order; what stands for a token is ignored.
class Context {
 public:
  virtual ~Context() = default;
  // Sets the inputs' types; may allocate. Returns the outputs' types, or bounds where a size comes from data. Throws
  // Error when an input does not fit the signature or an assumption of the Program fails.
  virtual std::vector<TensorType> prepare(std::span<const TensorType> inputs) = 0;
  // Runs on buffers of the prepared types. Where an output's size comes from data, its Buffer's type is narrowed to the
  // actual one. An output Buffer without memory (a default one) is given some, only to be read: for callers who keep no
  // memory of their own, and for sizes whose bound is far above what comes.
  virtual void run(std::span<const Buffer> inputs, std::span<Buffer> outputs, const RunOptions& options = {}) = 0;
};

// An Executable with its parameters. Thread-safe, shareable between Contexts.
class Bound {
 public:
  virtual ~Bound() = default;
  virtual std::unique_ptr<Context> context() const = 0;
};

// A compiled Program. Immutable and thread-safe.
class Executable {
 public:
  virtual ~Executable() = default;
  virtual const Program& program() const = 0;
  // Parameters in the Program's order; an empty span takes the defaults that the Program carries.
  virtual std::shared_ptr<const Bound> bind(std::span<const Buffer> parameters = {}) const = 0;
};

struct CompileOptions {
  EvalMode mode = EvalMode::kSpec;  // reference backend only
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  // Whether the backend has the op itself; a composite that it lacks is decomposed.
  virtual bool supports(const Op& op) const = 0;
  // Throws Error (kUnsupported) that lists everything it can't do, with its provenance.
  virtual std::unique_ptr<Executable> compile(ProgramRef program, const CompileOptions& options = {}) const = 0;
};

// All that this build has; the reference is the first.
std::span<const Backend* const> backends();
// The backend of that name ("reference"); throws Error (kMissing) that lists those there are.
const Backend& find(std::string_view name);
// "reference, cpu": for messages.
std::string names();

}  // namespace ecotone::backend
