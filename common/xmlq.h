/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_XMLQ_H
#define OCF_AWS_XMLQ_H

#include "base.h"
#include "err.h"

/*
 * Read-only questions to an XML answer of AWS. Names are matched without their namespace; there
 * is no network, no entity and no DTD: a document that declares one is refused.
 */
struct xmlq;      /* a document */
struct xmlq_node; /* an element; borrowed until the document is freed */

/*
 * What a parsed document may consist of. Each element, text and attribute is a node of a hundred
 * bytes and more, so that markup of a few bytes each takes many times the memory of its text.
 */
#define XMLQ_NODES_MAX 100000

/*! \brief How many nodes a document will have at most, counted by its markup: well-formed or not.
 */
size_t xmlq_nodes(const char *text, size_t len);

/*!
 * \brief Parse a document
 *
 * \param[out] ret  untouched on failure; free with xmlq_free()
 *
 * \return 0; -ERR_MALFORMED; -ERR_TOO_BIG for more than XMLQ_NODES_MAX nodes; -ERR_NOMEM
 */
int xmlq_parse(const char *text, size_t len, struct xmlq **ret, struct err *e) OCF_MUST_CHECK;

void xmlq_free(struct xmlq *x);

/*! \brief Overwrite all texts of a document that held a secret, before it is freed. */
void xmlq_wipe(struct xmlq *x);

/*! \brief The root element when it has this name, else NULL. NULL as name: any. */
const struct xmlq_node *xmlq_root(const struct xmlq *x, const char *name);

/*! \brief First element at a path of child names, "a/b/c"; NULL when there is none. */
const struct xmlq_node *xmlq_find(const struct xmlq_node *n, const char *path);

/*! \brief First child element of any name, and the next after it; NULL at the end. */
const struct xmlq_node *xmlq_first(const struct xmlq_node *n);
const struct xmlq_node *xmlq_next(const struct xmlq_node *n);

/*! \brief Local name of an element. */
const char *xmlq_name(const struct xmlq_node *n);

/*!
 * \brief Text of the element at \p path below \p n, NULL when it is not there
 *
 * "" when it is empty, and when it has elements: text between these is nobody's.
 */
const char *xmlq_text(const struct xmlq_node *n, const char *path);

/*! \brief Whether the element at \p path has exactly this text. */
bool xmlq_is(const struct xmlq_node *n, const char *path, const char *text);

static inline void
xmlq_free_p(struct xmlq **x)
{
    xmlq_free(*x);
}

#define OCF_XMLQ OCF_CLEANUP(xmlq_free_p)

#endif
