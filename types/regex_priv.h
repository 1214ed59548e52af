/* regex_priv.h - the tree and the automata of regular expressions. Private to regex*.c. */
#ifndef TYPES_REGEX_PRIV_H
#define TYPES_REGEX_PRIV_H

#include "types/regex.h"

/* A set of characters: a final bitmap for ASCII, ranges and classes beyond it. */
typedef struct CharRange {
    uint32_t lo, hi;
} CharRange;

enum { CLASS_ALNUM = 1, CLASS_ALPHA = 2, CLASS_BLANK = 4, CLASS_CNTRL = 8, CLASS_DIGIT = 16, CLASS_GRAPH = 32,
       CLASS_LOWER = 64, CLASS_PRINT = 128, CLASS_PUNCT = 256, CLASS_SPACE = 512, CLASS_UPPER = 1024,
       CLASS_XDIGIT = 2048, CLASS_WORD = 4096 };

typedef struct CharSet {
    uint64_t ascii[2]; /* everything considered */
    CharRange *ranges;
    int nranges, cap;
    uint32_t classes, not_classes;
    bool negate, icase, no_newline;
} CharSet;

typedef enum NodeKind {
    NODE_EMPTY, NODE_SET, NODE_CAT, NODE_ALT, NODE_REPEAT, NODE_GROUP, NODE_BACKREF, NODE_ASSERT, NODE_LOOK
} NodeKind;

typedef enum AssertKind {
    ASSERT_TEXT_START, ASSERT_TEXT_END, ASSERT_LINE_START, ASSERT_LINE_END, ASSERT_WORD_START, ASSERT_WORD_END,
    ASSERT_WORD_EDGE, ASSERT_NOT_WORD_EDGE
} AssertKind;

/* Which of several matches of different length a part prefers. */
typedef enum Preference { PREFER_NONE, PREFER_LONGEST, PREFER_SHORTEST } Preference;

enum { REPEAT_INFINITE = -1, REPEAT_MAX = 255, REGEX_STATES_MAX = 100000, REGEX_DEPTH_MAX = 2000 };

typedef struct Node Node;
typedef struct Prog Prog;
struct Node {
    uint8_t kind, preference;
    bool has_group, has_backref; /* in this subtree */
    bool greedy;
    bool behind, negative; /* NODE_LOOK */
    int min, max;          /* NODE_REPEAT */
    int number;            /* NODE_GROUP, NODE_BACKREF; AssertKind of NODE_ASSERT */
    Node *left, *right;
    const CharSet *set;
    Node *rest; /* NODE_REPEAT of which only the last round matters: the rounds before it, made when needed */
    Prog *prog; /* the subtree's automaton, made when needed */
};

/* Automata: Thompson's. SET consumes one character; the others are followed without consuming. */
typedef enum StateKind { STATE_SET, STATE_ANY, STATE_SPLIT, STATE_ASSERT, STATE_LOOK, STATE_ACCEPT, STATE_JUMP } StateKind;

typedef struct State {
    uint8_t kind;
    int32_t out, out2; /* out2: SPLIT only */
    union {
        const CharSet *set;
        const Node *node; /* LOOK */
        int assertion;
    };
} State;

/* The states alive at a position, oldest start first. */
typedef struct StateList {
    int32_t *dense, *sparse;
    uint32_t *start; /* by place in dense */
    int n;
} StateList;

struct Prog {
    State *states;
    int nstates, cap;
    int32_t start;
    StateList now, next;
    int32_t *stack;
};

typedef struct Dfa Dfa;

struct Regex {
    Arena *arena;
    Dfa *dfa;    /* for yes-or-no answers, made on first use */
    bool no_dfa; /* cannot have one, or it grew too large */
    Node *root;
    int ngroups;
    bool has_backref;
    bool is_literal; /* the whole pattern is these bytes */
    const char *literal;
    size_t literal_bytes;
};

bool regex_set_has(const CharSet *set, uint32_t c);
bool regex_is_word(uint32_t c);

/* regex_dfa.c: whether there is a match anywhere. *done false: this expression has to be simulated. */
Status regex_dfa_match(Ctx *ctx, Regex *re, Prog *prog, const char *text, size_t nbytes, bool *found, bool *done);

#endif
