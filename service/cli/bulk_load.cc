#include "service/cli/bulk_load.h"

#include <deque>
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
  int rows = 0;
  std::string last_position;
  uint64_t bytes_read = 0;
};

/// One StreamUpsert call and the two threads that feed it.
class Loader {
 public:
  Loader(v1::RowService::StubInterface& rows, Batcher& batches)
      : batches_(batches), stream_(rows.StreamUpsert(&context_)) {}

  LoadResult Run(const std::function<void(uint64_t, uint64_t)>& on_progress) {
    std::thread parser([this] { Parse(); });
    std::thread sender([this] { Send(); });
    LoadResult result;
    v1::StreamUpsertResponse response;
    while (stream_->Read(&response)) {
      const std::optional<InFlight> acknowledged = in_flight_.Pop();
      if (!acknowledged.has_value()) {  // an answer to nothing
        context_.TryCancel();
        break;
      }
      Add(response.upsert(), *acknowledged, &result);
      on_progress(result.rows, acknowledged->bytes_read);
    }
    // Whatever ended the call, both threads must see it before they are joined.
    in_flight_.Close();
    parsed_.Close();
    parser.join();
    sender.join();
    const grpc::Status status = stream_->Finish();
    result.status = FromServer(status);
    if (result.status.ok()) result.status = source_status_;
    return result;
  }

 private:
  static void Add(const v1::UpsertResponse& response, const InFlight& message, LoadResult* result) {
    result->rows += static_cast<uint64_t>(message.rows);
    result->last_position = message.last_position;
    result->nulled_rows += static_cast<uint64_t>(response.nulled_rows_size());
    for (const auto& [shard, seq] : response.token().seq_by_shard()) {
      uint64_t& newest = result->token[shard];
      newest = std::max(newest, uint64_t{seq});
    }
    result->notices.insert(response.notices().begin(), response.notices().end());
  }

  void Parse() {
    while (true) {
      absl::StatusOr<std::optional<Batcher::Batch>> batch = batches_.Next();
      if (!batch.ok()) source_status_ = batch.status();
      if (!batch.ok() || !batch->has_value()) break;
      if (!parsed_.Push(**std::move(batch))) return;
    }
    parsed_.Close();
  }

  void Send() {
    while (std::optional<Batcher::Batch> batch = parsed_.Pop()) {
      // The queue of unacknowledged messages is the window: a full one waits here.
      const int rows = batch->request.upsert().rows_size();
      if (!in_flight_.Push({rows, batch->last_position, batch->bytes_read})) return;
      if (!stream_->Write(batch->request)) {
        parsed_.Close();
        return;
      }
    }
    stream_->WritesDone();
    in_flight_.Close();
  }

  Batcher& batches_;
  grpc::ClientContext context_;
  const std::unique_ptr<
      grpc::ClientReaderWriterInterface<v1::StreamUpsertRequest, v1::StreamUpsertResponse>>
      stream_;
  BoundedQueue<Batcher::Batch> parsed_{kParsedBatches};
  BoundedQueue<InFlight> in_flight_{kWindow};
  absl::Status source_status_;  // written by the parser thread, read after it is joined
};

}  // namespace

LoadResult BulkLoad(v1::RowService::StubInterface& rows, Batcher& batches,
                    const std::function<void(uint64_t rows, uint64_t bytes)>& on_progress) {
  return Loader(rows, batches).Run(on_progress);
}

}  // namespace ordinate::cli
