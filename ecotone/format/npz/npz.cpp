#include "ecotone/format/npz/npz.h"

#include <cstring>
#include <map>

#include <nlohmann/json.hpp>
#include <zlib.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"
#include "ecotone/format/npz/npy.h"

namespace ecotone::npz {
namespace {

constexpr char kTypesEntry[] = "__dtypes__.npy";
constexpr uint64_t kMaxUncompressed = uint64_t{1} << 40;  // a deflated entry may not claim more than a terabyte
constexpr uint64_t kMaxRatio = 1100;                      // deflate can't do better than 1032:1

struct Entry {
  std::string name;
  uint16_t method;
  uint64_t compressed, size, offset;
  uint32_t crc;
};

class Archive {
 public:
  Archive(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::vector<Entry> entries() {
    // The end record is at the end, before a comment of at most 64 KiB.
    const size_t n = bytes_.size();
    size_t end = std::string::npos;
    for (size_t back = 22; back <= n && back <= 22 + 65535; ++back)
      if (u32(n - back) == 0x06054b50) {
        end = n - back;
        break;
      }
    if (end == std::string::npos) fail("{}: not a zip archive, or cut short (no end record)", file_);
    uint64_t count = u16(end + 10), offset = u32(end + 16);
    if ((count == 0xFFFF || offset == 0xFFFFFFFF) && end >= 20 && u32(end - 20) == 0x07064b50) {
      const uint64_t zip64 = u64(end - 20 + 8);
      if (zip64 > n || u32(zip64) != 0x06064b50) fail("{}: the zip64 record is broken", file_);
      count = u64(zip64 + 32);
      offset = u64(zip64 + 48);
    }
    std::vector<Entry> result;
    uint64_t packed = 0;
    for (uint64_t i = 0; i < count; ++i) {
      if (u32(offset) != 0x02014b50) fail("{}: entry {} of the zip directory is broken", file_, i);
      Entry e;
      e.method = u16(offset + 10);
      e.crc = u32(offset + 16);
      e.compressed = u32(offset + 20);
      e.size = u32(offset + 24);
      e.offset = u32(offset + 42);
      if (u16(offset + 8) & 1) fail("{}: encrypted entries are not read", file_);
      const uint16_t name_length = u16(offset + 28), extra_length = u16(offset + 30), comment_length = u16(offset + 32);
      const auto name = range(offset + 46, name_length);
      e.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
      read_zip64(e, offset + 46 + name_length, extra_length);
      // Entries that share bytes would make a small file a large one.
      if (e.compressed > n - packed) fail("{}: the zip archive's entries overlap, or it is cut short", file_);
      packed += e.compressed;
      result.push_back(std::move(e));
      offset += 46u + name_length + extra_length + comment_length;
    }
    return result;
  }

  std::vector<std::byte> content(const Entry& e) {
    if (u32(e.offset) != 0x04034b50) fail("{}: entry '{}' is broken", file_, e.name);
    const uint64_t start = e.offset + 30 + u16(e.offset + 26) + u16(e.offset + 28);
    const auto raw = range(start, e.compressed);
    if (e.size > kMaxUncompressed || (e.method == 8 && e.size / kMaxRatio > e.compressed + 1))
      fail("{}: entry '{}' claims {} bytes, more than its data can hold", file_, e.name, e.size);
    std::vector<std::byte> out;
    if (e.method == 0) {
      if (e.size != e.compressed) fail("{}: entry '{}' has two sizes", file_, e.name);
      out.assign(raw.begin(), raw.end());
    } else if (e.method == 8) {
      out = inflate_entry(e, raw);
    } else {
      fail("{}: entry '{}' is packed by method {}; only stored and deflated entries are read", file_, e.name, e.method);
    }
    if (crc_of(out) != e.crc) fail("{}: entry '{}' is damaged (checksum)", file_, e.name);
    return out;
  }

  static uint32_t crc_of(std::span<const std::byte> bytes) {
    return static_cast<uint32_t>(
        crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  }

 private:
  std::vector<std::byte> inflate_entry(const Entry& e, std::span<const std::byte> raw) {
    std::vector<std::byte> out(e.size);
    z_stream z{};
    if (inflateInit2(&z, -15) != Z_OK) fail("zlib does not start");
    struct End {
      z_stream& z;
      ~End() { inflateEnd(&z); }
    } end{z};
    size_t read = 0, written = 0;
    int status = Z_OK;
    while (status == Z_OK) {
      constexpr size_t kStep = size_t{1} << 30;  // zlib counts in 32 bits
      z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(raw.data() + read));
      z.avail_in = static_cast<uInt>(std::min(kStep, raw.size() - read));
      std::byte spare{};
      z.next_out = reinterpret_cast<Bytef*>(written < out.size() ? out.data() + written : &spare);
      z.avail_out = static_cast<uInt>(written < out.size() ? std::min(kStep, out.size() - written) : 1);
      const uInt in = z.avail_in, space = z.avail_out;
      status = inflate(&z, Z_NO_FLUSH);
      read += in - z.avail_in;
      written += space - z.avail_out;
      if (written > out.size() || (status == Z_OK && in == z.avail_in && space == z.avail_out)) break;
    }
    if (status != Z_STREAM_END || written != out.size()) fail("{}: entry '{}' is damaged", file_, e.name);
    return out;
  }

  void read_zip64(Entry& e, uint64_t at, uint64_t length) {
    const uint64_t end = at + length;
    while (at + 4 <= end) {
      const uint16_t id = u16(at), size = u16(at + 2);
      uint64_t field = at + 4;
      if (id == 1) {
        for (uint64_t* v : {&e.size, &e.compressed, &e.offset})
          if (*v == 0xFFFFFFFF && field + 8 <= at + 4 + size) *v = u64(field), field += 8;
      }
      at += 4u + size;
    }
  }

  std::span<const std::byte> range(uint64_t at, uint64_t length) const {
    if (at > bytes_.size() || length > bytes_.size() - at) fail("{}: the zip archive is cut short", file_);
    return bytes_.subspan(at, length);
  }
  template <class T>
  T get(uint64_t at) const {
    T v;
    std::memcpy(&v, range(at, sizeof v).data(), sizeof v);
    return v;
  }
  uint16_t u16(uint64_t at) const { return get<uint16_t>(at); }
  uint32_t u32(uint64_t at) const { return get<uint32_t>(at); }
  uint64_t u64(uint64_t at) const { return get<uint64_t>(at); }

  std::span<const std::byte> bytes_;
  const std::string& file_;
};

std::map<std::string, DType> named_types(const Tensor& json_bytes, const std::string& file) {
  std::map<std::string, DType> types;
  const auto text = json_bytes.bytes();
  const auto json = nlohmann::json::parse(reinterpret_cast<const char*>(text.data()),
                                          reinterpret_cast<const char*>(text.data()) + text.size(), nullptr, false);
  if (!json.is_object()) fail("{}: entry '{}' is not a JSON object", file, kTypesEntry);
  for (const auto& [key, value] : json.items()) {
    const auto dtype = value.is_string() ? dtype_from_name(value.get<std::string>()) : std::nullopt;
    if (!dtype) fail("{}: '{}' gives array '{}' an unknown element type", file, kTypesEntry, key);
    types[key] = *dtype;
  }
  return types;
}

template <class T>
void put(std::string& out, T v) {
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

class Writer {
 public:
  explicit Writer(const std::filesystem::path& path) : file_(path) {}

  void add(const std::string& name, const Tensor& t) {
    const std::string npy = npy_header(t);
    uint32_t crc = Archive::crc_of(std::as_bytes(std::span(npy)));
    crc = static_cast<uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(t.bytes().data()), t.bytes().size()));
    const uint64_t size = npy.size() + t.bytes().size();
    std::string local;
    header(local, 0x04034b50, false, name, crc, size);
    local += name;
    zip64_sizes(local, size, std::nullopt);
    header(directory_, 0x02014b50, true, name, crc, size);
    directory_ += name;
    zip64_sizes(directory_, size, offset_);
    file_.write(std::string_view(local));
    file_.write(std::string_view(npy));
    file_.write(t.bytes());
    offset_ += local.size() + size;
    ++count_;
  }

  void finish() {
    std::string end;
    put<uint32_t>(end, 0x06064b50);  // zip64 end record: always written, so that no size is too large
    put<uint64_t>(end, 44);
    put<uint16_t>(end, 45), put<uint16_t>(end, 45);
    put<uint32_t>(end, 0), put<uint32_t>(end, 0);
    put<uint64_t>(end, count_), put<uint64_t>(end, count_);
    put<uint64_t>(end, directory_.size()), put<uint64_t>(end, offset_);
    put<uint32_t>(end, 0x07064b50);  // its locator
    put<uint32_t>(end, 0), put<uint64_t>(end, offset_ + directory_.size()), put<uint32_t>(end, 1);
    put<uint32_t>(end, 0x06054b50);
    put<uint16_t>(end, 0), put<uint16_t>(end, 0);
    put<uint16_t>(end, 0xFFFF), put<uint16_t>(end, 0xFFFF);
    put<uint32_t>(end, 0xFFFFFFFF), put<uint32_t>(end, 0xFFFFFFFF);
    put<uint16_t>(end, 0);
    file_.write(std::string_view(directory_));
    file_.write(std::string_view(end));
    file_.commit();
  }

 private:
  static void header(std::string& out, uint32_t magic, bool central, const std::string& name, uint32_t crc, uint64_t) {
    put(out, magic);
    if (central) put<uint16_t>(out, 45);
    put<uint16_t>(out, 45), put<uint16_t>(out, 0x0800), put<uint16_t>(out, 0);  // version, UTF-8 names, stored
    put<uint16_t>(out, 0), put<uint16_t>(out, 0x0021);  // 1980-01-01: equal inputs give equal files
    put(out, crc);
    put<uint32_t>(out, 0xFFFFFFFF), put<uint32_t>(out, 0xFFFFFFFF);
    put<uint16_t>(out, static_cast<uint16_t>(name.size()));
    put<uint16_t>(out, central ? 28 : 20);  // the zip64 extra field
    if (central) {
      put<uint16_t>(out, 0), put<uint16_t>(out, 0), put<uint16_t>(out, 0);
      put<uint32_t>(out, 0);
      put<uint32_t>(out, 0xFFFFFFFF);
    }
  }
  static void zip64_sizes(std::string& out, uint64_t size, std::optional<uint64_t> offset) {
    put<uint16_t>(out, 1), put<uint16_t>(out, offset ? 24 : 16);
    put(out, size), put(out, size);
    if (offset) put(out, *offset);
  }

  AtomicFile file_;
  std::string directory_;
  uint64_t offset_ = 0, count_ = 0;
};

}  // namespace

NamedTensors read_npz(std::span<const std::byte> bytes, const std::string& file) {
  Archive archive(bytes, file);
  const std::vector<Entry> entries = archive.entries();
  std::map<std::string, DType> types;
  for (const Entry& e : entries)
    if (e.name == kTypesEntry) types = named_types(decode_npy(archive.content(e), file, std::nullopt), file);
  NamedTensors result;
  for (const Entry& e : entries) {
    if (e.name == kTypesEntry) continue;
    if (!e.name.ends_with(".npy")) fail("{}: entry '{}' is not a .npy array", file, e.name);
    const std::string name = e.name.substr(0, e.name.size() - 4);
    for (const auto& [other, tensor] : result)
      if (other == name) fail("{}: two arrays are named '{}'", file, name);
    auto it = types.find(name);
    Tensor t = decode_npy(archive.content(e), fmt::format("{}: array '{}'", file, name),
                          it == types.end() ? std::nullopt : std::optional(it->second));
    if (it != types.end() && t.dtype() != it->second) {  // sub-byte integers stand as bytes
      if (bit_width(it->second) >= 8 || byte_size(t.dtype()) != 1)
        fail("{}: array '{}' is not {}", file, name, ecotone::name(it->second));
      MutableTensor out(it->second, t.shape());
      for (int64_t i = 0; i < t.size(); ++i) out.set_bits(i, t.at_bits(i));
      t = std::move(out).freeze();
    }
    result.emplace_back(name, std::move(t));
  }
  return result;
}

NamedTensors read_npz(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return read_npz(file->bytes(), path.string());
}

void write_npz(const std::filesystem::path& path, const NamedTensors& tensors) {
  Writer writer(path);
  nlohmann::json types = nlohmann::json::object();
  for (const auto& [name, tensor] : tensors) {
    if (name.size() > 60000) fail("array name of {} characters is too long for npz", name.size());
    if (!numpy_has(tensor.dtype())) types[name] = std::string(ecotone::name(tensor.dtype()));
    writer.add(name + ".npy", tensor.plain());
  }
  if (!types.empty()) {
    const std::string text = types.dump();
    writer.add(kTypesEntry, Tensor::from(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()),
                                         {static_cast<int64_t>(text.size())}));
  }
  writer.finish();
}

}  // namespace ecotone::npz
