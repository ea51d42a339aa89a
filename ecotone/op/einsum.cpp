#include "ecotone/op/einsum.h"

#include <algorithm>
#include <map>

#include "ecotone/ir/attributes_info.h"
#include "ecotone/op/build.h"
#include "ecotone/op/composite.h"
#include "ecotone/op/contract.h"
#include "ecotone/op/elementwise.h"
#include "ecotone/op/reduce.h"
#include "ecotone/op/shape.h"

namespace ecotone::op {
namespace {

using Labels = std::vector<int>;  // letters; an ellipsis' dimensions are negative, -1 the last

struct Labelled {
  ValueId value;
  Labels labels;
};

Labels parse_term(std::string_view term, int64_t rank) {
  Labels labels;
  for (size_t i = 0; i < term.size(); ++i) {
    if (term[i] == ' ') continue;
    if (term.substr(i, 3) == "...") {
      const int64_t letters = std::ranges::count_if(term, [](char c) { return c != '.' && c != ' '; });
      for (int64_t d = rank - letters; d > 0; --d) labels.push_back(static_cast<int>(-d));
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(term[i]))) {
      labels.push_back(term[i]);
    } else {
      fail("'{}' in the equation is no label", term[i]);
    }
  }
  return labels;
}

bool has(const Labels& labels, int label) {
  return std::ranges::find(labels, label) != labels.end();
}

// A label that an operand has twice runs along its diagonal.
void take_diagonals(Builder& b, Labelled& x) {
  for (size_t i = 0; i < x.labels.size(); ++i)
    for (size_t j = x.labels.size() - 1; j > i; --j) {
      if (x.labels[j] != x.labels[i]) continue;
      const TensorType type = b.tensor_type(x.value), places{DType::kI64, type.shape};
      b.dims().require_equal(type.shape[i], type.shape[j], "sizes of a label that stands twice");
      const ValueId same = compare(b, ComparisonDirection::kEq, iota(b, places, static_cast<int64_t>(i)),
                                   iota(b, places, static_cast<int64_t>(j)));
      const ValueId kept = select(b, same, x.value, full_like(b, x.value, 0));
      x.value = reduce(b, kept, {static_cast<int64_t>(j)}, Reducer::kAdd);
      x.labels.erase(x.labels.begin() + static_cast<std::ptrdiff_t>(j));
    }
}

void sum_out(Builder& b, Labelled& x, const Labels& needed) {
  std::vector<int64_t> axes;
  Labels kept;
  for (size_t i = 0; i < x.labels.size(); ++i)
    if (has(needed, x.labels[i]))
      kept.push_back(x.labels[i]);
    else
      axes.push_back(static_cast<int64_t>(i));
  if (!axes.empty()) x.value = reduce(b, x.value, axes, Reducer::kAdd);
  x.labels = std::move(kept);
}

int64_t at(const Labelled& v, int label) {
  return std::ranges::find(v.labels, label) - v.labels.begin();
}

// A dimension of size 1 stretches to the other operand's.
Labelled stretched(Builder& b, const Labelled& x, const Labelled& other) {
  std::vector<Dim> shape = b.tensor_type(x.value).shape;
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == Dim(1) && has(other.labels, x.labels[i]))
      shape[i] = b.tensor_type(other.value).shape[static_cast<size_t>(at(other, x.labels[i]))];
  return {broadcast_to(b, x.value, shape), x.labels};
}

Labelled multiply_terms(Builder& b, const Labelled& left, const Labelled& right, const Labels& needed) {
  const Labelled x = stretched(b, left, right), y = stretched(b, right, left);
  DotAttributes a;
  Labelled result;
  for (int label : x.labels) {
    if (!has(y.labels, label)) continue;
    const bool batch = has(needed, label);
    (batch ? a.lhs_batching_dimensions : a.lhs_contracting_dimensions).push_back(at(x, label));
    (batch ? a.rhs_batching_dimensions : a.rhs_contracting_dimensions).push_back(at(y, label));
    if (batch) result.labels.push_back(label);
  }
  for (const Labelled* v : {&x, &y})
    for (int label : v->labels)
      if (!has(v == &x ? y.labels : x.labels, label)) result.labels.push_back(label);
  result.value = dot_general(b, x.value, y.value, std::move(a));
  return result;
}

Results einsum_body(Builder& b, const EinsumAttributes& attributes, Operands x) {
  const std::string& equation = attributes.equation;
  const size_t arrow = equation.find("->");
  std::string_view left = std::string_view(equation).substr(0, arrow);
  std::vector<Labelled> terms;
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t comma = left.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == x.size()))
      fail("the equation '{}' does not have {} terms", equation, x.size());
    terms.push_back({x[i], parse_term(left.substr(0, comma), b.rank(x[i]))});
    if (static_cast<int64_t>(terms.back().labels.size()) != b.rank(x[i]))
      fail("term {} of '{}' does not name {} dimensions", i, equation, b.rank(x[i]));
    left.remove_prefix(comma == std::string_view::npos ? left.size() : comma + 1);
  }
  std::map<int, int> counts;  // ordered: an ellipsis' dimensions, then letters
  for (const Labelled& t : terms)
    for (int label : t.labels) ++counts[label];
  Labels output;
  if (arrow == std::string::npos) {
    for (const auto& [label, count] : counts)
      if (label < 0 || count == 1) output.push_back(label);
  } else {
    const int64_t dots = std::ranges::count_if(counts, [](const auto& c) { return c.first < 0; });
    const std::string_view right = std::string_view(equation).substr(arrow + 2);
    const int64_t letters =
        std::ranges::count_if(right, [](char c) { return std::isalpha(static_cast<unsigned char>(c)); });
    output = parse_term(right, dots + letters);
    for (int label : output)
      if (!counts.contains(label)) fail("the result of '{}' has a label that no term has", equation);
  }
  for (Labelled& t : terms) take_diagonals(b, t);
  Labelled result = terms[0];
  for (size_t i = 1; i <= terms.size(); ++i) {
    Labels needed = output;
    for (size_t j = i; j < terms.size(); ++j)
      needed.insert(needed.end(), terms[j].labels.begin(), terms[j].labels.end());
    sum_out(b, result, needed);
    if (i == terms.size()) break;
    Labels later = output;
    for (size_t j = i + 1; j < terms.size(); ++j)
      later.insert(later.end(), terms[j].labels.begin(), terms[j].labels.end());
    result = multiply_terms(b, result, terms[i], later);
  }
  std::vector<int64_t> order;
  for (int label : output) order.push_back(std::ranges::find(result.labels, label) - result.labels.begin());
  return {transpose(b, result.value, std::move(order))};
}

}  // namespace

const Op& einsum() {
  static const Op op = composite<EinsumAttributes, einsum_body, 1, kAnyCount>(
      "ecotone.einsum", DTypeSet::signed_floats() | DTypeSet::integers() | DTypeSet::complexes());
  return op;
}
ValueId einsum(Builder& b, std::span<const ValueId> operands, std::string equation) {
  return b.add1(einsum(), make_attributes(EinsumAttributes{std::move(equation)}), operands);
}

std::span<const Op* const> einsum_ops() {
  static const Op* const ops[] = {&einsum()};
  return ops;
}

}  // namespace ecotone::op

namespace ecotone {
template const AttributesInfo& attributes_info<op::EinsumAttributes>();
}  // namespace ecotone
