#include "store/power_fail_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace ae::store {
namespace {

constexpr std::size_t kSector = 512;

// A write or a truncation that no sync has covered yet.
struct Change {
  enum class Kind { kWrite, kTruncate } kind;
  std::size_t offset;  // for kTruncate: the new size
  std::string bytes;
};

void replay(std::string& content, const Change& change) {
  if (change.kind == Change::Kind::kTruncate) {
    content.resize(change.offset);
    return;
  }
  content.resize(std::max(content.size(), change.offset + change.bytes.size()));
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

struct Inode {
  std::string durable;
  std::string written;
  std::vector<Change> unsynced;  // durable + these = written

  void change(Change next) {
    replay(written, next);
    unsynced.push_back(std::move(next));
  }
  void sync() {
    for (const Change& made : unsynced) replay(durable, made);
    unsynced.clear();
  }
};
using Folder = std::map<std::string, std::shared_ptr<Inode>>;
using Loss = PowerFailVfs::Loss;

// The machine: what SQLite's callbacks work on. Whoever calls holds the mutex.
struct Disk {
  explicit Disk(std::uint64_t seed);
  ~Disk() { sqlite3_vfs_unregister(&vfs); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // One open file; dies with the power.
  struct Handle {
    Disk* disk;
    std::shared_ptr<Inode> inode;
    std::uint64_t epoch;
    bool sync_folder;  // its first sync keeps the folder's entries too
  };

  void lose_power(Loss loss);
  bool alive(const Handle& handle) const { return powered && handle.epoch == epoch; }
  // Counts a change of the disk. False when the power failed instead.
  bool begin_operation();
  int open(const char* name, int flags, Handle*& out);
  int sync(Handle& handle);
  int remove(const std::string& name, bool sync_folder);

  mutable std::mutex mutex;
  std::string vfs_name;
  sqlite3_vfs vfs{};
  std::mt19937_64 random;
  Folder written;
  Folder durable;
  bool powered = true;
  std::uint64_t epoch = 0;  // power losses so far
  std::uint64_t operations = 0;
  std::uint64_t syncs = 0;
  std::uint64_t cut_in = 0;
  Loss cut_loss = Loss::kDropAll;
  std::uint64_t forget_every = 0;
  bool coin() { return (random() & 1U) != 0; }
  void tear(Inode& inode);
};

// Each sector of each unsynced write arrived or did not, whatever came before or after it.
void Disk::tear(Inode& inode) {
  for (const Change& change : inode.unsynced) {
    if (change.kind == Change::Kind::kTruncate) {
      if (coin()) replay(inode.durable, change);
      continue;
    }
    for (std::size_t at = 0; at < change.bytes.size();) {
      const std::size_t offset = change.offset + at;
      const std::size_t length = std::min(kSector - offset % kSector, change.bytes.size() - at);
      if (coin()) {
        replay(inode.durable, {Change::Kind::kWrite, offset, change.bytes.substr(at, length)});
      }
      at += length;
    }
  }
}

void Disk::lose_power(Loss loss) {
  powered = false;
  ++epoch;
  cut_in = 0;
  std::set<std::string> names;
  std::set<Inode*> settled;
  for (const Folder* folder : {&written, &durable}) {
    for (const auto& [name, inode] : *folder) {
      names.insert(name);
      if (!settled.insert(inode.get()).second) continue;
      if (loss == Loss::kTearRandomly) tear(*inode);
      inode->unsynced.clear();
      inode->written = inode->durable;
    }
  }
  for (const std::string& name : names) {
    if (loss == Loss::kDropAll || !coin()) continue;
    if (const auto found = written.find(name); found != written.end()) {
      durable[name] = found->second;
    } else {
      durable.erase(name);
    }
  }
  written = durable;
}

bool Disk::begin_operation() {
  ++operations;
  if (cut_in != 0) {
    --cut_in;
    if (cut_in == 0) lose_power(cut_loss);
  }
  return powered;
}

int Disk::open(const char* name, int flags, Handle*& out) {
  if (!powered) return SQLITE_CANTOPEN;
  std::shared_ptr<Inode> inode;
  if (name == nullptr) {
    inode = std::make_shared<Inode>();  // a temporary file, never seen by anybody else
  } else if (const auto found = written.find(name); found != written.end()) {
    inode = found->second;
  } else if ((flags & SQLITE_OPEN_CREATE) != 0) {
    inode = written[name] = std::make_shared<Inode>();
  } else {
    return SQLITE_CANTOPEN;
  }
  constexpr int kJournals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  const bool sync_folder = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & kJournals) != 0;
  out = new Handle{this, std::move(inode), epoch, sync_folder};
  return SQLITE_OK;
}

int Disk::sync(Handle& handle) {
  if (!alive(handle) || !begin_operation()) return SQLITE_IOERR_FSYNC;
  ++syncs;
  if (forget_every != 0 && syncs % forget_every == 0) return SQLITE_OK;
  handle.inode->sync();
  if (std::exchange(handle.sync_folder, false)) durable = written;
  return SQLITE_OK;
}

int Disk::remove(const std::string& name, bool sync_folder) {
  if (!powered || !begin_operation()) return SQLITE_IOERR_DELETE;
  if (written.erase(name) == 0) return SQLITE_IOERR_DELETE_NOENT;
  if (sync_folder) durable = written;
  return SQLITE_OK;
}

struct File {
  sqlite3_file header;
  Disk::Handle* handle;
};

Disk::Handle& handle_of(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->handle; }

int file_close(sqlite3_file* file) {
  delete reinterpret_cast<File*>(file)->handle;
  return SQLITE_OK;
}

int file_read(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset) {
  Disk::Handle& handle = handle_of(file);
  const std::lock_guard lock(handle.disk->mutex);
  if (!handle.disk->alive(handle)) return SQLITE_IOERR_READ;
  const std::string& content = handle.inode->written;
  const auto wanted = static_cast<std::size_t>(amount);
  const std::size_t from = std::min(content.size(), static_cast<std::size_t>(offset));
  const std::size_t have = std::min(wanted, content.size() - from);
  std::memcpy(to, content.data() + from, have);
  std::memset(static_cast<char*>(to) + have, 0, wanted - have);
  return have == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int file_write(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
  Disk::Handle& handle = handle_of(file);
  const std::lock_guard lock(handle.disk->mutex);
  if (!handle.disk->alive(handle) || !handle.disk->begin_operation()) return SQLITE_IOERR_WRITE;
  handle.inode->change(
      {Change::Kind::kWrite, static_cast<std::size_t>(offset),
       std::string(static_cast<const char*>(from), static_cast<std::size_t>(amount))});
  return SQLITE_OK;
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  Disk::Handle& handle = handle_of(file);
  const std::lock_guard lock(handle.disk->mutex);
  if (!handle.disk->alive(handle) || !handle.disk->begin_operation()) return SQLITE_IOERR_TRUNCATE;
  handle.inode->change({Change::Kind::kTruncate, static_cast<std::size_t>(size), {}});
  return SQLITE_OK;
}

int file_sync(sqlite3_file* file, int /*flags*/) {
  Disk::Handle& handle = handle_of(file);
  const std::lock_guard lock(handle.disk->mutex);
  return handle.disk->sync(handle);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  Disk::Handle& handle = handle_of(file);
  const std::lock_guard lock(handle.disk->mutex);
  if (!handle.disk->alive(handle)) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(handle.inode->written.size());
  return SQLITE_OK;
}

int file_lock(sqlite3_file* /*file*/, int /*level*/) { return SQLITE_OK; }
int file_check_reserved(sqlite3_file* /*file*/, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) {
  return SQLITE_NOTFOUND;
}
int file_sector_size(sqlite3_file* /*file*/) { return static_cast<int>(kSector); }
// As SQLite's own VFS for Linux: writing a part of a sector leaves the rest of it alone.
int file_characteristics(sqlite3_file* /*file*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;
  methods.xClose = file_close;
  methods.xRead = file_read;
  methods.xWrite = file_write;
  methods.xTruncate = file_truncate;
  methods.xSync = file_sync;
  methods.xFileSize = file_size;
  methods.xLock = file_lock;
  methods.xUnlock = file_lock;
  methods.xCheckReservedLock = file_check_reserved;
  methods.xFileControl = file_control;
  methods.xSectorSize = file_sector_size;
  methods.xDeviceCharacteristics = file_characteristics;
  return methods;
}
const sqlite3_io_methods kMethods = make_methods();

Disk& disk_of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

int vfs_open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags,
             int* out_flags) {
  Disk& disk = disk_of(vfs);
  const std::lock_guard lock(disk.mutex);
  auto* opened = reinterpret_cast<File*>(file);
  file->pMethods = nullptr;
  const int status = disk.open(name, flags, opened->handle);
  if (status != SQLITE_OK) return status;
  file->pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Disk& disk = disk_of(vfs);
  const std::lock_guard lock(disk.mutex);
  return disk.remove(name, sync_folder != 0);
}

// As SQLite's own: an empty file counts as absent.
int vfs_access(sqlite3_vfs* vfs, const char* name, int /*flags*/, int* result) {
  Disk& disk = disk_of(vfs);
  const std::lock_guard lock(disk.mutex);
  if (!disk.powered) return SQLITE_IOERR_ACCESS;
  const auto found = disk.written.find(name);
  *result = found != disk.written.end() && !found->second->written.empty() ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full_pathname(sqlite3_vfs* /*vfs*/, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int vfs_randomness(sqlite3_vfs* vfs, int size, char* out) {
  Disk& disk = disk_of(vfs);
  const std::lock_guard lock(disk.mutex);
  for (int i = 0; i < size; ++i) out[i] = static_cast<char>(disk.random() & 0xffU);
  return size;
}

int vfs_sleep(sqlite3_vfs* /*vfs*/, int microseconds) { return microseconds; }

int vfs_current_time(sqlite3_vfs* /*vfs*/, double* now) {
  *now = 2'460'000.5;  // a Julian day in February 2023: time does not pass here
  return SQLITE_OK;
}

int vfs_last_error(sqlite3_vfs* /*vfs*/, int /*size*/, char* /*out*/) { return 0; }

std::string unique_name() {
  static std::atomic<std::uint64_t> counter = 0;
  return fmt::format("ae-power-fail-{}", ++counter);
}

Disk::Disk(std::uint64_t seed) : vfs_name(unique_name()), random(seed) {
  vfs.iVersion = 1;
  vfs.szOsFile = static_cast<int>(sizeof(File));
  vfs.mxPathname = 512;
  vfs.zName = vfs_name.c_str();
  vfs.pAppData = this;
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_pathname;
  vfs.xRandomness = vfs_randomness;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTime = vfs_current_time;
  vfs.xGetLastError = vfs_last_error;
  sqlite3_vfs_register(&vfs, 0);
}

}  // namespace

class PowerFailVfs::Impl {
 public:
  explicit Impl(std::uint64_t seed) : disk(seed) {}
  Disk disk;
};

PowerFailVfs::PowerFailVfs(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
PowerFailVfs::~PowerFailVfs() = default;

const std::string& PowerFailVfs::name() const { return impl_->disk.vfs_name; }

void PowerFailVfs::power_loss(Loss loss) {
  const std::lock_guard lock(impl_->disk.mutex);
  impl_->disk.lose_power(loss);
}

void PowerFailVfs::power_on() {
  const std::lock_guard lock(impl_->disk.mutex);
  impl_->disk.powered = true;
}

void PowerFailVfs::power_loss_at(std::uint64_t operation, Loss loss) {
  const std::lock_guard lock(impl_->disk.mutex);
  impl_->disk.cut_in = operation;
  impl_->disk.cut_loss = loss;
}

std::uint64_t PowerFailVfs::operations() const {
  const std::lock_guard lock(impl_->disk.mutex);
  return impl_->disk.operations;
}

std::uint64_t PowerFailVfs::syncs() const {
  const std::lock_guard lock(impl_->disk.mutex);
  return impl_->disk.syncs;
}

void PowerFailVfs::forget_every_sync(std::uint64_t n) {
  const std::lock_guard lock(impl_->disk.mutex);
  impl_->disk.forget_every = n;
}

}  // namespace ae::store
