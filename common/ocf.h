/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_OCF_H
#define OCF_AWS_OCF_H

#include "meta.h"
#include "node.h"
#include "verdict.h"

/*
 * The framework of an OCF resource agent. An agent is a descriptor and three callbacks; start,
 * stop, monitor, reload-agent and validate-all are made of them here, so that all agents behave
 * alike:
 *
 *   monitor = probe; finish what a start had to leave
 *   start   = probe; acquire what is not here; probe until it is here
 *   stop    = release, and let go
 *
 * Source: OCF Resource Agent API 1.1; Pacemaker Administration, "Resource Agents".
 */

struct ocf_ctx;
struct ocf_remote; /* a region other than the own one */

struct ocf_agent {
    struct meta_agent meta; /* name, texts, parameters and actions */
    size_t params_size;     /* of the agent's struct */
    size_t aws_offset;      /* of its struct aws_params */

    /*! Fit of the parameters to each other and to this host; no network. May be NULL. */
    int (*check)(struct ocf_ctx *ctx, struct err *e);

    /*!
     * Look, and write nothing anywhere. Local evidence that settles it is enough unless
     * ctx->everything wants the whole picture. \p why says what was found instead of HERE; for
     * UNKNOWN it is the error that kept us from looking. ctx->local is set to what is known without
     * AWS.
     */
    enum ocf_verdict (*probe)(struct ocf_ctx *ctx, struct err *why);

    /*!
     * Take over what the probe before found not to be here. 0 when all was accepted; ctx->idle is
     * set when there was nothing to ask AWS for.
     */
    int (*acquire)(struct ocf_ctx *ctx, struct err *e);

    /*! Give it up: what is local always, whatever AWS says. Idempotent. */
    int (*release)(struct ocf_ctx *ctx, struct err *e);

    /*!
     * Give it up at AWS too, after release(): only what points at us. A failure is a warning and
     * the time is capped, since the next owner's start takes it away in any case. May be NULL.
     */
    int (*let_go)(struct ocf_ctx *ctx, struct err *e);

    /*!
     * Do what a start had to leave undone, in a recurring monitor that is not of role Stopped: what
     * is left is written only while nothing but that is wrong. \p v and \p why are what was found;
     * returns what holds afterwards. May be NULL.
     */
    enum ocf_verdict (*finish)(struct ocf_ctx *ctx, enum ocf_verdict v, struct err *why);

    /*! The agent's part of validate-all at depth 10: calls ocf_finding(). May be NULL. */
    void (*preflight)(struct ocf_ctx *ctx);

    /*! Free what the callbacks keep in the agent's struct. May be NULL. */
    void (*done)(struct ocf_ctx *ctx);
};

/* The actions and times that an agent advertises unless it has reason for others. */
extern const struct meta_action ocf_standard_actions[];

/* Everything a callback needs. */
struct ocf_ctx {
    const struct ocf_agent *agent;
    void *params; /* the agent's struct */
    const struct aws_params *aws_params;
    const char *instance; /* "vip" */
    enum ocf_operation operation;
    unsigned depth; /* OCF_CHECK_LEVEL */
    struct deadline deadline;
    bool everything;        /* for a start, and for a monitor of role Stopped, which keeps the
                               caches of a standby node warm: see ocf_is_standby() */
    enum ocf_verdict local; /* see probe */
    bool idle;              /* see acquire */
    bool unsettled;         /* see ocf_written_again() */
    int worst_finding;      /* exit code of the preflight so far, and the finding it is for */
    char worst_text[ERR_TEXT_MAX];
    struct cache cache;

    /* Set up when first asked for by ocf_node() and ocf_aws(); a transport that is there already
     * is used, and libcurl is not. */
    struct http_options http_options;
    struct http *http;
    struct http_transport transport;
    struct node node;
    struct creds creds;
    struct buf region;
    struct aws_session session;
    struct ocf_remote *remotes; /* set up by ocf_aws_in() */
};

#define OCF_KEY_MAX 1024

/* Reads may lag a write by seconds: until so long after it they do not show that it was undone. */
#define OCF_SETTLE_MS 20000

/*! \brief The name of an entry in the node's state directory that is this resource's alone,
 *         appended to \p ret. 0; errors as buf_add(). */
int ocf_key(const struct ocf_ctx *ctx, const char *what, struct buf *ret,
            struct err *e) OCF_MUST_CHECK;

/*! \brief Remember on this node that something of the resource happens now, for ocf_time_since();
 *         where that cannot be kept it is not known later. */
void ocf_time_note(const struct ocf_ctx *ctx, const char *what);

/*!
 * \brief How long ago that was, in this boot of the node
 *
 * \param[out] ret_ms  untouched when it is not known
 *
 * \return Whether it is known
 */
bool ocf_time_since(const struct ocf_ctx *ctx, const char *what, uint64_t *ret_ms) OCF_MUST_CHECK;

/*! \brief This node, as IMDS knows it; nothing is asked yet. 0 or -ERR_SYSTEM. */
int ocf_node(struct ocf_ctx *ctx, struct node **ret, struct err *e) OCF_MUST_CHECK;

/*! \brief Find an interface and its ENI; errors as node_nic(). */
int ocf_nic(struct ocf_ctx *ctx, const char *interface, struct node_nic *ret,
            struct err *e) OCF_MUST_CHECK;

/*!
 * \brief The session for AWS calls; the first time the region is asked from IMDS, unless it is
 *        given or cached
 *
 * \param[out] ret  borrowed until the action ends
 */
int ocf_aws(struct ocf_ctx *ctx, struct aws_session **ret, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief The session for AWS calls in any region; for the own one it is that of ocf_aws()
 *
 * role_arn may name a role for each region. Sessions with the same role share its credentials,
 * and a role is assumed at the own region's STS: another region may be dead.
 *
 * \param[in]  region  copied
 * \param[out] ret     borrowed until the action ends
 */
int ocf_aws_in(struct ocf_ctx *ctx, const char *region, struct aws_session **ret,
               struct err *e) OCF_MUST_CHECK;

/*! \brief Forget all sessions and their credentials: ocf_main() does, when the action ends. */
void ocf_aws_done(struct ocf_ctx *ctx);

/*!
 * \brief The probe of a resource that the node's metadata shows: local evidence first, then IMDS,
 *        and AWS where those do not settle it
 *
 * A monitor that finds it shown by IMDS makes no API call and needs no credentials. IMDS lags
 * behind a change and may not answer: that it does not show it is for AWS to confirm.
 *
 * \param[in]     local  what the node itself knows, with \p why set unless it is HERE
 * \param[in]     shown  whether IMDS shows all of it at our interface
 * \param[in]     ask    the verdict of AWS
 * \param[in,out] why    see the probe of struct ocf_agent
 */
enum ocf_verdict ocf_probe_by_imds(struct ocf_ctx *ctx, enum ocf_verdict local,
                                   bool (*shown)(struct ocf_ctx *ctx),
                                   enum ocf_verdict (*ask)(struct ocf_ctx *ctx, struct err *why),
                                   struct err *why);

/*!
 * \brief Report a finding of the preflight, one line
 *
 * \param[in] code  0: it is fine, else -ERR_x: it decides what validate-all returns
 *
 * \return Whether it is the worst so far
 */
bool ocf_finding(struct ocf_ctx *ctx, int code, const char *format, ...) OCF_PRINTF(3, 4);

/*! \brief The finding about a call: \p fine when \p e has no error, else the error and advice. */
void ocf_finding_of(struct ocf_ctx *ctx, const char *fine, const struct err *e);

/*!
 * \brief Tell of something that went wrong and does not make the action fail
 *
 * \param[in] prefix  what was being done: "Elastic IP left as it is"
 */
void ocf_warn(const struct ocf_ctx *ctx, const char *prefix, const struct err *e);

/*!
 * \brief Whether this is a start that found nothing of the resource on this node
 *
 * Reads lag behind writes by seconds: what AWS shows to be here already may be what it was before a
 * stop, or before another owner. Such a start writes that too.
 */
bool ocf_is_anew(const struct ocf_ctx *ctx);

/*!
 * \brief What comes of a write of what AWS shows to be here already: that it was refused is a
 *        warning, and where it is open whether it was done, the start goes on being anew
 *
 * \return 0; -ERR_UNCERTAIN when it is open; -ERR_CANCELLED when it was asked to end
 */
int ocf_written_again(struct ocf_ctx *ctx, const struct err *e) OCF_MUST_CHECK;

/*! \brief Whether this is a recurring monitor of role Stopped: it makes sure that the resource is
 *         not here. */
bool ocf_is_standby(const struct ocf_ctx *ctx);

/*!
 * \brief What AWS shows of a resource that it may go on showing here after a stop: when this node
 *        cannot tell whether it runs, only that it is elsewhere settles it
 *
 * \param[in]  unsure  the error that keeps this node from telling, where ctx->local is UNKNOWN
 * \param[in]  v       what AWS shows
 * \param[out] why     of what is returned, when that is not \p v
 */
enum ocf_verdict ocf_settled_by_aws(const struct ocf_ctx *ctx, const struct err *unsure,
                                    enum ocf_verdict v, struct err *why);

/*! \brief Run the action of argv[1]; the whole of an agent's main(). */
int ocf_main(const struct ocf_agent *agent, int argc, char **argv);

#endif
