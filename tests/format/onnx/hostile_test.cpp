// Small files that ask for much: the reader answers each with an Error, or reads it, in little time and memory.
#include <cctype>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <protozero/pbf_writer.hpp>
#include <sys/resource.h>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/onnx.h"

namespace ecotone::onnx {
namespace {

using Writer = protozero::pbf_writer;
using Names = std::vector<std::string>;

std::string message(const std::function<void(Writer&)>& fill) {
  std::string bytes;
  Writer w(bytes);
  fill(w);
  return bytes;
}

std::string node(const std::string& op, const Names& inputs, const Names& outputs, const std::string& attribute = "",
                 const std::string& domain = "") {
  return message([&](Writer& w) {
    for (const auto& i : inputs) w.add_string(1, i);
    for (const auto& o : outputs) w.add_string(2, o);
    w.add_string(4, op);
    if (!attribute.empty()) w.add_message(5, attribute);
    if (!domain.empty()) w.add_string(7, domain);
  });
}
std::string graph_attribute(const std::string& name, const std::string& graph) {
  return message([&](Writer& w) {
    w.add_string(1, name);
    w.add_message(6, graph);
    w.add_enum(20, 5);
  });
}
// A tensor type of floats (1) or int64 (7); sizes that begin with a letter are symbols.
std::string value(const std::string& name, int element, const Names& shape) {
  return message([&](Writer& w) {
    w.add_string(1, name);
    w.add_message(2, message([&](Writer& type) {
                    type.add_message(1, message([&](Writer& tensor) {
                                       tensor.add_int32(1, element);
                                       tensor.add_message(2, message([&](Writer& s) {
                                                            for (const auto& d : shape)
                                                              s.add_message(1, message([&](Writer& dim) {
                                                                              if (std::isalpha(d[0]))
                                                                                dim.add_string(2, d);
                                                                              else
                                                                                dim.add_int64(1, std::stoll(d));
                                                                            }));
                                                          }));
                                     }));
                  }));
  });
}
std::string int64s(const std::string& name, const std::vector<int64_t>& dims, const std::vector<int64_t>& values) {
  return message([&](Writer& w) {
    w.add_packed_int64(1, dims.begin(), dims.end());
    w.add_int32(2, 7);
    w.add_packed_int64(7, values.begin(), values.end());
    w.add_string(8, name);
  });
}
std::string graph(const std::vector<std::string>& nodes, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs, const std::vector<std::string>& initializers = {}) {
  return message([&](Writer& w) {
    for (const auto& n : nodes) w.add_message(1, n);
    w.add_string(2, "g");
    for (const auto& t : initializers) w.add_message(5, t);
    for (const auto& i : inputs) w.add_message(11, i);
    for (const auto& o : outputs) w.add_message(12, o);
  });
}
std::string opset(const std::string& domain, int64_t version) {
  return message([&](Writer& w) {
    w.add_string(1, domain);
    w.add_int64(2, version);
  });
}
std::string model(const std::string& graph, const std::vector<std::string>& functions = {}) {
  return message([&](Writer& w) {
    w.add_int64(1, 8);
    w.add_message(7, graph);
    w.add_message(8, opset("", 17));
    w.add_message(8, opset("f", 1));
    for (const auto& f : functions) w.add_message(25, f);
  });
}

ProgramRef read(const std::string& bytes) {
  return read_program(std::as_bytes(std::span(bytes.data(), bytes.size())), ".", "test.onnx", {}, nullptr);
}

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

#ifdef __SANITIZE_ADDRESS__
constexpr int64_t kMostBytes = int64_t{2} << 30;  // it keeps what was freed, the making of these files too
#else
constexpr int64_t kMostBytes = int64_t{500} << 20;
#endif

// The message of the Error that reading gives. What a file of a few kilobytes asks for must cost under 20 s (sanitizers
// on a busy machine included; unbounded, each case here would take hours) and 500 MB.
std::string refusal(const std::string& bytes) {
  const auto start = std::chrono::steady_clock::now();
  std::string text = "(it was read)";
  try {
    read(bytes);
  } catch (const Error& e) {
    text = e.what();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_LT(peak_bytes(), kMostBytes);
  return text;
}
testing::AssertionResult has(const std::string& text, const std::string& words) {
  if (text.find(words) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no '" << words << "' in: " << text.substr(0, 400);
}

TEST(OnnxHostile, FunctionsThatDoubleEachOther) {
  std::vector<std::string> functions;
  for (int i = 0; i < 30; ++i)
    functions.push_back(message([&](Writer& w) {
      w.add_string(1, "f" + std::to_string(i));
      w.add_string(4, "x");
      w.add_string(5, "y");
      const std::string op = i == 0 ? "Relu" : "f" + std::to_string(i - 1), domain = i == 0 ? "" : "f";
      w.add_message(7, node(op, {"x"}, {"a"}, "", domain));
      w.add_message(7, node(op, {"a"}, {"y"}, "", domain));
      w.add_message(9, opset("", 17));
      w.add_message(9, opset("f", 1));
      w.add_string(10, "f");
    }));
  const std::string bytes =
      model(graph({node("f29", {"x"}, {"y"}, "", "f")}, {value("x", 1, {"2"})}, {value("y", 1, {"2"})}), functions);
  EXPECT_TRUE(has(refusal(bytes), "unfold"));
}

TEST(OnnxHostile, LoopsInLoops) {
  // Each unrolls its 32 trips: 32^8 bodies.
  std::string body =
      graph({node("Identity", {"c"}, {"d"}), node("Add", {"v", "v"}, {"w"})},
            {value("i", 7, {}), value("c", 9, {}), value("v", 1, {"2"})}, {value("d", 9, {}), value("w", 1, {"2"})});
  for (int depth = 0; depth < 8; ++depth)
    body =
        graph({node("Identity", {"c"}, {"d"}), node("Loop", {"trips", "c", "v"}, {"w"}, graph_attribute("body", body))},
              {value("i", 7, {}), value("c", 9, {}), value("v", 1, {"2"})}, {value("d", 9, {}), value("w", 1, {"2"})});
  const std::string bytes = model(graph({node("Loop", {"trips", "", "x"}, {"y"}, graph_attribute("body", body))},
                                        {value("x", 1, {"2"})}, {value("y", 1, {"2"})}, {int64s("trips", {}, {32})}));
  EXPECT_TRUE(has(refusal(bytes), "unfold"));
}

TEST(OnnxHostile, AHugeConstantIsNotComputed) {
  // Expand to 10^12 elements, then their sum: both stay equations.
  const std::string bytes = model(graph({node("Expand", {"one", "shape"}, {"big"}), node("ReduceSum", {"big"}, {"sum"}),
                                         node("Add", {"x", "sum"}, {"y"})},
                                        {value("x", 7, {"2"})}, {value("y", 7, {})},
                                        {int64s("one", {1}, {1}), int64s("shape", {2}, {1000000, 1000000})}));
  EXPECT_TRUE(has(refusal(bytes), "declared"));  // y is no scalar: the declaration comes last, all else was read
}

TEST(OnnxHostile, SizesThatSquareThemselves) {
  // n+m, squared 40 times.
  std::vector<std::string> nodes{node("Shape", {"x"}, {"s"}), node("ReduceSum", {"s"}, {"p0"})};
  for (int i = 0; i < 40; ++i)
    nodes.push_back(node("Mul", {"p" + std::to_string(i), "p" + std::to_string(i)}, {"p" + std::to_string(i + 1)}));
  nodes.push_back(node("Gather", {"s", "zero"}, {"a"}));
  nodes.push_back(node("Gather", {"s", "one"}, {"b"}));
  nodes.push_back(node("Add", {"a", "b"}, {"q0"}));
  for (int i = 0; i < 40; ++i)
    nodes.push_back(node("Mul", {"q" + std::to_string(i), "q" + std::to_string(i)}, {"q" + std::to_string(i + 1)}));
  const std::string bytes = model(graph(nodes, {value("x", 1, {"n", "m"})}, {value("q40", 7, {})},
                                        {int64s("zero", {}, {0}), int64s("one", {}, {1})}));
  EXPECT_TRUE(has(refusal(bytes), "too large an expression"));
}

TEST(OnnxHostile, GraphsAndTypesNestedDeeply) {
  std::string inner = graph({node("Relu", {"x"}, {"y"})}, {}, {value("y", 1, {"2"})});
  for (int i = 0; i < 2000; ++i)
    inner = graph({node("If", {"c"}, {"y"}, graph_attribute("then_branch", inner))}, {}, {value("y", 1, {"2"})});
  EXPECT_TRUE(has(refusal(model(inner)), "nested deeper"));
  std::string type = message([](Writer& w) { w.add_message(1, std::string()); });
  for (int i = 0; i < 2000; ++i)
    type = message([&](Writer& w) { w.add_message(4, message([&](Writer& s) { s.add_message(1, type); })); });
  const std::string input = message([&](Writer& w) {
    w.add_string(1, "x");
    w.add_message(2, type);
  });
  EXPECT_TRUE(has(refusal(model(graph({}, {input}, {value("x", 1, {"2"})}))), "nested deeper"));
}

TEST(OnnxHostile, ATensorClaimsMoreThanItHas) {
  for (const std::vector<int64_t>& dims :
       {std::vector<int64_t>{1000000, 1000000}, {int64_t{1} << 62, 4}, {-5}, {0, int64_t{1} << 62, int64_t{1} << 62}}) {
    const std::string bytes = model(graph({node("Add", {"x", "w"}, {"y"})}, {value("x", 7, {"2"})},
                                          {value("y", 7, {"2"})}, {int64s("w", dims, {1, 2})}));
    EXPECT_TRUE(has(refusal(bytes), "initializer 'w'"));
  }
}

TEST(OnnxHostile, FunctionsThatCallEachOther) {
  std::vector<std::string> functions;
  for (const auto& [name, other] : {std::pair<std::string, std::string>{"f", "g"}, {"g", "f"}})
    functions.push_back(message([&](Writer& w) {
      w.add_string(1, name);
      w.add_string(4, "x");
      w.add_string(5, "y");
      w.add_message(7, node(other, {"x"}, {"a"}, "", "f"));
      // What looks for draws in the loop below must end, too.
      w.add_message(7, node("RandomNormalLike", {"a"}, {"y"}));
      w.add_message(9, opset("", 17));
      w.add_message(9, opset("f", 1));
      w.add_string(10, "f");
    }));
  const std::string body =
      graph({node("f", {"v"}, {"w"}, "", "f"), node("Identity", {"c"}, {"d"})},
            {value("i", 7, {}), value("c", 9, {}), value("v", 1, {"2"})}, {value("d", 9, {}), value("w", 1, {"2"})});
  const std::string bytes = model(graph({node("Loop", {"n", "", "x"}, {"y"}, graph_attribute("body", body))},
                                        {value("x", 1, {"2"}), value("n", 7, {})}, {value("y", 1, {"2"})}),
                                  functions);
  EXPECT_TRUE(has(refusal(bytes), "recursive"));
}

TEST(OnnxHostile, AFunctionThatCallsItself) {
  const std::string f = message([](Writer& w) {
    w.add_string(1, "f");
    w.add_string(4, "x");
    w.add_string(5, "y");
    w.add_message(7, node("f", {"x"}, {"y"}, "", "f"));
    w.add_message(9, opset("f", 1));
    w.add_string(10, "f");
  });
  const std::string bytes =
      model(graph({node("f", {"x"}, {"y"}, "", "f")}, {value("x", 1, {"2"})}, {value("y", 1, {"2"})}), {f});
  EXPECT_TRUE(has(refusal(bytes), "recursive"));
}

}  // namespace
}  // namespace ecotone::onnx
