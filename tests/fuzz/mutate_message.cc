#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include <limits>
#include <memory>
#include <vector>

#include "service/wire/utf8.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/words.h"

namespace ordinate::fuzz {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMostDepth = 100;  // what protobuf reads
constexpr size_t kMostParts = 2'000;

template <typename T, size_t kCount>
T OneOf(const T (&values)[kCount], Random& random) {
  return values[random.Below(kCount)];
}

uint64_t AnyNatural(Random& random) {
  static constexpr uint64_t kNaturals[] = {0,          1,
                                           2,          3,
                                           4,          8,
                                           15,         16,
                                           17,         64,
                                           65,         128,
                                           999,        1'000,
                                           1'001,      4'000,
                                           10'000,     10'001,
                                           16'384,     16'385,
                                           100'000,    1u << 31,
                                           UINT32_MAX, UINT64_MAX,
                                           INT64_MAX,  uint64_t{1} << 63};
  const uint64_t natural = OneOf(kNaturals, random);
  return random.OneIn(4) ? natural + random.Below(5) - 2 : natural;
}

double AnyReal(Random& random) {
  static constexpr double kReals[] = {0,
                                      -0.0,
                                      1,
                                      -1,
                                      0.5,
                                      1e-3,
                                      2,
                                      3.4e38,
                                      3.5e38,
                                      -1e39,
                                      1e-46,
                                      1.8e19,
                                      9.3e18,
                                      1e300,
                                      5e-324,
                                      100,
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN()};
  return OneOf(kReals, random);
}

std::string AnyBytes(Random& random) {
  std::string bytes(random.OneIn(3) ? random.Below(20) : 4 * random.Below(5), '\0');
  if (random.OneIn(2)) return bytes;
  for (char& byte : bytes) byte = static_cast<char>(random.OneIn(2) ? random.Next() : 0x3f);
  return bytes;
}

// A STRING is UTF-8, or the whole message does not read.
std::string AnyString(const std::string& old, Random& random) {
  std::string text;
  if (random.OneIn(3)) {
    text = MutateText(old, 4'096, random);
  } else {
    text = Words()[random.Below(Words().size())];
  }
  return IsUtf8(text) || random.OneIn(50) ? text : "name";
}

class Mutator {
 public:
  explicit Mutator(Random& random) : random_(random) {}

  void Change(Message& root) {
    std::vector<Message*> parts;
    Collect(root, 0, parts);
    Message& part = *parts[random_.Below(parts.size())];
    if (random_.OneIn(8)) return CopyOver(part, parts);
    if (random_.OneIn(8) && Nest(part)) return;
    if (part.GetDescriptor()->field_count() > 0) ChangeField(part, AnyField(part));
  }

 private:
  // `message` and all that is under it. Elements of maps are left to their fields.
  void Collect(Message& message, int depth, std::vector<Message*>& parts) const {
    if (depth > kMostDepth || parts.size() > kMostParts) return;
    parts.push_back(&message);
    const Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) {
        Collect(*reflection.MutableMessage(&message, field), depth + 1, parts);
        continue;
      }
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        Collect(*reflection.MutableRepeatedMessage(&message, field, i), depth + 1, parts);
      }
    }
  }

  const FieldDescriptor* AnyField(const Message& message) const {
    const auto* type = message.GetDescriptor();
    return type->field(static_cast<int>(random_.Below(static_cast<size_t>(type->field_count()))));
  }

  // Another part of the same type over this one.
  void CopyOver(Message& part, const std::vector<Message*>& parts) const {
    std::vector<const Message*> alike;
    for (const Message* other : parts) {
      if (other != &part && other->GetDescriptor() == part.GetDescriptor()) alike.push_back(other);
    }
    if (alike.empty()) return;
    const Message& chosen = *alike[random_.Below(alike.size())];
    const std::unique_ptr<Message> copy(chosen.New());
    copy->CopyFrom(chosen);
    part.CopyFrom(*copy);
  }

  // The part into a field of its own type, once or often. False: it has no such field.
  bool Nest(Message& part) const {
    const auto* type = part.GetDescriptor();
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      if (field->message_type() != type || field->is_repeated()) continue;
      for (size_t times = random_.OneIn(2) ? 1 : random_.Below(80); times > 0; --times) {
        const std::unique_ptr<Message> inner(part.New());
        const Reflection& reflection = *part.GetReflection();
        reflection.Swap(inner.get(), &part);
        reflection.Swap(reflection.MutableMessage(&part, field), inner.get());
      }
      return true;
    }
    return false;
  }

  void ChangeField(Message& part, const FieldDescriptor* field) {
    const Reflection& reflection = *part.GetReflection();
    if (field->is_repeated()) return ChangeList(part, field);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (reflection.HasField(part, field) && random_.OneIn(3)) {
        reflection.ClearField(&part, field);
      } else {
        Fill(*reflection.MutableMessage(&part, field));
      }
    } else if (random_.OneIn(6)) {
      reflection.ClearField(&part, field);
    } else {
      SetScalar(part, field);
    }
  }

  // One field, more often several.
  void Fill(Message& message) {
    if (++depth_ < 6 && message.GetDescriptor()->field_count() > 0) {
      for (size_t times = 1 + random_.Below(3); times > 0; --times) {
        ChangeField(message, AnyField(message));
      }
    }
    --depth_;
  }

  void ChangeList(Message& part, const FieldDescriptor* field) {
    const Reflection& reflection = *part.GetReflection();
    const int size = reflection.FieldSize(part, field);
    const int at = size == 0 ? 0 : static_cast<int>(random_.Below(static_cast<size_t>(size)));
    if (size > 0 && random_.OneIn(4)) {
      reflection.SwapElements(&part, field, at, size - 1);
      if (random_.OneIn(2)) reflection.RemoveLast(&part, field);
      return;
    }
    size_t times = random_.OneIn(6) ? 1 + random_.Below(40) : 1;
    const bool copies = size > 0 && random_.OneIn(2);
    for (; times > 0; --times) AddElement(part, field, copies ? at : -1);
  }

  // A copy of the element at `like`; a new one if that is negative.
  void AddElement(Message& part, const FieldDescriptor* field, int like) {
    const Reflection& reflection = *part.GetReflection();
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return AddScalar(part, field);
    Message& added = *reflection.AddMessage(&part, field);
    if (like < 0) return Fill(added);
    added.CopyFrom(reflection.GetRepeatedMessage(part, field, like));
    if (random_.OneIn(3)) Fill(added);
  }

  void SetScalar(Message& part, const FieldDescriptor* field) {
    const Reflection& reflection = *part.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection.SetInt32(&part, field, static_cast<int32_t>(AnyNatural(random_)));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection.SetInt64(&part, field, static_cast<int64_t>(AnyNatural(random_)));
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection.SetUInt32(&part, field, static_cast<uint32_t>(AnyNatural(random_)));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection.SetUInt64(&part, field, AnyNatural(random_));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection.SetDouble(&part, field, AnyReal(random_));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return reflection.SetFloat(&part, field, AnyFloat());
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection.SetBool(&part, field, random_.OneIn(2));
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection.SetEnumValue(&part, field, AnyEnum(field));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection.SetString(&part, field,
                                    AnyText(field, reflection.GetString(part, field)));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return;
    }
  }

  void AddScalar(Message& part, const FieldDescriptor* field) {
    const Reflection& reflection = *part.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection.AddUInt32(&part, field, static_cast<uint32_t>(AnyNatural(random_)));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection.AddUInt64(&part, field, AnyNatural(random_));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection.AddDouble(&part, field, AnyReal(random_));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return reflection.AddFloat(&part, field, AnyFloat());
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection.AddString(&part, field, AnyText(field, ""));
      default:
        return;  // no message has lists of others
    }
  }

  float AnyFloat() const {
    // A double beyond f32 is an infinity without being converted.
    const double real = AnyReal(random_);
    if (real > std::numeric_limits<float>::max()) return std::numeric_limits<float>::infinity();
    if (real < -std::numeric_limits<float>::max()) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(real);
  }

  int AnyEnum(const FieldDescriptor* field) const {
    if (random_.OneIn(10)) return static_cast<int>(AnyNatural(random_));
    const auto* type = field->enum_type();
    const auto count = static_cast<size_t>(type->value_count());
    return type->value(static_cast<int>(random_.Below(count)))->number();
  }

  std::string AnyText(const FieldDescriptor* field, const std::string& old) const {
    return field->type() == FieldDescriptor::TYPE_BYTES ? AnyBytes(random_)
                                                        : AnyString(old, random_);
  }

  Random& random_;
  int depth_ = 0;
};

class NoErrors final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, int, const std::string&) override {}
};

}  // namespace

void MutateMessage(google::protobuf::Message& message, Random& random) {
  for (size_t times = 1 + random.Below(4); times > 0; --times) Mutator(random).Change(message);
}

bool ReadMessage(std::string_view input, google::protobuf::Message& message) {
  const google::protobuf::LogSilencer silent;  // of strings that are no UTF-8
  const int size = static_cast<int>(input.size());
  if (!input.starts_with('#')) return message.ParseFromArray(input.data(), size);
  NoErrors errors;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.SetRecursionLimit(kMostDepth);
  google::protobuf::io::ArrayInputStream stream(input.data(), size);
  return parser.Parse(&stream, &message);
}

}  // namespace ordinate::fuzz
