/* meta.c - backslash commands. Those that list objects ask pg_catalog, as psql does. */
#include "shell/shell.h"
#include <stdlib.h>
#include <string.h>

/* The next word of a command's arguments; quotes of either kind are taken off. NULL at the end. */
static char *
next_arg(char **s)
{
    while (**s == ' ' || **s == '\t') (*s)++;
    if (**s == '\0') return NULL;
    char quote = **s == '\'' || **s == '"' ? *(*s)++ : '\0', *word = *s;
    while (**s != '\0' && (quote != '\0' ? **s != quote : **s != ' ' && **s != '\t')) (*s)++;
    if (**s != '\0') *(*s)++ = '\0';
    return word;
}

/* The next word with its quotes, which say what a pattern means. */
static char *
next_word(char **s)
{
    while (**s == ' ' || **s == '\t') (*s)++;
    if (**s == '\0') return NULL;
    char *word = *s;
    for (bool quoted = false; **s != '\0' && (quoted || (**s != ' ' && **s != '\t')); (*s)++)
        if (**s == '"') quoted = !quoted;
    if (**s != '\0') *(*s)++ = '\0';
    return word;
}

static char *
rest(char *s)
{
    while (*s == ' ' || *s == '\t') s++;
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == ';')) s[--n] = '\0';
    return s;
}

static bool
on_off(char *arg, bool now)
{
    if (arg == NULL) return !now;
    return strcmp(arg, "on") == 0 || strcmp(arg, "1") == 0 || strcmp(arg, "true") == 0;
}

static bool
cmd_output(Shell *sh, char *path)
{
    if (sh->out != stdout) {
        if (sh->out_is_pipe) pclose(sh->out);
        else fclose(sh->out);
        sh->out = stdout;
    }
    if (path == NULL || *path == '\0') return true;
    sh->out_is_pipe = *path == '|';
    FILE *f = sh->out_is_pipe ? popen(path + 1, "w") : fopen(path, "w");
    if (f == NULL) {
        perror(path);
        return false;
    }
    sh->out = f;
    return true;
}

/* \copy t from 'file' ...: COPY with the file on this side. */
static bool
cmd_copy(Shell *sh, char *args)
{
    char *from = strstr(args, " from "), *to = strstr(args, " to "), *sql = NULL;
    if (from == NULL) from = strstr(args, " FROM ");
    if (to == NULL) to = strstr(args, " TO ");
    bool in = from != NULL && (to == NULL || from < to || args[0] != '(');
    if (args[0] == '(' && to != NULL) in = false;
    char *at = in ? from : to;
    if (at == NULL) {
        fprintf(stderr, "\\copy: FROM or TO is missing\n");
        return false;
    }
    char *p = at + (in ? 6 : 4);
    *at = '\0';
    char *path = next_arg(&p);
    if (path == NULL || asprintf(&sql, "COPY %s %s %s", args, in ? "FROM STDIN" : "TO STDOUT", p) < 0) return false;
    bool own = strcmp(path, "stdin") != 0 && strcmp(path, "stdout") != 0 && strcmp(path, "pstdin") != 0;
    FILE *f = own ? fopen(path, in ? "r" : "w") : NULL, *was_in = sh->copy_in;
    int depth = sh->depth;
    bool ok = !own || f != NULL;
    if (!ok) perror(path);
    if (ok && own && in) sh->copy_in = f, sh->depth = 0;
    if (ok && own && !in) sh->copy_out = f;
    if (ok) ok = shell_run_sql(sh, sql);
    sh->copy_in = was_in;
    sh->copy_out = NULL;
    sh->depth = depth;
    if (f != NULL) fclose(f);
    free(sql);
    return ok;
}

static bool
cmd_pset(Shell *sh, char *args)
{
    char *name = next_arg(&args), *value = next_arg(&args);
    if (name == NULL) return true;
    if (strcmp(name, "null") == 0) sh->null_text = strdup(value != NULL ? value : "");
    else if (strcmp(name, "fieldsep") == 0) sh->separator = strdup(value != NULL ? value : "|");
    else if (strcmp(name, "tuples_only") == 0 || strcmp(name, "t") == 0) sh->tuples_only = on_off(value, sh->tuples_only);
    else if (strcmp(name, "expanded") == 0 || strcmp(name, "x") == 0) sh->expanded = on_off(value, sh->expanded);
    else if (strcmp(name, "format") == 0 && value != NULL) {
        if (strcmp(value, "aligned") == 0) sh->format = FORMAT_ALIGNED;
        else if (strcmp(value, "unaligned") == 0) sh->format = FORMAT_UNALIGNED;
        else if (strcmp(value, "csv") == 0) sh->format = FORMAT_CSV;
        else if (strcmp(value, "json") == 0) sh->format = FORMAT_JSON;
        else if (strcmp(value, "markdown") == 0) sh->format = FORMAT_MARKDOWN;
        else if (strcmp(value, "box") == 0) sh->format = FORMAT_BOX;
        else {
            fprintf(stderr, "\\pset: unknown format \"%s\"\n", value);
            return false;
        }
    }
    return true;
}

static const char help[] =
    "\\q                  leave\n"
    "\\d [NAME]           tables, or one relation's columns, indexes and constraints\n"
    "\\dt \\di \\dv \\dm \\ds  tables, indexes, views, materialized views, sequences; + shows more, S the system's\n"
    "\\dn \\df \\dT \\dD \\da \\do \\dC \\dO \\dF \\dFd \\dL \\dx \\db \\du \\dp \\l [PATTERN]\n"
    "                    schemas, functions, types, domains, aggregates, operators, casts, collations, text search,\n"
    "                    languages, extensions, tablespaces, roles, privileges, databases\n"
    "\\sf NAME \\sv NAME   how a function or view was made\n"
    "\\x [on|off]         expanded output\n"
    "\\t \\a               rows only; aligned or not\n"
    "\\timing [on|off]    time of each statement\n"
    "\\pset NAME VALUE    null, fieldsep, format (aligned unaligned csv json markdown box)\n"
    "\\i FILE             run a file\n"
    "\\o [FILE]           send results to a file or |command\n"
    "\\copy T FROM FILE   COPY with a file of this side; also TO\n"
    "\\set NAME VALUE     set a variable, used as :NAME, :'NAME', :\"NAME\"\n"
    "\\echo TEXT          print\n"
    "\\g \\gx              run the statement; expanded\n"
    "\\r                  forget what was typed of the statement\n"
    "\\conninfo           what is open\n";

bool
meta_command(Shell *sh, char *line)
{
    char *args = line + 1, *cmd = args;
    args += strcspn(args, " \t");
    if (*args != '\0') *args++ = '\0';
    args = rest(args);
    bool ok = true;
    if (strcmp(cmd, "q") == 0) sh->quit = true;
    else if (strcmp(cmd, "?") == 0 || strcmp(cmd, "h") == 0) fputs(help, sh->out);
    else if (strcmp(cmd, "x") == 0) {
        sh->expanded = on_off(next_arg(&args), sh->expanded);
        if (!sh->quiet) fprintf(sh->out, "Expanded display is %s.\n", sh->expanded ? "on" : "off");
    } else if (strcmp(cmd, "t") == 0) {
        sh->tuples_only = on_off(next_arg(&args), sh->tuples_only);
        if (!sh->quiet) fprintf(sh->out, "Tuples only is %s.\n", sh->tuples_only ? "on" : "off");
    } else if (strcmp(cmd, "a") == 0) {
        sh->format = sh->format == FORMAT_ALIGNED ? FORMAT_UNALIGNED : FORMAT_ALIGNED;
        if (!sh->quiet) fprintf(sh->out, "Output format is %s.\n", sh->format == FORMAT_ALIGNED ? "aligned" : "unaligned");
    } else if (strcmp(cmd, "timing") == 0) {
        sh->timing = on_off(next_arg(&args), sh->timing);
        if (!sh->quiet) fprintf(sh->out, "Timing is %s.\n", sh->timing ? "on" : "off");
    } else if (strcmp(cmd, "i") == 0 || strcmp(cmd, "ir") == 0) {
        char *path = next_arg(&args);
        ok = path != NULL && shell_run_file(sh, path);
    } else if (strcmp(cmd, "o") == 0) ok = cmd_output(sh, next_arg(&args));
    else if (strcmp(cmd, "copy") == 0) ok = cmd_copy(sh, args);
    else if (strcmp(cmd, "pset") == 0) ok = cmd_pset(sh, args);
    else if (strcmp(cmd, "echo") == 0 || strcmp(cmd, "qecho") == 0) {
        for (char *word = next_arg(&args), *next; word != NULL; word = next) {
            next = next_arg(&args);
            fprintf(sh->out, "%s%s", word, next != NULL ? " " : "");
        }
        fputc('\n', sh->out);
    } else if (strcmp(cmd, "set") == 0) {
        char *name = next_arg(&args), *value = next_arg(&args);
        if (name != NULL) shell_set(sh, name, value != NULL ? value : "");
        for (Variable *v = sh->variables; name == NULL && v != NULL; v = v->next) fprintf(sh->out, "%s = '%s'\n", v->name, v->value);
    } else if (strcmp(cmd, "unset") == 0) {
        char *name = next_arg(&args);
        if (name != NULL) shell_set(sh, name, "");
    } else if (strcmp(cmd, "conninfo") == 0) {
        fprintf(sh->out, "You are connected to database \"%s\".\n", sh->path);
    } else if (strcmp(cmd, "sf") == 0 || strcmp(cmd, "sv") == 0) {
        ok = describe_source(sh, cmd, next_word(&args));
    } else if (cmd[0] == 'd' || strcmp(cmd, "l") == 0 || strcmp(cmd, "z") == 0) {
        ok = describe_command(sh, cmd, next_word(&args));
    } else if (strcmp(cmd, "r") != 0) {
        fprintf(stderr, "invalid command \\%s\nTry \\? for help.\n", cmd);
        ok = false;
    }
    if (!ok) sh->failed = true;
    fflush(sh->out);
    return ok;
}
