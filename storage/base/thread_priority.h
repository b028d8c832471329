#pragma once

namespace ordinate {

/// How far below the threads that answer questions, which are served first where the processors
/// are short.
inline constexpr int kWriterNice = 5;       // a shard's applier: a question waits for no write
inline constexpr int kBackgroundNice = 10;  // builds, seals, merges

/// Lowers the priority of the calling thread alone, on Linux, from what the process has, as far as
/// the system's lowest. Threads it starts from then on inherit it. To be called once.
void GiveWay(int by);

}  // namespace ordinate
