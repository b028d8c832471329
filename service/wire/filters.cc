#include "service/wire/filters.h"

#include <string>
#include <utility>

#include "proto/deep_request.h"
#include "service/wire/enums.h"
#include "service/wire/values.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

static_assert(DeepRequest::kMaxFilterLevels == kMaxFilterDepth, "what the wire can carry");

constexpr char kRoot[] = "filter";

// Reads one message tree, keeping the path to the node it is at. Depth and nodes are counted
// before a node is made, so hostile trees cost neither stack nor memory.
class FilterReader {
 public:
  absl::StatusOr<Filter> Read(const v1::Filter& proto) {
    if (++nodes_ > kMaxFilterNodes) {
      return RefuseWhole(
          Concat("more than ", kMaxFilterNodes, " conditions, the most allowed; use IN"));
    }
    if (depth_ >= kMaxFilterDepth) {
      return RefuseWhole(Concat("nested deeper than ", kMaxFilterDepth,
                                ", the most allowed; flatten it or use IN"));
    }
    ++depth_;
    auto filter = ReadForm(proto);
    --depth_;
    return filter;
  }

 private:
  absl::StatusOr<Filter> ReadForm(const v1::Filter& proto) {
    switch (proto.form_case()) {
      case v1::Filter::kComparison:
        return ReadComparison(proto.comparison());
      case v1::Filter::kIn:
        return ReadIn(proto.in());
      case v1::Filter::kIsNull:
        return Filter{.kind = Filter::Kind::kIsNull, .column = proto.is_null().column()};
      case v1::Filter::kAnd:
        return ReadList(Filter::Kind::kAnd, "and", proto.and_());
      case v1::Filter::kOr:
        return ReadList(Filter::Kind::kOr, "or", proto.or_());
      case v1::Filter::kNot:
        return ReadNot(proto.not_());
      case v1::Filter::kText: {
        auto parsed = ParseFilter(proto.text());
        if (!parsed.ok()) return InField(parsed.status(), path_ + ".text");
        parsed->from_text = true;
        return parsed;
      }
      case v1::Filter::kBetween:
        return ReadBetween(proto.between());
      case v1::Filter::kPrefix:
        return ReadPrefix(proto.prefix());
      case v1::Filter::FORM_NOT_SET:
        break;
    }
    return Refuse(
        "no form is set; set comparison, in, is_null, and, or, not, text, between or prefix");
  }

  absl::StatusOr<Filter> ReadComparison(const v1::Comparison& proto) {
    Filter filter{.kind = Filter::Kind::kCompare, .column = proto.column()};
    if (proto.operator_() < v1::Comparison::OPERATOR_EQ ||
        proto.operator_() > v1::Comparison::OPERATOR_GE) {
      return EnumRefusal(Concat(path_, ".comparison.operator"), proto.operator_(),
                         "EQ, NE, LT, LE, GT, GE");
    }
    filter.op = static_cast<CompareOp>(proto.operator_() - v1::Comparison::OPERATOR_EQ);
    auto literal = LiteralFromProto(proto.value());
    if (!literal.ok()) return RefuseAt(".comparison.value", MessageOf(literal.status()));
    filter.literals.push_back(*std::move(literal));
    return filter;
  }

  absl::StatusOr<Filter> ReadIn(const v1::InList& proto) {
    if (static_cast<size_t>(proto.values_size()) > kMaxInValues) {
      return RefuseAt(".in.values",
                      Concat(proto.values_size(), " values; the most is ", kMaxInValues));
    }
    Filter filter{.kind = Filter::Kind::kIn, .column = proto.column()};
    filter.literals.reserve(static_cast<size_t>(proto.values_size()));
    for (int i = 0; i < proto.values_size(); ++i) {
      auto literal = LiteralFromProto(proto.values(i));
      if (!literal.ok()) {
        return RefuseAt(Concat(".in.values[", i, "]"), MessageOf(literal.status()));
      }
      filter.literals.push_back(*std::move(literal));
    }
    return filter;
  }

  absl::StatusOr<Filter> ReadBetween(const v1::Between& proto) {
    Filter filter{.kind = Filter::Kind::kBetween, .column = proto.column()};
    auto low = LiteralFromProto(proto.low());
    if (!low.ok()) return RefuseAt(".between.low", MessageOf(low.status()));
    auto high = LiteralFromProto(proto.high());
    if (!high.ok()) return RefuseAt(".between.high", MessageOf(high.status()));
    filter.literals = {*std::move(low), *std::move(high)};
    return filter;
  }

  static Filter ReadPrefix(const v1::Prefix& proto) {
    Filter filter{.kind = Filter::Kind::kPrefix, .column = proto.column()};
    filter.literals.emplace_back(proto.prefix());
    return filter;
  }

  absl::StatusOr<Filter> ReadList(Filter::Kind kind, std::string_view name,
                                  const v1::FilterList& proto) {
    if (proto.filters_size() == 0) {
      return RefuseAt(Concat(".", name), "no conditions; at least one is needed");
    }
    Filter filter{.kind = kind};
    const size_t length = path_.size();
    for (int i = 0; i < proto.filters_size(); ++i) {
      path_ += Concat(".", name, ".filters[", i, "]");
      ASSIGN_OR_RETURN(Filter child, Read(proto.filters(i)));
      path_.resize(length);
      filter.children.push_back(std::move(child));
    }
    return filter;
  }

  absl::StatusOr<Filter> ReadNot(const v1::Filter& proto) {
    const size_t length = path_.size();
    path_ += ".not";
    ASSIGN_OR_RETURN(Filter child, Read(proto));
    path_.resize(length);
    Filter filter{.kind = Filter::Kind::kNot};
    filter.children.push_back(std::move(child));
    return filter;
  }

  // Limits of the whole tree, in the words of CheckFilterShape: a path so deep says nothing.
  static absl::Status RefuseWhole(std::string_view what) { return RefuseField(kRoot, what); }
  absl::Status Refuse(std::string_view what) const { return RefuseAt("", what); }
  absl::Status RefuseAt(std::string_view place, std::string_view what) const {
    return RefuseField(Concat(path_, place), what);
  }
  static absl::Status RefuseField(std::string_view field, std::string_view what) {
    return WithFieldViolation(absl::InvalidArgumentError(Concat(field, ": ", what)), field, what);
  }

  std::string path_ = kRoot;
  size_t nodes_ = 0;
  size_t depth_ = 0;
};

// Literals of a filter have no column to tell BYTES or JSON: every string is a STRING.
void LiteralToProto(const Value& value, v1::Value* proto) {
  ValueToProto(value, DataType::kString, proto);
}

void ListToProto(const Filter& filter, v1::FilterList* proto) {
  for (const Filter& child : filter.children) FilterToProto(child, proto->add_filters());
}

}  // namespace

absl::StatusOr<Filter> FilterFromProto(const v1::Filter& proto) {
  return FilterReader().Read(proto);
}

void FilterToProto(const Filter& filter, v1::Filter* proto) {
  switch (filter.kind) {
    case Filter::Kind::kCompare: {
      auto* comparison = proto->mutable_comparison();
      comparison->set_column(filter.column);
      comparison->set_operator_(static_cast<v1::Comparison::Operator>(static_cast<int>(filter.op) +
                                                                      v1::Comparison::OPERATOR_EQ));
      if (!filter.literals.empty()) {
        LiteralToProto(filter.literals[0], comparison->mutable_value());
      }
      return;
    }
    case Filter::Kind::kIn: {
      auto* in = proto->mutable_in();
      in->set_column(filter.column);
      for (const Value& literal : filter.literals) LiteralToProto(literal, in->add_values());
      if (filter.has_null_literal) LiteralToProto(Value(), in->add_values());
      return;
    }
    case Filter::Kind::kIsNull:
      proto->mutable_is_null()->set_column(filter.column);
      return;
    case Filter::Kind::kBetween: {
      auto* between = proto->mutable_between();
      between->set_column(filter.column);
      if (filter.literals.size() != 2) return;
      LiteralToProto(filter.literals[0], between->mutable_low());
      LiteralToProto(filter.literals[1], between->mutable_high());
      return;
    }
    case Filter::Kind::kPrefix: {
      auto* prefix = proto->mutable_prefix();
      prefix->set_column(filter.column);
      if (filter.literals.empty()) return;
      if (const auto* text = std::get_if<std::string>(&filter.literals[0])) {
        prefix->set_prefix(*text);
      }
      return;
    }
    case Filter::Kind::kAnd:
      ListToProto(filter, proto->mutable_and_());
      return;
    case Filter::Kind::kOr:
      ListToProto(filter, proto->mutable_or_());
      return;
    case Filter::Kind::kNot:
      if (!filter.children.empty()) FilterToProto(filter.children[0], proto->mutable_not_());
      return;
  }
}

}  // namespace ordinate
