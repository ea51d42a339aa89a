// ONNX's protobuf messages, decoded to views of the file's bytes. Field numbers are those of onnx.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ecotone/ir/tensor.h"

namespace ecotone::onnx {

struct TensorProto {
  std::string name;
  std::vector<int64_t> dims;
  int32_t data_type = 0;
  std::vector<float> floats;
  std::vector<int32_t> int32s;
  std::vector<int64_t> int64s;
  std::vector<double> doubles;
  std::vector<uint64_t> uint64s;
  std::optional<std::string_view> raw;
  std::map<std::string, std::string> external;  // location, offset, length
  bool is_external = false, has_strings = false;
};

struct GraphProto;
struct TypeProto {
  enum Kind : uint8_t { kNone, kTensor, kSequence, kOptional, kOther } kind = kNone;
  int32_t element = 0;  // of a tensor
  struct Dimension {
    std::optional<int64_t> value;
    std::string parameter;
  };
  std::optional<std::vector<Dimension>> shape;  // absent: the rank is open
  std::shared_ptr<TypeProto> inner;             // of a sequence or optional
};
struct ValueInfo {
  std::string name;
  TypeProto type;
};

struct AttributeProto {
  std::string name, reference;  // reference: the function's attribute that it stands for
  int32_t type = 0;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::shared_ptr<TensorProto> tensor;
  std::shared_ptr<GraphProto> graph;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  bool is_other = false;  // a kind that no operator we read takes
};

struct NodeProto {
  std::vector<std::string> inputs, outputs;
  std::string name, op_type, domain;
  std::vector<AttributeProto> attributes;
};

struct GraphProto {
  std::string name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<ValueInfo> inputs, outputs, values;
  bool has_sparse = false;
};

struct FunctionProto {
  std::string name, domain;
  std::vector<std::string> inputs, outputs, attributes;
  std::vector<AttributeProto> defaults;
  std::vector<NodeProto> nodes;
  std::map<std::string, int64_t> opsets;
};

struct ModelProto {
  int64_t ir_version = 0;
  std::string producer;
  std::map<std::string, int64_t> opsets;  // version by domain; "" is ai.onnx
  std::optional<GraphProto> graph;
  std::vector<FunctionProto> functions;
};

// Throw Error when the bytes are malformed or nested too deeply.
ModelProto decode_model(std::string_view bytes);
TensorProto decode_tensor(std::string_view bytes);

// Our type for ONNX's number, if it has one.
std::optional<DType> dtype_of(int32_t data_type);
// ONNX's number for it; 0 where it has none.
int32_t data_type_of(DType dtype);

// The tensor's value. Raw bytes are viewed, with `owner` kept; other fields are copied. External data is mapped from
// below `folder`. Throws Error when sizes contradict each other or the data leave the folder or the file.
Tensor to_tensor(const TensorProto& t, const std::filesystem::path& folder, const std::shared_ptr<const void>& owner);

}  // namespace ecotone::onnx
