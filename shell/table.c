/* table.c - results in psql's formats. */
#include "shell/shell.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void
table_add_row(Table *t, char **cells)
{
    if (t->nrows == t->cap) {
        t->cap = t->cap != 0 ? t->cap * 2 : 64;
        char ***more = realloc(t->rows, sizeof(char **) * (size_t)t->cap);
        if (more == NULL) {
            fprintf(stderr, "out of memory\n");
            exit(2);
        }
        t->rows = more;
    }
    t->rows[t->nrows++] = cells;
}

void
table_free(Table *t)
{
    for (long r = 0; r < t->nrows; r++) {
        for (int c = 0; c < t->ncols; c++) free(t->rows[r][c]);
        free(t->rows[r]);
    }
    for (int c = 0; c < t->ncols; c++) free(t->names[c]);
    free(t->rows);
    free(t->names);
    free(t->right);
    *t = (Table){0};
}

/* ---- width of text ---- */

static uint32_t
decode(const unsigned char **p, const unsigned char *end)
{
    const unsigned char *s = *p;
    int n = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (end - s < n) n = 1;
    *p += n;
    switch (n) {
    case 2: return (uint32_t)(s[0] & 0x1F) << 6 | (s[1] & 0x3F);
    case 3: return (uint32_t)(s[0] & 0x0F) << 12 | (uint32_t)(s[1] & 0x3F) << 6 | (s[2] & 0x3F);
    case 4: return (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3F) << 12 | (uint32_t)(s[2] & 0x3F) << 6 | (s[3] & 0x3F);
    default: return s[0];
    }
}

static int
char_width(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return 0;
    if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F)) return 0;
    if ((c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0x303E) || (c >= 0x3041 && c <= 0xA4CF) ||
        (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
        (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1F64F) ||
        (c >= 0x1F900 && c <= 0x1F9FF) || (c >= 0x20000 && c <= 0x3FFFD))
        return 2;
    return 1;
}

int
text_width(const char *s, size_t nbytes)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + nbytes;
    int w = 0;
    while (p < end) w += char_width(decode(&p, end));
    return w;
}

static const char *
cell_text(const Shell *sh, const char *cell)
{
    return cell != NULL ? cell : sh->null_text;
}

/* The widest line of a text. */
static int
block_width(const char *s)
{
    int w = 0;
    for (;;) {
        size_t n = strcspn(s, "\n");
        int here = text_width(s, n);
        if (here > w) w = here;
        if (s[n] == '\0') return w;
        s += n + 1;
    }
}

static void
pad(FILE *out, int n, char c)
{
    while (n-- > 0) fputc(c, out);
}

static int *
column_widths(const Shell *sh, const Table *t)
{
    int *w = calloc((size_t)t->ncols + 1, sizeof(int));
    for (int c = 0; w != NULL && c < t->ncols; c++) {
        w[c] = block_width(t->names[c]);
        for (long r = 0; r < t->nrows; r++) {
            int here = block_width(cell_text(sh, t->rows[r][c]));
            if (here > w[c]) w[c] = here;
        }
    }
    return w;
}

static void
print_footer(Shell *sh, const Table *t)
{
    if (sh->tuples_only) return;
    if (t->footer != NULL) fputs(t->footer, sh->out);
    else fprintf(sh->out, "(%ld row%s)\n", t->nrows, t->nrows == 1 ? "" : "s");
}

/* ---- aligned ---- */

static void
print_aligned_row(Shell *sh, const Table *t, char **cells, const int *width)
{
    const char **at = calloc((size_t)t->ncols + 1, sizeof(char *));
    bool more = true;
    if (at == NULL) return;
    for (int c = 0; c < t->ncols; c++) at[c] = cell_text(sh, cells[c]);
    while (more) {
        more = false;
        for (int c = 0; c < t->ncols; c++) {
            const char *s = at[c] != NULL ? at[c] : "";
            size_t n = strcspn(s, "\n");
            bool goes_on = at[c] != NULL && s[n] == '\n', last = c == t->ncols - 1;
            int fill = width[c] - text_width(s, n);
            fputc(' ', sh->out);
            if (t->right[c]) pad(sh->out, fill, ' ');
            fwrite(s, 1, n, sh->out);
            if (!t->right[c] && (!last || goes_on)) pad(sh->out, fill, ' ');
            if (goes_on) fputc('+', sh->out);
            else if (!last) fputc(' ', sh->out);
            if (!last) fputc('|', sh->out);
            at[c] = goes_on ? s + n + 1 : NULL;
            more |= goes_on;
        }
        fputc('\n', sh->out);
    }
    free(at);
}

static void
print_aligned(Shell *sh, const Table *t)
{
    int *width = column_widths(sh, t), total = 0;
    if (width == NULL) return;
    for (int c = 0; c < t->ncols; c++) total += width[c] + 3;
    if (!sh->tuples_only) {
        if (t->title != NULL) {
            int w = text_width(t->title, strlen(t->title));
            if (w < total - 1) pad(sh->out, (total - 1 - w) / 2, ' ');
            fprintf(sh->out, "%s\n", t->title);
        }
        for (int c = 0; c < t->ncols; c++) {
            int fill = width[c] - text_width(t->names[c], strlen(t->names[c]));
            fputc(' ', sh->out);
            pad(sh->out, fill / 2, ' ');
            fputs(t->names[c], sh->out);
            pad(sh->out, fill - fill / 2, ' ');
            fputc(' ', sh->out);
            if (c < t->ncols - 1) fputc('|', sh->out);
        }
        fputc('\n', sh->out);
        for (int c = 0; c < t->ncols; c++) {
            pad(sh->out, width[c] + 2, '-');
            if (c < t->ncols - 1) fputc('+', sh->out);
        }
        fputc('\n', sh->out);
    }
    for (long r = 0; r < t->nrows; r++) print_aligned_row(sh, t, t->rows[r], width);
    print_footer(sh, t);
    fputc('\n', sh->out);
    free(width);
}

static void
print_expanded(Shell *sh, const Table *t)
{
    int names = 0, data = 0;
    if (t->nrows == 0) {
        if (!sh->tuples_only) fputs("(0 rows)\n", sh->out);
        fputc('\n', sh->out);
        return;
    }
    for (int c = 0; c < t->ncols; c++) {
        int w = block_width(t->names[c]);
        if (w > names) names = w;
        for (long r = 0; r < t->nrows; r++) {
            w = block_width(cell_text(sh, t->rows[r][c]));
            if (w > data) data = w;
        }
    }
    for (long r = 0; r < t->nrows; r++) {
        if (!sh->tuples_only) {
            char label[40];
            int n = snprintf(label, sizeof(label), "-[ RECORD %ld ]", r + 1);
            fputs(label, sh->out);
            for (int i = n; i < names + 3 + data; i++) fputc(i == names + 1 ? '+' : '-', sh->out);
            fputc('\n', sh->out);
        } else if (r > 0) {
            fputc('\n', sh->out);
        }
        for (int c = 0; c < t->ncols; c++) {
            const char *s = cell_text(sh, t->rows[r][c]);
            bool first = true;
            for (;;) {
                size_t n = strcspn(s, "\n");
                fputs(first ? t->names[c] : "", sh->out);
                pad(sh->out, names - (first ? text_width(t->names[c], strlen(t->names[c])) : 0), ' ');
                fputs(n > 0 || s[n] == '\n' ? " | " : " |", sh->out);
                if (n == 0 && s[n] == '\0') fputc(' ', sh->out);
                fwrite(s, 1, n, sh->out);
                if (s[n] == '\n') {
                    pad(sh->out, data - text_width(s, n), ' ');
                    fputc('+', sh->out);
                }
                fputc('\n', sh->out);
                if (s[n] == '\0') break;
                s += n + 1;
                first = false;
            }
        }
    }
    fputc('\n', sh->out);
}

/* ---- the others ---- */

static void
print_unaligned(Shell *sh, const Table *t)
{
    if (sh->expanded) {
        for (long r = 0; r < t->nrows; r++) {
            if (r > 0) fputc('\n', sh->out);
            for (int c = 0; c < t->ncols; c++) fprintf(sh->out, "%s%s%s\n", t->names[c], sh->separator, cell_text(sh, t->rows[r][c]));
        }
        return;
    }
    if (!sh->tuples_only) {
        if (t->title != NULL) fprintf(sh->out, "%s\n", t->title);
        for (int c = 0; c < t->ncols; c++) fprintf(sh->out, "%s%s", c > 0 ? sh->separator : "", t->names[c]);
        fputc('\n', sh->out);
    }
    for (long r = 0; r < t->nrows; r++) {
        for (int c = 0; c < t->ncols; c++) fprintf(sh->out, "%s%s", c > 0 ? sh->separator : "", cell_text(sh, t->rows[r][c]));
        fputc('\n', sh->out);
    }
    print_footer(sh, t);
}

static void
put_csv(FILE *out, const char *s)
{
    if (s[strcspn(s, ",\"\r\n")] == '\0' && strcmp(s, "\\.") != 0) {
        fputs(s, out);
        return;
    }
    fputc('"', out);
    for (; *s != '\0'; s++) {
        if (*s == '"') fputc('"', out);
        fputc(*s, out);
    }
    fputc('"', out);
}

static void
print_csv(Shell *sh, const Table *t)
{
    for (long r = sh->tuples_only ? 0 : -1; r < t->nrows; r++) {
        for (int c = 0; c < t->ncols; c++) {
            if (c > 0) fputc(',', sh->out);
            put_csv(sh->out, r < 0 ? t->names[c] : cell_text(sh, t->rows[r][c]));
        }
        fputc('\n', sh->out);
    }
}

static void
put_json(FILE *out, const char *s)
{
    fputc('"', out);
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
        else if (c == '\n') fputs("\\n", out);
        else if (c == '\t') fputs("\\t", out);
        else if (c == '\r') fputs("\\r", out);
        else if (c < 32) fprintf(out, "\\u%04x", c);
        else fputc(c, out);
    }
    fputc('"', out);
}

static bool
is_number(const char *s)
{
    char *end;
    if (*s != '-' && (*s < '0' || *s > '9')) return false;
    strtod(s, &end);
    return *end == '\0' && s[strspn(s, "-+.0123456789eE")] == '\0';
}

static void
print_json(Shell *sh, const Table *t)
{
    fputc('[', sh->out);
    for (long r = 0; r < t->nrows; r++) {
        fputs(r > 0 ? ",\n {" : "{", sh->out);
        for (int c = 0; c < t->ncols; c++) {
            const char *s = t->rows[r][c];
            if (c > 0) fputs(", ", sh->out);
            put_json(sh->out, t->names[c]);
            fputs(": ", sh->out);
            if (s == NULL) fputs("null", sh->out);
            else if (t->right[c] && is_number(s)) fputs(s, sh->out);
            else put_json(sh->out, s);
        }
        fputc('}', sh->out);
    }
    fputs("]\n", sh->out);
}

static void
print_markdown(Shell *sh, const Table *t)
{
    for (long r = -1; r < t->nrows; r++) {
        for (int c = 0; c < t->ncols; c++) {
            fputs(c == 0 ? "| " : " | ", sh->out);
            for (const char *s = r < 0 ? t->names[c] : cell_text(sh, t->rows[r][c]); *s != '\0'; s++) {
                if (*s == '|') fputs("\\|", sh->out);
                else if (*s == '\n') fputs("<br>", sh->out);
                else fputc(*s, sh->out);
            }
        }
        fputs(" |\n", sh->out);
        if (r >= 0) continue;
        for (int c = 0; c < t->ncols; c++) fputs(t->right[c] ? "|---:" : "|----", sh->out);
        fputs("|\n", sh->out);
    }
}

static void
box_rule(Shell *sh, const Table *t, const int *width, const char *left, const char *cross, const char *right)
{
    fputs(left, sh->out);
    for (int c = 0; c < t->ncols; c++) {
        for (int i = 0; i < width[c] + 2; i++) fputs("─", sh->out);
        fputs(c < t->ncols - 1 ? cross : right, sh->out);
    }
    fputc('\n', sh->out);
}

static void
print_box(Shell *sh, const Table *t)
{
    int *width = column_widths(sh, t);
    if (width == NULL) return;
    box_rule(sh, t, width, "┌", "┬", "┐");
    for (long r = -1; r < t->nrows; r++) {
        fputs("│", sh->out);
        for (int c = 0; c < t->ncols; c++) {
            const char *s = r < 0 ? t->names[c] : cell_text(sh, t->rows[r][c]);
            size_t n = strcspn(s, "\n");
            int fill = width[c] - text_width(s, n);
            fputc(' ', sh->out);
            if (t->right[c]) pad(sh->out, fill, ' ');
            fwrite(s, 1, n, sh->out);
            if (!t->right[c]) pad(sh->out, fill, ' ');
            fputs(" │", sh->out);
        }
        fputc('\n', sh->out);
        if (r < 0) box_rule(sh, t, width, "├", "┼", "┤");
    }
    box_rule(sh, t, width, "└", "┴", "┘");
    free(width);
}

static void
print_line(Shell *sh, const Table *t)
{
    int names = 0;
    for (int c = 0; c < t->ncols; c++) {
        int w = text_width(t->names[c], strlen(t->names[c]));
        if (w > names) names = w;
    }
    for (long r = 0; r < t->nrows; r++) {
        if (r > 0) fputc('\n', sh->out);
        for (int c = 0; c < t->ncols; c++) {
            pad(sh->out, names - text_width(t->names[c], strlen(t->names[c])), ' ');
            fprintf(sh->out, "%s = %s\n", t->names[c], cell_text(sh, t->rows[r][c]));
        }
    }
}

void
table_print(Shell *sh, const Table *t)
{
    switch (sh->format) {
    case FORMAT_UNALIGNED: print_unaligned(sh, t); break;
    case FORMAT_CSV: print_csv(sh, t); break;
    case FORMAT_JSON: print_json(sh, t); break;
    case FORMAT_MARKDOWN: print_markdown(sh, t); break;
    case FORMAT_BOX: print_box(sh, t); break;
    case FORMAT_LINE: print_line(sh, t); break;
    default:
        if (sh->expanded) print_expanded(sh, t);
        else print_aligned(sh, t);
    }
    fflush(sh->out);
}
