#pragma once

#include <string_view>

namespace ordinate::statement {

/// One statement of every form, each of which reads.
inline constexpr std::string_view kCorpus[] = {
    "CREATE TABLE docs (id INT64 PRIMARY KEY, body VECTOR(3) NOT NULL, any VECTOR, price DOUBLE, "
    "raw BYTES PAYLOAD, extra JSON)",
    "CREATE TABLE pairs (a INT64, b STRING, PRIMARY KEY (b, a))",
    "DROP TABLE docs",
    "SHOW TABLES",
    "SHOW CREATE TABLE docs;",
    "CREATE VECTOR INDEX idx_docs_body ON docs(body_embed) USING hnsw WITH (metric='cosine', "
    "dim=3, mode='batched')",
    "CREATE VECTOR INDEX f ON docs (body) USING FLAT",
    "ALTER VECTOR INDEX idx_docs_body SET MODE IMMEDIATE",
    "ALTER VECTOR INDEX i SET MODE batched WITH (batch_rows = 10, batch_interval = '5s')",
    "ALTER VECTOR INDEX i SET (ef_search = 96, dim_policy = skip)",
    "REBUILD VECTOR INDEX i",
    "DROP VECTOR INDEX \"we\"\"ird na-me\"",
    "SHOW VECTOR INDEX STATUS",
    "SHOW VECTOR INDEX i STATUS",
    "SHOW VECTOR INDEX i",
    "SHOW VECTOR INDEXES",
    "SHOW VECTOR INDEXES ON docs",
    "SHOW CREATE VECTOR INDEX i",
    "SET vector.preselect_alpha = 8",
    "SHOW vector.preselect_alpha",
    "SHOW ALL",
    "EXPLAIN SELECT id FROM docs ORDER BY vec_ip(body, '[1]') LIMIT 1",
    "EXPLAIN ANALYZE SELECT id FROM docs ORDER BY body <#> '[1]' LIMIT 1",
    "INSERT INTO docs VALUES (1, '[0.1,0.2]', NULL, TRUE, false, -1.5e3, x'00fF', "
    "TIMESTAMP '2024-01-31T12:00:00Z', DOUBLE 'NaN', 'it''s'), (2)",
    "INSERT INTO docs (id, \"body\") VALUES (1, '[1]') ;",
    "ALTER TABLE docs ADD COLUMN lang STRING",
    "UPDATE docs SET a = 'x', \"b\" = NULL WHERE id = 1 OR c > 2.5",
    "DELETE FROM docs WHERE id IN (1, 2) AND (a = 'x' OR NOT b IS NULL)",
    "SELECT id, cosine_sim(body_embed, '[0.1,0.2,0.3]') AS score FROM docs ORDER BY "
    "vec_l2(docs.body_embed, '[0.1,0.2,0.3]') USING ANN, id DESC LIMIT 10",
    "SELECT id, cosine_sim(body_embed, '[0.1,0.2,0.3]') AS score FROM docs ORDER BY "
    "vec_l2(docs.body_embed, '[0.1,0.2,0.3]') USING ANN, id DESC",
    "SELECT id, cosine_sim(body_embed, '[0.1,0.2,0.3]') AS score FROM docs ORDER BY "
    "vec_l2(docs.body_embed, '[0.1,0.2,0.3]') USING EXACT, id DESC LIMIT 10",
    "SELECT d.id, nn.score FROM "
    "nearest_neighbors('docs','body_embed','[0.1,0.2,0.3]',10,'cosine',96) AS nn JOIN docs AS d "
    "ON d.__row_id = nn.row_id ORDER BY nn.score DESC, d.id",
    "SELECT * FROM vector_search('idx', '[1]', 10, 40, 'ann') AS vs WHERE a = 1 LIMIT 3",
    "SELECT a.*, a.\"x y\" AS z FROM docs AS a WHERE a.price BETWEEN 1 AND 5 AND a.body <-> '[1]' "
    "<= 0.5 /* near */ AND vec_l2(body, '[1]') > 1e-3 GROUP BY a.section ROWS 3 ORDER BY a.body "
    "<-> "
    "ROW 42 ASC BUCKET(0.5) NULLS LAST USING EXACT STRICT, price DESC NULLS FIRST LIMIT 5 OFFSET 2",
    "SELECT id FROM docs ORDER BY body <=> '[1]' WITHIN_K(20) USING ANN RELAXED, id ASC -- end",
    "SELECT COUNT(*) FROM docs WHERE NOT (a = 1)",
};

}  // namespace ordinate::statement
