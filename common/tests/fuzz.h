/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TESTS_FUZZ_H
#define OCF_AWS_TESTS_FUZZ_H

#include "fakenode.h"

/*
 * What the targets of libFuzzer share. A target is one function, fuzz_run(), which gives an input
 * to a parser as it would come from outside and writes down all that comes out. Each input is run
 * twice, and what is written down must be the same both times.
 *
 * What comes over the network is taken from the input, in pieces that lines of FUZZ_CUT divide: the
 * first request gets the first piece, and all that are left over get the last one. A piece is the
 * body of an answer of status 200, or what comes after a line
 *
 *   STATUS [DATE [REQUEST-ID]]   an answer; DATE in seconds since 1970
 *   -NAME                        no answer, but an error of the transport: "-TIMEOUT"
 *
 * Source: LLVM documentation, "libFuzzer - a library for coverage-guided fuzz testing".
 */

#define FUZZ_CUT       "%%"
#define FUZZ_TRACE_MAX (8 * 1024 * 1024)

/*!
 * \brief The target; \p text is followed by a NUL, and nothing behind that may be read
 *
 * \param[out] trace  what came out, by fuzz_say()
 */
void fuzz_run(const char *text, size_t len, struct buf *trace);

/* Of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/*! \brief End the process with the words, as libFuzzer wants a finding. */
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fuzz_fail(__FILE__, __LINE__, #condition);                                             \
        }                                                                                          \
    } while (0)

/*! \brief Write down what came out. */
void fuzz_say(struct buf *trace, const char *format, ...) OCF_PRINTF(2, 3);

/*! \brief Write down an address. */
void fuzz_say_addr(struct buf *trace, const struct addr *a);

/*!
 * \brief Check an error and what an operator would read of it, and write it down
 *
 * One line of UTF-8 that says something, an exit reason that Pacemaker keeps whole, and the code
 * that was returned.
 */
void fuzz_error(struct buf *trace, int rc, const struct err *e);

/*! \brief Check that a text is what an answer may hand on: UTF-8 without control characters. */
void fuzz_line(const char *text);

/*! \brief Check that a text is one printable ASCII word, or empty. */
void fuzz_word(const char *text);

/*! \brief Check that an id is "PREFIX-" and digits, or empty where it \p may_be_empty. */
void fuzz_id(const char *id, const char *prefix, bool may_be_empty);

/* --- the network ---------------------------------------------------------------------------- */

/*! \brief Answer with this text from now on; returns a session with keys. Borrowed by it. */
struct aws_session *fuzz_answers(const char *text, size_t len);

/*! \brief The pieces of a text one after the other: the next one, false at the end. */
bool fuzz_next_piece(const char **rest, size_t *rest_len, const char **ret, size_t *ret_len);

/*! \brief Far ahead, on a clock that moves only when somebody sleeps. */
struct deadline fuzz_deadline(void);

/*! \brief What ocf_main() hands to callbacks: a recurring monitor with an empty state directory.
 *         Free with fakenode_done(). */
void fuzz_node(struct ocf_ctx *ret);

/*! \brief The transport of fuzz_answers(). */
const struct http_transport *fuzz_transport(void);

/*! \brief The state directory that fuzz_node() gives. */
const struct cache *fuzz_cache(void);

/* --- mutations ------------------------------------------------------------------------------ */

/*!
 * \brief A mutation that knows elements of XML: bytes changed anywhere mostly make it ill-formed
 *
 * Deletes, doubles, moves or fills an element, or does what libFuzzer would.
 */
size_t fuzz_mutate_xml(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#define FUZZ_XML_MUTATOR                                                                           \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)     \
    {                                                                                              \
        return fuzz_mutate_xml(data, size, max_size, seed);                                        \
    }

#endif
