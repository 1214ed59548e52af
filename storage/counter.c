/* counter.c - see counter.h. Slot s is entry s % n of the page with ordinal s / n, n slots a page. */
#include "storage/counter.h"
#include "storage/db.h"
#include "storage/extent.h"

static_assert(sizeof(Counter) == 16, "a slot");

/* Payload of WAL_COUNTER_SET. */
typedef struct SetRecord {
    uint32_t entry;
    uint32_t reserved;
    Counter value;
} SetRecord;

static uint32_t
slots_per_page(uint32_t page_bytes)
{
    return (page_bytes - PAGE_BODY) / (uint32_t)sizeof(Counter);
}

static Counter *
page_slots(const PageRef *page)
{
    return (Counter *)(page->ptr + PAGE_BODY);
}

Status
counter_create(Ctx *ctx, PageNo *root_out)
{
    return rel_create(ctx, REL_OTHER, 0, root_out);
}

/* The page of an ordinal; PAGE_NONE past the end or where none is in use. */
static Status
page_of_ordinal(Ctx *ctx, Rel *rel, uint32_t ordinal, PageNo *out)
{
    RelRun run;
    bool found;
    *out = PAGE_NONE;
    TRY(rel_run_at(ctx, rel, ordinal, &run, &found));
    if (!found) return QN_OK;
    uint32_t i = ordinal - run.ordinal;
    if (i < run.npages && (run.entries[i] & MAP_USED)) *out = run.first + i;
    return QN_OK;
}

static Status
read_page(Ctx *ctx, PageNo root, PageNo number, Counter *out, uint32_t n)
{
    PageRef page = PAGE_REF_NONE;
    Status st;
    TRY_GOTO(page_fix(ctx, number, FIX_SHARED, &page));
    TRY_GOTO(page_check(ctx, &page, root, PAGE_COUNTER));
    memcpy(out, page_slots(&page), n * sizeof(Counter));
done:
    page_unfix(&page);
    return st;
}

Status
counter_read_all(Ctx *ctx, Arena *arena, PageNo root, Counter **out, uint32_t *n_out)
{
    Rel *rel = NULL;
    uint32_t n = slots_per_page(db_page_bytes(ctx));
    Status st;
    TRY_GOTO(rel_open(ctx, root, &rel));
    uint32_t npages = rel_page_count(rel);
    Counter *all;
    TRY_ALLOC_GOTO(ctx, all, ARENA_ARRAY(arena, Counter, (size_t)npages * n + 1));
    for (uint32_t i = 0; i < npages; i++) {
        PageNo number;
        TRY_GOTO(page_of_ordinal(ctx, rel, i, &number));
        if (number != PAGE_NONE) TRY_GOTO(read_page(ctx, root, number, all + (size_t)i * n, n));
    }
    *out = all;
    *n_out = npages * n;
done:
    rel_close(ctx, rel);
    return st;
}

Status
counter_extend(Ctx *ctx, PageNo root, uint32_t *first_out, uint32_t *n_out)
{
    Rel *rel = NULL;
    PageRef page = PAGE_REF_NONE;
    uint32_t n = slots_per_page(db_page_bytes(ctx));
    Status st;
    TRY_GOTO(rel_open(ctx, root, &rel));
    TRY_GOTO(rel_page_new(ctx, rel, PAGE_COUNTER, PAGE_NONE, &page));
    PageNo number = page.number;
    page_unfix(&page);
    for (uint32_t i = rel_page_count(rel); i-- > 0;) {
        PageNo at;
        TRY_GOTO(page_of_ordinal(ctx, rel, i, &at));
        if (at != number) continue;
        *first_out = i * n;
        *n_out = n;
        goto done;
    }
    st = RAISE_INTERNAL(ctx, "new counter page %u is not in its relation", number);
done:
    page_unfix(&page);
    rel_close(ctx, rel);
    return st;
}

Status
counter_set(Ctx *ctx, PageNo root, uint32_t slot, const Counter *value)
{
    Rel *rel = NULL;
    PageRef page = PAGE_REF_NONE;
    PageNo number;
    WalLog log;
    uint32_t n = slots_per_page(db_page_bytes(ctx));
    Status st;
    TRY_GOTO(rel_open(ctx, root, &rel));
    TRY_GOTO(page_of_ordinal(ctx, rel, slot / n, &number));
    if (number == PAGE_NONE) {
        st = RAISE(ctx, ERR_DATA_CORRUPTED, "there is no counter slot %u", slot);
        goto done;
    }
    TRY_GOTO(page_fix(ctx, number, FIX_EXCLUSIVE, &page));
    TRY_GOTO(page_check(ctx, &page, root, PAGE_COUNTER));
    TRY_GOTO(wal_begin(ctx, (PageRef *[]){&page}, 1, sizeof(SetRecord), &log));
    SetRecord *rec = (SetRecord *)log.payload;
    *rec = (SetRecord){.entry = slot % n, .value = *value};
    page_slots(&page)[slot % n] = *value;
    page_header(&page)->flags &= (uint8_t)~PAGE_FLAG_BLANK;
    (void)wal_finish(&log, WAL_COUNTER_SET, sizeof(SetRecord));
done:
    page_unfix(&page);
    rel_close(ctx, rel);
    return st;
}

Status
counter_redo_set(Ctx *ctx, const WalRecord *rec, RedoPage *pages)
{
    SetRecord set;
    if (rec->npages != 1 || rec->payload_bytes != sizeof(set))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "malformed counter record");
    if (!pages[0].apply) return QN_OK;
    memcpy(&set, rec->payload, sizeof(set));
    if (set.entry >= slots_per_page(db_page_bytes(ctx)))
        return RAISE(ctx, ERR_DATA_CORRUPTED, "counter record for slot %u", set.entry);
    page_slots(&pages[0].ref)[set.entry] = set.value;
    page_header(&pages[0].ref)->flags &= (uint8_t)~PAGE_FLAG_BLANK;
    return QN_OK;
}

void
counter_describe(const WalRecord *rec, StrBuf *out)
{
    SetRecord set;
    if (rec->payload_bytes != sizeof(set)) return;
    memcpy(&set, rec->payload, sizeof(set));
    strbuf_addf(out, "entry %u owner %u value %lld flags %u", set.entry, set.value.owner,
                (long long)set.value.value, set.value.flags);
}
