#pragma once

#include <chrono>

namespace ordinate {

/// How far below the threads that answer questions, which are served first where the processors
/// are short.
inline constexpr int kWriterNice = 5;       // a shard's applier: a question waits for no write
inline constexpr int kSealNice = 5;         // seals: every question scans what waits for them
inline constexpr int kBackgroundNice = 10;  // builds, merges

/// Lowers the priority of the calling thread alone, on Linux, from what it has, as far as the
/// system's lowest. Threads it starts from then on inherit it. To be called once.
void GiveWay(int by);

/// How long a thread may run before it is another's turn. One that wakes for a short turn gets the
/// processor from one in the middle of a long turn.
inline constexpr std::chrono::microseconds kAnsweringTurn(200);
inline constexpr std::chrono::microseconds kBackgroundTurn(3'000);

/// Of the calling thread, and of those that it, or a library for it, starts from then on: the turn
/// it asks for, which Linux heeds from 6.12 on. Where the system refuses, nothing changes.
void AskForTurns(std::chrono::microseconds turn);

}  // namespace ordinate
