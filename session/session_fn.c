/* session_fn.c - functions about the session: current_setting, set_config. */
#include "session/session.h"
#include "types/kernel.h"

static Status
show_rows(KernelCall *call, bool has_flag)
{
    Ctx *ctx = call->ctx;
    ROWS(call, i) {
        Str s = ARG(call, 0, Str, i);
        char *name;
        const char *text;
        TRY_ALLOC(ctx, name, arena_strndup(call->arena, str_data(&s), s.len));
        bool missing_ok = has_flag && ARG(call, 1, uint8_t, i) != 0;
        TRY(settings_show(session_of(ctx), call->arena, name, missing_ok, &text));
        if (text == NULL)
            out_set_null(call, i);
        else
            OUT(call, Str, i) = str_make(text, strlen(text));
    }
    return QN_OK;
}

Status
fn_show_config_by_name(KernelCall *call)
{
    return show_rows(call, false);
}

Status
fn_show_config_by_name_missing_ok(KernelCall *call)
{
    return show_rows(call, true);
}

Status
fn_set_config_by_name(KernelCall *call)
{
    Ctx *ctx = call->ctx;
    ROWS(call, i) {
        char *name, *value = NULL;
        const char *text;
        if (vec_is_null(call->args[0], i))
            return RAISE(ctx, ERR_NULL_VALUE_NOT_ALLOWED, "SET requires parameter name");
        Str s = ARG(call, 0, Str, i);
        TRY_ALLOC(ctx, name, arena_strndup(call->arena, str_data(&s), s.len));
        if (!vec_is_null(call->args[1], i)) {
            Str v = ARG(call, 1, Str, i);
            TRY_ALLOC(ctx, value, arena_strndup(call->arena, str_data(&v), v.len));
        }
        bool is_local = !vec_is_null(call->args[2], i) && ARG(call, 2, uint8_t, i) != 0;
        TRY(settings_set(session_of(ctx), name, value, is_local));
        TRY(settings_show(session_of(ctx), call->arena, name, false, &text));
        OUT(call, Str, i) = str_make(text, strlen(text));
    }
    return QN_OK;
}

/* ---- statistics ---- */

/* The numbers of pg_stat_* views are looked at as they are: there is nothing to hand in, and no copy to throw away. */
Status
fn_pg_stat_force_next_flush(KernelCall *call)
{
    (void)call;
    return QN_OK;
}

Status
fn_pg_stat_clear_snapshot(KernelCall *call)
{
    (void)call;
    return QN_OK;
}
