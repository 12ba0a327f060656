/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define ANSWERS_MAX 8
#define WAITS       "3000" /* ms: a timeout that leaves time for a few looks */
#define HARDLY      "200"  /* and one that leaves time for one */

/* What a callback says. */
struct answer {
    enum ocf_verdict verdict; /* of a probe */
    int code;                 /* returned by the others; of a probe, that of its error */
    const char *text;
};

/* An agent that answers from here, and notes what it was asked. */
static struct {
    struct answer probes[ANSWERS_MAX]; /* the last that has a text is given again and again */
    enum ocf_verdict local;
    struct answer acquire;
    struct answer acquire_next; /* of those after the first, when it has a text */
    bool again;                 /* they write what is shown to be here, while the start is anew */
    bool moves_in;              /* they leave something on this node */
    struct answer release;
    struct answer let_go;
    struct answer finish;
    bool idle;      /* acquire has nothing to write */
    bool terminate; /* SIGTERM comes during the first probe, or while it lets go */

    unsigned n_probes;
    unsigned n_acquires;
    unsigned n_anew; /* of these, while the start was */
    unsigned n_releases;
    unsigned n_let_gos;
    unsigned n_finishes;
    enum ocf_verdict found; /* by the probe, before finish */
    uint64_t let_go_left_ms;
} the;

static int
say(const struct answer *a, struct err *e)
{
    return a->code == 0 ? 0 : err_set(e, (enum err_code) - a->code, "%s", a->text);
}

static void
terminate(void)
{
    if (the.terminate) {
        (void)kill(getpid(), SIGTERM);
    }
}

static enum ocf_verdict
probe(struct ocf_ctx *ctx, struct err *why)
{
    const struct answer *a = &the.probes[the.n_probes];

    while (a > the.probes && a->text == NULL) {
        a--;
    }
    if (the.n_probes == 0) {
        terminate();
    }
    the.n_probes += the.n_probes + 1 < ANSWERS_MAX;
    ctx->local = the.local;
    *why = (struct err){0};
    (void)say(a, why);
    return a->verdict;
}

static int
acquire(struct ocf_ctx *ctx, struct err *e)
{
    const struct answer *a =
        the.n_acquires++ > 0 && the.acquire_next.text != NULL ? &the.acquire_next : &the.acquire;
    bool anew = ocf_is_anew(ctx);
    int rc = say(a, e);

    the.n_anew += anew;
    the.local = the.moves_in ? OCF_HERE : the.local;
    ctx->idle = the.idle || (the.again && rc < 0);
    return the.again && anew ? ocf_written_again(ctx, e) : rc;
}

static int
release(struct ocf_ctx *ctx, struct err *e)
{
    (void)ctx;
    the.n_releases++;
    return say(&the.release, e);
}

static int
let_go(struct ocf_ctx *ctx, struct err *e)
{
    the.n_let_gos++;
    the.let_go_left_ms = deadline_left_ms(ctx->deadline);
    terminate();
    return say(&the.let_go, e);
}

static enum ocf_verdict
finish(struct ocf_ctx *ctx, enum ocf_verdict v, struct err *why)
{
    (void)ctx;
    the.n_finishes++;
    the.found = v;
    (void)say(&the.finish, why);
    return the.finish.verdict;
}

struct params {
    struct aws_params aws;
};

static const struct param_table tables[] = {{awsparam_rows, offsetof(struct params, aws)},
                                            {awsparam_drift_rows, offsetof(struct params, aws)},
                                            {0}};

#define AGENT(name_)                                                                               \
    .meta = {.name = (name_), .tables = tables, .actions = ocf_standard_actions},                  \
    .params_size = sizeof(struct params), .aws_offset = offsetof(struct params, aws),              \
    .probe = probe, .acquire = acquire, .release = release

static const struct ocf_agent agent = {AGENT("test-agent"), .let_go = let_go};
static const struct ocf_agent keeps_all = {AGENT("test-agent")};
static const struct ocf_agent finishes = {AGENT("test-agent"), .finish = finish};

static char told[4096]; /* what the action wrote to stderr */

/* Run an action as Pacemaker does. The clock is the system's. */
static int
run(const struct ocf_agent *a, const char *action, const char *timeout_ms)
{
    char name[] = "test-agent";
    char word[32];
    char *argv[] = {name, word, NULL};
    struct fakenode_stderr caught;
    int code = 0;

    (void)snprintf(word, sizeof(word), "%s", action);
    assert_int_equal(setenv("OCF_RESKEY_CRM_meta_timeout", timeout_ms, 1), 0);
    the.n_probes = the.n_acquires = the.n_anew = the.n_releases = the.n_let_gos = the.n_finishes =
        0;
    fakenode_stderr_begin(&caught);
    code = ocf_main(a, 2, argv);
    fakenode_stderr_end(&caught, told, sizeof(told));
    return code;
}

/* Signals that are pending end with the test, and no environment but ours comes into it. */
static int
setup(void **state)
{
    static const char *const unset[] = {
        "OCF_RESKEY_endpoint_url", "OCF_RESKEY_unknown_limit",

        "OCF_CHECK_LEVEL",         "OCF_RESKEY_CRM_meta_interval", "OCF_RESKEY_CRM_meta_role",
        "OCF_RESKEY_api_timeout",  "OCF_RESKEY_on_drift",          "OCF_RESKEY_on_unknown",
        "AWS_ACCESS_KEY_ID",       "AWS_SECRET_ACCESS_KEY",        "AWS_PROFILE",
        "AWS_ENDPOINT_URL"};
    const struct fake *f = NULL;

    memset(&the, 0, sizeof(the));
    the.local = OCF_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(unset); i++) {
        (void)unsetenv(unset[i]);
    }
    if (fake_setup(state) != 0) {
        return -1;
    }
    f = *state;
    return setenv("HA_RSCTMP", f->dir, 1) == 0 && setenv("OCF_RESOURCE_INSTANCE", "vip", 1) == 0 &&
                   setenv("PCMK_logfile", "none", 1) == 0 &&
                   setenv("PCMK_logfacility", "none", 1) == 0
               ? 0
               : -1;
}

static int
teardown(void **state)
{
    static const struct timespec at_once = {0};
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    while (sigtimedwait(&set, NULL, &at_once) == SIGTERM) {
    }
    return fake_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- the probe of what the metadata shows ---------------------------------------------------- */

static struct {
    bool is_shown;
    enum ocf_verdict verdict;
    unsigned n_shown;
    unsigned n_asked;
    uint64_t shown_left_ms;
    uint64_t asked_left_ms;
} remote;

static bool
shown(struct ocf_ctx *ctx)
{
    remote.n_shown++;
    remote.shown_left_ms = deadline_left_ms(ctx->deadline);
    return remote.is_shown;
}

static enum ocf_verdict
ask(struct ocf_ctx *ctx, struct err *why)
{
    remote.n_asked++;
    remote.asked_left_ms = deadline_left_ms(ctx->deadline);
    if (remote.verdict != OCF_HERE) {
        (void)err_set(why, ERR_CONNECT, "by AWS");
    }
    return remote.verdict;
}

static void
ocf_probe_by_imds_asks_no_more_than_it_needs(void **state)
{
    static const struct {
        const char *name;
        enum ocf_verdict local;
        bool everything;
        unsigned depth;
        bool is_shown;
        enum ocf_verdict aws;
        enum ocf_verdict verdict;
        unsigned n_shown;
        unsigned n_asked;
        const char *text; /* of the reason */
    } cases[] = {
        {"here and shown", OCF_HERE, false, 0, true, OCF_ABSENT, OCF_HERE, 1, 0, "local"},
        {"not started here", OCF_ABSENT, false, 0, true, OCF_HERE, OCF_ABSENT, 0, 0, "local"},
        {"this host does not tell", OCF_UNKNOWN, false, 0, true, OCF_HERE, OCF_UNKNOWN, 0, 0,
         "local"},
        {"not started here, deep", OCF_ABSENT, false, 20, true, OCF_HERE, OCF_ABSENT, 0, 0,
         "local"},
        {"not shown, yet AWS has it", OCF_HERE, false, 0, false, OCF_HERE, OCF_HERE, 1, 1, "local"},
        {"not shown, and lost", OCF_HERE, false, 0, false, OCF_ELSEWHERE, OCF_ELSEWHERE, 1, 1,
         "by AWS"},
        {"not shown, in part", OCF_HERE, false, 0, false, OCF_DEGRADED, OCF_DEGRADED, 1, 1,
         "by AWS"},
        {"not shown, AWS silent", OCF_HERE, false, 0, false, OCF_UNKNOWN, OCF_UNKNOWN, 1, 1,
         "by AWS"},
        {"shown, at depth 9", OCF_HERE, false, 9, true, OCF_ABSENT, OCF_HERE, 1, 0, "local"},
        {"shown, at depth 10", OCF_HERE, false, 10, true, OCF_ABSENT, OCF_ABSENT, 0, 1, "by AWS"},
        {"start, all here", OCF_HERE, true, 0, true, OCF_HERE, OCF_HERE, 0, 1, "local"},
        {"start, AWS has it already", OCF_ABSENT, true, 0, true, OCF_HERE, OCF_ABSENT, 0, 1,
         "local"},
        {"start, elsewhere", OCF_ABSENT, true, 0, true, OCF_ELSEWHERE, OCF_ELSEWHERE, 0, 1,
         "by AWS"},
        {"start, AWS silent", OCF_ABSENT, true, 0, true, OCF_UNKNOWN, OCF_UNKNOWN, 0, 1, "by AWS"},
        {"start, this host does not tell", OCF_UNKNOWN, true, 0, true, OCF_HERE, OCF_UNKNOWN, 0, 1,
         "local"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err why = {.text = "local"};
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        fakenode_init(f, &ctx, NULL);
        ctx.everything = cases[i].everything;
        ctx.depth = cases[i].depth;
        memset(&remote, 0, sizeof(remote));
        remote.is_shown = cases[i].is_shown;
        remote.verdict = cases[i].aws;
        assert_int_equal(ocf_probe_by_imds(&ctx, cases[i].local, shown, ask, &why),
                         cases[i].verdict);
        assert_int_equal(remote.n_shown, cases[i].n_shown);
        assert_int_equal(remote.n_asked, cases[i].n_asked);
        assert_string_equal(why.text, cases[i].text);
        /* A silent IMDS leaves half of the time to AWS, and takes none from what comes after. */
        assert_int_equal(remote.shown_left_ms, cases[i].n_shown > 0 ? 15000 : 0);
        assert_int_equal(remote.asked_left_ms, cases[i].n_asked > 0 ? 30000 : 0);
        assert_int_equal(deadline_left_ms(ctx.deadline), 30000);
    }
}

/* --- stop ------------------------------------------------------------------------------------ */

static void
ocf_stop_releases_then_lets_go(void **state)
{
    (void)state;
    assert_int_equal(run(&agent, "stop", "30000"), PCMK_OCF_OK);
    assert_int_equal(the.n_releases, 1);
    assert_int_equal(the.n_let_gos, 1);
    assert_int_equal(the.n_probes, 0);
    assert_string_equal(told, "");
    /* What is left at AWS costs a stop ten seconds at most. */
    assert_true(the.let_go_left_ms > 0 && the.let_go_left_ms <= 10000);
    assert_int_equal(run(&keeps_all, "stop", "30000"), PCMK_OCF_OK);
    assert_int_equal(the.n_releases, 1);
    assert_int_equal(the.n_let_gos, 0);
    assert_string_equal(told, "");
    /* And never more than there is. */
    assert_int_equal(run(&agent, "stop", "3000"), PCMK_OCF_OK);
    assert_true(the.let_go_left_ms <= 2500);
}

#define LEFT "WARNING: stopped; left at AWS: what AWS said"

static void
ocf_stop_that_cannot_let_go_is_a_success_with_a_warning(void **state)
{
#define ERR_CODE_ROW(name, class, text) -ERR_##name,
    static const int codes[] = {ERR_LIST(ERR_CODE_ROW)};
#undef ERR_CODE_ROW

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        the.let_go = (struct answer){.code = codes[i], .text = "what AWS said"};
        if (codes[i] == -ERR_CANCELLED) {
            continue;
        }
        assert_int_equal(run(&agent, "stop", "30000"), PCMK_OCF_OK);
        assert_int_equal(the.n_let_gos, 1);
        assert_int_equal(strncmp(told, LEFT, strlen(LEFT)), 0);
        assert_ptr_equal(strchr(told, '\n'), told + strlen(told) - 1); /* one line */
        assert_null(strstr(told, "ocf-exit-reason:"));
    }
}

static void
ocf_stop_ended_by_a_signal_fails(void **state)
{
    (void)state;
    the.terminate = true;
    the.let_go = (struct answer){.code = -ERR_CANCELLED, .text = "ended by a signal"};
    assert_int_equal(run(&agent, "stop", "30000"), PCMK_OCF_UNKNOWN_ERROR);
    assert_string_equal(told, "ocf-exit-reason:stop failed: ended by a signal\n");
}

static void
ocf_stop_that_cannot_release_fails_and_lets_nothing_go(void **state)
{
    (void)state;
    the.release = (struct answer){.code = -ERR_SYSTEM, .text = "cannot remove it"};
    assert_int_equal(run(&agent, "stop", "30000"), PCMK_OCF_UNKNOWN_ERROR);
    assert_int_equal(the.n_releases, 1);
    assert_int_equal(the.n_let_gos, 0);
    assert_string_equal(told, "ocf-exit-reason:stop failed: cannot remove it\n");
}

/* A spelling error must not fence a node. */
static void
ocf_stop_with_a_wrong_parameter_releases_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(setenv("OCF_RESKEY_api_timeout", "soon", 1), 0);
    assert_int_equal(run(&agent, "stop", "30000"), PCMK_OCF_OK);
    assert_int_equal(the.n_releases, 1);
    assert_int_equal(the.n_let_gos, 1);
    assert_int_equal(run(&agent, "start", "30000"), PCMK_OCF_NOT_CONFIGURED);
    assert_int_equal(the.n_probes, 0);
    assert_non_null(strstr(told, "api_timeout=\"soon\""));
}

/* --- start ----------------------------------------------------------------------------------- */

static void
ocf_start_settling_at_the_deadline_is_a_success_with_a_warning(void **state)
{
    static const struct {
        const char *name;
        struct answer probes[ANSWERS_MAX];
    } cases[] = {
        {"to the end", {{OCF_SETTLING, -ERR_CONFLICT, "change C1 is PENDING"}}},
        {"and AWS falls silent",
         {{OCF_SETTLING, -ERR_CONFLICT, "change C1 is PENDING"},
          {OCF_UNKNOWN, -ERR_CONNECT, "change C1 is PENDING, as far as is known"}}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("  %s\n", cases[i].name);
        memcpy(the.probes, cases[i].probes, sizeof(the.probes));
        assert_int_equal(run(&agent, "start", WAITS), PCMK_OCF_OK);
        assert_true(the.n_probes >= 2);
        assert_int_equal(the.n_acquires, 0);
        assert_int_equal(strncmp(told, "WARNING: accepted, and here: change C1 is PENDING", 49), 0);
        assert_null(strstr(told, "ocf-exit-reason:"));
    }
    /* Nor does it wait for what it has no time for. */
    memcpy(the.probes, cases[0].probes, sizeof(the.probes));
    assert_int_equal(run(&agent, "start", HARDLY), PCMK_OCF_OK);
    assert_int_equal(the.n_probes, 1);
    assert_string_equal(told, "WARNING: accepted, and here: change C1 is PENDING\n");
}

static void
ocf_start_settling_then_here_has_no_warning(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_SETTLING, -ERR_CONFLICT, "PENDING"};
    the.probes[1] = (struct answer){OCF_HERE, 0, ""};
    assert_int_equal(run(&agent, "start", WAITS), PCMK_OCF_OK);
    assert_int_equal(the.n_probes, 2);
    assert_int_equal(the.n_acquires, 0);
    assert_string_equal(told, "");
}

/* Seen to be here once, and then not: no success. */
static void
ocf_start_settling_then_lost_is_acquired_again(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_SETTLING, -ERR_CONFLICT, "PENDING"};
    the.probes[1] = (struct answer){OCF_ELSEWHERE, -ERR_NOT_FOUND, "another value"};
    assert_int_equal(run(&agent, "start", WAITS), PCMK_OCF_UNKNOWN_ERROR);
    assert_int_equal(the.n_acquires, 1);
    assert_string_equal(told, "ocf-exit-reason:not done in time: another value\n");
}

static void
ocf_start_settling_then_denied_fails_at_once(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_SETTLING, -ERR_CONFLICT, "PENDING"};
    the.probes[1] = (struct answer){OCF_UNKNOWN, -ERR_DENIED, "not any more"};
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_INSUFFICIENT_PRIV);
    assert_int_equal(the.n_probes, 2);
    assert_null(strstr(told, "WARNING"));
}

static void
ocf_start_settling_ended_by_a_signal_fails(void **state)
{
    (void)state;
    the.terminate = true;
    the.probes[0] = (struct answer){OCF_SETTLING, -ERR_CONFLICT, "PENDING"};
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_UNKNOWN_ERROR);
    assert_int_equal(the.n_probes, 1);
    assert_null(strstr(told, "WARNING"));
    assert_non_null(strstr(told, "ocf-exit-reason:"));
}

/*
 * A read that lagged showed that it was here, so there was nothing to write: the next look is acted
 * on at once. After a write, looks that lag are not.
 */
static void
ocf_start_that_wrote_nothing_writes_as_soon_as_it_sees_why(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_DEGRADED, -ERR_NOT_FOUND, "not looked at yet"};
    the.probes[1] = (struct answer){OCF_ELSEWHERE, -ERR_NOT_FOUND, "it leads to another"};
    the.probes[2] = (struct answer){OCF_HERE, 0, ""};
    the.idle = true;
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 2);
    the.idle = false;
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 1);
    /* It does not ask without a pause for what does not come. */
    the.idle = true;
    the.probes[2] = (struct answer){OCF_ELSEWHERE, -ERR_NOT_FOUND, "it leads to another"};
    assert_int_equal(run(&agent, "start", WAITS), PCMK_OCF_UNKNOWN_ERROR);
    assert_in_range(the.n_acquires, 2, ANSWERS_MAX);
}

/* A write whose answers are all lost: not a storm, and it says why. */
static void
ocf_start_whose_writes_stay_open_pauses_and_tells_why(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_ELSEWHERE, -ERR_NOT_FOUND, "it leads to another"};
    the.acquire = (struct answer){OCF_UNKNOWN, -ERR_UNCERTAIN, "the answer was lost"};
    assert_int_equal(run(&agent, "start", WAITS), PCMK_OCF_UNKNOWN_ERROR);
    assert_in_range(the.n_acquires, 3, ANSWERS_MAX);
    assert_non_null(strstr(told, "ocf-exit-reason:not done in time: the answer was lost"));
    /* One that was looked for and not found is repeated at once. */
    the.acquire_next = (struct answer){OCF_UNKNOWN, 0, "accepted"};
    the.probes[1] = the.probes[0];
    the.probes[2] = (struct answer){OCF_HERE, 0, ""};
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 2);
}

/* What is shown to be here may be what it was before: it is so once a write was accepted. */
static void
ocf_start_anew_is_over_when_its_write_is_accepted(void **state)
{
    (void)state;
    the.again = the.moves_in = true;
    the.local = OCF_ABSENT;
    the.probes[0] = (struct answer){OCF_ABSENT, -ERR_NOT_FOUND, "not on this node"};
    the.probes[1] = (struct answer){OCF_HERE, 0, ""};
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 1);
    assert_int_equal(the.n_anew, 1);

    the.local = OCF_ABSENT;
    the.acquire = (struct answer){OCF_UNKNOWN, -ERR_UNCERTAIN, "the answer was lost"};
    the.acquire_next = (struct answer){OCF_UNKNOWN, 0, "accepted"};
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 2);
    assert_int_equal(the.n_anew, 2);
    assert_null(strstr(told, "WARNING"));
}

/* A write that was refused is no write: what a later look shows is acted on at once. */
static void
ocf_start_anew_that_may_not_write_believes_what_it_sees(void **state)
{
    (void)state;
    the.again = the.moves_in = true;
    the.local = OCF_ABSENT;
    the.probes[0] = (struct answer){OCF_ABSENT, -ERR_NOT_FOUND, "not on this node"};
    the.probes[1] = (struct answer){OCF_HERE, 0, ""};
    the.acquire = (struct answer){OCF_UNKNOWN, -ERR_THROTTLED, "slow down"};
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 1);
    assert_non_null(strstr(told, "WARNING: here by what AWS shows, which could not be written"));

    the.local = OCF_ABSENT;
    the.probes[1] = (struct answer){OCF_ELSEWHERE, -ERR_NOT_FOUND, "it leads to another"};
    the.probes[2] = (struct answer){OCF_HERE, 0, ""};
    the.acquire_next = (struct answer){OCF_UNKNOWN, 0, "accepted"};
    assert_int_equal(run(&agent, "start", WAITS), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 2);
    assert_int_equal(the.n_anew, 1);
}

/* Whoever listens on the way reads the session token. */
static void
ocf_validate_warns_of_an_endpoint_without_tls(void **state)
{
    (void)state;
    assert_int_equal(setenv("OCF_RESKEY_endpoint_url", "http://ec2.example", 1), 0);
    assert_int_equal(run(&agent, "validate-all", "30000"), PCMK_OCF_OK);
    assert_non_null(strstr(told, "WARNING: endpoint_url=\"http://ec2.example\": "));
    assert_null(strstr(told, "ocf-exit-reason:"));
    assert_int_equal(setenv("OCF_RESKEY_endpoint_url", "https://ec2.example", 1), 0);
    assert_int_equal(setenv("AWS_ENDPOINT_URL", "http://ec2.example", 1), 0);
    assert_int_equal(run(&agent, "validate-all", "30000"), PCMK_OCF_OK);
    assert_string_equal(told, "");
    (void)unsetenv("OCF_RESKEY_endpoint_url");
    assert_int_equal(run(&agent, "validate-all", "30000"), PCMK_OCF_OK);
    assert_non_null(strstr(told, "WARNING: AWS_ENDPOINT_URL=\"http://ec2.example\": "));
}

static void
ocf_start_unknown_at_the_deadline_fails(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_UNKNOWN, -ERR_CONNECT, "nobody there"};
    assert_int_equal(run(&agent, "start", HARDLY), PCMK_OCF_UNKNOWN_ERROR);
    assert_int_equal(the.n_acquires, 0);
    assert_non_null(strstr(told, "ocf-exit-reason:not done in time: nobody there"));
}

/* The answer to a write was lost: it is looked for before the write is repeated. */
static void
ocf_start_uncertain_looks_before_it_writes_again(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_ABSENT, -ERR_NOT_FOUND, "nowhere"};
    the.probes[1] = (struct answer){OCF_HERE, 0, ""};
    the.acquire = (struct answer){.code = -ERR_UNCERTAIN, .text = "lost"};
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 1);
    assert_int_equal(the.n_probes, 2);
    the.acquire = (struct answer){.code = -ERR_DENIED, .text = "not you"};
    assert_int_equal(run(&agent, "start", "180000"), PCMK_OCF_INSUFFICIENT_PRIV);
    assert_int_equal(the.n_acquires, 1);
}

/* A call that was not made any more, for want of time, says less than the one before it. */
static void
ocf_start_without_time_for_another_look_tells_what_it_saw(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_UNKNOWN, -ERR_CONNECT, "cannot connect"};
    the.probes[1] = (struct answer){OCF_UNKNOWN, -ERR_DEADLINE, "no turn in time"};
    assert_int_equal(run(&agent, "start", WAITS), PCMK_OCF_UNKNOWN_ERROR);
    assert_true(the.n_probes > 1);
    assert_non_null(strstr(told, "cannot connect"));
    assert_null(strstr(told, "no turn in time"));
}

/* --- monitor --------------------------------------------------------------------------------- */

static void
ocf_monitor_settling_is_here(void **state)
{
    (void)state;
    the.probes[0] = (struct answer){OCF_SETTLING, -ERR_CONFLICT, "PENDING"};
    the.local = OCF_HERE;
    assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_OK);
    assert_string_equal(told, "");
    assert_int_equal(setenv("OCF_RESKEY_CRM_meta_interval", "0", 1), 0);
    assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_OK);
    assert_int_equal(the.n_probes, 1);
    assert_int_equal(the.n_acquires, 0);
}

/* Nothing was started here, so what AWS shows is another's, or a leftover. */
static void
ocf_monitor_absent_here_whatever_aws_says(void **state)
{
    static const struct answer answers[] = {{OCF_SETTLING, -ERR_CONFLICT, "PENDING"},
                                            {OCF_DEGRADED, -ERR_NOT_FOUND, "in part"},
                                            {OCF_UNKNOWN, -ERR_CONNECT, "nobody there"},
                                            {OCF_HERE, 0, ""}};

    (void)state;
    the.local = OCF_ABSENT;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        the.probes[0] = answers[i];
        assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_NOT_RUNNING);
        assert_string_equal(told, "ocf-exit-reason:not on this node\n");
    }
}

/* 7 would say that it was certainly lost. */
static void
ocf_monitor_ended_by_a_signal_before_a_loss_is_confirmed_fails(void **state)
{
    (void)state;
    the.terminate = true;
    the.local = OCF_HERE;
    the.probes[0] = (struct answer){OCF_ELSEWHERE, -ERR_NOT_FOUND, "it leads to another"};
    assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_UNKNOWN_ERROR);
    assert_int_equal(the.n_probes, 1);
    assert_non_null(strstr(told, "asked to end before a loss was confirmed"));
}

/* A read may lag behind a write: whoever has no time for another has not seen a loss. */
static void
ocf_monitor_without_time_to_confirm_a_loss_cannot_tell(void **state)
{
    static const enum ocf_verdict lost[] = {OCF_ELSEWHERE, OCF_ABSENT};

    (void)state;
    the.local = OCF_HERE;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        the.probes[0] = (struct answer){lost[i], -ERR_NOT_FOUND, "it leads to another"};
        assert_int_equal(run(&agent, "monitor", "2000"), PCMK_OCF_DEGRADED);
        assert_string_equal(told, "ocf-exit-reason:cannot ask AWS: no time to confirm, raise the "
                                  "timeout: it leads to another\n");
        assert_int_equal(the.n_probes, 1);
        /* Time for one more look, and the loss is one; so it is with the timeout we advise. */
        assert_int_equal(run(&agent, "monitor", WAITS), PCMK_OCF_NOT_RUNNING);
        assert_int_equal(the.n_probes, 2);
    }
    assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_NOT_RUNNING);
    assert_int_equal(the.n_probes, 4);
    assert_int_equal(setenv("OCF_RESKEY_CRM_meta_interval", "0", 1), 0);
    assert_int_equal(run(&agent, "monitor", "2000"), PCMK_OCF_OK);
}

/* A start reads what AWS has, so a silence before it is over: it may be of the week before. */
static void
ocf_monitor_counts_no_silence_from_before_a_start(void **state)
{
    (void)state;
    assert_int_equal(setenv("OCF_RESKEY_unknown_limit", "1s", 1), 0);
    the.local = OCF_HERE;
    the.probes[0] = (struct answer){OCF_UNKNOWN, -ERR_CONNECT, "nobody there"};
    assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_DEGRADED);
    assert_int_equal(run(&agent, "stop", "30000"), PCMK_OCF_OK);
    assert_int_equal(usleep(1100000), 0);
    the.probes[0] = (struct answer){OCF_HERE, 0, ""};
    assert_int_equal(run(&agent, "start", "30000"), PCMK_OCF_OK);
    the.probes[0] = (struct answer){OCF_UNKNOWN, -ERR_CONNECT, "nobody there"};
    assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_DEGRADED);
    assert_int_equal(usleep(1100000), 0);
    assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_UNKNOWN_ERROR);
    assert_non_null(strstr(told, "ocf-exit-reason:unknown_limit is over: nobody there"));
}

/* The cluster keeps it stopped there: what would be "active" or "failed" would have it recovered.
 */
static void
ocf_monitor_of_role_stopped_that_cannot_tell_is_not_running(void **state)
{
    static const char *const policies[] = {"degraded", "ok", "fail"};

    (void)state;
    the.probes[0] = (struct answer){OCF_UNKNOWN, -ERR_SYSTEM, "cannot look"};
    assert_int_equal(setenv("OCF_RESKEY_CRM_meta_role", "Stopped", 1), 0);
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        assert_int_equal(setenv("OCF_RESKEY_on_unknown", policies[i], 1), 0);
        assert_int_equal(run(&agent, "monitor", "30000"), PCMK_OCF_NOT_RUNNING);
        assert_string_equal(told, "ocf-exit-reason:cannot tell: cannot look\n");
    }
}

/* What a start had to leave is finished by the monitor of a resource that runs, and by no other. */
static void
ocf_monitor_finishes_what_a_start_left(void **state)
{
    static const struct {
        const char *name;
        const char *action;
        const char *variable; /* set to value */
        const char *value;
        enum ocf_verdict found;
        enum ocf_verdict verdict; /* of finish */
        unsigned n_finishes;
        int code;
    } cases[] = {
        {"all is here", "monitor", NULL, NULL, OCF_HERE, OCF_HERE, 1, PCMK_OCF_OK},
        {"some was left", "monitor", NULL, NULL, OCF_DEGRADED, OCF_HERE, 1, PCMK_OCF_OK},
        {"some is left still", "monitor", NULL, NULL, OCF_DEGRADED, OCF_DEGRADED, 1,
         PCMK_OCF_DEGRADED},
        {"found by finish", "monitor", NULL, NULL, OCF_HERE, OCF_DEGRADED, 1, PCMK_OCF_DEGRADED},
        {"AWS silent", "monitor", NULL, NULL, OCF_UNKNOWN, OCF_UNKNOWN, 1, PCMK_OCF_DEGRADED},
        {"role Stopped", "monitor", "OCF_RESKEY_CRM_meta_role", "Stopped", OCF_DEGRADED, OCF_HERE,
         0, PCMK_OCF_DEGRADED},
        {"probe", "monitor", "OCF_RESKEY_CRM_meta_interval", "0", OCF_DEGRADED, OCF_FAILED, 0,
         PCMK_OCF_OK},
        {"start", "start", NULL, NULL, OCF_HERE, OCF_FAILED, 0, PCMK_OCF_OK},
        {"reload", "reload-agent", NULL, NULL, OCF_HERE, OCF_FAILED, 0, PCMK_OCF_OK},
        {"stop", "stop", NULL, NULL, OCF_HERE, OCF_FAILED, 0, PCMK_OCF_OK},
    };

    (void)state;
    the.local = OCF_HERE;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("  %s\n", cases[i].name);
        the.probes[0] = (struct answer){cases[i].found, -ERR_NOT_FOUND, "found"};
        the.finish = (struct answer){cases[i].verdict, -ERR_CONNECT, "left"};
        if (cases[i].variable != NULL) {
            assert_int_equal(setenv(cases[i].variable, cases[i].value, 1), 0);
        }
        assert_int_equal(run(&finishes, cases[i].action, "30000"), cases[i].code);
        assert_int_equal(the.n_finishes, cases[i].n_finishes);
        assert_int_equal(the.n_acquires, 0);
        if (cases[i].n_finishes > 0) {
            assert_int_equal(the.found, cases[i].found);
            assert_ptr_equal(strstr(told, "found"), NULL);
        }
        if (cases[i].variable != NULL) {
            (void)unsetenv(cases[i].variable);
        }
    }
}

/* A part that is wrong still is repaired when the user wants that. */
static void
ocf_monitor_repairs_what_finish_does_not(void **state)
{
    (void)state;
    the.local = OCF_HERE;
    the.probes[0] = (struct answer){OCF_DEGRADED, -ERR_NOT_FOUND, "found"};
    the.probes[1] = (struct answer){OCF_HERE, 0, ""};
    assert_int_equal(setenv("OCF_RESKEY_on_drift", "repair", 1), 0);
    the.finish = (struct answer){OCF_DEGRADED, -ERR_NOT_FOUND, "changed by others"};
    assert_int_equal(run(&finishes, "monitor", "30000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 1);
    the.finish = (struct answer){OCF_HERE, 0, ""};
    assert_int_equal(run(&finishes, "monitor", "30000"), PCMK_OCF_OK);
    assert_int_equal(the.n_finishes, 1);
    assert_int_equal(the.n_acquires, 0);
}

/* Where the cluster keeps it stopped, and in a probe, what leads here in part is not taken. */
static void
ocf_monitor_repairs_nothing_where_it_is_kept_stopped(void **state)
{
    (void)state;
    the.local = OCF_HERE;
    the.probes[0] = (struct answer){OCF_DEGRADED, -ERR_NOT_FOUND, "in part"};
    assert_int_equal(setenv("OCF_RESKEY_on_drift", "repair", 1), 0);
    assert_int_equal(setenv("OCF_RESKEY_CRM_meta_role", "Stopped", 1), 0);
    assert_int_equal(run(&keeps_all, "monitor", "30000"), PCMK_OCF_DEGRADED);
    assert_int_equal(the.n_acquires, 0);
    assert_string_equal(told, "ocf-exit-reason:in part\n");
    assert_int_equal(unsetenv("OCF_RESKEY_CRM_meta_role"), 0);
    assert_int_equal(setenv("OCF_RESKEY_CRM_meta_interval", "0", 1), 0);
    assert_int_equal(run(&keeps_all, "monitor", "30000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 0);
}

/* A read that lags behind the repair is no loss, and an answer that was lost no failure of it. */
static void
ocf_monitor_looks_again_after_a_repair(void **state)
{
    (void)state;
    the.local = OCF_HERE;
    assert_int_equal(setenv("OCF_RESKEY_on_drift", "repair", 1), 0);
    the.probes[0] = (struct answer){OCF_DEGRADED, -ERR_NOT_FOUND, "found"};
    the.probes[1] = (struct answer){OCF_ELSEWHERE, -ERR_NOT_FOUND, "stale"};
    the.probes[2] = (struct answer){OCF_HERE, 0, ""};
    assert_int_equal(run(&keeps_all, "monitor", "30000"), PCMK_OCF_OK);
    assert_int_equal(the.n_acquires, 1);
    the.probes[1] = (struct answer){OCF_HERE, 0, ""};
    the.acquire = (struct answer){OCF_UNKNOWN, -ERR_UNCERTAIN, "answer lost"};
    assert_int_equal(run(&keeps_all, "monitor", "30000"), PCMK_OCF_OK);
    the.acquire = (struct answer){OCF_UNKNOWN, -ERR_DENIED, "denied"};
    assert_int_equal(run(&keeps_all, "monitor", "30000"), PCMK_OCF_DEGRADED);
}

/* --- what the user sees, and the set-up ------------------------------------------------------- */

static void
ocf_warn_is_one_line_with_advice(void **state)
{
    struct fake *f = *state;
    struct fakenode_stderr caught;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    (void)err_set(&e, ERR_DENIED, "DisassociateAddress: UnauthorizedOperation: m");
    (void)snprintf(e.action, sizeof(e.action), "ec2:DisassociateAddress");
    fakenode_stderr_begin(&caught);
    ocf_warn(&ctx, "left as it is", &e);
    fakenode_stderr_end(&caught, told, sizeof(told));
    assert_string_equal(told, "WARNING: left as it is: IAM denies ec2:DisassociateAddress; allow "
                              "it in the IAM policy\n");
    memset(e.text, 'x', sizeof(e.text) - 1);
    e.code = -ERR_CONNECT;
    fakenode_stderr_begin(&caught);
    ocf_warn(&ctx, "left as it is", &e);
    fakenode_stderr_end(&caught, told, sizeof(told));
    assert_int_equal(strlen(told), strlen("WARNING: \n") + VERDICT_REASON_MAX);
    assert_non_null(strstr(told, "; check network, DNS and security group\n"));
    e.code = -ERR_PARAM; /* ends with a command: not cut */
    fakenode_stderr_begin(&caught);
    ocf_warn(&ctx, "left as it is", &e);
    fakenode_stderr_end(&caught, told, sizeof(told));
    assert_int_equal(strlen(told), strlen("WARNING: left as it is: \n") + sizeof(e.text) - 1);
}

/* The node's metadata and AWS are asked by one transport, and the region only when it is needed. */
static void
ocf_aws_asks_for_the_region_once(void **state)
{
    struct fake *f = *state;
    struct aws_session *session = NULL;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    ctx.session = (struct aws_session){0};
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES("/latest/meta-data/placement/region", ""),
                IMDS_GIVES("/latest/meta-data/placement/region", "eu-west-1"));
    assert_int_equal(ocf_aws(&ctx, &session, &e), -ERR_MALFORMED);
    assert_null(session);
    assert_int_equal(ocf_aws(&ctx, &session, &e), 0);
    assert_string_equal(session->region, "eu-west-1");
    assert_ptr_equal(session, &ctx.session);
    assert_int_equal(session->attempt_ms, 5000);
    assert_ptr_equal(session->cache, &ctx.cache);
    assert_int_equal(ocf_aws(&ctx, &session, &e), 0);
    assert_int_equal(f->n_requests, 3);
}

static void
ocf_aws_with_a_region_asks_nothing(void **state)
{
    static const struct aws_params params = {.region = "us-gov-west-1", .metadata_url = FAKE_IMDS};
    struct fake *f = *state;
    struct aws_session *session = NULL;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    ctx.session = (struct aws_session){0};
    ctx.aws_params = &params;
    assert_int_equal(ocf_aws(&ctx, &session, &e), 0);
    assert_string_equal(session->region, "us-gov-west-1");
    assert_int_equal(f->n_requests, 0);
}

#define ROLE_OF(name) "arn:aws:iam::123456789012:role/" name

/* An answer of STS with keys that no time ends. */
#define STS_GIVES(role, key_id)                                                                    \
    {                                                                                              \
        .url = "https://sts.ap-northeast-1.", .body = "role%2F" role, .status = 200,               \
        .answer = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" key_id        \
                  "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"              \
                  "</SessionToken><Expiration>2036-11-21T12:00:00Z</Expiration></Credentials>"     \
                  "</AssumeRoleResult></AssumeRoleResponse>"                                       \
    }

/* Make a call in each region, and say with which key it was signed. */
static void
assert_signed_in(struct ocf_ctx *ctx, struct fake *f, const char *region, const char *key_id)
{
    static const struct aws_service ec2 = {
        .prefix = "ec2", .env_name = "EC2", .version = "1", .protocol = AWS_PROTOCOL_QUERY};
    OCF_AWS_CALL struct aws_call c;
    struct aws_session *session = NULL;
    struct err e = {0};
    char host[96];
    char scope[128];

    assert_int_equal(ocf_aws_in(ctx, region, &session, &e), 0);
    assert_string_equal(session->region, region);
    assert_int_equal(session->attempt_ms, 5000);
    aws_call_init(&c, &ec2, "Anything");
    c.session = session;
    assert_int_equal(aws_call_all(&ctx->session, &c, 1, ctx->deadline), 0);
    (void)snprintf(host, sizeof(host), "https://ec2.%s.", region);
    (void)snprintf(scope, sizeof(scope), "Credential=%s/20261121/%s/", key_id, region);
    assert_non_null(strstr(f->requests[f->n_requests - 1].url, host));
    assert_non_null(strstr(fake_header(&f->requests[f->n_requests - 1], "Authorization"), scope));
}

/* Two regions with one role share its keys, without a cache too. */
static void
ocf_aws_in_gives_each_region_its_role_and_asks_the_own_sts(void **state)
{
    static const struct aws_params params = {
        .region = "ap-northeast-1",
        .metadata_url = FAKE_IMDS,
        .role_arn = {.items = {{"ap-northeast-1", ROLE_OF("own")},
                               {"ap-northeast-2", ROLE_OF("asia")},
                               {"ap-northeast-3", ROLE_OF("asia")},
                               {"", ROLE_OF("rest")}},
                     .n = 4},
        .api_timeout_ms = 5000};
    struct fake *f = *state;
    FAKENODE ctx;

    assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1), 0);
    assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", FAKE_SECRET, 1), 0);
    fakenode_init(f, &ctx, NULL);
    ctx.session = (struct aws_session){0};
    ctx.cache.dir_fd = -1;
    ctx.aws_params = &params;
    FAKE_SCRIPT(f, STS_GIVES("own&", "ASIAOWN"), STS_GIVES("asia&", "ASIAASIA"),
                STS_GIVES("rest&", "ASIAREST"),
                {.url = "https://ec2.", .status = 200, .answer = "<R/>", .times = 6});
    assert_signed_in(&ctx, f, "ap-northeast-1", "ASIAOWN");
    assert_signed_in(&ctx, f, "ap-northeast-3", "ASIAASIA");
    assert_signed_in(&ctx, f, "eu-west-1", "ASIAREST");
    assert_signed_in(&ctx, f, "ap-northeast-2", "ASIAASIA");
    assert_signed_in(&ctx, f, "us-east-1", "ASIAREST");
    assert_signed_in(&ctx, f, "ap-northeast-3", "ASIAASIA");
}

/* A region that no pair names has no role, and the keys that are assumed from. */
static void
ocf_aws_in_without_a_role_uses_the_keys_themselves(void **state)
{
    static const struct aws_params params = {
        .region = "ap-northeast-1",
        .metadata_url = FAKE_IMDS,
        .role_arn = {.items = {{"ap-northeast-3", ROLE_OF("asia")}}, .n = 1},
        .api_timeout_ms = 5000};
    struct fake *f = *state;
    struct aws_session *own = NULL;
    struct aws_session *again = NULL;
    struct err e = {0};
    FAKENODE ctx;

    assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1), 0);
    assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", FAKE_SECRET, 1), 0);
    fakenode_init(f, &ctx, NULL);
    ctx.session = (struct aws_session){0};
    ctx.aws_params = &params;
    FAKE_SCRIPT(f, STS_GIVES("asia&", "ASIAASIA"),
                {.url = "https://ec2.", .status = 200, .answer = "<R/>", .times = 3});
    assert_signed_in(&ctx, f, "ap-northeast-3", "ASIAASIA");
    assert_signed_in(&ctx, f, "eu-west-1", "AKIDENV");
    assert_signed_in(&ctx, f, "ap-northeast-1", "AKIDENV");
    assert_int_equal(ocf_aws(&ctx, &own, &e), 0);
    assert_int_equal(ocf_aws_in(&ctx, "ap-northeast-1", &again, &e), 0);
    assert_ptr_equal(own, again);
}

/* Without the own region there is no STS to ask. */
static void
ocf_aws_in_needs_the_own_region(void **state)
{
    struct fake *f = *state;
    struct aws_session *session = NULL;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    ctx.session = (struct aws_session){0};
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES("/latest/meta-data/placement/region", ""));
    assert_int_equal(ocf_aws_in(&ctx, "eu-west-1", &session, &e), -ERR_MALFORMED);
    assert_null(ctx.remotes);
}

static void
ocf_node_url_of_parameter_environment_and_default(void **state)
{
    static const struct {
        const char *parameter;
        const char *variable;
        const char *url;
    } cases[] = {
        {"http://192.0.2.1", "http://192.0.2.2", "http://192.0.2.1"},
        {NULL, "http://192.0.2.2", "http://192.0.2.2"},
        {NULL, "", IMDS_DEFAULT_URL},
        {NULL, NULL, IMDS_DEFAULT_URL},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct aws_params params = {.metadata_url = cases[i].parameter};
        struct node *node = NULL;
        struct err e = {0};
        FAKENODE ctx;

        fakenode_init(f, &ctx, NULL);
        ctx.aws_params = &params;
        (void)unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        if (cases[i].variable != NULL) {
            (void)setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", cases[i].variable, 1);
        }
        assert_int_equal(ocf_node(&ctx, &node, &e), 0);
        assert_string_equal(node->imds.base_url, cases[i].url);
        assert_ptr_equal(node->imds.transport, &ctx.transport);
        assert_null(ctx.http); /* libcurl was not needed */
        /* It is set up once: the session token stays. */
        assert_int_equal(buf_adds(&node->imds.token, "token"), 0);
        assert_int_equal(ocf_node(&ctx, &node, &e), 0);
        assert_string_equal(buf_str(&node->imds.token), "token");
    }
    (void)unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

/* --- what the process keeps to itself --------------------------------------------------------- */

/* Neither a core, also by a program that takes cores, nor libcurl's key log is written. */
static void
ocf_main_leaves_no_copy_of_its_memory(void **state)
{
    struct rlimit core = {1, 1};

    (void)state;
    assert_int_equal(setenv("SSLKEYLOGFILE", "/nonexistent/keys", 1), 0);
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    assert_int_equal(run(&agent, "stop", WAITS), PCMK_OCF_OK);
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_max, 0);
    assert_null(getenv("SSLKEYLOGFILE"));
}

static void
ocf_finding_is_one_line_without_commands(void **state)
{
    struct ocf_ctx ctx = {.agent = &agent};
    struct fakenode_stderr caught;

    (void)state;
    fakenode_stderr_begin(&caught);
    ocf_finding(&ctx, -ERR_NOT_FOUND, "record \"%s\"", "a\nocf-exit-reason:b\x1b[2J\xc2\x9b\xff");
    fakenode_stderr_end(&caught, told, sizeof(told));
    assert_string_equal(told, "ERROR: record \"a ocf-exit-reason:b [2J  ?\"\n");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(ocf_probe_by_imds_asks_no_more_than_it_needs),
        TEST(ocf_stop_releases_then_lets_go),
        TEST(ocf_stop_that_cannot_let_go_is_a_success_with_a_warning),
        TEST(ocf_stop_ended_by_a_signal_fails),
        TEST(ocf_stop_that_cannot_release_fails_and_lets_nothing_go),
        TEST(ocf_stop_with_a_wrong_parameter_releases_all_the_same),
        TEST(ocf_start_settling_at_the_deadline_is_a_success_with_a_warning),
        TEST(ocf_start_settling_then_here_has_no_warning),
        TEST(ocf_start_settling_then_lost_is_acquired_again),
        TEST(ocf_start_settling_then_denied_fails_at_once),
        TEST(ocf_start_whose_writes_stay_open_pauses_and_tells_why),
        TEST(ocf_start_anew_is_over_when_its_write_is_accepted),
        TEST(ocf_start_anew_that_may_not_write_believes_what_it_sees),
        TEST(ocf_start_settling_ended_by_a_signal_fails),
        TEST(ocf_start_that_wrote_nothing_writes_as_soon_as_it_sees_why),
        TEST(ocf_validate_warns_of_an_endpoint_without_tls),
        TEST(ocf_start_unknown_at_the_deadline_fails),
        TEST(ocf_start_uncertain_looks_before_it_writes_again),
        TEST(ocf_start_without_time_for_another_look_tells_what_it_saw),
        TEST(ocf_monitor_settling_is_here),
        TEST(ocf_monitor_absent_here_whatever_aws_says),
        TEST(ocf_monitor_ended_by_a_signal_before_a_loss_is_confirmed_fails),
        TEST(ocf_monitor_without_time_to_confirm_a_loss_cannot_tell),
        TEST(ocf_monitor_counts_no_silence_from_before_a_start),
        TEST(ocf_monitor_of_role_stopped_that_cannot_tell_is_not_running),
        TEST(ocf_monitor_finishes_what_a_start_left),
        TEST(ocf_monitor_repairs_what_finish_does_not),
        TEST(ocf_monitor_repairs_nothing_where_it_is_kept_stopped),
        TEST(ocf_monitor_looks_again_after_a_repair),
        TEST(ocf_warn_is_one_line_with_advice),
        TEST(ocf_aws_asks_for_the_region_once),
        TEST(ocf_aws_with_a_region_asks_nothing),
        TEST(ocf_aws_in_gives_each_region_its_role_and_asks_the_own_sts),
        TEST(ocf_aws_in_without_a_role_uses_the_keys_themselves),
        TEST(ocf_aws_in_needs_the_own_region),
        TEST(ocf_node_url_of_parameter_environment_and_default),
        TEST(ocf_main_leaves_no_copy_of_its_memory),
        TEST(ocf_finding_is_one_line_without_commands),
    };

    return cmocka_run_group_tests_name("ocf", tests, NULL, NULL);
}
