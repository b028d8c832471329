#include "service/cli/bulk_load.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "service/cli/bounded_queue.h"
#include "storage/base/mutex.h"

namespace ordinate::cli {
namespace {

constexpr size_t kParsedBatches = 4;

/// A message that is sent and not yet acknowledged.
struct InFlight {
  std::vector<uint64_t> numbers;  // RowSource::number of its rows
  uint64_t bytes_read = 0;
};

using Stream = grpc::ClientReaderWriterInterface<v1::StreamUpsertRequest, v1::StreamUpsertResponse>;

/// A thread that parses, and StreamUpsert calls one after the other, each with a thread that sends.
class Loader {
 public:
  using OnProgress = std::function<void(uint64_t, uint64_t)>;

  Loader(v1::RowService::StubInterface& rows, Batcher& batches, std::chrono::milliseconds pause,
         const OnProgress& on_progress)
      : rows_(rows), batches_(batches), pause_(pause), on_progress_(on_progress) {}

  LoadResult Run() {
    std::thread parser([this] { Parse(); });
    while (result_.status.ok()) {
      std::optional<Batcher::Batch> first = parsed_.Pop();
      if (!first.has_value()) break;
      result_.status = RunCall(*std::move(first));
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
      if (!parsed_.Push(**std::move(batch))) return;
    }
    parsed_.Close();
  }

  /// One call, from `first` until there are no more batches or none came for so long as the pause.
  absl::Status RunCall(Batcher::Batch first) {
    grpc::ClientContext context;
    const std::unique_ptr<Stream> stream = rows_.StreamUpsert(&context);
    BoundedQueue<InFlight> in_flight(kWindow);
    std::atomic<bool> all_sent = false;
    std::thread sender([&] { Send(std::move(first), *stream, in_flight, all_sent); });
    v1::StreamUpsertResponse response;
    while (stream->Read(&response)) {
      const std::optional<InFlight> acknowledged = in_flight.Pop();
      if (!acknowledged.has_value()) {  // an answer to nothing
        context.TryCancel();
        break;
      }
      Add(response.upsert(), *acknowledged);
    }
    // Whatever ended the call, the sender must see it before it is joined.
    if (!all_sent) parsed_.Close();
    in_flight.Close();
    sender.join();
    const grpc::Status status = stream->Finish();
    // Answers come in order, so what is refused is the first message without one.
    const std::optional<InFlight> refused = in_flight.Pop();
    if (status.ok() && refused.has_value()) {
      return FromServer(grpc::Status(grpc::StatusCode::INTERNAL,
                                     "the server ended the call without answering every message"));
    }
    return FromServer(status, refused.has_value() ? PositionIn(refused->numbers) : RowPosition());
  }

  void Send(Batcher::Batch first, Stream& stream, BoundedQueue<InFlight>& in_flight,
            std::atomic<bool>& all_sent) {
    std::optional<Batcher::Batch> batch = std::move(first);
    while (batch.has_value()) {
      // The queue of unacknowledged messages is the window: a full one waits here.
      if (!in_flight.Push({std::move(batch->numbers), batch->bytes_read})) return;
      if (!stream.Write(batch->request)) return;
      batch = parsed_.PopWithin(pause_);
    }
    all_sent = true;
    stream.WritesDone();
  }

  void Add(const v1::UpsertResponse& response, const InFlight& message) {
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
  const std::chrono::milliseconds pause_;
  const OnProgress& on_progress_;
  BoundedQueue<Batcher::Batch> parsed_{kParsedBatches};
  LoadResult result_;
  absl::Status source_status_;  // written by the parser thread, read after it is joined
};

}  // namespace

LoadResult BulkLoad(v1::RowService::StubInterface& rows, Batcher& batches,
                    std::chrono::milliseconds pause,
                    const std::function<void(uint64_t rows, uint64_t bytes)>& on_progress) {
  return Loader(rows, batches, pause, on_progress).Run();
}

}  // namespace ordinate::cli
