/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_FIELDS_H
#define OCF_AWS_FIELDS_H

#include "base.h"

/* Lines of words, which our entries in the node's state directory are made of. */

#define FIELD_MAX     96  /* bytes of a word, with the NUL */
#define FIELDS_MAX    5   /* words of a line */
#define FIELD_NOTHING "-" /* stands for an empty word */

/*!
 * \brief Cut off the next line, words with one space between them and a newline at the end
 *
 * \param[in,out] rest    the text, and then what comes after the line
 * \param[out]    fields  the words; FIELD_NOTHING has become ""
 *
 * \return how many there are; 0 for anything else, the end of the text among it
 */
size_t fields_next_line(const char **rest, char fields[FIELDS_MAX][FIELD_MAX]);

/*! \brief The word for a text: itself, or FIELD_NOTHING. */
const char *fields_word(const char *text);

#endif
