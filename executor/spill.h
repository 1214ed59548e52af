/* spill.h - temporary files for what does not fit in work_mem. Never logged, gone when closed or when the process ends.
 *
 * A file is appended to in large pieces and read at any offset. One thread uses one file. Errors: 53100 when
 * the disk is full, 58030 for other failures.
 */
#ifndef EXECUTOR_SPILL_H
#define EXECUTOR_SPILL_H

#include "common/ctx.h"

typedef struct SpillFile SpillFile;

Status spill_open(Ctx *ctx, SpillFile **out);
/* Appends; *offset_out is where it went. Buffered: spill_read sees everything written. */
Status spill_write(SpillFile *f, const void *data, size_t nbytes, int64_t *offset_out);
Status spill_read(SpillFile *f, int64_t offset, void *buf, size_t nbytes);
int64_t spill_bytes(const SpillFile *f);
/* Forgets the content; the room is used again. */
Status spill_truncate(SpillFile *f);
void spill_close(SpillFile *f); /* NULL is fine */

#endif
