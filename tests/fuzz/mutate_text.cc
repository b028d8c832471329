#include <algorithm>

#include "tests/fuzz/mutate.h"
#include "tests/fuzz/words.h"

namespace ordinate::fuzz {
namespace {

std::string_view AnyWord(Random& random) { return Words()[random.Below(Words().size())]; }

// A place and a length of a piece, mostly a short one.
struct Piece {
  size_t begin = 0;
  size_t size = 0;
};
Piece AnyPiece(const std::string& text, Random& random) {
  const size_t begin = random.Below(text.size() + 1);
  const size_t most = random.OneIn(4) ? text.size() : 12;
  return {begin, std::min(random.Below(most + 1), text.size() - begin)};
}

// Opens as often as it closes, unless it does not.
void Nest(std::string& text, Random& random) {
  const Piece piece = AnyPiece(text, random);
  const size_t times = random.OneIn(2) ? 1 : random.Below(150);
  std::string before, after;
  const size_t form = random.Below(3);
  for (size_t i = 0; i < times; ++i) {
    before += form == 0 ? "(" : form == 1 ? "NOT " : "NOT (";
    if (form != 1) after += ")";
  }
  if (random.OneIn(8)) after.clear();
  text.insert(piece.begin + piece.size, after);
  text.insert(piece.begin, before);
}

void ChangeOnce(std::string& text, Random& random) {
  const Piece piece = AnyPiece(text, random);
  switch (random.Below(8)) {
    case 0:
    case 1:
      text.insert(piece.begin, AnyWord(random));
      return;
    case 2:
      text.replace(piece.begin, piece.size, AnyWord(random));
      return;
    case 3:
      text.erase(piece.begin, piece.size);
      return;
    case 4: {
      const std::string copy = text.substr(piece.begin, piece.size);
      text.insert(AnyPiece(text, random).begin, copy);
      return;
    }
    case 5: {
      const std::string copy = text.substr(piece.begin, piece.size);
      for (size_t times = random.Below(40); times > 0; --times) text.insert(piece.begin, copy);
      return;
    }
    case 6:
      return Nest(text, random);
    default:
      if (!text.empty()) text[random.Below(text.size())] = static_cast<char>(random.Next());
      return;
  }
}

}  // namespace

std::string MutateText(std::string_view text, size_t most_bytes, Random& random) {
  std::string changed(text);
  for (size_t times = 1 + random.Below(3); times > 0; --times) ChangeOnce(changed, random);
  if (changed.size() > most_bytes) changed.resize(most_bytes);
  return changed;
}

}  // namespace ordinate::fuzz
