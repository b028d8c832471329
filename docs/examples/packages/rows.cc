#include "docs/examples/packages/rows.h"

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace packages {
namespace {

constexpr int kScale = 100000;

/// A JSON string; bytes that are not UTF-8 become U+FFFD.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string VectorJson(const Embedding& embedding) {
  std::string json = "[";
  for (float value : embedding) {
    const long scaled = std::lround(static_cast<double>(value) * kScale);
    if (json.size() > 1) json += ',';
    if (scaled < 0) json += '-';
    const long magnitude = std::labs(scaled);
    const std::string digits = std::to_string(kScale + magnitude % kScale);
    json += std::to_string(magnitude / kScale);
    json += '.';
    json.append(digits, 1);
  }
  return json + "]";
}

std::string RowJson(const Package& package, const std::optional<Embedding>& embedding) {
  std::string json = "{\"name\":" + Quoted(package.name);
  json += ",\"section\":" + Quoted(package.section);
  json += ",\"priority\":" + Quoted(package.priority);
  json += ",\"installed_size\":";
  json += package.installed_size_kib ? std::to_string(*package.installed_size_kib) : "null";
  json += ",\"description\":" + Quoted(package.summary);
  json += ",\"embedding\":" + (embedding ? VectorJson(*embedding) : "null");
  return json + "}\n";
}

std::string QueryJson(const std::string& text, const Embedding& embedding) {
  return "{\"text\":" + Quoted(text) + ",\"embedding\":" + VectorJson(embedding) + "}\n";
}

}  // namespace packages
