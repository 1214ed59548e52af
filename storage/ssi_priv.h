/* ssi_priv.h - what ssi.c (transactions and the edges between them) and ssi_lock.c (what they have read) share. All of it is guarded
 * by Ssi.mutex, which is taken inside of page latches and holds nothing but malloc's. */
#ifndef STORAGE_SSI_PRIV_H
#define STORAGE_SSI_PRIV_H

#include "storage/instance.h"
#include "storage/ssi.h"

enum {
    SSI_FINISHED_MAX = 4096,  /* finished transactions remembered one by one */
    SSI_OLD_LOCKS_MAX = 65536, /* locks of those that were merged, before they become relation locks */
    SSI_CSN_BUCKETS = 1024,
    SSI_FIRST_USER_OID = 16384,
};

enum SsiFlag {
    SSI_PREPARED = 1,      /* may not be made to fail any more: it has begun to commit, or has */
    SSI_COMMITTED = 2,
    SSI_DOOMED = 4,        /* fails at its next step */
    SSI_READ_ONLY = 8,     /* declared so, or ended without a write */
    SSI_DECLARED_RO = 16,
    SSI_CONFLICT_OUT = 32, /* committed with an edge out to one that committed before it: earliest_out */
    SSI_SUMMARY_IN = 64,   /* an edge from a transaction that was merged */
    SSI_SUMMARY_OUT = 128, /* an edge to one */
    SSI_SAFE = 256,        /* read-only: nobody can harm it; it is not followed any more */
    SSI_UNSAFE = 512,      /* read-only: the snapshot may show what no order explains */
};

/* An edge from reader to writer. EDGE_UNSAFE: from a read-only transaction to a writer that runs beside it and may yet make its snapshot
 * unsafe. */
typedef enum SsiEdgeKind { EDGE_RW, EDGE_UNSAFE, EDGE_KINDS } SsiEdgeKind;
typedef struct SsiEdge {
    SsiTx *reader, *writer;
    struct SsiEdge *out_next, **out_at; /* among the reader's */
    struct SsiEdge *in_next, **in_at;   /* among the writer's */
} SsiEdge;

typedef struct SsiTag {
    uint32_t rel;
    PageNo page;
    uint32_t slot;
} SsiTag;

typedef struct SsiTarget SsiTarget;
typedef struct SsiLock {
    SsiTarget *target;
    SsiTx *tx;
    struct SsiLock *target_next, **target_at;
    struct SsiLock *tx_next, **tx_at;
    uint64_t commit_seq; /* of Ssi.old's: the last reader's */
} SsiLock;
struct SsiTarget { /* something that somebody has read */
    SsiTarget *next;   /* in its bucket */
    SsiTag tag;
    SsiLock *locks;
};

/* How many finer locks of one transaction lie below a page or relation; open addressing by tag. */
typedef struct SsiCount {
    SsiTag tag;
    bool used, held;
    uint32_t children;
} SsiCount;

struct SsiTx {
    SsiTx *next, *prev; /* among the active, by snapshot; or the finished, by end */
    SsiTx *csn_next;
    uint32_t flags;
    int slot;           /* of its connection; -1 once it has ended */
    uint32_t ntx;       /* number of the transaction in its session */
    Lsn csn;            /* 0: none yet */
    /* Numbers from Ssi.last_seq, which goes up with each commit begun and each end. */
    uint64_t snapshot_seq, prepare_seq, commit_seq, earliest_out;
    SsiEdge *out[EDGE_KINDS], *in[EDGE_KINDS];
    SsiLock *locks;
    SsiCount *counts;
    uint32_t ncounts, counts_cap;
};

typedef struct Ssi {
    Mutex mutex;
    Cond safe_cond;            /* some read-only transaction knows whether it is safe */
    uint64_t last_seq;
    uint32_t nwriters;         /* active and not declared read-only */
    SsiTx *active, *active_tail, *finished, *finished_tail;
    uint32_t nfinished;
    SsiTx *by_csn[SSI_CSN_BUCKETS];
    SsiTx *running[CONNS_MAX]; /* by connection */
    SsiTx old;                 /* those that were merged: their locks */
    uint32_t nold_locks;
    Lsn old_csn;               /* the newest of them */
    SsiTarget **buckets;
    uint32_t nbuckets;
    _Atomic uint32_t ntargets; /* 0: nobody has a lock; read without the mutex */
} Ssi;

/* ssi_lock.c */
Status ssi_locks_init(Ctx *ctx, Ssi *s);
void ssi_locks_free(Ssi *s);
Status ssi_lock_add(Ctx *ctx, Ssi *s, SsiTx *t, SsiTag tag);
void ssi_lock_release_all(Ssi *s, SsiTx *t);
void ssi_lock_merge(Ssi *s, SsiTx *t);             /* its locks become Ssi.old's */
void ssi_lock_forget_old(Ssi *s, uint64_t oldest); /* Ssi.old's, where nobody runs who ran beside their readers */
SsiTarget *ssi_target_find(Ssi *s, SsiTag tag);

static inline bool
ssi_has(const SsiTx *t, uint32_t flags)
{
    return (t->flags & flags) != 0;
}

#endif
