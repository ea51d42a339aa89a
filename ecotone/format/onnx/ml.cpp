// Classical machine learning (ai.onnx.ml), and TfIdfVectorizer over integers.
#include <array>
#include <cmath>
#include <limits>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/expr.h"
#include "ecotone/op/control.h"
#include "ecotone/op/index.h"

namespace ecotone::onnx {
namespace {

std::vector<Value> array_feature_extractor(NodeContext& n) {
  const Expr x = input(n, 0), at = input(n, 1).reshape({n.type(1).size()});
  const Expr y{n.b, op::take(n.b, x, at, x.rank() - 1)};
  return {n.result(x.rank() == 1 ? y.expand({0}) : y)};
}

std::vector<Value> binarizer(NodeContext& n) {
  const Expr x = input(n, 0);
  return {n.result((x > n.float_attribute("threshold", 0)).to(x.dtype()))};
}

// TreeEnsemble --------------------------------------------------------------------------------------------------------

std::vector<double> tensor_attribute(NodeContext& n, const char* name) {
  const AttributeProto* a = n.attribute(name);
  if (!a) return {};
  if (!a->tensor) fail("attribute '{}' must be a tensor", name);
  const Tensor t = n.graph.tensor(*a->tensor).plain();
  std::vector<double> values;
  for (int64_t i = 0; i < t.size(); ++i) values.push_back(t.at_double(i));
  return values;
}

// All trees at once: each row of x walks from the roots for as many steps as the deepest tree has. Leaves follow the
// inner nodes in the tables and lead to themselves.
class Trees {
 public:
  explicit Trees(NodeContext& n) : n_(n) {
    const auto ints = [&](const char* name) { return n.ints_attribute(name).value_or(std::vector<int64_t>{}); };
    features_ = ints("nodes_featureids");
    modes_ = tensor_attribute(n, "nodes_modes");
    splits_ = tensor_attribute(n, "nodes_splits");
    roots_ = ints("tree_roots");
    targets_ = ints("leaf_targetids");
    weights_ = tensor_attribute(n, "leaf_weights");
    inner_ = features_.size();
    yes_ = children(ints("nodes_truenodeids"), ints("nodes_trueleafs"));
    no_ = children(ints("nodes_falsenodeids"), ints("nodes_falseleafs"));
    missing_ = ints("nodes_missing_value_tracks_true");
    if (modes_.size() != inner_ || splits_.size() != inner_ || targets_.size() != weights_.size() || roots_.empty() ||
        (!missing_.empty() && missing_.size() != inner_))
      fail("the attributes of the nodes or of the leaves differ in length");
    read_members();
    for (int64_t root : roots_)
      if (root < 0 || root >= static_cast<int64_t>(inner_)) fail("root {} is no node", root);
    measure();
  }

  Expr leaf_of_rows(const Expr& x) const {
    Builder& b = n_.b;
    const Dim rows = x.size(0);
    const auto trees = static_cast<int64_t>(roots_.size());
    const std::vector<Dim> plane{rows, trees};
    std::vector<int64_t> features = features_, yes = yes_, no = no_, missing = missing_, modes;
    for (double m : modes_) modes.push_back(static_cast<int64_t>(m));
    std::vector<double> splits = splits_;
    missing.resize(inner_);
    for (size_t leaf = inner_; leaf < inner_ + targets_.size(); ++leaf) {
      for (auto* list : {&features, &modes, &missing}) list->push_back(0);
      splits.push_back(0);
      yes.push_back(static_cast<int64_t>(leaf));
      no.push_back(static_cast<int64_t>(leaf));
    }
    const ValueId start = op::broadcast_in_dim(b, table(roots_), plane, {1});
    const ValueId steps = places(b, {depth_}, 0);
    const std::vector<ValueId> captures{
        x,          table(features), table(modes),   Expr{b, table(splits)}.to(x.dtype()),
        table(yes), table(no),       table(missing), members(x.dtype())};
    std::vector<Type> types{b.type(start), TensorType{DType::kI64, {}}};
    for (ValueId c : captures) types.push_back(b.type(c));
    Region body =
        op::make_region(b, "step", types, [&](Builder& g, std::span<const ValueId> v) -> std::vector<ValueId> {
          const Expr at{g, v[0]}, data{g, v[2]};
          const auto look = [&](size_t i) { return Expr{g, op::take(g, v[2 + i], at, 0)}; };
          op::GatherAttributes a;  // each row's own feature
          a.operand_batching_dims = a.start_indices_batching_dims = {0};
          a.collapsed_slice_dims = a.start_index_map = {1};
          a.index_vector_dim = 2;
          a.slice_sizes = {1, 1};
          const Expr value{g, op::gather(g, data, look(1).expand({2}), std::move(a))};
          const Expr mode = look(2), split = look(3), set = look(7);
          const Expr is_member = (set == value.expand({2})).reduced({2}, op::Reducer::kOr);
          Expr yes_way = value <= split;
          const auto other = [&](double m, const Expr& test) { yes_way = where(mode == m, test, yes_way); };
          other(1, value < split);
          other(2, value >= split);
          other(3, value > split);
          other(4, value == split);
          other(5, value != split);
          other(6, is_member);
          yes_way = yes_way | ((value != value) & (look(6) != 0.0));
          return {where(yes_way, look(4), look(5))};
        });
    return {b, op::scan(b, {&start, 1}, {&steps, 1}, depth_, std::move(body), false, captures)[0]};
  }

  std::vector<Value> evaluate(const Expr& x) const {
    Builder& b = n_.b;
    const int64_t count = n_.int_attribute("n_targets", 1), kind = n_.int_attribute("aggregate_function", 1);
    if (count < 1 || count > (1 << 20)) fail("n_targets is {}", count);
    const Expr leaf = leaf_of_rows(x) - static_cast<double>(inner_);
    const Expr weight = Expr{b, op::take(b, Expr{b, table(weights_)}.to(x.dtype()), leaf, 0)}.expand({2});
    const Expr target = Expr{b, op::take(b, table(targets_), leaf, 0)}.expand({2});
    const Expr hit = target == places(b, {1, 1, count}, 2);
    const double infinity = std::numeric_limits<double>::infinity();
    Expr y = weight;
    if (kind == 0 || kind == 1)
      y = where(hit, weight, weight.scalar(0.0)).sum({1});
    else if (kind == 2 || kind == 3)
      y = where(hit, weight, weight.scalar(kind == 2 ? infinity : -infinity))
              .reduced({1}, kind == 2 ? op::Reducer::kMinimum : op::Reducer::kMaximum);
    else
      fail("aggregate_function {} is unknown", kind);
    if (kind == 0) y = y / static_cast<double>(roots_.size());
    if (kind >= 2) y = where(hit.reduced({1}, op::Reducer::kOr), y, y.scalar(0.0));  // a target that no tree gave
    switch (n_.int_attribute("post_transform", 0)) {
      case 0:
        break;
      case 1: {
        const Expr e{b, op::exponential(b, y - y.reduced({1}, op::Reducer::kMaximum).expand({1}))};
        y = e / e.sum({1}).expand({1});
        break;
      }
      case 2:
        y = y.made(op::logistic(b, y));
        break;
      default:
        fail_kind(ErrorKind::kUnsupported, "post_transform {}", n_.int_attribute("post_transform", 0));
    }
    return {n_.result(y)};
  }

 private:
  ValueId table(const std::vector<int64_t>& v) const {
    return op::constant(n_.b, Tensor::from(std::span<const int64_t>(v), {static_cast<int64_t>(v.size())}));
  }
  ValueId table(const std::vector<double>& v) const {
    return op::constant(n_.b, Tensor::from(std::span<const double>(v), {static_cast<int64_t>(v.size())}));
  }

  std::vector<int64_t> children(const std::vector<int64_t>& ids, const std::vector<int64_t>& is_leaf) const {
    if (ids.size() != inner_ || is_leaf.size() != inner_) fail("the attributes of the nodes differ in length");
    std::vector<int64_t> next;
    for (size_t i = 0; i < inner_; ++i) {
      const auto limit = static_cast<int64_t>(is_leaf[i] ? targets_.size() : inner_);
      if (ids[i] < 0 || ids[i] >= limit) fail("node {} leads to {}, which is not there", i, ids[i]);
      next.push_back(ids[i] + (is_leaf[i] ? static_cast<int64_t>(inner_) : 0));
    }
    return next;
  }

  // Sets are given one after the other, each ended by a NaN.
  void read_members() {
    const std::vector<double> given = tensor_attribute(n_, "membership_values");
    size_t next = 0, widest = 1;
    for (size_t i = 0; i < inner_; ++i) {
      std::vector<double>& set = sets_.emplace_back();
      if (modes_[i] != 6) continue;
      for (; next < given.size() && !std::isnan(given[next]); ++next) set.push_back(given[next]);
      ++next;
      widest = std::max(widest, set.size());
    }
    if (next > given.size()) fail("membership_values ends before its nodes do");
    sets_.resize(inner_ + targets_.size());
    if (widest * sets_.size() > (size_t{1} << 22)) fail("sets of members too large");
    for (std::vector<double>& set : sets_) set.resize(widest, std::numeric_limits<double>::quiet_NaN());
  }
  Expr members(DType dtype) const {
    std::vector<double> all;
    for (const std::vector<double>& set : sets_) all.insert(all.end(), set.begin(), set.end());
    const auto rows = static_cast<int64_t>(sets_.size());
    return Expr{n_.b, table(all)}.reshape({rows, static_cast<int64_t>(all.size()) / rows}).to(dtype);
  }

  // The longest way from a root, each node being reached once; a second visit means that it is no tree.
  void measure() {
    std::vector<bool> seen(inner_);
    std::vector<int64_t> level = roots_;
    for (depth_ = 0; !level.empty(); ++depth_) {
      std::vector<int64_t> below;
      for (int64_t node : level) {
        if (node >= static_cast<int64_t>(inner_)) continue;
        const auto i = static_cast<size_t>(node);
        if (seen[i]) fail("node {} is reached twice: the nodes form no tree", node);
        seen[i] = true;
        below.push_back(yes_[i]);
        below.push_back(no_[i]);
      }
      level = std::move(below);
    }
  }

  NodeContext& n_;
  size_t inner_ = 0;  // nodes that are no leaves
  int64_t depth_ = 0;
  std::vector<int64_t> features_, roots_, targets_, yes_, no_, missing_;
  std::vector<double> modes_, splits_, weights_;
  std::vector<std::vector<double>> sets_;
};

std::vector<Value> tree_ensemble(NodeContext& n) {
  if (n.rank(0) != 2) fail("TreeEnsemble takes two dimensions");
  return Trees(n).evaluate(input(n, 0));
}

// TfIdfVectorizer -----------------------------------------------------------------------------------------------------

// How often each n-gram of the pool stands in each row, with up to max_skip_count entries skipped between its own.
std::vector<Value> tf_idf_vectorizer(NodeContext& n) {
  Builder& b = n.b;
  if (n.attribute("pool_strings")) fail_kind(ErrorKind::kUnsupported, "n-grams of strings");
  const auto ints = [&](const char* name) { return n.ints_attribute(name).value_or(std::vector<int64_t>{}); };
  const std::vector<int64_t> counts = ints("ngram_counts"), indexes = ints("ngram_indexes"), pool = ints("pool_int64s");
  const int64_t shortest = n.int_attribute("min_gram_length", 1), longest = n.int_attribute("max_gram_length", 1),
                skips = n.int_attribute("max_skip_count", 0);
  if (shortest < 1 || longest < shortest || longest > 64 || skips < 0 || skips > 1024)
    fail("gram lengths {} to {} with {} skips", shortest, longest, skips);
  const Expr given = input(n, 0).to(DType::kI64);
  if (given.rank() != 1 && given.rank() != 2) fail("TfIdfVectorizer takes one or two dimensions");
  const Expr x = given.rank() == 1 ? given.expand({0}) : given;
  if (!x.size(1).is_constant()) fail_kind(ErrorKind::kUnsupported, "n-grams of an open length; fix it with --shape");
  const int64_t length = x.size(1).constant();
  int64_t width = 0;
  for (int64_t i : indexes) {
    if (i < 0 || i >= (1 << 20)) fail("ngram_indexes holds {}", i);
    width = std::max(width, i + 1);
  }
  // The pool's n-grams by length, and which column of the result each counts in.
  Expr y{b, op::full(b, DType::kF32, {x.size(0), width}, 0)};
  size_t next = 0;
  for (size_t k = 0; k < counts.size(); ++k) {
    const auto size = static_cast<int64_t>(k + 1);
    const int64_t begin = counts[k], end = k + 1 < counts.size() ? counts[k + 1] : static_cast<int64_t>(pool.size());
    if (begin < 0 || end < begin || end > static_cast<int64_t>(pool.size()) || (end - begin) % size != 0)
      fail("ngram_counts does not fit the pool");
    const int64_t grams = (end - begin) / size;
    if (next + static_cast<size_t>(grams) > indexes.size()) fail("ngram_indexes does not fit the pool");
    const auto first_column = indexes.begin() + static_cast<std::ptrdiff_t>(next);
    next += static_cast<size_t>(grams);
    if (size < shortest || size > longest || grams == 0) continue;
    const Expr table{b, op::constant(b, Tensor::from(std::span<const int64_t>(pool).subspan(
                                                         static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
                                                     {grams, size}))};
    const std::vector<int64_t> columns(first_column, first_column + grams);
    const Expr column{b, op::constant(b, Tensor::from(std::span<const int64_t>(columns), {grams, 1}))};
    const Expr place = (column == places(b, {1, width}, 1)).to(DType::kF32);
    for (int64_t skip = 0; skip <= (size == 1 ? 0 : skips); ++skip) {
      const int64_t reach = (size - 1) * (skip + 1), starts = length - reach;
      if (starts < 1) break;
      std::optional<Expr> hit;
      for (int64_t i = 0; i < size; ++i) {
        const Expr window = x.part(1, i * (skip + 1), i * (skip + 1) + starts).expand({2});
        const Expr equal = window == table.entry(1, i);
        hit = hit ? *hit & equal : equal;
      }
      y = y + Expr{b, matmul(b, hit->to(DType::kF32).sum({1}), place)};
    }
  }
  const std::string mode = n.string_attribute("mode", "TF");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF") fail("mode '{}' is unknown", mode);
  if (mode == "IDF") y = (y > 0.0).to(DType::kF32);
  if (const AttributeProto* w = n.attribute("weights"); w && mode != "TF") {
    std::vector<float> weights(static_cast<size_t>(width), 1);
    for (size_t i = 0; i < indexes.size() && i < w->floats.size(); ++i)
      weights[static_cast<size_t>(indexes[i])] = w->floats[i];
    y = y * Expr{b, op::constant(b, Tensor::from(std::span<const float>(weights), {width}))};
  }
  return {n.result(given.rank() == 1 ? y.reshape({width}) : y)};
}

}  // namespace

std::span<const Registration> ml_importers() {
  static constexpr Registration list[] = {
      {"ai.onnx.ml:ArrayFeatureExtractor", array_feature_extractor},
      {"ai.onnx.ml:Binarizer", binarizer},
      {"ai.onnx.ml:TreeEnsemble", tree_ensemble},
      {"TfIdfVectorizer", tf_idf_vectorizer},
  };
  return list;
}

}  // namespace ecotone::onnx
