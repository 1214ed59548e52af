/* like.c - LIKE and ILIKE.
 *
 * A pattern is cut at its % signs into segments of bytes and single-character wildcards. The first segment is
 * anchored at the start and the last at the end, unless the pattern begins or ends with %; those between
 * are found from the left, each at its first place after the one before: that is enough, because a later
 * place could only leave less for the rest. So a row costs one pass, and the common patterns (abc, abc%,
 * %abc, %abc%) are a memcmp or a memmem. ILIKE folds pattern and text to lower case first. */
#include "types/like.h"
#include "types/kernel.h"
#include "types/textfn.h"

typedef struct Segment {
    const char *bytes;
    const uint8_t *any; /* NULL: no wildcard; else any[i]: bytes[i] stands for one character */
    uint32_t nbytes;
} Segment;

struct LikePattern {
    LikeMode mode;
    bool open_start, open_end; /* begins, ends with % */
    int nsegments;
    Segment *segments;
    uint32_t min_bytes; /* a text shorter than this cannot match */
    bool bad_end;       /* ends with an escape: a text that gets that far is an error */
    char *scratch;      /* FOLD: the text in lower case */
    size_t scratch_bytes;
};

/* Bytes of the text at p that the segment covers; -1: no match. */
static ptrdiff_t
match_here(const LikePattern *lp, const Segment *seg, const char *p, const char *end)
{
    if (seg->any == NULL)
        return (size_t)(end - p) >= seg->nbytes && memcmp(p, seg->bytes, seg->nbytes) == 0
                   ? (ptrdiff_t)seg->nbytes
                   : -1;
    const char *start = p;
    for (uint32_t i = 0; i < seg->nbytes; i++) {
        if (p >= end) return -1;
        if (seg->any[i])
            p += lp->mode == LIKE_BYTES ? 1 : utf8_char_bytes((unsigned char)*p);
        else if (*p++ != seg->bytes[i])
            return -1;
    }
    return p <= end ? p - start : -1;
}

/* The first place at or after p; *covered gets its length. */
static const char *
match_first(const LikePattern *lp, const Segment *seg, const char *p, const char *end, ptrdiff_t *covered)
{
    if (seg->any == NULL) {
        *covered = (ptrdiff_t)seg->nbytes;
        return seg->nbytes == 0 ? p : memmem(p, (size_t)(end - p), seg->bytes, seg->nbytes);
    }
    while (p <= end) {
        *covered = match_here(lp, seg, p, end);
        if (*covered >= 0) return p;
        if (p == end) break;
        p += lp->mode == LIKE_BYTES ? 1 : utf8_char_bytes((unsigned char)*p);
    }
    return NULL;
}

/* Whether the segment covers exactly the end of [p, end). */
static bool
match_last(const LikePattern *lp, const Segment *seg, const char *p, const char *end)
{
    if (seg->any == NULL)
        return (size_t)(end - p) >= seg->nbytes && memcmp(end - seg->nbytes, seg->bytes, seg->nbytes) == 0;
    const char *at = end; /* as many characters back as the segment has */
    uint32_t nchars = 0;
    for (uint32_t i = 0; i < seg->nbytes; i++)
        nchars += seg->any[i] || lp->mode == LIKE_BYTES || ((unsigned char)seg->bytes[i] & 0xC0) != 0x80;
    for (; nchars > 0; nchars--) {
        if (at <= p) return false;
        at--;
        if (lp->mode != LIKE_BYTES)
            while (at > p && ((unsigned char)*at & 0xC0) == 0x80) at--;
    }
    return match_here(lp, seg, at, end) == end - at;
}

static bool
match(const LikePattern *lp, const char *p, const char *end)
{
    int first = 0, last = lp->nsegments;
    ptrdiff_t covered;
    if (lp->nsegments == 0) return lp->open_start || p == end;
    if ((size_t)(end - p) < lp->min_bytes) return false;
    if (!lp->open_start) {
        covered = match_here(lp, &lp->segments[0], p, end);
        if (covered < 0) return false;
        p += covered;
        first = 1;
        if (last == 1) return lp->open_end || p == end;
    }
    if (!lp->open_end) last--;
    for (int i = first; i < last; i++) {
        p = match_first(lp, &lp->segments[i], p, end, &covered);
        if (p == NULL) return false;
        p += covered;
    }
    return lp->open_end || match_last(lp, &lp->segments[last], p, end);
}

bool
like_matches(const LikePattern *lp, const char *s, size_t nbytes)
{
    return match(lp, s, s + nbytes);
}

Status
like_compile(Ctx *ctx, Arena *arena, const Str *pattern, LikeMode mode, LikePattern **out)
{
    Str folded = *pattern;
    LikePattern *lp;
    char *bytes;
    uint8_t *any;
    if (mode == LIKE_FOLD) TRY(text_lower(ctx, arena, str_data(pattern), pattern->len, &folded));
    const char *p = str_data(&folded), *end = p + folded.len;
    TRY_ALLOC(ctx, lp, ARENA_NEW(arena, LikePattern));
    lp->mode = mode;
    int npercent = 0;
    for (const char *q = p; q < end; q++) npercent += *q == '%';
    TRY_ALLOC(ctx, lp->segments, ARENA_ARRAY(arena, Segment, npercent + 1));
    TRY_ALLOC(ctx, bytes, arena_alloc(arena, folded.len + 1));
    TRY_ALLOC(ctx, any, arena_zalloc(arena, folded.len + 1));
    lp->open_start = p < end && *p == '%';
    while (p < end) {
        if (*p == '%') {
            lp->open_end = true;
            p++;
            continue;
        }
        Segment *seg = &lp->segments[lp->nsegments++];
        bool has_any = false;
        uint32_t n = 0;
        for (; p < end && *p != '%'; p++) {
            if (*p == '_') {
                any[n] = 1;
                has_any = true;
            } else if (*p == '\\' && ++p == end) {
                lp->bad_end = true; /* stands for "anything more" */
                any[n] = 1;
                has_any = true;
                bytes[n++] = '_';
                break;
            }
            bytes[n++] = *p;
        }
        *seg = (Segment){.bytes = bytes, .any = has_any ? any : NULL, .nbytes = n};
        lp->min_bytes += n;
        lp->open_end = lp->bad_end;
        bytes += n;
        any += n;
    }
    *out = lp;
    return QN_OK;
}


/* The text of the row, folded for ILIKE. */
static Status
fold_text(KernelCall *call, LikePattern *lp, const Str *s, const char **p, size_t *n)
{
    *p = str_data(s);
    *n = s->len;
    if (lp->mode != LIKE_FOLD) return QN_OK;
    unsigned char high = 0;
    for (uint32_t i = 0; i < s->len; i++) high |= (unsigned char)(*p)[i];
    if (high >= 0x80) {
        Str folded;
        TRY(text_lower(call->ctx, call->arena, *p, *n, &folded));
        if (folded.len <= STR_INLINE_MAX) { /* the view is ours alone: keep the bytes */
            char *q;
            TRY_ALLOC(call->ctx, q, arena_memdup(call->arena, folded.inl, STR_INLINE_MAX));
            *p = q;
        } else {
            *p = folded.ptr;
        }
        *n = folded.len;
        return QN_OK;
    }
    if (lp->scratch_bytes < s->len) {
        size_t want = (size_t)s->len * 2;
        TRY_ALLOC(call->ctx, lp->scratch, arena_alloc(call->arena, want));
        lp->scratch_bytes = want;
    }
    for (uint32_t i = 0; i < s->len; i++) lp->scratch[i] = ascii_lower((*p)[i]);
    *p = lp->scratch;
    return QN_OK;
}

static Status
check_end(KernelCall *call, const LikePattern *lp, bool matched)
{
    if (!matched || !lp->bad_end) return QN_OK;
    return RAISE(call->ctx, ERR_INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character");
}

static Status
match_row(KernelCall *call, LikePattern *lp, int row, bool negate)
{
    const char *p;
    size_t n;
    TRY(fold_text(call, lp, &ARG(call, 0, Str, row), &p, &n));
    bool matched = match(lp, p, p + n);
    OUT(call, uint8_t, row) = matched != negate;
    return check_end(call, lp, matched);
}

/* A constant pattern is compiled once for the call site. */
static Status
like_kernel(KernelCall *call, LikeMode mode, bool negate)
{
    if (!arg_is_const(call, 1)) {
        ROWS (call, i) {
            LikePattern *lp;
            TRY(like_compile(call->ctx, call->arena, &ARG(call, 1, Str, i), mode, &lp));
            TRY(match_row(call, lp, i, negate));
        }
        return QN_OK;
    }
    if (call->n == 0) return QN_OK;
    LikePattern *lp;
    if (call->state == NULL || *call->state == NULL) {
        Arena *arena = call->state != NULL ? call->state_arena : call->arena;
        Str copy;
        const Str *pattern = &ARG(call, 1, Str, 0);
        TRY(str_copy(call->ctx, arena, str_data(pattern), pattern->len, &copy));
        TRY(like_compile(call->ctx, arena, &copy, mode, &lp));
        if (call->state != NULL) *call->state = lp;
    } else {
        lp = *call->state;
    }
    lp->scratch = NULL; /* lay in an earlier call's arena */
    lp->scratch_bytes = 0;
    if (mode == LIKE_FOLD || lp->bad_end) {
        ROWS (call, i) TRY(match_row(call, lp, i, negate));
        return QN_OK;
    }
    const Str *rows = call->args[0]->data;
    const int mask = arg_is_const(call, 0) ? 0 : -1;
    ROWS (call, i) {
        const Str *s = &rows[i & mask];
        const char *p = str_data(s);
        OUT(call, uint8_t, i) = match(lp, p, p + s->len) != negate;
    }
    return QN_OK;
}

Status fn_textlike(KernelCall *call) { return like_kernel(call, LIKE_TEXT, false); }
Status fn_textnlike(KernelCall *call) { return like_kernel(call, LIKE_TEXT, true); }
Status fn_texticlike(KernelCall *call) { return like_kernel(call, LIKE_FOLD, false); }
Status fn_texticnlike(KernelCall *call) { return like_kernel(call, LIKE_FOLD, true); }
Status fn_namelike(KernelCall *call) { return like_kernel(call, LIKE_TEXT, false); }
Status fn_namenlike(KernelCall *call) { return like_kernel(call, LIKE_TEXT, true); }
Status fn_nameiclike(KernelCall *call) { return like_kernel(call, LIKE_FOLD, false); }
Status fn_nameicnlike(KernelCall *call) { return like_kernel(call, LIKE_FOLD, true); }
Status fn_bytealike(KernelCall *call) { return like_kernel(call, LIKE_BYTES, false); }
Status fn_byteanlike(KernelCall *call) { return like_kernel(call, LIKE_BYTES, true); }

/* LIKE ... ESCAPE: the pattern rewritten to escape with a backslash. */
static Status
like_escape(KernelCall *call, const Str *pattern, const Str *escape, bool bytes, Str *out)
{
    const char *p = str_data(pattern), *end = p + pattern->len, *e = str_data(escape);
    StrBuf b = strbuf_new(call->arena);
    size_t en = escape->len;
    if (en > 0 && (bytes ? 1 : (size_t)utf8_char_bytes((unsigned char)*e)) != en)
        return err_hint(call->ctx, RAISE(call->ctx, ERR_INVALID_ESCAPE_SEQUENCE, "invalid escape string"),
                        "Escape string must be empty or one character.");
    if (en == 1 && *e == '\\') {
        *out = *pattern;
        return QN_OK;
    }
    while (p < end) {
        size_t n = bytes ? 1 : (size_t)utf8_char_bytes((unsigned char)*p);
        if (en > 0 && (size_t)(end - p) >= en && memcmp(p, e, en) == 0) {
            strbuf_addc(&b, '\\');
            p += en;
            if (p < end) {
                n = bytes ? 1 : (size_t)utf8_char_bytes((unsigned char)*p);
                strbuf_add(&b, p, n);
                p += n;
            }
            continue;
        }
        if (*p == '\\') strbuf_addc(&b, '\\');
        strbuf_add(&b, p, n);
        p += n;
    }
    if (b.failed) return RAISE_OOM(call->ctx);
    *out = str_make(b.data != NULL ? b.data : "", b.nbytes);
    return QN_OK;
}

Status
fn_like_escape(KernelCall *call)
{
    ROWS (call, i)
        TRY(like_escape(call, &ARG(call, 0, Str, i), &ARG(call, 1, Str, i), false, &OUT(call, Str, i)));
    return QN_OK;
}

Status
fn_like_escape_bytea(KernelCall *call)
{
    ROWS (call, i)
        TRY(like_escape(call, &ARG(call, 0, Str, i), &ARG(call, 1, Str, i), true, &OUT(call, Str, i)));
    return QN_OK;
}
