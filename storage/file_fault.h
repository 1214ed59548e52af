/* file_fault.h - the file table's twin for tests: files in memory that fail, tear and lose power on request.
 *
 * What has been written but not synced is remembered write by write. A power loss keeps a random choice of the 512-byte sectors of
 * those writes, in any order, and what was synced. Directory entries count as written, too: a file made, renamed or removed since the last
 * sync of its directory may be as it was. The same seed gives the same loss.
 *
 * Threads: calls are serialised by one mutex of the FaultFs.
 */
#ifndef STORAGE_FILE_FAULT_H
#define STORAGE_FILE_FAULT_H

#include "storage/file.h"

typedef struct FaultFs FaultFs;

typedef enum FaultKind { FAULT_READ = 1, FAULT_WRITE = 2, FAULT_SYNC = 4, FAULT_OPEN = 8, FAULT_ALLOCATE = 16,
                         FAULT_OTHER = 32, FAULT_ANY = 63 } FaultKind;

FaultFs *fault_fs_create(void);     /* NULL when memory is out */
void fault_fs_destroy(FaultFs *fs); /* every file is closed by then */
/* Another one with the same files, all of it durable; NULL when memory is out. */
FaultFs *fault_fs_clone(FaultFs *fs);
const FileOps *fault_fs_ops(FaultFs *fs);

/* The n-th call of these kinds from now fails with errnum (0: the next), and those after it, times in all; times < 0: for ever.
 * n < 0: none. */
void fault_fs_fail(FaultFs *fs, unsigned kinds, int64_t n, int errnum, int64_t times);
bool fault_fs_has_failed(FaultFs *fs); /* since then some call has */
/* Calls of these kinds so far. */
int64_t fault_fs_calls(FaultFs *fs, unsigned kinds);
/* From now on syncs succeed and make nothing durable. */
void fault_fs_lie(FaultFs *fs, bool on);
/* The process is gone: locks and open files are, all written bytes stay. Files still open in the program may only be closed. */
void fault_fs_kill(FaultFs *fs);
/* The power is gone as well: unsynced writes are kept or lost sector by sector. */
void fault_fs_power_loss(FaultFs *fs, uint64_t seed);
/* Flips a bit of a file's bytes; for checksum tests. False if there is no such byte. */
bool fault_fs_flip(FaultFs *fs, const char *path, uint64_t bit);
/* The bytes of a file as written, for tests that cut or copy; NULL if it does not exist. */
const uint8_t *fault_fs_bytes(FaultFs *fs, const char *path, uint64_t *nbytes_out);
void fault_fs_truncate(FaultFs *fs, const char *path, uint64_t nbytes);

#endif
