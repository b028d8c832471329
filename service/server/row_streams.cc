#include "service/server/row_streams.h"

#include <atomic>
#include <memory>
#include <utility>

#include "ordinate/v1/query_service.grpc.pb.h"
#include "service/front/query_stream.h"
#include "service/wire/queries.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// Bounds what is ranked ahead of readers that stop.
constexpr uint32_t kMaxStreams = 32;
constexpr uint64_t kRetryMillis = 1'000;

}  // namespace

// Made, worked on and ended by one task of the executor at a time; gRPC's callbacks only start
// tasks, since the watch may make them while it holds its lock.
class RowStreams::Call final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  Call(RowStreams& streams, grpc::CallbackServerContext& call)
      : streams_(streams),
        passage_(streams.gate_, "StreamQuery"),
        context_(CallGate::DeadlineOf(call.deadline())),
        waiter_(call.c_call(), StreamWatch::WaitsFor::kReader) {}

  void Start(grpc::ByteBuffer bytes) {
    const grpc::Status read =
        grpc::SerializationTraits<v1::StreamQueryRequest>::Deserialize(&bytes, &request_);
    if (!read.ok()) {
      HandOver();
      return Finish(read);
    }
    absl::Status status = passage_.Begin();
    if (status.ok()) status = streams_.Admit();
    admitted_ = status.ok();
    if (!admitted_) return End(status);
    streams_.pages_.Submit([this] { SendPage(); });
  }

  void OnWriteDone(bool taken) override {
    TakeOver();
    taken_ = taken;
    streams_.pages_.Submit([this] { GoOn(); });
  }
  void OnCancel() override {
    TakeOver();
    context_.Cancel();
  }
  void OnDone() override {
    TakeOver();
    delete this;
  }

  // gRPC lets what was done before a call of its happen before the callback that follows, by locks
  // of its own, which ThreadSanitizer does not see. These say the same.
  void HandOver() { handed_over_.exchange(true, std::memory_order_acq_rel); }
  void TakeOver() const { (void)handed_over_.load(std::memory_order_acquire); }

 private:
  void SendPage() {
    const absl::Status made = passage_.RunPart(
        [this](const CallContext& context) { return MakePage(context); }, context_);
    if (!made.ok()) return End(made);
    const absl::Status waits = streams_.watch_.Begin(waiter_);
    if (!waits.ok()) return End(waits);
    bool own_bytes = false;
    page_.Clear();
    const grpc::Status written = grpc::SerializationTraits<v1::StreamQueryResponse>::Serialize(
        response_, &page_, &own_bytes);
    if (!written.ok()) return End(absl::InternalError(written.error_message()));
    const auto started = started_ = std::make_shared<std::atomic<bool>>(false);
    HandOver();
    StartWrite(&page_);
    started->store(true, std::memory_order_release);
    started->notify_one();
  }

  // After a page was taken, or never will be.
  void GoOn() {
    started_->wait(false, std::memory_order_acquire);
    absl::Status status = streams_.watch_.End(waiter_);
    if (status.ok() && !taken_) status = absl::CancelledError("the caller is gone");
    if (!status.ok() || last_) return End(status);
    SendPage();
  }

  absl::Status MakePage(const CallContext& context) {
    if (stream_ == nullptr) {
      auto opened = streams_.Open(request_, context);
      if (!opened.ok()) return UnderField(opened.status(), "query");
      stream_ = *std::move(opened);
    }
    ASSIGN_OR_RETURN(const QueryStream::Page page, stream_->Next(context));
    response_.Clear();
    const bool first = stream_->rows_sent() == page.ranked.size();
    if (first && request_.query().with_plan()) {
      PlanToProto(stream_->plan(), response_.mutable_plan());
    }
    PageToProto(page, *stream_, &response_);
    last_ = page.last;
    return absl::OkStatus();
  }

  void End(const absl::Status& status) {
    stream_.reset();
    if (admitted_) streams_.open_.fetch_sub(1);
    const grpc::Status ended = passage_.End(status);
    HandOver();
    Finish(ended);  // and from here on this may be gone
  }

  RowStreams& streams_;
  v1::StreamQueryRequest request_;
  CallGate::Passage passage_;
  CallContext context_;
  StreamWatch::Waiter waiter_;
  bool admitted_ = false;
  std::unique_ptr<QueryStream> stream_;
  v1::StreamQueryResponse response_;
  grpc::ByteBuffer page_;  // on its way between StartWrite and OnWriteDone
  // Whether the StartWrite of that page has returned, and so has read it: OnWriteDone may come
  // sooner, on another thread. Once GoOn has seen it, this may be gone.
  std::shared_ptr<std::atomic<bool>> started_;
  bool taken_ = false;
  bool last_ = false;
  std::atomic<bool> handed_over_ = false;
};

grpc::ServerWriteReactor<grpc::ByteBuffer>* RowStreams::Start(grpc::CallbackServerContext& call,
                                                              const grpc::ByteBuffer& request) {
  auto* const started = new Call(*this, call);
  started->Start(request);
  started->HandOver();  // gRPC ends no call before it has this
  return started;
}

absl::Status RowStreams::Admit() {
  if (open_.fetch_add(1) < kMaxStreams) return absl::OkStatus();
  open_.fetch_sub(1);
  return WithRetryDelay(
      absl::ResourceExhaustedError(Concat("the server has ", kMaxStreams,
                                          " streams of rows at work, its limit; try again a "
                                          "little later")),
      kRetryMillis);
}

absl::StatusOr<std::unique_ptr<QueryStream>> RowStreams::Open(const v1::StreamQueryRequest& request,
                                                              const CallContext& context) {
  ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request.query().table()));
  ASSIGN_OR_RETURN(QueryRequest query, QueryFromProto(request.query(), table));
  ASSIGN_OR_RETURN(const StreamOrder order, StreamOrderFromProto(request.order()));
  if (query.paged || !query.page_token.empty()) {
    return InField(absl::InvalidArgumentError("a stream has no page tokens; use Query for pages"),
                   "page_token");
  }
  query.limit = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  if (query.limit > kMaxPageSize) {
    return InField(absl::InvalidArgumentError(
                       Concat("page_size is ", query.limit, "; expected 1 to ", kMaxPageSize)),
                   "page_size");
  }
  return front_.OpenStream(query, order, context);
}

}  // namespace ordinate
