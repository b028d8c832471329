#include "tests/bench/engine/svg_plot.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace ordinate::bench {
namespace {

constexpr double kWidth = 760, kHeight = 460;
constexpr double kLeft = 70, kRight = 170, kTop = 40, kBottom = 50;
constexpr double kLeastRecall = 0.5;
// Told apart by people who see colours differently too.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73",
                                    "#cc79a7", "#e69f00", "#56b4e9"};

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

class Plot {
 public:
  explicit Plot(const std::vector<PlotLine>& lines) {
    double least = 1, low = 1e300, high = 0;
    for (const PlotLine& line : lines) {
      for (const CurvePoint& point : line.points) best_ = std::max(best_, point.recall);
    }
    for (const PlotLine& line : lines) {
      for (const CurvePoint& point : line.points) {
        if (!Shown(point)) continue;
        least = std::min(least, point.recall);
        low = std::min(low, point.qps);
        high = std::max(high, point.qps);
      }
    }
    if (high <= 0) low = high = 1;
    step_ = least < 0.8 ? 0.1 : least < 0.95 ? 0.05 : 0.01;
    min_recall_ = std::min(std::floor(least / step_) * step_, 1 - step_);
    min_log_ = std::floor(std::log10(low) - 0.01);
    max_log_ = std::max(std::ceil(std::log10(high) + 0.01), min_log_ + 1);
  }

  void Grid() {
    for (int i = 0; min_recall_ + i * step_ <= 1 + step_ / 2; ++i) {
      const double recall = min_recall_ + i * step_;
      Rule(X(recall), kTop, X(recall), kHeight - kBottom, "#ddd");
      Text(X(recall), kHeight - kBottom + 18, "middle", absl::StrFormat("%.2f", recall));
    }
    for (double log = min_log_; log <= max_log_; ++log) {
      for (int digit = 1; digit < 10 && log + std::log10(digit) <= max_log_; ++digit) {
        const double y = Y(std::pow(10, log) * digit);
        Rule(kLeft, y, kWidth - kRight, y, digit == 1 ? "#bbb" : "#eee");
      }
      Text(kLeft - 6, Y(std::pow(10, log)) + 4, "end", absl::StrFormat("%.0f", std::pow(10, log)));
    }
  }

  void Line(const PlotLine& line, size_t number) {
    const char* colour = kColours[number % std::size(kColours)];
    std::string path, dots;
    for (const CurvePoint& point : line.points) {
      if (!Shown(point)) continue;
      absl::StrAppendFormat(&path, "%s%.1f,%.1f", path.empty() ? "" : " ", X(point.recall),
                            Y(point.qps));
      absl::StrAppendFormat(&dots, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
                            X(point.recall), Y(point.qps), colour);
    }
    absl::StrAppendFormat(
        &body_, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>\n",
        colour, path);
    body_ += dots;
    const double y = kTop + 10 + 20 * static_cast<double>(number);
    absl::StrAppendFormat(&body_,
                          "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"4\" fill=\"%s\"/>\n",
                          kWidth - kRight + 14, y - 6, colour);
    Text(kWidth - kRight + 34, y, "start", line.name);
  }

  void Text(double x, double y, const char* anchor, const std::string& text) {
    absl::StrAppendFormat(&body_, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x,
                          y, anchor, Escaped(text));
  }

  const std::string& body() const { return body_; }

 private:
  bool Shown(const CurvePoint& point) const {
    return point.qps > 0 && (point.recall >= kLeastRecall || best_ < kLeastRecall);
  }
  double X(double recall) const {
    return kLeft + (recall - min_recall_) / (1 - min_recall_) * (kWidth - kLeft - kRight);
  }
  double Y(double qps) const {
    const double part = (std::log10(qps) - min_log_) / (max_log_ - min_log_);
    return kHeight - kBottom - part * (kHeight - kTop - kBottom);
  }
  void Rule(double x1, double y1, double x2, double y2, const char* colour) {
    absl::StrAppendFormat(&body_,
                          "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
                          x1, y1, x2, y2, colour);
  }

  double best_ = 0;
  double step_ = 0.1, min_recall_ = 0, min_log_ = 0, max_log_ = 1;
  std::string body_;
};

}  // namespace

std::string RecallPlot(const std::string& title, const std::vector<PlotLine>& lines) {
  Plot plot(lines);
  plot.Grid();
  for (size_t i = 0; i < lines.size(); ++i) plot.Line(lines[i], i);
  plot.Text(kLeft, 22, "start", title);
  plot.Text((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", "recall");
  plot.Text(kLeft, kTop - 4, "end", "queries/s");
  return absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" "
      "height=\"%.0f\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n%s</svg>\n",
      kWidth, kHeight, kWidth, kHeight, plot.body());
}

}  // namespace ordinate::bench
