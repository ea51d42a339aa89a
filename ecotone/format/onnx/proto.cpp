#include "ecotone/format/onnx/proto.h"

#include <protozero/pbf_reader.hpp>

#include "ecotone/base/error.h"

namespace ecotone::onnx {
namespace {

// A reader that checks that a field is written as its type is; protozero itself only asserts it.
class Reader : private protozero::pbf_reader {
  using Base = protozero::pbf_reader;
  using Wire = protozero::pbf_wire_type;

 public:
  Reader(const char* data, size_t size) : Base(data, size) {}
  explicit Reader(const Base& base) : Base(base) {}

  using Base::next;
  using Base::skip;
  using Base::tag;
  bool is_packed() const { return wire_type() == Wire::length_delimited; }

  auto get_view() { return expect(Wire::length_delimited).Base::get_view(); }
  Reader get_message() { return Reader(expect(Wire::length_delimited).Base::get_message()); }
  int32_t get_enum() { return expect(Wire::varint).Base::get_enum(); }
  int32_t get_int32() { return expect(Wire::varint).Base::get_int32(); }
  int64_t get_int64() { return expect(Wire::varint).Base::get_int64(); }
  uint64_t get_uint64() { return expect(Wire::varint).Base::get_uint64(); }
  float get_float() { return expect(Wire::fixed32).Base::get_float(); }
  double get_double() { return expect(Wire::fixed64).Base::get_double(); }
  auto get_packed_int32() { return Base::get_packed_int32(); }
  auto get_packed_int64() { return Base::get_packed_int64(); }
  auto get_packed_uint64() { return Base::get_packed_uint64(); }
  auto get_packed_float() { return Base::get_packed_float(); }
  auto get_packed_double() { return Base::get_packed_double(); }

 private:
  Reader& expect(Wire wire) {
    if (wire_type() != wire) fail("damaged: field {} is written as another type", tag());
    return *this;
  }
};
constexpr int kMaxDepth = 64;  // of subgraphs and types

std::string text(Reader& r) {
  const auto v = r.get_view();
  return {v.data(), v.size()};
}
std::string_view bytes(Reader& r) {
  const auto v = r.get_view();
  return {v.data(), v.size()};
}

// A repeated number, packed or not.
template <class T, class Range, class Single>
void read_numbers(Reader& r, std::vector<T>& out, Range range, Single single) {
  if (r.is_packed())
    for (auto v : range(r)) out.push_back(static_cast<T>(v));
  else
    out.push_back(static_cast<T>(single(r)));
}
#define ECOTONE_NUMBERS(name, T, method)                                                                        \
  void name(Reader& r, std::vector<T>& out) {                                                                   \
    read_numbers<T>(                                                                                            \
        r, out, [](Reader& x) { return x.get_packed_##method(); }, [](Reader& x) { return x.get_##method(); }); \
  }
ECOTONE_NUMBERS(read_int64s, int64_t, int64)
ECOTONE_NUMBERS(read_int32s, int32_t, int32)
ECOTONE_NUMBERS(read_uint64s, uint64_t, uint64)
ECOTONE_NUMBERS(read_floats, float, float)
ECOTONE_NUMBERS(read_doubles, double, double)
#undef ECOTONE_NUMBERS

TensorProto read_tensor(Reader r) {
  TensorProto t;
  while (r.next()) switch (r.tag()) {
      case 1:
        read_int64s(r, t.dims);
        break;
      case 2:
        t.data_type = r.get_int32();
        break;
      case 4:
        read_floats(r, t.floats);
        break;
      case 5:
        read_int32s(r, t.int32s);
        break;
      case 6:
        t.has_strings = true;
        r.skip();
        break;
      case 7:
        read_int64s(r, t.int64s);
        break;
      case 8:
        t.name = text(r);
        break;
      case 9:
        t.raw = bytes(r);
        break;
      case 10:
        read_doubles(r, t.doubles);
        break;
      case 11:
        read_uint64s(r, t.uint64s);
        break;
      case 13: {
        Reader entry = r.get_message();
        std::string key, value;
        while (entry.next()) switch (entry.tag()) {
            case 1:
              key = text(entry);
              break;
            case 2:
              value = text(entry);
              break;
            default:
              entry.skip();
          }
        t.external[key] = value;
        break;
      }
      case 14:
        t.is_external = r.get_enum() == 1;
        break;
      default:
        r.skip();
    }
  return t;
}

TypeProto read_type(Reader r, int depth) {
  if (depth > kMaxDepth) fail("types nested deeper than {}", kMaxDepth);
  TypeProto type;
  while (r.next()) switch (r.tag()) {
      case 1: {
        type.kind = TypeProto::kTensor;
        Reader t = r.get_message();
        while (t.next()) {
          if (t.tag() == 1) {
            type.element = t.get_int32();
          } else if (t.tag() == 2) {
            type.shape.emplace();
            Reader shape = t.get_message();
            while (shape.next()) {
              if (shape.tag() != 1) {
                shape.skip();
                continue;
              }
              TypeProto::Dimension& d = type.shape->emplace_back();
              Reader dim = shape.get_message();
              while (dim.next()) switch (dim.tag()) {
                  case 1:
                    d.value = dim.get_int64();
                    break;
                  case 2:
                    d.parameter = text(dim);
                    break;
                  default:
                    dim.skip();
                }
            }
          } else {
            t.skip();
          }
        }
        break;
      }
      case 4:
      case 9: {
        type.kind = r.tag() == 4 ? TypeProto::kSequence : TypeProto::kOptional;
        Reader inner = r.get_message();
        while (inner.next())
          if (inner.tag() == 1)
            type.inner = std::make_shared<TypeProto>(read_type(inner.get_message(), depth + 1));
          else
            inner.skip();
        break;
      }
      case 5:
      case 8:
        type.kind = TypeProto::kOther;
        r.skip();
        break;
      default:
        r.skip();
    }
  return type;
}

ValueInfo read_value_info(Reader r) {
  ValueInfo v;
  while (r.next()) switch (r.tag()) {
      case 1:
        v.name = text(r);
        break;
      case 2:
        v.type = read_type(r.get_message(), 0);
        break;
      default:
        r.skip();
    }
  return v;
}

GraphProto read_graph(Reader r, int depth);

AttributeProto read_attribute(Reader r, int depth) {
  AttributeProto a;
  while (r.next()) switch (r.tag()) {
      case 1:
        a.name = text(r);
        break;
      case 2:
        a.f = r.get_float();
        break;
      case 3:
        a.i = r.get_int64();
        break;
      case 4:
        a.s = text(r);
        break;
      case 5:
        a.tensor = std::make_shared<TensorProto>(read_tensor(r.get_message()));
        break;
      case 6:
        a.graph = std::make_shared<GraphProto>(read_graph(r.get_message(), depth + 1));
        break;
      case 7:
        read_floats(r, a.floats);
        break;
      case 8:
        read_int64s(r, a.ints);
        break;
      case 9:
        a.strings.push_back(text(r));
        break;
      case 10:
      case 11:
      case 14:
      case 15:
      case 22:
        a.is_other = true;
        r.skip();
        break;
      case 20:
        a.type = r.get_enum();
        break;
      case 21:
        a.reference = text(r);
        break;
      default:
        r.skip();
    }
  return a;
}

NodeProto read_node(Reader r, int depth) {
  NodeProto n;
  while (r.next()) switch (r.tag()) {
      case 1:
        n.inputs.push_back(text(r));
        break;
      case 2:
        n.outputs.push_back(text(r));
        break;
      case 3:
        n.name = text(r);
        break;
      case 4:
        n.op_type = text(r);
        break;
      case 5:
        n.attributes.push_back(read_attribute(r.get_message(), depth));
        break;
      case 7:
        n.domain = text(r);
        break;
      default:
        r.skip();
    }
  if (n.domain == "ai.onnx") n.domain.clear();
  return n;
}

GraphProto read_graph(Reader r, int depth) {
  if (depth > kMaxDepth) fail("graphs nested deeper than {}", kMaxDepth);
  GraphProto g;
  while (r.next()) switch (r.tag()) {
      case 1:
        g.nodes.push_back(read_node(r.get_message(), depth));
        break;
      case 2:
        g.name = text(r);
        break;
      case 5:
        g.initializers.push_back(read_tensor(r.get_message()));
        break;
      case 11:
        g.inputs.push_back(read_value_info(r.get_message()));
        break;
      case 12:
        g.outputs.push_back(read_value_info(r.get_message()));
        break;
      case 13:
        g.values.push_back(read_value_info(r.get_message()));
        break;
      case 15:
        g.has_sparse = true;
        r.skip();
        break;
      default:
        r.skip();
    }
  return g;
}

void read_opset(Reader r, std::map<std::string, int64_t>& opsets) {
  std::string domain;
  int64_t version = 0;
  while (r.next()) switch (r.tag()) {
      case 1:
        domain = text(r);
        break;
      case 2:
        version = r.get_int64();
        break;
      default:
        r.skip();
    }
  opsets[domain == "ai.onnx" ? "" : domain] = version;
}

FunctionProto read_function(Reader r) {
  FunctionProto f;
  while (r.next()) switch (r.tag()) {
      case 1:
        f.name = text(r);
        break;
      case 4:
        f.inputs.push_back(text(r));
        break;
      case 5:
        f.outputs.push_back(text(r));
        break;
      case 6:
        f.attributes.push_back(text(r));
        break;
      case 7:
        f.nodes.push_back(read_node(r.get_message(), 0));
        break;
      case 9:
        read_opset(r.get_message(), f.opsets);
        break;
      case 10:
        f.domain = text(r);
        break;
      case 11:
        f.defaults.push_back(read_attribute(r.get_message(), 0));
        break;
      default:
        r.skip();
    }
  return f;
}

// protozero throws its own exceptions for bytes that are no protobuf.
template <class F>
auto decoding(const F& read) {
  try {
    return read();
  } catch (const protozero::exception& e) {
    fail("damaged or cut off: the bytes are no valid protobuf ({})", e.what());
  }
}

}  // namespace

ModelProto decode_model(std::string_view data) {
  return decoding([&] {
    ModelProto m;
    Reader r(data.data(), data.size());
    while (r.next()) switch (r.tag()) {
        case 1:
          m.ir_version = r.get_int64();
          break;
        case 2:
          m.producer = text(r);
          break;
        case 7:
          m.graph = read_graph(r.get_message(), 0);
          break;
        case 8:
          read_opset(r.get_message(), m.opsets);
          break;
        case 25:
          m.functions.push_back(read_function(r.get_message()));
          break;
        default:
          r.skip();
      }
    return m;
  });
}

TensorProto decode_tensor(std::string_view data) {
  return decoding([&] { return read_tensor(Reader(data.data(), data.size())); });
}

}  // namespace ecotone::onnx
