/* ts.h - full text: documents (tsvector), queries (tsquery), and how text becomes either.
 *
 *     tsvector  u32 number of lexemes | u32 end[n] of each record | records
 *     record    u16 bytes of text | u16 number of positions | text | u16 position[]
 *     tsquery   u32 number of items | item[n] | texts
 *
 * Lexemes are unique and in the order of their bytes, shorter first. A position is weight << 14 | place, ascending by place; a
 * document that lost its positions (strip) has none. Items of a query are its tree: an operator, its right operand, its left one.
 * Nothing is aligned.
 */
#ifndef TYPES_TS_H
#define TYPES_TS_H

#include "common/array.h"
#include "types/type.h"

enum {
    TS_LEXEME_MAX = 2046,        /* bytes */
    TS_POSITION_MAX = 16383,     /* places past it count as it */
    TS_POSITIONS_MAX = 255,      /* of one lexeme */
    TS_TEXT_MAX = (1 << 20) - 1, /* bytes of all lexemes and positions; 54000 */
    TS_DISTANCE_MAX = 16384
};

/* ---- tsvector ---- */

static inline uint16_t ts_place(uint16_t pos) { return pos & 0x3FFF; }
static inline int ts_weight(uint16_t pos) { return pos >> 14; } /* 0 D .. 3 A */
static inline uint16_t ts_pos(int place, int weight) { return (uint16_t)(weight << 14 | (place > TS_POSITION_MAX ? TS_POSITION_MAX : place)); }

typedef struct TsVector { /* a view */
    uint32_t n;
    const char *ends, *data;
} TsVector;

typedef struct TsLexeme {
    const char *text;
    uint32_t nbytes, npos;
    const char *pos; /* u16 each */
} TsLexeme;

static inline uint16_t
ts_u16(const char *p, uint32_t i)
{
    uint16_t v;
    memcpy(&v, p + (size_t)i * 2, 2);
    return v;
}
/* s must stay where it is while the view is used. */
TsVector tsvector_view(const Str *s);
TsLexeme tsvector_lexeme(const TsVector *v, uint32_t i);
int ts_compare_text(const char *a, size_t na, const char *b, size_t nb);
/* Position of the lexeme, or of the first one not less; found_out says which. */
uint32_t tsvector_find(const TsVector *v, const char *text, size_t nbytes, bool *found_out);

/* What a document is made of: words in any order, with repeats. */
typedef struct TsWord {
    const char *text;
    uint32_t nbytes;
    uint32_t npos;
    const uint16_t *pos;
} TsWord;
/* Sorts words; the value is in the arena. 54000 */
Status tsvector_make(Ctx *ctx, Arena *arena, TsWord *words, int n, Str *out);

static inline bool
ts_is_operator(char c)
{
    return c == '!' || c == '&' || c == '|' || c == '(' || c == ')' || c == '<';
}
/* A word of the text form of tsvector or tsquery. is_query: operators end it, and what follows a colon is left to the caller. */
typedef struct TsReader {
    const char *at, *end;
    const char *all; /* the whole text, for messages */
    size_t nall;
    bool is_query, is_web;
} TsReader;
/* *found_out false: the end. pos is filled with what follows the colon (vectors only), in the arena. */
Status ts_read_word(Ctx *ctx, Arena *arena, TsReader *r, TsWord *out, bool *found_out);

/* ---- tsquery ---- */

typedef enum TsKind { TS_VALUE = 1, TS_NOT, TS_AND, TS_OR, TS_PHRASE } TsKind;

typedef struct TsItem { /* as stored */
    uint8_t kind;    /* TsKind */
    uint8_t weights; /* of a value: bit w: a position of weight w will do; 0: any */
    uint8_t prefix;  /* of a value: lexemes that begin with it */
    uint8_t unused;
    uint32_t a; /* value: where its text begins; binary operator: items to its left operand */
    uint32_t b; /* value: bytes; TS_PHRASE: distance */
} TsItem;

typedef struct TsQuery { /* a view */
    uint32_t n;
    const char *items, *text;
} TsQuery;

static inline TsItem
tsquery_item(const TsQuery *q, uint32_t i)
{
    TsItem it;
    memcpy(&it, q->items + (size_t)i * sizeof(TsItem), sizeof(TsItem));
    return it;
}
TsQuery tsquery_view(const Str *s);
uint32_t tsquery_varsize(const TsQuery *q); /* bytes PostgreSQL would take: the first thing it orders queries by */

/* A query as a tree, for building. TS_STOP stands for a stop word until ts_clean takes it out. */
#define TS_STOP 0
typedef struct TsNode TsNode;
struct TsNode {
    uint8_t kind, weights, prefix;
    uint32_t distance;
    const char *text;
    uint32_t nbytes;
    TsNode *left, *right; /* TS_NOT: right alone */
};
Status ts_node(Ctx *ctx, Arena *arena, TsKind kind, TsNode *left, TsNode *right, uint32_t distance, TsNode **out);
Status tsquery_pack(Ctx *ctx, Arena *arena, const TsNode *root, Str *out); /* root NULL: the empty query */
Status tsquery_unpack(Ctx *ctx, Arena *arena, const TsQuery *q, TsNode **out);

/* How a query's text is read, and what each of its words becomes. */
typedef enum TsSyntax { TS_SYNTAX_FULL, TS_SYNTAX_PLAIN, TS_SYNTAX_WEB } TsSyntax;
typedef Status (*TsMakeValue)(Ctx *ctx, Arena *arena, void *arg, const TsWord *word, int weights, bool prefix, TsNode **out);
/* *out NULL: there was nothing in it. 42601 */
Status tsquery_parse(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, TsSyntax syntax, TsMakeValue make, void *arg, TsNode **out);
/* Takes stop words out; says so when nothing else was there. */
Status ts_clean(Ctx *ctx, TsNode **root);

/* ---- matching (tsmatch.c) ---- */

typedef enum TsTruth { TS_NO, TS_YES, TS_MAYBE } TsTruth;

/* Where a part of a phrase ends. negate: anywhere but there. */
typedef struct TsPlaces {
    int n, width;
    bool negate;
    const uint16_t *at; /* places, ascending, each once */
} TsPlaces;

/* Whether a value's item holds; places not NULL: and where. */
typedef Status (*TsCheck)(Ctx *ctx, Arena *arena, void *arg, uint32_t item, TsPlaces *places, TsTruth *out);
Status ts_match(Ctx *ctx, Arena *arena, const TsQuery *q, TsCheck check, void *arg, bool *out);
Status ts_match_vector(Ctx *ctx, Arena *arena, const TsVector *v, const TsQuery *q, bool *out);

/* ---- from text to lexemes (tsparser.c, tsdict.c) ---- */

typedef enum TsToken {
    TSTOK_ASCIIWORD = 1, TSTOK_WORD, TSTOK_NUMWORD, TSTOK_EMAIL, TSTOK_URL, TSTOK_HOST, TSTOK_SFLOAT, TSTOK_VERSION, TSTOK_HWORD_NUMPART,
    TSTOK_HWORD_PART, TSTOK_HWORD_ASCIIPART, TSTOK_BLANK, TSTOK_TAG, TSTOK_PROTOCOL, TSTOK_NUMHWORD, TSTOK_ASCIIHWORD, TSTOK_HWORD,
    TSTOK_URL_PATH, TSTOK_FILE, TSTOK_FLOAT, TSTOK_INT, TSTOK_UINT, TSTOK_ENTITY, TSTOK_COUNT
} TsToken;
extern const char *const ts_token_alias[TSTOK_COUNT], *const ts_token_description[TSTOK_COUNT];

typedef struct TsParser {
    const char *text, *end, *at;
    const char *part, *compound_end;         /* what is left of a hyphenated word to give as parts */
    const char *url, *host_end, *url_end;    /* what is left of a URL */
    const char *plain_until;                 /* up to there is no address and no host */
    bool no_comment_end;                     /* from here on no comment ends */
    const char *raw_end;                     /* NULL, or up to where there is script, no text */
} TsParser;
static inline TsParser
ts_parser(const char *text, size_t nbytes)
{
    return (TsParser){.text = text, .end = text + nbytes, .at = text, .plain_until = text};
}
/* The next token, blanks included; false: the end. */
bool ts_next_token(TsParser *p, TsToken *type_out, const char **text_out, size_t *nbytes_out);

typedef struct TsDict {
    Oid oid;
    const char *name;
    const char *language; /* a Snowball stemmer; NULL: simple */
    bool has_stopwords;
    bool is_korean; /* tskorean.c */
} TsDict;

typedef struct TsConfig {
    Oid oid;
    const char *name;
    const TsDict *ascii, *word, *other; /* of words in ASCII, of other words, of the rest */
} TsConfig;

const TsConfig *ts_config_at(int i); /* NULL past the last */
const TsConfig *ts_config_by_oid(Oid oid);
const TsDict *ts_dict_at(int i);
const TsDict *ts_dict_by_oid(Oid oid);
const TsDict *ts_config_dict(const TsConfig *c, TsToken type); /* NULL: tokens of the type are not indexed */
Status ts_config_find(Ctx *ctx, Oid oid, const TsConfig **out); /* 42704 */
Status ts_config_current(Ctx *ctx, const TsConfig **out);       /* default_text_search_config */

/* Stemmers are made when first needed and given back by ts_lexer_end. */
typedef struct TsLexer {
    const TsDict *dicts[4];
    struct sb_stemmer *stemmers[4];
} TsLexer;
void ts_lexer_end(TsLexer *l);
/* The lexemes of a word, in the arena; none: a stop word. A query must find all of them. */
typedef struct TsLexemes {
    const Str *items;
    int n;
} TsLexemes;
Status ts_lexize(Ctx *ctx, Arena *arena, TsLexer *l, const TsDict *dict, const char *text, size_t nbytes, TsLexemes *out);
/* Of a word in lower case, by Korean's rules: particles are taken off, words of Hangul become pairs of syllables. */
Status ts_korean_lexemes(Ctx *ctx, Arena *arena, const Str *word, TsLexemes *out);

/* The words of a text, one after the other; several texts may follow each other in one document. */
typedef ARRAY(TsWord) TsWords;
typedef struct TsDocument {
    const TsConfig *config;
    TsLexer *lexer;
    int place; /* of the last word */
    TsWords words;
} TsDocument;
Status ts_document_add(Ctx *ctx, Arena *arena, TsDocument *d, const char *text, size_t nbytes);

#endif
