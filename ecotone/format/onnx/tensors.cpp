// TensorProto to Tensor.
#include <charconv>
#include <cstring>

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "ecotone/base/checked.h"
#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/onnx/onnx.h"
#include "ecotone/format/onnx/proto.h"

namespace ecotone::onnx {
namespace {

int64_t parse_size(const std::string& text, const char* what) {
  int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size() || v < 0)
    fail("external data's {} '{}' is no size", what, text);
  return v;
}

// Sub-byte elements are packed in raw data and in int32_data.
Encoding packing(DType d) {
  if (bit_width(d) == 4) return Encoding::kPackedLow4;
  return bit_width(d) == 2 ? Encoding::kPackedLow2 : Encoding::kPlain;
}

Tensor from_external(const TensorProto& t, DType dtype, const std::filesystem::path& folder) {
  const auto find = [&](const char* key) {
    const auto it = t.external.find(key);
    return it == t.external.end() ? std::string() : it->second;
  };
  const std::string location = find("location");
  if (location.empty()) fail("external data without a location");
  const auto file = MappedFile::open(resolve_inside(folder, location));
  const int64_t wanted = encoded_bytes(dtype, packing(dtype), element_count(t.dims));
  const std::string offset_text = find("offset"), length_text = find("length");
  const int64_t offset = offset_text.empty() ? 0 : parse_size(offset_text, "offset");
  const int64_t length = length_text.empty() ? wanted : parse_size(length_text, "length");
  const auto size = static_cast<int64_t>(file->bytes().size());
  if (length != wanted)
    fail("external data in '{}' has {} bytes, but shape {} needs {}", location, length, shape_str(t.dims), wanted);
  if (offset > size || length > size - offset)
    fail("external data at {} + {} ends past the end of '{}' ({} bytes): the file is cut off or the wrong one", offset,
         length, location, size);
  return {dtype, t.dims, file->bytes().subspan(static_cast<size_t>(offset), static_cast<size_t>(length)), file,
          packing(dtype)};
}

template <class T>
void expect_count(const std::vector<T>& values, int64_t wanted) {
  if (static_cast<int64_t>(values.size()) != wanted)
    fail("{} values are given, but the shape needs {}", values.size(), wanted);
}

// int32_data holds integers, the codes of small floats, and packed sub-byte elements.
Tensor from_int32s(const TensorProto& t, DType dtype) {
  const int64_t count = element_count(t.dims);
  if (packing(dtype) != Encoding::kPlain) {
    expect_count(t.int32s, encoded_bytes(dtype, packing(dtype), count));
    auto packed = std::make_shared<std::vector<std::byte>>();
    for (int32_t v : t.int32s) packed->push_back(static_cast<std::byte>(v));
    const std::span<const std::byte> bytes(*packed);
    return Tensor(dtype, t.dims, bytes, std::move(packed), packing(dtype)).plain();
  }
  expect_count(t.int32s, count);
  MutableTensor out(dtype, t.dims, MutableTensor::Init::kNone);
  for (int64_t i = 0; i < count; ++i) {
    const int32_t v = t.int32s[static_cast<size_t>(i)];
    if (is_float(dtype))
      out.set_bits(i, static_cast<uint32_t>(v) & ((uint64_t{1} << bit_width(dtype)) - 1));
    else
      out.set_int(i, v);
  }
  return std::move(out).freeze();
}

}  // namespace

namespace {
constexpr std::pair<int32_t, DType> kTypes[] = {
    {1, DType::kF32},         {2, DType::kU8},        {3, DType::kI8},          {4, DType::kU16},
    {5, DType::kI16},         {6, DType::kI32},       {7, DType::kI64},         {9, DType::kBool},
    {10, DType::kF16},        {11, DType::kF64},      {12, DType::kU32},        {13, DType::kU64},
    {14, DType::kC64},        {15, DType::kC128},     {16, DType::kBF16},       {17, DType::kF8E4M3FN},
    {18, DType::kF8E4M3FNUZ}, {19, DType::kF8E5M2},   {20, DType::kF8E5M2FNUZ}, {21, DType::kU4},
    {22, DType::kI4},         {23, DType::kF4E2M1FN}, {24, DType::kF8E8M0FNU},  {25, DType::kU2},
    {26, DType::kI2}};
}  // namespace

int32_t data_type_of(DType dtype) {
  for (const auto& [number, d] : kTypes)
    if (d == dtype) return number;
  return 0;
}

std::optional<DType> dtype_of(int32_t data_type) {
  for (const auto& [number, dtype] : kTypes)
    if (number == data_type) return dtype;
  return std::nullopt;
}

Tensor to_tensor(const TensorProto& t, const std::filesystem::path& folder, const std::shared_ptr<const void>& owner) {
  if (t.data_type == 8 || t.has_strings) fail_kind(ErrorKind::kUnsupported, "a tensor of strings");
  const auto dtype = dtype_of(t.data_type);
  if (!dtype) fail("element type {} is unknown", t.data_type);
  const int64_t count = element_count(t.dims);
  if (t.is_external) return from_external(t, *dtype, folder);
  if (t.raw) {
    const int64_t wanted = encoded_bytes(*dtype, packing(*dtype), count);
    if (static_cast<int64_t>(t.raw->size()) != wanted)
      fail("raw_data has {} bytes, but shape {} of {} needs {}", t.raw->size(), shape_str(t.dims), name(*dtype),
           wanted);
    const auto bytes = std::as_bytes(std::span(t.raw->data(), t.raw->size()));
    Tensor view(*dtype, t.dims, bytes, owner, packing(*dtype));
    return packing(*dtype) == Encoding::kPlain && *dtype != DType::kBool ? view : view.plain();
  }
  const auto copied = [&](const auto& values, int64_t per_element) {
    expect_count(values, checked_mul(count, per_element));
    MutableTensor out(*dtype, t.dims, MutableTensor::Init::kNone);
    if (!values.empty()) std::memcpy(out.bytes().data(), values.data(), out.bytes().size());
    return std::move(out).freeze();
  };
  switch (*dtype) {
    case DType::kF32:
      return copied(t.floats, 1);
    case DType::kC64:
      return copied(t.floats, 2);
    case DType::kF64:
      return copied(t.doubles, 1);
    case DType::kC128:
      return copied(t.doubles, 2);
    case DType::kI64:
      return copied(t.int64s, 1);
    case DType::kU64:
      return copied(t.uint64s, 1);
    case DType::kU32: {
      expect_count(t.uint64s, count);
      MutableTensor out(*dtype, t.dims, MutableTensor::Init::kNone);
      for (int64_t i = 0; i < count; ++i) out.set_int(i, static_cast<int64_t>(t.uint64s[static_cast<size_t>(i)]));
      return std::move(out).freeze();
    }
    default:
      return from_int32s(t, *dtype);
  }
}

namespace {

// SequenceProto: name=1, elem_type=2, tensor_values=3, sequence_values=5; OptionalProto: name=1, elem_type=2,
// tensor_value=3, sequence_value=5. TensorProto has a varint at 2 too, but its field 3 is never a message in practice.
void flatten(std::string_view bytes, const std::filesystem::path& folder, const std::shared_ptr<const void>& owner,
             int depth, std::vector<Tensor>& out) {
  if (depth > 16) fail("values nested deeper than 16");
  protozero::pbf_reader r(bytes.data(), bytes.size());
  while (r.next()) {
    const bool is_message = r.wire_type() == protozero::pbf_wire_type::length_delimited;
    const uint32_t tag = r.tag();
    if (!is_message || (tag != 3 && tag != 5)) {
      r.skip();
      continue;
    }
    const auto v = r.get_view();
    const std::string_view inner(v.data(), v.size());
    if (tag == 3)
      out.push_back(to_tensor(decode_tensor(inner), folder, owner));
    else
      flatten(inner, folder, owner, depth + 1, out);
  }
}

}  // namespace

std::vector<Tensor> read_values(std::string_view bytes, const std::filesystem::path& folder,
                                const std::shared_ptr<const void>& owner) {
  try {
    const TensorProto t = decode_tensor(bytes);
    if (dtype_of(t.data_type) &&
        (t.raw || t.is_external || !t.floats.empty() || !t.int32s.empty() || !t.int64s.empty() || !t.doubles.empty() ||
         !t.uint64s.empty() || element_count(t.dims) == 0))
      return {to_tensor(t, folder, owner)};
    std::vector<Tensor> values;
    flatten(bytes, folder, owner, 0, values);
    return values;
  } catch (const protozero::exception& e) {
    fail("no ONNX tensor, sequence or optional: {}", e.what());
  }
}

std::vector<Tensor> read_value_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  try {
    return read_values(file->text(), path.parent_path(), file);
  } catch (const Error& e) {
    throw e.with_context(path.string());
  }
}

void write_value_file(const std::filesystem::path& path, const std::string& name, const Tensor& value) {
  const int32_t data_type = data_type_of(value.dtype());
  if (data_type == 0)
    fail("{}: '{}' is {}, which ONNX has no tensors of; npz can hold it", path.string(), name,
         ecotone::name(value.dtype()));
  const Tensor plain = value.plain();
  std::string raw;
  const Encoding encoding = packing(plain.dtype());
  if (encoding == Encoding::kPlain) {
    raw.assign(reinterpret_cast<const char*>(plain.bytes().data()), plain.bytes().size());
  } else {
    const int width = bit_width(plain.dtype());
    const int64_t per_byte = 8 / width;
    raw.resize(static_cast<size_t>(encoded_bytes(plain.dtype(), encoding, plain.size())));
    for (int64_t i = 0; i < plain.size(); ++i) {
      const uint64_t bits = plain.at_bits(i) & ((uint64_t{1} << width) - 1);
      raw[static_cast<size_t>(i / per_byte)] |= static_cast<char>(bits << (width * (i % per_byte)));
    }
  }
  std::string out;
  protozero::pbf_writer writer(out);
  writer.add_packed_int64(1, plain.shape().begin(), plain.shape().end());
  writer.add_int32(2, data_type);
  writer.add_string(8, name);
  writer.add_bytes(9, raw);
  AtomicFile file(path);
  file.write(std::string_view(out));
  file.commit();
}

bool looks_like_onnx(std::span<const std::byte> bytes) {
  // ir_version (field 1, varint) comes first in all writers' files.
  return bytes.size() > 4 && bytes[0] == std::byte{0x08} && bytes[1] > std::byte{0} && bytes[1] < std::byte{0x40};
}

}  // namespace ecotone::onnx
