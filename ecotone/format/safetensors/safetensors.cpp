#include "ecotone/format/safetensors/safetensors.h"

#include <algorithm>
#include <cstring>

#include <nlohmann/json.hpp>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"

namespace ecotone::safetensors {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // as the format's own library

constexpr std::pair<std::string_view, DType> kTypes[] = {{"BOOL", DType::kBool},      {"U8", DType::kU8},
                                                         {"I8", DType::kI8},          {"U16", DType::kU16},
                                                         {"I16", DType::kI16},        {"U32", DType::kU32},
                                                         {"I32", DType::kI32},        {"U64", DType::kU64},
                                                         {"I64", DType::kI64},        {"F16", DType::kF16},
                                                         {"BF16", DType::kBF16},      {"F32", DType::kF32},
                                                         {"F64", DType::kF64},        {"F8_E4M3", DType::kF8E4M3FN},
                                                         {"F8_E5M2", DType::kF8E5M2}, {"F8_E8M0", DType::kF8E8M0FNU},
                                                         {"C64", DType::kC64}};

Tensor read_entry(const nlohmann::json& entry, std::span<const std::byte> data, const std::string& what,
                  const std::shared_ptr<const void>& owner, std::pair<uint64_t, uint64_t>& extent) {
  auto field = [&](const char* key) -> const nlohmann::json& {
    auto it = entry.find(key);
    if (it == entry.end()) fail("{}: '{}' is missing", what, key);
    return *it;
  };
  if (!entry.is_object()) fail("{}: not an object", what);
  const auto& type = field("dtype");
  const DType* dtype = nullptr;
  for (const auto& [text, d] : kTypes)
    if (type.is_string() && type.get_ref<const std::string&>() == text) dtype = &d;
  if (!dtype) fail("{}: element type {} is not known", what, type.dump());
  Shape shape;
  const auto& sizes = field("shape");
  if (!sizes.is_array()) fail("{}: 'shape' is not a list", what);
  for (const auto& s : sizes) {
    if (!s.is_number_unsigned() || s.get<uint64_t>() > INT64_MAX) fail("{}: bad size {}", what, s.dump());
    shape.push_back(s.get<int64_t>());
  }
  const auto& offsets = field("data_offsets");
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    fail("{}: 'data_offsets' is not two integers", what);
  extent = {offsets[0].get<uint64_t>(), offsets[1].get<uint64_t>()};
  if (extent.first > extent.second || extent.second > data.size())
    fail("{}: bytes {} to {} lie outside the file's data of {} bytes", what, extent.first, extent.second, data.size());
  try {
    return Tensor(*dtype, std::move(shape), data.subspan(extent.first, extent.second - extent.first), owner);
  } catch (const Error& e) {
    throw e.with_context(what);
  }
}

}  // namespace

File read(std::span<const std::byte> bytes, const std::string& file, std::shared_ptr<const void> owner) {
  uint64_t length = 0;
  if (bytes.size() < 8) fail("{}: not a safetensors file: it has {} bytes", file, bytes.size());
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeader || length > bytes.size() - 8)
    fail("{}: not a safetensors file, or cut short: its header claims {} bytes", file, length);
  const char* text = reinterpret_cast<const char*>(bytes.data()) + 8;
  // A bounded depth: the header is flat, and a parser must not recurse as deep as a file asks.
  int depth = 0;
  const auto limit = [&](int d, nlohmann::json::parse_event_t, nlohmann::json&) {
    depth = std::max(depth, d);
    if (depth > 8) fail("{}: the header is nested too deeply", file);
    return true;
  };
  const auto header = nlohmann::json::parse(text, text + length, limit, false);
  if (!header.is_object()) fail("{}: not a safetensors file: the header is not a JSON object", file);
  const auto data = bytes.subspan(8 + length);
  File result;
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, std::pair<std::string, Tensor>>> found;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) fail("{}: '__metadata__' is not an object", file);
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) fail("{}: metadata '{}' is not a string", file, key);
        result.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    std::pair<uint64_t, uint64_t> extent;
    Tensor t = read_entry(entry, data, file + ": tensor '" + name + "'", owner, extent);
    found.push_back({extent, {name, std::move(t)}});
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  uint64_t at = 0;
  for (auto& [extent, tensor] : found) {
    if (extent.first != at) fail("{}: tensor '{}' overlaps another or leaves a gap at byte {}", file, tensor.first, at);
    at = extent.second;
    result.tensors.push_back(std::move(tensor));
  }
  if (at != data.size()) fail("{}: {} bytes of data belong to no tensor", file, data.size() - at);
  return result;
}

File read(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  return read(file->bytes(), path.string(), file);
}

void write(const std::filesystem::path& path, const File& file) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  uint64_t at = 0;
  std::vector<Tensor> plain;
  for (const auto& [name, tensor] : file.tensors) {
    const Tensor& t = plain.emplace_back(tensor.plain());
    std::string_view code;
    for (const auto& [text, dtype] : kTypes)
      if (dtype == t.dtype()) code = text;
    if (code.empty())
      fail("{}: tensor '{}' is {}, which safetensors can't hold; npz can", path.string(), name,
           ecotone::name(t.dtype()));
    if (header.contains(name) || name == "__metadata__") fail("{}: two tensors are named '{}'", path.string(), name);
    header[name] = {{"dtype", code}, {"shape", t.shape()}, {"data_offsets", {at, at + t.bytes().size()}}};
    at += t.bytes().size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // the data start aligned
  const uint64_t length = text.size();
  AtomicFile out(path);
  out.write(std::as_bytes(std::span(&length, 1)));
  out.write(std::string_view(text));
  for (const Tensor& t : plain) out.write(t.bytes());
  out.commit();
}

}  // namespace ecotone::safetensors
