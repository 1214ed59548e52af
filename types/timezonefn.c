/* timezonefn.c - pg_timezone_names and pg_timezone_abbrevs: the zones as rows. */
#include "types/datetime.h"
#include "types/function.h"

typedef struct ZoneRows {
    const char **names; /* NULL: the abbreviations */
    int n, cap, at;
    Arena *arena;
} ZoneRows;

static Status
add_name(Ctx *ctx, const char *name, void *arg)
{
    ZoneRows *rows = arg;
    /* Copies of the database in other forms are not zones of their own. */
    if (strncmp(name, "posix/", 6) == 0 || strncmp(name, "right/", 6) == 0 || strcmp(name, "posixrules") == 0 ||
        strcmp(name, "localtime") == 0)
        return QN_OK;
    if (rows->n == rows->cap) {
        int cap = rows->cap != 0 ? rows->cap * 2 : 256;
        const char **p = arena_realloc(rows->arena, rows->names, sizeof(char *) * (size_t)rows->cap,
                                       sizeof(char *) * (size_t)cap);
        if (p == NULL) return RAISE_OOM(ctx);
        rows->names = p;
        rows->cap = cap;
    }
    TRY_ALLOC(ctx, rows->names[rows->n], arena_strdup(rows->arena, name));
    rows->n++;
    return QN_OK;
}

Status
srf_pg_timezone_names_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    ZoneRows *rows;
    (void)args, (void)nargs, (void)arg_types;
    TRY_ALLOC(ctx, rows, ARENA_NEW(arena, ZoneRows));
    rows->arena = arena;
    *state_out = rows;
    return timezone_list(ctx, add_name, rows);
}

static Status
put_row(Ctx *ctx, Arena *arena, Vector **out, int row, const char *name, const char *abbrev, int32_t offset, bool dst)
{
    int c = 0;
    TRY(str_copy(ctx, arena, name, strlen(name), (Str *)out[c++]->data + row));
    if (abbrev != NULL) TRY(str_copy(ctx, arena, abbrev, strlen(abbrev), (Str *)out[c++]->data + row));
    ((Interval *)out[c++]->data)[row] = (Interval){.us = offset * USECS_PER_SEC};
    ((uint8_t *)out[c]->data)[row] = dst;
    return QN_OK;
}

Status
srf_pg_timezone_names_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    ZoneRows *rows = state;
    int64_t now = floor_div(ctx_tx_start(ctx), USECS_PER_SEC) + UNIX_EPOCH_SECS;
    int n = 0;
    while (n < BATCH_ROWS && rows->at < rows->n) {
        const char *name = rows->names[rows->at++], *abbrev;
        const TimeZone *tz;
        bool dst;
        TRY(timezone_find(ctx, name, strlen(name), &tz));
        if (tz == NULL) continue;
        int32_t offset = timezone_offset_at(tz, now, &abbrev, &dst);
        TRY(put_row(ctx, arena, out, n++, name, abbrev, offset, dst));
    }
    *n_out = n;
    return QN_OK;
}

Status
srf_pg_timezone_abbrevs_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types,
                             void **state_out)
{
    ZoneRows *rows;
    (void)args, (void)nargs, (void)arg_types;
    TRY_ALLOC(ctx, rows, ARENA_NEW(arena, ZoneRows));
    rows->n = timezone_abbrev_count();
    *state_out = rows;
    return QN_OK;
}

Status
srf_pg_timezone_abbrevs_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    ZoneRows *rows = state;
    int64_t now = floor_div(ctx_tx_start(ctx), USECS_PER_SEC) + UNIX_EPOCH_SECS;
    int n = 0;
    for (; n < BATCH_ROWS && rows->at < rows->n; n++, rows->at++) {
        int32_t offset;
        bool dst;
        const char *zone, *name = timezone_abbrev_at(rows->at, &offset, &dst, &zone);
        char upper[16];
        size_t len = strlen(name);
        if (zone != NULL) {
            const TimeZone *tz;
            TRY(timezone_find(ctx, zone, strlen(zone), &tz));
            if (tz != NULL && !timezone_abbrev_in(tz, name, len, now, &offset, &dst))
                offset = timezone_offset_at(tz, now, NULL, &dst);
        }
        for (size_t i = 0; i <= len; i++) upper[i] = ascii_upper(name[i]);
        TRY(put_row(ctx, arena, out, n, upper, NULL, offset, dst));
    }
    *n_out = n;
    return QN_OK;
}

const char *const srf_pg_timezone_names_names[] = {"name", "abbrev", "utc_offset", "is_dst"};
const Oid srf_pg_timezone_names_types[] = {TYPE_TEXT, TYPE_TEXT, TYPE_INTERVAL, TYPE_BOOL};
const char *const srf_pg_timezone_abbrevs_names[] = {"abbrev", "utc_offset", "is_dst"};
const Oid srf_pg_timezone_abbrevs_types[] = {TYPE_TEXT, TYPE_INTERVAL, TYPE_BOOL};
