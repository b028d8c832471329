#pragma once

#include <cstddef>
#include <string_view>
#include <tao/pegtl.hpp>
#include <utility>

#include "engine/query/filter_grammar.h"

/// The grammar of statements. Every rule fails without having consumed a token, or raises: so an
/// action is never taken back, and no text is read more often than its look-ahead of a token or
/// two. A rule with `kExpected` is a token as an error names it. No rule is recursive.
namespace ordinate::statement::grammar {

using namespace tao::pegtl;
namespace condition = filter_grammar;

// ---- blanks, words and symbols

struct CommentEnd : string<'*', '/'> {
  static constexpr std::string_view kExpected = "*/ to end the comment";
};
struct CommentText : until<CommentEnd> {};
struct LineComment : seq<string<'-', '-'>, until<eolf>> {};
struct BlockComment : if_must<string<'/', '*'>, CommentText> {};
struct Comment : sor<LineComment, BlockComment> {};
struct Blank : star<sor<plus<space>, Comment>> {};

/// A text as a template argument.
template <size_t N>
struct Spelling {
  char text[N]{};
  constexpr Spelling(const char (&letters)[N]) {  // NOLINT: a literal stands for its spelling
    for (size_t i = 0; i < N; ++i) text[i] = letters[i];
  }
};
template <Spelling S, typename Places>
struct SpelledOut;
template <Spelling S, size_t... I>
struct SpelledOut<S, std::index_sequence<I...>> : istring<S.text[I]...> {};
/// The characters of S, letters in any case.
template <Spelling S>
struct Letters : SpelledOut<S, std::make_index_sequence<sizeof(S.text) - 1>> {};

/// A whole word, whatever comes after it.
template <Spelling S>
struct BareWord : seq<at<Letters<S>, not_at<identifier_other>>, Letters<S>> {};
/// And what is blank after it.
template <Spelling S>
struct Word : seq<BareWord<S>, Blank> {};
template <Spelling S>
struct Keyword : Word<S> {
  static constexpr std::string_view kExpected{S.text, sizeof(S.text) - 1};
};
template <Spelling S>
struct Symbol : seq<Letters<S>, Blank> {
  static constexpr std::string_view kExpected{S.text, sizeof(S.text) - 1};
};
struct Open : Symbol<"("> {};
struct Close : Symbol<")"> {};
struct Comma : Symbol<","> {};
struct Dot : seq<one<'.'>, Blank> {};

/// A, A, ... in which an A follows each comma.
template <typename A>
struct Listed : seq<must<A>, star<Comma, must<A>>> {};
template <typename A>
struct InParentheses : seq<Open, Listed<A>, must<Close>> {};

struct End : eof {
  static constexpr std::string_view kExpected = "the end";
};

// ---- names

/// Words that end a clause or begin another: as names they are written in double quotes.
struct Reserved
    : sor<BareWord<"SELECT">, BareWord<"FROM">, BareWord<"WHERE">, BareWord<"GROUP">,
          BareWord<"ORDER">, BareWord<"BY">, BareWord<"LIMIT">, BareWord<"OFFSET">,
          BareWord<"JOIN">, BareWord<"ON">, BareWord<"AS">, BareWord<"USING">, BareWord<"AND">,
          BareWord<"OR">, BareWord<"NOT">, BareWord<"IN">, BareWord<"IS">, BareWord<"BETWEEN">,
          BareWord<"LIKE">, BareWord<"NULL">, BareWord<"TRUE">, BareWord<"FALSE">> {};

struct NameEnd : one<'"'> {
  static constexpr std::string_view kExpected = "\" to end the name";
};
struct Name : sor<seq<one<'"'>, condition::QuotedName, must<NameEnd>, Blank>,
                  seq<not_at<Reserved>, condition::BareName, Blank>> {
  static constexpr std::string_view kExpected = "a name";
};
struct PlainName : seq<not_at<Reserved>, condition::BareName, eof> {};  // needs no quotes
struct TableName : Name {
  static constexpr std::string_view kExpected = "a table name";
};
struct IndexName : Name {
  static constexpr std::string_view kExpected = "an index name";
};
struct OneColumn : Name {
  static constexpr std::string_view kExpected = "a column name";
};
struct Alias : Name {};
struct QualifiedPart : OneColumn {};
struct ColumnReference : seq<OneColumn, opt<Dot, must<QualifiedPart>>> {};

// ---- constants

struct NumberToken
    : seq<at<condition::NumberText, not_at<identifier_other>>, condition::NumberText, Blank> {};
struct Number : NumberToken {
  static constexpr std::string_view kExpected = "a number";
};
struct Natural
    : seq<at<plus<digit>, not_at<sor<identifier_other, one<'.'>>>>, condition::Digits, Blank> {
  static constexpr std::string_view kExpected = "a whole number";
};
struct StringEnd : one<'\''> {
  static constexpr std::string_view kExpected = "' to end the string";
};
struct StringToken : seq<one<'\''>, condition::StringText, must<StringEnd>, Blank> {};
struct TextLiteral : StringToken {};
struct TrueLiteral : Word<"TRUE"> {};
struct FalseLiteral : Word<"FALSE"> {};
struct NullLiteral : Word<"NULL"> {};
struct TimestampText : StringToken {
  static constexpr std::string_view kExpected =
      "an RFC 3339 time in single quotes, such as '2024-01-31T12:00:00Z'";
};
struct TimestampLiteral : if_must<Word<"TIMESTAMP">, TimestampText> {};
struct DoubleText : StringToken {
  static constexpr std::string_view kExpected = "'NaN', 'Infinity' or '-Infinity'";
};
struct DoubleLiteral : if_must<Word<"DOUBLE">, DoubleText> {};
struct HexText : star<xdigit> {};
struct HexEnd : one<'\''> {
  static constexpr std::string_view kExpected = "pairs of hexadecimal digits, then '";
};
struct BytesLiteral : seq<at<one<'x', 'X'>, one<'\''>>, any, any, HexText, must<HexEnd>, Blank> {};
struct Constant : sor<NumberToken, TextLiteral, TrueLiteral, FalseLiteral, NullLiteral,
                      TimestampLiteral, DoubleLiteral, BytesLiteral> {
  static constexpr std::string_view kExpected =
      "a value: a number, a 'string', TRUE, FALSE, NULL, TIMESTAMP '...' or x'...'";
};

// ---- vectors: '[0.1, 0.2]'

struct Gap : star<space> {};  // no comments inside a string
template <Spelling S>
struct Mark : seq<Letters<S>, Gap> {
  static constexpr std::string_view kExpected{S.text, sizeof(S.text) - 1};
};
struct Component
    : seq<at<condition::NumberText, not_at<identifier_other>>, condition::NumberText, Gap> {
  static constexpr std::string_view kExpected = "a number";
};
struct Components : seq<Gap, must<Mark<"[">>, must<Component>, star<Mark<",">, must<Component>>,
                        must<Mark<"]">>> {};
struct VectorText : seq<one<'\''>, Components, must<StringEnd>, Blank> {
  static constexpr std::string_view kExpected = "a vector such as '[0.1, 0.2]'";
};
struct WholeVector : seq<Components, must<End>> {};

// ---- scores

struct L2Name : Letters<"vec_l2"> {
  static constexpr std::string_view kExpected = "vec_l2(...)";
};
struct CosineName : Letters<"cosine_sim"> {
  static constexpr std::string_view kExpected = "cosine_sim(...)";
};
struct IpName : Letters<"vec_ip"> {
  static constexpr std::string_view kExpected = "vec_ip(...)";
};
struct ScoreName : sor<L2Name, CosineName, IpName> {};
struct ScoreCallAhead : at<ScoreName, Blank, one<'('>> {};
struct L2Operator : Symbol<"<->"> {};
struct CosineOperator : Symbol<"<=>"> {};
struct IpOperator : Symbol<"<#>"> {};
struct ScoreOperator : sor<L2Operator, CosineOperator, IpOperator> {};

struct RowNumber : Natural {
  static constexpr std::string_view kExpected = "a row id";
};
struct RowArgument : if_must<Keyword<"ROW">, RowNumber> {};
struct VectorArgument : sor<VectorText, RowArgument> {};
struct ScoreCall : seq<ScoreCallAhead, ScoreName, Blank, must<Open>, must<ColumnReference>,
                       must<Comma>, must<VectorArgument>, must<Close>> {};
struct OperatorScore : seq<ScoreOperator, must<VectorArgument>> {};
struct Expression : sor<ScoreCall, seq<ColumnReference, opt<OperatorScore>>> {};

// ---- WHERE: bounds on the score are read here; the rest is left to the filter's own grammar, so
// ---- only its extent is found

struct RawName : sor<seq<one<'"'>, condition::QuotedName, one<'"'>>, condition::BareName> {};
struct RawColumn : seq<RawName, Blank, opt<one<'.'>, Blank, RawName, Blank>> {};
struct RawOperator : sor<string<'<', '-', '>'>, string<'<', '=', '>'>, string<'<', '#', '>'>> {};
struct BoundAhead : sor<ScoreCallAhead, at<RawColumn, RawOperator>> {};
struct LessEqual : Symbol<"<="> {};
struct GreaterEqual : Symbol<">="> {};
struct Less : Symbol<"<"> {};
struct Greater : Symbol<">"> {};
struct BoundOperator : sor<LessEqual, GreaterEqual, Less, Greater> {};
struct BoundNumber : Number {};
struct WhereEnd : sor<Word<"GROUP">, Word<"ORDER">, Word<"LIMIT">, Word<"OFFSET">, one<';'>> {};
struct AfterBound : at<sor<Word<"AND">, Word<"OR">, WhereEnd, eof>> {
  static constexpr std::string_view kExpected = "AND or the end of the conditions";
};
struct Bound
    : seq<BoundAhead, Expression, must<BoundOperator>, must<BoundNumber>, must<AfterBound>> {};

struct WhereAnd : Word<"AND"> {};
struct WhereOr : Word<"OR"> {};
struct WhereBetween : Word<"BETWEEN"> {};
struct WhereOpen : one<'('> {};
struct WhereClose : one<')'> {};
struct WhereString : seq<one<'\''>, condition::StringText, must<StringEnd>> {};
struct Qualifier : seq<RawName, Blank, one<'.'>, Blank> {};
struct QualifiedColumn : seq<at<Qualifier, RawName>, Qualifier, RawName> {};
struct WhereName : seq<one<'"'>, condition::QuotedName, must<NameEnd>> {};
struct WhereOther : sor<WhereString, QualifiedColumn, WhereName, plus<identifier_other>, any> {};
struct WhereToken : sor<plus<space>, Comment, Bound, WhereAnd, WhereOr, WhereBetween, WhereOpen,
                        WhereClose, WhereOther> {};
struct WhereBegin : success {};
struct Condition : seq<WhereBegin, star<not_at<WhereEnd>, WhereToken>> {};
struct Where : seq<Keyword<"WHERE">, Condition> {};

// ---- tables

struct NewTable : TableName {};
struct TypeWord : seq<condition::BareName, Blank> {
  static constexpr std::string_view kExpected =
      "a type: BOOL, INT64, UINT64, DOUBLE, STRING, TIMESTAMP, VECTOR, BYTES or JSON";
};
struct TypeDim : Natural {
  static constexpr std::string_view kExpected = "a dim";
};
struct TypeArgument : seq<Open, must<TypeDim>, must<Close>> {};
struct PrimaryKey : if_must<Keyword<"PRIMARY">, Keyword<"KEY">> {};
struct NotNull : if_must<Keyword<"NOT">, Keyword<"NULL">> {};
struct Payload : Keyword<"PAYLOAD"> {};
struct NewColumn : OneColumn {};
struct ColumnDefinition : seq<NewColumn, must<TypeWord>, opt<TypeArgument>,
                              star<sor<PrimaryKey, NotNull, Keyword<"NULL">, Payload>>> {};
struct KeyColumn : OneColumn {};
struct KeyClauseBegin : success {};
struct KeyClause : seq<at<Word<"PRIMARY">, Word<"KEY">, one<'('>>, KeyClauseBegin, Word<"PRIMARY">,
                       Word<"KEY">, must<InParentheses<KeyColumn>>> {};
struct TableElement : sor<KeyClause, ColumnDefinition> {};
struct CreateTable : if_must<Keyword<"TABLE">, NewTable, InParentheses<TableElement>> {};
struct AlteredTable : TableName {};
struct AddColumn
    : if_must<Keyword<"TABLE">, AlteredTable, Keyword<"ADD">, Keyword<"COLUMN">, ColumnDefinition> {
};
struct DropTable : if_must<Keyword<"TABLE">, TableName> {};

// ---- indexes

struct OptionName : Name {
  static constexpr std::string_view kExpected = "the name of an option";
};
struct OptionWord : seq<condition::BareName, Blank> {};
struct OptionValue : sor<NumberToken, TextLiteral, OptionWord> {
  static constexpr std::string_view kExpected = "a value: a number, a 'string' or a word";
};
struct Option : seq<OptionName, must<Symbol<"=">>, must<OptionValue>> {};
struct Options : InParentheses<Option> {};
struct With : if_must<Keyword<"WITH">, Options> {};

struct Hnsw : Keyword<"HNSW"> {};
struct Flat : Keyword<"FLAT"> {};
struct EngineName : sor<Hnsw, Flat> {};
struct UsingEngine : if_must<Keyword<"USING">, EngineName> {};
struct IndexedTable : TableName {};
struct IndexedColumn : OneColumn {};
struct CreateIndex : seq<must<IndexName>, must<Keyword<"ON">>, must<IndexedTable>, must<Open>,
                         must<IndexedColumn>, must<Close>, opt<UsingEngine>, opt<With>> {};

struct Immediate : Keyword<"IMMEDIATE"> {};
struct Batched : Keyword<"BATCHED"> {};
struct Async : Keyword<"ASYNC"> {};
struct RebuildOnly : Keyword<"REBUILD_ONLY"> {};
struct ModeName : sor<Immediate, Batched, Async, RebuildOnly> {};
struct SetMode : seq<Keyword<"MODE">, must<ModeName>, opt<With>> {};
struct AlterWhat : sor<SetMode, Options> {};
struct VectorIndex : if_must<Keyword<"VECTOR">, Keyword<"INDEX">> {};
struct AlterIndex : seq<VectorIndex, must<IndexName>, must<Keyword<"SET">>, must<AlterWhat>> {};
struct RebuildIndex : seq<must<VectorIndex>, must<IndexName>, opt<With>> {};
struct CancelRebuild : seq<must<Keyword<"REBUILD">>, must<VectorIndex>, must<IndexName>> {};
struct DropIndex : seq<VectorIndex, must<IndexName>> {};

// ---- SHOW and SET

struct SettingName : Name {
  static constexpr std::string_view kExpected = "the name of a setting";
};
struct SettingPart : SettingName {};
struct Setting : seq<SettingName, star<Dot, must<SettingPart>>> {};
struct SettingWord : seq<condition::BareName, Blank> {};
struct SettingNumber : NumberToken {};
struct SettingText : StringToken {};
struct SettingValue : sor<SettingNumber, SettingText, SettingWord> {
  static constexpr std::string_view kExpected = "a value";
};
struct Set : seq<must<Setting>, must<Symbol<"=">>, must<SettingValue>> {};

struct ShowTables : Keyword<"TABLES"> {};
struct ShowCreateTable : if_must<Keyword<"TABLE">, TableName> {};
struct ShowCreateIndex : seq<VectorIndex, must<IndexName>> {};
struct ShowCreate : if_must<Keyword<"CREATE">, sor<ShowCreateTable, ShowCreateIndex>> {};
struct IndexesTable : TableName {};
struct ShowIndexes : seq<Keyword<"INDEXES">, opt<Keyword<"ON">, must<IndexesTable>>> {};
struct Status : Keyword<"STATUS"> {};
struct ShowIndex : if_must<Keyword<"INDEX">, opt<sor<Status, seq<IndexName, opt<Status>>>>> {};
struct ShowVector
    : seq<not_at<Word<"VECTOR">, one<'.'>>, Keyword<"VECTOR">, must<sor<ShowIndexes, ShowIndex>>> {
};
struct ShowAll : Keyword<"ALL"> {};
struct ShowSetting : Setting {};
struct ShowWhat : sor<ShowTables, ShowCreate, ShowVector, ShowAll, ShowSetting> {};

// ---- rows

struct InsertTable : TableName {};
struct InsertColumn : OneColumn {};
struct Cell : Constant {};
struct RowEnd : Close {};
struct RowBegin : success {};
struct ValuesRow : seq<Open, RowBegin, Listed<Cell>, must<RowEnd>> {};
struct Insert : seq<must<Keyword<"INTO">>, must<InsertTable>, opt<InParentheses<InsertColumn>>,
                    must<Keyword<"VALUES">>, Listed<ValuesRow>> {};
struct UpdateTable : TableName {};
struct AssignedColumn : OneColumn {};
struct AssignedValue : Constant {};
struct Assignment : seq<AssignedColumn, must<Symbol<"=">>, must<AssignedValue>> {};
struct Update : seq<must<UpdateTable>, must<Keyword<"SET">>, Listed<Assignment>, must<Where>> {};
struct DeleteTable : TableName {};
struct Delete : seq<must<Keyword<"FROM">>, must<DeleteTable>, must<Where>> {};

// ---- SELECT

struct StarItem : Symbol<"*"> {};
struct QualifiedStar : seq<at<Qualifier, one<'*'>>, Name, Dot, Symbol<"*">> {};
struct CountItem : seq<at<Letters<"COUNT">, Blank, one<'('>>, Word<"COUNT">, must<Open>,
                       must<Symbol<"*">>, must<Close>> {};
struct ExpressionItem : Expression {};
struct ItemAlias : if_must<Keyword<"AS">, Alias> {};
struct SelectItem : seq<sor<StarItem, QualifiedStar, CountItem, ExpressionItem>, opt<ItemAlias>> {};

struct SourceAlias : if_must<Keyword<"AS">, Alias> {};
struct NearestNeighborsName : Letters<"nearest_neighbors"> {};
struct VectorSearchName : Letters<"vector_search"> {};
struct FunctionName : sor<NearestNeighborsName, VectorSearchName> {};
struct Argument : Constant {};
struct FunctionSource : seq<at<FunctionName, Blank, one<'('>>, FunctionName, Blank,
                            must<InParentheses<Argument>>, opt<SourceAlias>> {};
struct SourceTable : TableName {};
struct TableSource : seq<SourceTable, opt<SourceAlias>> {};
struct JoinedTable : TableName {};
struct JoinAlias : if_must<Keyword<"AS">, Alias> {};
struct JoinLeft : ColumnReference {};
struct JoinRight : ColumnReference {};
struct Join : if_must<Keyword<"JOIN">, JoinedTable, opt<JoinAlias>, Keyword<"ON">, JoinLeft,
                      Symbol<"=">, JoinRight> {};
struct SelectFrom : seq<must<sor<FunctionSource, TableSource>>, opt<Join>> {};

struct SelectWhere : Where {};
struct GroupColumn : ColumnReference {};
struct GroupCount : Natural {};
struct GroupBy
    : if_must<Keyword<"GROUP">, Keyword<"BY">, GroupColumn, Keyword<"ROWS">, GroupCount> {};

struct OrderBegin : success {};
struct OrderExpression : Expression {};
struct Ascending : Keyword<"ASC"> {};
struct Descending : Keyword<"DESC"> {};
struct Ties : Keyword<"TIES"> {};
struct BucketWidth : Number {};
struct Bucket : if_must<Keyword<"BUCKET">, Open, BucketWidth, Close> {};
struct WithinCount : Natural {};
struct WithinK : if_must<Keyword<"WITHIN_K">, Open, WithinCount, Close> {};
struct NullsFirst : Keyword<"FIRST"> {};
struct NullsLast : Keyword<"LAST"> {};
struct Nulls : if_must<Keyword<"NULLS">, sor<NullsFirst, NullsLast>> {};
struct Ann : Keyword<"ANN"> {};
struct Exact : Keyword<"EXACT"> {};
struct Strict : Keyword<"STRICT"> {};
struct Relaxed : Keyword<"RELAXED"> {};
struct UsingPath : if_must<Keyword<"USING">, sor<Ann, Exact>, opt<sor<Strict, Relaxed>>> {};
struct OrderItem : seq<OrderBegin, OrderExpression, opt<sor<Ascending, Descending>>,
                       opt<sor<Ties, Bucket, WithinK>>, opt<Nulls>, opt<UsingPath>> {};
struct OrderBy : seq<Keyword<"ORDER">, must<Keyword<"BY">>, Listed<OrderItem>> {};
struct LimitCount : Natural {};
struct OffsetCount : Natural {};
struct Limit : if_must<Keyword<"LIMIT">, LimitCount> {};
struct Offset : if_must<Keyword<"OFFSET">, OffsetCount> {};
struct Select : seq<Listed<SelectItem>, must<Keyword<"FROM">>, SelectFrom, opt<SelectWhere>,
                    opt<GroupBy>, opt<OrderBy>, opt<Limit>, opt<Offset>> {};

struct Analyze : Keyword<"ANALYZE"> {};
struct Explain : seq<opt<Analyze>, must<Keyword<"SELECT">>, Select> {};

// ---- statements

struct CreateWhat : sor<CreateTable, seq<VectorIndex, CreateIndex>> {};
struct DropWhat : sor<DropTable, DropIndex> {};
struct SelectStatement : seq<Keyword<"SELECT">, Select> {};
struct Statement
    : sor<SelectStatement, seq<Keyword<"INSERT">, Insert>, seq<Keyword<"UPDATE">, Update>,
          seq<Keyword<"DELETE">, Delete>, if_must<Keyword<"CREATE">, CreateWhat>,
          if_must<Keyword<"ALTER">, sor<AddColumn, AlterIndex>>,
          seq<Keyword<"REBUILD">, RebuildIndex>, seq<Keyword<"CANCEL">, CancelRebuild>,
          if_must<Keyword<"DROP">, DropWhat>, if_must<Keyword<"SHOW">, ShowWhat>,
          seq<Keyword<"SET">, Set>, seq<Keyword<"EXPLAIN">, Explain>> {};
struct Text : seq<Blank, must<Statement>, opt<one<';'>, Blank>, must<End>> {};

// ---- a file of statements

struct SkippedComment : sor<LineComment, seq<string<'/', '*'>, until<sor<string<'*', '/'>, eof>>>> {
};
struct SkippedString : seq<one<'\''>, until<sor<one<'\''>, eof>>> {};
struct SkippedName : seq<one<'"'>, until<sor<one<'"'>, eof>>> {};
struct WholeComment : sor<LineComment, seq<string<'/', '*'>, until<string<'*', '/'>>>> {};
struct Skipped : star<sor<plus<space>, WholeComment>> {};
struct Piece : star<sor<SkippedComment, SkippedString, SkippedName, not_one<';'>>> {};
struct Pieces : list<seq<Skipped, Piece>, one<';'>> {};

}  // namespace ordinate::statement::grammar
