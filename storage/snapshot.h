/* snapshot.h - what a statement sees.
 *
 * A transaction's commit has a CSN, the LSN of its commit record. A snapshot is the mark up to which commits are published:
 * an xid of others is visible if its CSN is at or below the mark. Among the transaction's own xids, which ascend, those below
 * cmd_xid are visible: they were written by earlier commands. There is no command counter on pages.
 *
 * Tests come cheapest first: below settled everything is committed and visible to all; then one load from the xid map.
 */
#ifndef STORAGE_SNAPSHOT_H
#define STORAGE_SNAPSHOT_H

#include "storage/format.h"
#include <stdatomic.h>
#include <stdbool.h>

struct XidMap;
struct AbortedSet;

/* States of an xid in the map; every other value is a CSN. */
#define XID_STATE_RUNNING ((uint64_t)1 << 63)  /* low bits: slot of the connection that owns it */
#define XID_STATE_ABORTED ((uint64_t)1 << 62)
#define XID_STATE_CSN_MAX (XID_STATE_ABORTED - 1)

typedef struct Snapshot {
    Lsn mark;                       /* CSNs up to here are visible */
    Xid settled;                    /* every xid below is committed and visible to everyone */
    Xid cmd_xid;                    /* own xids below are visible */
    uint64_t own;                   /* the state own xids have: XID_STATE_RUNNING | slot */
    struct XidMap *map;
    struct SsiTx *ssi;              /* whose reads are followed (ssi.h); NULL: nobody's */
} Snapshot;

/* Visibility of an xid at or above settled. */
bool xid_visible_slow(const Snapshot *snap, Xid xid);
/* State of an xid the snapshot does not see: running, or a CSN behind its mark. 0: seen, its own, or aborted. */
uint64_t xid_unseen_state(const Snapshot *snap, Xid xid);
/* Whether what xid wrote (as xmin), or ended (as xmax), counts. xid 0 as xmin is visible; ask for an xmax only if it is not 0. */
static inline bool
xid_visible(const Snapshot *snap, Xid xid)
{
    if (__builtin_expect(xid < snap->settled, 1)) return true;
    return xid_visible_slow(snap, xid);
}

#endif
