#include "types/type_io.h"
Status jsonpath_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out){(void)arena,(void)text,(void)nbytes,(void)type,(void)typmod,(void)out; return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,"type jsonpath is not implemented yet");}
Status jsonpath_out(Ctx *ctx, StrBuf *b, const Value *value){(void)b,(void)value; return RAISE(ctx, ERR_FEATURE_NOT_SUPPORTED,"type jsonpath is not implemented yet");}
