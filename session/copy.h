/* copy.h - what COPY's two directions share. Private to session/copy*.c. */
#ifndef SESSION_COPY_H
#define SESSION_COPY_H

#include "session/utility.h"

typedef struct CopyOptions {
    bool csv;
    bool header, header_match;
    char delimiter, quote, escape;
    const char *null_text; /* what stands for NULL */
    size_t null_bytes;
    bool force_quote_all;
    const AstList *force_quote, *force_not_null, *force_null; /* StringNode; NULL: not given */
    bool force_not_null_all, force_null_all;
} CopyOptions;

/* Errors 42601, 22023, 0A000 in PostgreSQL's words. */
Status copy_options(Ctx *ctx, const AstList *list, bool is_from, CopyOptions *out);
/* The columns of a table that take part: 0-based attribute positions. 42703, 42701. */
Status copy_columns(Ctx *ctx, const Relation *rel, const AstList *names, int **out, int *n_out);

Status copy_from(Stmt *stmt, const CopyStmt *c);
Status copy_to(Stmt *stmt, const CopyStmt *c);

#endif
