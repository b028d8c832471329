#include "service/server/query_log.h"

#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "service/server/logging.h"
#include "service/server/metrics.h"
#include "service/wire/queries.h"
#include "spdlog/spdlog.h"

namespace ordinate {
namespace {

using google::protobuf::FieldDescriptor;

/// No fact of it is what it is without being said.
Plan EveryFact() {
  Plan plan{.path = Path::kAnn, .reason = Reason::kForced, .sentence = "it was asked for"};
  plan.index = "near";
  plan.index_id = 7;
  plan.engine = Engine::kHnsw;
  plan.metric = Metric::kCosine;
  plan.ef_search = 64;
  plan.alpha = 6.5;
  plan.w = 65;
  plan.k = 10;
  plan.before = 20;
  plan.ties = {.form = TieForm::kBucket, .width = 0.25, .n = 30};
  plan.range = {.min = 0.5, .max = 2};
  plan.group_by = "section";
  plan.filter_strategy = FilterStrategy::kInGraph;
  plan.selectivity = 0.125;
  plan.nearby_selectivity = 0.75;
  plan.shards = 2;
  plan.lag_policy = LagPolicy::kSkipTail;
  plan.generation_by_shard = {{0, 3}, {1, 4}};
  plan.warnings = {"a warning"};
  return plan;
}

/// A field as the log writes it: enums without their prefix, maps by their keys' text.
nlohmann::json AsLogged(const v1::Plan& plan, const FieldDescriptor& field) {
  const auto& reflection = *plan.GetReflection();
  if (field.name() == "range") return {{"min", plan.range().min()}, {"max", plan.range().max()}};
  if (field.name() == "generation_by_shard") {
    nlohmann::json generations;
    for (const auto& [shard, generation] : plan.generation_by_shard()) {
      generations[std::to_string(shard)] = generation;
    }
    return generations;
  }
  if (field.name() == "warnings") return {plan.warnings(0)};
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetString(plan, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(plan, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(plan, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.GetUInt64(plan, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.GetEnum(plan, &field)->name();
    default:
      ADD_FAILURE() << "say above how the log writes " << field.name();
      return {};
  }
}

// contract 4.1: the log line says every fact of the Plan message, a new one too.
TEST(QueryLog, SaysEveryFactOfThePlan) {
  QueryResult result{.plan = EveryFact()};
  ServerMetrics metrics;
  ASSERT_TRUE(InitLogging({.level = "debug", .json = true}).ok());
  ::testing::internal::CaptureStderr();
  QueryLog(metrics).OnQuery({.table = "docs", .column = "vec"}, result, 1'000);
  spdlog::default_logger()->flush();
  const auto line = nlohmann::json::parse(::testing::internal::GetCapturedStderr());
  v1::Plan plan;
  PlanToProto(result.plan, &plan);
  for (int i = 0; i < v1::Plan::descriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *v1::Plan::descriptor()->field(i);
    if (field.name() == "text") continue;  // the same facts again
    ASSERT_TRUE(field.is_repeated() ? plan.GetReflection()->FieldSize(plan, &field) > 0
                                    : plan.GetReflection()->HasField(plan, &field))
        << "give EveryFact a value for " << field.name();
    ASSERT_TRUE(line.contains(field.name())) << field.name();
    const nlohmann::json expected = AsLogged(plan, field);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      EXPECT_TRUE(
          expected.get<std::string>().ends_with("_" + line[field.name()].get<std::string>()))
          << field.name() << ": " << line[field.name()];
    } else {
      EXPECT_EQ(line[field.name()], expected) << field.name();
    }
  }
}

}  // namespace
}  // namespace ordinate
