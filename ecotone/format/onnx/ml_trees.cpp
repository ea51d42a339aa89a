// Ensembles of decision trees: TreeEnsemble, and the older TreeEnsembleRegressor and TreeEnsembleClassifier.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "ecotone/base/error.h"
#include "ecotone/format/onnx/ml.h"
#include "ecotone/op/control.h"
#include "ecotone/op/index.h"

namespace ecotone::onnx {
namespace {

enum Mode : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember };
enum class Aggregate : uint8_t { kAverage, kSum, kMin, kMax };

// Inner nodes, and leaves by number; a child is an inner node's number or, from inner.size() on, a leaf's.
struct Forest {
  struct Node {
    int64_t feature = 0, mode = 0, missing = 0, yes = 0, no = 0;
    double split = 0;
    std::vector<double> members;  // of kMember
  };
  std::vector<Node> inner;
  std::vector<std::vector<std::pair<int64_t, double>>> leaves;  // targets and weights
  std::vector<int64_t> roots;
};

void check_length(size_t have, size_t want, const char* name) {
  if (have != want) fail("{} has {} entries, not {}", name, have, want);
}

// The longest way from a root, each node being reached once; a second visit means that it is no tree.
int64_t depth_of(const Forest& f) {
  std::vector<bool> seen(f.inner.size());
  std::vector<int64_t> level = f.roots;
  for (int64_t depth = 0;; ++depth) {
    std::vector<int64_t> below;
    for (int64_t node : level) {
      if (node >= static_cast<int64_t>(f.inner.size())) continue;
      const auto i = static_cast<size_t>(node);
      if (seen[i]) fail("node {} is reached twice: the nodes form no tree", node);
      seen[i] = true;
      below.push_back(f.inner[i].yes);
      below.push_back(f.inner[i].no);
    }
    if (below.empty()) return depth;
    level = std::move(below);
  }
}

ValueId table(Builder& b, const std::vector<int64_t>& v) {
  return op::constant(b, Tensor::from(std::span<const int64_t>(v), {static_cast<int64_t>(v.size())}));
}
Expr table(Builder& b, const std::vector<double>& v, std::vector<Dim> shape, DType dtype) {
  const auto size = static_cast<int64_t>(v.size());
  return Expr{b, op::constant(b, Tensor::from(std::span<const double>(v), {size}))}.reshape(std::move(shape)).to(dtype);
}

// The leaf of each row in each tree: all rows walk from all roots for as many steps as the deepest tree has. Leaves
// follow the inner nodes in the tables and lead to themselves.
Expr leaf_of_rows(const Forest& f, const Expr& x) {
  Builder& b = x.builder();
  const size_t inner = f.inner.size(), nodes = inner + f.leaves.size();
  const auto trees = static_cast<int64_t>(f.roots.size()), count = static_cast<int64_t>(nodes);
  size_t widest = 1;
  for (const Forest::Node& n : f.inner) widest = std::max(widest, n.members.size());
  if (widest * nodes > (size_t{1} << 22)) fail("sets of members too large");
  std::vector<int64_t> features(nodes), modes(nodes), yes(nodes), no(nodes), missing(nodes);
  std::vector<double> splits(nodes), members(nodes * widest, std::numeric_limits<double>::quiet_NaN());
  for (size_t i = 0; i < nodes; ++i) {
    yes[i] = no[i] = static_cast<int64_t>(i);
    if (i >= inner) continue;
    const Forest::Node& n = f.inner[i];
    features[i] = n.feature, modes[i] = n.mode, missing[i] = n.missing;
    yes[i] = n.yes, no[i] = n.no, splits[i] = n.split;
    std::ranges::copy(n.members, members.begin() + static_cast<std::ptrdiff_t>(i * widest));
  }
  const ValueId start = op::broadcast_in_dim(b, table(b, f.roots), {x.size(0), trees}, {1});
  const int64_t depth = depth_of(f);
  const ValueId steps = places(b, {depth}, 0);
  const std::vector<ValueId> captures{x,
                                      table(b, features),
                                      table(b, modes),
                                      table(b, splits, {count}, x.dtype()),
                                      table(b, yes),
                                      table(b, no),
                                      table(b, missing),
                                      table(b, members, {count, static_cast<int64_t>(widest)}, x.dtype())};
  std::vector<Type> types{b.type(start), TensorType{DType::kI64, {}}};
  for (ValueId c : captures) types.push_back(b.type(c));
  Region body = op::make_region(b, "step", types, [&](Builder& g, std::span<const ValueId> v) -> std::vector<ValueId> {
    const Expr at{g, v[0]}, data{g, v[2]};
    const auto look = [&](size_t i) { return Expr{g, op::take(g, v[2 + i], at, 0)}; };
    op::GatherAttributes a;  // each row's own feature
    a.operand_batching_dims = a.start_indices_batching_dims = {0};
    a.collapsed_slice_dims = a.start_index_map = {1};
    a.index_vector_dim = 2;
    a.slice_sizes = {1, 1};
    const Expr value{g, op::gather(g, data, look(1).expand({2}), std::move(a))};
    const Expr mode = look(2), split = look(3), set = look(7);
    Expr yes_way = value <= split;
    const auto other = [&](Mode m, const Expr& test) {
      yes_way = where(mode == static_cast<double>(m), test, yes_way);
    };
    other(kLt, value < split);
    other(kGte, value >= split);
    other(kGt, value > split);
    other(kEq, value == split);
    other(kNeq, value != split);
    other(kMember, (set == value.expand({2})).reduced({2}, op::Reducer::kOr));
    yes_way = yes_way | ((value != value) & (look(6) != 0.0));
    return {where(yes_way, look(4), look(5))};
  });
  const Expr end{b, op::scan(b, {&start, 1}, {&steps, 1}, depth, std::move(body), false, captures)[0]};
  return end - static_cast<double>(inner);
}

// [rows, targets]: the leaves' weights put together over the trees; a target that no tree gave is 0.
Expr aggregated(const Forest& f, const Expr& x, int64_t targets, Aggregate how) {
  Builder& b = x.builder();
  const auto leaves = static_cast<int64_t>(f.leaves.size());
  if (targets < 1 || targets > (1 << 20) || leaves > (int64_t{1} << 26) / targets)
    fail("{} leaves of {} targets", leaves, targets);
  const double infinity = std::numeric_limits<double>::infinity();
  const double none = how == Aggregate::kMin ? infinity : how == Aggregate::kMax ? -infinity : 0;
  std::vector<double> weights(static_cast<size_t>(leaves * targets), none);
  for (size_t leaf = 0; leaf < f.leaves.size(); ++leaf)
    for (const auto& [target, weight] : f.leaves[leaf]) {
      if (target < 0 || target >= targets) fail("a leaf gives target {} of {}", target, targets);
      double& w = weights[leaf * static_cast<size_t>(targets) + static_cast<size_t>(target)];
      w = how == Aggregate::kMin ? std::min(w, weight) : how == Aggregate::kMax ? std::max(w, weight) : w + weight;
    }
  const Expr given{b, op::take(b, table(b, weights, {leaves, targets}, x.dtype()), leaf_of_rows(f, x), 0)};
  if (how == Aggregate::kMin || how == Aggregate::kMax) {
    const Expr y = given.reduced({1}, how == Aggregate::kMin ? op::Reducer::kMinimum : op::Reducer::kMaximum);
    return where(y == none, y.scalar(0.0), y);
  }
  const Expr sum = given.sum({1});
  return how == Aggregate::kAverage ? sum / static_cast<double>(f.roots.size()) : sum;
}

// TreeEnsemble: inner nodes and leaves apart, sets of members one after the other, each ended by a NaN.
Forest read_forest(NodeContext& n) {
  Forest f;
  const std::vector<int64_t> features = int_list(n, "nodes_featureids"),
                             missing = int_list(n, "nodes_missing_value_tracks_true"),
                             yes = int_list(n, "nodes_truenodeids"), yes_leaf = int_list(n, "nodes_trueleafs"),
                             no = int_list(n, "nodes_falsenodeids"), no_leaf = int_list(n, "nodes_falseleafs"),
                             targets = int_list(n, "leaf_targetids");
  const std::vector<double> modes = float_list(n, "nodes_modes"), splits = float_list(n, "nodes_splits"),
                            weights = float_list(n, "leaf_weights"), members = float_list(n, "membership_values");
  const size_t count = features.size();
  check_length(modes.size(), count, "nodes_modes");
  check_length(splits.size(), count, "nodes_splits");
  check_length(yes.size(), count, "nodes_truenodeids");
  check_length(yes_leaf.size(), count, "nodes_trueleafs");
  check_length(no.size(), count, "nodes_falsenodeids");
  check_length(no_leaf.size(), count, "nodes_falseleafs");
  check_length(targets.size(), weights.size(), "leaf_targetids");
  if (!missing.empty()) check_length(missing.size(), count, "nodes_missing_value_tracks_true");
  for (size_t i = 0; i < weights.size(); ++i) f.leaves.push_back({{targets[i], weights[i]}});
  size_t next = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto child = [&](int64_t id, bool is_leaf) {
      const auto limit = static_cast<int64_t>(is_leaf ? weights.size() : count);
      if (id < 0 || id >= limit) fail("node {} leads to {}, which is not there", i, id);
      return id + (is_leaf ? static_cast<int64_t>(count) : 0);
    };
    if (!(modes[i] >= 0 && modes[i] <= double{kMember})) fail("node {} has mode {}", i, modes[i]);
    Forest::Node& node = f.inner.emplace_back();
    node = {features[i],
            static_cast<int64_t>(modes[i]),
            missing.empty() ? 0 : missing[i],
            child(yes[i], yes_leaf[i] != 0),
            child(no[i], no_leaf[i] != 0),
            splits[i],
            {}};
    if (node.mode != kMember) continue;
    for (; next < members.size() && !std::isnan(members[next]); ++next) node.members.push_back(members[next]);
    if (++next > members.size()) fail("membership_values ends before its nodes do");
  }
  f.roots = int_list(n, "tree_roots");
  if (f.roots.empty()) fail("there is no tree");
  for (int64_t root : f.roots)
    if (root < 0 || root >= static_cast<int64_t>(count)) fail("root {} is no node", root);
  return f;
}

std::vector<Value> tree_ensemble(NodeContext& n) {
  if (n.rank(0) != 2) fail("TreeEnsemble takes two dimensions");
  const int64_t how = n.int_attribute("aggregate_function", 1), after = n.int_attribute("post_transform", 0);
  if (how < 0 || how > 3) fail("aggregate_function {} is unknown", how);
  if (after < 0 || after > 4) fail("post_transform {} is unknown", after);
  const Expr y = aggregated(read_forest(n), input(n, 0), n.int_attribute("n_targets", 1), static_cast<Aggregate>(how));
  return {n.result(post_transformed(y, static_cast<PostTransform>(after)))};
}

// The older ones: nodes of a tree and its number in it, leaves among them, each with any number of targets; a tree's
// first node is its root. `kind` is "target" or "class".
Forest read_old_forest(NodeContext& n, const std::string& kind) {
  const auto floats = [&](const std::string& name) {
    const std::vector<double> exact = float_list(n, (name + "_as_tensor").c_str());
    return exact.empty() ? float_list(n, name.c_str()) : exact;
  };
  const std::vector<int64_t> trees = int_list(n, "nodes_treeids"), ids = int_list(n, "nodes_nodeids"),
                             features = int_list(n, "nodes_featureids"), yes = int_list(n, "nodes_truenodeids"),
                             no = int_list(n, "nodes_falsenodeids"),
                             missing = int_list(n, "nodes_missing_value_tracks_true");
  const std::vector<double> splits = floats("nodes_values");
  const AttributeProto* names = n.attribute("nodes_modes");
  const std::vector<std::string> modes = names ? names->strings : std::vector<std::string>{};
  const size_t count = ids.size();
  check_length(trees.size(), count, "nodes_treeids");
  check_length(features.size(), count, "nodes_featureids");
  check_length(yes.size(), count, "nodes_truenodeids");
  check_length(no.size(), count, "nodes_falsenodeids");
  check_length(splits.size(), count, "nodes_values");
  check_length(modes.size(), count, "nodes_modes");
  if (!missing.empty()) check_length(missing.size(), count, "nodes_missing_value_tracks_true");
  std::map<std::pair<int64_t, int64_t>, int64_t> numbers;  // (tree, node): in the Forest
  std::map<int64_t, std::pair<int64_t, int64_t>> first;    // of each tree
  int64_t inner = 0, leaves = 0;
  for (const std::string& mode : modes) inner += mode != "LEAF";
  for (size_t i = 0, at = 0; i < count; ++i) {
    const std::pair key{trees[i], ids[i]};
    const bool is_leaf = modes[i] == "LEAF";
    if (!numbers.emplace(key, is_leaf ? inner + leaves++ : static_cast<int64_t>(at++)).second)
      fail("node {} of tree {} is there twice", ids[i], trees[i]);
    first.emplace(trees[i], key);
  }
  const auto number = [&](int64_t tree, int64_t id) {
    const auto it = numbers.find({tree, id});
    if (it == numbers.end()) fail("node {} of tree {} is not there", id, tree);
    return it->second;
  };
  Forest f;
  static constexpr std::string_view kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                                "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
  for (size_t i = 0; i < count; ++i) {
    if (modes[i] == "LEAF") continue;
    const auto* mode = std::ranges::find(kModes, modes[i]);
    if (mode == std::end(kModes)) fail("mode '{}' of a node is unknown", modes[i]);
    f.inner.push_back({features[i],
                       mode - kModes,
                       missing.empty() ? 0 : missing[i],
                       number(trees[i], yes[i]),
                       number(trees[i], no[i]),
                       splits[i],
                       {}});
  }
  f.leaves.resize(static_cast<size_t>(leaves));
  for (const auto& [tree, key] : first) f.roots.push_back(numbers.at(key));
  if (f.roots.empty()) fail("there is no tree");
  const std::vector<int64_t> leaf_trees = int_list(n, (kind + "_treeids").c_str()),
                             leaf_ids = int_list(n, (kind + "_nodeids").c_str()),
                             targets = int_list(n, (kind + "_ids").c_str());
  const std::vector<double> weights = floats(kind + "_weights");
  check_length(leaf_trees.size(), targets.size(), "the trees of leaves");
  check_length(leaf_ids.size(), targets.size(), "the nodes of leaves");
  check_length(weights.size(), targets.size(), "the weights of leaves");
  for (size_t i = 0; i < targets.size(); ++i) {
    const int64_t leaf = number(leaf_trees[i], leaf_ids[i]) - inner;
    if (leaf < 0) fail("node {} of tree {} is no leaf, but has a weight", leaf_ids[i], leaf_trees[i]);
    f.leaves[static_cast<size_t>(leaf)].emplace_back(targets[i], weights[i]);
  }
  return f;
}

// Base values, one a target, added.
Expr with_base(NodeContext& n, const Expr& y) {
  std::vector<double> base = float_list(n, "base_values_as_tensor");
  if (base.empty()) base = float_list(n, "base_values");
  if (base.empty()) return y;
  const auto count = static_cast<int64_t>(base.size());
  return y + table(n.b, base, {count}, y.dtype());
}

std::vector<Value> tree_regressor(NodeContext& n) {
  static constexpr std::string_view kHow[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const std::string name = n.string_attribute("aggregate_function", "SUM");
  const auto* how = std::ranges::find(kHow, name);
  if (how == std::end(kHow)) fail("aggregate_function '{}' is unknown", name);
  const Expr y = aggregated(read_old_forest(n, "target"), feature_rows(n), n.int_attribute("n_targets", 1),
                            static_cast<Aggregate>(how - kHow));
  return {n.result(post_transformed(with_base(n, y), post_transform(n)).to(DType::kF32))};
}

// Two classes of which weights name one alone: its sum decides for the second class, above 1/2 where no weight is
// negative, else above 0. Named as the first class, it is what the second gets, and the first gets what is left. So
// ONNX Runtime has it; ONNX itself does not say.
std::vector<Value> tree_classifier(NodeContext& n) {
  const Forest f = read_old_forest(n, "class");
  const PostTransform t = post_transform(n);
  const char *integers = "classlabels_int64s", *strings = "classlabels_strings";
  const auto classes = static_cast<int64_t>(int_list(n, integers).size());
  const size_t base = float_list(n, "base_values").size();
  bool is_positive = true, named[2] = {false, false};
  for (const auto& leaf : f.leaves)
    for (const auto& [target, weight] : leaf) {
      is_positive = is_positive && weight >= 0;
      if (target == 0 || target == 1) named[target] = true;
    }
  const Expr raw = aggregated(f, feature_rows(n), std::max<int64_t>(1, classes), Aggregate::kSum);
  const bool is_single = classes == 2 && named[0] != named[1];
  if (classes == 2 && base > (is_single && named[0] ? 1U : 0U))
    fail_kind(ErrorKind::kUnsupported, "base values of two classes");
  const auto label = [&](const Expr& score) {
    return labels_at(n, (score.entry(1, 0) > (is_positive ? 0.5 : 0.0)).to(DType::kI64), integers, strings);
  };
  const auto result = [&](const Expr& y) { return n.result(y.to(DType::kF32)); };
  if (!is_single || named[1]) {
    const Expr y = with_base(n, raw);
    return {is_single ? label(y.part(1, 1, 2)) : labels_at(n, largest_place(y), integers, strings),
            result(post_transformed(y, t))};
  }
  const Expr score = with_base(n, raw.part(1, 0, 1));
  if (t == PostTransform::kProbit) fail_kind(ErrorKind::kUnsupported, "PROBIT of a single score");
  if (t == PostTransform::kLogistic)
    return {label(score), result(post_transformed(joined({0.0 - score, score}, 1), t))};
  return {label(score), result(joined({(is_positive ? 1.0 : 0.0) - score, score}, 1))};
}

}  // namespace

std::span<const Registration> ml_tree_importers() {
  static constexpr Registration list[] = {
      {"ai.onnx.ml:TreeEnsemble", tree_ensemble},
      {"ai.onnx.ml:TreeEnsembleRegressor", tree_regressor},
      {"ai.onnx.ml:TreeEnsembleClassifier", tree_classifier},
  };
  return list;
}

}  // namespace ecotone::onnx
