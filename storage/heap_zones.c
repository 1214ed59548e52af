/* heap_zones.c - min/max of an extent's fixed-width columns: of rows on their way in, and drawn up anew by VACUUM.
 *
 * Values are mapped to int64 in their order. Bounds only grow while rows come: whoever adds rows looks at the map with its heap page
 * latched. Narrowing therefore holds every page of the extent latched, and gives up if one cannot be had at once or
 * the extent has got a page meanwhile. */
#include "storage/db.h"
#include "storage/heap_priv.h"

static inline int64_t
f64_order(double d)
{
    int64_t u;
    if (d != d) return INT64_MAX;
    d = d == 0 ? 0 : d;
    memcpy(&u, &d, 8);
    return u ^ (int64_t)((uint64_t)(u >> 63) >> 1);
}

static inline int64_t
i128_clamp(int128 v)
{
    if (v == INT128_MIN) return INT64_MAX; /* NaN: the greatest */
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static bool
is_unsigned(Oid type)
{
    return type != TYPE_INT4 && type != TYPE_DATE;
}

bool
heap_column_has_zone(const LayoutColumn *c)
{
    switch (c->phys) {
    case PHYS_BOOL:
    case PHYS_I16:
    case PHYS_I32:
    case PHYS_I64:
    case PHYS_F32:
    case PHYS_F64:
    case PHYS_I128:
        return true;
    default:
        return false;
    }
}

bool
heap_zone_of_value(const LayoutColumn *c, const Value *v, int64_t *out)
{
    if (v->is_null || v->phys != c->phys) return false;
    if (c->type == TYPE_NUMERIC && v->scale != c->scale) return false;
    switch (c->phys) {
    case PHYS_BOOL:
        *out = v->b;
        return true;
    case PHYS_I16:
        *out = v->i16;
        return true;
    case PHYS_I32:
        *out = is_unsigned(c->type) ? (int64_t)(uint32_t)v->i32 : v->i32;
        return true;
    case PHYS_I64:
        *out = v->i64;
        return true;
    case PHYS_F32:
        *out = f64_order(v->f32);
        return true;
    case PHYS_F64:
        *out = f64_order(v->f64);
        return true;
    case PHYS_I128:
        *out = i128_clamp(v->i128);
        return true;
    default:
        return false;
    }
}

#define ZONE_LOOP(T, X)                                                                            \
    do {                                                                                           \
        const T *src = v->shape == VEC_DICT ? v->dict->data : v->data;                             \
        if (v->shape == VEC_FLAT && v->valid == NULL && rows->sel == NULL && rowids == NULL) {     \
            for (int i = from; i < from + n; i++) {                                                \
                const T *s = &src[i];                                                              \
                int64_t z = (X);                                                                   \
                r.min = z < r.min ? z : r.min;                                                     \
                r.max = z > r.max ? z : r.max;                                                     \
            }                                                                                      \
        } else {                                                                                   \
            for (int i = 0; i < n; i++) {                                                          \
                int row = rowids != NULL ? rowids[i] : from + i;                                   \
                if (rows->sel != NULL) row = rows->sel[row];                                       \
                if (vec_is_null(v, row)) continue;                                                 \
                const T *s = &src[vec_index(v, row)];                                              \
                int64_t z = (X);                                                                   \
                r.min = z < r.min ? z : r.min;                                                     \
                r.max = z > r.max ? z : r.max;                                                     \
            }                                                                                      \
        }                                                                                          \
    } while (0)

uint64_t
heap_rows_zones(const Heap *heap, const HeapRows *rows, int from, const int *rowids, int n,
                ZoneRange *ranges)
{
    uint64_t columns = 0;
    for (int c = 0; c < heap->nzones; c++) {
        const LayoutColumn *lc = &heap->layout->cols[c];
        const Vector *v = rows->cols[c];
        if (v == NULL || lc->phys == PHYS_NONE || !heap_column_has_zone(lc)) continue;
        ZoneRange r = {INT64_MAX, INT64_MIN};
        switch (lc->phys) {
        case PHYS_BOOL:
            ZONE_LOOP(uint8_t, *s);
            break;
        case PHYS_I16:
            ZONE_LOOP(int16_t, *s);
            break;
        case PHYS_I32:
            if (is_unsigned(lc->type))
                ZONE_LOOP(uint32_t, (int64_t)*s);
            else
                ZONE_LOOP(int32_t, *s);
            break;
        case PHYS_I64:
            if (lc->type == TYPE_NUMERIC)
                ZONE_LOOP(int64_t, *s == INT64_MIN ? INT64_MAX : *s);
            else
                ZONE_LOOP(int64_t, *s);
            break;
        case PHYS_F32:
            ZONE_LOOP(float, f64_order(*s));
            break;
        case PHYS_F64:
            ZONE_LOOP(double, f64_order(*s));
            break;
        case PHYS_I128:
            ZONE_LOOP(int128, i128_clamp(*s));
            break;
        default:
            break;
        }
        if (r.min > r.max) continue;
        columns |= 1ull << c;
        ranges[c] = r;
    }
    return columns;
}

/* ---- drawing them up anew ---- */

/* Widens the ranges by the tuples of a page, dead or alive; false: it cannot be told. */
static bool
add_page_zones(const Heap *heap, const HeapPage *p, ZoneRange *ranges)
{
    if (p->page.type != PAGE_HEAP || heap_page_is_blank(p)) return true;
    for (int c = 0; c < heap->nzones; c++) {
        const LayoutColumn *lc = &heap->layout->cols[c];
        if (lc->phys == PHYS_NONE || !heap_column_has_zone(lc) || c >= p->ncols) continue;
        if (p->cols[c].phys != lc->phys) return false;
        const size_t w = phys_width[lc->phys];
        const char *values = heap_values(p, c);
        const uint8_t *valid = heap_valid(p, c);
        Value v = {.type = lc->type, .phys = lc->phys, .scale = lc->scale};
        for (uint32_t i = 0; i < p->nslots; i++) {
            int64_t z;
            if ((heap_flags(p)[i] & SLOT_STATE) != SLOT_NORMAL || !heap_valid_get(valid, i)) continue;
            memcpy(&v.b, values + w * i, w);
            if (!heap_zone_of_value(lc, &v, &z)) return false;
            if (lc->phys == PHYS_I64 && lc->type == TYPE_NUMERIC && z == INT64_MIN) z = INT64_MAX; /* NaN */
            if (z < ranges[c].min) ranges[c].min = z;
            if (z > ranges[c].max) ranges[c].max = z;
        }
    }
    return true;
}

/* HEAP_ZONES: the record's head, with the extent and its columns, and their ranges. */
static Status
set_zones(Ctx *ctx, Heap *heap, const RelRun *run, const ZoneRange *ranges)
{
    PageRef map = PAGE_REF_NONE, *pages[1] = {&map};
    HeapRecord rec = {.map_extent = run->extent, .map_index = run->map_index};
    WalLog log;
    Status st;
    for (int c = 0; c < heap->nzones; c++) {
        const LayoutColumn *lc = &heap->layout->cols[c];
        bool known = (run->zone_valid >> c & 1) != 0;
        if (lc->phys == PHYS_NONE || !heap_column_has_zone(lc)) continue;
        if (!known || ranges[c].min != run->zones[c].min || ranges[c].max != run->zones[c].max) rec.zones |= 1ull << c;
    }
    if (rec.zones == 0) return QN_OK;
    TRY_GOTO(page_fix(ctx, run->map, FIX_EXCLUSIVE, &map));
    /* A page that came since was not looked at; it is marked before rows are put there. */
    for (uint32_t i = 0; i < run->npages; i++)
        if (((map_entry(map.ptr, (uint16_t)(run->map_index + i)) ^ run->entries[i]) & MAP_USED) != 0) goto done;
    TRY_GOTO(wal_begin(ctx, pages, 1, sizeof(rec) + HEAP_MAP_BYTES, &log));
    NOFAIL_BEGIN(ctx);
    uint8_t *out = log.payload + sizeof(rec);
    for (uint64_t left = rec.zones; left != 0; left &= left - 1, out += sizeof(ZoneRange))
        memcpy(out, &ranges[__builtin_ctzll(left)], sizeof(ZoneRange));
    memcpy(log.payload, &rec, sizeof(rec));
    map_zone_set(map.ptr, heap->page_bytes, run->extent, rec.zones, ranges);
    wal_finish(&log, WAL_HEAP_ZONES, (size_t)(out - log.payload));
    NOFAIL_END(ctx);
done:
    page_unfix(&map);
    return st;
}

Status
heap_narrow_zones(Ctx *ctx, Heap *heap, const RelRun *run)
{
    ZoneRange ranges[ZONE_COLUMNS_MAX];
    PageRef *refs;
    bool ok = heap->nzones > 0;
    Status st = QN_OK;
    if (!ok) return QN_OK;
    TRY_ALLOC(ctx, refs, mem_zalloc(NULL, run->npages * sizeof(*refs)));
    for (int c = 0; c < heap->nzones; c++) ranges[c] = (ZoneRange){INT64_MAX, INT64_MIN};
    for (uint32_t i = 0; ok && i < run->npages; i++) {
        if ((run->entries[i] & (MAP_USED | MAP_OVERFLOW)) != MAP_USED) continue;
        ok = page_try_fix(ctx, run->first + i, FIX_SHARED, &refs[i]) &&
             add_page_zones(heap, heap_page(&refs[i]), ranges);
    }
    if (ok) st = set_zones(ctx, heap, run, ranges);
    for (uint32_t i = 0; i < run->npages; i++) page_unfix(&refs[i]);
    mem_free(NULL, refs, run->npages * sizeof(*refs));
    return st;
}

Status
heap_redo_zones(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    ZoneRange ranges[ZONE_COLUMNS_MAX];
    HeapRecord head;
    size_t at = sizeof(head);
    if (rec->payload_bytes < sizeof(head) || rec->npages != 1)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    memcpy(&head, rec->payload, sizeof(head));
    if (rec->payload_bytes != at + sizeof(ZoneRange) * (size_t)__builtin_popcountll(head.zones))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record is too short");
    if (!pages[0].apply) return QN_OK;
    for (uint64_t left = head.zones; left != 0; left &= left - 1, at += sizeof(ZoneRange))
        memcpy(&ranges[__builtin_ctzll(left)], rec->payload + at, sizeof(ZoneRange));
    if (head.map_extent >= ((const MapPage *)pages[0].ref.ptr)->nextents)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "log record does not fit its map page");
    map_zone_set(pages[0].ref.ptr, db_page_bytes(ctx), head.map_extent, head.zones, ranges);
    return QN_OK;
}
