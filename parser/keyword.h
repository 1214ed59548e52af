/* keyword.h - the words of keywords.def: found by text, described by class. */
#ifndef PARSER_KEYWORD_H
#define PARSER_KEYWORD_H

#include <stdbool.h>
#include <stddef.h>

typedef enum KeywordClass {
    KEYWORD_UNRESERVED, /* a name anywhere */
    KEYWORD_COL_NAME,   /* a name, but not of a function or type */
    KEYWORD_TYPE_FUNC,  /* a function or type only */
    KEYWORD_RESERVED
} KeywordClass;

typedef struct Keyword {
    const char *text; /* lower case */
    short token;      /* TK_... */
    unsigned char class;
    unsigned char nbytes;
    bool is_bare_label; /* may be a column label without AS */
} Keyword;

/* The keyword with this text (lower case), or NULL. */
const Keyword *keyword_find(const char *text, size_t nbytes);
/* Keyword i in the order of keywords.def, NULL past the last. */
const Keyword *keyword_at(int i);

#endif
