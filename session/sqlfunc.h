/* sqlfunc.h - SQL functions: what the session keeps of their bodies, and calling one from outside of an expression. */
#ifndef SESSION_SQLFUNC_H
#define SESSION_SQLFUNC_H

#include "session/session.h"

struct Routine;

/* Calls a function or procedure with the values of its inputs; the result lies in the arena. */
Status sqlfunc_call(Session *s, const struct Routine *r, Arena *arena, const Value *args, Value *out);
void sqlfunc_forget_all(Session *s);

#endif
