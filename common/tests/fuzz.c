/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "log.h"

#include <dirent.h>
#include <locale.h>
#include <signal.h>
#include <sys/random.h>

#define REQUESTS_MAX 32       /* after these, time runs out: a text that is asked for ever */
#define DEADLINE_MS  600000   /* on the fake clock */
#define NO_TIME_MS   86400000 /* past every deadline */

static struct fake *fake;
static uint64_t start_ms;

/* What the network says. */
static struct {
    const char *rest;
    size_t rest_len;
    const char *piece; /* the last that was taken */
    size_t piece_len;
    unsigned n_requests;
} script;

static void
tear_down(void)
{
    void *state = fake;

    (void)fake_teardown(&state);
}

_Noreturn void
fuzz_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    if (fake != NULL) {
        tear_down();
    }
    abort();
}

void
fuzz_say(struct buf *trace, const char *format, ...)
{
    char text[4096];
    va_list args;
    int n = 0;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    FUZZ_CHECK(n >= 0);
    FUZZ_CHECK(buf_adds(trace, text) == 0);
}

void
fuzz_say_addr(struct buf *trace, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    FUZZ_CHECK(a->family == AF_INET || a->family == AF_INET6);
    FUZZ_CHECK(a->prefix_len <= 8 * addr_len(a));
    fuzz_say(trace, "%s\n", addr_cidr_text(a, text));
}

/* --- what an operator reads ----------------------------------------------------------------- */

/* By the C library, whose idea of UTF-8 is not ours. */
void
fuzz_line(const char *text)
{
    FUZZ_CHECK(mbstowcs(NULL, text, 0) != (size_t)-1);
    for (const char *s = text; *s != '\0'; s++) {
        FUZZ_CHECK((unsigned char)*s >= ' ' && *s != 0x7f);
    }
}

void
fuzz_word(const char *text)
{
    for (const char *s = text; *s != '\0'; s++) {
        FUZZ_CHECK(*s > ' ' && *s <= '~');
    }
}

void
fuzz_id(const char *id, const char *prefix, bool may_be_empty)
{
    FUZZ_CHECK(awsid_is(id, prefix) || (may_be_empty && *id == '\0'));
}

void
fuzz_error(struct buf *trace, int rc, const struct err *e)
{
    char reason[VERDICT_REASON_MAX + 1];

    FUZZ_CHECK(rc < 0 && rc > -ERR_CODE_END);
    FUZZ_CHECK(e->code == rc);
    FUZZ_CHECK(err_class(rc) != ERR_CLASS_BUG);
    FUZZ_CHECK(strnlen(e->text, sizeof(e->text)) < sizeof(e->text) && e->text[0] != '\0');
    FUZZ_CHECK(strnlen(e->aws_code, sizeof(e->aws_code)) < sizeof(e->aws_code));
    FUZZ_CHECK(strnlen(e->request_id, sizeof(e->request_id)) < sizeof(e->request_id));
    FUZZ_CHECK(strnlen(e->action, sizeof(e->action)) < sizeof(e->action));
    fuzz_line(e->text);
    fuzz_line(e->aws_code);
    fuzz_line(e->request_id);
    fuzz_word(e->action);
    verdict_reason("cannot check", e, reason);
    fuzz_line(reason);
    fuzz_say(trace, "%d %s|%s|%s|%s\n", rc, e->text, e->aws_code, e->request_id, reason);
}

/* In the place of libc's: pauses between attempts are random, and decide who asks first. */
ssize_t
getrandom(void *buffer, size_t len, unsigned flags)
{
    (void)flags;
    memset(buffer, 0x55, len);
    return (ssize_t)len;
}

/* --- the network ---------------------------------------------------------------------------- */

bool
fuzz_next_piece(const char **rest, size_t *rest_len, const char **ret, size_t *ret_len)
{
    static const char cut[] = "\n" FUZZ_CUT "\n";
    const char *end = NULL;

    if (*rest == NULL) {
        return false;
    }
    end = memmem(*rest, *rest_len, cut, strlen(cut));
    *ret = *rest;
    *ret_len = end == NULL ? *rest_len : (size_t)(end - *rest);
    *rest_len -= end == NULL ? *rest_len : *ret_len + strlen(cut);
    *rest = end == NULL ? NULL : end + strlen(cut);
    return true;
}

/* What a request must be like, whatever was read before it. */
static void
check_request(const struct http_request *q)
{
    FUZZ_CHECK(q->n_headers <= HTTP_HEADERS_MAX);
    FUZZ_CHECK(q->max_answer > 0 && q->max_answer <= AWS_ANSWER_MAX);
    FUZZ_CHECK(q->attempt_ms > 0);
    FUZZ_CHECK(strncmp(q->url, "https://", 8) == 0 || q->direct);
    fuzz_word(q->url);
    for (size_t i = 0; i < q->n_headers; i++) {
        fuzz_line(q->headers[i]);
    }
}

/* What the transport may say in the place of an answer. */
static enum err_code
error_of(const char *head)
{
    static const struct {
        const char *name;
        enum err_code code;
    } errors[] = {{"-RESOLVE", ERR_RESOLVE}, {"-CONNECT", ERR_CONNECT}, {"-TIMEOUT", ERR_TIMEOUT},
                  {"-NETWORK", ERR_NETWORK}, {"-TLS", ERR_TLS},         {"-TOO_BIG", ERR_TOO_BIG}};

    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (strcmp(head, errors[i].name) == 0) {
            return errors[i].code;
        }
    }
    return ERR_NONE;
}

/* The answer that a piece stands for. */
static struct fake_rule
rule_of(const char *piece, size_t len)
{
    const char *newline = memchr(piece, '\n', len);
    size_t head_len = newline == NULL ? len : (size_t)(newline - piece);
    struct fake_rule rule = {.status = 200, .answer = piece, .answer_len = len};
    static char head[128];
    static char id[HTTP_REQUEST_ID_MAX];
    long long date_s = 0;
    int status = 0;

    if (head_len >= sizeof(head)) {
        return rule;
    }
    memcpy(head, piece, head_len);
    head[head_len] = '\0';
    id[0] = '\0';
    rule.error = error_of(head);
    rule.sent = true;
    if (rule.error != ERR_NONE ||
        sscanf(head, "%3d %18lld %63[0-9A-Za-z-]", &status, &date_s, id) < 1 || status < 100) {
        return rule;
    }
    rule.status = status;
    rule.date_s = date_s;
    rule.request_id = id;
    rule.answer = newline == NULL ? "" : newline + 1;
    rule.answer_len = newline == NULL ? 0 : len - head_len - 1;
    return rule;
}

static int
perform(void *arg, struct http_exchange *const *exchanges, size_t n, struct deadline d)
{
    (void)arg;
    for (size_t i = 0; i < n; i++) {
        struct fake_rule rule;

        (void)fuzz_next_piece(&script.rest, &script.rest_len, &script.piece, &script.piece_len);
        check_request(&exchanges[i]->request);
        rule = rule_of(script.piece, script.piece_len);
        (void)fake_answer(&rule, exchanges[i], d);
        if (++script.n_requests == REQUESTS_MAX) {
            fake->mono_ms += NO_TIME_MS;
        }
    }
    return 0;
}

struct aws_session *
fuzz_answers(const char *text, size_t len)
{
    script.rest = text;
    script.rest_len = len;
    script.piece = text;
    script.piece_len = len;
    script.n_requests = 0;
    fake->mono_ms = start_ms;
    fake->session.skew_s = 0;
    fake->session.generation = 0;
    return &fake->session;
}

struct deadline
fuzz_deadline(void)
{
    return fake_deadline(fake, DEADLINE_MS);
}

const struct http_transport *
fuzz_transport(void)
{
    return &fake->transport;
}

const struct cache *
fuzz_cache(void)
{
    return &fake->cache;
}

static void
empty_directory(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(fd);

    FUZZ_CHECK(dir != NULL);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            FUZZ_CHECK(unlinkat(dir_fd, entry->d_name, 0) == 0);
        }
    }
    FUZZ_CHECK(closedir(dir) == 0);
}

void
fuzz_node(struct ocf_ctx *ret)
{
    empty_directory(fake->cache.dir_fd);
    (void)fuzz_answers("", 0);
    fakenode_init(fake, ret, NULL);
    ret->deadline = fuzz_deadline();
}

/* --- running -------------------------------------------------------------------------------- */

static void
set_up(void)
{
    void *state = NULL;

    FUZZ_CHECK(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
    FUZZ_CHECK(fake_setup(&state) == 0);
    fake = state;
    start_ms = fake->mono_ms;
    fake->transport = (struct http_transport){.perform = perform};
    fake->session.transport = fake->transport;
    FUZZ_CHECK(atexit(tear_down) == 0);
}

/* The lowest descriptor that is free: the same before and after, or one was left open. */
static int
lowest_free_fd(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

    FUZZ_CHECK(fd >= 0 && close(fd) == 0);
    return fd;
}

/* The engine's clock ticks by this signal: a call that waits for a socket goes on waiting. */
static void
restart_after_ticks(void)
{
    struct sigaction action;

    FUZZ_CHECK(sigaction(SIGALRM, NULL, &action) == 0);
    action.sa_flags |= SA_RESTART;
    FUZZ_CHECK(sigaction(SIGALRM, &action, NULL) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OCF_BUF struct buf first = BUF_INIT(FUZZ_TRACE_MAX);
    OCF_BUF struct buf second = BUF_INIT(FUZZ_TRACE_MAX);
    OCF_FREE char *text = malloc(size + 1); /* exactly: what is read behind it is seen */
    int free_fd = 0;

    FUZZ_CHECK(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (fake == NULL) {
        restart_after_ticks();
        set_up();
    }
    fuzz_run(text, size, &first);
    free_fd = lowest_free_fd();
    fuzz_run(text, size, &second);
    FUZZ_CHECK(lowest_free_fd() == free_fd);
    FUZZ_CHECK(strcmp(buf_str(&first), buf_str(&second)) == 0);
    FUZZ_CHECK(size == 0 || memcmp(text, data, size) == 0);
    return 0;
}

/* --- mutations ------------------------------------------------------------------------------ */

#define ELEMENTS_MAX 1024

/* An element of the text, with its tags. */
struct element {
    size_t begin;
    size_t inner; /* behind the first tag */
    size_t end;
};

static bool
starts_element(const uint8_t *data, size_t size, size_t i)
{
    return data[i] == '<' && i + 1 < size && data[i + 1] != '/' && data[i + 1] != '?' &&
           data[i + 1] != '!';
}

/* The place behind the next '>'. */
static size_t
behind_tag(const uint8_t *data, size_t size, size_t i)
{
    const uint8_t *end = memchr(data + i, '>', size - i);

    return end == NULL ? size : (size_t)(end - data) + 1;
}

static struct element
element_at(const uint8_t *data, size_t size, size_t begin)
{
    struct element e = {.begin = begin, .inner = behind_tag(data, size, begin)};
    size_t depth = data[e.inner - 1] == '>' && data[e.inner - 2] == '/' ? 0 : 1;
    size_t i = e.inner;

    while (depth > 0 && i < size) {
        if (data[i] != '<') {
            i++;
            continue;
        }
        if (i + 1 < size && data[i + 1] == '/') {
            depth--;
        } else if (starts_element(data, size, i)) {
            size_t behind = behind_tag(data, size, i);

            depth += data[behind - 2] == '/' ? 0 : 1;
        }
        i = behind_tag(data, size, i);
    }
    e.end = i;
    return e;
}

static bool
pick_element(const uint8_t *data, size_t size, unsigned *seed, struct element *ret)
{
    size_t begins[ELEMENTS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < size && n < ELEMENTS_MAX; i++) {
        if (starts_element(data, size, i)) {
            begins[n++] = i;
        }
    }
    if (n == 0) {
        return false;
    }
    *ret = element_at(data, size, begins[(size_t)rand_r(seed) % n]);
    return true;
}

/* Put bytes in the place of others; the new size, or the old one when there is no room. */
static size_t
replace(uint8_t *data, size_t size, size_t max_size, struct element what, const uint8_t *with,
        size_t with_len)
{
    size_t new_size = size - (what.end - what.begin) + with_len;

    if (new_size > max_size) {
        return size;
    }
    memmove(data + what.begin + with_len, data + what.end, size - what.end);
    memcpy(data + what.begin, with, with_len);
    return new_size;
}

/* Mutate the text that an element begins with. */
static size_t
fill(uint8_t *data, size_t size, size_t max_size, struct element e)
{
    const uint8_t *next = memchr(data + e.inner, '<', size - e.inner);
    struct element text = {.begin = e.inner, .end = next == NULL ? size : (size_t)(next - data)};
    uint8_t filled[512];
    size_t len = text.end - text.begin;

    if (len > sizeof(filled)) {
        return size;
    }
    memcpy(filled, data + text.begin, len);
    len = LLVMFuzzerMutate(filled, len, sizeof(filled));
    return replace(data, size, max_size, text, filled, len);
}

size_t
fuzz_mutate_xml(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    enum { DELETE, DOUBLE, MOVE, FILL, FILL_TOO, BYTES, BYTES_TOO, N_WAYS };
    OCF_FREE uint8_t *copy = NULL;
    unsigned way = (unsigned)rand_r(&seed) % N_WAYS;
    struct element e;
    struct element to;

    if (way >= BYTES || !pick_element(data, size, &seed, &e) ||
        !pick_element(data, size, &seed, &to)) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    if (way == DELETE) {
        return replace(data, size, max_size, e, data, 0);
    }
    if (way == FILL || way == FILL_TOO) {
        return fill(data, size, max_size, e);
    }
    copy = malloc(e.end - e.begin);
    if (copy == NULL) {
        return size;
    }
    memcpy(copy, data + e.begin, e.end - e.begin);
    to = way == DOUBLE ? (struct element){.begin = e.begin, .end = e.begin} : to;
    return replace(data, size, max_size, to, copy, e.end - e.begin);
}
