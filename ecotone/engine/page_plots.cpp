#include "ecotone/engine/page_plots.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/core.h>

#include "ecotone/engine/table.h"

namespace ecotone::engine::html {
namespace {

constexpr double kWidth = 360;

struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  bool overlaps(const Box& o) const { return x0 < o.x1 && o.x0 < x1 && y0 < o.y1 && o.y0 < y1; }
};

Markup svg(const std::string& title, double width, double height, const Markup& content) {
  const Attribute attributes[] = {{"viewBox", fmt::format("0 0 {:.0f} {:.0f}", width, height)},
                                  {"role", "img"},
                                  {"aria-label", title},
                                  {"style", fmt::format("max-width:{:.0f}px", width * 1.6)}};
  return element("figure", element("figcaption", title) + element("svg", attributes, content)) + Markup{"\n"};
}

Markup text(double x, double y, const char* anchor, std::string_view words, const std::string& css_class = "") {
  return Markup{
             fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">", x, y, anchor, css_class)} +
         escape(words) + Markup{"</text>"};
}

Markup line(double x0, double y0, double x1, double y1, const char* css_class) {
  return {fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>", x0, y0, x1, y1,
                      css_class)};
}

Markup titled(const char* tag, const std::string& title, const Markup& content) {
  return element(tag, element("title", title) + content);
}

double width_of(std::string_view words) {
  return kLetter * display_width(words);
}

// At most so many columns; the rest is in the element's title.
std::string cut(const std::string& words, int columns) {
  if (display_width(words) <= columns) return words;
  std::string kept;
  for (size_t i = 0; i < words.size();) {
    size_t n = 1;
    while (i + n < words.size() && (static_cast<unsigned char>(words[i + n]) & 0xC0) == 0x80) ++n;
    if (display_width(kept + words.substr(i, n)) > columns - 1) break;
    kept += words.substr(i, n);
    i += n;
  }
  return kept + "…";
}

// Where values stand between two ends, and where ticks are.
class Scale {
 public:
  Scale(std::vector<double> values, bool log, double from, double to) : log_(log), from_(from), to_(to) {
    for (double& v : values) v = std::clamp(v, -1e300, 1e300);  // reports are anybody's
    if (log) std::erase_if(values, [](double v) { return !(v > 0); });
    low_ = values.empty() ? 1 : *std::min_element(values.begin(), values.end());
    high_ = values.empty() ? 1 : *std::max_element(values.begin(), values.end());
    if (log) {
      low_ /= 1.3;
      high_ *= 1.3;
    } else {
      low_ = std::min(low_, 0.0);
      step_ = step_for(high_ - low_);
      high_ = std::ceil(high_ * 1.02 / step_) * step_;
      if (!(high_ > low_)) high_ = low_ + step_;
    }
  }
  double at(double v) const {
    const double place =
        log_ ? v > 0 ? std::log10(v / low_) / std::log10(high_ / low_) : 0 : (v - low_) / (high_ - low_);
    return from_ + std::clamp(place, 0.0, 1.0) * (to_ - from_);
  }
  std::vector<double> ticks() const {
    std::vector<double> result;
    if (log_) {
      const double decades = std::log10(high_ / low_);
      const bool fine = decades < 2;  // then 1, 2, 5, 10, ...
      const int first = static_cast<int>(std::floor(std::log10(low_))), last = first + static_cast<int>(decades) + 1;
      for (int d = first; d <= last; d += std::max(1, static_cast<int>(std::ceil(decades / 6))))
        for (const double f : {1.0, 2.0, 5.0})
          if (const double t = f * std::pow(10, d); t >= low_ && t <= high_ && (fine || f == 1)) result.push_back(t);
    } else {
      for (int i = 0; low_ + i * step_ <= high_ * (1 + 1e-9) && i < 20; ++i) result.push_back(low_ + i * step_);
    }
    return result;
  }

 private:
  static double step_for(double span) {
    if (!(span > 0)) return 1;
    const double power = std::pow(10, std::floor(std::log10(span / 4)));
    for (const double f : {1.0, 2.0, 5.0})
      if (span / (f * power) <= 5) return f * power;
    return 10 * power;
  }
  bool log_;
  double from_, to_, low_ = 0, high_ = 1, step_ = 1;
};

std::string tick_label(double v) {
  return v != 0 && (std::abs(v) < 1e-3 || std::abs(v) >= 1e5) ? fmt::format("{:.0e}", v) : fmt::format("{:g}", v);
}

// Near its point, farther out if it must; no place: nothing.
std::optional<Box> place_label(double x, double y, double width, const std::vector<Box>& taken, const Box& frame) {
  constexpr double kHigh = 11;
  constexpr int kDirections = 16;
  for (int radius = 8; radius < 150; radius += 7)
    for (int k = 0; k < kDirections; ++k) {
      // To the right first, then by turns above and below.
      const int step = (k + 1) / 2 * (k % 2 ? 1 : -1);
      const double angle = std::numbers::pi * 2 / kDirections * step;
      const double cx = x + std::cos(angle) * (radius + width / 2), cy = y + std::sin(angle) * (radius + kHigh / 2);
      const Box box{cx - width / 2, cy - kHigh / 2, cx + width / 2, cy + kHigh / 2};
      const bool inside = box.x0 >= frame.x0 && box.x1 <= frame.x1 && box.y0 >= frame.y0 && box.y1 <= frame.y1;
      if (inside && std::none_of(taken.begin(), taken.end(), [&](const Box& b) { return b.overlaps(box); })) return box;
    }
  return {};
}

}  // namespace

std::string three_figures(double v) {
  const double size = std::abs(v);
  if (size == 0) return "0";
  if (size < 1e-3 || size >= 1e7) return fmt::format("{:.2e}", v);
  return fmt::format("{:.{}f}", v, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4);
}

std::vector<bool> pareto_front(std::span<const Point> points) {
  std::vector<bool> front;
  for (const Point& p : points)
    front.push_back(std::none_of(points.begin(), points.end(),
                                 [&](const Point& o) { return o.x <= p.x && o.y <= p.y && (o.x < p.x || o.y < p.y); }));
  return front;
}

Markup interval_plot(const std::string& title, const std::string& unit, std::span<const Bar> bars) {
  constexpr double kRow = 20, kTop = 4;
  constexpr int kColumns = 18;
  double wide = 0, least = HUGE_VAL, most = 0;
  std::vector<double> ends{0};
  for (const Bar& b : bars) {
    wide = std::max(wide, width_of(cut(b.label, kColumns)));
    ends.push_back(b.high);
    least = std::min(least, b.low), most = std::max(most, b.high);
  }
  const bool log = least > 0 && most > 30 * least;
  if (log) ends.push_back(least);
  const double left = wide + 10, right = kWidth - 46, bottom = kTop + kRow * static_cast<double>(bars.size());
  const Scale scale(ends, log, left, right);
  Markup out;
  for (double t : scale.ticks()) {
    out += line(scale.at(t), kTop, scale.at(t), bottom, "grid");
    out += text(scale.at(t), bottom + 13, "middle", tick_label(t), "small");
  }
  double y = kTop + kRow / 2;
  for (const Bar& b : bars) {
    const std::string numbers = fmt::format("{}: {} {} ({} .. {})", b.label, three_figures(b.middle), unit,
                                            three_figures(b.low), three_figures(b.high));
    const char* css_class = b.good ? "mark good" : "mark";
    Markup row = text(left - 6, y + 3.5, "end", cut(b.label, kColumns), b.good ? "good" : "");
    row += line(scale.at(b.low), y, scale.at(b.high), y, b.good ? "range good" : "range");
    row +=
        {fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" class=\"{}\"/>", scale.at(b.middle), y, css_class)};
    row += text(kWidth - 2, y + 3.5, "end", three_figures(b.middle), "small");
    out += titled("g", numbers, row);
    y += kRow;
  }
  out += text(kWidth - 2, bottom + 13, "end", unit, "small");
  return svg(title, kWidth, bottom + 18, out);
}

Markup scatter_plot(const std::string& title, const Axis& x, const Axis& y, std::span<const Point> points) {
  constexpr double kHeight = 260;
  const Box frame{44, 16, kWidth - 8, kHeight - 30};
  std::vector<double> xs, ys;
  for (const Point& p : points) xs.push_back(p.x), ys.push_back(p.y);
  const Scale across(xs, x.log, frame.x0 + 10, frame.x1 - 10), up(ys, y.log, frame.y1 - 10, frame.y0 + 10);
  Markup out;
  for (double t : across.ticks()) {
    out += line(across.at(t), frame.y0, across.at(t), frame.y1, "grid");
    out += text(across.at(t), frame.y1 + 12, "middle", tick_label(t), "small");
  }
  for (double t : up.ticks()) {
    out += line(frame.x0, up.at(t), frame.x1, up.at(t), "grid");
    out += text(frame.x0 - 4, up.at(t) + 3.5, "end", tick_label(t), "small");
  }
  out += text(frame.x1, kHeight - 5, "end", x.title, "small") + text(2, 10, "start", y.title, "small");

  const std::vector<bool> front = pareto_front(points);
  std::vector<size_t> order;
  for (size_t i = 0; i < points.size(); ++i)
    if (front[i]) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return points[a].x < points[b].x; });
  std::string path;
  for (size_t i : order)  // stairs: what lies above and to the right of them is beaten
    path += path.empty() ? fmt::format("M{:.1f} {:.1f}", across.at(points[i].x), up.at(points[i].y))
                         : fmt::format("H{:.1f}V{:.1f}", across.at(points[i].x), up.at(points[i].y));
  if (order.size() > 1) out += {fmt::format("<path d=\"{}\" class=\"front\"/>", path)};

  std::vector<Box> taken;
  for (const Point& p : points)
    taken.push_back({across.at(p.x) - 5, up.at(p.y) - 5, across.at(p.x) + 5, up.at(p.y) + 5});
  for (size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    const double px = across.at(p.x), py = up.at(p.y);
    Markup mark{fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" class=\"{}\"/>", px, py,
                            front[i] ? "mark good" : "mark open")};
    const std::string label = cut(p.label, 20);
    if (const auto box = place_label(px, py, width_of(label), taken, {frame.x0, 12, frame.x1, frame.y1})) {
      taken.push_back(*box);
      const double lx = std::clamp(px, box->x0, box->x1), ly = std::clamp(py, box->y0, box->y1);
      if (std::hypot(lx - px, ly - py) > 12) mark += line(px, py, lx, ly, "leader");
      mark += text((box->x0 + box->x1) / 2, box->y1 - 2.5, "middle", label, front[i] ? "label good" : "label");
    }
    out += titled(
        "g", fmt::format("{}: {} {}, {} {}", p.label, three_figures(p.x), x.title, three_figures(p.y), y.title), mark);
  }
  return svg(title, kWidth, kHeight, out);
}

Markup share_plot(const std::string& title, std::span<const Share> shares) {
  constexpr double kRow = 16;
  constexpr int kColumns = 24;
  double most = 0, wide = 0, notes = 0;
  for (const Share& s : shares) {
    most = std::max(most, s.value);
    wide = std::max(wide, width_of(cut(s.label, kColumns)));
    notes = std::max(notes, width_of(s.note));
  }
  const double left = wide + 8, right = kWidth - notes - 6;
  double y = 2;
  Markup out;
  for (const Share& s : shares) {
    const double length = most > 0 ? std::max(1.0, (right - left) * s.value / most) : 1;
    Markup row = text(left - 4, y + 11, "end", cut(s.label, kColumns));
    row += {fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"10\" class=\"bar\"/>", left, y + 2.5,
                        length)};
    row += text(left + length + 4, y + 11, "start", s.note, "small");
    out += titled("g", s.label + ": " + s.note, row);
    y += kRow;
  }
  return svg(title, kWidth, y + 4, out);
}

}  // namespace ecotone::engine::html
