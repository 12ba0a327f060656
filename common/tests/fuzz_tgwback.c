/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "tgwback.h"

/*
 * The way back to the clients, in regions as EC2 tells of them. The pieces answer as for the target
 * tgw, for two regions; then the tables of the clients, that of the node's subnet, and the
 * searches of the walk.
 */

FUZZ_XML_MUTATOR

#define REGIONS 2

static const char *const names[REGIONS] = {"ap-northeast-1", "ap-northeast-3"};

/* Each line is a finding that an operator can read. */
static void
check_findings(char *told, struct buf *trace)
{
    char *rest = NULL;

    for (char *line = strtok_r(told, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        FUZZ_CHECK(strncmp(line, "ok: ", 4) == 0 || strncmp(line, "ERROR: ", 7) == 0);
        fuzz_line(line);
        fuzz_say(trace, "%s\n", line);
    }
}

/* Findings go to stderr, which is another file meanwhile; the descriptor stays what it is. */
static void
preflight(struct ocf_ctx *ctx, const struct tgwback *b, struct buf *trace)
{
    FILE *before = stderr;
    char *told = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&told, &size);

    FUZZ_CHECK(file != NULL);
    stderr = file;
    tgwback_preflight(ctx, b);
    stderr = before;
    FUZZ_CHECK(fclose(file) == 0);
    check_findings(told, trace);
    free(told);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static const struct node_nic nic = {.vpc_id = FAKE_VPC, .subnet_id = FAKE_SUBNET};
    struct param_addresses addresses = {.n = 2};
    struct aws_session *s = fuzz_answers(text, len);
    struct aws_session sessions[REGIONS] = {*s, *s};
    struct aws_session *by_region[REGIONS] = {&sessions[0], &sessions[1]};
    struct tgw_query queries[REGIONS];
    struct tgw_region found[REGIONS];
    struct tgwback b = {.regions = found,
                        .n_regions = REGIONS,
                        .sessions = by_region,
                        .nic = &nic,
                        .addresses = &addresses};
    FAKENODE ctx;

    fuzz_node(&ctx);
    (void)fuzz_answers(text, len);
    FUZZ_CHECK(addr_parse("10.1.0.10", &addresses.items[0]));
    FUZZ_CHECK(addr_parse("2001:db8:200::10", &addresses.items[1]));
    for (size_t i = 0; i < REGIONS; i++) {
        sessions[i].region = names[i];
        queries[i] = (struct tgw_query){.region = names[i], .session = &sessions[i]};
    }
    FUZZ_CHECK(tgw_read(s, queries, REGIONS, addresses.items, addresses.n, found, ctx.deadline) ==
               0);
    preflight(&ctx, &b, trace);
    fuzz_say(trace, "%d\n", ctx.worst_finding);
    for (size_t i = 0; i < REGIONS; i++) {
        tgw_region_done(&found[i]);
    }
}
