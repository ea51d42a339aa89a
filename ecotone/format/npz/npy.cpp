#include "ecotone/format/npz/npy.h"

#include <algorithm>
#include <cstring>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/npz/npz.h"

namespace ecotone::npz {
namespace {

struct Header {
  std::string descr;
  bool fortran_order = false;
  Shape shape;
};

// Reads the Python dictionary literal that a .npy header is: string keys, and a string, a bool or a tuple of integers.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& what) : text_(text), what_(what) {}

  Header parse() {
    Header h;
    bool has_descr = false, has_shape = false;
    expect('{');
    while (!take('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        if (peek() == '[') bad("structured arrays are not supported");
        h.descr = string();
        has_descr = true;
      } else if (key == "fortran_order") {
        h.fortran_order = boolean();
      } else if (key == "shape") {
        h.shape = tuple();
        has_shape = true;
      } else {
        bad("unknown key '" + key + "'");
      }
      if (!take(',') && peek() != '}') bad("expected ',' or '}'");
    }
    if (!has_descr || !has_shape) bad("'descr' or 'shape' is missing");
    return h;
  }

 private:
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) bad(std::string("expected '") + c + "'");
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad("expected a string");
    const size_t end = text_.find(quote, ++at_);
    if (end == std::string_view::npos) bad("a string does not end");
    std::string s(text_.substr(at_, end - at_));
    at_ = end + 1;
    return s;
  }
  bool boolean() {
    peek();
    for (auto [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    bad("expected True or False");
  }
  Shape tuple() {
    Shape shape;
    expect('(');
    while (!take(')')) {
      int64_t v = 0;
      size_t digits = 0;
      for (peek(); at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_, ++digits) {
        if (digits > 17) bad("a size is too large");
        v = v * 10 + (text_[at_] - '0');
      }
      if (digits == 0) bad("expected a size");
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long integers so
      shape.push_back(v);
      if (!take(',') && peek() != ')') bad("expected ',' or ')'");
    }
    return shape;
  }
  [[noreturn]] void bad(const std::string& why) { fail("{}: bad npy header: {}", what_, why); }

  std::string_view text_;
  const std::string& what_;
  size_t at_ = 0;
};

struct Descr {
  DType dtype;
  bool swap;
};

Descr element_type(const std::string& descr, std::optional<DType> named, const std::string& what) {
  static constexpr std::pair<std::string_view, DType> kTypes[] = {
      {"b1", DType::kBool}, {"i1", DType::kI8},  {"i2", DType::kI16}, {"i4", DType::kI32},  {"i8", DType::kI64},
      {"u1", DType::kU8},   {"u2", DType::kU16}, {"u4", DType::kU32}, {"u8", DType::kU64},  {"f2", DType::kF16},
      {"f4", DType::kF32},  {"f8", DType::kF64}, {"c8", DType::kC64}, {"c16", DType::kC128}};
  if (descr.size() >= 2) {
    const std::string_view code = std::string_view(descr).substr(1);
    for (auto [text, dtype] : kTypes)
      if (code == text) return {dtype, descr[0] == '>'};
    if (code == "V1" || code == "V2") {
      const int width = code[1] - '0';
      if (named && byte_size(*named) == width) return {*named, false};
      if (!named && width == 2) return {DType::kBF16, false};
      fail("{}: raw elements of {} bytes, and nothing says what they are", what, width);
    }
    if (code[0] == 'O') fail("{}: an array of Python objects (a pickle) is never read", what);
    if (code[0] == 'U' || code[0] == 'S') fail("{}: arrays of strings are not supported", what);
  }
  fail("{}: element type '{}' is not supported", what, descr);
}

void swap_bytes(std::span<std::byte> bytes, size_t width) {
  for (size_t i = 0; i + width <= bytes.size(); i += width) std::reverse(bytes.begin() + i, bytes.begin() + i + width);
}

Tensor from_fortran(const Tensor& t, const Shape& shape) {
  MutableTensor out(t.dtype(), shape, MutableTensor::Init::kNone);
  const auto width = static_cast<size_t>(byte_size(t.dtype()));
  std::vector<int64_t> strides(shape.size()), index(shape.size(), 0);
  int64_t stride = 1;
  for (size_t d = 0; d < shape.size(); ++d) strides[d] = stride, stride *= shape[d];
  for (int64_t i = 0; i < t.size(); ++i) {
    int64_t from = 0;
    for (size_t d = 0; d < shape.size(); ++d) from += index[d] * strides[d];
    std::memcpy(out.bytes().data() + static_cast<size_t>(i) * width,
                t.bytes().data() + static_cast<size_t>(from) * width, width);
    for (size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
  }
  return std::move(out).freeze();
}

}  // namespace

bool numpy_has(DType d) {
  switch (info(d).kind) {
    case DTypeKind::kFloat:
      return d == DType::kF16 || d == DType::kF32 || d == DType::kF64;
    case DTypeKind::kSigned:
    case DTypeKind::kUnsigned:
      return bit_width(d) >= 8;
    default:
      return true;
  }
}

Tensor decode_npy(std::span<const std::byte> bytes, const std::string& what, std::optional<DType> named) {
  static constexpr char kMagic[] = "\x93NUMPY";
  if (bytes.size() < 10 || std::memcmp(bytes.data(), kMagic, 6) != 0) fail("{}: not a npy array", what);
  const int major = static_cast<int>(bytes[6]);
  if (major < 1 || major > 3) fail("{}: npy version {} is not known", what, major);
  const size_t length_bytes = major == 1 ? 2 : 4, start = 8 + length_bytes;
  size_t length = 0;
  if (bytes.size() < start) fail("{}: the npy header is cut short", what);
  std::memcpy(&length, bytes.data() + 8, length_bytes);
  if (length > bytes.size() - start) fail("{}: the npy header is cut short", what);
  const Header h = HeaderParser({reinterpret_cast<const char*>(bytes.data()) + start, length}, what).parse();
  const Descr type = element_type(h.descr, named, what);
  const std::span<const std::byte> data = bytes.subspan(start + length);
  const int64_t count = element_count(h.shape);
  const int64_t need = encoded_bytes(type.dtype, Encoding::kPlain, count);
  if (static_cast<uint64_t>(need) > data.size())
    fail("{}: {} of {} needs {} bytes of data but {} are there", what, shape_str(h.shape), name(type.dtype), need,
         data.size());
  MutableTensor out(type.dtype, h.shape, MutableTensor::Init::kNone);
  if (need) std::memcpy(out.bytes().data(), data.data(), static_cast<size_t>(need));
  if (type.swap) swap_bytes(out.bytes(), static_cast<size_t>(byte_size(real_part(type.dtype))));
  if (type.dtype == DType::kBool)
    for (std::byte& b : out.bytes()) b = static_cast<std::byte>(b != std::byte{0});
  Tensor t = std::move(out).freeze();
  return h.fortran_order && h.shape.size() > 1 ? from_fortran(t, h.shape) : t;
}

std::string npy_header(const Tensor& t) {
  const int width = byte_size(t.dtype());
  std::string descr;
  if (!numpy_has(t.dtype())) {
    descr = "|V" + std::to_string(width);
    if (bit_width(t.dtype()) < 8 && is_integer(t.dtype()))  // sub-byte integers are plain bytes to NumPy
      descr = is_signed_integer(t.dtype()) ? "|i1" : "|u1";
  } else {
    static constexpr char kKinds[] = {'b', 'i', 'u', 'f', 'c'};
    descr =
        std::string(width == 1 ? "|" : "<") + kKinds[static_cast<int>(info(t.dtype()).kind)] + std::to_string(width);
  }
  std::string shape;
  for (int64_t d : t.shape()) shape += std::to_string(d) + ",";
  std::string dict = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  const size_t unpadded = 10 + dict.size() + 1;
  dict.append((64 - unpadded % 64) % 64, ' ');
  dict += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(dict.size() & 0xFF);
  out += static_cast<char>(dict.size() >> 8);
  return out + dict;
}

Tensor read_npy(std::span<const std::byte> bytes, const std::string& file_name) {
  return decode_npy(bytes, file_name, std::nullopt);
}

Tensor read_npy(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return read_npy(file->bytes(), path.string());
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  const Tensor t = tensor.plain();
  AtomicFile file(path);
  file.write(std::string_view(npy_header(t)));
  file.write(t.bytes());
  file.commit();
}

}  // namespace ecotone::npz
