#include "engine/index/column_capture.h"

#include <bit>

namespace ordinate {
namespace {

struct WordOf {
  uint64_t operator()(bool value) const { return value ? 1 : 0; }
  uint64_t operator()(int64_t value) const { return static_cast<uint64_t>(value); }
  uint64_t operator()(uint64_t value) const { return value; }
  uint64_t operator()(double value) const { return std::bit_cast<uint64_t>(value); }
  uint64_t operator()(const Timestamp& value) const { return static_cast<uint64_t>(value.micros); }
  template <typename Other>
  uint64_t operator()(const Other&) const {
    return 0;
  }
};

}  // namespace

bool ColumnCapture::Fits(const Value& cell) const {
  if (IsNull(cell)) return true;
  switch (type_) {
    case DataType::kBool:
      return std::holds_alternative<bool>(cell);
    case DataType::kInt64:
      return std::holds_alternative<int64_t>(cell);
    case DataType::kUint64:
      return std::holds_alternative<uint64_t>(cell);
    case DataType::kDouble:
      return std::holds_alternative<double>(cell);
    case DataType::kString:
      return std::holds_alternative<std::string>(cell);
    case DataType::kTimestamp:
      return std::holds_alternative<Timestamp>(cell);
    case DataType::kVector:
    case DataType::kBytes:
    case DataType::kJson:
      return false;
  }
  return false;
}

void ColumnCapture::Append(const Value& cell) {
  present_.push_back(!IsNull(cell));
  if (type_ == DataType::kString) {
    const auto* text = std::get_if<std::string>(&cell);
    strings_.push_back(text == nullptr ? std::string() : *text);
  } else {
    words_.push_back(std::visit(WordOf(), cell));
  }
}

void ColumnCapture::Reorder(std::span<const uint32_t> order) {
  present_words_.assign((order.size() + 63) / 64, 0);
  for (size_t i = 0; i < order.size(); ++i) {
    if (present_[order[i]]) present_words_[i / 64] |= uint64_t{1} << (i % 64);
  }
  if (type_ != DataType::kString) {
    std::vector<uint64_t> words(order.size());
    for (size_t i = 0; i < order.size(); ++i) words[i] = words_[order[i]];
    words_ = std::move(words);
    return;
  }
  offsets_.assign(1, 0);
  bytes_.clear();
  for (const uint32_t row : order) {
    bytes_ += strings_[row];
    offsets_.push_back(bytes_.size());
  }
}

CapturedColumn ColumnCapture::view() const {
  return {id_, type_, present_words_, words_, offsets_, bytes_};
}

}  // namespace ordinate
