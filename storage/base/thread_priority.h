#pragma once

namespace ordinate {

/// Priorities below that of the threads that answer questions, which are served first where the
/// processors are short.
inline constexpr int kWriterNice = 5;       // a shard's applier: a question waits for no write
inline constexpr int kBackgroundNice = 10;  // builds, seals, merges

/// Of the calling thread alone, on Linux; threads it starts from then on inherit it.
void GiveWay(int nice);

}  // namespace ordinate
