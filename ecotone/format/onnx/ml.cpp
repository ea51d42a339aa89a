// Classical machine learning (ai.onnx.ml) but for trees, and TfIdfVectorizer over integers.
#include "ecotone/format/onnx/ml.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ecotone/base/error.h"
#include "ecotone/op/chlo.h"
#include "ecotone/op/index.h"
#include "ecotone/op/select.h"

namespace ecotone::onnx {

PostTransform post_transform(NodeContext& n) {
  static constexpr std::string_view kNames[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const std::string name = n.string_attribute("post_transform", "NONE");
  const auto* at = std::ranges::find(kNames, name);
  if (at == std::end(kNames)) fail("post_transform '{}' is unknown", name);
  return static_cast<PostTransform>(at - kNames);
}

Expr post_transformed(const Expr& x, PostTransform t) {
  Builder& b = x.builder();
  const Expr top = x.reduced({1}, op::Reducer::kMaximum).expand({1});
  switch (t) {
    case PostTransform::kNone:
      break;
    case PostTransform::kSoftmax: {
      const Expr e{b, op::exponential(b, x - top)};
      return e / e.sum({1}).expand({1});
    }
    case PostTransform::kLogistic:
      return {b, op::logistic(b, x)};
    case PostTransform::kSoftmaxZero: {
      const Expr some = x.made(op::abs(b, x)) > 1e-7;
      const Expr e = where(some, {b, op::exponential(b, x - top)}, x.scalar(0.0));
      return e / e.sum({1}).expand({1});
    }
    case PostTransform::kProbit:
      return Expr{b, op::erf_inv(b, x * 2.0 - 1.0)} * std::numbers::sqrt2;
  }
  return x;
}

Expr feature_rows(NodeContext& n) {
  const Expr x = input(n, 0).to(n.dtype(0) == DType::kF64 ? DType::kF64 : DType::kF32);
  if (x.rank() != 1 && x.rank() != 2) fail("the features have {} dimensions, not 2", x.rank());
  return x.rank() == 1 ? x.expand({0}) : x;
}

Value labels_at(NodeContext& n, const Expr& at, const char* integers, const char* strings) {
  const AttributeProto* names = n.attribute(strings);
  if (names && !names->strings.empty())
    fail_kind(ErrorKind::kUnsupported, "labels that are strings; export the model with integer labels");
  const std::vector<int64_t> labels = int_list(n, integers);
  if (labels.empty()) fail("no class labels");
  return n.result(op::take(
      n.b, op::constant(n.b, Tensor::from(std::span<const int64_t>(labels), {static_cast<int64_t>(labels.size())})), at,
      0));
}

Expr largest_place(const Expr& scores) {
  return scores.made(op::arg_max(scores.builder(), scores, {1, false}));
}

std::vector<double> float_list(NodeContext& n, const char* name) {
  const AttributeProto* a = n.attribute(name);
  if (!a) return {};
  if (!a->tensor) return {a->floats.begin(), a->floats.end()};
  const Tensor t = n.graph.tensor(*a->tensor).plain();
  std::vector<double> values;
  for (int64_t i = 0; i < t.size(); ++i) values.push_back(t.at_double(i));
  return values;
}

std::vector<int64_t> int_list(NodeContext& n, const char* name) {
  return n.ints_attribute(name).value_or(std::vector<int64_t>{});
}

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

// Scaling, encoding ---------------------------------------------------------------------------------------------------

Expr vector_of(NodeContext& n, const std::vector<double>& values, DType dtype) {
  const auto count = static_cast<int64_t>(values.size());
  return Expr{n.b, op::constant(n.b, Tensor::from(std::span<const double>(values), {count}))}.to(dtype);
}

std::vector<Value> scaler(NodeContext& n) {
  Expr x = input(n, 0).to(DType::kF32);
  for (const char* name : {"offset", "scale"}) {
    std::vector<double> values = float_list(n, name);
    if (values.empty()) continue;
    const Expr v = vector_of(n, values, DType::kF32);
    x = name[0] == 'o' ? x - v : x * v;
  }
  return {n.result(x)};
}

// Each row over its largest entry (MAX), the sum of magnitudes (L1) or the root of the sum of squares (L2); a row whose
// measure is 0 stays.
std::vector<Value> normalizer(NodeContext& n) {
  const Expr x = input(n, 0).to(DType::kF32);
  const std::string norm = n.string_attribute("norm", "MAX");
  const std::vector<int64_t> last{x.rank() - 1};
  Expr size = x;
  if (norm == "MAX")
    size = x.reduced(last, op::Reducer::kMaximum);
  else if (norm == "L1")
    size = x.made(op::abs(n.b, x)).sum(last);
  else if (norm == "L2")
    size = x.made(op::sqrt(n.b, (x * x).sum(last)));
  else
    fail("norm '{}' is unknown", norm);
  size = size.expand({x.rank() - 1});
  return {n.result(x / where(size == 0.0, size.scalar(1.0), size))};
}

std::vector<Value> imputer(NodeContext& n) {
  const Expr x = input(n, 0);
  const bool floats = is_float(x.dtype());
  std::vector<double> values = float_list(n, "imputed_value_floats");
  if (!floats)
    for (int64_t v : int_list(n, "imputed_value_int64s")) values.push_back(static_cast<double>(v));
  if (values.empty()) fail("no imputed values of the input's type");
  const double replaced = floats ? n.float_attribute("replaced_value_float", 0)
                                 : static_cast<double>(n.int_attribute("replaced_value_int64", 0));
  const Expr hit = std::isnan(replaced) ? x != x : x == replaced;
  return {n.result(where(hit, vector_of(n, values, x.dtype()), x))};
}

// One column a category; a value that is none gives zeros.
std::vector<Value> one_hot_encoder(NodeContext& n) {
  const std::vector<int64_t> categories = int_list(n, "cats_int64s");
  if (categories.empty()) fail_kind(ErrorKind::kUnsupported, "categories that are strings");
  if (n.int_attribute("zeros", 1) == 0)
    fail_kind(ErrorKind::kUnsupported, "zeros = 0, by which an unknown category is an error while the model runs");
  const auto count = static_cast<int64_t>(categories.size());
  const Expr x = input(n, 0).to(DType::kI64);
  const Expr table{n.b, op::constant(n.b, Tensor::from(std::span<const int64_t>(categories), {count}))};
  return {n.result((x.expand({x.rank()}) == table).to(DType::kF32))};
}

// Numbers for numbers: the value beside the first key that is equal, else the default.
std::vector<Value> label_encoder(NodeContext& n) {
  for (const char* name : {"keys_strings", "values_strings", "classes_strings"})
    if (n.attribute(name)) fail_kind(ErrorKind::kUnsupported, "the attribute {}: a tensor of strings", name);
  const auto table = [&](const char* tensor, const char* integers, const char* floats) {
    if (const AttributeProto* a = n.attribute(tensor); a && a->tensor) return n.graph.tensor(*a->tensor).plain();
    const std::vector<int64_t> i = int_list(n, integers);
    if (!i.empty()) return Tensor::from(std::span<const int64_t>(i), {static_cast<int64_t>(i.size())});
    const std::vector<double> f = float_list(n, floats);
    const std::vector<float> narrow(f.begin(), f.end());
    return Tensor::from(std::span<const float>(narrow), {static_cast<int64_t>(narrow.size())});
  };
  const Tensor keys = table("keys_tensor", "keys_int64s", "keys_floats"),
               values = table("values_tensor", "values_int64s", "values_floats");
  if (keys.rank() != 1 || keys.shape() != values.shape() || keys.size() == 0)
    fail("{} keys, but {} values", keys.size(), values.size());
  if (keys.dtype() != n.dtype(0)) fail("keys of {} for an input of {}", name(keys.dtype()), name(n.dtype(0)));
  Tensor otherwise;
  if (const AttributeProto* a = n.attribute("default_tensor"); a && a->tensor)
    otherwise = n.graph.tensor(*a->tensor).plain();
  else if (is_float(values.dtype()))
    otherwise = Tensor::full(values.dtype(), {1}, n.float_attribute("default_float", -0.0));
  else
    otherwise = Tensor::full(values.dtype(), {1}, static_cast<double>(n.int_attribute("default_int64", -1)));
  if (otherwise.size() != 1 || otherwise.dtype() != values.dtype()) fail("the default is not one value");
  const Expr x = input(n, 0).expand({n.rank(0)}), key{n.b, op::constant(n.b, keys)};
  Expr hit = x == key;
  if (is_float(x.dtype())) hit = hit | ((x != x) & (key != key));
  const Expr place = places(n.b, {keys.size()}, 0), none = place.scalar(static_cast<double>(keys.size()));
  const Expr at = where(hit, place, none).reduced({n.rank(0)}, op::Reducer::kMinimum);
  const Expr all = joined({{n.b, op::constant(n.b, values)}, {n.b, op::constant(n.b, otherwise.reshaped({1}))}}, 0);
  return {n.result(op::take(n.b, all, at, 0))};
}

std::vector<Value> feature_vectorizer(NodeContext& n) {
  std::vector<ValueId> parts;
  for (size_t i = 0; i < n.input_count(); ++i) {
    const Expr x = input(n, i).to(DType::kF32);
    if (x.rank() != 1 && x.rank() != 2) fail("input {} has {} dimensions", i, x.rank());
    parts.push_back(x.rank() == 1 ? x.expand({0}) : x);
  }
  return {n.result(op::concatenate(n.b, parts, 1))};
}

// Linear models -------------------------------------------------------------------------------------------------------

// x coefficients^T + intercepts: [rows, outputs].
Expr linear_scores(NodeContext& n, int64_t outputs) {
  const Expr x = feature_rows(n);
  const std::vector<double> coefficients = float_list(n, "coefficients"), intercepts = float_list(n, "intercepts");
  const auto count = static_cast<int64_t>(coefficients.size());
  if (outputs < 1 || count == 0 || count % outputs != 0) fail("{} coefficients for {} outputs", count, outputs);
  const Expr w = vector_of(n, coefficients, x.dtype()).reshape({outputs, count / outputs});
  const Expr y = x.made(matmul(n.b, x, w.transpose({1, 0})));
  if (intercepts.empty()) return y;
  if (static_cast<int64_t>(intercepts.size()) != outputs)
    fail("{} intercepts for {} outputs", intercepts.size(), outputs);
  return y + vector_of(n, intercepts, x.dtype());
}

std::vector<Value> linear_regressor(NodeContext& n) {
  return {n.result(post_transformed(linear_scores(n, n.int_attribute("targets", 1)), post_transform(n)))};
}

std::vector<Value> linear_classifier(NodeContext& n) {
  const auto outputs = static_cast<int64_t>(std::max<size_t>(1, float_list(n, "intercepts").size()));
  const Expr raw = linear_scores(n, outputs);
  const PostTransform t = post_transform(n);
  if (outputs > 1)
    return {labels_at(n, largest_place(raw), "classlabels_ints", "classlabels_strings"),
            n.result(post_transformed(raw, t))};
  // Of two classes, one score: that of the second.
  const Expr second = post_transformed(raw, t), first = t == PostTransform::kProbit ? 0.0 - second : 1.0 - second;
  return {labels_at(n, (raw.entry(1, 0) > 0.0).to(DType::kI64), "classlabels_ints", "classlabels_strings"),
          n.result(joined({first, second}, 1))};
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
      {"ai.onnx.ml:Scaler", scaler},
      {"ai.onnx.ml:Normalizer", normalizer},
      {"ai.onnx.ml:Imputer", imputer},
      {"ai.onnx.ml:OneHotEncoder", one_hot_encoder},
      {"ai.onnx.ml:LabelEncoder", label_encoder},
      {"ai.onnx.ml:FeatureVectorizer", feature_vectorizer},
      {"ai.onnx.ml:LinearRegressor", linear_regressor},
      {"ai.onnx.ml:LinearClassifier", linear_classifier},
      {"TfIdfVectorizer", tf_idf_vectorizer},
  };
  return list;
}

}  // namespace ecotone::onnx
