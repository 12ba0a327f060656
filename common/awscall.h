/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_AWSCALL_H
#define OCF_AWS_AWSCALL_H

#include "endpoint.h"
#include "http.h"
#include "pace.h"
#include "xmlq.h"

/*
 * One or many AWS API calls at once: sign, send, read the error, classify, and try again within
 * the deadline. What a call means is in ec2.h, route53.h, elbv2.h and sts.h.
 */

/* Credentials; the strings are secrets. */
struct aws_credentials {
    struct buf access_key_id;
    struct buf secret_access_key;
    struct buf session_token; /* empty for long-term keys */
    int64_t expires_s;        /* seconds since 1970; 0: never */
    char source[96];          /* for people: "instance role ocf-aws-node" */
};

#define AWS_SECRET_MAX 16384
#define AWS_CREDENTIALS_INIT                                                                       \
    ((struct aws_credentials){.access_key_id = BUF_INIT_SECRET(AWS_SECRET_MAX),                    \
                              .secret_access_key = BUF_INIT_SECRET(AWS_SECRET_MAX),                \
                              .session_token = BUF_INIT_SECRET(AWS_SECRET_MAX)})

/*!
 * \brief Fill in what a provider has answered
 *
 * They are words of printable ASCII: they go into header lines and into lines of the node's cache.
 *
 * \param[in]  token  NULL or "" for long-term keys
 * \param[out] ret    empty before; freed by the caller, also on failure
 *
 * \return 0; -ERR_MALFORMED for anything else, an empty key or secret among it; errors as buf_add()
 */
int aws_credentials_set(struct aws_credentials *ret, const char *key_id, const char *secret,
                        const char *token) OCF_MUST_CHECK;

/*! \brief Wipe and free. */
void aws_credentials_done(struct aws_credentials *c);

/* Where credentials come from. */
struct aws_credentials_source {
    /*!
     * \param[in]  renew  the last ones were refused: do not answer from a cache
     * \param[out] ret    borrowed until the next get
     */
    int (*get)(void *arg, bool renew, struct deadline d, const struct aws_credentials **ret,
               struct err *e);
    /*! What the last ones may do was not enough: other ones may. NULL: nobody wants to know. */
    void (*denied)(void *arg);
    void *arg;
};

enum aws_protocol {
    AWS_PROTOCOL_QUERY,    /* POST of a form, XML back: ec2, sts, elasticloadbalancing */
    AWS_PROTOCOL_REST_XML, /* route53 */
};

struct aws_service {
    const char *prefix;   /* of the endpoint, and the signing name: "ec2" */
    const char *env_name; /* AWS_ENDPOINT_URL_<this>: "EC2" */
    const char *version;  /* of the API */
    enum aws_protocol protocol;
    struct pace_rate rate; /* every attempt waits for its turn on this node; 0: none does */
};

/* What all calls of a run share. Borrowed pointers live as long as the session. */
struct aws_session {
    struct http_transport transport;
    struct aws_credentials_source credentials;
    const char *region;
    const char *endpoint_url; /* template with {service} and {region}; NULL: none */
    const char *(*getenv)(const char *name);
    const struct cache *cache; /* where this node's agents meet to keep a rate, and what they know
                                  of AWS's clock; NULL: nowhere */
    uint64_t attempt_ms;
    int64_t skew_s; /* AWS's clock less ours, once an answer has shown it: see awstime_skew() */
    unsigned generation; /* counts renewals of credentials and clock */
};

#define AWS_FORM_MAX   65536
#define AWS_ANSWER_MAX (3 * 1024 * 1024)
#define AWS_NODES_MAX  XMLQ_NODES_MAX /* of all answers of calls that are made at once */

/* One call. Set up with aws_call_init() or aws_call_init_rest(), free with aws_call_done(). */
struct aws_call {
    const struct aws_service *service;
    const char *action;          /* "ReplaceRoute" */
    const char *region;          /* NULL: the session's; borrowed */
    struct aws_session *session; /* of this call alone; NULL: that of aws_call_all(); borrowed */
    uint64_t within_ms;  /* give the call up after so long, attempts and pauses together, with the
                            error of its last attempt; 0: at the deadline */
    const char *method;  /* REST only */
    const char *path;    /* REST only: with its query; borrowed */
    struct buf body;     /* the form, or the REST body */
    int failed;          /* building the form failed: told by aws_call_all() */
    bool write;          /* changes something: a lost answer is UNCERTAIN */
    bool anonymous;      /* not signed: AssumeRoleWithWebIdentity */
    bool secret;         /* the answer holds a secret */
    struct xmlq *answer; /* out; set when error.code is 0 */
    size_t n_nodes;      /* out; of the answer, at most */
    struct err error;    /* out */
};

/*! \brief A Query call, with Action and Version in the form. */
void aws_call_init(struct aws_call *c, const struct aws_service *service, const char *action);

/*! \brief A REST call; \p path begins with '/', percent-encoded. */
void aws_call_init_rest(struct aws_call *c, const struct aws_service *service, const char *action,
                        const char *method, const char *path);

/*! \brief Add a form field; \p name is formatted. A failure is told by aws_call_all(). */
void aws_call_param(struct aws_call *c, const char *value, const char *name, ...) OCF_PRINTF(3, 4);

/*!
 * \brief Make the calls, all at once
 *
 * Each calls[i] has either an answer or an error afterwards. Credentials are renewed once when
 * they are refused, and the clock is corrected once from the answer's Date.
 *
 * Calls may have sessions of their own, for other regions and accounts: each session keeps its own
 * credentials and clock, and one whose credentials cannot be had fails its own calls only. All use
 * the transport of \p s.
 *
 * \return 0 when all succeeded, else the first error
 */
int aws_call_all(struct aws_session *s, struct aws_call *calls, size_t n,
                 struct deadline d) OCF_MUST_CHECK;

/*! \brief Free; the call must be set up anew before it is used again. */
void aws_call_done(struct aws_call *c);

static inline void
aws_call_done_p(struct aws_call *c)
{
    aws_call_done(c);
}

#define OCF_AWS_CALL OCF_CLEANUP(aws_call_done_p)

/*!
 * \brief Class an AWS error code and an HTTP status belong to
 *
 * \param[in] aws_code  "" when the answer had none
 *
 * \return ERR_x, positive; ERR_NONE for a good status without a code
 *
 * Source: EC2 API Reference, "Error codes"; Route 53 API Reference, "Common errors"; facts of the
 * services that are told apart by code where the status does not.
 */
enum err_code aws_classify(const char *aws_code, long status);

#endif
