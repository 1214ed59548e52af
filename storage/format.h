/* format.h - every byte of the database file and of the log that the lower half of storage defines.
 *
 * The file is an array of pages of one size, 8 to 64 KiB, chosen at creation:
 *
 *     page 0, 1   the database header, twice; the valid one with the higher counter counts
 *     page 2      the meta page: root page numbers of named relations (PAGE_META)
 *     page 3      space map 0: a bit a page of the file, set: in use (PAGE_SPACE)
 *     page 4 ...  relations; space map k, k > 0, is the first page of the pages it covers
 *
 * A relation is known by its root, which is its first map page (PAGE_MAP). Map pages form a chain and
 * say which extents (runs of neighbouring pages) the relation owns and what is known of each page.
 *
 * Numbers are little-endian, as the machines are that this runs on; a big-endian build is refused below.
 * Heap and index pages are described in their own headers (storage/heap_format.h, storage/btree.h); all
 * start with PageHeader.
 */
#ifndef STORAGE_FORMAT_H
#define STORAGE_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file format is little-endian");

typedef uint32_t PageNo; /* number of a page in the file; 0 is the header and so means none */
typedef uint64_t Lsn;    /* position in the log's stream of bytes; 0: none */
typedef uint64_t Xid;    /* transaction id; 0: none, or (as xmin) committed before anyone's memory */

enum {
    PAGE_BYTES_MIN = 8192,
    PAGE_BYTES_DEFAULT = 16384,
    PAGE_BYTES_MAX = 65536,
    FORMAT_VERSION = 6,

    PAGE_NO_META = 2,
    PAGE_NO_SPACE = 3,
    PAGE_NO_FIRST = 4,
};

#define PAGE_NONE ((PageNo)0)
#define XID_NONE ((Xid)0)
#define XID_FIRST ((Xid)8) /* smaller ones are reserved */

typedef enum PageType {
    PAGE_UNUSED = 0,
    PAGE_META = 1,
    PAGE_SPACE = 2,
    PAGE_MAP = 3,
    PAGE_HEAP = 4,
    PAGE_OVERFLOW = 5,
    PAGE_BTREE = 6,
    PAGE_HASH = 7,
    PAGE_BRIN = 8,
    PAGE_GIN = 9,
    PAGE_HNSW = 10,
    PAGE_IVF = 11,
    PAGE_COUNTER = 12,
    PAGE_LIST = 13,  /* what did not fit a copy of the database header */
    PAGE_TYPE_COUNT
} PageType;

enum PageFlag {
    /* Allocated, nothing but the header on it: the record that fills it is still to come (or was never
     * written). Whoever reads one treats it as empty. Cleared by the first change of content. */
    PAGE_FLAG_BLANK = 1,
    /* Heap: every tuple is visible to all, and the map says so. Whoever changes visibility clears both in
     * the record of the change. */
    PAGE_FLAG_ALL_VISIBLE = 2,
    /* Taken out of its tree, list or graph; see rel_unlink_begin. */
    PAGE_FLAG_UNLINKED = 4,
};

/* The first bytes of every page but 0 and 1. crc covers the page from byte 12 on and lsn, seeded with the
 * page's number and the database's id: a page at the wrong place does not verify. It is computed on the way to disk
 * and is stale in memory. */
typedef struct PageHeader {
    Lsn lsn;             /* end of the last record that changed the page */
    uint32_t crc;        /* CRC32C */
    PageNo rel;          /* root of the relation it belongs to; PAGE_NONE for meta and space maps */
    uint8_t type;        /* PageType */
    uint8_t flags;       /* PageFlag */
    uint16_t map_index;  /* this page's entry in its map page */
    PageNo map;          /* the map page that describes it; a map page: the next in the chain */
    uint16_t gap_begin;  /* bytes [gap_begin, gap_begin + gap_bytes) mean nothing: */
    uint16_t gap_bytes;  /*   images leave them out, and restore them as zeros */
    uint32_t reserved;   /* 0 */
} PageHeader;
static_assert(sizeof(PageHeader) == 32, "PageHeader");
static_assert(offsetof(PageHeader, rel) == 12, "PageHeader.rel");

#define PAGE_BODY ((uint32_t)sizeof(PageHeader)) /* offset of the first byte a page type may use */

/* ---- pages 0 and 1: the database header ---- */

#define DB_MAGIC 0x0A314E52455551ABull /* "\xABQUERN1\n" */

/* Followed by the numbers of the list pages of copy 0 and of copy 1 (PageNo each), then from the next multiple of 16 on by nranges XidRange
 * and npending RelPending. What does not fit goes on in the list pages of this copy (PAGE_LIST), so that writing one copy never touches
 * what the other refers to. Both copies name the pages of both, so that none is lost with a torn copy. */
typedef struct DbHeader {
    uint64_t magic;
    uint32_t version;    /* FORMAT_VERSION */
    uint32_t page_bytes;
    uint8_t id[16];      /* random, chosen at creation */
    uint32_t crc;        /* CRC32C of the page with this field 0 */
    uint32_t flags;      /* DbFlag */
    uint64_t counter;    /* of header writes; the higher valid one counts */
    Lsn redo;            /* recovery starts here; DB_CLEAN: the log's first free position */
    Xid next_xid;        /* as of redo: no xid from here on had been handed out */
    Xid xid_mark;        /* as of redo: xids below may be used without another WAL_XID_MARK */
    PageNo npages;       /* pages of the file in use as of this header, for checks */
    uint32_t nlists[2];  /* list pages of copy 0 and 1 */
    uint32_t nranges;    /* aborted and running xids as of redo */
    uint32_t npending;   /* relations whose fate is open as of redo */
    uint32_t next_oid;   /* as of redo: none from here on has been given */
    uint32_t reserved[8];
} DbHeader;
static_assert(sizeof(DbHeader) == 128, "DbHeader");

enum DbFlag { DB_CLEAN = 1 /* closed in order: there is nothing to replay, and there need be no log */ };

/* xids first..last, both included. In the header: aborted, or running at the redo point, in ascending order. */
typedef struct XidRange { Xid first, last; } XidRange;

/* A relation created by a transaction that was running (xid its creator), or dropped by a committed one and not yet
 * freed (xid 0). */
typedef struct RelPending {
    PageNo root;
    uint32_t reserved;
    Xid xid;
} RelPending;

/* ---- page 2: the meta page ---- */

enum { DB_ROOTS_MAX = 256 };

typedef struct MetaPage {
    PageHeader page;
    PageNo roots[DB_ROOTS_MAX]; /* db_root_get; a slot's meaning is the catalog's */
} MetaPage;

/* ---- space maps ---- */

typedef struct SpacePage {
    PageHeader page;
    uint64_t bits[]; /* bit i: page (first page this map covers + i) is in use */
} SpacePage;

/* Pages that one space map covers. */
#define SPACE_PAGES(page_bytes) (((page_bytes) - PAGE_BODY) / 8 * 64)

/* ---- map pages ---- */

enum {
    EXTENT_PAGES_MAX = 128,  /* 2 MiB of the default page: long enough to read in sequence, short
                              * enough that min/max of one prunes */
    ZONE_COLUMNS_MAX = 64,   /* columns with min/max in an extent; bits of ExtentEntry.zone_valid */
    ZONE_BYTES = 16,
};

/* min > max: no value yet. Values are mapped to int64 in their order by the heap. */
typedef struct ZoneRange { int64_t min, max; } ZoneRange;
static_assert(sizeof(ZoneRange) == ZONE_BYTES, "ZoneRange");

typedef struct ExtentEntry {
    PageNo first;
    uint16_t npages;
    uint16_t map_first;     /* map entry of its first page; the others follow */
    uint64_t zone_valid;    /* bit c: zone[c] bounds every value of column c in this extent */
} ExtentEntry;
static_assert(sizeof(ExtentEntry) == 16, "ExtentEntry");

/*   PageHeader | MapPage fields | entries[pages max]  a byte a page | extents[extents max] |
 *   zones[extents max][nzones] */
typedef struct MapPage {
    PageHeader page;        /* page.map: the next map page; page.rel: the root */
    uint32_t nextents;
    uint32_t npages;        /* of all extents: map entries in use */
    uint16_t nzones;        /* columns with min/max; the same in every map page of the relation */
    uint8_t kind;           /* RelKind, for checks and salvage */
    uint8_t reserved0;
    uint32_t map_number;    /* 0, 1, ... along the chain */
    Xid creator;            /* of the relation: if it aborted, nobody owns these pages */
    Xid clean_below;        /* map 0: no trace of an aborted xid below it is left in the relation */
    uint8_t entries[];      /* MapEntry bits */
} MapPage;
static_assert(sizeof(MapPage) == 64, "MapPage");

enum MapEntry {
    MAP_CLASS_MASK = 0x0F,  /* free space in 1/16 of the page, rounded down; a hint */
    MAP_ALL_VISIBLE = 0x10,
    MAP_USED = 0x20,        /* handed out by rel_page_new and not free again */
    MAP_UNLINKED = 0x40,    /* free once the page's LSN is older than every reader */
    MAP_OVERFLOW = 0x80,    /* a heap's overflow page: table scans pass over it */
    /* Of overflow pages, in place of MAP_ALL_VISIBLE and the class: */
    MAP_VALUE_FIRST = 0x10, /* a value begins here */
    MAP_VALUE_SETTLED = 1,  /* a hint: all see who wrote it, and nothing has ended it */
    MAP_RUN_UNWRITTEN = 0xAF, /* taken and not filled yet; found when opening: free */
};

/* Map entries and extents that fit a map page, chosen so that the rest is zones: 22 columns of the default
 * page, 20 to 23 of the others. */
#define MAP_PAGES(page_bytes) ((page_bytes) / 4)
#define MAP_EXTENTS(page_bytes) ((page_bytes) / 512)
#define MAP_ZONES_MAX(page_bytes)                                                                  \
    (((page_bytes) - (uint32_t)sizeof(MapPage) - MAP_PAGES(page_bytes) -                           \
      MAP_EXTENTS(page_bytes) * (uint32_t)sizeof(ExtentEntry)) /                                   \
     (MAP_EXTENTS(page_bytes) * ZONE_BYTES))
static_assert(MAP_ZONES_MAX(PAGE_BYTES_DEFAULT) == 22, "zones of the default page");
static_assert(MAP_ZONES_MAX(PAGE_BYTES_MAX) <= ZONE_COLUMNS_MAX, "a bit a zone");

/* ---- the log: <path>-wal ----
 *
 * Block 0 (WAL_BLOCK bytes) names the owner. Then segments of WAL_SEGMENT bytes, each a block of header and
 * WAL_SEGMENT_BODY bytes of the stream. Segments are reused in place, so their order in the file is not that of
 * the stream: LSN / WAL_SEGMENT_BODY is the segment's number, which its header gives. Records are contiguous in
 * the stream and start at multiples of 8. */

#define WAL_MAGIC 0x314C41574E525551ull /* "QURNWAL1" */

enum { WAL_BLOCK = 4096, WAL_SEGMENT = 1 << 20, WAL_SEGMENT_BODY = WAL_SEGMENT - WAL_BLOCK };

typedef struct WalOwner {
    uint64_t magic;
    uint32_t version;
    uint32_t pid;
    uint8_t db_id[16];
    char host[64];
    uint32_t crc; /* of the bytes before it */
} WalOwner;

typedef struct WalSegmentHeader {
    uint64_t magic;
    uint8_t db_id[16];
    uint64_t number;
    uint32_t reserved;
    uint32_t crc; /* of the bytes before it */
} WalSegmentHeader;
static_assert(sizeof(WalSegmentHeader) == 40, "WalSegmentHeader");

/* A record: WalRecordHeader, npages WalPageRef each followed by its image's bytes if it has one, then the payload.
 * crc is seeded with the database's id and the record's LSN, so that neither another database's record nor one
 * left from an earlier use of the segment verifies. */
typedef struct WalRecordHeader {
    uint32_t nbytes;        /* all of the record, before padding to 8 */
    uint32_t crc;           /* of the bytes after this field */
    Lsn prev;               /* start of the record before it */
    Xid xid;                /* who wrote it, XID_NONE if no transaction did */
    uint8_t type;           /* walrec.def */
    uint8_t npages;
    uint16_t reserved;
    uint32_t payload_bytes;
} WalRecordHeader;
static_assert(sizeof(WalRecordHeader) == 32, "WalRecordHeader");

typedef struct WalPageRef {
    PageNo page;
    uint32_t flags;         /* WalPageFlag | image bytes that follow << 8 */
} WalPageRef;

enum WalPageFlag {
    WAL_PAGE_IMAGE = 1,     /* the page as it is after this record, gap left out */
    WAL_PAGE_LZ4 = 2,       /* the image is compressed */
    WAL_PAGE_INIT = 4,      /* the record makes the page anew from zeros: its old bytes do not matter */
};

enum { WAL_PAGES_MAX = 16, WAL_PAYLOAD_MAX = 256 * 1024 };

#endif
