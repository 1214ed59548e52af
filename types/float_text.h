/* float_text.h - floating-point numbers to and from decimal text: shortest output that reads back
 * as the same number, correctly rounded input. The host's locale has no say. */
#ifndef TYPES_FLOAT_TEXT_H
#define TYPES_FLOAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOAT_TEXT_MAX 40

/* PostgreSQL's text at extra_float_digits above 0; NaN, Infinity, -Infinity. Returns the bytes
 * written, no NUL. */
int float8_format(double v, char out[FLOAT_TEXT_MAX]);
int float4_format(float v, char out[FLOAT_TEXT_MAX]);
/* The same to so many significant digits, as printf's %g writes them. */
int float8_format_digits(double v, int ndigits, char out[FLOAT_TEXT_MAX]);

typedef enum FloatParse { FLOAT_OK, FLOAT_MALFORMED, FLOAT_RANGE, FLOAT_NO_MEMORY } FloatParse;
/* Reads a number from the start of text[0..nbytes); *end_out is where it stopped. */
FloatParse float8_parse(const char *text, size_t nbytes, double *out, const char **end_out);
FloatParse float4_parse(const char *text, size_t nbytes, float *out, const char **end_out);

#endif
