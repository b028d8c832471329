#include "service/cli/bulk_load.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "service/cli/bounded_queue.h"
#include "service/cli/errors.h"
#include "storage/base/error_details.h"
#include "storage/base/mutex.h"

namespace ordinate::cli {
namespace {

constexpr size_t kParsedBatches = 4;
constexpr std::chrono::milliseconds kLook(50);  // how often a sender without a batch looks around

constexpr uint64_t kLeastMillis = 10;  // between tries, whatever the server says

using Clock = std::chrono::steady_clock;
using Stream = grpc::ClientReaderWriterInterface<v1::StreamUpsertRequest, v1::StreamUpsertResponse>;
using SharedBatch = std::shared_ptr<const Batcher::Batch>;

/// A thread that parses, and StreamUpsert calls one after the other, each with a thread that sends.
class Loader {
 public:
  using OnProgress = std::function<void(uint64_t, uint64_t)>;
  using OnWait = std::function<void(const absl::Status&)>;

  Loader(v1::RowService::StubInterface& rows, Batcher& batches, const LoadPatience& patience,
         const OnProgress& on_progress, const OnWait& on_wait)
      : rows_(rows),
        batches_(batches),
        patience_(patience),
        on_progress_(on_progress),
        on_wait_(on_wait) {}

  LoadResult Run() {
    std::thread parser([this] { Parse(); });
    while (result_.status.ok() && HasMore()) {
      result_.status = RunCall();
      if (!result_.status.ok() && WaitToTryAgain(result_.status)) result_.status = absl::OkStatus();
    }
    parsed_.Close();
    parser.join();
    if (result_.status.ok()) result_.status = source_status_;
    return std::move(result_);
  }

 private:
  void Parse() {
    while (true) {
      absl::StatusOr<std::optional<Batcher::Batch>> batch = batches_.Next();
      if (!batch.ok()) source_status_ = batch.status();
      if (!batch.ok() || !batch->has_value()) break;
      if (!parsed_.Push(std::make_shared<const Batcher::Batch>(**std::move(batch)))) return;
    }
    parsed_.Close();
  }

  // Sees to it that there is something to send first.
  bool HasMore() {
    if (!to_send_.empty()) return true;
    std::optional<SharedBatch> next = parsed_.Pop();
    if (!next.has_value()) return false;
    to_send_.push_back(*std::move(next));
    return true;
  }

  // Whether the server says when, and has not said so for too long. Waits until then.
  bool WaitToTryAgain(const absl::Status& status) {
    const std::optional<uint64_t> millis = RetryDelayMillis(status);
    if (!millis.has_value()) return false;
    const Clock::time_point now = Clock::now();
    if (!refused_since_.has_value()) refused_since_ = now;
    const auto again = now + std::chrono::milliseconds(std::max(*millis, kLeastMillis));
    if (again > *refused_since_ + patience_.refused) return false;
    on_wait_(status);
    std::this_thread::sleep_until(again);
    return true;
  }

  /// One call, until there are no more batches or none came for so long as the pause. After an
  /// error `to_send_` holds what is not acknowledged.
  absl::Status RunCall() {
    grpc::ClientContext context;
    const std::unique_ptr<Stream> stream = rows_.StreamUpsert(&context);
    BoundedQueue<SharedBatch> in_flight(kWindow);
    std::atomic<bool> ended = false;
    std::thread sender([&] { Send(*stream, in_flight, ended); });
    v1::StreamUpsertResponse response;
    while (stream->Read(&response)) {
      const std::optional<SharedBatch> acknowledged = in_flight.Pop();
      if (!acknowledged.has_value()) {  // an answer to nothing
        context.TryCancel();
        break;
      }
      Add(response.upsert(), **acknowledged);
    }
    // Whatever ended the call, the sender must see it before it is joined.
    ended = true;
    in_flight.Close();
    sender.join();
    const grpc::Status status = stream->Finish();
    // Answers come in order, so what is refused is the first message without one.
    std::deque<SharedBatch> unanswered;
    while (std::optional<SharedBatch> batch = in_flight.Pop()) {
      unanswered.push_back(*std::move(batch));
    }
    to_send_.insert(to_send_.begin(), unanswered.begin(), unanswered.end());
    if (status.ok() && !unanswered.empty()) {
      return FromServer(grpc::Status(grpc::StatusCode::INTERNAL,
                                     "the server ended the call without answering every message"));
    }
    return FromServer(status,
                      unanswered.empty() ? RowPosition() : PositionIn(unanswered.front()->numbers));
  }

  // Sends `to_send_` first; what could not be sent is there afterwards.
  void Send(Stream& stream, BoundedQueue<SharedBatch>& in_flight, const std::atomic<bool>& ended) {
    while (FindNext(ended)) {
      // The queue of unacknowledged messages is the window: a full one waits here.
      if (!in_flight.Push(to_send_.front())) return;
      const SharedBatch batch = std::move(to_send_.front());
      to_send_.pop_front();
      if (!stream.Write(batch->request)) return;
    }
    stream.WritesDone();
  }

  // Waits for a batch as long as the source may pause, or until the call has ended.
  bool FindNext(const std::atomic<bool>& ended) {
    const Clock::time_point until = Clock::now() + patience_.pause;
    while (to_send_.empty() && !ended && !parsed_.IsAtEnd()) {
      if (Clock::now() >= until) return false;
      std::optional<SharedBatch> batch = parsed_.PopWithin(std::min(kLook, patience_.pause));
      if (batch.has_value()) to_send_.push_back(*std::move(batch));
    }
    return !to_send_.empty() && !ended;
  }

  void Add(const v1::UpsertResponse& response, const Batcher::Batch& message) {
    refused_since_.reset();
    result_.rows += message.numbers.size();
    result_.last_position = batches_.PositionOf(message.numbers.back());
    result_.nulled_rows += static_cast<uint64_t>(response.nulled_rows_size());
    for (const auto& [shard, seq] : response.token().seq_by_shard()) {
      uint64_t& newest = result_.token[shard];
      newest = std::max(newest, uint64_t{seq});
    }
    result_.notices.insert(response.notices().begin(), response.notices().end());
    on_progress_(result_.rows, message.bytes_read);
  }

  RowPosition PositionIn(const std::vector<uint64_t>& numbers) const {
    return [this, &numbers](size_t row) {
      return row < numbers.size() ? batches_.PositionOf(numbers[row]) : "";
    };
  }

  v1::RowService::StubInterface& rows_;
  Batcher& batches_;
  const LoadPatience patience_;
  const OnProgress& on_progress_;
  const OnWait& on_wait_;
  BoundedQueue<SharedBatch> parsed_{kParsedBatches};
  std::deque<SharedBatch> to_send_;                 // of a call's sender while there is one
  std::optional<Clock::time_point> refused_since_;  // the first after an acknowledgement
  LoadResult result_;
  absl::Status source_status_;  // written by the parser thread, read after it is joined
};

}  // namespace

LoadResult BulkLoad(v1::RowService::StubInterface& rows, Batcher& batches,
                    const LoadPatience& patience,
                    const std::function<void(uint64_t rows, uint64_t bytes)>& on_progress,
                    const std::function<void(const absl::Status&)>& on_wait) {
  return Loader(rows, batches, patience, on_progress, on_wait).Run();
}

}  // namespace ordinate::cli
