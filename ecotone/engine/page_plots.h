// Plots as inline SVG, drawn for 360 units of width so that they can be read on a phone. Colors are the stylesheet's.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "ecotone/engine/page_html.h"

namespace ecotone::engine::html {

// "12.3", "0.045", "1200": three figures.
std::string three_figures(double value);

struct Bar {
  std::string label;
  double low = 0, middle = 0, high = 0;
  bool good = false;  // drawn as the best
};
// A line of `low` to `high` with a dot at `middle`, one below the other; logarithmic where they span more than 30
// times.
Markup interval_plot(const std::string& title, const std::string& unit, std::span<const Bar> bars);

struct Point {
  std::string label;
  double x = 0, y = 0;
};
struct Axis {
  std::string title;
  bool log = false;  // what is not above 0 stands at the lower edge
};
// Less is better in both: the points to which no other is better are filled and joined. Labels overlap neither each
// other nor points; one for which no place is left is found by its title alone.
Markup scatter_plot(const std::string& title, const Axis& x, const Axis& y, std::span<const Point> points);

struct Share {
  std::string label;
  double value = 0;
  std::string note;  // stands behind the bar
};
Markup share_plot(const std::string& title, std::span<const Share> shares);

// The "nodes" of graph_json in layers, inputs on top; nothing when they are none.
Markup graph_drawing(const std::string& title, const nlohmann::json& nodes);

// Which points no other beats: no other is at least as good in both and better in one.
std::vector<bool> pareto_front(std::span<const Point> points);

}  // namespace ecotone::engine::html
