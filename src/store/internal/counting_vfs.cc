#include "store/internal/counting_vfs.h"

#include <fmt/format.h>

namespace ae::store::internal {
namespace {

// What SQLite allocates for each open file: this, then the base's own structure.
struct File {
  sqlite3_file header;
  CountingVfs* owner;
};

CountingVfs& owner_of(sqlite3_vfs* vfs) { return *static_cast<CountingVfs*>(vfs->pAppData); }
sqlite3_vfs* base_of(sqlite3_vfs* vfs) { return owner_of(vfs).base(); }
File* cast(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(cast(file) + 1); }

int file_close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
int file_read(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), to, amount, offset);
}
int file_write(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
  return real(file)->pMethods->xWrite(real(file), from, amount, offset);
}
int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  return real(file)->pMethods->xTruncate(real(file), size);
}
int file_sync(sqlite3_file* file, int flags) {
  cast(file)->owner->count_sync();
  return real(file)->pMethods->xSync(real(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int file_lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int file_unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int file_check_reserved(sqlite3_file* file, int* reserved) {
  return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int file_sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int file_characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

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
  methods.xUnlock = file_unlock;
  methods.xCheckReservedLock = file_check_reserved;
  methods.xFileControl = file_control;
  methods.xSectorSize = file_sector_size;
  methods.xDeviceCharacteristics = file_characteristics;
  return methods;
}
const sqlite3_io_methods kMethods = make_methods();

int vfs_open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags,
             int* out_flags) {
  cast(file)->owner = &owner_of(vfs);
  file->pMethods = nullptr;
  real(file)->pMethods = nullptr;
  const int status = base_of(vfs)->xOpen(base_of(vfs), name, real(file), flags, out_flags);
  // SQLite closes a file whose methods are set even when opening failed.
  if (real(file)->pMethods != nullptr) file->pMethods = &kMethods;
  return status;
}
int vfs_delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  return base_of(vfs)->xDelete(base_of(vfs), name, sync_folder);
}
int vfs_access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  return base_of(vfs)->xAccess(base_of(vfs), name, flags, result);
}
int vfs_full_pathname(sqlite3_vfs* vfs, const char* name, int size, char* out) {
  return base_of(vfs)->xFullPathname(base_of(vfs), name, size, out);
}
int vfs_randomness(sqlite3_vfs* vfs, int size, char* out) {
  return base_of(vfs)->xRandomness(base_of(vfs), size, out);
}
int vfs_sleep(sqlite3_vfs* vfs, int microseconds) {
  return base_of(vfs)->xSleep(base_of(vfs), microseconds);
}
int vfs_current_time(sqlite3_vfs* vfs, double* now) {
  return base_of(vfs)->xCurrentTime(base_of(vfs), now);
}
int vfs_last_error(sqlite3_vfs* vfs, int size, char* out) {
  return base_of(vfs)->xGetLastError(base_of(vfs), size, out);
}

std::string unique_name() {
  static std::atomic<std::uint64_t> counter = 0;
  return fmt::format("ae-counting-{}", ++counter);
}

}  // namespace

CountingVfs::CountingVfs(sqlite3_vfs* base) : base_(base), name_(unique_name()) {
  vfs_.iVersion = 1;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + base->szOsFile;
  vfs_.mxPathname = base->mxPathname;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = vfs_open;
  vfs_.xDelete = vfs_delete;
  vfs_.xAccess = vfs_access;
  vfs_.xFullPathname = vfs_full_pathname;
  vfs_.xRandomness = vfs_randomness;
  vfs_.xSleep = vfs_sleep;
  vfs_.xCurrentTime = vfs_current_time;
  vfs_.xGetLastError = vfs_last_error;
  sqlite3_vfs_register(&vfs_, 0);
}

CountingVfs::~CountingVfs() { sqlite3_vfs_unregister(&vfs_); }

}  // namespace ae::store::internal
