/* ddl_trigger.c - CREATE TRIGGER: what a definition may not say. Triggers themselves are still to come. */
#include "session/ddl.h"
#include <string.h>

#define BAD_TRIGGER(d, ...) RAISE((d)->ctx, ERR_INVALID_OBJECT_DEFINITION, __VA_ARGS__)

/* One name of REFERENCING. */
static Status
check_transition(Ddl *d, const CreateTrigStmt *s, const TriggerTransition *t)
{
    const int events = s->events & (TRIGGER_INSERT | TRIGGER_UPDATE | TRIGGER_DELETE | TRIGGER_TRUNCATE);
    if (!t->is_table)
        return err_hint(d->ctx,
                        RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "ROW variable naming in the REFERENCING clause is not supported"),
                        "Use OLD TABLE or NEW TABLE for naming transition tables.");
    if (s->timing != 0) return BAD_TRIGGER(d, "transition table name can only be specified for an AFTER trigger");
    if ((events & TRIGGER_TRUNCATE) != 0) return BAD_TRIGGER(d, "TRUNCATE triggers with transition tables are not supported");
    if ((events & (events - 1)) != 0)
        return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "transition tables cannot be specified for triggers with more than one event");
    if (s->columns.count > 0)
        return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "transition tables cannot be specified for triggers with column lists");
    if (t->is_new && (events & (TRIGGER_INSERT | TRIGGER_UPDATE)) == 0)
        return BAD_TRIGGER(d, "NEW TABLE can only be specified for an INSERT or UPDATE trigger");
    if (!t->is_new && (events & (TRIGGER_DELETE | TRIGGER_UPDATE)) == 0)
        return BAD_TRIGGER(d, "OLD TABLE can only be specified for a DELETE or UPDATE trigger");
    return QN_OK;
}

static Status
check_transitions(Ddl *d, const CreateTrigStmt *s)
{
    const TriggerTransition *seen[2] = {NULL, NULL};
    for (int i = 0; i < s->transitions.count; i++) {
        const TriggerTransition *t = AST_AS(TriggerTransition, s->transitions.items[i]);
        TRY(check_transition(d, s, t));
        if (seen[t->is_new] != NULL) return BAD_TRIGGER(d, "%s TABLE cannot be specified multiple times", t->is_new ? "NEW" : "OLD");
        seen[t->is_new] = t;
    }
    if (seen[0] != NULL && seen[1] != NULL && strcmp(seen[0]->name, seen[1]->name) == 0)
        return BAD_TRIGGER(d, "OLD TABLE name and NEW TABLE name cannot be the same");
    return QN_OK;
}

static Status
check_instead(Ddl *d, const CreateTrigStmt *s)
{
    const char *what = !s->row                ? "must be FOR EACH ROW"
                       : s->when != NULL      ? "cannot have WHEN conditions"
                       : s->columns.count > 0 ? "cannot have column lists"
                                              : NULL;
    if (s->timing != TRIGGER_INSTEAD || what == NULL) return QN_OK;
    return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "INSTEAD OF triggers %s", what);
}

Status
ddl_run_trigger(Ddl *d, const CreateTrigStmt *s)
{
    const Relation *rel;
    TRY(check_instead(d, s));
    TRY(ddl_open(d, AST_AS(RangeVar, s->rel), LOCK_SHARE_ROW_EXCLUSIVE, "rpvf", false, &rel));
    TRY(check_transitions(d, s));
    return RAISE(d->ctx, ERR_FEATURE_NOT_SUPPORTED, "CREATE TRIGGER is not supported yet");
}
