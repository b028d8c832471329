#include "tests/fuzz/words.h"

namespace ordinate::fuzz {
namespace {

constexpr std::string_view kWords[] = {
    // The language.
    "SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "CREATE VECTOR INDEX ",
    "ALTER VECTOR INDEX ", "REBUILD VECTOR INDEX ", "CANCEL REBUILD VECTOR INDEX ", "DROP TABLE ",
    "DROP VECTOR INDEX ", "SHOW ", "TABLES", "CREATE ", "VECTOR INDEX ", "VECTOR INDEXES",
    " STATUS", " ON ", "SET ", "ALL", "EXPLAIN ", "ANALYZE ", " FROM ", " WHERE ", " GROUP BY ",
    " ROWS ", " ORDER BY ", " LIMIT ", " OFFSET ", " JOIN ", " AS ", " VALUES ", " USING ", "HNSW",
    "FLAT", " WITH (", "MODE ", "IMMEDIATE", "BATCHED", "ASYNC", "REBUILD_ONLY", "ANN", "EXACT",
    "STRICT", "RELAXED", " ASC", " DESC", " NULLS FIRST", " NULLS LAST", " TIES", " BUCKET(",
    " WITHIN_K(", "COUNT(*)", "*", "vec_l2(", "cosine_sim(", "vec_ip(", " <-> ", " <=> ", " <#> ",
    "ROW ", "nearest_neighbors(", "vector_search(", " PRIMARY KEY", " NOT NULL", " PAYLOAD",
    "metric=", "dim=", "mode=", "m=", "ef_build=", "ef_search=", "dim_policy=", "quantization=",
    "batch_rows=", "batch_interval=", "max_lag_rows=", "min_recall=", "BOOL", "INT64", "UINT64",
    "DOUBLE", "STRING", "TIMESTAMP", "VECTOR(", "BYTES", "JSON",
    // Conditions.
    " AND ", " OR ", "NOT ", " IN (", " BETWEEN ", " LIKE ", " IS NULL", " IS NOT NULL", " = ",
    " <> ", " != ", " < ", " <= ", " > ", " >= ", "(", ")", ",", ";", "TRUE", "FALSE", "NULL",
    "TIMESTAMP '", "DOUBLE '", "x'", "'%'", "'a%'", "\\%", "\\_", "\\\\", "\\", "%", "_",
    // Names.
    "docs", "log", "docs_vec", "docs_cos", "id", "part", "flag", "n", "price", "name", "at", "vec",
    "any", "blob", "extra", "text", "score", "row_id", "ord", "__row_id", "d.", "docs.",
    "vector.preselect_alpha", "vector.search.ef_search", "vector.hnsw.m", "\"a\"\"b\"", "\"\"",
    "\"", "'", "''", "--", "/*", "*/", "\n", "\t", " ",
    // Constants.
    "0", "1", "-1", "3", "16", "64", "65", "100", "1000", "1001", "10000", "10001", "16384",
    "16385", "100000", "1000000", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
    "1e308", "1.8e308", "-1e-308", "5e-324", "3.4028236e38", "0.5", "-0.0", ".5", "5.", "1e", "+7",
    "NaN", "Infinity", "-Infinity", "'[1,2]'", "'[0.5, -1e2]'", "'[]'", "'[1e39,0]'",
    "'2024-01-31T12:00:00Z'", "'9999-12-31T23:59:59.999999Z'", "'0001-01-01T00:00:00Z'",
    "'292277-01-09T04:00:54.775807Z'", "'10000-01-01T00:00:00+00:00'", "'5s'", "'24h'", "'1us'",
    "'cosine'", "'l2'", "'ip'", "'ann'", "'exact'", "00ff", "\xc3\xa9", "\xf0\x9f\x98\x80",
    "\xed\xa0\x80", "\xff", std::string_view("\0", 1)};

}  // namespace

std::span<const std::string_view> Words() { return kWords; }

}  // namespace ordinate::fuzz
