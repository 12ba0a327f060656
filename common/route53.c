/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "route53.h"

#include "array.h"

#include <stdio.h>
#include <string.h>

#define PAGES_MAX     20
#define PAGE_ZONES    "100" /* the most that AWS gives */
#define ZONES_MAX     2000  /* of one name: what there is in so many pages */
#define PAGE_SETS     "16"  /* mostly all sets of one name: paging goes on while there are more */
#define SETS_MAX      320   /* of one name: likewise */
#define PATH_MAX_LEN  8192
#define SET_XML_MAX   65536
#define XML_DEPTH_MAX 8
#define NAMESPACE     "https://route53.amazonaws.com/doc/2013-04-01/"

static const struct aws_service service = {.prefix = "route53",
                                           .env_name = "ROUTE_53",
                                           .version = "2013-04-01",
                                           .protocol = AWS_PROTOCOL_REST_XML,
                                           .rate = {.per_second = 3, .burst = 2}};

bool
route53_id(const char *text, char ret[ROUTE53_ID_MAX])
{
    static const char *const prefixes[] = {"/hostedzone/", "/change/"};
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0) {
            text += strlen(prefixes[i]);
            break;
        }
    }
    len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    if (len == 0 || len >= ROUTE53_ID_MAX || text[len] != '\0') {
        return false;
    }
    memcpy(ret, text, len + 1);
    return true;
}

/* A path with its query, built piece by piece; the first failure is kept. */
struct path {
    struct buf text;
    int failed;
};

static void
path_done(struct path *p)
{
    buf_done(&p->text);
}

static void
path_query(struct path *p, const char *name, const char *value)
{
    bool first = strchr(buf_str(&p->text), '?') == NULL;

    if (p->failed == 0 && value != NULL && *value != '\0') {
        p->failed = buf_addf(&p->text, "%c%s=", first ? '?' : '&', name);
        p->failed = p->failed < 0 ? p->failed : buf_add_uri(&p->text, value, "");
    }
}

/* Make one GET; the answer's root must have a name. */
static int
get(struct aws_session *s, struct aws_call *c, const char *action, const struct path *p,
    const char *root, struct deadline d, struct err *e)
{
    int rc = 0;

    aws_call_init_rest(c, &service, action, "GET", buf_str(&p->text));
    c->failed = p->failed;
    rc = aws_call_all(s, c, 1, d);
    if (rc < 0) {
        *e = c->error;
    } else if (xmlq_root(c->answer, root) == NULL) {
        rc = err_set(e, ERR_MALFORMED, "%s: answer is no %s", action, root);
    }
    return rc;
}

/* --- zones ----------------------------------------------------------------------------------- */

void
route53_zones_done(struct route53_zones *z)
{
    free(z->items);
    *z = (struct route53_zones){0};
}

static bool
read_zone(const struct xmlq_node *n, struct route53_zone *ret)
{
    const char *id = xmlq_text(n, "Id");
    const char *name = xmlq_text(n, "Name");

    ret->is_private = xmlq_is(n, "Config/PrivateZone", "true");
    return id != NULL && name != NULL && route53_id(id, ret->id) &&
           dnsname_canonical(name, ret->name);
}

/* The text of the next page's `field` when there is one that begins with our name, else "". */
static const char *
next_of(const struct xmlq_node *root, const char *name_field, const char *name, const char *field)
{
    const char *next_name = xmlq_text(root, name_field);
    const char *text = xmlq_text(root, field);
    char canonical[DNSNAME_MAX];

    if (!xmlq_is(root, "IsTruncated", "true") || next_name == NULL || text == NULL ||
        !dnsname_canonical(next_name, canonical) || strcmp(canonical, name) != 0) {
        return "";
    }
    return text;
}

/* One page from the zone `from` of this name on ("": the first); then the next one's id. */
static int
find_zones_page(struct aws_session *s, const char *name, char from[ROUTE53_ID_MAX],
                struct route53_zones *all, struct deadline d, struct err *e)
{
    static const char action[] = "ListHostedZonesByName";
    OCF_AWS_CALL struct aws_call c;
    OCF_CLEANUP(path_done) struct path p = {.text = BUF_INIT(PATH_MAX_LEN)};
    const struct xmlq_node *root = NULL;
    const char *next = NULL;
    int rc = 0;

    p.failed = buf_adds(&p.text, "/2013-04-01/hostedzonesbyname");
    path_query(&p, "dnsname", name);
    path_query(&p, "hostedzoneid", from);
    path_query(&p, "maxitems", PAGE_ZONES);
    rc = get(s, &c, action, &p, "ListHostedZonesByNameResponse", d, e);
    if (rc < 0) {
        return rc;
    }
    root = xmlq_root(c.answer, NULL);
    for (const struct xmlq_node *n = xmlq_first(xmlq_find(root, "HostedZones")); n != NULL;
         n = xmlq_next(n)) {
        struct route53_zone zone = {.in_vpc = false};

        if (!read_zone(n, &zone)) {
            return err_set(e, ERR_MALFORMED, "%s: a zone has no id or name", action);
        }
        rc = strcmp(zone.name, name) == 0 ? ARRAY_ADD(&all->items, &all->n, ZONES_MAX, &zone) : 0;
        if (rc < 0) {
            return err_set(e, (enum err_code) - rc, "%s: %s", action, err_text(rc));
        }
    }
    next = next_of(root, "NextDNSName", name, "NextHostedZoneId");
    from[0] = '\0';
    if (*next != '\0' && !route53_id(next, from)) {
        return err_set(e, ERR_MALFORMED, "%s: NextHostedZoneId is no id", action);
    }
    return 0;
}

int
route53_find_zones(struct aws_session *s, const char *name, struct route53_zones *ret,
                   struct deadline d, struct err *e)
{
    struct route53_zones all = {0};
    char from[ROUTE53_ID_MAX] = "";
    int rc = 0;

    for (unsigned page = 0; rc == 0 && (page == 0 || from[0] != '\0'); page++) {
        rc = page < PAGES_MAX
                 ? find_zones_page(s, name, from, &all, d, e)
                 : err_set(e, ERR_TOO_BIG, "ListHostedZonesByName: more than %d pages", PAGES_MAX);
    }
    if (rc < 0) {
        route53_zones_done(&all);
        return rc;
    }
    *ret = all;
    return 0;
}

int
route53_get_zone(struct aws_session *s, const char *id, const char *vpc_id,
                 struct route53_zone *ret, struct deadline d, struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    OCF_CLEANUP(path_done) struct path p = {.text = BUF_INIT(PATH_MAX_LEN)};
    struct route53_zone zone = {.in_vpc = false};
    const struct xmlq_node *root = NULL;
    int rc = 0;

    p.failed = buf_addf(&p.text, "/2013-04-01/hostedzone/%s", id);
    rc = get(s, &c, "GetHostedZone", &p, "GetHostedZoneResponse", d, e);
    if (rc < 0) {
        return rc;
    }
    root = xmlq_root(c.answer, NULL);
    if (!read_zone(xmlq_find(root, "HostedZone"), &zone) || strcmp(zone.id, id) != 0) {
        return err_set(e, ERR_MALFORMED, "GetHostedZone: answer lacks %s", id);
    }
    for (const struct xmlq_node *n = xmlq_first(xmlq_find(root, "VPCs")); n != NULL;
         n = xmlq_next(n)) {
        zone.in_vpc = zone.in_vpc || xmlq_is(n, "VPCId", vpc_id);
    }
    *ret = zone;
    return 0;
}

/* --- record sets ----------------------------------------------------------------------------- */

static void
set_done(struct route53_set *set)
{
    free(set->set_identifier);
    free(set->values);
    free(set->before);
    free(set->data);
    free(set->after);
}

void
route53_sets_done(struct route53_sets *sets)
{
    for (size_t i = 0; i < sets->n; i++) {
        set_done(&sets->items[i]);
    }
    free(sets->items);
    *sets = (struct route53_sets){0};
}

static int
add_escaped(struct buf *out, const char *text)
{
    int rc = 0;

    for (; rc == 0 && *text != '\0'; text++) {
        switch (*text) {
        case '&':
            rc = buf_adds(out, "&amp;");
            break;
        case '<':
            rc = buf_adds(out, "&lt;");
            break;
        case '>':
            rc = buf_adds(out, "&gt;");
            break;
        case '\r': /* as such it is read as a line feed: XML 1.0, "End-of-Line Handling" */
            rc = buf_adds(out, "&#13;");
            break;
        default:
            rc = buf_add(out, text, 1);
        }
    }
    return rc;
}

/* Write an element as it was read. Route 53's have either text or children, and no attributes. */
static int
copy_element(struct buf *out, const struct xmlq_node *n, unsigned depth)
{
    const struct xmlq_node *child = xmlq_first(n);
    int rc = depth == 0 ? -ERR_TOO_BIG : buf_addf(out, "<%s>", xmlq_name(n));

    if (rc == 0 && child == NULL) {
        rc = add_escaped(out, xmlq_text(n, ""));
    }
    for (; rc == 0 && child != NULL; child = xmlq_next(child)) {
        rc = copy_element(out, child, depth - 1);
    }
    return rc < 0 ? rc : buf_addf(out, "</%s>", xmlq_name(n));
}

static int
steal_text(struct buf *b, char **ret)
{
    int rc = buf_adds(b, "");

    *ret = buf_steal(b);
    return rc;
}

static bool
is_data(const char *name)
{
    return strcmp(name, "TTL") == 0 || strcmp(name, "ResourceRecords") == 0;
}

/* Cut the set's XML into what comes before its data, the data, and what comes after. */
static int
copy_parts(const struct xmlq_node *set, struct route53_set *ret)
{
    OCF_BUF struct buf before = BUF_INIT(SET_XML_MAX);
    OCF_BUF struct buf data = BUF_INIT(SET_XML_MAX);
    OCF_BUF struct buf after = BUF_INIT(SET_XML_MAX);
    int rc = 0;

    for (const struct xmlq_node *n = xmlq_first(set); rc == 0 && n != NULL; n = xmlq_next(n)) {
        struct buf *part = is_data(xmlq_name(n)) ? &data : data.len == 0 ? &before : &after;

        rc = copy_element(part, n, XML_DEPTH_MAX);
    }
    rc = rc < 0 ? rc : steal_text(&before, &ret->before);
    rc = rc < 0 ? rc : steal_text(&data, &ret->data);
    return rc < 0 ? rc : steal_text(&after, &ret->after);
}

static int
read_values(const struct xmlq_node *records, struct route53_set *ret)
{
    size_t n = 0;

    for (const struct xmlq_node *r = xmlq_first(records); r != NULL; r = xmlq_next(r)) {
        n++;
    }
    ret->values = calloc(n == 0 ? 1 : n, sizeof(*ret->values));
    if (ret->values == NULL) {
        return -ERR_NOMEM;
    }
    for (const struct xmlq_node *r = xmlq_first(records); r != NULL; r = xmlq_next(r)) {
        const char *text = xmlq_text(r, "Value");

        if (text == NULL || !addr_parse(text, &ret->values[ret->n_values])) {
            ret->values[ret->n_values] = (struct addr){0};
        }
        ret->n_values++;
    }
    return 0;
}

/* Seconds in decimal digits, as Route 53 writes them. */
static bool
read_ttl(const char *text, uint64_t *ret_s)
{
    uint64_t ttl_s = 0;

    for (; *text >= '0' && *text <= '9' && ttl_s <= INT32_MAX; text++) {
        ttl_s = ttl_s * 10 + (uint64_t)(*text - '0');
    }
    *ret_s = ttl_s;
    return *text == '\0' && ttl_s <= INT32_MAX;
}

static int
read_set(const struct xmlq_node *n, struct route53_set *ret)
{
    const char *type = xmlq_text(n, "Type");
    const char *identifier = xmlq_text(n, "SetIdentifier");
    const char *ttl = xmlq_text(n, "TTL");

    if (type == NULL || strlen(type) >= sizeof(ret->type) ||
        (ttl != NULL && !read_ttl(ttl, &ret->ttl_s))) {
        return -ERR_MALFORMED;
    }
    (void)snprintf(ret->type, sizeof(ret->type), "%s", type);
    ret->has_values = ttl != NULL && xmlq_find(n, "ResourceRecords") != NULL &&
                      xmlq_find(n, "TrafficPolicyInstanceId") == NULL;
    if (identifier != NULL) {
        ret->set_identifier = strdup(identifier);
        if (ret->set_identifier == NULL) {
            return -ERR_NOMEM;
        }
    }
    if (read_values(xmlq_find(n, "ResourceRecords"), ret) < 0) {
        return -ERR_NOMEM;
    }
    return copy_parts(n, ret);
}

/* The sets of this name among those of a page. */
static int
read_sets(const struct xmlq_node *list, const char *name, struct route53_sets *all)
{
    for (const struct xmlq_node *n = xmlq_first(list); n != NULL; n = xmlq_next(n)) {
        struct route53_set set = {.n_values = 0};
        const char *text = xmlq_text(n, "Name");
        char canonical[DNSNAME_MAX];
        int rc = 0;

        if (text == NULL || !dnsname_canonical(text, canonical)) {
            return -ERR_MALFORMED;
        }
        if (strcmp(canonical, name) != 0) {
            continue;
        }
        rc = read_set(n, &set);
        rc = rc < 0 ? rc : ARRAY_ADD(&all->items, &all->n, SETS_MAX, &set);
        if (rc < 0) {
            set_done(&set);
            return rc;
        }
    }
    return 0;
}

/* Where a page of record sets begins. */
struct page_start {
    char type[16]; /* "": at the first of the name */
    char identifier[256];
};

static int
list_sets_page(struct aws_session *s, const char *zone_id, const char *name,
               struct page_start *start, struct route53_sets *all, struct deadline d, struct err *e)
{
    static const char action[] = "ListResourceRecordSets";
    OCF_AWS_CALL struct aws_call c;
    OCF_CLEANUP(path_done) struct path p = {.text = BUF_INIT(PATH_MAX_LEN)};
    const struct xmlq_node *root = NULL;
    int rc = 0;

    p.failed = buf_addf(&p.text, "/2013-04-01/hostedzone/%s/rrset", zone_id);
    path_query(&p, "name", name);
    path_query(&p, "type", start->type);
    path_query(&p, "identifier", start->identifier);
    path_query(&p, "maxitems", PAGE_SETS);
    rc = get(s, &c, action, &p, "ListResourceRecordSetsResponse", d, e);
    if (rc < 0) {
        return rc;
    }
    root = xmlq_root(c.answer, NULL);
    if (xmlq_find(root, "ResourceRecordSets") == NULL) {
        return err_set(e, ERR_MALFORMED, "%s: answer has no ResourceRecordSets", action);
    }
    rc = read_sets(xmlq_find(root, "ResourceRecordSets"), name, all);
    if (rc < 0) {
        return err_set(e, (enum err_code) - rc, "%s: %s", action, err_text(rc));
    }
    (void)snprintf(start->type, sizeof(start->type), "%s",
                   next_of(root, "NextRecordName", name, "NextRecordType"));
    (void)snprintf(start->identifier, sizeof(start->identifier), "%s",
                   next_of(root, "NextRecordName", name, "NextRecordIdentifier"));
    return 0;
}

int
route53_list_sets(struct aws_session *s, const char *zone_id, const char *name,
                  struct route53_sets *ret, struct deadline d, struct err *e)
{
    struct route53_sets all = {0};
    struct page_start start = {.type = ""};
    int rc = 0;

    for (unsigned page = 0; rc == 0 && (page == 0 || start.type[0] != '\0'); page++) {
        rc = page < PAGES_MAX
                 ? list_sets_page(s, zone_id, name, &start, &all, d, e)
                 : err_set(e, ERR_TOO_BIG, "ListResourceRecordSets: more than %d pages", PAGES_MAX);
    }
    if (rc < 0) {
        route53_sets_done(&all);
        return rc;
    }
    *ret = all;
    return 0;
}

/* --- changes --------------------------------------------------------------------------------- */

/* <TTL> and <ResourceRecords> of a new set. */
static int
add_data(struct buf *out, const struct route53_change *change)
{
    int rc = buf_addf(out, "<TTL>%llu</TTL><ResourceRecords>", (unsigned long long)change->ttl_s);

    for (size_t i = 0; rc == 0 && i < change->n_values; i++) {
        char text[ADDR_TEXT_MAX];

        rc = buf_addf(out, "<ResourceRecord><Value>%s</Value></ResourceRecord>",
                      addr_text(&change->values[i], text));
    }
    return rc < 0 ? rc : buf_adds(out, "</ResourceRecords>");
}

static int
add_delete(struct buf *out, const struct route53_set *old)
{
    int rc = buf_adds(out, "<Change><Action>DELETE</Action><ResourceRecordSet>");

    rc = rc < 0 ? rc : buf_adds(out, old->before);
    rc = rc < 0 ? rc : buf_adds(out, old->data);
    rc = rc < 0 ? rc : buf_adds(out, old->after);
    return rc < 0 ? rc : buf_adds(out, "</ResourceRecordSet></Change>");
}

static int
add_create(struct buf *out, const char *name, const struct route53_change *change)
{
    int rc = buf_adds(out, "<Change><Action>CREATE</Action><ResourceRecordSet>");

    if (rc == 0) {
        rc = change->old != NULL
                 ? buf_adds(out, change->old->before)
                 : buf_addf(out, "<Name>%s</Name><Type>%s</Type>", name, change->type);
    }
    rc = rc < 0 ? rc : add_data(out, change);
    rc = rc < 0 || change->old == NULL ? rc : buf_adds(out, change->old->after);
    return rc < 0 ? rc : buf_adds(out, "</ResourceRecordSet></Change>");
}

static int
add_batch(struct buf *out, const char *name, const struct route53_change *changes, size_t n)
{
    int rc = buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<ChangeResourceRecordSetsRequest xmlns=\"" NAMESPACE "\">"
                           "<ChangeBatch><Changes>");

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = changes[i].old == NULL ? 0 : add_delete(out, changes[i].old);
        rc = rc < 0 || changes[i].n_values == 0 ? rc : add_create(out, name, &changes[i]);
    }
    return rc < 0 ? rc
                  : buf_adds(out, "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
}

static int
read_change_info(const struct aws_call *c, struct route53_change_info *ret, struct err *e)
{
    const struct xmlq_node *info = xmlq_find(xmlq_root(c->answer, NULL), "ChangeInfo");
    const char *id = xmlq_text(info, "Id");
    struct route53_change_info found = {.in_sync = xmlq_is(info, "Status", "INSYNC")};

    if (id == NULL || !route53_id(id, found.id)) {
        return err_set(e, ERR_MALFORMED, "%s: answer has no ChangeInfo", c->action);
    }
    *ret = found;
    return 0;
}

int
route53_change_sets(struct aws_session *s, const char *zone_id, const char *name,
                    const struct route53_change *changes, size_t n, struct route53_change_info *ret,
                    struct deadline d, struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    OCF_BUF struct buf path = BUF_INIT(PATH_MAX_LEN);
    int failed = buf_addf(&path, "/2013-04-01/hostedzone/%s/rrset/", zone_id);
    int rc = 0;

    aws_call_init_rest(&c, &service, "ChangeResourceRecordSets", "POST", buf_str(&path));
    c.write = true;
    c.failed = failed < 0 ? failed : add_batch(&c.body, name, changes, n);
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0) {
        *e = c.error;
        return rc;
    }
    rc = read_change_info(&c, ret, e);
    if (rc < 0) {
        rc = -ERR_UNCERTAIN; /* it may have been done */
        e->code = rc;
    }
    return rc;
}

int
route53_get_change(struct aws_session *s, const char *id, struct route53_change_info *ret,
                   struct deadline d, struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    OCF_CLEANUP(path_done) struct path p = {.text = BUF_INIT(PATH_MAX_LEN)};
    int rc = 0;

    p.failed = buf_addf(&p.text, "/2013-04-01/change/%s", id);
    rc = get(s, &c, "GetChange", &p, "GetChangeResponse", d, e);
    return rc < 0 ? rc : read_change_info(&c, ret, e);
}
