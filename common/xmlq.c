/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xmlq.h"

#include <libxml/parser.h>
#include <limits.h>
#include <string.h>

#define PARSE_OPTIONS                                                                              \
    (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA)

/* The opaque types are libxml2's own: no second allocation, and no libxml2 header in ours. */
static xmlDocPtr
doc_of(const struct xmlq *x)
{
    return (xmlDocPtr)(uintptr_t)x;
}

static const xmlNode *
node_of(const struct xmlq_node *n)
{
    return (const xmlNode *)n;
}

static const struct xmlq_node *
next_element(const xmlNode *n)
{
    while (n != NULL && n->type != XML_ELEMENT_NODE) {
        n = n->next;
    }
    return (const struct xmlq_node *)n;
}

size_t
xmlq_nodes(const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i + 1 < len; i++) {
        n += text[i] == '<' && text[i + 1] != '/'; /* an element, a comment */
        n += text[i] == '>' && text[i + 1] != '<'; /* a text after it */
        n += text[i] == '=' ? 2 : 0;               /* an attribute, and its text */
    }
    return n;
}

/* What is wrong with a text is for the caller to say. */
static void
say_nothing(void *unused, const char *format, ...)
{
    (void)unused;
    (void)format;
}

int
xmlq_parse(const char *text, size_t len, struct xmlq **ret, struct err *e)
{
    xmlDocPtr doc = NULL;

    if (len == 0 || len > INT_MAX) {
        return err_set(e, ERR_MALFORMED, "empty answer where XML is expected");
    }
    if (xmlq_nodes(text, len) > XMLQ_NODES_MAX) {
        return err_set(e, ERR_TOO_BIG, "answer too large: more than %d XML nodes", XMLQ_NODES_MAX);
    }
    /* libcrmcommon has itself told of every node of any document, and reports entities on stderr
     * as failed assertions of its own. */
    (void)xmlRegisterNodeDefault(NULL);
    (void)xmlDeregisterNodeDefault(NULL);
    /* The options keep the parser silent, and not the decoders behind it. */
    xmlSetGenericErrorFunc(NULL, say_nothing);
    doc = xmlReadMemory(text, (int)len, NULL, NULL, PARSE_OPTIONS);
    if (doc == NULL || doc->intSubset != NULL) {
        xmlFreeDoc(doc);
        return err_set(e, ERR_MALFORMED, "answer is not well-formed XML");
    }
    *ret = (struct xmlq *)doc;
    return 0;
}

void
xmlq_free(struct xmlq *x)
{
    xmlFreeDoc(doc_of(x));
}

/* The node after n in document order, without recursion: depth is the sender's choice. */
static xmlNodePtr
next_in_document(xmlNodePtr n)
{
    if (n->children != NULL && n->type == XML_ELEMENT_NODE) {
        return n->children;
    }
    while (n != NULL && n->next == NULL) {
        n = n->parent;
    }
    return n == NULL ? NULL : n->next;
}

void
xmlq_wipe(struct xmlq *x)
{
    xmlDocPtr doc = doc_of(x);
    xmlNodePtr n = doc == NULL ? NULL : doc->children;

    for (; n != NULL; n = next_in_document(n)) {
        if (n->type == XML_TEXT_NODE && n->content != NULL &&
            xmlDictOwns(doc->dict, n->content) != 1) {
            explicit_bzero(n->content, strlen((const char *)n->content));
        }
    }
}

const struct xmlq_node *
xmlq_root(const struct xmlq *x, const char *name)
{
    const struct xmlq_node *root = next_element(xmlDocGetRootElement(doc_of(x)));

    if (root == NULL || (name != NULL && strcmp(xmlq_name(root), name) != 0)) {
        return NULL;
    }
    return root;
}

const struct xmlq_node *
xmlq_first(const struct xmlq_node *n)
{
    return n == NULL ? NULL : next_element(node_of(n)->children);
}

const struct xmlq_node *
xmlq_next(const struct xmlq_node *n)
{
    return n == NULL ? NULL : next_element(node_of(n)->next);
}

const char *
xmlq_name(const struct xmlq_node *n)
{
    return (const char *)node_of(n)->name;
}

const struct xmlq_node *
xmlq_find(const struct xmlq_node *n, const char *path)
{
    while (n != NULL && *path != '\0') {
        size_t len = strcspn(path, "/");

        n = xmlq_first(n);
        while (n != NULL && (strncmp(xmlq_name(n), path, len) != 0 || xmlq_name(n)[len] != '\0')) {
            n = xmlq_next(n);
        }
        path += len + (path[len] == '/' ? 1 : 0);
    }
    return n;
}

const char *
xmlq_text(const struct xmlq_node *n, const char *path)
{
    const struct xmlq_node *found = xmlq_find(n, path);
    const xmlNode *child = found == NULL ? NULL : node_of(found)->children;

    if (found == NULL) {
        return NULL;
    }
    if (xmlq_first(found) != NULL) {
        return "";
    }
    while (child != NULL && child->type != XML_TEXT_NODE) {
        child = child->next;
    }
    return child == NULL || child->content == NULL ? "" : (const char *)child->content;
}

bool
xmlq_is(const struct xmlq_node *n, const char *path, const char *text)
{
    const char *found = xmlq_text(n, path);

    return found != NULL && strcmp(found, text) == 0;
}
