// What the server of version 4 keeps of us: who we are, what we have open, and what we have locked.

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/runtime/timer.h"
#include "initiator/tree/nfs4.h"
#include "initiator/tree/nfs_status.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t lease_unknown = 90;

/// A seqid is not counted where the server could not tell whose it was (RFC 7530 section 9.1.7).
constexpr std::uint32_t uncounted[] = {NFS4ERR_STALE_CLIENTID, NFS4ERR_STALE_STATEID, NFS4ERR_BAD_STATEID,
                                       NFS4ERR_BAD_SEQID,      NFS4ERR_BADZDR,        NFS4ERR_RESOURCE,
                                       NFS4ERR_NOFILEHANDLE,   NFS4ERR_MOVED};

std::string lock_owner_name(std::uint64_t number) { return fmt::format("holdfast lock {}", number); }

}  // namespace

/// Tells the server again and again that we are there: it would forget what we have open otherwise.
class Nfs4::Renewal final : public Timer {
 public:
  Renewal(Loop& loop, RpcConnection& connection, std::uint64_t client, std::uint32_t lease_seconds)
      : Timer(loop), connection_(connection), client_(client), every_(std::chrono::seconds(lease_seconds) / 3) {
    call_.owner = this;
    call_.done = [](RpcCall& call) { static_cast<Renewal*>(call.owner)->answered(); };
    arm(clock_now() + every_);
  }
  ~Renewal() = default;

 private:
  void expire() override {
    if (connection_.failed()) return;
    connection_.begin(call_, NFSPROC4_COMPOUND);
    Nfs4Compound compound;
    compound.add(OP_RENEW).oprenew.clientid = client_;
    CHECK(compound.append_to(call_.message));
    connection_.submit(call_);
  }
  void answered() {
    if (!call_.status) return;
    const Nfs4Results results(call_);
    const bool forgotten = results.ok() && results.status() != NFS4_OK && results.status() != NFS4ERR_CB_PATH_DOWN &&
                           !asks_for_patience(results.status());
    if (forgotten)
      return connection_.fail(nfs_error("renew the lease", results.status(), 4));
    arm(clock_now() + every_);
  }

  RpcConnection& connection_;
  const std::uint64_t client_;
  const Duration every_;
  RpcCall call_;
};

Nfs4::Nfs4(Loop& loop, RpcConnection& connection) : loop_(loop), connection_(connection) {}
Nfs4::~Nfs4() = default;

Task<Status> Nfs4::introduce() {
  char random[NFS4_VERIFIER_SIZE] = {};
  if (::getrandom(random, sizeof random, 0) != sizeof random) random[0] = 1;
  // Every session is a client of its own, which shares nothing with those before it.
  std::uint64_t number = 0;
  std::memcpy(&number, random, sizeof number);
  std::string name = fmt::format("holdfast {} {} {:016x}", RpcCredential::own().machine, ::getpid(), number);
  std::string network = "tcp";
  std::string nowhere = "0.0.0.0.0.0";  // Nobody listens for calls back, so nothing is delegated to us.

  RpcCall call;
  Nfs4Compound compound;
  SETCLIENTID4args& arguments = compound.add(OP_SETCLIENTID).opsetclientid;
  std::copy(std::begin(random), std::end(random), arguments.client.verifier);
  arguments.client.id.id_len = static_cast<u_int>(name.size());
  arguments.client.id.id_val = name.data();
  arguments.callback.cb_location = {.r_netid = network.data(), .r_addr = nowhere.data()};
  Status told = co_await send(call, compound, "introduce ourselves");
  if (!told) co_return told;

  SETCLIENTID4resok given{};
  {
    const Nfs4Results results(call);
    const nfs_resop4* result = results.find(OP_SETCLIENTID);
    if (result == nullptr) co_return undecodable("introduce ourselves");
    given = result->nfs_resop4_u.opsetclientid.SETCLIENTID4res_u.resok4;
  }
  client_ = given.clientid;
  Nfs4Compound confirmation;
  SETCLIENTID_CONFIRM4args& confirmed = confirmation.add(OP_SETCLIENTID_CONFIRM).opsetclientid_confirm;
  confirmed.clientid = client_;
  std::copy(std::begin(given.setclientid_confirm), std::end(given.setclientid_confirm),
            confirmed.setclientid_confirm);
  confirmation.add(OP_PUTROOTFH);
  confirmation.get_attributes(filesystem_attributes());
  Status done = co_await send(call, confirmation, "introduce ourselves");
  if (!done) co_return done;
  const Nfs4Results results(call);
  const Result<Nfs4Values> values = values_of(results, "introduce ourselves");
  lease_seconds_ = values && values->lease_seconds != 0 ? values->lease_seconds : lease_unknown;
  renewal_ = std::make_unique<Renewal>(loop_, connection_, client_, lease_seconds_);
  co_return Status();
}

std::size_t Nfs4::take_owner() {
  for (std::size_t i = 0; i < open_owners_.size(); ++i) {
    if (open_owners_[i]->busy) continue;
    open_owners_[i]->busy = true;
    return i;
  }
  auto owner = std::make_unique<OpenOwner>();
  owner->name = fmt::format("holdfast {}", open_owners_.size());
  owner->busy = true;
  open_owners_.push_back(std::move(owner));
  return open_owners_.size() - 1;
}

void Nfs4::count(std::uint32_t& sequence, std::uint32_t status) const {
  if (std::find(std::begin(uncounted), std::end(uncounted), status) == std::end(uncounted)) ++sequence;
}

Task<Result<NfsNode>> Nfs4::create(const NfsHandle& parent, const std::string& name, const NfsChange& change,
                                   NfsOpen& open) {
  const Opening opening{
      .parent = parent, .name = name, .change = &change, .access = OPEN4_SHARE_ACCESS_WRITE};
  Result<NfsNode> made = co_await this->open(opening, open);
  co_return made;
}

Task<Result<NfsNode>> Nfs4::open(Opening opening, NfsOpen& open) {
  open.owner = take_owner();
  bool must_confirm = false;
  Result<NfsNode> node = Error{};
  for (unsigned again = 0;; ++again) {
    bool later = false;
    Result<NfsNode> opened = co_await open_once(opening, open, later, must_confirm);
    node = std::move(opened);
    if (!later) break;
    co_await connection_.pause(patience(again));
  }
  if (!node) {
    open_owners_[open.owner]->busy = false;
    co_return node;
  }
  open.held = true;
  if (!must_confirm) co_return node;
  Status confirmed = co_await confirm(node->handle, open);
  if (!confirmed) co_return confirmed.error();
  co_return node;
}

Task<Result<NfsNode>> Nfs4::open_once(const Opening& opening, NfsOpen& open, bool& later, bool& confirm) {
  const char* verb = opening.change == nullptr ? "open" : "create";
  RpcCall call;
  Nfs4Compound compound;
  OpenOwner& owner = *open_owners_[open.owner];
  const Nfs4Change wanted(opening.change == nullptr ? NfsChange() : *opening.change);
  compound.put(opening.parent);
  OPEN4args& arguments = compound.add(OP_OPEN).opopen;
  arguments.seqid = owner.sequence;
  arguments.share_access = opening.access;
  arguments.share_deny = OPEN4_SHARE_DENY_NONE;
  arguments.owner.clientid = client_;
  arguments.owner.owner.owner_len = static_cast<u_int>(owner.name.size());
  arguments.owner.owner.owner_val = owner.name.data();
  arguments.openhow.opentype = opening.change == nullptr ? OPEN4_NOCREATE : OPEN4_CREATE;
  if (opening.change != nullptr) {
    arguments.openhow.openflag4_u.how.mode = GUARDED4;
    arguments.openhow.openflag4_u.how.createhow4_u.createattrs = wanted.get();
  }
  arguments.claim.claim = CLAIM_NULL;
  arguments.claim.open_claim4_u.file = component_of(opening.name);
  compound.get_handle();
  compound.get_attributes(node_attributes());
  Status sent = co_await send_once(call, compound, verb);
  if (!sent) co_return sent.error();

  const Nfs4Results results(call);
  if (!results.ok()) co_return undecodable(verb);
  const nfs_resop4* result = results.find(OP_OPEN);
  if (result == nullptr) {
    later = asks_for_patience(results.status());
    co_return nfs_error(verb, results.status(), 4);
  }
  const OPEN4res& opened = result->nfs_resop4_u.opopen;
  count(owner.sequence, opened.status);
  later = asks_for_patience(opened.status);
  if (opened.status != NFS4_OK) co_return nfs_error(verb, opened.status, 4);
  open.state = state_of(opened.OPEN4res_u.resok4.stateid);
  confirm = (opened.OPEN4res_u.resok4.rflags & OPEN4_RESULT_CONFIRM) != 0;
  if (results.status() != NFS4_OK) co_return nfs_error(verb, results.status(), 4);
  co_return node_of(results, verb);
}

/// The server wants to hear once from a new owner that the request was no old one.
Task<Status> Nfs4::confirm(const NfsHandle& file, NfsOpen& open) {
  RpcCall call;
  Nfs4Compound compound;
  OpenOwner& owner = *open_owners_[open.owner];
  compound.put(file);
  OPEN_CONFIRM4args& arguments = compound.add(OP_OPEN_CONFIRM).opopen_confirm;
  arguments.open_stateid = state_of(open.state);
  arguments.seqid = owner.sequence;
  Status sent = co_await send_once(call, compound, "open");
  if (!sent) co_return sent;
  const Nfs4Results results(call);
  if (!results.ok()) co_return undecodable("open");
  const nfs_resop4* result = results.find(OP_OPEN_CONFIRM);
  if (result == nullptr) co_return undecodable("open");
  const OPEN_CONFIRM4res& confirmed = result->nfs_resop4_u.opopen_confirm;
  count(owner.sequence, confirmed.status);
  if (confirmed.status != NFS4_OK) co_return nfs_error("open", confirmed.status, 4);
  open.state = state_of(confirmed.OPEN_CONFIRM4res_u.resok4.open_stateid);
  co_return Status();
}

Task<Result<NfsFinished>> Nfs4::finish(const NfsHandle& file, NfsOpen& open, bool commit, const NfsChange& change) {
  NfsFinished finished;
  Status done;
  for (unsigned again = 0;; ++again) {
    bool later = false;
    Status tried = co_await finish_once(file, open, commit, change, finished, later);
    done = std::move(tried);
    if (!later) break;
    co_await connection_.pause(patience(again));
  }
  if (open.held && !connection_.failed()) {
    Status closed = co_await close(file, open);
    if (done) done = std::move(closed);
  }
  if (!done) co_return done.error();
  co_return finished;
}

Task<Status> Nfs4::finish_once(const NfsHandle& file, NfsOpen& open, bool commit, const NfsChange& change,
                               NfsFinished& finished, bool& later) {
  RpcCall call;
  Nfs4Compound compound;
  const Nfs4Change wanted(change);
  compound.put(file);
  if (commit) compound.add(OP_COMMIT).opcommit = {.offset = 0, .count = 0};
  if (!change.empty()) {
    SETATTR4args& arguments = compound.add(OP_SETATTR).opsetattr;
    arguments.stateid = change.size && open.held ? state_of(open.state) : anonymous_state;
    arguments.obj_attributes = wanted.get();
  }
  if (open.held) {
    CLOSE4args& arguments = compound.add(OP_CLOSE).opclose;
    arguments.seqid = open_owners_[open.owner]->sequence;
    arguments.open_stateid = state_of(open.state);
  }
  if (!change.empty()) compound.get_attributes(node_attributes());
  Status sent = co_await send_once(call, compound, "finish the file");
  if (!sent) co_return sent;
  const Nfs4Results results(call);
  if (!results.ok()) co_return undecodable("finish the file");
  note_close(results, open);
  later = asks_for_patience(results.status());
  if (results.status() != NFS4_OK) co_return nfs_error("finish the file", results.status(), 4);
  if (commit) {
    const nfs_resop4* result = results.find(OP_COMMIT);
    if (result == nullptr) co_return undecodable("commit");
    NfsVerifier verifier{};
    std::copy_n(result->nfs_resop4_u.opcommit.COMMIT4res_u.resok4.writeverf, verifier.size(), verifier.begin());
    finished.verifier = verifier;
  }
  if (change.empty()) co_return Status();
  const Result<Nfs4Values> values = values_of(results, "finish the file");
  if (!values) co_return values.error();
  finished.facts = values->facts;
  co_return Status();
}

void Nfs4::note_close(const Nfs4Results& results, NfsOpen& open) {
  const nfs_resop4* result = results.find(OP_CLOSE);
  if (result == nullptr) return;
  OpenOwner& owner = *open_owners_[open.owner];
  count(owner.sequence, result->nfs_resop4_u.opclose.status);
  if (asks_for_patience(result->nfs_resop4_u.opclose.status)) return;
  open.held = false;
  owner.busy = false;
}

Task<Status> Nfs4::close(const NfsHandle& file, NfsOpen& open) {
  const NfsChange nothing;
  NfsFinished finished;
  for (unsigned again = 0;; ++again) {
    bool later = false;
    Status closed = co_await finish_once(file, open, false, nothing, finished, later);
    if (!later) co_return closed;
    co_await connection_.pause(patience(again));
  }
}

Task<Result<bool>> Nfs4::lock(const NfsNode& file, const NfsHandle& parent, const std::string& name,
                              NfsLocks& locks, const NfsRange& range, bool exclusive) {
  if (!locks.open.held) {
    locks = NfsLocks();
    const Opening opening{.parent = parent, .name = name, .change = nullptr, .access = OPEN4_SHARE_ACCESS_BOTH};
    Result<NfsNode> opened = co_await open(opening, locks.open);
    if (!opened) co_return opened.error();
  }
  // An owner that was denied its first lock may be known to the server or not, so each try has a new one.
  if (!locks.known) locks.owner = ++lock_owners_;
  Result<bool> granted = co_await lock_open(file, locks, range, exclusive);
  if (granted && *granted) ++locks.count;
  if (!granted && locks.count == 0 && !connection_.failed()) {
    Status closed = co_await close(file.handle, locks.open);
    static_cast<void>(closed);  // The refusal is what counts.
  }
  co_return granted;
}

Task<Result<bool>> Nfs4::lock_open(const NfsNode& file, NfsLocks& locks, const NfsRange& range, bool exclusive) {
  RpcCall call;
  Nfs4Compound compound;
  OpenOwner& open_owner = *open_owners_[locks.open.owner];
  std::string name = lock_owner_name(locks.owner);
  const bool known = locks.known;
  compound.put(file.handle);
  LOCK4args& arguments = compound.add(OP_LOCK).oplock;
  arguments.locktype = exclusive ? WRITEW_LT : READW_LT;
  arguments.offset = range.offset;
  arguments.length = range.bytes;
  arguments.locker.new_lock_owner = known ? 0 : 1;
  if (known) {
    arguments.locker.locker4_u.lock_owner = {.lock_stateid = state_of(locks.state), .lock_seqid = locks.sequence};
  } else {
    open_to_lock_owner4& first = arguments.locker.locker4_u.open_owner;
    first.open_seqid = open_owner.sequence;
    first.open_stateid = state_of(locks.open.state);
    first.lock_seqid = locks.sequence;
    first.lock_owner.clientid = client_;
    first.lock_owner.owner.owner_len = static_cast<u_int>(name.size());
    first.lock_owner.owner.owner_val = name.data();
  }
  Status sent = co_await send_once(call, compound, "lock");
  if (!sent) co_return sent.error();
  const Nfs4Results results(call);
  if (!results.ok()) co_return undecodable("lock");
  const nfs_resop4* result = results.find(OP_LOCK);
  if (result == nullptr) co_return nfs_error("lock", results.status(), 4);
  const LOCK4res& locked = result->nfs_resop4_u.oplock;
  if (!known) count(open_owner.sequence, locked.status);
  if (locked.status == NFS4_OK || known) count(locks.sequence, locked.status);
  if (locked.status == NFS4_OK) {
    locks.known = true;
    locks.state = state_of(locked.LOCK4res_u.resok4.lock_stateid);
    co_return true;
  }
  if (locked.status == NFS4ERR_DENIED || asks_for_patience(locked.status)) co_return false;
  co_return nfs_error("lock", locked.status, 4);
}

Task<Status> Nfs4::unlock(const NfsNode& file, NfsLocks& locks, const NfsRange& range) {
  if (!locks.known) co_return Error{ErrorKind::invalid_input, EINVAL, "unlock: nothing is locked"};
  std::uint32_t status = NFS4_OK;
  for (unsigned again = 0;; ++again) {
    RpcCall call;
    Nfs4Compound compound;
    compound.put(file.handle);
    LOCKU4args& arguments = compound.add(OP_LOCKU).oplocku;
    arguments.locktype = WRITE_LT;
    arguments.seqid = locks.sequence;
    arguments.lock_stateid = state_of(locks.state);
    arguments.offset = range.offset;
    arguments.length = range.bytes;
    Status sent = co_await send_once(call, compound, "unlock");
    if (!sent) co_return sent;
    {
      const Nfs4Results results(call);
      if (!results.ok()) co_return undecodable("unlock");
      status = results.status();
      if (const nfs_resop4* result = results.find(OP_LOCKU)) {
        count(locks.sequence, status);
        if (status == NFS4_OK) locks.state = state_of(result->nfs_resop4_u.oplocku.LOCKU4res_u.lock_stateid);
      }
    }
    if (!asks_for_patience(status)) break;
    co_await connection_.pause(patience(again));
  }
  if (status != NFS4_OK) co_return nfs_error("unlock", status, 4);
  if (--locks.count != 0) co_return Status();
  locks.known = false;
  Status closed = co_await close(file.handle, locks.open);
  co_return closed;
}

}  // namespace holdfast::initiator
