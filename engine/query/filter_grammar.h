#pragma once

#include <tao/pegtl.hpp>

/// The grammar of conditions. Every rule fails without having consumed a token, or raises: so an
/// error stands where the unexpected token begins, and an action is never taken back.
namespace ordinate::filter_grammar {

namespace pegtl = tao::pegtl;

struct Blank : pegtl::star<pegtl::space> {};

// ---- words and names

template <typename Letters>
struct Keyword
    : pegtl::seq<pegtl::at<Letters, pegtl::not_at<pegtl::identifier_other>>, Letters, Blank> {};

struct And : Keyword<TAO_PEGTL_ISTRING("and")> {};
struct Or : Keyword<TAO_PEGTL_ISTRING("or")> {};
struct Not : Keyword<TAO_PEGTL_ISTRING("not")> {};
struct In : Keyword<TAO_PEGTL_ISTRING("in")> {};
struct Is : Keyword<TAO_PEGTL_ISTRING("is")> {};
struct Null : Keyword<TAO_PEGTL_ISTRING("null")> {};
struct True : Keyword<TAO_PEGTL_ISTRING("true")> {};
struct False : Keyword<TAO_PEGTL_ISTRING("false")> {};
struct Reserved : pegtl::sor<And, Or, Not, In, Is, Null, True, False> {};

struct BareName : pegtl::identifier {};
struct QuotedName : pegtl::star<pegtl::sor<pegtl::two<'"'>, pegtl::not_one<'"'>>> {};
struct NameEnd : pegtl::one<'"'> {};
struct Column : pegtl::sor<pegtl::seq<pegtl::one<'"'>, QuotedName, pegtl::must<NameEnd>, Blank>,
                           pegtl::seq<pegtl::not_at<Reserved>, BareName, Blank>> {};

// ---- values

struct Sign : pegtl::opt<pegtl::one<'+', '-'>> {};
struct Digits : pegtl::plus<pegtl::digit> {};
struct Mantissa : pegtl::sor<pegtl::seq<Digits, pegtl::opt<pegtl::one<'.'>, pegtl::opt<Digits>>>,
                             pegtl::seq<pegtl::one<'.'>, Digits>> {};
struct Exponent : pegtl::seq<pegtl::one<'e', 'E'>, Sign, Digits> {};
struct NumberText : pegtl::seq<Sign, Mantissa, pegtl::opt<Exponent>> {};
struct Number
    : pegtl::seq<pegtl::at<NumberText, pegtl::not_at<pegtl::identifier_other>>, NumberText, Blank> {
};

struct StringText : pegtl::star<pegtl::sor<pegtl::two<'\''>, pegtl::not_one<'\''>>> {};
struct StringEnd : pegtl::one<'\''> {};
struct Quoted : pegtl::seq<pegtl::one<'\''>, StringText, pegtl::must<StringEnd>, Blank> {};
struct TimestampText : Quoted {};
struct DoubleText : Quoted {};

struct String : Quoted {};
struct Timestamp : pegtl::if_must<Keyword<TAO_PEGTL_ISTRING("timestamp")>, TimestampText> {};
struct Double : pegtl::if_must<Keyword<TAO_PEGTL_ISTRING("double")>, DoubleText> {};
struct Value : pegtl::sor<Number, String, True, False, Null, Timestamp, Double> {};

// ---- conditions on one column

struct Operator
    : pegtl::sor<pegtl::string<'<', '='>, pegtl::string<'>', '='>, pegtl::string<'<', '>'>,
                 pegtl::string<'!', '='>, pegtl::one<'='>, pegtl::one<'<'>, pegtl::one<'>'>> {};
struct Open : pegtl::seq<pegtl::one<'('>, Blank> {};
struct Close : pegtl::seq<pegtl::one<')'>, Blank> {};
struct Comma : pegtl::seq<pegtl::one<','>, Blank> {};
struct ListOpen : Open {};
struct ListClose : Close {};
struct ListValue : Value {};

struct Comparison : pegtl::seq<Operator, Blank, pegtl::must<Value>> {};
struct List : pegtl::seq<pegtl::must<ListOpen>, pegtl::must<ListValue>,
                         pegtl::star<Comma, pegtl::must<ListValue>>, pegtl::must<ListClose>> {};
struct InList : pegtl::seq<In, List> {};
struct Low : Value {};
struct High : Value {};
struct AndHigh : And {};
struct Between : pegtl::seq<Keyword<TAO_PEGTL_ISTRING("between")>, pegtl::must<Low>,
                            pegtl::must<AndHigh>, pegtl::must<High>> {};
struct Pattern : Quoted {};
struct Like : pegtl::seq<Keyword<TAO_PEGTL_ISTRING("like")>, pegtl::must<Pattern>> {};
struct TestAfterNot : pegtl::sor<InList, Between, Like> {};
struct NotTest : pegtl::seq<Not, pegtl::must<TestAfterNot>> {};
struct NullAfterNot : Null {};
struct NullAfterIs : Null {};
struct IsNotNull : pegtl::seq<pegtl::at<Is, Not>, Is, Not, pegtl::must<NullAfterNot>> {};
struct IsNull : pegtl::seq<Is, pegtl::must<NullAfterIs>> {};
struct Test : pegtl::sor<Comparison, InList, Between, Like, NotTest, IsNotNull, IsNull> {};
struct Predicate : pegtl::seq<Column, pegtl::must<Test>> {};

// ---- conditions of conditions

struct Disjunction;
struct Condition;
struct Enter : pegtl::success {};  // one level deeper
struct Leave : pegtl::success {};
struct Operands : pegtl::success {};  // the operands of a list follow
struct AllOf : pegtl::success {};     // they are complete
struct AnyOf : pegtl::success {};

struct Negation : pegtl::seq<Not, Enter, pegtl::must<Condition>, Leave> {};
struct Group : pegtl::seq<Open, Enter, pegtl::must<Disjunction>, Leave, pegtl::must<Close>> {};
struct Condition : pegtl::sor<Negation, Group, Predicate> {};
struct Conjunction
    : pegtl::seq<Operands, Condition, pegtl::star<And, pegtl::must<Condition>>, AllOf> {};
struct Disjunction
    : pegtl::seq<Operands, Conjunction, pegtl::star<Or, pegtl::must<Conjunction>>, AnyOf> {};
struct Text : pegtl::seq<Blank, pegtl::must<Disjunction>, pegtl::must<pegtl::eof>> {};

}  // namespace ordinate::filter_grammar
