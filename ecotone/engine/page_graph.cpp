// A small graph in layers: layers by longest path, long edges through stand-ins, order by neighbours' mean places
// (Sugiyama, Tagawa, Toda 1981).

#include <algorithm>
#include <numeric>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ecotone/engine/page_plots.h"
#include "ecotone/engine/report.h"
#include "ecotone/engine/table.h"

namespace ecotone::engine::html {
namespace {

constexpr size_t kMostNodes = 64;
constexpr double kGap = 14, kLayer = 40, kHigh = 20;

struct Node {
  std::string op, name;  // a stand-in has no op
  double x = 0, width = 0;
  size_t layer = 0;
  std::vector<size_t> above, below;
};

class Drawing {
 public:
  explicit Drawing(const nlohmann::json& given) {
    for (const auto& g : given) add(g);
    place_sources();
    connect();
    order();
    spread();
  }

  Markup svg(const std::string& title) const;

 private:
  void add(const nlohmann::json& given) {
    Node n{text_of(given, "op"), text_of(given, "name")};
    if (n.op.empty()) n.op += '?';
    if (n.op.size() > 40) n.op.resize(40);
    const bool is_end = n.op == "input" || n.op == "output";
    label_.push_back(is_end && n.name.size() <= 16 ? n.name : n.op);
    n.width = std::max(36.0, kLetter * display_width(label_.back()) + 12);
    auto& from = from_.emplace_back();
    for (const auto& f : list_of(given, "from"))
      if (f.is_number_unsigned() && f.get<uint64_t>() < nodes_.size()) from.push_back(f.get<size_t>());
    for (size_t f : from) n.layer = std::max(n.layer, nodes_[f].layer + 1);
    nodes_.push_back(std::move(n));
  }
  // Inputs stand just above what first uses them.
  void place_sources() {
    std::vector<size_t> first_use(nodes_.size(), SIZE_MAX);
    for (size_t i = 0; i < from_.size(); ++i)
      for (size_t f : from_[i]) first_use[f] = std::min(first_use[f], nodes_[i].layer);
    for (size_t i = 0; i < from_.size(); ++i)
      if (from_[i].empty() && first_use[i] != SIZE_MAX) nodes_[i].layer = first_use[i] - 1;
  }
  void connect() {
    for (size_t i = 0; i < from_.size(); ++i)
      for (size_t f : from_[i]) {
        size_t above = f;
        while (nodes_[above].layer + 1 < nodes_[i].layer) {
          nodes_.push_back({"", "", 0, 0, nodes_[above].layer + 1, {}, {}});
          join(above, nodes_.size() - 1);
          above = nodes_.size() - 1;
        }
        join(above, i);
      }
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (layers_.size() <= nodes_[i].layer) layers_.resize(nodes_[i].layer + 1);
      layers_[nodes_[i].layer].push_back(i);
    }
  }
  void join(size_t above, size_t below) {
    nodes_[above].below.push_back(below);
    nodes_[below].above.push_back(above);
  }
  double mean(const std::vector<size_t>& of, double otherwise) const {
    if (of.empty()) return otherwise;
    return std::accumulate(of.begin(), of.end(), 0.0, [&](double sum, size_t i) { return sum + nodes_[i].x; }) /
           static_cast<double>(of.size());
  }
  void order() {
    auto number = [&](std::vector<size_t>& layer) {
      for (size_t i = 0; i < layer.size(); ++i) nodes_[layer[i]].x = static_cast<double>(i);
    };
    for (auto& layer : layers_) number(layer);
    auto sort_by = [&](std::vector<size_t>& layer, std::vector<size_t> Node::* side) {
      std::vector<double> key(nodes_.size());
      for (size_t i : layer) key[i] = mean(nodes_[i].*side, nodes_[i].x);
      std::stable_sort(layer.begin(), layer.end(), [&](size_t a, size_t b) { return key[a] < key[b]; });
      number(layer);
    };
    for (int sweep = 0; sweep < 6; ++sweep) {
      for (auto& layer : layers_) sort_by(layer, &Node::above);
      for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) sort_by(*layer, &Node::below);
    }
  }
  // Places in units: each wants to stand at the mean of its neighbours, and keeps its distance. Of two ways to keep it,
  // pushing right and pushing left, the mean keeps it too.
  void spread() {
    for (auto& layer : layers_) settle(layer, [](const Node&) { return 0.0; });
    for (int sweep = 0; sweep < 8; ++sweep) {
      for (auto& layer : layers_) settle(layer, [&](const Node& n) { return mean(n.above, n.x); });
      for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer)
        settle(*layer, [&](const Node& n) { return mean(n.below, n.x); });
    }
    double least = 0;
    for (const Node& n : nodes_) least = std::min(least, n.x - n.width / 2);
    for (Node& n : nodes_) {
      n.x += 4 - least;
      width_ = std::max(width_, n.x + n.width / 2 + 4);
    }
  }
  template <class Wish>
  void settle(const std::vector<size_t>& layer, Wish wish) {
    std::vector<double> right(layer.size()), left(layer.size());
    auto distance = [&](size_t i) { return (nodes_[layer[i]].width + nodes_[layer[i + 1]].width) / 2 + kGap; };
    for (size_t i = 0; i < layer.size(); ++i) right[i] = left[i] = wish(nodes_[layer[i]]);
    for (size_t i = 1; i < layer.size(); ++i) right[i] = std::max(right[i], right[i - 1] + distance(i - 1));
    for (size_t i = layer.size() - 1; i-- > 0;) left[i] = std::min(left[i], left[i + 1] - distance(i));
    for (size_t i = 0; i < layer.size(); ++i) nodes_[layer[i]].x = (right[i] + left[i]) / 2;
  }

  std::vector<Node> nodes_;  // the given ones, then stand-ins
  std::vector<std::string> label_;
  std::vector<std::vector<size_t>> from_, layers_;
  double width_ = 0;
};

Markup Drawing::svg(const std::string& title) const {
  Markup edges, boxes;
  auto middle = [](const Node& n) { return 4 + kHigh / 2 + kLayer * static_cast<double>(n.layer); };
  for (const Node& n : nodes_)
    for (size_t b : n.below) {
      const Node& to = nodes_[b];
      const double y0 = middle(n) + (n.op.empty() ? 0 : kHigh / 2), y1 = middle(to) - (to.op.empty() ? 0 : kHigh / 2),
                   half = (y0 + y1) / 2;
      edges += {fmt::format("<path d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\" class=\"edge\"/>",
                            n.x, y0, n.x, half, to.x, half, to.x, y1)};
    }
  for (size_t i = 0; i < label_.size(); ++i) {
    const Node& n = nodes_[i];
    const bool is_end = n.op == "input" || n.op == "output";
    Markup box{fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"4\" class=\"{}\"/>",
                           n.x - n.width / 2, middle(n) - kHigh / 2, n.width, kHigh, is_end ? "node end" : "node")};
    box += Markup{fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">", n.x, middle(n) + 3.5)} +
           escape(label_[i]) + Markup{"</text>"};
    boxes += element("g", element("title", n.op + " " + n.name) + box);
  }
  const double high = kLayer * static_cast<double>(layers_.size());
  const Attribute attributes[] = {{"viewBox", fmt::format("0 0 {:.0f} {:.0f}", width_, high)},
                                  {"role", "img"},
                                  {"aria-label", title},
                                  {"style", fmt::format("width:{:.0f}px;max-width:none", width_ * 1.15)}};
  const Attribute scroll[] = {{"class", "scroll"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", title}};
  return element("figure",
                 element("figcaption", title) + element("div", scroll, element("svg", attributes, edges + boxes)));
}

}  // namespace

Markup graph_drawing(const std::string& title, const nlohmann::json& nodes) {
  if (nodes.empty() || nodes.size() > kMostNodes) return {};
  return Drawing(nodes).svg(title);
}

}  // namespace ecotone::engine::html
