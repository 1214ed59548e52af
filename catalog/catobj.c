/* catobj.c - packing and unpacking of catalog objects. See catobj.h.
 *
 * Bodies are numbers as LEB128 (signed ones zigzag), texts as length + 1 and bytes (0: NULL). They are bytes from disk, so
 * reading checks every length against what is left. */
#include "catalog/catobj.h"
#include "catalog/definition.h"
#include "catalog/routine.h"
#include "types/agg_user.h"
#include <stdlib.h>

enum { BODY_VERSION = 2 };

void
catobj_ref(CatObj *o)
{
    atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
}

void
catobj_unref(CatObj *o)
{
    if (o != NULL && atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) == 1) {
        size_t nbytes = sizeof(CatObj) + (size_t)o->ndeps * sizeof(ObjDep) + o->body_bytes +
                        strlen(o->name) + 1;
        mem_free(NULL, o, nbytes);
    }
}

/* ---- writing ---- */

static void
put_u(StrBuf *b, uint64_t v)
{
    do {
        strbuf_addc(b, (char)((v & 0x7F) | (v > 0x7F ? 0x80 : 0)));
        v >>= 7;
    } while (v != 0);
}

static void
put_i(StrBuf *b, int64_t v)
{
    put_u(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

static void
put_f(StrBuf *b, double v)
{
    strbuf_add(b, (const char *)&v, sizeof(v));
}

static void
put_s(StrBuf *b, const char *s)
{
    if (s == NULL) {
        put_u(b, 0);
    } else {
        put_u(b, strlen(s) + 1);
        strbuf_addz(b, s);
    }
}

static void
put_value(StrBuf *b, const Value *v)
{
    put_u(b, v->type);
    put_u(b, v->is_null ? 255 : v->phys);
    if (v->is_null) return;
    put_i(b, v->scale);
    if (v->phys == PHYS_STR) {
        put_u(b, v->str.len);
        strbuf_add(b, str_data(&v->str), v->str.len);
    } else {
        strbuf_add(b, (const char *)&v->b, phys_width[v->phys]);
    }
}

static void
put_ints(StrBuf *b, const int *items, int n)
{
    for (int i = 0; i < n; i++) put_i(b, items[i]);
}

/* ---- reading ---- */

typedef struct Reader {
    const uint8_t *p, *end;
    Arena *arena;
    bool bad; /* ran past the end, or met what cannot be */
    bool oom;
} Reader;

static uint64_t
get_u(Reader *r)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (r->p == r->end) break;
        uint8_t c = *r->p++;
        v |= (uint64_t)(c & 0x7F) << shift;
        if (c < 0x80) return v;
    }
    r->bad = true;
    return 0;
}

static int64_t
get_i(Reader *r)
{
    uint64_t v = get_u(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static double
get_f(Reader *r)
{
    double v = 0;
    if (r->end - r->p < (ptrdiff_t)sizeof(v)) {
        r->bad = true;
        return 0;
    }
    memcpy(&v, r->p, sizeof(v));
    r->p += sizeof(v);
    return v;
}

static const char *
get_s(Reader *r)
{
    uint64_t n = get_u(r);
    if (n == 0) return NULL;
    n--;
    if (n > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        return NULL;
    }
    const char *s = arena_strndup(r->arena, (const char *)r->p, n);
    if (s == NULL) r->oom = true;
    r->p += n;
    return s;
}

/* A count of things of at least one byte each. */
static int
get_count(Reader *r)
{
    uint64_t n = get_u(r);
    if (n > (uint64_t)(r->end - r->p)) r->bad = true;
    return r->bad ? 0 : (int)n;
}

static void *
get_array(Reader *r, int n, size_t item_bytes)
{
    void *p = arena_zalloc(r->arena, (size_t)(n > 0 ? n : 1) * item_bytes);
    if (p == NULL) r->oom = true;
    return p;
}

static Value
get_value(Reader *r)
{
    Value v = value_null((Oid)get_u(r));
    uint64_t phys = get_u(r);
    if (phys == 255) return v;
    v.is_null = false;
    v.phys = (uint8_t)phys;
    v.scale = (int16_t)get_i(r);
    if (phys >= PHYS_COUNT || r->bad) {
        r->bad = true;
        return value_null(v.type);
    }
    uint64_t n = phys == PHYS_STR ? get_u(r) : phys_width[phys];
    if (n > (uint64_t)(r->end - r->p)) {
        r->bad = true;
        return value_null(v.type);
    }
    if (phys == PHYS_STR) {
        char *copy = arena_memdup(r->arena, r->p, n > 0 ? n : 1);
        if (copy == NULL) {
            r->oom = true;
            return value_null(v.type);
        }
        v.str = str_make(copy, n);
    } else {
        memcpy(&v.b, r->p, n);
    }
    r->p += n;
    return v;
}

static const int *
get_ints(Reader *r, int n)
{
    int *items = get_array(r, n, sizeof(int));
    for (int i = 0; items != NULL && i < n; i++) items[i] = (int)get_i(r);
    return items;
}

static Reader
read_body(Arena *arena, const CatObj *o)
{
    Reader r = {.p = o->body, .end = o->body + o->body_bytes, .arena = arena};
    if (get_u(&r) != BODY_VERSION) r.bad = true;
    return r;
}

static Status
read_done(Ctx *ctx, const Reader *r, const CatObj *o)
{
    if (r->oom) return RAISE_OOM(ctx);
    if (r->bad)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "damaged catalog entry of object %u \"%s\"", o->oid,
                     o->name);
    return QN_OK;
}

/* ---- objects ---- */

/* One block: the struct, deps, body, name. */
static Status
make(Ctx *ctx, const CatObj *head, const char *name, size_t name_bytes, const uint8_t *body,
     size_t body_bytes, CatObj **out)
{
    size_t deps_bytes = (size_t)head->ndeps * sizeof(ObjDep);
    char *p = mem_alloc(NULL, sizeof(CatObj) + deps_bytes + body_bytes + name_bytes + 1);
    if (p == NULL) return RAISE_OOM(ctx);
    CatObj *o = (CatObj *)p;
    *o = *head;
    p += sizeof(CatObj);
    if (deps_bytes != 0) memcpy(p, head->deps, deps_bytes);
    o->deps = (const ObjDep *)p;
    p += deps_bytes;
    if (body_bytes != 0) memcpy(p, body, body_bytes);
    o->body = (const uint8_t *)p;
    o->body_bytes = (uint32_t)body_bytes;
    p += body_bytes;
    memcpy(p, name, name_bytes);
    p[name_bytes] = '\0';
    o->name = p;
    atomic_init(&o->refs, 1);
    *out = o;
    return QN_OK;
}

static Status
make_from(Ctx *ctx, const CatObj *head, const char *name, StrBuf *b, CatObj **out)
{
    char *body;
    size_t body_bytes;
    TRY(strbuf_finish(ctx, b, &body, &body_bytes));
    return make(ctx, head, name, strlen(name), (const uint8_t *)body, body_bytes, out);
}

/* Bodies begin with the version and the dependencies, so that loading needs to read no further. */
static void
put_head(StrBuf *b, char relkind, const ObjDep *deps, int ndeps)
{
    put_u(b, BODY_VERSION);
    put_u(b, (uint8_t)relkind);
    put_u(b, (uint64_t)ndeps);
    for (int i = 0; i < ndeps; i++) {
        put_i(b, deps[i].attnum);
        put_u(b, deps[i].ref);
        put_i(b, deps[i].ref_attnum);
    }
}

static ObjDep *
get_head(Reader *r, char *relkind_out, int *ndeps_out)
{
    *relkind_out = (char)get_u(r);
    int n = get_count(r);
    ObjDep *deps = get_array(r, n, sizeof(ObjDep));
    for (int i = 0; deps != NULL && i < n; i++) {
        deps[i].attnum = (int)get_i(r);
        deps[i].ref = (Oid)get_u(r);
        deps[i].ref_attnum = (int)get_i(r);
    }
    *ndeps_out = deps != NULL ? n : 0;
    return deps;
}

Status
catobj_from_row(Ctx *ctx, Oid oid, ObjKind kind, Oid parent, Oid parent2, Oid schema, const char *name,
                size_t name_bytes, const uint8_t *body, size_t body_bytes, int64_t tid, CatObj **out)
{
    CatObj head = {.oid = oid, .kind = kind, .parent = parent, .parent2 = parent2, .schema = schema,
                   .name = "", .body = body, .body_bytes = (uint32_t)body_bytes, .tid = tid};
    Arena *arena = arena_create(NULL, "catalog row");
    if (arena == NULL) return RAISE_OOM(ctx);
    Reader r = read_body(arena, &head);
    head.deps = get_head(&r, &head.relkind, &head.ndeps);
    Status st = read_done(ctx, &r, &head);
    if (st == QN_OK) st = make(ctx, &head, name, name_bytes, body, body_bytes, out);
    arena_destroy(arena);
    return st;
}

Status
catobj_from_schema(Ctx *ctx, Oid oid, const char *name, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    put_head(&b, 0, NULL, 0);
    return make_from(ctx, &(CatObj){.oid = oid, .kind = OBJ_SCHEMA}, name, &b, out);
}

static void
put_column(StrBuf *b, const ColDef *c)
{
    put_s(b, c->col.name);
    put_u(b, c->col.type);
    put_i(b, c->col.typmod);
    put_u(b, c->col.collation);
    put_u(b, (uint64_t)c->col.not_null | (uint64_t)c->col.dropped << 1 | (uint64_t)c->col.inherited_only << 2);
    put_u(b, (uint64_t)c->col.inh_count);
    put_u(b, (uint8_t)c->col.identity);
    put_u(b, (uint8_t)c->col.generated);
    put_s(b, c->col.default_sql);
    put_u(b, (uint64_t)c->added_layout);
    put_u(b, (uint64_t)c->dropped_layout);
    put_value(b, &c->missing);
    put_s(b, c->comment);
}

static void
get_column(Reader *r, int attnum, ColDef *c)
{
    c->col.attnum = attnum;
    c->col.name = get_s(r);
    c->col.type = (Oid)get_u(r);
    c->col.typmod = (int32_t)get_i(r);
    c->col.collation = (Oid)get_u(r);
    uint64_t flags = get_u(r);
    c->col.not_null = (flags & 1) != 0;
    c->col.dropped = (flags & 2) != 0;
    c->col.inherited_only = (flags & 4) != 0;
    c->col.inh_count = (int)get_u(r);
    c->col.identity = (char)get_u(r);
    c->col.generated = (char)get_u(r);
    c->col.default_sql = get_s(r);
    c->added_layout = (int)get_u(r);
    c->dropped_layout = (int)get_u(r);
    c->missing = get_value(r);
    c->comment = get_s(r);
    if (c->col.name == NULL || type_info(c->col.type) == NULL) r->bad = true;
}

static void
put_sequence(StrBuf *b, const SeqDef *s)
{
    put_u(b, s != NULL);
    if (s == NULL) return;
    put_u(b, s->type);
    put_i(b, s->start);
    put_i(b, s->increment);
    put_i(b, s->min);
    put_i(b, s->max);
    put_i(b, s->cache);
    put_u(b, (uint64_t)s->cycle | (uint64_t)s->is_identity << 1);
    put_u(b, s->owner_oid);
    put_i(b, s->owner_attnum);
    put_u(b, s->slot);
}

static SeqDef *
get_sequence(Reader *r)
{
    if (get_u(r) == 0) return NULL;
    SeqDef *s = get_array(r, 1, sizeof(SeqDef));
    if (s == NULL) return NULL;
    s->type = (Oid)get_u(r);
    s->start = get_i(r);
    s->increment = get_i(r);
    s->min = get_i(r);
    s->max = get_i(r);
    s->cache = get_i(r);
    uint64_t flags = get_u(r);
    s->cycle = (flags & 1) != 0;
    s->is_identity = (flags & 2) != 0;
    s->owner_oid = (Oid)get_u(r);
    s->owner_attnum = (int)get_i(r);
    s->slot = (uint32_t)get_u(r);
    return s;
}

static void
put_partition_key(StrBuf *b, const PartitionKey *k)
{
    put_u(b, k != NULL ? (uint8_t)k->strategy : 0);
    if (k == NULL) return;
    put_u(b, (uint64_t)k->nkeys);
    for (int i = 0; i < k->nkeys; i++) {
        put_i(b, k->attnums[i]);
        put_s(b, k->exprs[i]);
        put_u(b, k->types[i]);
        put_i(b, k->typmods[i]);
        put_u(b, k->collations[i]);
    }
}

static PartitionKey *
get_partition_key(Reader *r)
{
    char strategy = (char)get_u(r);
    if (strategy == '\0') return NULL;
    PartitionKey *k = get_array(r, 1, sizeof(PartitionKey));
    int n = get_count(r);
    int *attnums = get_array(r, n, sizeof(int));
    const char **exprs = get_array(r, n, sizeof(char *));
    Oid *types = get_array(r, n, sizeof(Oid));
    int32_t *typmods = get_array(r, n, sizeof(int32_t));
    Oid *collations = get_array(r, n, sizeof(Oid));
    for (int i = 0; i < n && !r->bad && !r->oom; i++) {
        attnums[i] = (int)get_i(r);
        exprs[i] = get_s(r);
        types[i] = (Oid)get_u(r);
        typmods[i] = (int32_t)get_i(r);
        collations[i] = (Oid)get_u(r);
    }
    if (k == NULL) return NULL;
    *k = (PartitionKey){.strategy = strategy, .nkeys = n, .attnums = attnums, .exprs = exprs, .types = types,
                        .typmods = typmods, .collations = collations};
    return k;
}

Status
catobj_from_relation(Ctx *ctx, const RelDef *def, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    put_head(&b, def->kind, def->deps, def->ndeps);
    put_u(&b, (uint8_t)def->persistence);
    put_u(&b, def->root_page);
    put_u(&b, (uint64_t)def->layout);
    put_u(&b, (uint64_t)def->ncols);
    for (int i = 0; i < def->ncols; i++) put_column(&b, &def->cols[i]);
    put_s(&b, def->view_sql);
    put_s(&b, def->view_path);
    put_s(&b, def->comment);
    put_s(&b, def->options);
    put_u(&b, def->clustered_oid);
    put_u(&b, def->root_lsn);
    put_sequence(&b, def->sequence);
    put_partition_key(&b, def->partition_key);
    put_u(&b, def->of_type);
    put_u(&b, (uint8_t)def->view_check);
    put_u(&b, def->unpopulated);
    /* A sequence is found from its owner's side too: it goes when the column goes. */
    Oid parent2 = def->sequence != NULL ? def->sequence->owner_oid : INVALID_OID;
    return make_from(ctx,
                     &(CatObj){.oid = def->oid, .kind = OBJ_RELATION, .relkind = def->kind,
                               .schema = def->schema_oid, .parent2 = parent2, .deps = def->deps,
                               .ndeps = def->ndeps},
                     def->name, &b, out);
}

Status
catobj_to_relation(Ctx *ctx, Arena *arena, const CatObj *o, RelDef **out)
{
    Reader r = read_body(arena, o);
    RelDef *def;
    TRY_ALLOC(ctx, def, ARENA_NEW(arena, RelDef));
    def->oid = o->oid;
    def->schema_oid = o->schema;
    TRY_ALLOC(ctx, def->name, arena_strdup(arena, o->name));
    def->deps = get_head(&r, &def->kind, &def->ndeps);
    def->persistence = (char)get_u(&r);
    def->root_page = (uint32_t)get_u(&r);
    def->layout = (int)get_u(&r);
    def->ncols = get_count(&r);
    /* One to spare: ADD COLUMN. */
    def->cols = get_array(&r, def->ncols + 1, sizeof(ColDef));
    for (int i = 0; def->cols != NULL && i < def->ncols && !r.bad; i++)
        get_column(&r, i + 1, &def->cols[i]);
    def->view_sql = get_s(&r);
    def->view_path = get_s(&r);
    def->comment = get_s(&r);
    def->options = get_s(&r);
    def->clustered_oid = (Oid)get_u(&r);
    def->root_lsn = get_u(&r);
    def->sequence = get_sequence(&r);
    def->partition_key = get_partition_key(&r);
    def->of_type = (Oid)get_u(&r);
    def->view_check = (char)get_u(&r);
    def->unpopulated = get_u(&r) != 0;
    *out = def;
    return read_done(ctx, &r, o);
}

Status
catobj_from_index(Ctx *ctx, const IndexDef *def, Oid schema_oid, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    char relkind = def->partitioned ? RELKIND_PARTITIONED_INDEX : RELKIND_INDEX;
    ObjDep *deps;
    TRY_ALLOC(ctx, deps, ARENA_ARRAY(ctx->stmt_arena, ObjDep, def->nneeds + 1));
    for (int i = 0; i < def->nneeds; i++) deps[i] = (ObjDep){.ref = def->needs[i]};
    put_head(&b, relkind, deps, def->nneeds);
    put_u(&b, def->root_page);
    put_u(&b, (uint64_t)def->unique | (uint64_t)def->primary << 1 |
                  (uint64_t)def->nulls_not_distinct << 2 | (uint64_t)def->valid << 3);
    put_u(&b, def->constraint_oid);
    put_u(&b, def->parent_index);
    put_s(&b, def->method);
    put_s(&b, def->predicate);
    put_s(&b, def->options);
    put_u(&b, (uint64_t)def->nuses);
    put_ints(&b, def->uses, def->nuses);
    put_u(&b, (uint64_t)def->nkeys);
    put_u(&b, (uint64_t)def->ncols);
    for (int i = 0; i < def->ncols; i++) {
        put_i(&b, def->attnums[i]);
        put_s(&b, def->names[i]);
        put_s(&b, def->exprs[i]);
        put_u(&b, i < def->nkeys && def->opclasses != NULL ? def->opclasses[i] : 0);
        put_u(&b, def->types[i]);
        put_i(&b, def->typmods[i]);
        put_u(&b, def->collations[i]);
        put_u(&b, i < def->nkeys ? (uint64_t)def->desc[i] | (uint64_t)def->nulls_first[i] << 1 : 0);
    }
    return make_from(ctx,
                     &(CatObj){.oid = def->oid, .kind = OBJ_INDEX, .relkind = relkind,
                               .schema = schema_oid, .parent = def->rel_oid, .deps = deps, .ndeps = def->nneeds},
                     def->name, &b, out);
}

Status
catobj_to_index(Ctx *ctx, Arena *arena, const CatObj *o, IndexDef **out)
{
    Reader r = read_body(arena, o);
    char relkind;
    int ndeps;
    IndexDef *def;
    TRY_ALLOC(ctx, def, ARENA_NEW(arena, IndexDef));
    TRY_ALLOC(ctx, def->name, arena_strdup(arena, o->name));
    const ObjDep *deps = get_head(&r, &relkind, &ndeps);
    Oid *needs = get_array(&r, ndeps, sizeof(Oid));
    for (int i = 0; needs != NULL && i < ndeps; i++) needs[i] = deps[i].ref;
    def->needs = needs;
    def->nneeds = needs != NULL ? ndeps : 0;
    def->oid = o->oid;
    def->rel_oid = o->parent;
    def->tuples = def->pages = -1;
    def->root_page = (uint32_t)get_u(&r);
    uint64_t flags = get_u(&r);
    def->unique = (flags & 1) != 0;
    def->primary = (flags & 2) != 0;
    def->nulls_not_distinct = (flags & 4) != 0;
    def->valid = (flags & 8) != 0;
    def->partitioned = relkind == RELKIND_PARTITIONED_INDEX;
    def->constraint_oid = (Oid)get_u(&r);
    def->parent_index = (Oid)get_u(&r);
    def->method = get_s(&r);
    def->predicate = get_s(&r);
    def->options = get_s(&r);
    def->nuses = get_count(&r);
    def->uses = get_ints(&r, def->nuses);
    def->nkeys = get_count(&r);
    def->ncols = get_count(&r);
    if (def->nkeys > def->ncols) r.bad = true;
    int n = def->ncols;
    int *attnums = get_array(&r, n, sizeof(int));
    const char **names = get_array(&r, n, sizeof(char *)), **exprs = get_array(&r, n, sizeof(char *));
    Oid *types = get_array(&r, n, sizeof(Oid)), *opclasses = get_array(&r, n, sizeof(Oid));
    int32_t *typmods = get_array(&r, n, sizeof(int32_t));
    Oid *collations = get_array(&r, n, sizeof(Oid));
    bool *desc = get_array(&r, n, sizeof(bool)), *nulls_first = get_array(&r, n, sizeof(bool));
    for (int i = 0; i < n && !r.bad && !r.oom; i++) {
        attnums[i] = (int)get_i(&r);
        names[i] = get_s(&r);
        exprs[i] = get_s(&r);
        opclasses[i] = (Oid)get_u(&r);
        types[i] = (Oid)get_u(&r);
        typmods[i] = (int32_t)get_i(&r);
        collations[i] = (Oid)get_u(&r);
        uint64_t bits = get_u(&r);
        desc[i] = (bits & 1) != 0;
        nulls_first[i] = (bits & 2) != 0;
    }
    def->attnums = attnums;
    def->names = names;
    def->exprs = exprs;
    def->types = types;
    def->typmods = typmods;
    def->collations = collations;
    def->opclasses = opclasses;
    def->desc = desc;
    def->nulls_first = nulls_first;
    *out = def;
    return read_done(ctx, &r, o);
}

Status
catobj_from_constraint(Ctx *ctx, const RelConstraint *def, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    put_head(&b, def->kind, NULL, 0);
    put_u(&b, (uint64_t)def->deferrable | (uint64_t)def->initially_deferred << 1 |
                  (uint64_t)def->validated << 2 | (uint64_t)def->no_inherit << 3 |
                  (uint64_t)def->inherited_only << 4);
    put_u(&b, (uint64_t)def->inh_count);
    put_u(&b, def->parent_constraint);
    put_u(&b, (uint64_t)def->nkeys);
    put_ints(&b, def->attnums, def->nkeys);
    put_s(&b, def->check_sql);
    put_u(&b, def->index_oid);
    put_u(&b, def->ref_rel_oid);
    if (def->kind == CONSTRAINT_FOREIGN) put_ints(&b, def->ref_attnums, def->nkeys);
    put_u(&b, (uint8_t)def->on_update);
    put_u(&b, (uint8_t)def->on_delete);
    put_u(&b, (uint8_t)def->match);
    put_u(&b, (uint64_t)def->nset);
    put_ints(&b, def->set_attnums, def->nset);
    return make_from(ctx,
                     &(CatObj){.oid = def->oid, .kind = OBJ_CONSTRAINT, .relkind = def->kind,
                               .parent = def->rel_oid, .parent2 = def->ref_rel_oid},
                     def->name, &b, out);
}

Status
catobj_to_constraint(Ctx *ctx, Arena *arena, const CatObj *o, RelConstraint **out)
{
    Reader r = read_body(arena, o);
    int ndeps;
    RelConstraint *def;
    TRY_ALLOC(ctx, def, ARENA_NEW(arena, RelConstraint));
    TRY_ALLOC(ctx, def->name, arena_strdup(arena, o->name));
    (void)get_head(&r, &def->kind, &ndeps);
    def->oid = o->oid;
    def->rel_oid = o->parent;
    uint64_t flags = get_u(&r);
    def->deferrable = (flags & 1) != 0;
    def->initially_deferred = (flags & 2) != 0;
    def->validated = (flags & 4) != 0;
    def->no_inherit = (flags & 8) != 0;
    def->inherited_only = (flags & 16) != 0;
    def->inh_count = (int)get_u(&r);
    def->parent_constraint = (Oid)get_u(&r);
    def->nkeys = get_count(&r);
    def->attnums = get_ints(&r, def->nkeys);
    def->check_sql = get_s(&r);
    def->index_oid = (Oid)get_u(&r);
    def->ref_rel_oid = (Oid)get_u(&r);
    if (def->kind == CONSTRAINT_FOREIGN) def->ref_attnums = get_ints(&r, def->nkeys);
    def->on_update = (char)get_u(&r);
    def->on_delete = (char)get_u(&r);
    def->match = (char)get_u(&r);
    def->nset = get_count(&r);
    def->set_attnums = get_ints(&r, def->nset);
    *out = def;
    return read_done(ctx, &r, o);
}

Status
catobj_from_inherit(Ctx *ctx, const InheritLink *def, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    const PartitionBound *p = def->bound;
    put_head(&b, 0, NULL, 0);
    put_u(&b, (uint64_t)def->seq);
    put_u(&b, p != NULL ? (uint8_t)p->kind : 0);
    if (p != NULL) {
        put_u(&b, (uint64_t)p->modulus);
        put_u(&b, (uint64_t)p->remainder);
        put_u(&b, (uint64_t)p->nvalues);
        for (int i = 0; i < p->nvalues; i++) {
            put_i(&b, p->infinite != NULL ? p->infinite[i] : 0);
            put_value(&b, &p->values[i]);
        }
    }
    put_u(&b, def->detach_xid);
    return make_from(ctx,
                     &(CatObj){.oid = def->oid, .kind = OBJ_INHERIT, .parent = def->parent_oid,
                               .parent2 = def->child_oid},
                     "", &b, out);
}

static PartitionBound *
get_bound(Reader *r)
{
    char kind = (char)get_u(r);
    if (kind == '\0') return NULL;
    PartitionBound *p = get_array(r, 1, sizeof(PartitionBound));
    int modulus = (int)get_u(r), remainder = (int)get_u(r), n = get_count(r);
    Value *values = get_array(r, n, sizeof(Value));
    int8_t *infinite = get_array(r, n, sizeof(int8_t));
    for (int i = 0; i < n && !r->bad && !r->oom; i++) {
        infinite[i] = (int8_t)get_i(r);
        values[i] = get_value(r);
    }
    if (p == NULL) return NULL;
    *p = (PartitionBound){.kind = kind, .modulus = modulus, .remainder = remainder, .nvalues = n,
                          .values = values, .infinite = infinite};
    return p;
}

Status
catobj_to_inherit(Ctx *ctx, Arena *arena, const CatObj *o, InheritLink **out)
{
    Reader r = read_body(arena, o);
    char relkind;
    int ndeps;
    InheritLink *def;
    TRY_ALLOC(ctx, def, ARENA_NEW(arena, InheritLink));
    (void)get_head(&r, &relkind, &ndeps);
    def->oid = o->oid;
    def->parent_oid = o->parent;
    def->child_oid = o->parent2;
    def->seq = (int)get_u(&r);
    def->bound = get_bound(&r);
    def->detach_xid = get_u(&r);
    *out = def;
    return read_done(ctx, &r, o);
}

static void
put_column_stats(StrBuf *b, const ColumnStats *s)
{
    put_u(b, s != NULL);
    if (s == NULL) return;
    put_f(b, s->null_frac);
    put_f(b, s->avg_width);
    put_f(b, s->n_distinct);
    put_f(b, s->correlation);
    put_u(b, (uint64_t)s->nmcv);
    for (int i = 0; i < s->nmcv; i++) {
        put_value(b, &s->mcv[i]);
        put_f(b, s->mcv_freq[i]);
    }
    put_u(b, (uint64_t)s->nhist);
    for (int i = 0; i < s->nhist; i++) put_value(b, &s->hist[i]);
}

static ColumnStats *
get_column_stats(Reader *r)
{
    if (get_u(r) == 0) return NULL;
    ColumnStats *s = get_array(r, 1, sizeof(ColumnStats));
    if (s == NULL) return NULL;
    s->null_frac = get_f(r);
    s->avg_width = get_f(r);
    s->n_distinct = get_f(r);
    s->correlation = get_f(r);
    s->nmcv = get_count(r);
    Value *mcv = get_array(r, s->nmcv, sizeof(Value));
    float *freq = get_array(r, s->nmcv, sizeof(float));
    for (int i = 0; i < s->nmcv && !r->bad && !r->oom; i++) {
        mcv[i] = get_value(r);
        freq[i] = (float)get_f(r);
    }
    s->mcv = mcv;
    s->mcv_freq = freq;
    s->nhist = get_count(r);
    Value *hist = get_array(r, s->nhist, sizeof(Value));
    for (int i = 0; i < s->nhist && !r->bad && !r->oom; i++) hist[i] = get_value(r);
    s->hist = hist;
    return s;
}

Status
catobj_from_stats(Ctx *ctx, const StatsDef *def, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    put_head(&b, 0, NULL, 0);
    put_f(&b, def->tuples);
    put_f(&b, def->pages);
    put_f(&b, def->visible_pages);
    put_u(&b, (uint64_t)def->nindexes);
    for (int i = 0; i < def->nindexes; i++) {
        put_u(&b, def->indexes[i].oid);
        put_f(&b, def->indexes[i].tuples);
        put_f(&b, def->indexes[i].pages);
        put_u(&b, (uint64_t)def->indexes[i].ncols);
        for (int k = 0; k < def->indexes[i].ncols; k++) put_column_stats(&b, def->indexes[i].cols[k]);
    }
    put_u(&b, (uint64_t)def->ncols);
    for (int i = 0; i < def->ncols; i++) put_column_stats(&b, def->cols[i]);
    return make_from(ctx, &(CatObj){.oid = def->oid, .kind = OBJ_STATS, .parent = def->rel_oid}, "",
                     &b, out);
}

Status
catobj_to_stats(Ctx *ctx, Arena *arena, const CatObj *o, StatsDef **out)
{
    Reader r = read_body(arena, o);
    char relkind;
    int ndeps;
    StatsDef *def;
    TRY_ALLOC(ctx, def, ARENA_NEW(arena, StatsDef));
    (void)get_head(&r, &relkind, &ndeps);
    def->oid = o->oid;
    def->rel_oid = o->parent;
    def->tuples = get_f(&r);
    def->pages = get_f(&r);
    def->visible_pages = get_f(&r);
    def->nindexes = get_count(&r);
    def->indexes = get_array(&r, def->nindexes, sizeof(def->indexes[0]));
    for (int i = 0; i < def->nindexes && !r.bad && !r.oom; i++) {
        def->indexes[i].oid = (Oid)get_u(&r);
        def->indexes[i].tuples = get_f(&r);
        def->indexes[i].pages = get_f(&r);
        int n = def->indexes[i].ncols = get_count(&r);
        def->indexes[i].cols = get_array(&r, n, sizeof(ColumnStats *));
        for (int k = 0; k < n && !r.bad && !r.oom; k++) def->indexes[i].cols[k] = get_column_stats(&r);
    }
    def->ncols = get_count(&r);
    def->cols = get_array(&r, def->ncols, sizeof(ColumnStats *));
    for (int i = 0; i < def->ncols && !r.bad && !r.oom; i++) def->cols[i] = get_column_stats(&r);
    *out = def;
    return read_done(ctx, &r, o);
}

Status
catobj_from_type(Ctx *ctx, const TypeDef *def, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    put_head(&b, def->kind, def->deps, def->ndeps);
    put_u(&b, (uint64_t)def->nlabels);
    for (int i = 0; i < def->nlabels; i++) {
        const EnumLabel *l = &def->labels[i];
        put_u(&b, l->oid);
        put_f(&b, l->sort);
        put_i(&b, l->key);
        put_s(&b, l->name);
    }
    put_u(&b, def->base);
    put_i(&b, def->typmod);
    put_u(&b, def->collation);
    put_u(&b, def->not_null);
    put_s(&b, def->default_sql);
    put_u(&b, def->subdiff);
    put_u(&b, def->canonical);
    put_s(&b, def->comment);
    Oid parent = def->kind == TYPTYPE_MULTIRANGE ? def->base : INVALID_OID;
    return make_from(ctx,
                     &(CatObj){.oid = def->oid, .kind = OBJ_TYPE, .relkind = def->kind, .parent = parent,
                               .schema = def->schema_oid, .deps = def->deps, .ndeps = def->ndeps},
                     def->name, &b, out);
}

Status
catobj_to_type(Ctx *ctx, Arena *arena, const CatObj *o, TypeDef **out)
{
    Reader r = read_body(arena, o);
    TypeDef *def;
    TRY_ALLOC(ctx, def, ARENA_NEW(arena, TypeDef));
    TRY_ALLOC(ctx, def->name, arena_strdup(arena, o->name));
    def->oid = o->oid;
    def->schema_oid = o->schema;
    def->deps = get_head(&r, &def->kind, &def->ndeps);
    def->nlabels = get_count(&r);
    /* One to spare: ADD VALUE. */
    def->labels = get_array(&r, def->nlabels + 1, sizeof(EnumLabel));
    for (int i = 0; i < def->nlabels && !r.bad && !r.oom; i++) {
        EnumLabel *l = &def->labels[i];
        l->oid = (Oid)get_u(&r);
        l->sort = (float)get_f(&r);
        l->key = get_i(&r);
        l->name = get_s(&r);
        if (l->name == NULL) r.bad = true;
    }
    def->base = (Oid)get_u(&r);
    def->typmod = (int32_t)get_i(&r);
    def->collation = (Oid)get_u(&r);
    def->not_null = get_u(&r) != 0;
    def->default_sql = get_s(&r);
    def->subdiff = (Oid)get_u(&r);
    def->canonical = (Oid)get_u(&r);
    def->comment = get_s(&r);
    *out = def;
    return read_done(ctx, &r, o);
}

/* ---- routines ---- */

static void
put_texts(StrBuf *b, const char *const *items, int n)
{
    put_u(b, (uint64_t)n);
    for (int i = 0; i < n; i++) put_s(b, items[i]);
}

static const char *const *
get_texts(Reader *r, int *n_out)
{
    int n = *n_out = get_count(r);
    const char **items = get_array(r, n, sizeof(char *));
    for (int i = 0; items != NULL && i < n; i++) items[i] = get_s(r);
    return items;
}

static void
put_parts(StrBuf *b, char kind, const AggParts *p)
{
    const Oid oids[] = {p->step, p->final, p->combine, p->serial, p->deserial, p->moving_step, p->moving_inverse, p->moving_final,
                        p->sort_op, p->state_type, p->moving_state_type};
    put_u(b, (uint8_t)kind);
    put_u(b, (uint64_t)p->ndirect);
    for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) put_u(b, oids[i]);
    put_u(b, (uint64_t)p->final_extra | (uint64_t)p->moving_final_extra << 1);
    put_u(b, (uint8_t)p->final_modify);
    put_u(b, (uint8_t)p->moving_final_modify);
    put_i(b, p->state_space);
    put_i(b, p->moving_state_space);
    put_s(b, p->init);
    put_s(b, p->moving_init);
}

static const AggParts *
get_parts(Reader *r, char *kind_out)
{
    AggParts *p = get_array(r, 1, sizeof(AggParts));
    if (p == NULL) return NULL;
    Oid *const oids[] = {&p->step, &p->final, &p->combine, &p->serial, &p->deserial, &p->moving_step, &p->moving_inverse,
                         &p->moving_final, &p->sort_op, &p->state_type, &p->moving_state_type};
    *kind_out = (char)get_u(r);
    p->ndirect = (int16_t)get_u(r);
    for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) *oids[i] = (Oid)get_u(r);
    uint64_t flags = get_u(r);
    p->final_extra = (flags & 1) != 0;
    p->moving_final_extra = (flags & 2) != 0;
    p->final_modify = (char)get_u(r);
    p->moving_final_modify = (char)get_u(r);
    p->state_space = (int32_t)get_i(r);
    p->moving_state_space = (int32_t)get_i(r);
    p->init = get_s(r);
    p->moving_init = get_s(r);
    return p;
}

Status
catobj_from_routine(Ctx *ctx, const Routine *r, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    put_head(&b, r->kind, r->deps, r->ndeps);
    put_u(&b, r->language->oid);
    put_u(&b, r->fn.result);
    put_u(&b, (uint64_t)r->returns_set | (uint64_t)r->is_atomic << 1 | (uint64_t)r->strict << 2 |
                  (uint64_t)r->leakproof << 3 | (uint64_t)r->security_definer << 4);
    put_u(&b, (uint8_t)r->volatility);
    put_u(&b, (uint8_t)r->parallel);
    put_f(&b, r->cost);
    put_f(&b, r->rows);
    put_s(&b, r->body);
    put_s(&b, r->path);
    put_s(&b, r->comment);
    put_texts(&b, r->config, r->nconfig);
    put_u(&b, (uint64_t)r->nparams);
    for (int i = 0; i < r->nparams; i++) {
        put_s(&b, r->params[i].name);
        put_u(&b, r->params[i].type);
        put_u(&b, (uint8_t)r->params[i].mode);
        put_s(&b, r->params[i].default_sql);
    }
    if (r->kind == ROUTINE_AGGREGATE) put_parts(&b, r->agg_kind, r->parts);
    return make_from(ctx,
                     &(CatObj){.oid = r->fn.oid, .kind = OBJ_ROUTINE, .relkind = r->kind,
                               .schema = r->schema_oid, .deps = r->deps, .ndeps = r->ndeps},
                     r->fn.name, &b, out);
}

Status
catobj_to_routine(Ctx *ctx, Arena *arena, const CatObj *o, Routine **out)
{
    Reader r = read_body(arena, o);
    Routine *def;
    TRY_ALLOC(ctx, def, ARENA_NEW(arena, Routine));
    TRY_ALLOC(ctx, def->fn.name, arena_strdup(arena, o->name));
    def->deps = get_head(&r, &def->kind, &def->ndeps);
    def->fn.oid = o->oid;
    def->schema_oid = o->schema;
    def->language = language_by_oid((Oid)get_u(&r));
    def->fn.result = (Oid)get_u(&r);
    uint64_t flags = get_u(&r);
    def->returns_set = (flags & 1) != 0;
    def->is_atomic = (flags & 2) != 0;
    def->strict = (flags & 4) != 0;
    def->leakproof = (flags & 8) != 0;
    def->security_definer = (flags & 16) != 0;
    def->volatility = (char)get_u(&r);
    def->parallel = (char)get_u(&r);
    def->cost = get_f(&r);
    def->rows = get_f(&r);
    def->body = get_s(&r);
    def->path = get_s(&r);
    def->comment = get_s(&r);
    def->config = get_texts(&r, &def->nconfig);
    def->nparams = get_count(&r);
    RoutineParam *params = get_array(&r, def->nparams, sizeof(RoutineParam));
    for (int i = 0; params != NULL && i < def->nparams; i++) {
        params[i].name = get_s(&r);
        params[i].type = (Oid)get_u(&r);
        params[i].mode = (char)get_u(&r);
        params[i].default_sql = get_s(&r);
    }
    def->params = params;
    if (def->kind == ROUTINE_AGGREGATE) def->parts = get_parts(&r, &def->agg_kind);
    if (def->language == NULL || def->body == NULL) r.bad = true;
    *out = def;
    return read_done(ctx, &r, o);
}

/* ---- definitions ---- */

Status
catobj_from_definition(Ctx *ctx, const Definition *d, CatObj **out)
{
    StrBuf b = strbuf_new(ctx->stmt_arena);
    put_head(&b, d->kind, d->deps, d->ndeps);
    put_u(&b, (uint64_t)d->nnums);
    for (int i = 0; i < d->nnums; i++) put_i(&b, d->nums[i]);
    put_texts(&b, d->texts, d->ntexts);
    return make_from(ctx,
                     &(CatObj){.oid = d->oid, .kind = OBJ_DEFINED, .relkind = d->kind, .schema = d->schema_oid,
                               .parent = d->parent, .deps = d->deps, .ndeps = d->ndeps},
                     d->name, &b, out);
}

Status
catobj_to_definition(Ctx *ctx, Arena *arena, const CatObj *o, Definition **out)
{
    Reader r = read_body(arena, o);
    Definition *d;
    TRY_ALLOC(ctx, d, ARENA_NEW(arena, Definition));
    TRY_ALLOC(ctx, d->name, arena_strdup(arena, o->name));
    d->oid = o->oid;
    d->schema_oid = o->schema;
    d->parent = o->parent;
    d->deps = get_head(&r, &d->kind, &d->ndeps);
    d->nnums = get_count(&r);
    int64_t *nums = get_array(&r, d->nnums, sizeof(int64_t));
    for (int i = 0; nums != NULL && i < d->nnums; i++) nums[i] = get_i(&r);
    d->nums = nums;
    d->texts = get_texts(&r, &d->ntexts);
    *out = d;
    return read_done(ctx, &r, o);
}
